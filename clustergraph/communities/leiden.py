"""Leiden, and graphs for people to look at: the one module that knows igraph and leidenalg."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import igraph
import leidenalg
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

LeidenEngine = Literal["igraph", "leidenalg"]
Objective = Literal["modularity", "CPM"]
Graph: TypeAlias = igraph.Graph

_EDGES_AT_A_TIME = 100_000
# igraph has one random number generator for all threads.
_GENERATOR = threading.Lock()


@dataclass(frozen=True)
class Leiden:
    """How communities are looked for.

    Attributes:
        engine: ``igraph`` (fast) or ``leidenalg``.
        objective: ``modularity`` or ``CPM`` (constant Potts model).
        resolution: higher gives smaller communities; for CPM the least mean bits inside.
        seed: of the random order in which vertices are visited.
    """

    engine: LeidenEngine = "igraph"
    objective: Objective = "modularity"
    resolution: float = 1.0
    seed: int = 0


def partition_graph(
    vertices: int,
    source: NDArray[np.integer],
    target: NDArray[np.integer],
    weights: NDArray[np.float64],
    leiden: Leiden,
) -> NDArray[np.int32]:
    """Partition a weighted graph with Leiden, iterating until nothing moves.

    Args:
        vertices: number of vertices; best without isolated ones, which cost time.
        source: one end of each edge.
        target: the other end.
        weights: of each edge, above 0.
        leiden: how.

    Returns:
        Community of each vertex (int32).
    """
    graph = igraph.Graph(n=vertices, edges=_list_edges(source, target))
    run = _run_igraph if leiden.engine == "igraph" else _run_leidenalg
    return np.asarray(run(graph, weights, leiden), np.int32)


def _list_edges(source: NDArray[np.integer], target: NDArray[np.integer]) -> Iterator[tuple[int, int]]:
    """Give edges as igraph takes them: of tuples it makes a graph faster than of an array (igraph 1.0).

    A few at a time, since a list of all would take three times the memory of the graph.
    """
    for first in range(0, len(source), _EDGES_AT_A_TIME):
        part = slice(first, first + _EDGES_AT_A_TIME)
        yield from zip(source[part].tolist(), target[part].tolist(), strict=True)


def make_graph(
    vertices: Iterable[Mapping[str, Any]], edges: Iterable[Mapping[str, Any]], **attributes: Any
) -> Graph:
    """Make a graph of igraph with everything that is known of it.

    Args:
        vertices: a ``name`` and the attributes of each.
        edges: the names ``source`` and ``target``, and the attributes of each.
        attributes: of the graph itself.
    """
    graph = igraph.Graph.DictList(vertices, edges)
    for name, value in attributes.items():
        graph[name] = value
    return graph


def lay_out(vertices: int, source: NDArray[np.integer], target: NDArray[np.integer]) -> NDArray[np.float64]:
    """Lay a graph out in the plane by its distances (Kamada and Kawai 1989); the same graph gives the same.

    An edge is as long as the geometric mean of the degrees of its ends, so that hubs do not crowd the middle.

    Args:
        vertices: number of vertices.
        source: one end of each edge.
        target: the other end.

    Returns:
        x and y of each vertex in -1..1 (float64, n by 2).
    """
    if not vertices:
        return np.zeros((0, 2))
    graph = igraph.Graph(n=vertices, edges=_list_edges(source, target))
    degree = np.bincount(np.concatenate([source, target]), minlength=vertices).astype(np.float64)
    length = np.sqrt(degree[source] * degree[target]).tolist()
    start = graph.layout_circle()  # without a start, the layout would draw one at random
    place = np.asarray(graph.layout_kamada_kawai(weights=length or None, seed=start).coords)
    place -= (place.min(axis=0) + place.max(axis=0)) / 2
    return np.asarray(place / max(float(np.abs(place).max()), 1e-9))


def _run_igraph(graph: Graph, weights: NDArray[np.float64], leiden: Leiden) -> list[int]:
    with _GENERATOR:
        igraph.set_random_number_generator(random.Random(leiden.seed))
        found = graph.community_leiden(
            objective_function=leiden.objective, weights=weights, resolution=leiden.resolution,
            n_iterations=-1,
        )  # fmt: skip
        igraph.set_random_number_generator(random)
    return list(found.membership)


def _run_leidenalg(graph: Graph, weights: NDArray[np.float64], leiden: Leiden) -> list[int]:
    quality = {"modularity": leidenalg.RBConfigurationVertexPartition, "CPM": leidenalg.CPMVertexPartition}
    found = leidenalg.find_partition(
        graph, quality[leiden.objective], weights=weights, resolution_parameter=leiden.resolution,
        n_iterations=-1, seed=leiden.seed,
    )  # fmt: skip
    return list(found.membership)
