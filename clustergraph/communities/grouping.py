"""Labels of groups of accounts: their connected parts, their sizes, their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clustergraph.communities.blocks import find_parts

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
    return find_parts(len(labels), ties.source[inside], ties.target[inside])


def number_by_first(labels: NDArray[np.integer]) -> NDArray[np.int32]:
    """Renumber clusters 0, 1, ... in the order in which accounts first show them."""
    members = np.flatnonzero(labels >= 0)
    _, first, inverse = np.unique(labels[members], return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first), dtype=np.int32)
    result = np.full(len(labels), UNCLUSTERED, np.int32)
    result[members] = rank[inverse]
    return result
