"""Sybils on a blockchain bridge: clusters against the groups that people reported and reviewers accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import networkx as nx
import pyarrow.compute as pc
import pyarrow.parquet as pq

import clustergraph as cg
from clustergraph.scoring.agreement import bcubed
from tests.bench.markdown import Table, share
from tests.bench.places import find_hop
from tests.labellings import count_labels

if TYPE_CHECKING:
    from pathlib import Path

    from clustergraph.artefacts.runs import Run


@dataclass(frozen=True)
class Hop:
    """The data's files.

    Attributes:
        folder: where they are.
    """

    folder: Path

    @property
    def sightings(self) -> Path:
        """Who was seen with which address."""
        return self.folder / "sightings.parquet"

    @property
    def volumes(self) -> Path:
        """What each account moved."""
        return self.folder / "volumes.parquet"

    def run(self, *, known_hubs: bool = False, threads: int = 2) -> Run:
        """Run the main job with its defaults and the data's own volumes."""
        return cg.run(
            self.sightings,
            volumes=self.volumes,
            known_hubs=self.folder / "known_hubs.parquet" if known_hubs else None,
            threads=threads,
        )

    def groups(self) -> dict[str, str]:
        """Give the group of each reported account that has sightings."""
        seen = pc.unique(pq.read_table(self.sightings, columns=["account_id"])["account_id"])
        reported = pq.read_table(self.folder / "groups.parquet")
        reported = reported.filter(pc.is_in(reported["account_id"], seen))
        return dict(zip(reported["account_id"].to_pylist(), reported["group"].to_pylist(), strict=True))


def clusters_of(run: Run) -> dict[str, str]:
    """Give the cluster of each member."""
    members = run.members
    return dict(zip(members["account_id"].to_pylist(), members["cluster_id"].to_pylist(), strict=True))


def components_of(run: Run) -> dict[str, int]:
    """Give the connected component of each tied account, in all of the run's ties."""
    ties = run.ties
    graph = nx.Graph(zip(ties["source"].to_pylist(), ties["target"].to_pylist(), strict=True))
    return {account: number for number, part in enumerate(nx.connected_components(graph)) for account in part}


def bench_hop(*, threads: int) -> list[Table]:
    """Score clusters and connected components, with and without the list of known hubs."""
    hop = Hop(find_hop())
    groups = hop.groups()
    rows = []
    for known_hubs in (False, True):
        run = hop.run(known_hubs=known_hubs, threads=threads)
        hubs = "with --known-hubs" if known_hubs else "defaults"
        for name, clusters in (("clusters", clusters_of(run)), ("components", components_of(run))):
            overlaps = count_labels(groups, clusters)
            scores = (bcubed(overlaps, outsiders=False), bcubed(overlaps))
            figures = [share(f or 0.0) for s in scores for f in (s.precision, s.recall, s.f1)]
            rows.append(
                (f"{hubs}, {name}", f"{len(set(clusters.values())):,}", f"{len(clusters):,}", *figures)
            )
    return [
        Table(
            f"Hop: B-cubed over {len(groups):,} reported accounts with sightings",
            (
                "", "number", "accounts", "precision", "recall", "F1",
                "precision, outsiders are errors", "recall", "F1",
            ),
            rows,
            "Components are those of the same ties.parquet. Outsiders are in no reported group; nobody has "
            "said that they are innocent.",
        )
    ]  # fmt: skip
