"""How all charts look, on light and on dark pages alike: colours, fonts, titles that say what was found."""

from __future__ import annotations

import math
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import altair as alt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from altair.typing import ChartType

# There is no background. The ink has a contrast of at least 4.1 with white and with near-black (#111111).
INK = "#767d88"
FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
# At least 2.7 of contrast with white and with near-black, and a CIELAB distance of at least 20 from each
# other for people without red, green or blue cones (Machado, Oliveira, Fernandes 2009).
BLUE, ORANGE, GREEN, PURPLE, BROWN = "#3a7bff", "#e0861a", "#35a866", "#8233b5", "#8a5510"
FAMILIES = {"payment": ORANGE, "network": BLUE, "device": PURPLE, "content": GREEN, "timing": BROWN}
WIDTH = 620  # pixels
_LINE = 110  # characters below a title, at which they reach from side to side

CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": FONT,
    "padding": 8,
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK, "titleColor": INK, "titleFontWeight": "normal", "labelFontSize": 11,
        "titleFontSize": 11, "gridColor": INK, "gridOpacity": 0.15, "labelPadding": 5, "domainColor": INK,
        "domainOpacity": 0.6, "tickColor": INK, "tickOpacity": 0.6, "titlePadding": 8,
    },
    "legend": {
        "labelColor": INK, "titleColor": INK, "titleFontWeight": "normal", "labelFontSize": 11,
        "titleFontSize": 11, "symbolOpacity": 1,
    },
    "text": {"color": INK, "fontSize": 11},
    "rule": {"color": INK},
    "title": {
        "color": INK, "subtitleColor": INK, "anchor": "start", "frame": "bounds", "fontSize": 15,
        "fontWeight": "bold", "subtitleFontSize": 12, "subtitlePadding": 5, "offset": 12,
    },
}  # fmt: skip


def finish(chart: ChartType, finding: str, *details: str) -> ChartType:
    """Give a chart its title, in words that say what is to be seen, and the common look.

    Args:
        chart: without any configuration.
        finding: the title; with the details also what screen readers read.
        details: sentences below the title, each from a new line on; empty ones are left out.
    """
    lines = [line for one in details for line in wrap(one, _LINE)]
    title = alt.TitleParams(finding, subtitle=lines) if lines else alt.TitleParams(finding)
    done: ChartType = chart.properties(
        title=title, description=" ".join([f"{finding}.", *lines]), config=CONFIG
    )
    return done


def say(finding: str, *details: str) -> ChartType:
    """Make a chart that has nothing to draw, and says so."""
    empty = alt.Chart(inline([{}]), width=WIDTH, height=1).mark_point(opacity=0)
    return finish(empty, finding, *details)


def inline(rows: Iterable[Mapping[str, Any]]) -> alt.InlineData:
    """Put rows into the chart as they are; charts bound their rows themselves."""
    return alt.InlineData(values=[dict(row) for row in rows])


def colour_families(families: Iterable[str]) -> alt.Color:
    """Give each family its colour, those that are not known the ink's, in a fixed order."""
    there = set(families)
    names = [*(name for name in FAMILIES if name in there), *sorted(there - set(FAMILIES))]
    scale = alt.Scale(domain=names, range=[FAMILIES.get(name, INK) for name in names])
    return alt.Color("family:N", scale=scale, legend=top_legend("family of the signal"))


def top_legend(title: str | None = None) -> alt.Legend:
    """Put a legend between title and chart, in one line."""
    return alt.Legend(orient="top", title=title, direction="horizontal", offset=8)


def list_decades(values: Iterable[float]) -> list[float]:
    """List the powers of ten from below the least value above 0 to above the largest.

    >>> list_decades([0, 3, 200]), list_decades([]), list_decades([0.5])
    ([1.0, 10.0, 100.0, 1000.0], [1.0, 10.0], [0.1, 1.0])
    """
    some = [one for one in values if one > 0.0] or [1.0]
    foot = math.floor(math.log10(min(some)))
    top = max(math.ceil(math.log10(max(some) * 1.2)), foot + 1)
    return [10.0**power for power in range(foot, top + 1)]
