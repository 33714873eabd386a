"""Match tonight's clusters with those of earlier nights by the members that they share.

Every account remembers the cluster that it was last a member of, and with what weight. Two clusters overlap
by the weight of tonight's members that were last in the other one. One cluster of tonight can go on as one
of earlier nights; of all ways to pair them the one with the greatest overlap in all is taken (the assignment
problem, solved exactly in each connected part).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A pair shares at least this of the lighter one of the two, or they are not the same.
LEAST_SHARED = 0.3


@dataclass(frozen=True)
class Overlaps:
    """Pairs of a cluster of tonight and one of before that share members, sorted; the arrays are parallel.

    Attributes:
        now: number of the cluster of tonight.
        before: number of the earlier one.
        weight: of the members that they share, as of tonight.
        accounts: how many those are.
        of_now: share of the weight of tonight's cluster.
        of_before: share of the weight of the earlier one.
        similarity: weight of the members of both, of those of either (Jaccard).
    """

    now: NDArray[np.int64]
    before: NDArray[np.int64]
    weight: NDArray[np.float64]
    accounts: NDArray[np.int64]
    of_now: NDArray[np.float64]
    of_before: NDArray[np.float64]
    similarity: NDArray[np.float64]


def find_overlaps(
    now: NDArray[np.integer], before: NDArray[np.integer], weight: NDArray[np.float64],
    weight_before: NDArray[np.float64],
) -> Overlaps:  # fmt: skip
    """Find which clusters share members.

    Args:
        now: cluster of tonight of each account, -1 for none.
        before: cluster that it was last in, -1 for none; the arrays are parallel.
        weight: of the account tonight, 0 where it is in no cluster.
        weight_before: of the account when it was last in a cluster.
    """
    count = int(before.max(initial=-1)) + 1
    total_now = np.bincount(now[now >= 0], weight[now >= 0])
    both = np.flatnonzero((now >= 0) & (before >= 0))
    keys, inverse = np.unique(now[both].astype(np.int64) * max(count, 1) + before[both], return_inverse=True)
    shared = np.bincount(inverse, weight[both], len(keys)).astype(np.float64)
    accounts = np.bincount(inverse, minlength=len(keys)).astype(np.int64)
    one, other = keys // max(count, 1), keys % max(count, 1)
    # An account's weight changes from night to night; what both have counts the same on both sides.
    kept = np.bincount(before[both], weight_before[both], count)
    total_before = np.bincount(before[before >= 0], weight_before[before >= 0], count)
    scale = np.bincount(before[both], weight[both], count) / np.maximum(kept, 1e-300)
    missing = (total_before - kept) * np.where(kept > 0, scale, 1.0)
    of_before = shared / (np.bincount(other, shared, count)[other] + missing[other])
    union = total_now[one] + np.bincount(other, shared, count)[other] + missing[other] - shared
    return Overlaps(one, other, shared, accounts, shared / total_now[one], of_before, shared / union)


def match(overlaps: Overlaps, clusters: int) -> NDArray[np.int64]:
    """Pair tonight's clusters with earlier ones.

    Args:
        overlaps: of the clusters.
        clusters: number of clusters of tonight.

    Returns:
        The earlier cluster that each cluster of tonight goes on as, -1 for none.
    """
    matched = np.full(clusters, -1, np.int64)
    possible = np.flatnonzero(np.maximum(overlaps.of_now, overlaps.of_before) >= LEAST_SHARED)
    if not len(possible):
        return matched
    now, before, weight = overlaps.now[possible], overlaps.before[possible], overlaps.weight[possible]
    size = clusters + int(before.max()) + 1
    links = coo_array((np.ones(len(now), np.int8), (now, clusters + before)), shape=(size, size))
    part = connected_components(links, directed=False)[1][now]
    order = np.argsort(part, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(part[order])) + 1):
        ones, row = np.unique(now[rows], return_inverse=True)
        others, column = np.unique(before[rows], return_inverse=True)
        gain = np.zeros((len(ones), len(others)))
        gain[row, column] = weight[rows]
        for i, j in zip(*linear_sum_assignment(gain, maximize=True), strict=True):
            if gain[i, j] > 0:
                matched[ones[i]] = others[j]
    return matched
