"""The graph of a cluster's accounts and signals as a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from clustergraph.charts.labels import shorten
from clustergraph.charts.network import SignalGraph, lay_out_graph
from clustergraph.charts.theme import INK, colour_families, finish, inline, say
from clustergraph.figures import say_plural

if TYPE_CHECKING:
    from altair.typing import ChartType

    from clustergraph.artefacts.runs import Cluster

_SIDE, _LEAST_SIDE, _ROOM = 560, 240, 12  # pixels: at most, at least, and what a node adds
_MARGIN = 0.15  # around the graph, which reaches from -1 to 1
_NAMED = 12  # signals up to which each has its name
_LABEL = 34  # characters


def draw_graph(cluster: Cluster | SignalGraph) -> ChartType:
    """Draw the graph of a cluster's accounts (dots) and the signals that they share (squares).

    Args:
        cluster: of a run, or its graph as :func:`lay_out_graph` gives it.
    """
    graph = cluster if isinstance(cluster, SignalGraph) else lay_out_graph(cluster)
    about = f"Cluster {shorten(graph.cluster_id, 20)}"
    if not graph.edges:
        return say("No two of these accounts share a signal", f"{about}.")
    accounts, signals = (
        [one for one in graph.nodes if one["type"] == kind] for kind in ("account", "signal")
    )
    some, others = say_plural(len(accounts), "account"), say_plural(len(signals), "signal")
    layers = [_draw_edges(graph), _draw_accounts(accounts), _draw_signals(signals)]
    if len(signals) <= _NAMED:
        layers.append(_name(signals))
    # As high as it is wide, or less where the graph is flat.
    width = min(_SIDE, _LEAST_SIDE + _ROOM * len(graph.nodes))
    height = width * (_reach(graph) + _MARGIN) / (1.0 + _MARGIN)
    return finish(
        alt.LayerChart(layer=layers, width=width, height=height),
        f"{say_plural(len(graph.edges), 'link')} between {some} and {others}",
        f"{about}: accounts (dots) and the signals that they share (squares).",
        graph.note,
    )


def _reach(graph: SignalGraph) -> float:
    """Give how far the graph reaches up and down, of what it reaches to the sides."""
    return max(float(abs(one["y"])) for one in graph.nodes)


def _draw_edges(graph: SignalGraph) -> alt.Chart:
    place = {one["id"]: one for one in graph.nodes}
    rows = []
    for edge in graph.edges:
        source, target = place[edge["source"]], place[edge["target"]]
        rows.append({"x": source["x"], "y": source["y"], "x2": target["x"], "y2": target["y"]})
    reach = {"x": 1.0 + _MARGIN, "y": _reach(graph) + _MARGIN}
    scales = {name: alt.Scale(domain=[-most, most], nice=False) for name, most in reach.items()}
    # The more lines there are, the fainter each of them.
    chart = alt.Chart(inline(rows)).mark_rule(opacity=min(0.5, max(0.08, 150 / len(rows))), aria=False)
    drawn: alt.Chart = chart.encode(
        x=alt.X("x:Q", scale=scales["x"], axis=None), y=alt.Y("y:Q", scale=scales["y"], axis=None),
        x2="x2:Q", y2="y2:Q",
    )  # fmt: skip
    return drawn


def _draw_accounts(accounts: list[dict[str, Any]]) -> alt.Chart:
    chart = alt.Chart(inline(accounts)).mark_point(
        shape="circle", filled=True, opacity=0.9, size=22, color=INK
    )
    drawn: alt.Chart = chart.encode(
        x="x:Q", y="y:Q",
        tooltip=[
            alt.Tooltip("name:N", title="account"), alt.Tooltip("exchanges:Q", format=","),
            alt.Tooltip("confidence:Q", format=".2f"),
        ],
    )  # fmt: skip
    return drawn


def _draw_signals(signals: list[dict[str, Any]]) -> alt.Chart:
    chart = alt.Chart(inline(signals)).mark_point(shape="square", filled=True, opacity=1.0)
    drawn: alt.Chart = chart.encode(
        x="x:Q", y="y:Q",
        size=alt.Size("accounts:Q", scale=alt.Scale(range=[40, 260]), legend=None),
        color=colour_families(one["family"] for one in signals),
        tooltip=[
            alt.Tooltip("kind:N"), alt.Tooltip("value:N"),
            alt.Tooltip("accounts:Q", title="members that have it", format=","),
            alt.Tooltip("accounts_everywhere:Q", title="all that have it", format=","),
            alt.Tooltip("bits:Q", format=",.0f"),
        ],
    )  # fmt: skip
    return drawn


def _name(signals: list[dict[str, Any]]) -> alt.Chart:
    named = [{"x": one["x"], "y": one["y"], "name": shorten(one["name"], _LABEL)} for one in signals]
    drawn: alt.Chart = alt.Chart(inline(named)).mark_text(dy=-15).encode(x="x:Q", y="y:Q", text="name:N")
    return drawn
