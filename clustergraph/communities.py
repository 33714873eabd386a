"""Leiden: the one module that knows igraph and leidenalg."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import igraph
import leidenalg
import numpy as np

from clustergraph.support import UNCLUSTERED, connected_parts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.prefix_join import Pairs

LeidenEngine = Literal["igraph", "leidenalg"]
Objective = Literal["modularity", "CPM"]

_WEIGHT = "bits"


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


class TieGraph:
    """The tied accounts as an igraph graph, ready to be partitioned again and again.

    Vertices are the tied accounts in the order of their numbers; edges are in the order of the ties.
    """

    def __init__(self, ties: Pairs) -> None:
        """Build the graph of ``ties``; accounts without ties are left out."""
        self.accounts = np.unique(np.concatenate([ties.source, ties.target]))
        source = np.searchsorted(self.accounts, ties.source)
        target = np.searchsorted(self.accounts, ties.target)
        # A list of tuples is three times faster than an array (igraph 1.0).
        self._graph = igraph.Graph(
            n=len(self.accounts), edges=list(zip(source.tolist(), target.tolist(), strict=True))
        )
        self._bits = ties.bits

    def partition(
        self,
        leiden: Leiden,
        *,
        weights: NDArray[np.float64] | None = None,
        order: NDArray[np.intp] | None = None,
    ) -> NDArray[np.int32]:
        """Find communities, iterating until nothing moves.

        Args:
            leiden: how.
            weights: weight of each tie, its bits if not given.
            order: which vertex comes first, second, ...: the graph is renumbered before it is partitioned.

        Returns:
            Community of each of ``accounts`` (int32).
        """
        # An attribute, since renumbering the vertices also reorders the edges.
        self._graph.es[_WEIGHT] = (self._bits if weights is None else weights).tolist()
        graph = self._graph if order is None else self._graph.permute_vertices(order.tolist())
        run = _run_igraph if leiden.engine == "igraph" else _run_leidenalg
        found = np.asarray(run(graph, leiden), np.int32)
        if order is None:
            return found
        by_account = np.empty_like(found)
        by_account[order] = found
        return by_account


def _run_igraph(graph: igraph.Graph, leiden: Leiden) -> list[int]:
    igraph.set_random_number_generator(random.Random(leiden.seed))
    try:
        found = graph.community_leiden(
            objective_function=leiden.objective, weights=_WEIGHT, resolution=leiden.resolution,
            n_iterations=-1,
        )  # fmt: skip
    finally:
        igraph.set_random_number_generator(random)
    return list(found.membership)


def _run_leidenalg(graph: igraph.Graph, leiden: Leiden) -> list[int]:
    quality = {"modularity": leidenalg.RBConfigurationVertexPartition, "CPM": leidenalg.CPMVertexPartition}
    found = leidenalg.find_partition(
        graph, quality[leiden.objective], weights=_WEIGHT, resolution_parameter=leiden.resolution,
        n_iterations=-1, seed=leiden.seed,
    )  # fmt: skip
    return list(found.membership)


def find_communities(accounts: int, ties: Pairs, leiden: Leiden, *, min_accounts: int) -> NDArray[np.int32]:
    """Find connected communities of at least ``min_accounts`` accounts.

    Returns:
        A label per account, numbered in the order of first accounts, -1 for none (int32).
    """
    labels = np.full(accounts, UNCLUSTERED, np.int32)
    if len(ties):
        tied = TieGraph(ties)
        labels[tied.accounts] = tied.partition(leiden)
    return connected_parts(labels, ties, min_accounts=min_accounts)
