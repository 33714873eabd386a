"""Details of ordinary accounts: mail, banks, requests, conversations; beside a lone trace, more variety.

In worlds with a campaign of a lone trace (`World.only`) everybody also differs in how long prompts and
answers are, in whether and when the new model is taken up, and some live at small providers or have a server.
"""

from dataclasses import replace

import numpy as np

from clustergraph.simulation import addresses
from clustergraph.simulation.banks import issue
from clustergraph.simulation.cohort import Cohort, Details, Pool, pool, single, together
from clustergraph.simulation.emails import write_emails
from clustergraph.simulation.requests import habitual_requests, is_program
from clustergraph.simulation.rhythm import DAY
from clustergraph.simulation.rows import NEWEST, Rows
from clustergraph.simulation.tokens import Bools, Codes, Floats, Ints, mint, scramble
from clustergraph.simulation.world import World

COMPANIES = ("enterprise", "university")
SMALL_PROVIDERS = 0.1
ADOPT = 0.4  # share of the accounts that take the new model up within a few weeks


def with_varied_lives(cohort: Cohort, world: World, label: str) -> Cohort:
    """Small providers for one home in ten, servers for one person in 25, sign-ups of classes and offices."""
    dice = scramble(cohort.home, world.seed + 17)
    country = addresses.COUNTRY_OF[cohort.network]
    ordinary = cohort.network < addresses.VPN
    small = (_unit(dice, 0) < SMALL_PROVIDERS) & ordinary
    network = np.where(small, addresses.small_provider(country, _unit(dice, 20)), cohort.network)
    return _with_servers(
        replace(cohort, network=network, created=_created(cohort, world, label)), world, label
    )


def _with_servers(cohort: Cohort, world: World, label: str) -> Cohort:
    rng = world.stream(label, "servers")
    has = rng.random(cohort.accounts) < addresses.HOSTED
    number = mint(f"{label}/server", np.arange(cohort.accounts))
    server = addresses.hosted_addresses(world, number, rng.random(cohort.accounts))
    twice = pool(np.where(has, 2, 0), np.repeat(server[has], 2))
    share = np.where(has, np.maximum(cohort.exit_share, 0.6), cohort.exit_share)
    return replace(cohort, exits=together(cohort.exits, twice), exit_share=share)


def _created(cohort: Cohort, world: World, label: str) -> Floats:
    """When accounts were made: those of an organisation who were told to sign up did so within one hour."""
    if label not in COMPANIES:
        return cohort.created
    rng = world.stream(label, "first hours")
    hour = -3_600 - 700 * DAY * rng.random(int(cohort.group.max(initial=0)) + 1)
    begun = hour[cohort.group] + 3_600 * rng.random(cohort.accounts)
    return np.where(_told_to(cohort, world, label), begun, cohort.created)


def _told_to(cohort: Cohort, world: World, label: str) -> Bools:
    """Three in ten members of an organisation signed up when everybody was told to."""
    dice = world.stream(label, "onboarding").random(cohort.accounts)
    return np.asarray((dice < 0.3) & (cohort.join == 0) & (label in COMPANIES), np.bool_)


def _sign_up_networks(cohort: Cohort, world: World, label: str) -> Ints:
    """The network that each account signed up from: home's, a carrier's for one in eight, or the house's."""
    rng = world.stream(label, "sign-up")
    country = addresses.COUNTRY_OF[cohort.network]
    carriers = addresses.PER_COUNTRY * country + addresses.PROVIDERS
    carriers = carriers + rng.integers(0, addresses.CARRIERS, cohort.accounts)
    found = np.where(rng.random(cohort.accounts) < 0.125, carriers, cohort.network)
    if not world.only or label not in COMPANIES:
        return found
    if label == "university":
        house = addresses.CAMPUS + cohort.group % addresses.CAMPUSES
    else:
        house = cohort.network[np.unique(cohort.group, return_index=True)[1]][cohort.group]
    return np.where(_told_to(cohort, world, label), house, found)


