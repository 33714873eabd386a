"""The volume of a run's clusters by rank, those that legitimate sharing explains told apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import altair as alt

from clustergraph.charts.labels import TOOLTIP, shorten
from clustergraph.charts.theme import (
    BLUE,
    BROWN,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    WIDTH,
    finish,
    inline,
    list_decades,
    say,
    top_legend,
)
from clustergraph.figures import say_days, say_plural, say_share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from altair.typing import ChartType

    from clustergraph.artefacts.runs import Run

    Rows = Sequence[Mapping[str, Any]]

_NOTHING = "nothing"
# In the order of the ranks.
_EXPLANATIONS = {
    _NOTHING: ORANGE, "small premises": BLUE, "shared tool": BROWN, "shared place": GREEN,
    "organization": PURPLE,
}  # fmt: skip
_HEIGHT = 280
_NAMED = 6  # clusters whose names are written beside them, where there is room
_LINE = 13  # pixels that a name needs


def draw_volumes(run: Run, *, clusters: int = 200) -> ChartType:
    """Draw the extraction volume of a run's clusters by rank, on a logarithmic scale.

    Colours tell what explains a cluster, and shapes those that nothing explains from the others; the area of
    a mark is as the cluster's accounts. A cluster without any volume stands at the foot.

    Args:
        run: what :func:`clustergraph.run` or :func:`clustergraph.open_run` gives.
        clusters: most clusters, from the first rank on.
    """
    table = run.clusters.to_pylist()
    if not table:
        return say("No cluster was found", "No group of accounts shares more than chance gives.")
    unit = "exchanges" if all(row["extraction_volume"] == row["exchanges"] for row in table) else "volume"
    said = f"{say_plural(len(table), 'cluster')} of {say_plural(run.members.num_rows, 'account')}."
    shown = f"The first {clusters:,} are shown." if clusters < len(table) else ""
    chart = _draw(table[:clusters], run.short_ids(), unit)
    return finish(chart, _find(table, unit), f"{said} {shown}")


def _find(table: Rows, unit: str) -> str:
    left = [row["extraction_volume"] for row in table if not row["explained_by"]]
    volume = sum(row["extraction_volume"] for row in table)
    if not left or not volume:
        return (
            f"Legitimate sharing explains {len(table) - len(left):,} of {say_plural(len(table), 'cluster')}"
        )
    who = "The cluster that is not explained has" if len(left) == 1 else ""
    who = who or f"The {len(left):,} clusters that are not explained have"
    return f"{who} {say_share(sum(left) / volume)} of the clusters' {unit}"


def _draw(table: Rows, short: Mapping[str, str], unit: str) -> alt.LayerChart:
    decades = list_decades(row["extraction_volume"] for row in table)
    rows = [_describe(row, short, decades[0]) for row in table]
    base = alt.Chart(inline(rows), width=WIDTH, height=_HEIGHT).encode(
        x=alt.X(
            "rank:Q", title="rank", scale=alt.Scale(domain=[0, len(rows) + 1], nice=False),
            axis=alt.Axis(grid=False, values=_list_ranks(len(rows)), format=",d"),
        ),
        y=alt.Y(
            "at:Q", title=f"{unit} of the cluster, logarithmic",
            scale=alt.Scale(type="log", domain=[decades[0], decades[-1]]),
            axis=alt.Axis(values=decades, format="~s" if decades[0] >= 1 else ",.10~g"),
        ),
    )  # fmt: skip
    there = {row["explained_by"] for row in rows}
    told = [*(one for one in _EXPLANATIONS if one in there), *sorted(there - set(_EXPLANATIONS))]
    colours = [_EXPLANATIONS.get(one, INK) for one in told]
    shapes = ["circle" if one == _NOTHING else "diamond" for one in told]
    legend = top_legend("explained by")
    points = base.mark_point(filled=True, opacity=0.85).encode(
        color=alt.Color("explained_by:N", scale=alt.Scale(domain=told, range=colours), legend=legend),
        shape=alt.Shape("explained_by:N", scale=alt.Scale(domain=told, range=shapes), legend=legend),
        size=alt.Size("accounts:Q", scale=alt.Scale(range=[25, 500]), legend=_legend_of_sizes(rows)),
        tooltip=[
            alt.Tooltip("cluster:N"), alt.Tooltip("rank:Q"), alt.Tooltip("accounts:Q", format=","),
            alt.Tooltip("volume:Q", title=unit, format=",.6~g"),
            alt.Tooltip("explained_by:N", title="explained by"), alt.Tooltip("seen:N"),
        ],
    )  # fmt: skip
    named = base.properties(data=inline(_choose_named(rows, decades)))
    return alt.LayerChart(layer=[points, named.mark_text(align="left", dx=13).encode(text="name:N")])


def _describe(row: Mapping[str, Any], short: Mapping[str, str], foot: float) -> dict[str, Any]:
    name = shorten(short[row["cluster_id"]], 20)
    return {
        "cluster": name, "name": f"{name}, {say_plural(row['accounts'], 'account')}", "rank": row["rank"],
        "accounts": row["accounts"], "volume": row["extraction_volume"],
        "at": max(row["extraction_volume"], foot),
        "explained_by": shorten((row["explained_by"] or _NOTHING).replace("_", " "), TOOLTIP),
        "seen": say_days(row["first_seen"], row["last_seen"]),
    }  # fmt: skip


def _list_ranks(last: int) -> list[int]:
    """List ranks to write at the axis: the first one, and then in round steps."""
    step = next(one for one in (1, 2, 5, 10, 20, 50, 100, 200, 500, last) if last / one <= 15)
    return sorted({1, *range(step, last + 1, step)})


def _legend_of_sizes(rows: Rows) -> alt.Legend:
    """Show the sizes of the smallest and the largest cluster."""
    sizes = [row["accounts"] for row in rows]
    values = sorted({min(sizes), max(sizes)})
    return alt.Legend(
        title="accounts", values=values, format=",.0f", symbolFillColor=INK, symbolStrokeColor=INK
    )


def _choose_named(rows: Rows, decades: Sequence[float]) -> list[Mapping[str, Any]]:
    """Choose the first clusters that are not explained, as far as their names do not meet."""
    chosen: list[Mapping[str, Any]] = []
    step = _LINE / _HEIGHT * math.log10(decades[-1] / decades[0])
    for row in rows:
        apart = all(abs(math.log10(row["at"] / one["at"])) >= step for one in chosen)
        if row["explained_by"] == _NOTHING and apart and len(chosen) < _NAMED:
            chosen.append(row)
    return chosen
