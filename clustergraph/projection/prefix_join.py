"""All pairs of accounts above a threshold of evidence, exactly, without looking at all pairs.

Prefix filtering, from the literature on set-similarity joins (Bayardo, Ma, Srikant 2007; Xiao et al.
2008): signals are ordered from rare to common. The longest common tail of an account's row whose bounds
add up to less than the threshold cannot make a tie by itself, so the first shared signal of a qualifying
pair lies in the *head* of both rows. Only heads are indexed; each candidate is verified on whole rows.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from clustergraph.communities.pairs import Pairs, concatenate
from clustergraph.incidence.biadjacency import together
from clustergraph.incidence.evidence import bits_at_most, poisson_bits
from clustergraph.projection.growing import grown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from clustergraph.incidence.biadjacency import Arrays, Biadjacency

# A rounding error must never cut a pair that is exactly at the threshold.
_MARGIN = 1e-9
# A row's signals as a small Bloom filter with one hash: 16 KiB stay in a processor's first cache.
_SKETCH_MASK = (1 << 14) - 1
# Columns of what each level of nested kinds gives a pair: bits, shared signals, family, whether it counts.
BITS, SHARED, FAMILY, COUNTS = range(4)
_COLUMNS = 4


class PrefixIndex:
    """The heads of all rows, and for each signal the accounts that have it in their head.

    Building it is linear in the incidence; it tells what the join will cost before it is paid.
    """

    def __init__(self, graph: Biadjacency, min_bits: float) -> None:
        """Index ``graph`` for pairs of at least ``min_bits`` (> 0) bits of evidence."""
        self.graph = graph
        self.min_bits = min_bits
        self._head = _head_ends(graph.arrays, min_bits - _MARGIN)
        self._start, self._holders = _index_heads(graph.arrays, self._head)

    @property
    def visits(self) -> int:
        """Number of (pair, signal in both heads): what :meth:`join` will look at."""
        size = np.diff(self._start)
        return int((size * (size - 1) // 2).sum())

    def row_visits(self, rows: NDArray[np.int32]) -> NDArray[np.int64]:
        """Visits that each of ``rows`` costs when it is joined with all accounts (int64)."""
        return np.asarray(_row_visits(self.graph.arrays, rows, self._head, self._start))

    def join(self, *, threads: int, progress: Callable[[float], None] | None = None) -> Pairs:
        """Find every pair with at least ``min_bits`` of evidence, each once, source < target."""
        rows = np.arange(self.graph.accounts, dtype=np.int32)
        return self._join(rows, upward=True, threads=threads, progress=progress)

    def join_rows(self, rows: NDArray[np.int32], *, threads: int) -> Pairs:
        """Find every pair of one of ``rows`` (each the source) and any other account (the target)."""
        return self._join(rows, upward=False, threads=threads)

    def _join(
        self,
        rows: NDArray[np.int32],
        *,
        upward: bool,
        threads: int,
        progress: Callable[[float], None] | None = None,
    ) -> Pairs:
        graph, arrays, local = self.graph, self.graph.arrays, threading.local()

        def work(block: NDArray[np.int32]) -> Pairs:
            if not hasattr(local, "seen"):
                local.seen = np.full(graph.accounts, -1, np.int32)
            return Pairs(
                *_join_block(
                    arrays,
                    block,
                    upward,
                    self._head,
                    self._start,
                    self._holders,
                    self.min_bits,
                    local.seen,
                    make_levels(graph),
                )
            )

        cost = self.row_visits(rows)
        parts: list[Pairs] = []
        done = 0.0
        total = float(cost.sum() + len(rows)) or 1.0
        blocks = list(_blocks(rows, cost))
        with ThreadPoolExecutor(max(1, min(threads, len(blocks)))) as pool:
            for (_, block_cost), part in zip(blocks, pool.map(work, [b for b, _ in blocks]), strict=True):
                parts.append(part)
                done += block_cost
                if progress:
                    progress(done / total)
        pairs = concatenate(parts)
        return pairs.take(np.lexsort((pairs.target, pairs.source)))


def verify_pairs(
    graph: Biadjacency, source: NDArray[np.int32], target: NDArray[np.int32], *, threads: int = 1
) -> Pairs:
    """Reckon the evidence of given pairs of accounts, whatever it comes to.

    Args:
        graph: the incidence as numbers.
        source: one account of each pair.
        target: the other.
        threads: processors to use.
    """
    arrays = graph.arrays

    def work(one: NDArray[np.int32], other: NDArray[np.int32]) -> tuple[NDArray[np.number], ...]:
        return tuple(_verify_all(arrays, make_levels(graph), one, other))

    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(work, *(np.array_split(end, threads) for end in (source, target))))
    return Pairs(source, target, *(np.concatenate(column) for column in zip(*parts, strict=True)))


def make_levels(graph: Biadjacency) -> NDArray[np.float64] | None:
    """Make room for :func:`verify_pair`, a row per level of nested kinds; None where no kinds are nested.

    Compiled code is made for either case, so that nothing is paid for nests where there are none.
    """
    levels = len(graph.strata.nests.nest)
    return np.zeros((levels, _COLUMNS)) if levels else None


def _blocks(rows: NDArray[np.int32], cost: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int32], int]]:
    """Cut ``rows`` where their cost, in visits, passes multiples of a fixed amount."""
    total = np.cumsum(cost + 1)
    if not len(total):
        return
    step = max(int(total[-1]) // 64, 200_000)
    cuts = np.flatnonzero(np.diff(total // step)) + 1
    previous = 0
    for block in np.split(np.arange(len(rows)), cuts):
        if len(block):
            end = int(total[block[-1]])
            yield rows[block], end - previous
            previous = end


@njit(cache=True, nogil=True, error_model="numpy")
def _head_ends(g: Arrays, min_bits: float) -> NDArray[np.int64]:
    # A nest counts its strongest level, so its tail gives at most the largest sum of a level.
    head = np.empty(len(g.indptr) - 1, np.int64)
    of_level, of_nest = np.empty(len(g.nest), np.float64), np.empty(len(g.nest), np.float64)
    for a in range(len(head)):
        tail, p = 0.0, g.indptr[a + 1]
        of_level[:] = 0.0
        of_nest[:] = 0.0
        while p > g.indptr[a]:
            cell = g.signal_cell[g.indices[p - 1]]
            bound = g.weight[cell] * bits_at_most(g.slots[p - 1], g.rate[cell])
            level = g.level[cell]
            if level < 0:
                tail += bound
            else:
                nest = g.nest[level]
                of_level[level] += bound
                if of_level[level] > of_nest[nest]:
                    tail += of_level[level] - of_nest[nest]
                    of_nest[nest] = of_level[level]
            if tail >= min_bits:
                break
            p -= 1
        head[a] = p
    return head


@njit(cache=True, nogil=True, error_model="numpy")
def _index_heads(g: Arrays, head: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    start = np.zeros(len(g.signal_cell) + 1, np.int64)
    for a in range(len(head)):
        for p in range(g.indptr[a], head[a]):
            start[g.indices[p] + 1] += 1
    for s in range(len(g.signal_cell)):
        start[s + 1] += start[s]
    end = start[:-1].copy()
    holders = np.empty(start[-1], np.int32)
    for a in range(len(head)):
        for p in range(g.indptr[a], head[a]):
            holders[end[g.indices[p]]] = a
            end[g.indices[p]] += 1
    return start, holders


@njit(cache=True, nogil=True, error_model="numpy")
def _row_visits(
    g: Arrays, rows: NDArray[np.int32], head: NDArray[np.int64], start: NDArray[np.int64]
) -> NDArray[np.int64]:
    visits = np.zeros(len(rows), np.int64)
    for i, a in enumerate(rows):
        for p in range(g.indptr[a], head[a]):
            visits[i] += start[g.indices[p] + 1] - start[g.indices[p]] - 1
    return visits


@njit(cache=True, nogil=True, error_model="numpy")
def _first_above(holders: NDArray[np.int32], low: int, high: int, account: int) -> int:
    """Position of the first holder with a number above ``account`` in a sorted stretch."""
    while low < high:
        middle = (low + high) // 2
        if holders[middle] <= account:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True, error_model="numpy")
def verify_pair(
    g: Arrays, levels: NDArray[np.float64] | None, a: int, b: int
) -> tuple[float, int, np.uint64]:
    """Evidence of the whole rows of ``a`` and ``b``: bits, shared signals, set of families.

    Of the levels of a nest the strongest counts, with its bits and signals; ``levels`` is left to tell which.
    """
    bits, shared, families = 0.0, 0, np.uint64(0)
    p, p_end, q, q_end = g.indptr[a], g.indptr[a + 1], g.indptr[b], g.indptr[b + 1]
    cell, count, of_a, of_b, slots_a, slots_b = -1, 0, 0, 0, 0, 0
    while True:
        at_end = p >= p_end or q >= q_end
        match = -1
        if not at_end:
            s, t = g.indices[p], g.indices[q]
            p += s <= t
            q += t <= s
            if s != t or not together(g, p - 1, q - 1):
                continue
            match = g.signal_cell[s]
            slots_a, slots_b = g.slots[p - 1], g.slots[q - 1]
        if match != cell:
            if count > 0:
                expected = g.rate[cell] * of_a * of_b
                gain = g.weight[cell] * poisson_bits(count, expected)
                if levels is not None and g.level[cell] >= 0:
                    _add_to_level(levels, g.level[cell], gain, count, g.family[cell])
                else:
                    bits += gain
                    shared += count
                    families |= np.uint64(gain > 0.0) << np.uint64(g.family[cell])
            if at_end:
                break
            cell, count, of_a, of_b = match, 0, slots_a, slots_b
        if at_end:
            break
        count += 1
    return _add_levels(g, levels, bits, shared, families)


@njit(cache=True, nogil=True, error_model="numpy")
def _add_to_level(levels: NDArray[np.float64], level: int, bits: float, shared: int, family: int) -> None:
    levels[level, BITS] += bits
    levels[level, SHARED] += shared
    levels[level, FAMILY] = family


@njit(cache=True, nogil=True, error_model="numpy")
def _add_levels(
    g: Arrays, levels: NDArray[np.float64] | None, bits: float, shared: int, families: np.uint64
) -> tuple[float, int, np.uint64]:
    """Add the strongest level of each nest, the finest of equals, to what kinds in no nest give."""
    if levels is None:
        return bits, shared, families
    levels[:, COUNTS] = 0.0
    first = 0
    while first < len(g.nest):
        best, level = first, first
        while level < len(g.nest) and g.nest[level] == g.nest[first]:
            if levels[level, SHARED] > 0.0 and (
                levels[best, SHARED] == 0.0 or levels[level, BITS] > levels[best, BITS]
            ):
                best = level
            level += 1
        first = level
        levels[best, COUNTS] = 1.0
        bits += levels[best, BITS]
        shared += int(levels[best, SHARED])
        if levels[best, BITS] > 0.0:
            families |= np.uint64(1) << np.uint64(levels[best, FAMILY])
    levels[:, BITS] = 0.0
    levels[:, SHARED] = 0.0
    return bits, shared, families


@njit(cache=True, nogil=True, error_model="numpy")
def _verify_all(
    g: Arrays, levels: NDArray[np.float64] | None, source: NDArray[np.int32], target: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32]]:
    bits = np.empty(len(source), np.float64)
    shared, families = np.empty(len(source), np.int32), np.empty(len(source), np.int32)
    for i in range(len(source)):
        bits[i], shared[i], kinds = verify_pair(g, levels, source[i], target[i])
        families[i] = _count_set(kinds)
    return bits, shared, families


@njit(cache=True, nogil=True, error_model="numpy")
def _count_set(word: np.uint64) -> int:
    count = 0
    while word:
        word &= word - np.uint64(1)
        count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _shares_more(signal: int, end: int, indices: NDArray[np.int32], sketch: NDArray[np.uint8]) -> bool:
    """Whether a row that ends at ``end`` may share a signal above ``signal``, which it has.

    ``sketch`` was filled with the signals of the other row.
    """
    q = end - 1
    while indices[q] > signal:
        if sketch[indices[q] & _SKETCH_MASK]:
            return True
        q -= 1
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(sketch: NDArray[np.uint8], g: Arrays, a: int, value: int) -> None:
    for p in range(g.indptr[a], g.indptr[a + 1]):
        sketch[g.indices[p] & _SKETCH_MASK] = value


@njit(cache=True, nogil=True, error_model="numpy")
def _join_block(
    g: Arrays,
    rows: NDArray[np.int32],
    upward: bool,
    head: NDArray[np.int64],
    start: NDArray[np.int64],
    holders: NDArray[np.int32],
    min_bits: float,
    seen: NDArray[np.int32],
    levels: NDArray[np.float64] | None,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64], NDArray[np.int32], NDArray[np.int32]]:
    room, size = 1024, 0
    source, target = np.empty(room, np.int32), np.empty(room, np.int32)
    bits, shared, families = np.empty(room, np.float64), np.empty(room, np.int32), np.empty(room, np.int32)
    sketch = np.zeros(_SKETCH_MASK + 1, np.uint8)
    indptr, indices = g.indptr, g.indices
    candidates = np.empty(len(indptr), np.int32)
    for a in rows:
        seen[a] = a
        _fill(sketch, g, a, 1)
        for p in range(g.indptr[a], head[a]):
            s = g.indices[p]
            cell = g.signal_cell[s]
            alone_at_most = g.weight[cell] * bits_at_most(g.slots[p], g.rate[cell])
            first = start[s]
            if upward:
                first = _first_above(holders, start[s], start[s + 1], a)
            fresh = 0
            for q in range(first, start[s + 1]):
                b = holders[q]
                candidates[fresh] = b
                fresh += seen[b] != a
                seen[b] = a
            for c in range(fresh):
                b = candidates[c]
                # This is the first signal that they share; most share no other: tell those without a merge.
                if alone_at_most < min_bits and not _shares_more(s, indptr[b + 1], indices, sketch):
                    continue
                found, common, kinds = verify_pair(g, levels, a, b)
                if found < min_bits:
                    continue
                if size == room:
                    room *= 2
                    source, target = grown(source, room), grown(target, room)
                    bits, shared, families = grown(bits, room), grown(shared, room), grown(families, room)
                source[size], target[size] = a, b
                bits[size], shared[size], families[size] = found, common, _count_set(kinds)
                size += 1
        _fill(sketch, g, a, 0)
    return (
        source[:size].copy(),
        target[:size].copy(),
        bits[:size].copy(),
        shared[:size].copy(),
        families[:size].copy(),
    )
