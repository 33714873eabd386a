"""Sessions: rows in time as people, programs and crews make them, not each at a moment of its own.

People come for some minutes and go: a session has four rows or so, one to two minutes apart, and begins at
the hours of their rhythm. One API user in four has a program that works at full hours. A crew's sessions are
the moments or the shifts of its day (see `clustergraph.simulation.alone`).
"""

from typing import NamedTuple

import numpy as np

from clustergraph.simulation.cohort import Cohort
from clustergraph.simulation.requests import is_program
from clustergraph.simulation.rhythm import DAY, seconds_of_day
from clustergraph.simulation.tokens import Bools, Floats, Ints, mint, scramble
from clustergraph.simulation.world import World

NEW_SESSION = 0.25  # chance that a row begins a session
PAUSE = 100.0  # mean seconds between two rows of a session
WORK = 50.0  # the same, where a crew works through what it woke up for
HOUR = 3_600
TEAMS = 8
TIMETABLES = ("synchrony", "handover")


class Shift(NamedTuple):
    """The sessions of a crew on one day: when each begins and ends, and the team that works."""

    begin: Floats
    end: Floats
    team: Ints


def moments(cohort: Cohort, rows: Ints, rng: np.random.Generator) -> Floats:
    """A moment of the UTC day for each row, or session, by its account's rhythm and bursts."""
    second = seconds_of_day(cohort.habits.rhythm, cohort.zone[rows], rng)
    if cohort.bursts is None:
        return second
    begin = cohort.bursts.pick(rows, rng.random(rows.size)).astype(np.float64)
    late = begin + 60 * cohort.habits.jitter * rng.standard_normal(rows.size)
    return np.where(rng.random(rows.size) < cohort.habits.burst_share, late % DAY, second)


def session_times(cohort: Cohort, world: World, night: int, label: str, rows: Ints) -> tuple[Floats, Ints]:
    """Seconds of the UTC day, and the number of the session, of each row.

    Args:
        cohort: the cohort.
        world: the world.
        night: number of the night.
        label: a name for the cohort that no other has.
        rows: the account of each row, in order.
    """
    rng = world.stream(label, "sessions", night)
    if not rows.size:
        return np.zeros(0), np.zeros(0, np.int64)
    session = _numbered(rows, rng.random(rows.size) < NEW_SESSION)
    first = np.flatnonzero(np.diff(session, prepend=-1))
    start = _begin_with_move(cohort, night, rows[first], moments(cohort, rows[first], rng))
    regular = _is_regular(cohort, world, label)[rows[first]]
    punctual = start // HOUR * HOUR + 20 * np.abs(rng.standard_normal(start.size))
    second = _unfold(session, np.where(regular, punctual, start), PAUSE, rng)
    crew = cohort.details.crew if cohort.details else ""
    if crew not in TIMETABLES:
        return second, session
    shifts = day_of(world, crew, night)
    on_duty, at, mine = _on_duty(world, rows, shifts, rng)
    numbers = session.max() + 1 + rows * shifts.begin.size + at
    worked = _works(crew, world, numbers, shifts, at, rng)
    return np.where(on_duty & mine, worked, second), np.where(on_duty & mine, numbers, session)


def _begin_with_move(cohort: Cohort, night: int, account: Ints, start: Floats) -> Floats:
    """Let a crew that moves to a new model do so at work: one session of each account begins then."""
    details = cohort.details
    if details is None or details.crew != "pivot" or details.moved is None:
        return start
    moved = details.moved[account] - night * DAY
    today = (np.diff(account, prepend=-1) != 0) & (moved >= 0) & (moved < DAY)
    return np.where(today, moved + 1, start)


