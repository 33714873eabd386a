"""Time: the hours at which people and programs work, weekends, and how long accounts live."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from clustergraph.simulation.cohort import Cohort
from clustergraph.simulation.tokens import Bools, Floats, Ints
from clustergraph.simulation.world import World

DAY = 86_400


class Rhythm(NamedTuple):
    """Relative traffic of each local hour, and of a day of the weekend beside a working day."""

    hours: tuple[float, ...]
    weekend: float


RHYTHMS = {
    "home": Rhythm((3, 2, 1, 1, 1, 1, 2, 4, 6, 6, 6, 6, 7, 6, 6, 6, 7, 8, 9, 10, 11, 10, 8, 5), 1.05),
    "office": Rhythm((0, 0, 0, 0, 0, 0, 1, 4, 9, 12, 12, 11, 7, 10, 12, 11, 9, 6, 3, 2, 1, 1, 0, 0), 0.15),
    "campus": Rhythm((5, 3, 2, 1, 0, 0, 1, 2, 5, 7, 8, 8, 7, 8, 9, 9, 8, 8, 8, 9, 10, 11, 10, 8), 0.75),
    "machine": Rhythm((1,) * 24, 1.0),
}


def seconds_of_day(rhythm: str, zone: Ints, rng: np.random.Generator) -> Floats:
    """A moment of the UTC day for each row, in seconds, by the hours of its zone."""
    share = np.cumsum(RHYTHMS[rhythm].hours)
    hour_of = np.searchsorted(share / share[-1], (np.arange(4096) + 0.5) / 4096)
    hour = hour_of[(4096 * rng.random(zone.size)).astype(np.int64)]
    return ((hour - zone) % 24 + rng.random(zone.size)) * 3600.0


def attendance(cohort: Cohort, world: World, night: int) -> Floats:
    """Each account's chance of being seen on a night."""
    present = (cohort.join <= night) & (night < cohort.leave)
    weekend = world.day(night).weekday() >= 5
    factor = RHYTHMS[cohort.habits.rhythm].weekend if weekend else 1.0
    chance = np.minimum(1.0, factor * np.asarray(cohort.habits.activity))
    chance = np.where(cohort.sure == night, 1.0, chance)
    return np.where(present, 0.0 if night in cohort.quiet else chance, 0.0)


class Life(NamedTuple):
    """The nights of accounts, as in `Cohort`."""

    join: Ints
    leave: Ints
    sure: Ints
    created: Floats
    banned: Bools


def ordinary_life(world: World, accounts: int, rng: np.random.Generator) -> Life:
    """Lives of people: two years of sign-ups, a few newcomers each night, and a few who leave.

    Three in 1,000 come and one in 1,000 goes a night, half of the latter banned for reasons of their own.
    """
    nights = world.nights
    new = rng.random(accounts) < 0.003 * (nights - 1)
    join = np.where(new, rng.integers(0, nights, accounts), 0)
    leave = np.minimum(nights, join + rng.geometric(0.001, accounts))
    sure = join + ((leave - join) * rng.random(accounts)).astype(np.int64)
    before = rng.random(accounts)
    created = np.where(join > 0, join * DAY - 21_600 * before, -3_600 - 730 * DAY * before**1.7)
    banned = (leave < nights) & (rng.random(accounts) < 0.5)
    return Life(join, leave, sure, created, banned)


def operated_life(world: World, accounts: int, curve: Sequence[float], hazard: float, name: str) -> Life:
    """Lives of accounts that an operator opens as it needs them and replaces as they are banned.

    Args:
        world: the world.
        accounts: how many the operator opens over all nights.
        curve: the relative number of accounts at work on each night; 0 where it rests.
        hazard: chance of a ban on each night after the first one.
        name: the campaign, for its random numbers.
    """
    rng = world.stream(name, "life")
    joins, alive = np.zeros(world.nights), 0.0
    for night, wanted in enumerate(curve):
        alive *= 1 - hazard
        joins[night] = max(0.0, wanted - alive) if wanted else 0.0
        alive = max(alive, wanted) if wanted else alive
    until = np.round(np.cumsum(joins) / joins.sum() * accounts).astype(np.int64)
    join = np.searchsorted(until, np.arange(accounts), side="right")
    leave = np.minimum(world.nights, join + rng.geometric(hazard, accounts))
    spread = 0.02 + 60 * world.evasion**2  # days over which a batch was opened
    created = join * DAY - 3_600 - DAY * spread * rng.random(accounts)
    return Life(join, leave, join.copy(), created, leave < world.nights)


def campaign_curve(world: World, name: str, begin: float) -> tuple[list[float], frozenset[int]]:
    """How large a campaign is on each night, from 0 to 1, and the nights on which it rests.

    It begins at a share of the nights, grows over a week, and in worlds of ten nights or more pauses once for
    two to five nights.
    """
    rng = world.stream(name, "curve")
    first = int(begin * world.nights)
    curve = [0.0 if night < first else min(1.0, 0.3 + (night - first) / 7) for night in range(world.nights)]
    if world.nights == 1:
        curve = [1.0]
    quiet: frozenset[int] = frozenset()
    if world.nights >= 10:
        pause = int(rng.integers(2, 6))
        at = first + int((world.nights - first - pause) * rng.uniform(0.4, 0.7))
        quiet = frozenset(range(at, at + pause))
    return [0.0 if night in quiet else size for night, size in enumerate(curve)], quiet
