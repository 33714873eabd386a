"""The whole run beside DuckDB's GROUP BY and the pipeline of a day, in turn."""

from __future__ import annotations

from tests.bench.markdown import Table, gigabytes, seconds
from tests.bench.processes import (
    Taken,
    measure_day_pipeline,
    measure_group_by,
    measure_run,
    median,
    warm_up,
)
from tests.bench.world import world_file

OURS, DAY = "clustergraph run", "pipeline of a day"
COMPETITORS = {
    "DuckDB `GROUP BY kind, value`": measure_group_by,
    DAY: measure_day_pipeline,
    OURS: measure_run,
}


def bench_speed(*, accounts: int, rounds: int, threads: int, day: bool = True) -> list[Table]:
    """Run each of them ``rounds`` times, alternating; give medians, ratios and seconds by stage.

    The pipeline of a day takes a quarter of an hour at a million accounts; ``day`` says whether to wait.
    """
    source = world_file(accounts)
    warm_up(threads)
    taken: dict[str, list[Taken]] = {name: [] for name in COMPETITORS if day or name != DAY}
    for _ in range(rounds):
        for name, several in taken.items():
            several.append(COMPETITORS[name](source, threads))
    found = {name: median(several) for name, several in taken.items()}
    ours = found[OURS]
    return [_compare(found, taken, accounts, rounds, threads), _stages(ours)]


def _compare(
    found: dict[str, Taken], taken: dict[str, list[Taken]], accounts: int, rounds: int, threads: int
) -> Table:
    ours = found[OURS].seconds
    rows = []
    for name, one in found.items():
        every = sorted(t.seconds for t in taken[name])
        spread = f"{every[0]:.2f} to {every[-1]:.2f}"
        rows.append(
            (name, seconds(one.seconds), spread, gigabytes(one.peak_bytes), f"{ours / one.seconds:.2f}")
        )
    return Table(
        f"Speed: {accounts:,} accounts, {threads} threads, median of {rounds} in turn",
        ("", "seconds", "range", "peak memory, GB", "clustergraph takes times as long"),
        rows,
    )


def _stages(ours: Taken) -> Table:
    rest = ours.seconds - sum(ours.stages.values())
    stages = {**ours.stages, "start and end of the process": rest}
    rows = [(stage, seconds(took), f"{took / ours.seconds:.0%}") for stage, took in stages.items()]
    return Table("Speed: stages of clustergraph run, medians", ("stage", "seconds", "share"), rows)
