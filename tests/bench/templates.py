"""Templates: prompts a second and peak memory, and how well they agree with what made the lines."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from clustergraph.simulation import simulate
from tests.bench.grouping import (
    group_by_drain,
    group_by_minhash,
    group_by_template,
    grouping_accuracy,
    pairwise_f1,
)
from tests.bench.growth import fit_exponent
from tests.bench.markdown import Table, gigabytes, seconds, share
from tests.bench.places import REAL, AbsentError
from tests.bench.processes import measure
from tests.bench.prompt_files import prompt_file

if TYPE_CHECKING:
    from collections.abc import Sequence

WAYS = {"clustergraph": group_by_template, "drain3": group_by_drain, "MinHash": group_by_minhash}
EVASIONS = (0.0, 0.3, 0.5, 0.7)


def bench_templates(*, sizes: Sequence[int], threads: int) -> list[Table]:
    """Measure speed, memory and agreement; sizes are of prompts of 200 to 2,000 characters."""
    return [_measure_speed(sizes, threads), compare_on_logs(), _compare_on_prompts()]


def _measure_speed(sizes: Sequence[int], threads: int) -> Table:
    measure(_command(prompt_file(1_000, 200, 800), threads))  # compiles
    inputs = [(2_000_000, 200, 800), *((size, 200, 2_000) for size in sizes)]
    taken = [measure(_command(prompt_file(*one), threads)) for one in inputs]
    rows = [
        (
            f"{n:,}",
            f"{low:,} to {high:,}",
            seconds(t.seconds),
            f"{n / t.seconds:,.0f}",
            gigabytes(t.peak_bytes),
        )
        for (n, low, high), t in zip(inputs, taken, strict=True)
    ]
    if len(sizes) > 1:
        grown = taken[1:]
        exponents = [
            fit_exponent(sizes, [t.seconds for t in grown]),
            fit_exponent(sizes, [float(t.peak_bytes) for t in grown]),
        ]
        rows.append(("exponent", "200 to 2,000", f"{exponents[0]:.2f}", "", f"{exponents[1]:.2f}"))
    return Table(
        f"Prompts read and put in templates, {threads} threads",
        ("prompts", "characters", "seconds", "prompts a second", "peak memory, GB"),
        rows,
    )


def _command(source: Path, threads: int) -> list[str]:
    return [sys.executable, "-m", "tests.bench.read_prompts", str(source), str(threads)]


def compare_on_logs() -> Table:
    """Compare the ways on lines of logs whose templates are known."""
    path = REAL / "loghub" / "lines.parquet"
    if not path.is_file():
        raise AbsentError("the loghub data is not in ../shared/data/loghub")
    lines = pq.read_table(path)
    scores = {way: [] for way in WAYS}
    rows = []
    for system in sorted(set(lines["system"].to_pylist())):
        of = [row for row in lines.to_pylist() if row["system"] == system]
        true = [row["event_id"] for row in of]
        for way, group in WAYS.items():
            found = group([row["content"] for row in of])
            scores[way].append((grouping_accuracy(found, true), pairwise_f1(found, true)))
        rows.append([system, *(share(value) for way in WAYS for value in scores[way][-1])])
    means = [np.mean(scores[way], axis=0) for way in WAYS]
    rows.append(["mean", *(share(float(value)) for mean in means for value in mean)])
    header = ["system", *(f"{way}: {what}" for way in WAYS for what in ("GA", "F1"))]
    return Table("Templates of logs (loghub, 2,000 lines each), one setting for all", header, rows)


def _compare_on_prompts() -> Table:
    """Compare the ways on the shared prompts of made-up campaigns."""
    rows = []
    for evasion in EVASIONS:
        prompts, true = campaign_prompts(evasion)
        scores = [
            (pairwise_f1(found, true), len(set(found))) for found in (g(prompts) for g in WAYS.values())
        ]
        cells = [cell for f1, count in scores for cell in (share(f1), f"{count:,}")]
        rows.append([f"{evasion}", f"{len(prompts):,}", f"{len(set(true)):,}", *cells])
    header = [
        "evasion",
        "prompts",
        "templates",
        *(f"{way}: {what}" for way in WAYS for what in ("F1", "found")),
    ]
    return Table("Templates of made-up campaigns' prompts", header, rows)


def campaign_prompts(evasion: float, accounts: int = 5_000, seed: int = 9301) -> tuple[list[str], list[str]]:
    """Give prompts of campaigns that several accounts work with, and their true templates."""
    with tempfile.TemporaryDirectory() as folder:
        world = Path(folder) / "world"
        simulate(world, accounts=accounts, evasion=evasion, prompts=True, seed=seed)
        events = pq.read_table(world / "events").to_pandas().dropna(subset=["prompt"])
        truth = pq.read_table(world / "truth.parquet").to_pandas().set_index("account_id")
    cohort = truth["cohort"].reindex(events["account_id"]).to_numpy()
    popular = set(events.loc[cohort != "campaign", "true_template"])
    own = events[(cohort == "campaign") & ~events["true_template"].isin(popular)]
    holders = own.groupby("true_template")["account_id"].transform("nunique")
    shared = own[holders > 1]
    return shared["prompt"].tolist(), shared["true_template"].tolist()
