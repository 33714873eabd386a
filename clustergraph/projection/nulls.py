"""What chance alone would give: the same accounts and signals, wired at random.

Every account keeps its number of signals of each stratum (see :mod:`clustergraph.incidence.strata`) and
every signal its number of accounts; who has which is drawn anew (the bipartite configuration model without
double links). Where a kind has a window, the times of use stay with the signals' slots.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from clustergraph.incidence.biadjacency import Biadjacency, find_places, rows_from_holders

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TRIES = 200
# The step of SplitMix64.
_WEYL = np.uint64(0x9E3779B97F4A7C15)


def shuffle(graph: Biadjacency, *, seed: int) -> Biadjacency:
    """Rewire ``graph`` at random within each stratum, keeping all degrees.

    An account's slots of a stratum lie in an urn, those that hold unshared signals included. Signals draw
    from it without putting back, the largest first; an account that the signal has already is drawn
    again, and where only such are left, one is swapped with an earlier signal's.

    Args:
        graph: what to shuffle.
        seed: the same seed gives the same graph on every machine.

    Returns:
        A new graph over the same accounts, signals and cells.
    """
    start = np.concatenate([[0], np.cumsum(graph.signal_degree, dtype=np.int64)])
    holders = np.full(start[-1], -1, np.int32)
    stratum = graph.cells.stratum[graph.signal_cell]
    by_stratum = np.lexsort((-graph.signal_degree, stratum))
    ends = np.searchsorted(stratum[by_stratum], np.arange(len(graph.strata.kind) + 1))
    seen = np.full(graph.accounts, -1, np.int32)
    for k in np.flatnonzero(np.diff(ends)).tolist():
        rows = slice(graph.strata.start[k], graph.strata.start[k + 1])
        urn = np.repeat(graph.strata.account[rows], graph.strata.slots[rows])
        state = np.uint64(np.random.SeedSequence([seed, k]).generate_state(1, np.uint64)[0])
        _draw(urn, by_stratum[ends[k] : ends[k + 1]], start, graph.signal_degree, holders, seen, state)
    indptr, indices, slots = rows_from_holders(
        holders, graph.signal_degree, stratum, graph.strata, graph.accounts
    )
    place = find_places(holders, indptr) if graph.uses else graph.place
    return replace(graph, indptr=indptr, indices=indices, slots=slots, place=place)


@njit(cache=True, nogil=True, error_model="numpy")
def _next_random(state: np.uint64) -> np.uint64:
    """SplitMix64 (Steele, Lea, Flood 2014): the output function of a Weyl sequence."""
    z = state
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True, error_model="numpy")
def _draw(
    urn: NDArray[np.int32],
    signals: NDArray[np.int64],
    start: NDArray[np.int64],
    degree: NDArray[np.int32],
    holders: NDArray[np.int32],
    seen: NDArray[np.int32],
    state: np.uint64,
) -> None:
    """Fill the slots of ``signals`` from ``urn``."""
    left = 0
    for order, signal in enumerate(signals):
        for slot in range(start[signal], start[signal] + degree[signal]):
            pick = np.int64(left)
            for _ in range(_TRIES):
                state += _WEYL
                pick = left + np.int64(_next_random(state) % np.uint64(len(urn) - left))
                if seen[urn[pick]] != signal:
                    break
            account = urn[pick]
            urn[pick] = urn[left]
            left += 1
            if seen[account] == signal:
                account, state = _swap(account, signal, signals[:order], start, degree, holders, seen, state)
            if account >= 0:
                seen[account] = signal
            holders[slot] = account


@njit(cache=True, nogil=True, error_model="numpy")
def _swap(
    account: np.int32,
    signal: np.int64,
    earlier: NDArray[np.int64],
    start: NDArray[np.int64],
    degree: NDArray[np.int32],
    holders: NDArray[np.int32],
    seen: NDArray[np.int32],
    state: np.uint64,
) -> tuple[np.int32, np.uint64]:
    """Give ``account`` to an earlier signal that lacks it, and take from that an account that fits.

    Needed where the urn holds only accounts that the signal has already. Gives -1, an empty slot, where no
    swap was found: a graph so dense that there may be none.
    """
    for _ in range(_TRIES * 10 if len(earlier) else 0):
        state += _WEYL
        other = earlier[np.int64(_next_random(state) % np.uint64(len(earlier)))]
        state += _WEYL
        slot = start[other] + np.int64(_next_random(state) % np.uint64(degree[other]))
        given = holders[slot]
        if given < 0 or seen[given] == signal:
            continue
        if (holders[start[other] : start[other] + degree[other]] == account).any():
            continue
        holders[slot] = account
        return given, state
    return np.int32(-1), state
