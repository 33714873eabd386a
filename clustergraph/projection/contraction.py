"""Clusters as nodes: what is too weak to tie accounts may tie whole clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clustergraph.incidence.biadjacency import Biadjacency, Strata, rows_from_holders
from clustergraph.incidence.evidence import Cells

if TYPE_CHECKING:
    from numpy.typing import NDArray


def contract(
    graph: Biadjacency, labels: NDArray[np.int32], families: NDArray[np.integer], *, certain: float = 1.0
) -> Biadjacency:
    """Make a graph whose rows are clusters, each having once what any of its members has.

    Chance is reckoned as among accounts, with every cluster and every account that is in none as one node:
    degrees, slots and cells are counted anew. What a cluster of so many slots has by chance anyway, such as
    a popular template among thousands of accounts, is not in its row: it tells nothing.

    Args:
        graph: the incidence as numbers.
        labels: cluster of each account, -1 for none.
        families: numbers of the families to keep.
        certain: expected holders in a cluster from which on a signal is not in its row.

    Returns:
        A row per cluster over the signals that at least two clusters have. ``signal_degree`` counts clusters;
        the cells are those of the degrees among all nodes.
    """
    stratum = graph.cells.stratum[graph.signal_cell]
    cluster, signal, members = _list_pairs(graph, labels, families)
    telling = _expect(graph, labels, cluster, signal) < certain
    cluster, signal, members = cluster[telling], signal[telling], members[telling]
    spared = members - 1  # slots that become one
    degree = graph.signal_degree - np.bincount(signal, spared, len(stratum)).astype(np.int64)
    total = graph.strata.total - np.bincount(stratum[signal], spared, len(graph.strata.kind))
    strata = _contract_strata(graph.strata, labels, cluster, stratum[signal], spared)
    cells, cell = _make_cells(graph, degree, total)
    clusters = np.bincount(signal, minlength=len(stratum))
    order = np.lexsort((np.arange(len(cell)), degree, cell))
    order = order[(clusters[order] > 1) & (cell[order] >= 0)]
    number = np.full(len(cell), -1, np.int64)
    number[order] = np.arange(len(order))
    shared = np.flatnonzero(number[signal] >= 0)
    holders = cluster[shared[np.lexsort((cluster[shared], number[signal[shared]]))]].astype(np.int32)
    size = clusters[order].astype(np.int32)
    rows = rows_from_holders(holders, size, stratum[order], strata, int(labels.max(initial=-1)) + 1)
    return Biadjacency(*rows, cell[order].astype(np.int32), size, cells, strata)


def _list_pairs(
    graph: Biadjacency, labels: NDArray[np.int32], families: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """List the pairs of a cluster and a signal that its members have, and how many of them have it."""
    of_account = np.repeat(labels, np.diff(graph.indptr))
    wanted = np.isin(graph.cells.family, families)[graph.signal_cell]
    kept = np.flatnonzero((of_account >= 0) & wanted[graph.indices])
    count = max(len(graph.signal_cell), 1)
    pairs, members = np.unique(
        of_account[kept].astype(np.int64) * count + graph.indices[kept], return_counts=True
    )
    return pairs // count, pairs % count, members


def _expect(
    graph: Biadjacency, labels: NDArray[np.int32], cluster: NDArray[np.int64], signal: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Reckon how many members have a signal by chance: their slots of its stratum times its share of all."""
    clusters = int(labels.max(initial=-1)) + 1
    stratum = graph.cells.stratum[graph.signal_cell[signal]].astype(np.int64)
    keys, slots = _add_up(*_list_slots(graph.strata, labels))
    of_pair = slots[np.searchsorted(keys, stratum * clusters + cluster)]
    return of_pair * graph.signal_degree[signal] / graph.strata.total[stratum]


def _contract_strata(
    strata: Strata, labels: NDArray[np.int32], cluster: NDArray[np.int64], stratum: NDArray[np.int32],
    spared: NDArray[np.int64],
) -> Strata:  # fmt: skip
    """Count the signals of each stratum that each cluster has."""
    clusters = max(int(labels.max(initial=-1)) + 1, 1)
    key, slots = _list_slots(strata, labels)
    keys, left = _add_up(
        np.concatenate([key, stratum * clusters + cluster]), np.concatenate([slots, -spared])
    )
    start = np.searchsorted(keys, np.arange(len(strata.kind) + 1) * clusters).astype(np.int64)
    return Strata(
        strata.kind, strata.family, start, (keys % clusters).astype(np.int32), left.astype(np.int32),
        strata.nests, strata.inner,
    )  # fmt: skip


def _list_slots(strata: Strata, labels: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the slots of members, each with its stratum and cluster as one number."""
    number = np.repeat(np.arange(len(strata.kind)), np.diff(strata.start))
    member = np.flatnonzero(labels[strata.account] >= 0)
    key = number[member] * (int(labels.max(initial=-1)) + 1) + labels[strata.account[member]]
    return key, strata.slots[member].astype(np.int64)


def _add_up(key: NDArray[np.int64], count: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the different keys, sorted, and the sum of each one's counts."""
    keys, inverse = np.unique(key, return_inverse=True)
    return keys, np.bincount(inverse, count, len(keys)).astype(np.int64)


def _make_cells(
    graph: Biadjacency, degree: NDArray[np.integer], total: NDArray[np.integer]
) -> tuple[Cells, NDArray[np.int64]]:
    """Put signals in cells by degree among all nodes; give the cells and each signal's, -1 for none."""
    old = graph.cells
    band = np.floor(np.log2(np.maximum(degree, 1))).astype(np.int64)
    # What is known of a cell but its band stays: stratum, family and weight. A hub keeps cells of its own.
    key = graph.signal_cell.astype(np.int64) * 64 + band
    shared = np.flatnonzero(degree > 1)
    keys, inverse = np.unique(key[shared], return_inverse=True)
    origin, bands = keys // 64, keys % 64
    stratum, weight = old.stratum[origin], old.weight[origin]
    _merged, same = np.unique(np.stack([stratum, bands, weight]), axis=1, return_inverse=True)
    same = same.reshape(-1)
    pairs = np.bincount(same[inverse], (degree[shared] * (degree[shared] - 1)).astype(np.float64))
    first = np.unique(same, return_index=True)[1]
    rate = pairs / np.maximum(total[stratum[first]], 1.0) ** 2
    order = np.lexsort((np.arange(len(rate)), rate, bands[first]))
    rank = np.empty(len(rate), np.int64)
    rank[order] = np.arange(len(rate))
    cell = np.full(len(degree), -1, np.int64)
    cell[shared] = rank[same[inverse]]
    chosen = origin[first[order]]
    cells = Cells(
        old.stratum[chosen],
        old.family[chosen],
        bands[first[order]].astype(np.int32),
        rate[order],
        old.weight[chosen],
    )
    return cells, cell
