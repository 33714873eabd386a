"""A campaign whose only evidence is one trace: everything else about its accounts is their own.

Its accounts live and ask as a campaign's do (20 rows a night, 650 exchanges each over all nights), from
their first night on in full number, two in 100 banned and replaced each night. Homes, cards, devices,
wording, hours, mail, banks, requests and lengths are those of unrelated people. `World.only` names what they
have in common, one thing or some (`email+signup`):

- `prefix`: five servers each, an address for each account alone, in five of eight /24s of hosting companies;
- `asn`: five addresses each, in five of twelve small networks, every one in a /24 of its own;
- `bin`: four cards each, from four of six rare BINs of one country;
- `email`: machine-made addresses of two shapes at twelve throw-away domains;
- `signup`: created in bursts of 50 or so, each within an hour and through one network;
- `request`: four of six request shapes whose every value is rare;
- `tokens`: three kinds of exchanges, each of one length in and one out within two per cent;
- `synchrony`: six to ten moments a day, other ones each day, at which all wake for some minutes;
- `handover`: eight teams that take turns in shifts of 20 to 40 minutes, the next within two minutes;
- `pivot`: all move to the new model within two hours on the second day after the one of its release, and work
  with it at once;
- `prompts`: variants of one prompt, paraphrased row by row.

With evasion e the trace thins out:

- `prefix`, `asn`: a share 0.6 e of the rows comes from home;
- `bin`, `request`, `tokens`: beside those of the trace, cards, request shapes or lengths as other people have
  are in a share 0.6 e of the rows, as far as whole numbers of them allow;
- `email`, `signup`, `pivot`: a share 0.4 e of the accounts have mail, a sign-up or a move of their own;
- `synchrony`, `handover`: each account misses a moment or a shift with a chance of 0.5 e, works at its own
  hours instead, and comes up to 90 (1 + e) seconds late to a moment;
- `prompts`: as in `clustergraph.simulation.campaigns`.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from clustergraph.simulation import addresses
from clustergraph.simulation.banks import BINS, Cards, issue, rare_banks
from clustergraph.simulation.campaigns import SYSTEM_AGENT, variants
from clustergraph.simulation.cohort import Cohort, Details, pool, ragged, together
from clustergraph.simulation.details import pair
from clustergraph.simulation.emails import THROWAWAY, machine_made, throwaway_domain
from clustergraph.simulation.people import persons
from clustergraph.simulation.requests import is_program, odd_shapes
from clustergraph.simulation.rhythm import DAY, operated_life
from clustergraph.simulation.tokens import Bools, Codes, Ints, mint
from clustergraph.simulation.world import World

EXCHANGES = 650  # of an account over all nights, as the disclosure's largest campaign has
ROWS, SHIFT_ROWS = 20, 32  # of an account on a night
PREFIXES, NETWORKS, BANKS, SHAPES, DOMAINS, BURST = 8, 12, 6, 6, 12, 50
JOBS = ((310.0, 1_180.0), (1_240.0, 620.0), (2_600.0, 95.0))
PIVOT_DAY, PIVOT_HOURS = 2, 2


def accounts_alone(world: World) -> Cohort:
    """The accounts of the campaign before they have anything in common."""
    name, n = f"campaign-{world.only}", world.lone_campaign_size()
    cohort = persons(world, name, np.arange(n))
    life = operated_life(world, n, [1.0] * world.nights, 0.02, name)
    # Aged accounts: as old as anybody's.
    created = life.join * DAY - 3_600 - 730 * DAY * world.stream(name, "age").random(n) ** 1.7
    return replace(
        cohort,
        name="campaign",
        group_label=name,
        group=np.zeros(n, np.int64),
        hidden=np.zeros(n, np.bool_),
        infrastructure_label="",
        infrastructure=None,
        volume=EXCHANGES * n,
        habits=replace(
            cohort.habits, activity=0.9, sessions=SHIFT_ROWS if "handover" in world.traces else ROWS
        ),
        **life._replace(created=created)._asdict(),
    )


def leave_trace(cohort: Cohort, world: World) -> Cohort:
    """Give the accounts what they have in common."""
    for trace in world.traces:
        # Each as if it were the only one: who leaves one, and what values, says nothing of the other.
        cohort = _TRACES[trace](cohort, replace(world, only=trace))
    return cohort


def _stream(world: World, what: str) -> np.random.Generator:
    return world.stream("alone", str(world.only), what)


def _careless(cohort: Cohort, world: World) -> Bools:
    """Accounts that leave the trace, where an account does or does not."""
    return _stream(world, "careful").random(cohort.accounts) >= 0.4 * world.evasion


def _choices(cohort: Cohort, world: World, each: int, stock: int) -> Ints:
    """For each account, `each` different numbers below `stock`, one account after the other."""
    order = _stream(world, "choices").random((cohort.accounts, stock)).argsort(axis=1)
    return np.asarray(order[:, :each].ravel(), np.int64)


def _beside(traced: int, world: World) -> int:
    """How many values of people's make the share 0.6 e of the rows beside so many of the trace."""
    stray = 0.6 * world.evasion
    return round(traced * stray / (1 - stray))


