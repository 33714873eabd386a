"""How well clusters agree with groups: B-cubed (Bagga and Baldwin 1998) and pairs of accounts.

Both are measured over the accounts of groups. One that is in no cluster counts as a cluster of its own.

Outsiders are clustered accounts in no group. By default they are errors of precision where they stand in a
cluster with accounts of a group: whoever reads that cluster would take them for its members. Among
themselves they cost nothing, since nobody has said which of them belong together. With ``outsiders=False``
they are passed over, as if the clusters had only the accounts of groups; these are the figures that metrics
of two labellings give.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clustergraph.scoring.overlaps import Overlaps


@dataclass(frozen=True)
class Agreement:
    """Figures from 0 to 1; None where there is nothing to measure.

    Attributes:
        precision: how much of what the clusters put together belongs together.
        recall: how much of what belongs together the clusters put together.
        f1: the harmonic mean of both.
    """

    precision: float | None
    recall: float | None
    f1: float | None


def bcubed(overlaps: Overlaps, *, outsiders: bool = True) -> Agreement:
    """Measure B-cubed precision and recall.

    For an account of group ``g`` in cluster ``c``, precision is ``|c and g| / |c|`` and recall is
    ``|c and g| / |g|``; both are averaged over the accounts of groups, and over nobody else.

    Args:
        overlaps: of groups and clusters.
        outsiders: whether ``|c|`` counts everybody in the cluster, or only the accounts of groups.
    """
    accounts = int(overlaps.group_sizes.sum())
    if not accounts:
        return Agreement(None, None, None)
    common, alone = overlaps.accounts.astype(float), overlaps.unclustered
    of_cluster = (overlaps.cluster_sizes if outsiders else overlaps.grouped_sizes)[overlaps.cluster]
    of_group = overlaps.group_sizes[overlaps.group]
    # An account alone is right about itself, and has itself of its group.
    precision = (math.fsum(common * common / of_cluster) + int(alone.sum())) / accounts
    recall = math.fsum([*(common * common / of_group), *(alone / overlaps.group_sizes)]) / accounts
    return Agreement(precision, recall, 2 * precision * recall / (precision + recall))


def pairs(overlaps: Overlaps, *, outsiders: bool = True) -> Agreement:
    """Measure precision and recall over pairs of accounts.

    A pair is found if one cluster has both accounts, and true if one group has both. Precision is the share
    of true ones among the pairs found, recall the share of found ones among the true pairs; None where there
    are no such pairs. F1 is 2 |both| / (|found| + |true|).

    Args:
        overlaps: of groups and clusters.
        outsiders: whether pairs of an account in a group and one in none are among those found.
    """
    grouped = overlaps.grouped_sizes
    found = _count_pairs(grouped)
    if outsiders:
        found += int((grouped * (overlaps.cluster_sizes - grouped)).sum())
    true, both = _count_pairs(overlaps.group_sizes), _count_pairs(overlaps.accounts)
    return Agreement(_share(both, found), _share(both, true), _share(2 * both, found + true))


def _count_pairs(sizes: NDArray[np.int64]) -> int:
    return int((sizes * (sizes - 1) // 2).sum())


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
