"""The pictures of a report, as the page draws them: specifications of Vega-Lite, and graphs laid out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altair.utils import schemapi

from clustergraph.charts.activity import draw_activity
from clustergraph.charts.chance import draw_chance
from clustergraph.charts.lives import draw_lives
from clustergraph.charts.matrix import draw_matrix
from clustergraph.charts.network import lay_out_graph
from clustergraph.charts.ranking import draw_volumes
from clustergraph.charts.theme import CONFIG
from clustergraph.charts.waterfall import draw_waterfall

if TYPE_CHECKING:
    from altair.typing import ChartType

    from clustergraph.artefacts.runs import Cluster, Run
    from clustergraph.store.store import Store

# What is the same in all charts, and once in the file.
LOOK = CONFIG
_EDGES = 4  # most edges for a node, in all


def picture_run(run: Run, store: Store | None = None) -> list[dict[str, Any]]:
    """Draw the whole run: a specification for each chart, without the common look.

    Args:
        run: to draw.
        store: of which it is the last night, if it is one.
    """
    lives = [] if store is None else [draw_lives(store.root)]
    return [_specify(chart) for chart in (draw_volumes(run), draw_chance(run), *lives)]


def picture_cluster(cluster: Cluster) -> list[dict[str, Any]]:
    """Draw one cluster: a specification for each chart, without the common look."""
    # Altair checks each part of a chart against a schema of its own, which takes half of the time.
    with schemapi.debug_mode(False):
        return [_specify(draw(cluster)) for draw in (draw_waterfall, draw_matrix, draw_activity)]


def picture_graph(cluster: Cluster, nodes: int) -> dict[str, Any]:
    """Lay out the graph of a cluster's accounts and signals.

    Returns:
        ``nodes`` as columns (``family`` is ``account`` for accounts), ``edges`` as pairs of places among the
        nodes, and the ``note`` on what was left out.
    """
    graph = lay_out_graph(cluster, nodes=nodes, edges=_EDGES * nodes)
    places = {node["id"]: place for place, node in enumerate(graph.nodes)}
    return {
        "nodes": {
            "name": [node["name"] for node in graph.nodes],
            "family": [node.get("family", "account") for node in graph.nodes],
            "accounts": [node.get("accounts", 0) for node in graph.nodes],
            "x": [node["x"] for node in graph.nodes],
            "y": [node["y"] for node in graph.nodes],
        },
        "edges": [[places[edge["source"]], places[edge["target"]]] for edge in graph.edges],
        "note": graph.note,
    }


def _specify(chart: ChartType) -> dict[str, Any]:
    spec: dict[str, Any] = chart.to_dict(validate=False)
    return {name: value for name, value in spec.items() if name not in {"config", "$schema"}}
