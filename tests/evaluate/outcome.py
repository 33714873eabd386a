"""What a run named, with the truth beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.processes import Taken

_CLUSTERS = ["cluster_id", "rank", "extraction_volume", "explained_by", "q_value"]


@dataclass(frozen=True)
class Outcome:
    """Clusters and the truth about their members.

    Attributes:
        clusters: ``cluster_id``, ``rank``, ``volume``, ``accounts``, ``explained_by``, ``q_value`` and
            ``kind``, that of most members; by rank.
        members: ``account_id``, ``cluster_id``, ``rank`` and what the truth says of them.
        groups: ``accounts`` and ``volume`` by planted group.
        kinds: accounts in the world, by kind.
        thresholds: bits, by name.
        taken: seconds and memory; None where nobody measured.
    """

    clusters: pd.DataFrame
    members: pd.DataFrame
    groups: pd.DataFrame
    kinds: pd.Series[int]
    thresholds: dict[str, float] = field(default_factory=dict)
    taken: Taken | None = None

    @property
    def campaigns(self) -> list[str]:
        """The planted campaigns, by name."""
        return [name for name in self.groups.index if name.startswith("campaign-")]


def read_outcome(run: Path, truth: pd.DataFrame, taken: Taken) -> Outcome:
    """Read the artefacts of a run, as somebody who has nothing but the contract would."""
    clusters = pd.read_parquet(run / "clusters.parquet", columns=_CLUSTERS)
    members = pd.read_parquet(run / "members.parquet", columns=["cluster_id", "account_id"])
    found = json.loads((run / "run.json").read_text())["input"].get("thresholds", {})
    levels = {name: bits for name, bits in found.items() if name.endswith("_bits")}
    thresholds = {name: float(bits) for name, bits in levels.items() if isinstance(bits, int | float)}
    clusters = clusters.rename(columns={"extraction_volume": "volume"})
    return judge(clusters, members, truth, thresholds=thresholds, taken=taken)


def rank_groups(members: pd.DataFrame, truth: pd.DataFrame) -> Outcome:
    """Rank what another detector found by combined volume.

    Args:
        members: ``account_id`` and ``cluster_id``.
        truth: of the world.
    """
    volumes = members.merge(truth, on="account_id").groupby("cluster_id")["volume"].sum()
    volumes = volumes.sort_index().sort_values(ascending=False, kind="stable")
    clusters = volumes.reset_index()
    clusters["rank"] = range(1, len(clusters) + 1)
    return judge(clusters.assign(explained_by=None, q_value=None), members, truth)


def judge(
    clusters: pd.DataFrame,
    members: pd.DataFrame,
    truth: pd.DataFrame,
    *,
    thresholds: dict[str, float] | None = None,
    taken: Taken | None = None,
) -> Outcome:
    """Put the truth beside clusters and members."""
    members = members.merge(truth, on="account_id").merge(clusters[["cluster_id", "rank"]], on="cluster_id")
    counts = members.groupby("rank").size().rename("accounts")
    clusters = clusters.sort_values("rank").merge(counts, on="rank").merge(_main_kinds(members), on="rank")
    planted = truth[truth["group"] != ""].groupby("group")["volume"].agg(["size", "sum"])
    return Outcome(
        clusters,
        members,
        planted.set_axis(["accounts", "volume"], axis=1),
        truth.groupby("kind").size(),
        thresholds or {},
        taken,
    )


def _main_kinds(members: pd.DataFrame) -> pd.DataFrame:
    """Give the kind that most members of a cluster are of, the first by name among equals."""
    counts = members.groupby(["rank", "kind"]).size().rename("members").reset_index()
    counts = counts.sort_values(["rank", "members", "kind"], ascending=[True, False, True])
    return counts.drop_duplicates("rank")[["rank", "kind"]]
