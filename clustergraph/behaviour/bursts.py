"""Moments at which more accounts do something than the time around them explains.

People of one time zone are active in the same hours, so what chance gives has to be conditional on the
hour: within it, the minute in which an account becomes active is random (the interval jitter of
Amarasingham, Harrison, Hatsopoulos, Geman 2012). A *burst* is a few minutes in a row in which so many
accounts switched that the half hours before and after, whichever had more, explain it badly: the Poisson
log-likelihood ratio of the count against them reaches a number of bits. Rhythms rise and fall more
slowly, and a jump, such as the beginning of office hours, has one side that explains it.

Where accounts take turns they switch in two *ways*, and a burst is one of both: people begin together at a
lecture, but nobody stops for them.

Only what is shared at a burst is evidence. Pairs that share other moments grow with the square of the
traffic, and there is little to tell in them; where bursts have more pairs than may be looked at, the
weakest are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clustergraph.incidence.evidence import poisson_bits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DAY, HOUR = 1_440, 60
# Minutes that are looked at on each side of a moment, and how many of them have to be known.
_AROUND, _LEAST_KNOWN = 30, 10
# A minute of the hour is popular from this many times its share on, in half of the hours of the day.
_POPULAR, _POPULAR_BITS, _LEAST_HOURS = 1.5, 8.0, 6
# What one way may say, of what the one that says least does: a crowd that only begins does not take turns.
_MOST_UNEVEN = 3.0
# Fewer accounts make no cluster.
_LEAST = 3


def find_popular_minutes(counts: NDArray[np.int64], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Find the minutes of the hour that people and programs like at any time of the day, :00 say.

    What happens at such a minute tells no more than that an account keeps round hours.

    Args:
        counts: accounts that switch in each minute (days x 1440).
        known: minutes of the day in which switches can be seen.

    Returns:
        Whether each minute of the hour is popular (60).
    """
    by_hour = np.where(known, counts, 0).sum(axis=0).reshape(-1, HOUR)
    seen = known.reshape(-1, HOUR)
    expected = seen * (by_hour.sum(axis=1) / np.maximum(seen.sum(axis=1), 1))[:, None]
    popular = np.zeros(HOUR, bool)
    for minute in range(HOUR):
        hours = np.flatnonzero(expected[:, minute] > 0)
        if len(hours) >= _LEAST_HOURS:
            ratio = np.sort(by_hour[hours, minute] / expected[hours, minute])
            bits = poisson_bits(float(by_hour[hours, minute].sum()), float(expected[hours, minute].sum()))
            popular[minute] = ratio[(len(ratio) - 1) // 2] >= _POPULAR and bits >= _POPULAR_BITS
    return popular


def find_bursts(
    ways: Sequence[NDArray[np.int64]], known: NDArray[np.bool_], *, width: int, least_bits: float,
    most_pairs: float,
) -> list[tuple[int, int]]:  # fmt: skip
    """Find the bursts of each day, none of which overlap.

    Args:
        ways: for each way that accounts have to switch, how many do in each minute (days x 1440). A burst is
            one of every way and has the bits of all, none of them more than three times the least.
        known: minutes of the day that count.
        width: minutes of a burst.
        least_bits: that it takes.
        most_pairs: pairs of accounts that meet in all of them; the strongest come first.

    Returns:
        Day and first minute of each, in order.
    """
    weighed = [_weigh(counts, known, width) for counts in ways]
    inside = np.sum([inside for _, inside in weighed], axis=0)
    of_way = np.array([bits for bits, _ in weighed])
    bits = np.minimum(of_way, _MOST_UNEVEN * of_way.min(axis=0)).sum(axis=0)
    day, minute = np.nonzero(bits >= least_bits)
    taken = np.zeros((len(bits), DAY + width), bool)
    found, left = [], most_pairs
    # Of windows that have the same, the last one begins with the burst.
    for i in np.lexsort((-minute, day, -bits[day, minute])).tolist():
        where = day[i], slice(minute[i], minute[i] + width)
        if taken[where].any():
            continue
        left -= inside[day[i], minute[i]] * (inside[day[i], minute[i]] - 1) / 2
        if left < 0:
            break
        taken[where] = True
        found.append((int(day[i]), int(minute[i])))
    return sorted(found)


def _weigh(
    counts: NDArray[np.int64], known: NDArray[np.bool_], width: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Give the bits of the window that begins in each minute, and its switches."""
    total = np.zeros((len(counts), DAY + 1), np.int64)
    np.cumsum(np.where(known, counts, 0), axis=1, out=total[:, 1:])
    minutes = np.concatenate([[0], np.cumsum(known)])
    start = np.arange(DAY - width + 1)
    inside, size = total[:, start + width] - total[:, start], minutes[start + width] - minutes[start]
    expected = np.full(inside.shape, -1.0)
    sides = (
        (np.maximum(start - _AROUND, 0), start),
        (start + width, np.minimum(start + width + _AROUND, DAY)),
    )
    for low, high in sides:
        seen = minutes[high] - minutes[low]
        # One more than was seen, so that a silent half hour does not make everything a burst.
        rate = (total[:, high] - total[:, low] + 1) / np.maximum(seen, 1)
        expected = np.maximum(expected, np.where(seen >= _LEAST_KNOWN, rate * size, -1.0))
    bits = np.zeros(inside.shape)
    likely = (inside >= _LEAST) & (expected > 0) & (inside > expected)
    for day, minute in np.argwhere(likely).tolist():
        bits[day, minute] = poisson_bits(float(inside[day, minute]), float(expected[day, minute]))
    return bits, inside
