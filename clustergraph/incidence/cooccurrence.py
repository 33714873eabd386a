"""How often any two accounts used signals of a kind together, within its window."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numba import njit

from clustergraph.engines.sql import literal
from clustergraph.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.incidence.links import Incidence

# Pairs of uses that are held at a time, as far as signals are not larger.
_AT_ONCE = 5_000_000
_USES = """
SELECT dense_rank() OVER (ORDER BY e.plain) - 1 AS signal, a.account, epoch_us(e.first_seen) AS time,
       sum(e.exchanges)::BIGINT AS exchanges
FROM episodes e JOIN accounts a ON a.hash = {account}
WHERE e.kind = {kind} GROUP BY e.plain, a.account, time ORDER BY signal, time, a.account
"""
_Counts = tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.int64]"]


def count_together(incidence: Incidence, kind: str) -> pa.Table:
    """Count what every two accounts used together: no further apart than the window of the kind.

    Args:
        incidence: what :func:`clustergraph.link` gives, its engine open.
        kind: of signals, one with a window.

    Returns:
        A row per pair of accounts that used any signal together, sorted: ``source`` and ``target`` (account
        ids, in order), ``signals`` (values of the kind that they used together, each once however often that
        was) and ``uses`` (pairs of an exchange of one and an exchange of the other that are together). Known
        hubs are counted as well.

    Raises:
        UsageError: the kind has no window, or was not seen.
    """
    sightings, uses = incidence.sightings, incidence.graph.uses
    windows = dict(zip(sightings.kinds, uses.window.tolist(), strict=True)) if uses else {}
    if windows.get(kind, -1) < 0:
        raise UsageError(f"{kind!r} was not seen, or has no window; give it one under [link] windows")
    engine = sightings.engine
    found = engine.fetch(_USES.format(account=engine.hash("e.account_id"), kind=literal(kind)))
    signal, account, time, exchanges = (found[name].to_numpy() for name in found.column_names)
    pair, signals, together = _count(signal, account, time, exchanges, windows[kind])
    ids = incidence.accounts["account_id"].combine_chunks()
    ends = (pa.array(end) for end in (pair >> 32, pair & 0xFFFFFFFF))
    source, target = (ids.take(end) for end in ends)
    return pa.table({"source": source, "target": target, "signals": signals, "uses": together})


def _count(
    signal: NDArray[np.int64], account: NDArray[np.int32], time: NDArray[np.int64],
    exchanges: NDArray[np.int64], window: int,
) -> _Counts:  # fmt: skip
    """Give pairs of account numbers (the lower one in the upper half), signals and pairs of exchanges."""
    first = _find_first(signal, time, window)
    begins = np.flatnonzero(np.diff(signal, prepend=-1))
    total = np.cumsum(np.arange(len(first)) - first)  # pairs of uses up to each use
    block = np.append(0, total)[begins] // _AT_ONCE
    cuts = np.append(begins[np.flatnonzero(np.diff(block, prepend=-1))], len(signal))
    none = np.zeros(0, np.int64)
    parts: list[_Counts] = [(none, none, none)]
    for begin, end in pairwise(cuts.tolist()):
        pair, of, uses = _list_pairs(signal, account, exchanges, first, begin, end)
        order = np.lexsort((of, pair))  # one signal of a pair after the other
        pair, of, uses = pair[order], of[order], uses[order]
        fresh = np.append(True, (pair[1:] != pair[:-1]) | (of[1:] != of[:-1]))[: len(pair)]
        parts.append(_add_up(pair, fresh.astype(np.int64), uses))
    pair, signals, uses = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(pair, kind="stable")
    return _add_up(pair[order], signals[order], uses[order])


def _add_up(pair: NDArray[np.int64], signals: NDArray[np.int64], uses: NDArray[np.int64]) -> _Counts:
    """Add up the counts of each pair; pairs are sorted."""
    pairs, first = np.unique(pair, return_index=True)
    if not len(pairs):
        return pairs, pairs, pairs
    return pairs, np.add.reduceat(signals, first), np.add.reduceat(uses, first)


@njit(cache=True, nogil=True, error_model="numpy")
def _find_first(signal: NDArray[np.int64], time: NDArray[np.int64], window: int) -> NDArray[np.int64]:
    """Find the first use that is together with each use, itself at the latest."""
    first = np.empty(len(signal), np.int64)
    earliest = 0
    for i in range(len(signal)):
        while signal[earliest] != signal[i] or time[i] - time[earliest] > window:
            earliest += 1
        first[i] = earliest
    return first


@njit(cache=True, nogil=True, error_model="numpy")
def _list_pairs(
    signal: NDArray[np.int64],
    account: NDArray[np.int32],
    exchanges: NDArray[np.int64],
    first: NDArray[np.int64],
    begin: int,
    end: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """List the pairs of uses by different accounts, with their signals and pairs of exchanges."""
    room = 0
    for i in range(begin, end):
        room += i - first[i]
    pair, of, uses = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    size = 0
    for i in range(begin, end):
        for j in range(first[i], i):
            one, other = np.int64(account[i]), np.int64(account[j])
            if one != other:
                pair[size] = min(one, other) << 32 | max(one, other)
                of[size], uses[size] = signal[i], exchanges[i] * exchanges[j]
                size += 1
    return pair[:size], of[:size], uses[:size]
