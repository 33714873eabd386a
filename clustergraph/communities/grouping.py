"""Labels of groups of accounts: their connected parts, their sizes, their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.communities.pairs import Pairs

UNCLUSTERED = -1


def connected_parts(labels: NDArray[np.int32], ties: Pairs, *, min_accounts: int) -> NDArray[np.int32]:
    """Cut clusters into the parts that their own ties connect; parts under ``min_accounts`` go."""
    part = _find_parts(labels, ties)
    counts = np.bincount(part[labels >= 0], minlength=int(part.max(initial=0)) + 1)
    keep = (labels >= 0) & (counts[part] >= min_accounts)
    return number_by_first(np.where(keep, part, UNCLUSTERED))


def _find_parts(labels: NDArray[np.int32], ties: Pairs) -> NDArray[np.int32]:
    """Number the connected components that ties inside clusters make (int32, accounts)."""
    inside = (labels[ties.source] == labels[ties.target]) & (labels[ties.source] >= 0)
    source, target = ties.source[inside], ties.target[inside]
    size = len(labels)
    matrix = coo_array((np.ones(len(source), np.int8), (source, target)), shape=(size, size))
    return np.asarray(connected_components(matrix, directed=False)[1])


def number_by_first(labels: NDArray[np.integer]) -> NDArray[np.int32]:
    """Renumber clusters 0, 1, ... in the order in which accounts first show them."""
    members = np.flatnonzero(labels >= 0)
    _, first, inverse = np.unique(labels[members], return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first), dtype=np.int32)
    result = np.full(len(labels), UNCLUSTERED, np.int32)
    result[members] = rank[inverse]
    return result
