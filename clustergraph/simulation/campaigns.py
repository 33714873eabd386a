"""Campaigns after the public disclosure, and what an operator gives away at each level of care.

With evasion e from 0 to 1, each account of a campaign has
- with probability (1 - e)**1.5 a card of the ring's, each held by about 12 accounts, else a card of its own;
- twelve exits: two for certain and each of the others with probability 1 - 0.92 e are the operator's own
  (an exit serves dozens to hundreds of its accounts), the rest are residential: homes of real people and
  carrier exits that hundreds of people use;
- devices of the operator's farm among its own, fewer as e rises, and made-up devices in 0.3 e of the rows;
- variants of the campaign's prompt (each in the hands of dozens to hundreds of accounts), beside prompts
  that are paraphrased once, for one row, in 0.6 e**2 of the rows, and cover traffic with
  popular templates in 0.3 e;
- bursts that are missed by a few minutes at 0 and by three hours at 1, creation dates from half an hour
  to two months apart.

What remains at 1: no shared card; two or three own exits in twelve; a device of the farm for one account in
three, in one of its rows in ten; a variant in one row of ten; hours that are spread like anybody's. Who
leaves nothing behind cannot be found by anybody, so the generator never goes that far.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from clustergraph.simulation import addresses
from clustergraph.simulation.cohort import Cohort, Habits, Pool, pool, ragged, single, together
from clustergraph.simulation.rhythm import campaign_curve, operated_life
from clustergraph.simulation.tokens import Codes, Ints, mint
from clustergraph.simulation.world import World

EXITS = 12
CARD_HOLDERS = 12
SYSTEM_AGENT = 3  # a plain HTTP library


class Plan(NamedTuple):
    """How one campaign works.

    Attributes:
        accounts: how many it opens.
        exchanges: how many it extracts, over all nights.
        sessions: mean rows of an account on a night.
        rhythm: its daily rhythm while nobody takes care to hide it.
        proxy: purpose of the exits that it rents; two campaigns with one proxy share them.
        exits: number of those exits.
        begin: share of the nights that have gone by when it begins.
        pathways: it uses every pathway rather than the standard one.
        bursts: synchronised bursts a day.
        infrastructure: number of its proxy network, -1 with exits of its own.
    """

    accounts: int
    exchanges: int
    sessions: float
    rhythm: str
    proxy: str
    exits: int
    begin: float
    pathways: bool = False
    bursts: int = 0
    infrastructure: int = -1


def plans(world: World) -> dict[str, Plan]:
    """The campaigns of a world by name."""
    if not world.campaigns or world.only:
        return {}
    size, volume = world.campaign_size, world.campaign_exchanges
    hydra = size("hydra")
    proxy = _by_root(hydra + world.proxy_customers(), 1.6)
    found = {"hydra": Plan(hydra, volume("hydra"), 20, "machine", "proxy", proxy, 0.0, infrastructure=0)}
    if world.shared_proxy:
        whole, part = found["hydra"], round(0.4 * hydra)
        twin = whole._replace(accounts=part, exchanges=round(0.4 * whole.exchanges), begin=0.1, rhythm="home")
        rest = whole._replace(accounts=hydra - part, exchanges=whole.exchanges - twin.exchanges)
        found = {"hydra": rest, "twin": twin}
    n = size("pathways")
    exits = _by_root(n, 2.0)
    found["pathways"] = Plan(n, volume("pathways"), 20, "office", "pathways", exits, 0.15, pathways=True)
    n = size("synchronised")
    exits = _by_root(n, 2.0)
    found["synchronised"] = Plan(
        n, volume("synchronised"), 12, "machine", "synchronised", exits, 0.25, bursts=6
    )
    return found


def campaign(world: World, name: str, plan: Plan, people: Cohort) -> Cohort:
    """The accounts of one campaign.

    Args:
        world: the world.
        name: the campaign's.
        plan: how it works.
        people: individuals, through whose homes residential exits go.
    """
    stream = f"campaign/{name}"
    rng = world.stream(stream)
    accounts, e = plan.accounts, world.evasion
    curve, quiet = campaign_curve(world, stream, plan.begin)
    life = operated_life(world, accounts, curve, 0.04, stream)
    own_share = 1 - 0.9 * e
    sessions = min(
        plan.sessions, max(1.0, 0.6 * plan.exchanges / max(1, int((life.leave - life.join).sum())))
    )
    # Chinese office hours for a crew that works by hand; otherwise the zone does not matter.
    zone = np.where(rng.random(accounts) < own_share, 8, rng.choice(addresses.ZONES, accounts))
    found = Cohort(
        name="campaign",
        group_label=f"campaign-{name}",
        group=np.zeros(accounts, np.int64),
        cards=ring_cards(world, stream, accounts),
        exits=operated_exits(world, stream, plan, people),
        devices=farm_devices(world, stream, accounts),
        templates=variants(world, stream, accounts, _by_root(accounts, 1.0)),
        home=np.zeros(accounts, np.uint64),
        network=np.zeros(accounts, np.int64),
        exit_share=np.ones(accounts),
        zone=zone,
        agent=np.where(rng.random(accounts) < own_share, SYSTEM_AGENT, rng.integers(0, 12, accounts)),
        hidden=rng.random(accounts) < (0.02 if plan.pathways else 0.0),
        **life._asdict(),
        organization=np.full(accounts, -1),
        pathway=rng.integers(0, 4, accounts) if plan.pathways else np.zeros(accounts, np.int64),
        infrastructure_label="proxy-",
        infrastructure=np.full(accounts, plan.infrastructure),
        bursts=burst_times(world, stream, accounts, plan.bursts),
        volume=plan.exchanges,
        quiet=quiet,
        habits=Habits(
            rhythm=plan.rhythm if rng.random() < own_share else "home",
            activity=0.9,
            sessions=sessions,
            tokens=(350.0, 1_100.0),
            fresh_template=0.6 * e**2,
            cover=0.3 * e,
            no_template=0.0,
            fresh_device=0.3 * e,
            jitter=4 + 176 * e**2,
            burst_share=0.95 if plan.bursts else 0.0,
            eager=0.5,
        ),
    )
    return on_its_own(found, world, stream) if world.own_infrastructure else found


def on_its_own(cohort: Cohort, world: World, stream: str) -> Cohort:
    """The same accounts, each with a card, a home and devices that nobody else has."""
    rng, number = world.stream(stream, "homes"), np.arange(cohort.accounts)
    country = rng.choice(len(addresses.COUNTRIES), cohort.accounts, p=addresses.WEIGHTS)
    return replace(
        cohort,
        cards=single(mint(f"{stream}/own card", number)),
        devices=single(mint(f"{stream}/own device", number)),
        home=mint(f"{stream}/own home", number),
        network=addresses.provider(country, rng.random(cohort.accounts)),
        exit_share=np.zeros(cohort.accounts),
    )


def ring_cards(world: World, stream: str, accounts: int) -> Pool:
    """Cards of the ring for some, cards of their own for the careful."""
    rng = world.stream(stream, "cards")
    on_ring = rng.random(accounts) < (1 - world.evasion) ** 1.5
    ring = (_stock(accounts, CARD_HOLDERS) * rng.random(accounts)).astype(np.int64)
    return single(
        np.where(on_ring, mint(f"{stream}/ring", ring), mint(f"{stream}/card", np.arange(accounts)))
    )


def operated_exits(world: World, stream: str, plan: Plan, people: Cohort) -> Pool:
    """Twelve exits for each account: the operator's own, and residential ones that real people use too."""
    rng = world.stream(stream, "exits")
    n = plan.accounts * EXITS
    rented = addresses.rented_exits(world, f"operator/{plan.proxy}", plan.exits)
    own = rented[(plan.exits * rng.random(n)).astype(np.int64)]
    residential = residential_exits(world, rng, n, people)
    careful = rng.random(n) < 0.92 * world.evasion
    careful[::EXITS] = careful[1::EXITS] = False
    return pool(np.full(plan.accounts, EXITS), np.where(careful, residential, own))


