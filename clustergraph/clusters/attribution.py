"""Which signals hold a cluster together: the bits of its ties, shared out over the signals that make them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from clustergraph.incidence.biadjacency import together
from clustergraph.incidence.evidence import poisson_bits
from clustergraph.projection.growing import grown
from clustergraph.projection.prefix_join import COUNTS, make_levels, verify_pair

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.communities.pairs import Pairs
    from clustergraph.incidence.biadjacency import Arrays, Biadjacency


@dataclass(frozen=True)
class Attribution:
    """What each signal adds to a cluster, sorted by (cluster, signal); all arrays are parallel.

    Attributes:
        cluster: cluster number (int32).
        signal: signal number (int32).
        bits: its part of the evidence of the cluster's ties (float64).
    """

    cluster: NDArray[np.int32]
    signal: NDArray[np.int32]
    bits: NDArray[np.float64]


def attribute(graph: Biadjacency, ties: Pairs, labels: NDArray[np.int32], *, threads: int = 1) -> Attribution:
    """Share out the evidence of each cluster's ties over signals.

    What a cell gives a tie is shared equally by the signals of the cell that the two accounts share, so
    the bits of a cluster's signals add up to the bits of its ties. Of the levels of a nest those signals have
    their part whose level counts in the tie.

    Args:
        graph: the incidence as numbers.
        ties: all ties.
        labels: cluster of each account, -1 for none.
        threads: processors to use.
    """
    inside = np.flatnonzero((labels[ties.source] >= 0) & (labels[ties.source] == labels[ties.target]))
    inside = inside[np.argsort(labels[ties.source[inside]], kind="stable")]
    clusters = labels[ties.source[inside]]
    arrays = graph.arrays

    def work(chosen: NDArray[np.intp]) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
        ends = ties.source[inside[chosen]], ties.target[inside[chosen]]
        return _attribute(arrays, make_levels(graph), *ends, clusters[chosen])

    # A cluster's ties stay together, so that the order of its sums does not depend on the threads.
    ends = np.flatnonzero(np.diff(clusters)) + 1
    targets = np.linspace(0, len(clusters), threads * 4 + 1)[1:-1]
    cuts = np.unique(ends[np.minimum(np.searchsorted(ends, targets), len(ends) - 1)]) if len(ends) else ends
    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(work, np.split(np.arange(len(inside)), cuts)))
    cluster, signal, bits = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((signal, cluster))
    return Attribution(cluster[order].astype(np.int32), signal[order].astype(np.int32), bits[order])


@njit(cache=True, nogil=True, error_model="numpy")
def _attribute(
    g: Arrays,
    levels: NDArray[np.float64] | None,
    source: NDArray[np.int32],
    target: NDArray[np.int32],
    clusters: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    bits = np.zeros(len(g.signal_cell), np.float64)
    touched, shared = np.empty(len(bits), np.int32), np.empty(len(bits), np.int32)
    room, size = 1024, 0
    out_cluster, out_signal, out_bits = (
        np.empty(room, np.int32),
        np.empty(room, np.int32),
        np.empty(room, np.float64),
    )
    count = 0
    for i in range(len(source)):
        count = _add_tie(g, levels, source[i], target[i], shared, bits, touched, count)
        if i + 1 < len(source) and clusters[i + 1] == clusters[i]:
            continue
        while size + count > room:
            room *= 2
        if room > len(out_bits):
            out_cluster, out_signal = grown(out_cluster, room), grown(out_signal, room)
            out_bits = grown(out_bits, room)
        for t in range(count):
            signal = touched[t]
            out_cluster[size], out_signal[size], out_bits[size] = clusters[i], signal, bits[signal]
            bits[signal] = 0.0
            size += 1
        count = 0
    return out_cluster[:size].copy(), out_signal[:size].copy(), out_bits[:size].copy()


@njit(cache=True, nogil=True, error_model="numpy")
def _add_tie(
    g: Arrays,
    levels: NDArray[np.float64] | None,
    a: int,
    b: int,
    shared: NDArray[np.int32],
    bits: NDArray[np.float64],
    touched: NDArray[np.int32],
    count: int,
) -> int:
    """Share out one tie's bits, cell by cell; give the number of touched signals.

    ``shared`` has room for the signals of a cell that both accounts have.
    """
    p, q, p_end, q_end = g.indptr[a], g.indptr[b], g.indptr[a + 1], g.indptr[b + 1]
    size, chance = 0, 0.0
    if levels is not None:
        verify_pair(g, levels, a, b)
    while p < p_end and q < q_end:
        if g.indices[p] < g.indices[q]:
            p += 1
        elif g.indices[q] < g.indices[p]:
            q += 1
        elif not together(g, p, q):
            p += 1
            q += 1
        else:
            signal = g.indices[p]
            if not _counts(g, levels, signal):
                p += 1
                q += 1
                continue
            if size > 0 and g.signal_cell[signal] != g.signal_cell[shared[0]]:
                count = _add_cell(g, chance, shared, size, bits, touched, count)
                size = 0
            shared[size] = signal
            size += 1
            chance = float(g.slots[p]) * g.slots[q]
            p += 1
            q += 1
    if size > 0:
        count = _add_cell(g, chance, shared, size, bits, touched, count)
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _counts(g: Arrays, levels: NDArray[np.float64] | None, signal: int) -> bool:
    """Tell whether a shared signal is of no nest, or of the level that counts in the tie."""
    if levels is None:
        return True
    level = g.level[g.signal_cell[signal]]
    return bool(level < 0 or levels[level, COUNTS] > 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _add_cell(
    g: Arrays,
    chance: float,
    shared: NDArray[np.int32],
    size: int,
    bits: NDArray[np.float64],
    touched: NDArray[np.int32],
    count: int,
) -> int:
    """Share out what a cell gives a tie over the ``size`` signals of it that both accounts have.

    ``chance`` is the product of how many signals of the cell's stratum each of them has.
    """
    cell = g.signal_cell[shared[0]]
    expected = g.rate[cell] * chance
    part = g.weight[cell] * poisson_bits(size, expected) / size
    if part > 0.0:
        for i in range(size):
            signal = shared[i]
            if bits[signal] == 0.0:
                touched[count] = signal
                count += 1
            bits[signal] += part
    return count
