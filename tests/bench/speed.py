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

COMPETITORS = {
    "DuckDB `GROUP BY kind, value`": measure_group_by,
    "pipeline of a day": measure_day_pipeline,
    "clustergraph run": measure_run,
}


def bench_speed(*, accounts: int, rounds: int, threads: int) -> list[Table]:
    """Run each of them ``rounds`` times, alternating; give medians, ratios and seconds by stage."""
    source = world_file(accounts)
    warm_up(threads)
    taken: dict[str, list[Taken]] = {name: [] for name in COMPETITORS}
    for _ in range(rounds):
        for name, measure_one in COMPETITORS.items():
            taken[name].append(measure_one(source, threads))
    found = {name: median(several) for name, several in taken.items()}
    ours = found["clustergraph run"]
    return [_compare(found, taken, accounts, rounds, threads), _stages(ours)]


def _compare(
    found: dict[str, Taken], taken: dict[str, list[Taken]], accounts: int, rounds: int, threads: int
) -> Table:
    ours = found["clustergraph run"].seconds
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
