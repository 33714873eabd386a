"""Ordinary people: individuals, households, users of popular tools, clubs; and what they have in common."""

from dataclasses import replace

import numpy as np

from clustergraph.simulation import addresses
from clustergraph.simulation.cohort import Cohort, Habits, Pool, pool, ragged, single, together
from clustergraph.simulation.rhythm import ordinary_life
from clustergraph.simulation.tokens import Codes, Floats, Ints, mint
from clustergraph.simulation.world import World

POPULAR_TEMPLATES = 4_000
TOOL_SHARES = (0.55, 0.25, 0.13, 0.07)
FIRST_TOOL_AGENT = 12  # user agents 0 to 11 are browsers, apps and libraries; the tools' come after them


def partition(rng: np.random.Generator, accounts: int, low: int, high: int, skew: float = 1.0) -> Ints:
    """Sizes of groups that hold `accounts` in all, from low to high; a skew above 1 prefers small ones."""
    sizes = []
    left = accounts
    draws = (low + (high + 1 - low) * rng.random(accounts // low + 1) ** skew).astype(np.int64)
    for size in draws.tolist():
        if left < size + low:
            break
        sizes.append(size)
        left -= size
    if left >= low or not sizes:
        sizes.append(left)
    else:
        sizes[-1] += left
    return np.array(sizes, np.int64)


def popular(dice: Floats) -> Codes:
    """Templates that the whole world uses, by Zipf's law: a few dozen of them are in a tenth of all hands."""
    return mint("popular", (POPULAR_TEMPLATES**dice).astype(np.int64) - 1)


def habitual_templates(world: World, name: str, town: Ints) -> Pool:
    """What each person asks: a few popular templates, one or two of their own, and what the town talks of."""
    rng = world.stream(name, "templates")
    accounts = town.size
    common = rng.integers(1, 4, accounts)
    own = rng.integers(1, 3, accounts)
    local = np.where(town >= 0, rng.integers(1, 3, accounts), 0)
    at = ragged(local)[0]
    topic = (30 * rng.random(at.size) ** 1.5).astype(np.int64)
    return together(
        pool(common, popular(rng.random(int(common.sum())))),
        pool(own, mint(f"{name}/habit", np.arange(int(own.sum())))),
        pool(local, mint("town/habit", town[at] * 100 + topic)),
    )


def roaming_exits(world: World, name: str, country: Ints, town: Ints) -> Pool:
    """Exits beside home: mobile carriers for two in three people, a VPN for one in twelve."""
    rng = world.stream(name, "exits")
    accounts = country.size
    mobile = np.where(rng.random(accounts) < 0.65, rng.integers(1, 4, accounts), 0)
    mobile += np.where((mobile > 0) & (town >= 0), 1, 0)
    at = ragged(mobile)[0]
    dice = rng.random(at.size)
    carrier = rng.integers(0, addresses.CARRIERS, accounts)[at]
    abroad = addresses.carrier_exits(world, country[at], carrier, dice)
    here = addresses.town_exits(world, np.maximum(town[at], 0), dice)
    private = np.where(rng.random(accounts) < 0.08, rng.integers(1, 3, accounts), 0)
    via = ragged(private)[0]
    service = rng.integers(0, addresses.VPNS, accounts)[via]
    vpn = addresses.vpn_exits(world, service, rng.random(via.size))
    return together(pool(mobile, np.where(town[at] >= 0, here, abroad)), pool(private, vpn))


def persons(world: World, name: str, home_of: Ints) -> Cohort:
    """People with a card, devices, habits and a home each, before anything that they share is added.

    Args:
        world: the world.
        name: the cohort.
        home_of: the number of each account's home; people of one home share its provider, country and town.
    """
    accounts, homes = home_of.size, int(home_of.max(initial=-1)) + 1
    place = world.stream(name, "places")
    country = place.choice(len(addresses.COUNTRIES), homes, p=addresses.WEIGHTS)
    network = addresses.provider(country, place.random(homes))
    town = np.full(homes, -1)
    if world.towns:
        settled = place.random(homes) < 0.8
        where = (world.towns * place.random(homes) ** 1.3).astype(np.int64)
        town = np.where(settled, where, -1)
        network = np.where(settled, addresses.TOWN + where, network)
        country = np.where(settled, addresses.COUNTRY_OF[network], country)
    country, network, town = country[home_of], network[home_of], town[home_of]
    rng = world.stream(name, "persons")
    number = np.arange(accounts)
    devices = np.where(rng.random(accounts) < 0.45, rng.integers(2, 4, accounts), 1)
    exits = roaming_exits(world, name, country, town)
    life = ordinary_life(world, accounts, world.stream(name, "life"))
    pathway = np.searchsorted(
        (0.93, 0.96, 0.98), rng.random(accounts)
    )  # standard, education, research, startup
    return Cohort(
        name=name,
        group_label="",
        group=np.full(accounts, -1),
        cards=single(mint(f"{name}/card", number), rng.random(accounts) < 0.88),
        exits=exits,
        devices=pool(devices, mint(f"{name}/device", np.arange(int(devices.sum())))),
        templates=habitual_templates(world, name, town),
        home=mint(f"{name}/home", home_of),
        network=network,
        exit_share=np.where(exits.sizes > 0, rng.uniform(0.1, 0.8, accounts), 0.0),
        zone=addresses.ZONES[country],
        agent=rng.integers(0, FIRST_TOOL_AGENT, accounts),
        hidden=rng.random(accounts) < 0.02,
        **life._asdict(),
        organization=np.full(accounts, -1),
        pathway=pathway,
        infrastructure_label="town-",
        infrastructure=town,
        habits=Habits(
            activity=np.clip(rng.beta(1.5, 2, accounts), 0.03, 1),
            sessions=1 + rng.gamma(1.5, 2.6, accounts),
            exchanges=rng.lognormal(1.2, 0.8, accounts),
        ),
    )


def individuals(world: World) -> Cohort:
    """People on their own; one in 25 pays with the card of one other (a parent, a partner elsewhere)."""
    accounts = world.count("individual")
    cohort = persons(world, "individual", np.arange(accounts))
    dice = world.stream("individual", "family cards").random(accounts)
    number = np.arange(accounts)
    payer = np.where((number % 2 == 1) & (np.roll(dice, 1) < 0.04), number - 1, number)
    has = cohort.cards.sizes[payer] > 0
    return replace(cohort, cards=single(mint("individual/card", payer), has))


def households(world: World) -> Cohort:
    """Families of three to five: a home, a card for most of them, and a shared device."""
    name = "household"
    sizes = partition(world.stream(name, "sizes"), world.count(name), 3, 5)
    family, place = ragged(sizes)
    cohort = persons(world, name, family)
    rng = world.stream(name, "sharing")
    accounts = family.size
    on_family_card = rng.random(accounts) < 0.9 if world.shared_cards else place < 2
    card = np.where(
        on_family_card, mint("household/card/family", family), mint("household/card", np.arange(accounts))
    )
    shares = rng.random(accounts) < 0.7
    tablet = single(mint("household/device/family", family), shares)
    return replace(
        cohort,
        group_label="household-",
        group=family,
        cards=single(card),
        devices=together(cohort.devices, tablet),
        exit_share=cohort.exit_share * 0.7,
    )


def tool_users(world: World) -> Cohort:
    """People who use a popular open-source tool: its one system prompt in most of their rows."""
    name = "tool"
    accounts = world.count(name)
    cohort = persons(world, name, np.arange(accounts))
    rng = world.stream(name, "sharing")
    tool = rng.choice(len(TOOL_SHARES), accounts, p=TOOL_SHARES)
    prompt = np.full(accounts, 5)
    return replace(
        cohort,
        templates=together(cohort.templates, pool(prompt, mint("tool/prompt", np.repeat(tool, prompt)))),
        agent=FIRST_TOOL_AGENT + tool,
        habits=replace(cohort.habits, no_template=0.05, tokens=(2_400.0, 500.0)),
    )


def clubs(world: World) -> Cohort:
    """Four to eight friends with a hobby: templates that they pass around, and a place where they meet."""
    name = "club"
    sizes = partition(world.stream(name, "sizes"), world.count(name), 4, 8)
    club, _ = ragged(sizes)
    cohort = persons(world, name, np.arange(club.size))
    rng = world.stream(name, "sharing")
    host = np.cumsum(sizes) - sizes  # the place is the provider's of one of them
    venue = addresses.v4(
        cohort.network[host], world.stream(name, "venues").integers(0, 2**20, sizes.size, np.uint64)
    )
    prompts = np.full(club.size, 3)
    at, place = ragged(prompts)
    shared = pool(prompts, mint("club/template", club[at] * 10 + place))
    return replace(
        cohort,
        group_label="club-",
        group=club,
        exits=together(cohort.exits, single(venue[club], rng.random(club.size) < 0.8)),
        templates=together(cohort.templates, shared),
        exit_share=rng.uniform(0.3, 0.8, club.size),
    )
