"""Connected parts of a graph, its blocks, and the vertices by which alone it hangs together (Tarjan 1972).

A block is a part that stays connected whichever of its vertices is taken away. A vertex in several blocks is
a cut: without it, what lies beyond each of them falls apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Cut:
    """A vertex without which others fall apart.

    Attributes:
        vertex: its number.
        parts: vertices of each part that is left of its own, the largest first.
    """

    vertex: int
    parts: tuple[int, ...]

    @property
    def apart(self) -> int:
        """Vertices that it alone connects to the largest part."""
        return sum(self.parts[1:])


def find_parts(vertices: int, source: NDArray[np.integer], target: NDArray[np.integer]) -> NDArray[np.int32]:
    """Number the connected parts of a graph by the least vertex of each (int32)."""
    return _unite(vertices, source.astype(np.int64), target.astype(np.int64))


def find_blocks(
    vertices: int, source: NDArray[np.integer], target: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the blocks of a graph without parallel edges.

    Args:
        vertices: number of vertices.
        source: one end of each edge.
        target: the other end.

    Returns:
        Vertices and their blocks, parallel; a vertex between blocks is there once for each of them, one
        without edges not at all.
    """
    vertex, block, _, _, _ = _search(*_index(vertices, source.astype(np.int64), target.astype(np.int64)))
    return vertex, block


def find_cuts(vertices: int, source: NDArray[np.integer], target: NDArray[np.integer]) -> list[Cut]:
    """Find the vertices by which alone a graph hangs together, and the parts that each of them separates.

    Returns:
        Those that connect most vertices to the largest part first, the lower number among equals.
    """
    found = _search(*_index(vertices, source.astype(np.int64), target.astype(np.int64)))
    _, _, head, beyond, rest = found
    parts: dict[int, list[int]] = {}
    for one, size in zip(head.tolist(), beyond.tolist(), strict=True):
        parts.setdefault(one, [int(rest[one])] if rest[one] else []).append(size)
    cuts = [Cut(one, tuple(sorted(sizes, reverse=True))) for one, sizes in parts.items() if len(sizes) > 1]
    return sorted(cuts, key=lambda cut: (-cut.apart, cut.vertex))


def thin_out(vertices: int, source: NDArray[np.integer], target: NDArray[np.integer]) -> NDArray[np.intp]:
    """Choose edges of a graph that make the same parts and blocks as all of them, whatever edges are added.

    They are a forest F found in breadth, and a forest of what F leaves (Eppstein, Galil, Italiano and
    Nissenzweig 1997): fewer than two edges a vertex.

    Args:
        vertices: number of vertices.
        source: one end of each edge, without parallel ones.
        target: the other end.

    Returns:
        Their numbers, rising.
    """
    one, other = source.astype(np.int64), target.astype(np.int64)
    return np.flatnonzero(_thin_out(one, other, *_index(vertices, one, other)))


def load_search() -> None:
    """Load what is compiled: the first such function of a process takes a while."""
    none = np.zeros(0, np.int64)
    find_cuts(0, none, none)


@njit(cache=True, nogil=True, error_model="numpy")
def _unite(vertices: int, source: NDArray[np.int64], target: NDArray[np.int64]) -> NDArray[np.int32]:
    """Unite the sets that edges connect, under their least vertex; paths are halved on the way up."""
    above = np.arange(vertices).astype(np.int32)
    for i in range(len(source)):
        u, v = source[i], target[i]
        while above[u] != u:
            above[u] = above[above[u]]
            u = above[u]
        while above[v] != v:
            above[v] = above[above[v]]
            v = above[v]
        if u < v:
            above[v] = u
        else:
            above[u] = v
    for v in range(vertices):  # what is above a vertex is less than it, and done
        above[v] = above[above[v]]
    return above


