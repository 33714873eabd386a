"""The whole of a made-up world, on disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from clustergraph.errors import UsageError
from clustergraph.simulation import alone, campaigns, deceptions, organisations, people
from clustergraph.simulation.cohort import Cohort
from clustergraph.simulation.details import detailed, with_varied_lives
from clustergraph.simulation.rows import joined
from clustergraph.simulation.tally import Tally
from clustergraph.simulation.traffic import night_volumes, traffic
from clustergraph.simulation.world import World
from clustergraph.simulation.writing import (
    partition_name,
    true_groups,
    write_accounts,
    write_night,
    write_truth,
)

Progress = Callable[[str, int, int], None]


def simulate(directory: str | Path, *, progress: Progress | None = None, **knobs: Any) -> World:
    """Write a world of known truth: `events/dt=YYYY-MM-DD/part-0.parquet`, accounts, truth, groups by night.

    Args:
        directory: where to write; made if it does not exist, refused if there is anything in it.
        progress: called with a message, the steps done and all steps.
        **knobs: the fields of `World`, whose defaults hold: `accounts`, `nights`, `evasion`, `campaigns`,
            `seed`, `decoys`, `cells`, `towns`, ...

    Returns:
        The world that was written.

    Raises:
        UsageError: a knob is out of range, or the folder is not empty.
    """
    world = World(**knobs)
    directory = Path(directory)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(
            f"{directory} is not an empty folder; simulate writes only into a new or an empty one"
        )
    directory.mkdir(parents=True, exist_ok=True)
    report = progress or _silent
    steps = world.nights + 1
    report("accounts", 0, steps)
    cohorts = populate(world)
    write_accounts(directory, world, list(cohorts.values()))
    truth = true_groups(list(cohorts.values()))
    tally = Tally(truth["group"].combine_chunks())
    volumes = {
        name: night_volumes(cohort, world) for name, cohort in cohorts.items() if cohort.volume is not None
    }
    operators = [stream for name in cohorts for stream in (name, name.replace("campaign-", "campaign/"))]
    owed = dict.fromkeys(volumes, 0)  # what a night without a single account leaves to the next one
    for night in range(world.nights):
        report(f"night {partition_name(world, night)}", night + 1, steps)
        parts, first = [], 0
        for name, cohort in cohorts.items():
            volume = owed[name] + int(volumes[name][night]) if name in volumes else None
            parts.append(traffic(cohort, world, night, name, first, volume))
            if volume is not None:
                owed[name] = volume - int(parts[-1].exchanges.sum())
            first += cohort.accounts
        path = directory / "events" / partition_name(world, night) / "part-0.parquet"
        rows = joined(parts)
        tally.add(world.day(night).date(), rows)
        write_night(path, world, night, rows, operators)
    write_truth(directory, world, truth, tally)
    report("done", steps, steps)
    return world


def _silent(message: str, done: int, steps: int) -> None:
    """Report nothing."""


def populate(world: World) -> dict[str, Cohort]:
    """All cohorts by a name of their own; what comes on top of the world's accounts is last."""
    individuals = people.individuals(world)
    found = {
        "individual": individuals,
        "household": people.households(world),
        "tool": people.tool_users(world),
        "club": people.clubs(world),
        "enterprise": organisations.enterprises(world),
        "university": organisations.universities(world),
        "reseller": organisations.resellers(world),
    }
    for name, plan in campaigns.plans(world).items():
        found[f"campaign-{name}"] = campaigns.campaign(world, name, plan, individuals)
    customers = deceptions.proxy_customers(world, individuals)
    if customers is not None:
        found["proxy_customer"] = customers
    if world.decoys:
        found["decoy"] = deceptions.decoys(world)
    if world.cells:
        found["cell"] = deceptions.cells(world)
    if world.borrowed:
        found |= {cohort.group_label: cohort for cohort in deceptions.borrowed_innocence(world, individuals)}
    found |= {cohort.name: cohort for cohort in organisations.lone_groups(world)}
    return _with_details(world, found) if world.details else found


def _with_details(world: World, found: dict[str, Cohort]) -> dict[str, Cohort]:
    """Add what worlds with details know, and the campaign with a lone trace, where there is one."""
    if world.only:
        name = f"campaign-{world.only}"
        found = found | {name: alone.accounts_alone(world)}
        found = {label: with_varied_lives(cohort, world, label) for label, cohort in found.items()}
    found = {label: detailed(cohort, world, label) for label, cohort in found.items()}
    return found | {name: alone.leave_trace(found[name], world)} if world.only else found
