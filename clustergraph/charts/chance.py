"""How many ties the data has, and how many chance gives, bit by bit, with the threshold between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt

from clustergraph.charts.theme import BLUE, ORANGE, WIDTH, finish, inline, list_decades, say, top_legend
from clustergraph.figures import say_plural, say_share
from clustergraph.projection.tie_counts import ABOVE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from altair.typing import ChartType

    from clustergraph.artefacts.runs import Run

    Steps = Sequence[Mapping[str, float]]

_SOURCES = {"observed": "in the data", "chance": "by chance"}
_HEIGHT = 280


def draw_chance(run: Run) -> ChartType:
    """Draw how many pairs of accounts share how many bits of evidence, against what chance gives.

    Pairs are counted in steps of one bit, on a logarithmic scale. Below the threshold both numbers are
    estimates from a sample of accounts. They are ``input.ties_by_bits`` of ``run.json``.

    Args:
        run: what :func:`clustergraph.run` or :func:`clustergraph.open_run` gives.
    """
    found = run.manifest.get("input", {})
    steps, thresholds = found.get("ties_by_bits"), found.get("thresholds")
    if not steps or not thresholds:
        return say("How many ties chance gives is not known", "The run has no ties, or does not count them.")
    tie_bits = float(thresholds["tie_bits"])
    copies = say_plural(int(thresholds["nulls"]), "shuffled copy").replace("copys", "copies")
    return finish(
        alt.layer(*_draw_steps(steps), *_draw_threshold(tie_bits)),
        _find(steps, tie_bits),
        f"Chance: the mean over {copies} of the data, in which it is drawn anew who has which signal.",
        _say_ends(steps, tie_bits),
    )


def _find(steps: Steps, tie_bits: float) -> str:
    ties = [one for one in steps if one["bits"] > tie_bits - 0.5]
    observed, chance = (sum(one[key] for one in ties) for key in _SOURCES)
    if not observed:
        return f"No two accounts share {tie_bits:g} bits or more"
    return f"Chance gives {chance:,.0f} ties where there are {observed:,.0f} ({say_share(chance / observed)})"


def _say_ends(steps: Steps, tie_bits: float) -> str:
    said = []
    if steps[0]["bits"] < tie_bits - 0.5:
        said.append(f"Below {tie_bits:g} bits the numbers are estimates from a sample of accounts.")
    if steps[-1]["bits"] > tie_bits + ABOVE - 1.5:
        said.append("The last step has all that are stronger.")
    return " ".join(said)


def _draw_steps(steps: Steps) -> list[alt.Chart]:
    """Draw steps as areas, and their upper edges, which tell the two apart where they lie on each other."""
    decades = list_decades(one[key] for one in steps for key in _SOURCES)
    rows = [
        {"bits": one["bits"], "to": one["bits"] + 1.0, "pairs": one[key], "of": name, "foot": decades[0]}
        for one in steps
        for key, name in _SOURCES.items()
        if one[key] > 0.0
    ]
    ends = [steps[0]["bits"], steps[-1]["bits"] + 1.0]
    base = alt.Chart(inline(rows), width=WIDTH, height=_HEIGHT).encode(
        x=alt.X(
            "bits:Q", title="bits of evidence that two accounts share", axis=alt.Axis(grid=False),
            scale=alt.Scale(domain=ends, nice=False),
        ),
        x2="to:Q",
        y=alt.Y(
            "pairs:Q", title="pairs of accounts a bit, logarithmic",
            scale=alt.Scale(type="log", domain=[decades[0], decades[-1]]),
            axis=alt.Axis(values=decades, format=",.10~g"),
        ),
        color=alt.Color(
            "of:N", scale=alt.Scale(domain=list(_SOURCES.values()), range=[BLUE, ORANGE]), legend=top_legend()
        ),
        tooltip=[
            alt.Tooltip("of:N", title="pairs"), alt.Tooltip("bits:Q", title="from bits", format=".1f"),
            alt.Tooltip("pairs:Q", title="how many", format=",.6~g"),
        ],
    )  # fmt: skip
    return [
        base.mark_rect(opacity=0.45, aria=False).encode(y2="foot:Q"),
        base.mark_rule(strokeWidth=2.5, aria=False),
    ]


def _draw_threshold(tie_bits: float) -> list[alt.Chart]:
    words = f"ties: from {tie_bits:g} bits on"
    base = alt.Chart(inline([{"bits": tie_bits, "words": words}])).encode(x="bits:Q")
    return [
        base.mark_rule(strokeDash=[4, 3], strokeWidth=1.5),
        base.mark_text(align="left", dx=5, y=8).encode(text="words:N"),
    ]
