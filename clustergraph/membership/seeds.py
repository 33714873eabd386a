"""Clusters that no tie shows: the holders of one signal that is unnatural for its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clustergraph.incidence.links import Incidence


def add_seeds(
    incidence: Incidence, labels: NDArray[np.int32], signals: NDArray[np.int32], *, min_accounts: int
) -> NDArray[np.int32]:
    """Make communities of the holders of unnatural signals, as far as they are in none.

    Args:
        incidence: what :func:`clustergraph.link` gives.
        labels: community of each account, -1 for none.
        signals: the unnatural ones, in the order in which they are to be looked at.
        min_accounts: least size of a community.

    Returns:
        The labels, new communities numbered after the old ones, those of the commonest signal first.
    """
    labels = labels.copy()
    start, holders = incidence.graph.holders
    following = int(labels.max(initial=-1)) + 1
    for signal in signals:
        free = holders[start[signal] : start[signal + 1]]
        free = free[labels[free] < 0]
        if len(free) >= min_accounts:
            labels[free] = following
            following += 1
    return labels
