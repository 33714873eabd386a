"""The best cluster of each known group."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from clustergraph.artefacts.runs import Run
    from clustergraph.scoring.overlaps import Overlaps
    from clustergraph.scoring.truth import Truth

# A cluster is a piece of a group if it has this many of its accounts and this share of them.
PIECE_ACCOUNTS, PIECE_SHARE = 3, 0.01


@dataclass(frozen=True)
class GroupScore:
    """A group and the cluster that is most like it; None where no cluster has any of its accounts.

    Attributes:
        group: its name.
        accounts: how many the truth puts in it, seen in the traffic or not.
        cluster_id: of the cluster with the highest F1; among equals the one with more of the group's
            accounts, then the one of lower rank.
        rank: of that cluster.
        precision: the group's share of the cluster's accounts.
        recall: the cluster's share of the group's accounts.
        f1: the harmonic mean of both.
        volume_true: sum of the truth's ``exchanges`` over the group; None where they are not known.
        volume_found: exchanges of the cluster, that of strangers included; what ``--volumes`` said, if it was
            ranked by that.
        cohort: that most of the group is of, the first by name among equals; None where it is not known.
        pieces: clusters that have at least 3 of the group's accounts and at least 1% of them.
        explained_by: what explains the cluster, if anything does.
    """

    group: str
    accounts: int
    cluster_id: str | None
    rank: int | None
    precision: float | None
    recall: float | None
    f1: float | None
    volume_true: float | None
    volume_found: float | None
    cohort: str | None
    pieces: int
    explained_by: str | None


def match_groups(truth: Truth, run: Run, overlaps: Overlaps) -> tuple[GroupScore, ...]:
    """Find the best cluster of each group; groups of the largest true volume first, then by name."""
    best = _find_best(overlaps)
    volumes, cohorts, pieces = _sum_volumes(truth), _main_cohorts(truth), _count_pieces(overlaps)
    # Exchanges that are weighted by how much they look like extraction are not what the truth counts.
    given = run.manifest.get("input", {}).get("ranked_by") == "volumes"
    volume = "extraction_volume" if given else "exchanges"
    columns = ["cluster_id", "rank", volume, "explained_by"]
    clusters = run.clusters.select(columns).to_pylist()
    found = []
    for number, name in enumerate(truth.groups):
        cell, size = best[number], int(overlaps.group_sizes[number])
        cluster = clusters[overlaps.cluster[cell]] if cell >= 0 else dict.fromkeys(columns)
        common = int(overlaps.accounts[cell]) if cell >= 0 else 0
        within = int(overlaps.cluster_sizes[overlaps.cluster[cell]]) if cell >= 0 else 0
        found.append(
            GroupScore(
                group=name,
                accounts=size,
                cluster_id=cluster["cluster_id"],
                rank=cluster["rank"],
                precision=common / within if common else None,
                recall=common / size if common else None,
                f1=2 * common / (within + size) if common else None,
                volume_true=volumes[number] if volumes else None,
                volume_found=cluster[volume],
                cohort=cohorts[number] if cohorts else None,
                pieces=int(pieces[number]),
                explained_by=cluster["explained_by"],
            )
        )
    return tuple(sorted(found, key=lambda one: (-(one.volume_true or 0.0), one.group)))


def _find_best(overlaps: Overlaps) -> NDArray[np.int64]:
    """Give for each group the place of its best overlap, -1 without any."""
    sizes = overlaps.group_sizes[overlaps.group] + overlaps.cluster_sizes[overlaps.cluster]
    # Equal ratios of whole numbers are equal as doubles, so ties are ties.
    f1 = 2 * overlaps.accounts / sizes
    order = np.lexsort((overlaps.cluster, -overlaps.accounts, -f1, overlaps.group))
    groups, first = np.unique(overlaps.group[order], return_index=True)
    best = np.full(len(overlaps.group_sizes), -1, np.int64)
    best[groups] = order[first]
    return best


def _sum_volumes(truth: Truth) -> Sequence[float]:
    if truth.exchanges is None:
        return ()
    order = np.argsort(truth.group, kind="stable")
    bounds = np.searchsorted(truth.group[order], np.arange(len(truth.groups) + 1))
    sums = truth.exchanges[order]
    return [math.fsum(sums[begin:end]) for begin, end in pairwise(bounds)]


def _main_cohorts(truth: Truth) -> Sequence[str]:
    if truth.cohort is None:
        return ()
    count, inside = len(truth.cohorts), truth.group >= 0
    cells, accounts = np.unique(truth.group[inside] * count + truth.cohort[inside], return_counts=True)
    order = np.lexsort((cells, -accounts, cells // count))
    _, first = np.unique(cells[order] // count, return_index=True)
    return [truth.cohorts[cells[order[place]] % count] for place in first]


def _count_pieces(overlaps: Overlaps) -> NDArray[np.intp]:
    share = overlaps.accounts / overlaps.group_sizes[overlaps.group]
    whole = (overlaps.accounts >= PIECE_ACCOUNTS) & (share >= PIECE_SHARE)
    return np.bincount(overlaps.group[whole], minlength=len(overlaps.group_sizes))
