"""When signals were used: two accounts share a signal of a kind with a window only if they used it together.

Two uses are together if they are no more than the kind's window apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Pairs of uses that are looked at one by one, for each use of a signal.
_LOOKED_AT = 64


@dataclass(frozen=True)
class Uses:
    """When each holder used each signal of a kind with a window; empty where no kind has one.

    Attributes:
        window: of each kind in microseconds, -1 for none (int64).
        start: slot ``h``, counted over the holders of signal after signal, was used at
            ``time[start[h]:start[h + 1]]``, which is empty for kinds without a window (int64).
        time: rising within a slot, in microseconds since 1970 (int64).
    """

    window: NDArray[np.int64]
    start: NDArray[np.int64]
    time: NDArray[np.int64]

    def __bool__(self) -> bool:
        """Tell whether any kind has a window."""
        return len(self.start) > 0

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take (bytes)."""
        return self.start.nbytes + self.time.nbytes


NO_USES = Uses(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))


def count_meetings(
    signal: NDArray[np.integer], account: NDArray[np.integer], time: NDArray[np.int64],
    window: NDArray[np.int64],
) -> NDArray[np.int64]:  # fmt: skip
    """Count twice the pairs of accounts that used each signal together.

    That is ``d (d - 1)`` for a signal that all of its ``d`` accounts used at once, so it stands in for it
    wherever chance is reckoned. It is exact where an account used the signal once, or where there are up to
    64 times as many pairs of uses together as uses; else it is the pairs of uses together, and at most ``d
    (d - 1)``: never too few, so that evidence is never too much.

    Args:
        signal: number of each use, in any order.
        account: number of each use.
        time: of each use (microseconds), different within an account and signal.
        window: of each signal (microseconds).
    """
    order = np.lexsort((time, signal))
    start = np.searchsorted(signal[order], np.arange(len(window) + 1))
    accounts = int(account.max(initial=-1)) + 1
    return np.asarray(_count_meetings(start, account[order].astype(np.int32), time[order], window, accounts))


@njit(cache=True, nogil=True, error_model="numpy")
def _count_meetings(
    start: NDArray[np.intp],
    account: NDArray[np.int32],
    time: NDArray[np.int64],
    window: NDArray[np.int64],
    accounts: int,
) -> NDArray[np.int64]:
    counts = np.zeros(len(window), np.int64)
    seen, inside = np.full(accounts, -1, np.int64), np.zeros(accounts, np.int64)
    marks = np.full(accounts, -1, np.int64)
    for s in range(len(window)):
        begin, end = start[s], start[s + 1]
        holders, first, apart, steps = 0, begin, 0, 0
        for i in range(begin, end):
            while time[i] - time[first] > window[s]:
                inside[account[first]] -= 1
                first += 1
            holders += seen[account[i]] != s
            seen[account[i]] = s
            steps += i - first
            apart += i - first - inside[account[i]]
            inside[account[i]] += 1
        for i in range(first, end):
            inside[account[i]] = 0
        if end - begin > holders and steps <= _LOOKED_AT * (end - begin):
            apart = _count_distinct(account[begin:end], time[begin:end], window[s], marks)
        counts[s] = min(2 * apart, holders * (holders - 1))
    return counts


@njit(cache=True, nogil=True, error_model="numpy")
def _count_distinct(
    account: NDArray[np.int32], time: NDArray[np.int64], window: int, marks: NDArray[np.int64]
) -> int:
    """Count the pairs of accounts among uses in order of time, each pair once."""
    order = np.argsort(account, kind="mergesort")
    count = 0
    for i in order:  # account by account
        for step in (-1, 1):
            j = i + step
            while 0 <= j < len(time) and abs(time[j] - time[i]) <= window:
                if account[j] < account[i] and marks[account[j]] != account[i]:
                    marks[account[j]] = account[i]
                    count += 1
                j += step
    marks[account] = -1
    return count
