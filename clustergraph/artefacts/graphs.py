"""A cluster as a graph: its accounts and their ties, or its accounts and the signals that they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    import networkx as nx
    import pyarrow as pa

    from clustergraph.artefacts.runs import Cluster
    from clustergraph.communities.leiden import Graph

_ACCOUNT = ("account_id", "exchanges", "ties", "bits", "confidence")
_SIGNAL = ("kind", "value", "family", "accounts", "accounts_everywhere", "bits")
_LINK = ("exchanges", "first_seen", "last_seen")


@dataclass(frozen=True)
class NodesAndEdges:
    """A graph as plain values; what is not known is left out, not None.

    Attributes:
        cluster_id: the cluster that it is of.
        nodes: key of each node -> its attributes: an account's key is its id, a signal's (kind, value).
        edges: keys of both ends, and attributes.
    """

    cluster_id: str
    nodes: Mapping[Hashable, Mapping[str, Any]]
    edges: tuple[tuple[Hashable, Hashable, Mapping[str, Any]], ...]

    def to_networkx(self) -> nx.Graph:
        """Give it as a graph of networkx."""
        import networkx as nx

        graph = nx.Graph(cluster_id=self.cluster_id)
        graph.add_nodes_from(self.nodes.items())
        graph.add_edges_from(self.edges)
        return graph

    def to_igraph(self) -> Graph:
        """Give it as a graph of igraph; the key of a vertex is its ``name``."""
        from clustergraph.communities.leiden import make_graph

        vertices = [{"name": key, **attributes} for key, attributes in self.nodes.items()]
        edges = [{"source": one, "target": other, **attributes} for one, other, attributes in self.edges]
        return make_graph(vertices, edges, cluster_id=self.cluster_id)


def gather_ties(cluster: Cluster) -> NodesAndEdges:
    """Give the accounts of a cluster and the ties between them."""
    ties = _list_known(cluster.inner_ties)
    return NodesAndEdges(
        cluster.cluster_id,
        {one["account_id"]: one for one in _list_known(cluster.table("members").select(_ACCOUNT))},
        tuple((tie.pop("source"), tie.pop("target"), tie) for tie in ties),
    )


def gather_links(cluster: Cluster) -> NodesAndEdges:
    """Give the accounts of a cluster, the signals that at least two of them have, and who has which.

    Accounts have the attribute ``bipartite`` 0, signals 1, as networkx wants it.
    """
    accounts = _list_known(cluster.table("members").select(_ACCOUNT))
    signals = _list_known(cluster.table("evidence").select(_SIGNAL))
    nodes: dict[Hashable, Mapping[str, Any]] = {
        one["account_id"]: {"bipartite": 0, **one} for one in accounts
    }
    nodes |= {(one["kind"], one["value"]): {"bipartite": 1, **one} for one in signals}
    links = cluster.table("links").select(["account_id", "kind", "value", *_LINK])
    return NodesAndEdges(
        cluster.cluster_id,
        nodes,
        tuple(
            (link["account_id"], (link["kind"], link["value"]), _pick(link, _LINK))
            for link in _list_known(links)
        ),
    )


def _list_known(table: pa.Table) -> list[dict[str, Any]]:
    """Give the rows of a table without what is null."""
    return [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]


def _pick(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: row[name] for name in names if name in row}