def residential_exits(world: World, rng: np.random.Generator, count: int, people: Cohort) -> Codes:
    """Exits of a residential service: half homes, each rented out three times or so, half carrier exits."""
    hosts = rng.integers(0, people.accounts, max(1, count // 6))
    homes = addresses.home_addresses(
        world, people.network[hosts], people.home[hosts], np.full(hosts.size, 12)
    )
    country = rng.choice(len(addresses.COUNTRIES), count, p=addresses.WEIGHTS)
    carried = addresses.carrier_exits(
        world, country, rng.integers(0, addresses.CARRIERS, count), rng.random(count)
    )
    at_home = homes[(hosts.size * rng.random(count)).astype(np.int64)]
    return np.where(rng.random(count) < 0.5, at_home, carried)


def farm_devices(world: World, stream: str, accounts: int) -> Pool:
    """Devices of an account's own, more as evasion rises, and one to three of the operator's farm."""
    rng = world.stream(stream, "devices")
    own = np.full(accounts, 1 + round(4 * world.evasion))
    farmed = (rng.random((3, accounts)) < 1 - world.evasion).sum(axis=0)
    farmed = np.maximum(farmed, rng.random(accounts) < 0.35).astype(np.int64)
    at, _ = ragged(farmed)
    farm = (_stock(accounts, 15) * rng.random(at.size)).astype(np.int64)
    return together(
        pool(own, mint(f"{stream}/device", np.arange(int(own.sum())))),
        pool(farmed, mint(f"{stream}/farm", farm)),
    )


def variants(world: World, stream: str, accounts: int, stock: int) -> Pool:
    """Six variants of the campaign's one prompt for each account, out of a stock that all draw from."""
    rng = world.stream(stream, "variants")
    variant = (stock * rng.random(accounts * 6)).astype(np.int64)
    return pool(np.full(accounts, 6), mint(f"{stream}/variant", variant))


def burst_times(world: World, stream: str, accounts: int, bursts: int) -> Pool | None:
    """The same moments of the day for all accounts, where there are any."""
    if not bursts:
        return None
    moments = np.sort(world.stream(stream, "bursts").integers(0, 86_400, bursts)).astype(np.uint64)
    none: Ints = np.zeros(accounts, np.int64)
    return Pool(none, none + bursts, moments)


def _stock(accounts: int, holders: int) -> int:
    """How many things make about `holders` accounts hold each of them; four at least."""
    return max(4, round(accounts / holders))


def _by_root(accounts: int, factor: float) -> int:
    """A stock that grows with the root of the campaign: the larger it is, the more accounts share a thing."""
    return max(4, round(factor * math.sqrt(accounts)))