@njit(cache=True, nogil=True, error_model="numpy")
def _index(
    vertices: int, source: NDArray[np.int64], target: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the neighbours of each vertex, one vertex after the other."""
    start = np.zeros(vertices + 1, np.int64)
    for i in range(len(source)):
        start[source[i] + 1] += 1
        start[target[i] + 1] += 1
    for v in range(vertices):
        start[v + 1] += start[v]
    near, end = np.empty(2 * len(source), np.int64), start[:-1].copy()
    for i in range(len(source)):
        near[end[source[i]]], near[end[target[i]]] = target[i], source[i]
        end[source[i]] += 1
        end[target[i]] += 1
    return start, near


@njit(cache=True, nogil=True, error_model="numpy")
def _thin_out(
    source: NDArray[np.int64], target: NDArray[np.int64], start: NDArray[np.int64], near: NDArray[np.int64]
) -> NDArray[np.bool_]:
    n = len(start) - 1
    parent, queue = np.full(n, -1, np.int64), np.empty(n, np.int64)
    for first in range(n):
        if parent[first] >= 0:
            continue
        parent[first] = queue[0] = first
        begin, end = 0, 1
        while begin < end:
            v = queue[begin]
            begin += 1
            for i in range(start[v], start[v + 1]):
                if parent[near[i]] < 0:
                    parent[near[i]] = v
                    queue[end] = near[i]
                    end += 1
    above, kept = np.arange(n), np.zeros(len(source), np.bool_)
    for i in range(len(source)):
        u, v = source[i], target[i]
        if parent[u] == v or parent[v] == u:
            kept[i] = True
            continue
        u, v = _climb(above, u), _climb(above, v)
        kept[i] = u != v
        above[max(u, v)] = min(u, v)
    return kept


@njit(cache=True, nogil=True, error_model="numpy")
def _climb(above: NDArray[np.int64], vertex: int) -> int:
    """Find the top of a vertex's set; the path is halved on the way up."""
    while above[vertex] != vertex:
        above[vertex] = above[above[vertex]]
        vertex = above[vertex]
    return vertex


@njit(cache=True, nogil=True, error_model="numpy")
def _search(
    start: NDArray[np.int64], near: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Search in depth.

    Returns:
        Vertices and their blocks, parallel; for each block the vertex that it hangs at and the vertices
        beyond that one; for each vertex what lies on its other side.
    """
    n = len(start) - 1
    found, low, parent = np.full(n, -1, np.int64), np.zeros(n, np.int64), np.full(n, -1, np.int64)
    root, below, following = np.zeros(n, np.int64), np.ones(n, np.int64), start[:-1].copy()
    path, waiting = np.empty(n, np.int64), np.empty(n, np.int64)
    vertex, block = np.empty(2 * n, np.int64), np.empty(2 * n, np.int64)
    head, beyond, rest = np.empty(n, np.int64), np.empty(n, np.int64), np.zeros(n, np.int64)
    size, blocks, time, waits = 0, 0, 0, 0
    for first in range(n):
        if found[first] >= 0:
            continue
        path[0], depth = first, 0
        found[first] = low[first] = time
        root[first] = first
        time += 1
        while depth >= 0:
            v = path[depth]
            if following[v] < start[v + 1]:
                w = near[following[v]]
                following[v] += 1
                if found[w] < 0:
                    parent[w], root[w] = v, first
                    found[w] = low[w] = time
                    time += 1
                    depth += 1
                    path[depth] = w
                    waiting[waits] = w
                    waits += 1
                elif w != parent[v]:
                    low[v] = min(low[v], found[w])
                continue
            depth -= 1
            if depth < 0:
                break
            u = path[depth]
            below[u] += below[v]
            low[u] = min(low[u], low[v])
            if low[v] < found[u]:
                continue
            # Nothing below v leads above u: with u it is a block, and all beyond u on this side.
            waits, size = _close(waiting, waits, v, blocks, vertex, block, size)
            vertex[size], block[size] = u, blocks
            size += 1
            head[blocks], beyond[blocks] = u, below[v]
            rest[u] += below[v]
            blocks += 1
    for v in range(n):
        rest[v] = below[root[v]] - 1 - rest[v]
    return vertex[:size].copy(), block[:size].copy(), head[:blocks].copy(), beyond[:blocks].copy(), rest


@njit(cache=True, nogil=True, error_model="numpy")
def _close(
    waiting: NDArray[np.int64], waits: int, last: int, number: int, vertex: NDArray[np.int64],
    block: NDArray[np.int64], size: int,
) -> tuple[int, int]:  # fmt: skip
    """Put what waits, down to ``last``, in a block; give how many wait still, and how many are in blocks."""
    while True:
        waits -= 1
        vertex[size], block[size] = waiting[waits], number
        size += 1
        if waiting[waits] == last:
            return waits, size
