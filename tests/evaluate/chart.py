"""The picture of the evasion curve, legible on light and on dark pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import altair as alt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

# There is no background, and every colour stands out from white and from black alike.
INK = "#7d8590"
FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
WIDTH, HEIGHT = 340, 150


class Line(NamedTuple):
    """How a line looks; lines that lie on each other are of different widths, so that all can be seen."""

    colour: str
    width: float


CAMPAIGNS = {
    "hydra": Line("#2f81f7", 5.0),
    "pathways": Line("#e0822f", 3.0),
    "synchronised": Line("#2da44e", 1.4),
}
DETECTORS = {"clustergraph": Line("#a371f7", 3.0), "simple detector": Line(INK, 1.6)}


def draw_curve(figures: pd.DataFrame, worst: pd.DataFrame, path: Path, *, subtitle: str) -> None:
    """Draw means over seeds as lines, and single worlds as points where there are several; write SVG.

    Args:
        figures: ``evasion``, ``seed``, ``campaign``, ``recall``, ``precision``, ``volume``.
        worst: ``evasion``, ``seed``, ``detector``, ``f1``.
        path: of the picture.
        subtitle: which worlds these are.
    """
    of_campaigns = {
        "recall": "Recall: share of the campaign that is in its cluster",
        "precision": "Precision: share of its cluster that is of the campaign",
        "volume": "Volume found, as a multiple of the campaign's",
    }
    panels = [
        _panel(figures, "campaign", CAMPAIGNS, measure, title, legend=measure == "recall")
        for measure, title in of_campaigns.items()
    ]
    panels.append(
        _panel(worst, "detector", DETECTORS, "f1", "F1 of the campaign that is found worst", legend=True)
    )
    rows = [_beside(*panels[:2]), _beside(*panels[2:])]
    title = alt.TitleParams(
        "What is found of operators who take more and more care", subtitle=subtitle,
        fontSize=16, fontWeight="bold", subtitleFontSize=12, offset=14,
    )  # fmt: skip
    _style(alt.vconcat(*rows, spacing=22, title=title)).save(str(path), format="svg")


def _beside(*panels: alt.LayerChart) -> alt.HConcatChart:
    return alt.hconcat(*panels, spacing=34).resolve_scale(color="independent", strokeWidth="independent")


def _panel(
    data: pd.DataFrame, by: str, lines: Mapping[str, Line], measure: str, title: str, *, legend: bool
) -> alt.LayerChart:
    # Half-way up and right of the middle no line runs.
    shown = (
        alt.Legend(title=None, orient="none", legendX=200, legendY=60, symbolType="stroke")
        if legend
        else None
    )
    names = list(lines)
    top = 1.05 * max(1.0, float(data[measure].max()))

    def height(what: str) -> alt.Y:
        return alt.Y(
            what, title=None, scale=alt.Scale(domain=[0, top], nice=False), axis=alt.Axis(tickCount=5)
        )

    base = alt.Chart(data, title=title, width=WIDTH, height=HEIGHT).encode(
        x=alt.X(
            "evasion:Q",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(tickCount=10, labelFlush=False, grid=False),
        ),
        color=alt.Color(
            f"{by}:N",
            legend=shown,
            scale=alt.Scale(domain=names, range=[one.colour for one in lines.values()]),
        ),
    )
    drawn = base.mark_line(strokeCap="round", strokeJoin="round").encode(
        y=height(f"mean({measure}):Q"),
        strokeWidth=alt.StrokeWidth(
            f"{by}:N",
            legend=shown,
            scale=alt.Scale(domain=names, range=[one.width for one in lines.values()]),
        ),
    )
    if len(set(data["seed"])) == 1:
        return alt.layer(drawn)
    return drawn + base.mark_point(size=16, filled=True, opacity=0.6).encode(y=height(f"{measure}:Q"))


def _style(picture: alt.VConcatChart) -> alt.VConcatChart:
    return (
        picture.configure(background="transparent", font=FONT, padding=10, aria=False)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK, titleColor=INK, titleFontWeight="normal", gridColor=INK, gridOpacity=0.25,
            domainColor=INK, domainOpacity=0.6, tickColor=INK, tickOpacity=0.6,
        )
        .configure_legend(labelColor=INK, labelFontSize=12, symbolSize=250, symbolOpacity=1)
        .configure_title(color=INK, subtitleColor=INK, anchor="start", fontWeight="normal", fontSize=12)
    )  # fmt: skip
