"""The knobs of a made-up world, how many accounts each cohort gets, and its independent random streams."""

import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

from clustergraph.errors import UsageError

SMALLEST_WORLD = 500
MOST_TOWNS = 2_000
# The years of which input is read, less those in which the first accounts were made and the nights go by.
EARLIEST, LATEST = datetime(2005, 1, 1, tzinfo=UTC), datetime(2095, 1, 1, tzinfo=UTC)

# Shares of the accounts; what is left over are individuals.
SHARES = {
    "household": 0.065,
    "tool": 0.12,
    "enterprise": 0.04,
    "university": 0.05,
    "reseller": 0.01,
    "club": 0.006,
}


class Disclosed(NamedTuple):
    """One campaign of the public disclosure, at 24,000 campaign accounts among 1,000,000."""

    accounts: int
    exchanges: int
    smallest: int  # accounts that it keeps in a small world


# The disclosure of 23 February 2026 gives the sum of the accounts (24,000), "20,000 at once" for the first,
# "hundreds" for the second, and the exchanges of each. What is left of the 24,000 is the third.
DISCLOSURE = {
    "hydra": Disclosed(20_000, 13_000_000, 40),
    "pathways": Disclosed(800, 3_400_000, 30),
    "synchronised": Disclosed(3_200, 150_000, 30),
}
DISCLOSED_ACCOUNTS = sum(campaign.accounts for campaign in DISCLOSURE.values())
DISCLOSED_WORLD = 1_000_000

# What a campaign may leave as its only trace (see `clustergraph.simulation.alone`).
TRACES = (
    "prefix", "asn", "bin", "email", "signup", "request", "tokens", "synchrony", "handover", "pivot",
    "prompts",
)  # fmt: skip
# Those that say when an account works, and from where.
CREWS, EXITS = frozenset({"synchrony", "handover", "pivot"}), frozenset({"prefix", "asn"})
LONE_CAMPAIGN = 200  # accounts; in a small world a twentieth of it


