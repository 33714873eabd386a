"""From habits to rows: what the accounts of a cohort do on one night."""

import numpy as np

from clustergraph.simulation import addresses
from clustergraph.simulation.cohort import Cohort
from clustergraph.simulation.details import with_details
from clustergraph.simulation.people import popular
from clustergraph.simulation.rhythm import attendance
from clustergraph.simulation.rows import NEWEST, Rows
from clustergraph.simulation.sessions import moments, session_times
from clustergraph.simulation.tokens import Bools, Codes, Ints, mint
from clustergraph.simulation.world import World

_MODEL_SHARES = np.cumsum((0.45, 0.4, 0.15))


def night_volumes(cohort: Cohort, world: World) -> Ints:
    """How many exchanges of a cohort's given volume fall on each night: in proportion to who is at work."""
    at_work = np.array([attendance(cohort, world, night).sum() for night in range(world.nights)])
    until = np.round(np.cumsum(at_work) / max(at_work.sum(), 1) * (cohort.volume or 0)).astype(np.int64)
    return np.asarray(np.diff(until, prepend=0), np.int64)


def traffic(cohort: Cohort, world: World, night: int, label: str, first: int, volume: int | None) -> Rows:
    """The rows of one cohort on one night.

    Args:
        cohort: the cohort.
        world: the world.
        night: number of the night.
        label: a name for the cohort that no other has; its random numbers hang on it.
        first: number of its first account in the world.
        volume: exchanges on this night, or None where habits decide.
    """
    rng = world.stream(label, "night", night)
    habits = cohort.habits
    seen = np.flatnonzero(rng.random(cohort.accounts) < attendance(cohort, world, night))
    sessions = np.broadcast_to(habits.sessions, cohort.accounts)[seen]
    rows = np.repeat(seen, 1 + rng.poisson(sessions - 1))
    if volume is not None and rows.size > volume:
        rows = rows[np.sort(rng.permutation(rows.size)[:volume])]
    n = rows.size
    second, session = moments(cohort, rows, rng), np.arange(n)
    if world.sessions:
        second, session = session_times(cohort, world, night, label, rows)
    exchanges = _exchanges(cohort, rows, volume, rng)
    address = _addresses(cohort, world, rows, (night * 24 + second // 3600).astype(np.int64), rng)
    shown = ~cohort.hidden[rows]
    serial = (night << 28) + np.arange(n)
    device = cohort.devices.pick(rows, rng.random(n) ** 1.6)
    spoofed = rng.random(n) < habits.fresh_device
    drawn = Rows(
        account=first + rows,
        second=second,
        card=np.where(shown, cohort.cards.pick(rows, rng.random(n)), np.uint64(0)),
        address=np.where(shown, address, np.uint64(0)),
        device=np.where(spoofed, mint(f"{label}/spoofed", serial), device),
        template=_templates(cohort, rows, rng, mint(f"{label}/paraphrase", serial)),
        model=_models(cohort, world, night, n, rng),
        agent=cohort.agent[rows],
        exchanges=exchanges,
        input_tokens=_tokens(exchanges, habits.tokens[0], rng),
        output_tokens=_tokens(exchanges, habits.tokens[1], rng),
    )
    return with_details(drawn, cohort, world, night, label, rows, session) if world.details else drawn


def _exchanges(cohort: Cohort, rows: Ints, volume: int | None, rng: np.random.Generator) -> Ints:
    weight = rng.standard_exponential(rows.size)
    if volume is None:
        return np.ceil(np.broadcast_to(cohort.habits.exchanges, cohort.accounts)[rows] * weight).astype(
            np.int64
        )
    # Everyone's first exchange, then the rest in shares, rounded so that the sum is exact.
    until = np.round(np.cumsum(weight) / max(weight.sum(), 1e-9) * (volume - rows.size)).astype(np.int64)
    return np.asarray(1 + np.diff(until, prepend=0), np.int64)


def _addresses(cohort: Cohort, world: World, rows: Ints, hour: Ints, rng: np.random.Generator) -> Codes:
    out = cohort.exits.pick(rows, rng.random(rows.size))
    away: Bools = rng.random(rows.size) < cohort.exit_share[rows]
    home = np.flatnonzero(~away | (out == 0))
    account = rows[home]
    lease = addresses.neighbourly_addresses if world.only else addresses.home_addresses
    out[home] = lease(world, cohort.network[account], cohort.home[account], hour[home])
    return out


def _templates(cohort: Cohort, rows: Ints, rng: np.random.Generator, paraphrased: Codes) -> Codes:
    habits, n = cohort.habits, rows.size
    dice = rng.random(n)
    template = cohort.templates.pick(rows, rng.random(n))
    bound = habits.fresh_template
    template = np.where(dice < bound, paraphrased, template)
    cover = (dice >= bound) & (dice < bound + habits.cover)
    template[cover] = popular(rng.random(int(cover.sum())))
    bound += habits.cover
    return np.where((dice >= bound) & (dice < bound + habits.no_template), np.uint64(0), template)


def _models(cohort: Cohort, world: World, night: int, rows: int, rng: np.random.Generator) -> Ints:
    model = np.minimum(np.searchsorted(_MODEL_SHARES, rng.random(rows)), NEWEST - 1)
    if night < world.release:
        return model
    eager = cohort.habits.eager
    moved = min(0.9, eager + 0.03 * (night - world.release))
    return np.where(rng.random(rows) < moved, NEWEST, model)


def _tokens(exchanges: Ints, mean: float, rng: np.random.Generator) -> Ints:
    spread = rng.standard_normal(exchanges.size)
    return np.round(exchanges * mean * np.exp(0.4 * spread - 0.08)).astype(np.int64)
