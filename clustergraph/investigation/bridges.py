"""Bridges: accounts by which alone the ties of a cluster hang together, its articulation points."""

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


def find_cuts(vertices: int, source: NDArray[np.int32], target: NDArray[np.int32]) -> list[Cut]:
    """Find the articulation points of a graph, and the parts that each of them separates.

    Tarjan's (1972) search in depth: a vertex separates the subtree of a child from which no edge leads above
    the vertex.

    Args:
        vertices: number of vertices.
        source: one end of each edge.
        target: the other end.

    Returns:
        Those that connect most vertices to the largest part first, the lower number among equals.
    """
    ends = np.concatenate([source, target])
    order = np.argsort(ends, kind="stable")
    indptr = np.zeros(vertices + 1, np.int64)
    indptr[1:] = np.cumsum(np.bincount(ends, minlength=vertices))
    near = np.concatenate([target, source])[order].astype(np.int32)
    vertex, size, left = _search(indptr, near)
    parts: dict[int, list[int]] = {}
    for one, part in zip(vertex.tolist(), size.tolist(), strict=True):
        parts.setdefault(one, [int(left[one])] if left[one] else []).append(part)
    found = [Cut(one, tuple(sorted(sizes, reverse=True))) for one, sizes in parts.items() if len(sizes) > 1]
    return sorted(found, key=lambda cut: (-cut.apart, cut.vertex))


@njit(cache=True, nogil=True, error_model="numpy")
def _search(
    indptr: NDArray[np.int64], near: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """List vertices and sizes of the subtrees that they separate, and what is left beyond each vertex."""
    n = len(indptr) - 1
    found, low, parent = np.full(n, -1, np.int64), np.zeros(n, np.int64), np.full(n, -1, np.int32)
    subtree, following = np.ones(n, np.int64), indptr[:-1].copy()
    vertex, size = np.empty(n, np.int32), np.empty(n, np.int64)
    root, left = np.empty(n, np.int32), np.zeros(n, np.int64)
    stack = np.empty(n, np.int32)
    count, time = 0, 0
    for first in range(n):
        if found[first] >= 0:
            continue
        depth = 0
        stack[0] = first
        found[first] = low[first] = time
        root[first] = first
        time += 1
        while depth >= 0:
            v = stack[depth]
            if following[v] < indptr[v + 1]:
                w = near[following[v]]
                following[v] += 1
                if found[w] < 0:
                    parent[w], root[w] = v, first
                    found[w] = low[w] = time
                    time += 1
                    depth += 1
                    stack[depth] = w
                elif w != parent[v]:
                    low[v] = min(low[v], found[w])
                continue
            depth -= 1
            if depth < 0:
                break
            u = stack[depth]
            subtree[u] += subtree[v]
            low[u] = min(low[u], low[v])
            if low[v] >= found[u]:
                vertex[count], size[count] = u, subtree[v]
                left[u] += subtree[v]
                count += 1
    for v in range(n):
        left[v] = subtree[root[v]] - 1 - left[v]
    return vertex[:count].copy(), size[:count].copy(), left
