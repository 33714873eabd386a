"""Charts of runs, clusters and stores: Altair's, that is, Vega-Lite with the data inside.

>>> import clustergraph as cg                                   # doctest: +SKIP
>>> cg.charts.draw_waterfall(cg.open_run("runs/tonight").cluster(1))  # doctest: +SKIP

They need neither a network nor ``eval`` (Vega's interpreter of expressions is enough), are legible on light
and on dark pages, and keep what comes from traffic as text.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clustergraph.charts.activity import draw_activity
    from clustergraph.charts.chance import draw_chance
    from clustergraph.charts.graph import draw_graph
    from clustergraph.charts.lives import draw_lives
    from clustergraph.charts.matrix import draw_matrix
    from clustergraph.charts.network import SignalGraph, lay_out_graph
    from clustergraph.charts.ranking import draw_volumes
    from clustergraph.charts.waterfall import draw_waterfall

# Loaded when first used: who wants the data of a graph alone needs no library of charts.
_HOMES = {
    "SignalGraph": "network",
    "draw_activity": "activity",
    "draw_chance": "chance",
    "draw_graph": "graph",
    "draw_lives": "lives",
    "draw_matrix": "matrix",
    "draw_volumes": "ranking",
    "draw_waterfall": "waterfall",
    "lay_out_graph": "network",
}
__all__ = [
    "SignalGraph", "draw_activity", "draw_chance", "draw_graph", "draw_lives", "draw_matrix", "draw_volumes",
    "draw_waterfall", "lay_out_graph",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