def day_of(world: World, crew: str, night: int) -> Shift:
    """The sessions of a crew on one day: six to ten moments for everybody, or shifts for eight teams."""
    rng = world.stream("crew", crew, night)
    if crew == "synchrony":
        begin = np.sort(rng.uniform(300, DAY - 900, int(rng.integers(6, 11))))
        return Shift(begin, begin + 240, np.full(begin.size, -1))
    # 20 to 40 minutes each, and up to two minutes until the next team begins.
    gaps = rng.uniform(0, 120, 80)
    lengths = rng.uniform(20 * 60, 40 * 60, 80)
    begin = np.cumsum(gaps + lengths) - lengths
    begin = begin[begin + lengths[: begin.size] < DAY]
    team = np.concatenate([_round(rng) for _ in range(begin.size // TEAMS + 1)])[: begin.size]
    return Shift(begin, begin + lengths[: begin.size], team)


def _round(rng: np.random.Generator) -> Ints:
    # A team never follows itself: the last of one round is among the last half, the first among the first.
    half = TEAMS // 2
    return np.concatenate([rng.permutation(half), half + rng.permutation(TEAMS - half)])


def _on_duty(world: World, rows: Ints, shifts: Shift, rng: np.random.Generator) -> tuple[Bools, Ints, Bools]:
    """For each row whether its account has a session, which one, and whether it heeds it."""
    account, count = np.unique(rows, return_counts=True)
    place = np.arange(rows.size) - np.repeat(np.cumsum(count) - count, count)
    even = (place + rng.random(rows.size)) / np.repeat(count, count)
    table = [np.flatnonzero((shifts.team == team) | (shifts.team < 0)) for team in range(TEAMS)]
    sizes = np.array([part.size for part in table])
    team = team_of(rows)
    at = np.concatenate(table)[(np.cumsum(sizes) - sizes)[team] + (sizes[team] * even).astype(np.int64)]
    heeds = rng.random((int(account.max()) + 1, shifts.begin.size)) >= 0.5 * world.evasion
    return sizes[team] > 0, at, heeds[rows, at]


def team_of(account: Ints) -> Ints:
    """The team of each account of a crew."""
    return account % TEAMS


def _works(
    crew: str, world: World, session: Ints, shifts: Shift, at: Ints, rng: np.random.Generator
) -> Floats:
    """Seconds of rows in a crew's sessions: at once and for minutes, or from a shift's begin to its end."""
    order = np.argsort(session, kind="stable")
    ranked = session[order]
    count = np.unique(ranked, return_counts=True)[1]
    start = shifts.begin[at][order]
    if crew == "synchrony":
        late = np.repeat(rng.uniform(0, 90 * (1 + world.evasion), count.size), count)
        number = np.repeat(np.arange(count.size), count)
        first = np.cumsum(count) - count
        second = _unfold(number, (start + late)[first], WORK, rng)
    else:
        place = np.arange(ranked.size) - np.repeat(np.cumsum(count) - count, count)
        share = place / np.maximum(np.repeat(count, count) - 1, 1)
        length = (shifts.end - shifts.begin)[at][order]
        second = start + share * (length - 60) + rng.uniform(0, 60, share.size)
    out = np.empty(session.size)
    out[order] = second
    return np.minimum(out, DAY - 0.001)


def _numbered(rows: Ints, begins: Bools) -> Ints:
    begins = begins | (np.diff(rows, prepend=-1) != 0)
    return np.asarray(np.cumsum(begins) - 1, np.int64)


def _unfold(session: Ints, start: Floats, pause: float, rng: np.random.Generator) -> Floats:
    """Rows one after another from the start of their session, all within the day."""
    gap = pause * rng.standard_exponential(session.size)
    first = np.flatnonzero(np.diff(session, prepend=-1))
    gap[first] = 0.0
    elapsed = np.cumsum(gap)
    elapsed -= elapsed[first][session]
    length = np.maximum.reduceat(elapsed, first)
    begin = np.clip(np.minimum(start, DAY - 1 - length), 0, None)
    return np.asarray(np.minimum(begin[session] + elapsed, DAY - 0.001), np.float64)


def _is_regular(cohort: Cohort, world: World, label: str) -> Bools:
    """Who has a program that works at full hours."""
    dice = scramble(mint(f"{label}/cron", np.arange(cohort.accounts)), world.seed)
    crew = bool(cohort.details and cohort.details.crew)
    return np.asarray(is_program(cohort.agent) & (dice % np.uint64(4) == 0) & (not crew), np.bool_)
