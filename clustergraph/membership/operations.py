"""The second pass: clusters that work for one operation, tied by what is too weak to tie accounts.

An operation may run in cells, each with its own card and way out, whose accounts share next to nothing
with those of another cell. Taken as one node, a cell has what all its members have, and two cells share
more of that than chance gives. Clusters are tied by the same evidence as accounts, but not by what is for
rent or anybody's: one proxy network serves many, and companies that do like work have like lengths, hours
and clients. What a third of the clusters of a size would have by chance tells nothing of those that have it,
and is left out. The bits of a pair of unrelated clusters exceed ``t`` with a probability of at most about
``2 ** -t`` (Chernoff 1952), so among ``k`` clusters the bound is ``log2(k (k - 1) / 2) + 10``: one false tie
in a thousand runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clustergraph.communities.detection import find_communities
from clustergraph.communities.grouping import number_by_first
from clustergraph.projection.contraction import contract
from clustergraph.projection.prefix_join import PrefixIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from clustergraph.communities.leiden import Leiden
    from clustergraph.incidence.biadjacency import Biadjacency
    from clustergraph.incidence.links import Incidence

_ANYBODYS = frozenset({"network", "lengths", "timing", "client"})
_RARE = 10.0
# Expected holders among a cluster's members from which on a signal is not counted. At 1 a company whose
# people use what is popular more than others do was taken into an operation of cells.
_CERTAIN = 1 / 3
# Accounts of the largest cell. Larger clusters have evidence enough, and habits that differ from others'.
_LARGEST = 20
_MOST = 0.5


def find_cells(labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Tell which accounts are in a cluster that is small enough for a cell.

    Args:
        labels: cluster of each account, -1 for none.
    """
    size = np.bincount(labels[labels >= 0], minlength=1)
    return np.asarray((labels >= 0) & (size[labels] <= _LARGEST))


def join_cells(
    incidence: Incidence, labels: NDArray[np.int32], leiden: Leiden, cells: NDArray[np.bool_] | None = None,
    *, threads: int = 1,
) -> NDArray[np.int32]:  # fmt: skip
    """Join the cells that belong to one operation, and what they have become with others.

    Args:
        incidence: what :func:`clustergraph.link` gives.
        labels: cluster of each account, -1 for none.
        leiden: how communities of clusters are looked for.
        cells: accounts that were in cells at first; a cluster with most of its accounts among them is looked
            at. By default those that :func:`find_cells` gives.
        threads: processors to use.

    Returns:
        The labels of operations, numbered in the order of first accounts, -1 for none (int32).
    """
    sightings = incidence.sightings
    names = sorted({sightings.families[kind] for kind in sightings.kinds})
    return join_operations(incidence.graph, names, labels, leiden, cells, threads=threads)


def join_operations(
    graph: Biadjacency, families: Sequence[str], labels: NDArray[np.int32], leiden: Leiden,
    cells: NDArray[np.bool_] | None = None, *, threads: int = 1,
) -> NDArray[np.int32]:  # fmt: skip
    """Join cells as :func:`join_cells` does, in an incidence as numbers.

    Args:
        graph: the incidence.
        families: names of the families of signals, by number.
        labels: cluster of each account, -1 for none.
        leiden: how communities of clusters are looked for.
        cells: accounts that were in cells at first.
        threads: processors to use.
    """
    cells = find_cells(labels) if cells is None else cells
    clusters = int(labels.max(initial=-1)) + 1
    members = labels >= 0
    share = np.bincount(labels[members], cells[members], clusters) / np.bincount(
        labels[members], minlength=clusters
    )
    looked_at = np.flatnonzero(share > _MOST)
    if len(looked_at) < 2:
        return labels
    number = np.full(clusters + 1, -1, np.int32)
    number[looked_at] = np.arange(len(looked_at))
    kept = np.array([number for number, name in enumerate(families) if name not in _ANYBODYS], np.int32)
    operation = _find_operations(graph, kept, number[labels], len(looked_at), leiden, threads)
    joined = np.arange(clusters)
    joined[looked_at] = clusters + operation
    return number_by_first(np.where(members, joined[labels], labels))


def _find_operations(
    graph: Biadjacency, families: NDArray[np.int32], labels: NDArray[np.int32], clusters: int, leiden: Leiden,
    threads: int,
) -> NDArray[np.int32]:  # fmt: skip
    """Find the operation of each cluster; one that is tied to no other is an operation of its own."""
    alone = np.arange(clusters, dtype=np.int32)
    graph = contract(graph, labels, families, certain=_CERTAIN)
    if not len(graph.indices):
        return alone
    bits = float(np.log2(clusters * (clusters - 1) / 2)) + _RARE
    pairs = PrefixIndex(graph, bits).join(threads=threads)
    operation = find_communities(clusters, pairs, leiden, min_accounts=2, cut=False)
    return np.where(operation < 0, int(operation.max(initial=-1)) + 1 + alone, operation)
