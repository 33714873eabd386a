"""The second pass: clusters that work for one operation, tied by what is too weak to tie accounts.

An operation may run in cells, each with its own card and way out, whose accounts share next to nothing
with those of another cell. Taken as one node, a cell has what all its members have, and two cells share
more of that than chance gives. Clusters are tied by the same evidence as accounts, from all families but
the network: exits are for rent, and one proxy network serves many. What a third of the clusters of a size
would have by chance tells nothing of those that have it, and is left out. The bits of a pair of unrelated
clusters exceed ``t`` with a probability of at most about ``2 ** -t`` (Chernoff 1952 for each cell), so among ``k``
clusters the bound is ``log2(k (k - 1) / 2) + 10``: one false tie in a thousand runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clustergraph.communities.detection import find_communities
from clustergraph.communities.grouping import number_by_first
from clustergraph.projection.contraction import contract
from clustergraph.projection.prefix_join import PrefixIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.communities.leiden import Leiden
    from clustergraph.incidence.links import Incidence

_RENTED = "network"
_RARE = 10.0
# Expected holders among a cluster's members from which on a signal is not counted. At 1 a company whose
# people use what is popular more than others do was taken into an operation of cells.
_CERTAIN = 1 / 3


def join_cells(
    incidence: Incidence, labels: NDArray[np.int32], leiden: Leiden, *, threads: int = 1
) -> NDArray[np.int32]:
    """Join the clusters that belong to one operation.

    Args:
        incidence: what :func:`clustergraph.link` gives.
        labels: cluster of each account, -1 for none.
        leiden: how communities of clusters are looked for.
        threads: processors to use.

    Returns:
        The labels of operations, numbered in the order of first accounts, -1 for none (int32).
    """
    clusters = int(labels.max(initial=-1)) + 1
    sightings = incidence.sightings
    names = sorted({sightings.families[kind] for kind in sightings.kinds})
    kept = np.array([number for number, name in enumerate(names) if name != _RENTED], np.int32)
    graph = contract(incidence.graph, labels, kept, certain=_CERTAIN)
    if clusters < 2 or not len(graph.indices):
        return labels
    bits = float(np.log2(clusters * (clusters - 1) / 2)) + _RARE
    pairs = PrefixIndex(graph, bits).join(threads=threads)
    operation = find_communities(clusters, pairs, leiden, min_accounts=2, cut=False)
    alone = np.flatnonzero(operation < 0)
    operation[alone] = operation.max(initial=-1) + 1 + np.arange(len(alone), dtype=np.int32)
    joined = np.where(labels >= 0, operation[labels], labels)
    return number_by_first(joined)
