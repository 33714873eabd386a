"""What operators add to be overlooked: proxy customers, decoys, cells, borrowed innocence."""

from dataclasses import replace

import numpy as np

from clustergraph.simulation import addresses
from clustergraph.simulation.campaigns import (
    farm_devices,
    operated_exits,
    plans,
    residential_exits,
    ring_cards,
    variants,
)
from clustergraph.simulation.cohort import Cohort, Habits, Pool, pool, ragged, single, together
from clustergraph.simulation.people import partition, persons
from clustergraph.simulation.rhythm import campaign_curve, operated_life
from clustergraph.simulation.tokens import Codes, Ints, mint, scramble
from clustergraph.simulation.world import World


def proxy_customers(world: World, people: Cohort) -> Cohort | None:
    """Customers of the shared proxy network with cards, devices and templates of their own."""
    accounts = world.proxy_customers()
    if not accounts:
        return None
    name = "proxy_customer"
    cohort = persons(world, name, np.arange(accounts))
    plan = plans(world)["hydra"]._replace(accounts=accounts)
    return replace(
        cohort,
        exits=operated_exits(world, name, plan, people),
        exit_share=world.stream(name, "share").uniform(0.6, 1.0, accounts),
        infrastructure_label="proxy-",
        infrastructure=np.zeros(accounts, np.int64),
        hidden=np.zeros(accounts, np.bool_),
    )


def operated(world: World, name: str, group: Ints) -> Cohort:
    """Accounts with the lives of a campaign's, as a start for the deceptions below."""
    cohort = persons(world, name, np.arange(group.size))
    curve, quiet = campaign_curve(world, name, 0.0)
    life = operated_life(world, group.size, curve, 0.03, name)
    none = np.zeros(group.size, np.bool_)
    return replace(cohort, group=group, hidden=none, quiet=quiet, infrastructure=None, **life._asdict())


def decoys(world: World) -> Cohort:
    """Loud free accounts in gangs of 20 to 300 that share exits, devices and templates for little traffic."""
    name = "decoy"
    low = min(20, world.decoys)
    gang, _ = ragged(partition(world.stream(name, "sizes"), world.decoys, low, 300, 2))
    cohort = operated(world, name, gang)
    accounts = gang.size

    def loot(kind: str, each: int, stock: int) -> Pool:
        which = world.stream(name, kind).integers(0, stock, accounts * each)
        return pool(np.full(accounts, each), mint(f"{name}/{kind}", np.repeat(gang, each) * 100 + which))

    exits = loot("exit", 4, 6)
    network = addresses.HOSTING + (exits.values % np.uint64(addresses.HOSTINGS)).astype(np.int64)
    return replace(
        cohort,
        group_label="decoy-",
        cards=single(np.zeros(accounts, np.uint64), np.zeros(accounts, np.bool_)),
        exits=Pool(exits.starts, exits.sizes, addresses.v4(network, _host(world, exits.values))),
        devices=loot("device", 3, 5),
        templates=loot("template", 4, 6),
        exit_share=np.ones(accounts),
        habits=Habits(rhythm="machine", activity=0.9, sessions=6, exchanges=2.0, cover=0.0, no_template=0.0),
    )


def cells(world: World) -> Cohort:
    """Groups of 5 to 8 with a card and an exit each: one operation, seen only in its weak signals.

    The group is the operation, the infrastructure the cell. Between cells: variants of one prompt, each
    in the hands of about 100 accounts; residential exits that come round again; bursts at the same moments
    for a third of the rows.
    """
    name = "cell"
    size = world.stream(name, "sizes").integers(5, 9, world.cells)
    cell, _ = ragged(size)
    accounts = cell.size
    cohort = operated(world, name, np.zeros(accounts, np.int64))
    rng = world.stream(name, "signals")
    way_out = addresses.v4(
        addresses.HOSTING + cell % addresses.HOSTINGS, _host(world, mint("cell/exit", cell))
    )
    elsewhere = np.full(accounts, 3)
    residential = pool(elsewhere, residential_exits(world, rng, 3 * accounts, cohort))
    own = np.full(accounts, 6)
    script = mint("cell/script", np.repeat(cell, own))
    moments = rng.integers(0, 86_400, 4).astype(np.uint64)
    return replace(
        cohort,
        group_label="operation-cells",
        infrastructure_label="cell-",
        infrastructure=cell,
        cards=single(mint("cell/card", cell)),
        exits=together(pool(elsewhere, np.repeat(way_out, 3)), residential),
        templates=together(variants(world, "cell", accounts, max(4, accounts // 25)), pool(own, script)),
        exit_share=np.ones(accounts),
        bursts=Pool(np.zeros(accounts, np.int64), np.full(accounts, 4), moments),
        volume=300 * accounts,
        habits=Habits(
            activity=0.9,
            sessions=10,
            tokens=(350.0, 1_100.0),
            fresh_template=0.3 * world.evasion,
            cover=0.2 + 0.2 * world.evasion,
            no_template=0.0,
            burst_share=0.33,
            eager=0.5,
        ),
    )


def borrowed_innocence(world: World, people: Cohort) -> list[Cohort]:
    """A campaign behind a fake verified start-up, a tenth of it outside the organisation; and a false campus.

    The campus look-alike shares addresses as a campus does, and nothing else: cards, devices and templates
    differ from account to account, and only the volume is a campaign's.
    """
    accounts = max(30, round(0.0006 * world.accounts))
    name = "campaign-startup"
    rng = world.stream(name)
    plan = plans(replace(world, campaigns=True, only=None))["pathways"]._replace(
        accounts=accounts, proxy=name, exits=accounts // 4
    )
    startup = operated(world, name, np.zeros(accounts, np.int64))
    startup = replace(
        startup,
        name="campaign",
        group_label=name,
        cards=ring_cards(world, name, accounts),
        exits=operated_exits(world, name, plan, people),
        devices=farm_devices(world, name, accounts),
        templates=variants(world, name, accounts, max(4, accounts // 5)),
        exit_share=np.ones(accounts),
        organization_label="startup-",
        organization=np.where(rng.random(accounts) < 0.9, 0, -1),
        pathway=np.full(accounts, 3),
        volume=1_500 * accounts,
        habits=Habits(rhythm="machine", activity=0.9, sessions=12, tokens=(350.0, 1_100.0), eager=0.5),
    )
    name = "campaign-campus"
    campus = operated(world, name, np.zeros(accounts, np.int64))
    door = np.repeat(mint("false campus", 0), 6 * accounts)
    door = door + world.stream(name).integers(0, 6, door.size).astype(np.uint64)
    network = np.full(door.size, addresses.CAMPUS + addresses.CAMPUSES - 1)
    campus = replace(
        campus,
        name="campaign",
        group_label=name,
        exits=pool(np.full(accounts, 6), addresses.v4(network, _host(world, door))),
        exit_share=np.full(accounts, 0.8),
        pathway=np.full(accounts, 1),
        volume=1_500 * accounts,
        habits=Habits(rhythm="campus", activity=0.9, sessions=10, tokens=(350.0, 1_100.0), eager=0.5),
    )
    return [startup, campus]


def _host(world: World, codes: Codes) -> Codes:
    return scramble(codes, world.seed)
