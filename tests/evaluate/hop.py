"""Real groups, half of which nobody looked at while developing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clustergraph.scoring.agreement import bcubed
from tests.bench.hop import Hop
from tests.bench.markdown import Table, share
from tests.bench.places import AbsentError, find_hop
from tests.evaluate.setting import Bound, Setting, bounds_table
from tests.labellings import count_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from clustergraph.scoring.agreement import Agreement
    from tests.evaluate.trials import Config, Trials

SPLIT_SEED = 2026
SEEN, HELD_OUT = "looked at while developing", "held out"
# B-cubed F1 of the first version with its defaults, measured once, at commit 5867bc4.
FIRST_VERSION = {SEEN: 0.8629, HELD_OUT: 0.7399}
LEAST_GAIN = 0.02


def split_groups(groups: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Split groups in halves by a fixed seed.

    Args:
        groups: account -> group.

    Returns:
        half -> account -> group, of whole groups.
    """
    names = np.random.default_rng(SPLIT_SEED).permutation(sorted(set(groups.values())))
    seen = set(names[: len(names) // 2].tolist())
    halves: dict[str, dict[str, str]] = {SEEN: {}, HELD_OUT: {}}
    for account, group in groups.items():
        halves[SEEN if group in seen else HELD_OUT][account] = group
    return halves


def score_halves(
    trials: Trials, config: Config | None = None, *, held_out: bool = False
) -> dict[str, Agreement]:
    """Run on Hop and score the half that was looked at, and the other one only where that is asked for."""
    data = Hop(find_hop())
    run = trials.run_on(data.sightings, config, volumes=data.volumes)
    members = pd.read_parquet(run / "members.parquet", columns=["account_id", "cluster_id"])
    clusters = dict(zip(members["account_id"], members["cluster_id"], strict=True))
    halves = split_groups(data.groups())
    return {
        name: bcubed(count_labels(half, clusters), outsiders=False)
        for name, half in halves.items()
        if held_out or name == SEEN
    }


def hop(trials: Trials, setting: Setting) -> Iterator[Table]:
    """Score both halves beside the first version."""
    found = score_halves(trials, held_out=True)
    rows = [
        (name, *(share(one) for one in (score.precision, score.recall, score.f1, FIRST_VERSION[name])),
         f"{score.f1 - FIRST_VERSION[name]:+.3f}")
        for name, score in found.items()
    ]  # fmt: skip
    header = ("half of the groups", "precision", "recall", "F1", "F1 of the first version", "difference")
    yield Table("Hop: B-cubed over reported accounts with sightings, outsiders ignored", header, rows)
    gain = found[HELD_OUT].f1 - FIRST_VERSION[HELD_OUT]
    wanted = f"F1 at least {LEAST_GAIN} above the first version's on the half held out"
    yield bounds_table("Bound on Hop", [Bound(wanted, f"{gain:+.3f}", gain >= LEAST_GAIN)])


def seen_f1(trials: Trials, config: Config) -> float | None:
    """Give the F1 on the half that was looked at; None where the data is not there."""
    try:
        return score_halves(trials, config)[SEEN].f1
    except AbsentError:
        return None
