"""Clusters that no tie shows: the holders of one signal that is unnatural for its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.incidence.biadjacency import Biadjacency


def add_seeds(
    graph: Biadjacency, labels: NDArray[np.int32], signals: NDArray[np.integer], *, min_accounts: int
) -> NDArray[np.int32]:
    """Make communities of the holders of unnatural signals, as far as they are in none.

    Communities of which more than half hold the signal join: they are pieces of the same whole that some
    network or hour happened to tie, and apart from them the signal would seem common elsewhere.

    Args:
        graph: accounts and signals.
        labels: community of each account, -1 for none.
        signals: the unnatural ones, in the order in which they are to be looked at.
        min_accounts: least size of a community.

    Returns:
        The labels, new communities numbered after the old ones, those of the first signal first.
    """
    labels = labels.copy()
    start, holders = graph.holders
    size = np.bincount(labels[labels >= 0]).tolist()
    for signal in signals:
        held_by = holders[start[signal] : start[signal + 1]]
        held_by = held_by[held_by >= 0]
        free = held_by[labels[held_by] < 0]
        found, inside = np.unique(labels[held_by], return_counts=True)
        pieces = [
            piece
            for piece, count in zip(found.tolist(), inside.tolist(), strict=True)
            if piece >= 0 and 2 * count > size[piece]
        ]
        accounts = len(free) + sum(size[piece] for piece in pieces)
        if accounts < min_accounts or len(free) + len(pieces) < 2:
            continue
        if pieces:
            labels[np.isin(labels, pieces)] = len(size)
        labels[free] = len(size)
        size.append(accounts)
    return labels
