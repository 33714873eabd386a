"""What a cohort is: its accounts, what each of them draws its signals from, and how it uses the service."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from clustergraph.simulation.tokens import NOTHING, Bools, Codes, Floats, Ints

if TYPE_CHECKING:
    from clustergraph.simulation.banks import Cards


@dataclass(frozen=True, eq=False)
class Pool:
    """For each account, the values that it draws from: `values[starts : starts + sizes]`."""

    starts: Ints
    sizes: Ints
    values: Codes

    def pick(self, owners: Ints, dice: Floats) -> Codes:
        """One value for each owner by a number from 0 to 1; NOTHING where there is none to draw."""
        if not self.values.size:
            return np.zeros(owners.size, np.uint64)
        sizes = self.sizes[owners]
        at = np.where(sizes > 0, self.starts[owners] + (sizes * dice).astype(np.int64), 0)
        return np.where(sizes > 0, self.values[at], NOTHING)


def ragged(sizes: Ints) -> tuple[Ints, Ints]:
    """The owner of each slot, and its place among the slots of its owner."""
    owner = np.repeat(np.arange(sizes.size), sizes)
    return owner, np.arange(owner.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def pool(sizes: Ints, values: Codes) -> Pool:
    """A pool from the number of values of each account and the values in the same order."""
    return Pool(np.cumsum(sizes) - sizes, sizes, values)


def single(values: Codes, has: Bools | None = None) -> Pool:
    """A pool of one value for each account, or none where `has` is False."""
    sizes = np.ones(values.size, np.int64) if has is None else has.astype(np.int64)
    return Pool(np.arange(values.size), sizes, values)


def nothing(accounts: int) -> Pool:
    """A pool without values."""
    return single(np.zeros(accounts, np.uint64), np.zeros(accounts, np.bool_))


def together(*pools: Pool) -> Pool:
    """The values of several pools, account by account."""
    sizes = np.sum([each.sizes for each in pools], axis=0)
    joined = pool(sizes, np.zeros(int(sizes.sum()), np.uint64))
    filled = joined.starts.copy()
    for each in pools:
        owner, place = ragged(each.sizes)
        joined.values[filled[owner] + place] = each.values[each.starts[owner] + place]
        filled += each.sizes
    return joined


@dataclass(frozen=True, eq=False)
class Habits:
    """How the accounts of a cohort use the service; a number holds for all of them, an array for each.

    Attributes:
        rhythm: name of a daily rhythm (see `clustergraph.simulation.rhythm`).
        activity: chance of being seen on a night of the working week.
        sessions: mean rows on such a night.
        exchanges: mean exchanges of a row.
        tokens: mean tokens of an exchange, in and out.
        fresh_template: share of rows with a prompt that nobody else has and that is never used again.
        cover: share of rows with a template popular in the whole world.
        no_template: share of rows without one (conversations).
        fresh_device: share of rows with a device that was made up for them.
        jitter: minutes (standard deviation) by which a row misses its burst.
        burst_share: share of rows that belong to a burst.
        eager: share of traffic that moves to a new model on the day of its release.
    """

    rhythm: str = "home"
    activity: Floats | float = 0.5
    sessions: Floats | float = 3.5
    exchanges: Floats | float = 4.0
    tokens: tuple[float, float] = (700.0, 450.0)
    fresh_template: float = 0.0
    cover: float = 0.05
    no_template: float = 0.2
    fresh_device: float = 0.0
    jitter: float = 5.0
    burst_share: float = 0.0
    eager: float = 0.05


@dataclass(frozen=True, eq=False)
class Details:
    """What is known of a cohort's accounts in worlds with details.

    Attributes:
        emails: of each account; not yet told apart from those of other cohorts.
        network: the network that each account signed up from.
        cards: the BIN of each card.
        requests: the request shapes that each account draws from.
        lengths: tokens of an exchange, in and out, that each account draws from (see `details.pair`); None
            where habits decide.
        spread: how far the logarithm of either strays from row to row.
        moved: seconds from the world's start at which each account takes up the new model.
        devotion: share of an account's rows that go to the new model from then on.
        crew: `synchrony` or `handover` where the cohort works by a crew's timetable, `pivot` where each
            account is at work when it takes up the new model.
    """

    emails: list[str]
    network: Ints
    cards: "Cards"
    requests: Pool
    lengths: Pool | None = None
    spread: Floats | None = None
    moved: Floats | None = None
    devotion: Floats | None = None
    crew: str = ""


@dataclass(frozen=True, eq=False)
class Cohort:
    """Accounts of one kind, numbered from 0.

    Attributes:
        name: the cohort's name in the truth.
        group_label, group: names of the planted groups (see `tokens.numbered`); -1 is in none.
        infrastructure_label, infrastructure: the same for what the accounts stand behind.
        cards, exits, devices, templates: what each account draws from, row by row.
        home, network: each account's home and its provider's network.
        exit_share: share of rows that come from an exit rather than from home.
        zone: hours ahead of UTC.
        agent: number of the account's user agent and platform.
        hidden: accounts whose marketplace hides card and address.
        join, leave: first night, and first night after the last one.
        sure: a night on which the account is seen for certain.
        created: seconds from the world's start to the account's creation.
        banned: whether it was banned when it left.
        organization: number of its verified organisation, -1 without one.
        pathway: number of its pathway.
        bursts: seconds of the day at which its bursts begin.
        volume: exchanges over all nights, where they are given.
        quiet: nights on which the whole cohort rests.
        details: mail, banks, requests and the like, where the world has them.
    """

    name: str
    group_label: str
    group: Ints
    cards: Pool
    exits: Pool
    devices: Pool
    templates: Pool
    home: Codes
    network: Ints
    exit_share: Floats
    zone: Ints
    agent: Ints
    hidden: Bools
    join: Ints
    leave: Ints
    sure: Ints
    created: Floats
    banned: Bools
    organization: Ints
    pathway: Ints
    habits: Habits
    infrastructure_label: str = ""
    infrastructure: Ints | None = None
    organization_label: str = "org-"
    bursts: Pool | None = None
    volume: int | None = None
    quiet: frozenset[int] = field(default_factory=frozenset)
    details: Details | None = None

    @property
    def accounts(self) -> int:
        """How many accounts the cohort has."""
        return int(self.group.size)
