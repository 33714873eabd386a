"""Legitimate organisations: enterprises, universities, resellers with their customers."""

from dataclasses import replace

import numpy as np

from clustergraph.simulation import addresses
from clustergraph.simulation.cohort import Cohort, Habits, Pool, nothing, pool, ragged, single, together
from clustergraph.simulation.people import partition, persons
from clustergraph.simulation.tokens import Codes, Ints, mint, scramble
from clustergraph.simulation.world import World

OFFICE_SEATS = 7  # an organisation of as many seats is verified, a smaller one is not


def subset(rng: np.random.Generator, owner_of: Ints, sizes: Ints, purpose: str, stock: Ints) -> Pool:
    """For each account, some of the numbered things that its group owns.

    Args:
        rng: random numbers.
        owner_of: the group of each account.
        sizes: how many things each account uses.
        purpose: what the things are.
        stock: how many things each group owns.
    """
    at, _ = ragged(sizes)
    owner = owner_of[at]
    return pool(sizes, mint(purpose, owner * 10_000 + (stock[owner] * rng.random(at.size)).astype(np.int64)))


def paired_cards(world: World, purpose: str, group: Ints, place: Ints) -> Codes:
    """One card for each group, or one for every two of its accounts in a world without shared cards."""
    if world.shared_cards:
        return mint(purpose, group)
    return mint(purpose, group * 100_000 + place // 2)


def offices(world: World, network: Ints, purpose: str, count: Ints) -> Pool:
    """The outward addresses of each group, in the network of its provider."""
    at, place = ragged(count)
    return pool(count, addresses.v4(network[at], scramble(mint(purpose, at * 100 + place), world.seed)))


def of_group(groups: Pool, group: Ints) -> Pool:
    """A pool of the groups as a pool of their accounts."""
    return Pool(groups.starts[group], groups.sizes[group], groups.values)


def enterprises(world: World) -> Cohort:
    """Companies: one or two addresses, one card, templates of the house, much traffic in office hours.

    Those with seven seats or more are verified organisations. One seat in twenty is a service that never
    rests.
    """
    name = "enterprise"
    sizes = partition(
        world.stream(name, "sizes"), world.count(name), 3, min(400, max(12, world.accounts // 200)), 3
    )
    company, place = ragged(sizes)
    cohort = persons(world, name, company)
    rng = world.stream(name, "sharing")
    accounts = company.size
    first = np.cumsum(sizes) - sizes
    doors = offices(world, cohort.network[first], "enterprise/exit", rng.integers(1, 3, sizes.size))
    internal = subset(
        rng, company, rng.integers(2, 7, accounts), "enterprise/template", rng.integers(5, 30, sizes.size)
    )
    service = rng.random(accounts) < 0.05
    level = np.where(service, 20.0, 8.0) * rng.lognormal(0, 0.5, accounts)
    return replace(
        cohort,
        group_label="enterprise-",
        group=company,
        cards=single(paired_cards(world, "enterprise/card", company, place)),
        exits=of_group(doors, company),
        templates=together(cohort.templates, internal, internal),
        home=mint("enterprise/home/own", np.arange(accounts)),
        exit_share=np.where(service, 1.0, rng.uniform(0.75, 1.0, accounts)),
        hidden=np.zeros(accounts, np.bool_),
        organization_label="enterprise-",
        organization=np.where(sizes[company] >= OFFICE_SEATS, company, -1),
        habits=Habits(
            rhythm="office",
            activity=np.where(service, 1.0, 0.8),
            sessions=4 + rng.gamma(2, 1.5, accounts),
            exchanges=level,
            tokens=(1_500.0, 500.0),
            no_template=0.1,
        ),
    )


def universities(world: World) -> Cohort:
    """Campuses: a few addresses, courses whose assignments fall due in bursts, own cards or none."""
    name = "university"
    low, high = (200, 1_200) if world.accounts >= 50_000 else (12, max(30, world.accounts // 50))
    sizes = partition(world.stream(name, "sizes"), world.count(name), low, high, 2)
    campus, _ = ragged(sizes)
    cohort = persons(world, name, np.arange(campus.size))
    rng = world.stream(name, "sharing")
    accounts = campus.size
    network = addresses.CAMPUS + np.arange(sizes.size) % addresses.CAMPUSES
    doors = offices(world, network, "university/exit", rng.integers(4, 13, sizes.size))
    taken = rng.integers(1, 4, accounts)
    at, _ = ragged(taken)
    course = (sizes[campus[at]] / 40 * rng.random(at.size)).astype(np.int64)
    lesson = campus[at] * 1_000 + course
    work = together(*(pool(taken, mint("university/assignment", lesson * 10 + i)) for i in range(3)))
    deadline = (8 + scramble(mint("deadline", lesson), world.seed) % np.uint64(14)) * np.uint64(3_600)
    return replace(
        cohort,
        group_label="university-",
        group=campus,
        exits=together(cohort.exits, of_group(doors, campus)),
        templates=together(cohort.templates, work),
        exit_share=rng.uniform(0.3, 0.8, accounts),
        zone=addresses.ZONES[addresses.COUNTRY_OF[network]][campus],
        pathway=np.where(rng.random(accounts) < 0.8, 1, cohort.pathway),
        bursts=pool(taken, deadline),
        habits=replace(cohort.habits, rhythm="campus", burst_share=0.4, jitter=40.0),
    )


def resellers(world: World) -> Cohort:
    """Customers of resellers: the reseller's card and way out, their own devices and templates.

    A reseller with nine customers or more is a verified organisation.
    """
    name = "reseller"
    sizes = partition(
        world.stream(name, "sizes"), world.count(name), 5, min(150, max(12, world.accounts // 400)), 2
    )
    reseller, place = ragged(sizes)
    cohort = persons(world, name, np.arange(reseller.size))
    rng = world.stream(name, "sharing")
    first = np.cumsum(sizes) - sizes
    doors = offices(world, cohort.network[first], "reseller/exit", rng.integers(1, 4, sizes.size))
    accounts = reseller.size
    return replace(
        cohort,
        group_label="reseller-",
        group=reseller,
        cards=single(paired_cards(world, "reseller/card", reseller, place)),
        exits=of_group(doors, reseller),
        exit_share=rng.uniform(0.5, 1.0, accounts),
        hidden=np.zeros(accounts, np.bool_),
        organization_label="reseller-",
        organization=np.where(sizes[reseller] >= 9, reseller, -1),
    )


def lone_groups(world: World) -> list[Cohort]:
    """Accounts with one card, or one carrier address, in common and nothing else at all."""
    cohorts = []
    for name, accounts in (("lone_card", world.lone_card), ("lone_exit", world.lone_exit)):
        if not accounts:
            continue
        one = np.zeros(accounts, np.int64)
        cohort = persons(world, name, np.arange(accounts))
        own = single(mint(f"{name}/template", np.arange(accounts)))
        cohort = replace(cohort, exits=nothing(accounts), templates=own, exit_share=np.zeros(accounts))
        cohort = replace(
            cohort, habits=replace(cohort.habits, cover=0.0), hidden=np.zeros(accounts, np.bool_)
        )
        if name == "lone_card":
            card = single(mint("lone_card/card/one", one))
            cohort = replace(cohort, group_label="lone-card", group=one, cards=card)
        else:
            # An address of the carrier's that nobody else happens to have.
            exit_ = addresses.v4(one + addresses.PROVIDERS, scramble(mint("lone_exit/exit", one), world.seed))
            cohort = replace(cohort, exits=single(exit_), exit_share=np.full(accounts, 0.6))
        cohorts.append(cohort)
    return cohorts
