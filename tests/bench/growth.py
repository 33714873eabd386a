"""How time and memory grow with the number of accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.bench.markdown import Table, gigabytes, seconds
from tests.bench.processes import measure_run, median, warm_up
from tests.bench.world import world_file

if TYPE_CHECKING:
    from collections.abc import Sequence


def bench_growth(*, sizes: Sequence[int], rounds: int, threads: int) -> list[Table]:
    """Run each size ``rounds`` times; fit ``accounts ** exponent`` by least squares on logarithms."""
    warm_up(threads)
    found = []
    for accounts in sizes:
        source = world_file(accounts)
        found.append(median([measure_run(source, threads) for _ in range(rounds)]))
    stages = list(found[0].stages)
    rows = [
        (
            f"{accounts:,}", seconds(one.seconds), gigabytes(one.peak_bytes),
            *(seconds(one.stages[stage]) for stage in stages),
        )
        for accounts, one in zip(sizes, found, strict=True)
    ]  # fmt: skip
    if len(sizes) > 1:
        columns = [[one.seconds for one in found], [float(one.peak_bytes) for one in found]]
        columns += [[one.stages[stage] for one in found] for stage in stages]
        rows.append(("exponent", *(f"{fit_exponent(sizes, column):.2f}" for column in columns)))
    return [
        Table(
            f"Growth: {threads} threads, median of {rounds}",
            ("accounts", "seconds", "peak memory, GB", *(f"{stage}, s" for stage in stages)),
            rows,
        )
    ]


def fit_exponent(sizes: Sequence[int], figures: Sequence[float]) -> float:
    """Fit ``figure = constant * size ** exponent``; give the exponent."""
    least = 1e-3  # a stage of no time at all
    return float(np.polyfit(np.log(sizes), np.log(np.maximum(figures, least)), 1)[0])