def _numbered_within(which: Ints) -> Ints:
    """The place of each entry among those with the same number."""
    place = np.empty(which.size, np.int64)
    place[np.argsort(which, kind="stable")] = ragged(np.bincount(which))[1]
    return place


def _through(cohort: Cohort, world: World, exits: Codes) -> Cohort:
    """Send most rows through five exits of each account, the others through home."""
    share = np.full(cohort.accounts, 1 - 0.6 * world.evasion)
    return replace(cohort, exits=pool(np.full(cohort.accounts, 5), exits), exit_share=share)


def _prefix(cohort: Cohort, world: World) -> Cohort:
    stock = max(PREFIXES, -(-5 * cohort.accounts // 160))
    rng = _stream(world, "blocks")
    company = rng.permutation(addresses.HOSTINGS)[np.arange(stock) % addresses.HOSTINGS]
    busy = rng.integers(0, addresses.hosting_blocks(world), stock)
    which = _choices(cohort, world, 5, stock)
    block = addresses.hosting_block(company[which], busy[which].astype(np.uint64))
    return _through(cohort, world, block + np.uint64(1) + _numbered_within(which).astype(np.uint64))


def _asn(cohort: Cohort, world: World) -> Cohort:
    rng = _stream(world, "networks")
    country = rng.choice(len(addresses.COUNTRIES), 8 * NETWORKS, p=addresses.WEIGHTS)
    quiet = np.unique(addresses.small_provider(country, rng.uniform(0.6, 1.0, country.size)))
    which = _choices(cohort, world, 5, NETWORKS)
    # A /24 each, above those of the network's few customers.
    block = (np.uint64(64) + _numbered_within(which).astype(np.uint64)) << np.uint64(8)
    host = rng.integers(1, 255, which.size).astype(np.uint64)
    return _through(cohort, world, addresses.v4(rng.permutation(quiet)[:NETWORKS][which], block | host))


def _bin(cohort: Cohort, world: World) -> Cohort:
    rng, n = _stream(world, "banks"), cohort.accounts
    country = int(rng.choice(np.flatnonzero(BINS >= 4 * BANKS)))
    which = _choices(cohort, world, 4, BANKS)
    ring = mint("alone/bin/card", np.arange(which.size))
    usual = np.full(n, _beside(4, world))
    own = pool(usual, mint("alone/bin/own", np.arange(int(usual.sum()))))
    issued = issue(own, addresses.COUNTRY_OF[cohort.network], world.seed)
    codes = np.concatenate([ring, issued.codes])
    banks = np.concatenate([rare_banks(country, BANKS, rng)[which], issued.banks])
    order = np.argsort(codes)
    details = replace(_details(cohort), cards=Cards(codes[order], banks[order]))
    return replace(cohort, cards=together(pool(np.full(n, 4), ring), own), details=details)


def _email(cohort: Cohort, world: World) -> Cohort:
    rng = _stream(world, "mail")
    domains = rng.permutation(THROWAWAY)[:DOMAINS]
    made = [
        f"{machine_made(rng, shape)}@{throwaway_domain(int(domains[at]))}"
        for shape, at in rng.integers(0, (2, DOMAINS), (cohort.accounts, 2)).tolist()
    ]
    heedless = _careless(cohort, world).tolist()
    usual = _details(cohort).emails
    emails = [one if bad else other for one, other, bad in zip(made, usual, heedless, strict=True)]
    return replace(cohort, details=replace(_details(cohort), emails=emails))


def _signup(cohort: Cohort, world: World) -> Cohort:
    rng, n = _stream(world, "bursts"), cohort.accounts
    bursts = max(2, round(n / BURST))
    # Before the first night, and for those that replace banned ones, too: an operator keeps a stock.
    begin = -DAY * rng.uniform(1, 60, bursts)
    country = rng.choice(len(addresses.COUNTRIES), bursts, p=addresses.WEIGHTS)
    network = addresses.provider(country, rng.random(bursts))
    burst, bad = np.arange(n) % bursts, _careless(cohort, world)
    created = np.where(bad, begin[burst] + 3_600 * rng.random(n), cohort.created)
    details = _details(cohort)
    details = replace(details, network=np.where(bad, network[burst], details.network))
    return replace(cohort, created=created, details=details)


def _request(cohort: Cohort, world: World) -> Cohort:
    rng, details, n = _stream(world, "shapes"), _details(cohort), cohort.accounts
    odd = pool(np.full(n, 4), odd_shapes(SHAPES, rng)[_choices(cohort, world, 4, SHAPES)])
    at = ragged(np.full(n, _beside(4, world)))[0]
    usual = pool(np.full(n, _beside(4, world)), details.requests.pick(at, rng.random(at.size)))
    agent = np.where(is_program(cohort.agent), cohort.agent, SYSTEM_AGENT)
    return replace(cohort, agent=agent, details=replace(details, requests=together(odd, usual)))


def _tokens(cohort: Cohort, world: World) -> Cohort:
    details, n = _details(cohort), cohort.accounts
    assert details.lengths is not None
    jobs = pool(np.full(n, len(JOBS)), np.tile(pair(*np.array(JOBS).T), n))
    strays = _stream(world, "strays")
    usual = np.full(n, _beside(len(JOBS), world))
    own = pair(
        700 * strays.lognormal(0, 0.8, int(usual.sum())), 450 * strays.lognormal(0, 0.6, int(usual.sum()))
    )
    lengths = together(jobs, pool(usual, own))
    return replace(cohort, details=replace(details, lengths=lengths, spread=np.full(n, 0.02)))


def _crew(name: str) -> Callable[[Cohort, World], Cohort]:
    """Let the accounts work when a crew does."""

    def join(cohort: Cohort, _world: World) -> Cohort:
        return replace(cohort, details=replace(_details(cohort), crew=name))

    return join


def _pivot(cohort: Cohort, world: World) -> Cohort:
    details, rng = _details(cohort), _stream(world, "move")
    assert details.moved is not None
    assert details.devotion is not None
    begin = (world.release + PIVOT_DAY) * DAY + rng.uniform(6, 18) * 3_600
    bad = _careless(cohort, world)
    moved = np.where(bad, begin + PIVOT_HOURS * 3_600 * rng.random(cohort.accounts), details.moved)
    devotion = np.where(bad, 0.95, details.devotion)
    return replace(cohort, details=replace(details, moved=moved, devotion=devotion, crew="pivot"))


def _prompts(cohort: Cohort, world: World) -> Cohort:
    e, n = world.evasion, cohort.accounts
    habits = replace(cohort.habits, fresh_template=0.6 * e**2, cover=0.3 * e, no_template=0.0)
    stock = max(4, round(math.sqrt(n)))
    return replace(cohort, templates=variants(world, "campaign/prompts", n, stock), habits=habits)


def _details(cohort: Cohort) -> Details:
    assert cohort.details is not None
    return cohort.details


_TRACES: dict[str, Callable[[Cohort, World], Cohort]] = {
    "prefix": _prefix, "asn": _asn, "bin": _bin, "email": _email, "signup": _signup, "request": _request,
    "tokens": _tokens, "synchrony": _crew("synchrony"), "handover": _crew("handover"), "pivot": _pivot,
    "prompts": _prompts,
}  # fmt: skip
