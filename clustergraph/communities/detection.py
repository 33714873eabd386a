"""Communities of tied accounts: what Leiden finds, cut where only chance holds it together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clustergraph.communities.grouping import UNCLUSTERED, connected_parts
from clustergraph.communities.leiden import Leiden, partition_graph
from clustergraph.communities.seams import find_seams

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.communities.pairs import Pairs


def find_communities(
    accounts: int, ties: Pairs, leiden: Leiden, *, min_accounts: int, cut: bool = True
) -> NDArray[np.int32]:
    """Find connected communities of at least ``min_accounts`` accounts.

    Args:
        accounts: number of accounts.
        ties: of the accounts.
        leiden: how.
        min_accounts: least size of a community.
        cut: whether to cut a community where a single account holds parts together that hold without it.

    Returns:
        A label per account, numbered in the order of first accounts, -1 for none (int32).
    """
    labels = np.full(accounts, UNCLUSTERED, np.int32)
    if len(ties):
        tied = np.unique(np.concatenate([ties.source, ties.target]))
        source, target = np.searchsorted(tied, ties.source), np.searchsorted(tied, ties.target)
        labels[tied] = partition_graph(len(tied), source, target, ties.bits, leiden)
    if cut:
        seams = find_seams(labels, ties, min_accounts=min_accounts)
        ties = ties.take(np.setdiff1d(np.arange(len(ties)), seams, assume_unique=True))
    return connected_parts(labels, ties, min_accounts=min_accounts)
