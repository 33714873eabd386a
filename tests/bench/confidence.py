"""Whether confidence means what it says: of members at 0.8, do about 80% belong?"""

from __future__ import annotations

import shutil
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import clustergraph as cg
from clustergraph.simulation import simulate
from tests.bench.markdown import Table, share
from tests.bench.places import bench_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

WORLDS: tuple[dict[str, Any], ...] = (
    {"accounts": 20_000, "evasion": 0.3, "seed": 11},
    {"accounts": 20_000, "evasion": 0.9, "seed": 14},
    {"accounts": 50_000, "evasion": 0.3, "seed": 15, "shared_proxy": True},
    {"accounts": 50_000, "evasion": 0.5, "seed": 13, "towns": 20},
    {"accounts": 50_000, "evasion": 0.7, "seed": 12},
    {"accounts": 100_000, "evasion": 0.7, "seed": 16, "decoys": 500, "cells": 100},
)
EDGES = (0.0, 0.5, 0.6, 0.7, 0.75, 0.85, 0.9, 0.95, 0.99, 1.0)
_BINS = 10


def judged_members(
    world: Mapping[str, Any], folder: Path, *, threads: int = 2, config: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Run the main job on a made-up world and look its members up in the truth.

    A member belongs where its group is the one that most members of its cluster are of; of two such groups
    it is the first by name, and who is of no group never belongs.

    Args:
        world: the knobs of :class:`clustergraph.simulation.World`.
        folder: where the world is, or is made.
        threads: processors to use.
        config: of the run, over the defaults.

    Returns:
        ``confidence`` and ``belongs`` of each member.
    """
    if not folder.exists():
        unfinished = folder.with_name(folder.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        simulate(unfinished, **world)
        unfinished.rename(folder)
    members = cg.run(folder / "events", threads=threads, config=config).members.to_pandas()
    members = members.merge(pd.read_parquet(folder / "truth.parquet"), on="account_id", how="left")
    return pd.DataFrame({"confidence": members["confidence"], "belongs": _belongs(members)})


def _belongs(members: pd.DataFrame) -> pd.Series[bool]:
    grouped = members[members["group"] != ""]
    counts = grouped.groupby(["cluster_id", "group"]).size().reset_index(name="members")
    counts = counts.sort_values(["cluster_id", "members", "group"], ascending=[True, False, True])
    main = counts.drop_duplicates("cluster_id").set_index("cluster_id")["group"]
    return members["group"] == members["cluster_id"].map(main)


def near(judged: pd.DataFrame, low: float, high: float) -> tuple[int, float]:
    """Count members whose confidence is in ``[low, high)``; give also the share that belongs."""
    chosen = judged[(judged["confidence"] >= low) & (judged["confidence"] < high)]
    return len(chosen), float(chosen["belongs"].mean()) if len(chosen) else float("nan")


def calibration_error(judged: pd.DataFrame) -> float:
    """Give the expected calibration error over ten bins of equal width (Naeini et al. 2015)."""
    number = np.minimum((judged["confidence"] * _BINS).astype(int), _BINS - 1)
    means = judged.groupby(number)[["confidence", "belongs"]].mean()
    weights = judged.groupby(number).size() / len(judged)
    return float((weights * (means["confidence"] - means["belongs"]).abs()).sum())


def bench_confidence(*, threads: int, most_accounts: int) -> list[Table]:
    """Judge the members of all worlds of at most ``most_accounts``; give the table of calibration."""
    judged, rows = [], []
    for world in (w for w in WORLDS if w["accounts"] <= most_accounts):
        folder = bench_folder() / ("world-" + "-".join(f"{key}={value}" for key, value in world.items()))
        judged.append(judged_members(world, folder, threads=threads))
        rows.append(_world_row(", ".join(f"{key} {value}" for key, value in world.items()), judged[-1]))
    pooled = pd.concat(judged)
    rows.append(_world_row("all", pooled))
    header = (
        "world",
        "members",
        "belong",
        "mean confidence",
        "calibration error",
        "at 0.75 to 0.85",
        "belong",
    )
    return [
        Table("Confidence: made-up worlds", header, rows),
        Table(
            "Confidence: members of all worlds, by confidence",
            ("confidence", "members", "mean confidence", "belong"),
            _bin_rows(pooled, EDGES),
        ),
    ]


def _world_row(name: str, judged: pd.DataFrame) -> tuple[str, ...]:
    count, belong = near(judged, 0.75, 0.85)
    figures = (judged["belongs"].mean(), judged["confidence"].mean(), calibration_error(judged))
    return (name, f"{len(judged):,}", *(share(float(f)) for f in figures), f"{count:,}", share(belong))


def _bin_rows(judged: pd.DataFrame, edges: Sequence[float]) -> list[tuple[str, ...]]:
    rows = []
    for low, high in pairwise(edges):
        last = high == edges[-1]
        inside = (judged["confidence"] >= low) & ((judged["confidence"] < high) | last)
        chosen = judged[inside]
        if len(chosen):
            means = (share(float(chosen[column].mean())) for column in ("confidence", "belongs"))
            rows.append((f"{low:g} to {high:g}", f"{len(chosen):,}", *means))
    return rows
