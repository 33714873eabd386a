"""What a run named, with the truth beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from clustergraph.scoring.comparison import score
from tests.scored_runs import make_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from clustergraph.artefacts.runs import Run
    from clustergraph.scoring.matching import GroupScore
    from tests.bench.processes import Taken

_CLUSTERS = [
    "cluster_id", "rank", "accounts", "exchanges", "explained_by", "q_value", "coverage_p_value",
]  # fmt: skip
_TRUTH = {"account_id": "account_id", "cohort": "cohort", "group": "group", "volume": "exchanges"}


@dataclass(frozen=True)
class Outcome:
    """Clusters and the truth about their members.

    Attributes:
        clusters: columns of ``clusters.parquet``, and ``kind``, that of most members; by rank.
        members: ``account_id``, ``cluster_id``, ``rank`` and what the truth says of them.
        groups: the scorecard of each planted group, by name.
        kinds: accounts in the world, by kind.
        thresholds: bits, by name.
        taken: seconds and memory; None where nobody measured.
    """

    clusters: pd.DataFrame
    members: pd.DataFrame
    groups: Mapping[str, GroupScore]
    kinds: pd.Series[int]
    thresholds: Mapping[str, float] = field(default_factory=dict)
    taken: Taken | None = None

    @property
    def campaigns(self) -> list[GroupScore]:
        """The planted campaigns, by name."""
        return [one for name, one in sorted(self.groups.items()) if name.startswith("campaign-")]


def judge(run: Run, truth: pd.DataFrame, taken: Taken | None = None) -> Outcome:
    """Put the truth beside a run.

    Args:
        run: its artefacts.
        truth: as :func:`tests.evaluate.truth.read_truth` gives it.
        taken: by the run.
    """
    clusters = run.clusters.select(_CLUSTERS).to_pandas()
    members = run.members.select(["cluster_id", "account_id"]).to_pandas()
    members = members.merge(truth, on="account_id").merge(clusters[["cluster_id", "rank"]], on="cluster_id")
    known = pa.Table.from_pandas(truth[list(_TRUTH)].rename(columns=_TRUTH), preserve_index=False)
    levels = run.manifest.get("input", {}).get("thresholds", {}).items()
    return Outcome(
        clusters.merge(_main_kinds(members), on="rank", how="left"),
        members,
        {one.group: one for one in score(run, known).groups},
        truth.groupby("kind").size(),
        {name: float(bits) for name, bits in levels if name.endswith("_bits") and bits is not None},
        taken,
    )


def rank_groups(found: pd.DataFrame, truth: pd.DataFrame) -> Outcome:
    """Rank by combined volume what another detector found, and judge it.

    Args:
        found: ``account_id`` and ``cluster_id``.
        truth: as for :func:`judge`.
    """
    clusters = found.merge(truth, on="account_id").groupby("cluster_id")
    listed = clusters.agg(accounts=("account_id", " ".join), volume=("volume", "sum"))
    listed = listed.sort_values(["volume", "accounts"], ascending=[False, True])
    volumes = listed["volume"].tolist()
    run = make_run(listed["accounts"].tolist(), exchanges=volumes, extraction_volume=volumes)
    return judge(run, truth)


def _main_kinds(members: pd.DataFrame) -> pd.DataFrame:
    """Give the kind that most members of a cluster are of, the first by name among equals."""
    counts = members.groupby(["rank", "kind"]).size().rename("members").reset_index()
    counts = counts.sort_values(["rank", "members", "kind"], ascending=[True, False, True])
    return counts.drop_duplicates("rank")[["rank", "kind"]]