@dataclass(frozen=True, kw_only=True)
class World:
    """What a made-up world looks like; each default is written here and nowhere else.

    Decoys, cells, borrowed innocence and the two lone groups come on top of `accounts`: the rest of the
    world is the same with and without them, to the last row.

    Attributes:
        accounts: accounts in the world, campaigns and proxy customers among them.
        nights: days of traffic, one file of events each.
        evasion: how careful campaign operators are, from 0 to 1 (see `clustergraph.simulation.campaigns`).
        campaigns: False leaves out everything that an operator does: campaigns and proxy customers.
        seed: the same knobs and seed give the same bytes.
        campaign_accounts: accounts of the three campaigns together; 2.4% of the world by default. Exchanges
            follow it.
        shared_proxy: two campaigns of like size behind the first one's proxy network, with customers who
            have nothing to do with either.
        customers: share of the accounts behind a shared proxy network that are such customers.
        decoys: loud free accounts, in gangs that share everything and ask for little.
        cells: groups of 5 to 8 accounts with a card and an exit each, of one operation.
        borrowed: adds a campaign behind a fake verified start-up and one that looks like a campus.
        towns: places whose people share a few dozen carrier exits and local habits; 80% of ordinary people
            live in one where there are any.
        shared_cards: False gives every card outside campaigns one or two holders.
        lone_card: accounts that share one card and nothing else.
        lone_exit: accounts that share one carrier address and nothing else.
        own_infrastructure: every account of a campaign has a card, a home and devices of its own, so that its
            wording is all that the campaign shares.
        prompts: events have the text of a prompt in place of `prompt_template`.
        divided: campaigns divide a data set: an account asks three times a night of each entry, and nobody
            else asks of it.
        only: one of `TRACES`, or some of them joined by `+`: in place of the three campaigns there is one,
            `campaign-NAME`, whose accounts have that in common and nothing else (see
            `clustergraph.simulation.alone`). It has `campaign_accounts`, or 200, at most a twentieth of the
            world. The world has details and sessions, and people vary more: in lengths, models, providers,
            servers.
        details: events have request parameters, BINs and issuers' countries of cards, and conversations;
            accounts have a mail address and the network that they signed up from. Other columns stay.
        sessions: rows come in sessions of some minutes, at full hours for some programs, not each at a moment
            of its own.
        start: first day of traffic; without a time zone it is UTC. The default is a Monday.

    Raises:
        UsageError: a knob is out of its range.
    """

    accounts: int = 20_000
    nights: int = 1
    evasion: float = 0.3
    campaigns: bool = True
    seed: int = 0
    campaign_accounts: int | None = None
    shared_proxy: bool = False
    customers: float = 0.2
    decoys: int = 0
    cells: int = 0
    borrowed: bool = False
    towns: int = 0
    shared_cards: bool = True
    lone_card: int = 0
    lone_exit: int = 0
    own_infrastructure: bool = False
    prompts: bool = False
    divided: bool = False
    only: str | None = None
    details: bool = False
    sessions: bool = False
    start: datetime = field(default=datetime(2026, 2, 2, tzinfo=UTC))

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("accounts", self.accounts, SMALLEST_WORLD, 100_000_000),
            ("nights", self.nights, 1, 1_000),
            ("evasion", self.evasion, 0, 1),
            ("seed", self.seed, 0, 2**63),
            ("customers", self.customers, 0, 0.9),
            ("decoys", self.decoys, 0, 10_000_000),
            ("cells", self.cells, 0, 1_000_000),
            ("towns", self.towns, 0, MOST_TOWNS),
            ("lone_card", self.lone_card, 0, 1_000_000),
            ("lone_exit", self.lone_exit, 0, 1_000_000),
        ):
            if not low <= value <= high:
                raise UsageError(f"{name} is {value}; it must be from {low} to {high}")
        if self.divided and not self.prompts:
            raise UsageError("divided says what is in prompts; it needs prompts")
        if self.start.tzinfo is None:
            object.__setattr__(self, "start", self.start.replace(tzinfo=UTC))
        if not EARLIEST <= self.start <= LATEST:
            raise UsageError(f"start is {self.start:%Y-%m-%d}; it must be from {EARLIEST:%Y} to {LATEST:%Y}")
        if self.campaign_accounts is not None and self.campaign_accounts < 10:
            raise UsageError(f"campaign_accounts is {self.campaign_accounts}; it must be at least 10")
        if self.only is not None:
            self._check_only()
            for implied in ("details", "sessions"):
                object.__setattr__(self, implied, True)
            object.__setattr__(self, "prompts", self.prompts or "prompts" in self.traces)
        if self.count("individual") < 0.2 * self.accounts:
            raise UsageError(
                f"campaigns and their proxy network take {self._operated()} of {self.accounts} accounts; "
                "lower campaign_accounts or customers, or raise accounts"
            )

    def _check_only(self) -> None:
        if not set(self.traces) <= set(TRACES):
            raise UsageError(
                f"only is {self.only}; it must be one of {', '.join(TRACES)}, or some of them joined by +"
            )
        if len(set(self.traces)) < len(self.traces):
            raise UsageError(f"only is {self.only}; each trace can be had once")
        for either in (CREWS, EXITS):
            if len(either.intersection(self.traces)) > 1:
                raise UsageError(f"only is {self.only}; of {', '.join(sorted(either))} one can be had")
        for name, unfit in (
            ("campaigns=False", not self.campaigns),
            ("shared_proxy", self.shared_proxy),
            ("towns", bool(self.towns)),
        ):
            if unfit:
                raise UsageError(f"only {self.only} and {name} do not go together")
        if "pivot" in self.traces and self.nights < 5:
            raise UsageError(
                f"only {self.only} takes 5 nights or more, for the new model to come out; "
                f"nights is {self.nights}"
            )

    @property
    def traces(self) -> tuple[str, ...]:
        """What a campaign has in common that has little; none where there is no such campaign."""
        return tuple(self.only.split("+")) if self.only is not None else ()

    @property
    def release(self) -> int:
        """The night on which a new model comes out; in short worlds, after the last one.

        Where moving to it is all that is to be seen, it comes out early.
        """
        if "pivot" in self.traces:
            return round(0.3 * self.nights)
        return round(0.6 * self.nights) if self.nights >= 5 else self.nights

    def day(self, night: int) -> datetime:
        """The first moment of a night's UTC day."""
        return self.start + timedelta(days=night)

    def stream(self, *names: str | int) -> np.random.Generator:
        """Random numbers for one purpose; no other purpose shifts them."""
        key = zlib.crc32("/".join(map(str, names)).encode())
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, key])))

    def campaign_size(self, campaign: str) -> int:
        """Accounts of one campaign of the disclosure; 0 in a world without campaigns."""
        if not self.campaigns or self.only:
            return 0
        disclosed = DISCLOSURE[campaign]
        if self.campaign_accounts is not None:
            return max(3, round(disclosed.accounts * self.campaign_accounts / DISCLOSED_ACCOUNTS))
        return max(disclosed.smallest, round(disclosed.accounts * self.accounts / DISCLOSED_WORLD))

    def lone_campaign_size(self) -> int:
        """Accounts of the campaign with a lone trace; 0 where there is none."""
        if self.only is None:
            return 0
        return self.campaign_accounts or min(LONE_CAMPAIGN, self.accounts // 20)

    def campaign_exchanges(self, campaign: str) -> int:
        """Exchanges of one campaign over all nights, in the disclosure's proportion.

        A campaign held at its smallest size keeps the volume of the disclosure's proportion, but at least
        eight exchanges an account.
        """
        scale = self.accounts / DISCLOSED_WORLD
        if self.campaign_accounts is not None:
            scale = self.campaign_accounts / DISCLOSED_ACCOUNTS
        return max(8 * self.campaign_size(campaign), round(DISCLOSURE[campaign].exchanges * scale))

    def proxy_customers(self) -> int:
        """Accounts behind the shared proxy network that belong to no campaign."""
        if not self.shared_proxy:
            return 0
        return round(self.campaign_size("hydra") * self.customers / (1 - self.customers))

    def count(self, cohort: str) -> int:
        """Accounts of an ordinary cohort; individuals are what the others leave."""
        if cohort != "individual":
            return round(SHARES[cohort] * self.accounts)
        others = sum(round(share * self.accounts) for share in SHARES.values())
        return self.accounts - others - self._operated()

    def _operated(self) -> int:
        return sum(map(self.campaign_size, DISCLOSURE)) + self.proxy_customers() + self.lone_campaign_size()
