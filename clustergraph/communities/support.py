"""Each member's evidence to the rest of its cluster, against chance.

A member's signals in a cell are held against all signals of the cell that the *other* members have.
An account with ``k`` signals of the kind would meet ``lambda = k * sum (d - 1) / M`` of them by chance
(``d``: degree of such a signal, ``M``: the kind's pairs, as in :mod:`clustergraph.incidence.evidence`).
Meeting ``x`` of them is worth the Poisson log-likelihood ratio in bits. A signal counts once, however many
members have it, and a large cluster, which anybody meets somewhere, must be met more often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from clustergraph.incidence.evidence import poisson_bits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.communities.pairs import Pairs
    from clustergraph.incidence.biadjacency import Biadjacency

UNCLUSTERED = -1


@dataclass(frozen=True)
class Supported:
    """Clusters whose members all have enough evidence to the rest.

    Attributes:
        labels: cluster of each account, -1 for none (int32, accounts).
        bits: evidence of each account to the rest of its cluster, 0 for none (float64, accounts).
    """

    labels: NDArray[np.int32]
    bits: NDArray[np.float64]


def measure_support(graph: Biadjacency, labels: NDArray[np.int32]) -> NDArray[np.float64]:
    """Measure the evidence, in bits, of each account to the rest of its cluster (0 where it has none)."""
    members = np.flatnonzero(labels >= 0)
    members = members[np.argsort(labels[members], kind="stable")].astype(np.int32)
    bits = np.zeros(len(labels), np.float64)
    _measure(graph.arrays, members, labels, graph.signal_chance, bits)
    return bits


def require_support(
    graph: Biadjacency, labels: NDArray[np.int32], ties: Pairs, *, min_bits: float, min_accounts: int
) -> Supported:
    """Leave out members with too little evidence, until all that are left have enough.

    All who fall short leave at once, what is left falls into its connected parts, parts that are too
    small go, and the rest is measured again: the outcome depends on no order.

    Args:
        graph: the incidence as numbers.
        labels: cluster of each account, -1 for none.
        ties: the ties that hold clusters together.
        min_bits: evidence that a member must have to the rest of its cluster.
        min_accounts: size that a cluster must have.

    Returns:
        New labels, numbered in the order of their first accounts, and the members' evidence.
    """
    labels = connected_parts(labels, ties, min_accounts=min_accounts)
    bits = measure_support(graph, labels)
    while True:
        weak = (labels >= 0) & (bits < min_bits)
        if not weak.any():
            return Supported(labels, np.where(labels >= 0, bits, 0.0))
        touched = np.isin(labels, np.unique(labels[weak]))
        labels = np.where(weak, UNCLUSTERED, labels).astype(np.int32)
        labels = connected_parts(labels, ties, min_accounts=min_accounts)
        bits[touched] = measure_support(graph, np.where(touched, labels, UNCLUSTERED))[touched]


def connected_parts(labels: NDArray[np.int32], ties: Pairs, *, min_accounts: int) -> NDArray[np.int32]:
    """Cut clusters into the parts that their own ties connect; parts under ``min_accounts`` go."""
    part = _find_parts(labels, ties)
    counts = np.bincount(part[labels >= 0], minlength=int(part.max(initial=0)) + 1)
    keep = (labels >= 0) & (counts[part] >= min_accounts)
    return number_by_first(np.where(keep, part, UNCLUSTERED))


def is_connected(labels: NDArray[np.int32], ties: Pairs) -> bool:
    """Tell whether the ties inside it connect every cluster."""
    members = labels >= 0
    return len(np.unique(_find_parts(labels, ties)[members])) == len(np.unique(labels[members]))


def _find_parts(labels: NDArray[np.int32], ties: Pairs) -> NDArray[np.int32]:
    """Number the connected components that ties inside clusters make (int32, accounts)."""
    inside = (labels[ties.source] == labels[ties.target]) & (labels[ties.source] >= 0)
    source, target = ties.source[inside], ties.target[inside]
    size = len(labels)
    matrix = coo_array((np.ones(len(source), np.int8), (source, target)), shape=(size, size))
    return np.asarray(connected_components(matrix, directed=False)[1])


def number_by_first(labels: NDArray[np.integer]) -> NDArray[np.int32]:
    """Renumber clusters 0, 1, ... in the order in which accounts first show them."""
    members = np.flatnonzero(labels >= 0)
    _, first, inverse = np.unique(labels[members], return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first), dtype=np.int32)
    result = np.full(len(labels), UNCLUSTERED, np.int32)
    result[members] = rank[inverse]
    return result


@njit(cache=True, nogil=True, error_model="numpy")
def _measure(g, members, labels, chance, bits):  # type: ignore[no-untyped-def]
    holders = np.zeros(len(g.signal_cell), np.int32)
    expected = np.zeros(len(g.kind), np.float64)
    begin = 0
    while begin < len(members):
        end = begin
        while end < len(members) and labels[members[end]] == labels[members[begin]]:
            end += 1
        for a in members[begin:end]:
            for p in range(g.indptr[a], g.indptr[a + 1]):
                s = g.indices[p]
                if holders[s] == 0:
                    expected[g.signal_cell[s]] += chance[s]
                holders[s] += 1
        for a in members[begin:end]:
            bits[a] = _member_bits(g, a, chance, holders, expected)
        for a in members[begin:end]:
            for p in range(g.indptr[a], g.indptr[a + 1]):
                holders[g.indices[p]] = 0
                expected[g.signal_cell[g.indices[p]]] = 0.0
        begin = end


@njit(cache=True, nogil=True, error_model="numpy")
def _member_bits(g, a, chance, holders, expected):  # type: ignore[no-untyped-def]
    total = 0.0
    p = g.indptr[a]
    while p < g.indptr[a + 1]:
        cell = g.signal_cell[g.indices[p]]
        shared, own = 0, 0.0
        while p < g.indptr[a + 1] and g.signal_cell[g.indices[p]] == cell:
            s = g.indices[p]
            if holders[s] > 1:
                shared += 1
            else:
                own += chance[s]
            p += 1
        if shared > 0:
            total += g.weight[cell] * poisson_bits(
                shared, g.degrees[a, g.kind[cell]] * (expected[cell] - own)
            )
    return total
