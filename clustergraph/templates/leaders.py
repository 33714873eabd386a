"""Group sketches: each joins the most alike of the leaders before it, or becomes a leader itself.

Sketches come in an order that depends on their content alone, those with most in common with others
first, so that the groups do not depend on the order of rows. Leaders are found by the least `KEYS` hashes
of a sketch, of which no more than `HOLDERS` leaders are kept each: the work is linear in the number of
sketches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Jaccard index of the shingles of two copies in each of which one word in six was changed.
LEAST_RESEMBLANCE = 0.25
KEYS = 8
HOLDERS = 16
LOOKED_AT = 4  # leaders with most keys in common, of which the resemblance is found
NOBODY = -1


@njit(cache=True, nogil=True, error_model="numpy")
def resemblance(a: NDArray[np.uint32], b: NDArray[np.uint32], most: int) -> float:
    """Estimate the Jaccard index of two sets from the least hashes of each (Broder 1997).

    Args:
        a: least hashes of one set, sorted.
        b: of the other.
        most: hashes that a sketch can have; with fewer, it is the whole set.
    """
    i, j, both, union = 0, 0, 0, 0
    while union < most and (i < len(a) or j < len(b)):
        if j == len(b) or (i < len(a) and a[i] < b[j]):
            i += 1
        elif i == len(a) or b[j] < a[i]:
            j += 1
        else:
            both += 1
            i += 1
            j += 1
        union += 1
    return both / union if union else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _most_alike(
    sketch: NDArray[np.uint32], leaders: NDArray[np.int64], votes: NDArray[np.int64], found: int,
    values: NDArray[np.uint32], start: NDArray[np.int64], most: int,
) -> int:  # fmt: skip
    """Choose among the candidates with most votes the one that resembles a sketch most."""
    best, best_resemblance = NOBODY, LEAST_RESEMBLANCE
    for _ in range(min(found, LOOKED_AT)):
        top = 0
        for k in range(1, found):
            if votes[k] > votes[top] or (votes[k] == votes[top] and leaders[k] < leaders[top]):
                top = k
        votes[top] = 0
        leader = leaders[top]
        alike = resemblance(sketch, values[start[leader] : start[leader + 1]], most)
        if alike > best_resemblance or (alike == best_resemblance and (best == NOBODY or leader < best)):
            best, best_resemblance = leader, alike
    return best


@njit(cache=True, nogil=True, error_model="numpy")
def _follow(
    values: NDArray[np.uint32], start: NDArray[np.int64], keys: NDArray[np.int32],
    key_start: NDArray[np.int64], different: int, known: int, most: int,
) -> NDArray[np.int64]:  # fmt: skip
    n = len(start) - 1
    of = np.empty(n, np.int64)
    used = np.zeros(different, np.uint8)
    last = np.full(different, NOBODY, np.int32)  # entry of the latest leader that has the key
    room = min(len(keys), HOLDERS * different)
    earlier, who = np.empty(room, np.int32), np.empty(room, np.int32)
    entries = 0
    leaders, votes = np.empty(KEYS * HOLDERS, np.int64), np.empty(KEYS * HOLDERS, np.int64)
    for i in range(n):
        own = keys[key_start[i] : key_start[i + 1]]
        found = 0
        for key in own:
            entry = last[key]
            while entry != NOBODY:
                k = 0
                while k < found and leaders[k] != who[entry]:
                    k += 1
                if k == found:
                    leaders[k], votes[k] = who[entry], 0
                    found += 1
                votes[k] += 1
                entry = earlier[entry]
        sketch = values[start[i] : start[i + 1]]
        of[i] = i if i < known else _most_alike(sketch, leaders, votes, found, values, start, most)
        if of[i] == NOBODY:
            of[i] = i
        if of[i] == i:
            for key in own:
                if used[key] < HOLDERS:
                    used[key] += 1
                    earlier[entries], who[entries] = last[key], i
                    last[key] = entries
                    entries += 1
    return of


def follow(values: NDArray[np.uint32], start: NDArray[np.int64], known: int, most: int) -> NDArray[np.int64]:
    """Give each sketch its leader, by number; a leader has its own number.

    Args:
        values: sketches one after the other, none of them empty.
        start: of each, and the end of the last one.
        known: how many of the first sketches are leaders whatever they resemble.
        most: hashes that a sketch can have.
    """
    size = np.minimum(np.diff(start), KEYS)
    key_start = np.concatenate([[0], np.cumsum(size)])
    place = np.arange(key_start[-1]) - np.repeat(key_start[:-1] - start[:-1], size)
    different, keys = np.unique(values[place], return_inverse=True)
    return np.asarray(_follow(values, start, keys.astype(np.int32), key_start, len(different), known, most))
