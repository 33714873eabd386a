"""When the accounts of a group were created: all at once, or over as long a time as other accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WEEK = 7 * 86_400
# Fewer accounts than these may well have signed up together: a couple, a few colleagues.
_LEAST_DATED = 5
_RARE = 1e-3


def count_in_one_week(group: NDArray[np.integer], created: NDArray[np.int64], count: int) -> NDArray[np.intp]:
    """Count how many members of each group were created within the fullest week of it.

    Args:
        group: of each account, 0 to ``count`` - 1.
        created: seconds, in any order.
        count: number of groups.
    """
    most = np.zeros(count, np.intp)
    if not len(created):
        return most
    order = np.lexsort((created, group))
    since = created[order] - created.min()
    place = group[order].astype(np.int64) * (int(since.max()) + 2 * _WEEK) + since
    here = np.searchsorted(place, place + _WEEK, side="right") - np.arange(len(place))
    np.maximum.at(most, group[order], here)
    return most


def is_burst(most: NDArray[np.integer], dated: NDArray[np.integer], usual: float) -> NDArray[np.bool_]:
    """Tell which groups have half of their accounts or more from one week, where that is rare.

    If accounts were created independently, and no week had more than the share ``usual`` of them, some
    week would have ``k`` of ``n`` with a probability of at most ``n C(n - 1, k - 1) usual**(k - 1)``. Where
    half of all accounts are from one week themselves, it is never rare.

    Args:
        most: accounts from the fullest week of each group.
        dated: accounts of each group whose time of creation is known.
        usual: share of all accounts that the fullest week has.
    """
    n, k = np.maximum(dated, 1).astype(np.float64), np.maximum(most, 1).astype(np.float64)
    combinations = gammaln(n) - gammaln(k) - gammaln(n - k + 1)
    chance = np.log(n) + combinations + (k - 1) * np.log(usual)
    rare = (chance < np.log(_RARE)) & (usual < 0.5)
    return np.asarray((dated >= _LEAST_DATED) & (2 * most >= dated) & rare)


def measure_quartiles(
    group: NDArray[np.integer], created: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    """Measure the interquartile range of each group's times (seconds; 0 for an empty group)."""
    if not len(created):
        return np.zeros(count)
    order = np.lexsort((created, group))
    times = created[order].astype(np.float64)
    size = np.bincount(group, minlength=count)
    first = np.cumsum(size) - size

    def quantile(share: float) -> NDArray[np.float64]:
        place = share * np.maximum(size - 1, 0)
        low = np.minimum(first + np.floor(place).astype(np.int64), len(times) - 1)
        high = np.minimum(first + np.ceil(place).astype(np.int64), len(times) - 1)
        return np.asarray(times[low] + (place - np.floor(place)) * (times[high] - times[low]))

    return np.where(size > 0, quantile(0.75) - quantile(0.25), 0.0)