def detailed(cohort: Cohort, world: World, label: str) -> Cohort:
    """The same accounts with mail, banks and requests; beside a lone trace, with habits of their own."""
    country = addresses.COUNTRY_OF[cohort.network]
    company = cohort.group if label in COMPANIES else np.full(cohort.accounts, -1)
    found = Details(
        emails=write_emails(world, label, country, company, "uni" if label == "university" else "works"),
        network=_sign_up_networks(cohort, world, label),
        cards=issue(cohort.cards, country, world.seed),
        requests=habitual_requests(world, label, cohort.agent),
    )
    if world.only:
        lengths, spread = _lengths(cohort, world, label)
        moved, devotion = _adoption(cohort, world, label)
        found = replace(found, lengths=lengths, spread=spread, moved=moved, devotion=devotion)
    return replace(cohort, details=found)


def pair(into: Floats, out: Floats) -> Codes:
    """A code for mean tokens of an exchange, in and out."""
    first, second = (np.maximum(1, np.round(x)).astype(np.uint64) for x in (into, out))
    return first << np.uint64(32) | second


def _lengths(cohort: Cohort, world: World, label: str) -> tuple[Pool, Floats]:
    """Means that differ from person to person; one program in six asks the same thing over and over."""
    rng = world.stream(label, "lengths")
    n = cohort.accounts
    into, out = cohort.habits.tokens
    means = pair(into * rng.lognormal(-0.3, 0.8, n), out * rng.lognormal(-0.2, 0.6, n))
    narrow = is_program(cohort.agent) & (rng.random(n) < 1 / 6)
    return single(means), np.where(narrow, 0.03, rng.uniform(0.4, 0.8, n))


def _adoption(cohort: Cohort, world: World, label: str) -> tuple[Floats, Floats]:
    """When each account takes up the new model: three in ten of those who do on its first day.

    The others follow within two weeks. Most go on with the old ones beside it; one in five moves for good.
    """
    rng = world.stream(label, "adoption")
    n = cohort.accounts
    days = np.where(rng.random(n) < 0.3, rng.random(n), 14 * rng.beta(1.0, 1.6, n))
    moved = np.where(rng.random(n) < ADOPT, (world.release + days) * DAY, np.inf)
    return moved, np.where(rng.random(n) < 0.2, 0.95, rng.uniform(0.1, 0.6, n))


def with_details(
    drawn: Rows, cohort: Cohort, world: World, night: int, label: str, rows: Ints, session: Ints
) -> Rows:
    """The rows with BINs, requests, conversations; beside a lone trace, with models and tokens of their own.

    Args:
        drawn: the rows.
        cohort: of accounts with details.
        world: the world.
        night: number of the night.
        label: a name for the cohort that no other has.
        rows: the account of each row, by its number in the cohort.
        session: number of the session of each row.
    """
    details = cohort.details
    if details is None:
        return drawn
    rng = world.stream(label, "details", night)
    serial = np.where(is_program(drawn.agent), np.arange(rows.size), (1 << 27) + session)
    drawn = replace(
        drawn,
        bank=details.cards.of(drawn.card),
        request=details.requests.pick(rows, rng.random(rows.size)),
        conversation=mint(f"{label}/conversation", (night << 28) + serial),
    )
    if details.lengths is None or details.spread is None:
        return drawn
    means, spread = details.lengths.pick(rows, rng.random(rows.size)), details.spread[rows]
    return replace(
        drawn,
        model=_models(drawn, details, night * DAY + drawn.second, rows, rng),
        input_tokens=_tokens(drawn.exchanges, means >> np.uint64(32), spread, rng),
        output_tokens=_tokens(drawn.exchanges, means & np.uint64(0xFFFFFFFF), spread, rng),
    )


def _models(drawn: Rows, details: Details, second: Floats, rows: Ints, rng: np.random.Generator) -> Ints:
    old = np.where(drawn.model == NEWEST, rng.integers(0, NEWEST, rows.size), drawn.model)
    if details.moved is None or details.devotion is None:
        return drawn.model
    new = (second >= details.moved[rows]) & (rng.random(rows.size) < details.devotion[rows])
    return np.where(new, NEWEST, old)


def _tokens(exchanges: Ints, mean: Codes, spread: Floats, rng: np.random.Generator) -> Ints:
    stray = np.exp(spread * rng.standard_normal(spread.size) - spread**2 / 2)
    return np.round(exchanges * mean.astype(np.float64) * stray).astype(np.int64)


def _unit(codes: Codes, shift: int) -> Floats:
    return ((codes >> np.uint64(shift)) % np.uint64(1 << 20)).astype(np.float64) / (1 << 20)
