"""The waterfall of a cluster's evidence: what each signal adds, strongest first, and the rest in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np

from clustergraph.charts.labels import label_all
from clustergraph.charts.signals import describe_signals, name_cluster, name_signal, sort_signals
from clustergraph.charts.theme import INK, WIDTH, colour_families, finish, inline, say
from clustergraph.figures import say_plural, say_share

if TYPE_CHECKING:
    import pandas as pd
    from altair.typing import ChartType
    from numpy.typing import NDArray

    from clustergraph.artefacts.runs import Cluster

_ROW = 22  # pixels
_LABEL = 46  # characters
_BARS = WIDTH - 264
# Where the columns of figures end; the last bar ends where the first of them begins.
_BITS, _HOLDERS = _BARS + 104, _BARS + 256


def draw_waterfall(cluster: Cluster, *, signals: int = 12) -> ChartType:
    """Draw a cluster's evidence as a waterfall: bits by signal, strongest first, the rest summed.

    Beside the bars are each signal's bits, their share of all, and how many of its holders are members.

    Args:
        cluster: of a run.
        signals: most signals to draw one by one.
    """
    evidence = sort_signals(cluster)
    bits = evidence["bits"].to_numpy()
    about = f"{name_cluster(cluster)}: {say_plural(cluster.row['accounts'], 'account')}"
    if bits.sum() <= 0.0:
        return say("No shared signal adds evidence", f"{about}.")
    rows = _list_rows(evidence, signals)
    chart = alt.layer(*_draw_bars(rows, float(bits.sum())), *_head_columns())
    return finish(chart, _find(bits), f"{about}, {bits.sum():,.0f} bits in the ties between them.")


def _find(bits: NDArray[np.float64]) -> str:
    """Say how many signals it takes for half of the evidence."""
    running = np.cumsum(bits) / bits.sum()
    half = int(np.searchsorted(running, 0.5)) + 1
    if half == 1:
        return f"One signal makes {say_share(float(running[0]))} of the evidence"
    return f"Half of the evidence comes from {half:,} of {len(bits):,} shared signals"


def _list_rows(evidence: pd.DataFrame, signals: int) -> list[dict[str, Any]]:
    total = float(evidence["bits"].sum())
    rows = describe_signals(evidence.head(signals))
    for row in rows:
        row["holders"] = f"{row['accounts']:,} of {row['accounts_everywhere']:,}"
    left = len(evidence) - len(rows)
    if left:
        words = "1 weaker signal" if left == 1 else f"{left:,} weaker signals"
        bits = float(evidence["bits"].iloc[signals:].sum())
        rows.append({"kind": "", "value": words, "family": None, "holders": "", "bits": round(bits, 3)})
    labels = label_all(map(name_signal, rows), _LABEL)
    start = 0.0
    for row, label in zip(rows, labels, strict=True):
        share = say_share(row["bits"] / total)
        row |= {"signal": label, "start": start, "end": start + row["bits"], "share": share}
        row["said"] = f"{row['bits']:,.0f} ({share})"
        start = row["end"]
    return rows


def _draw_bars(rows: list[dict[str, Any]], total: float) -> list[alt.Chart]:
    base = alt.Chart(inline(rows), width=_BARS, height=alt.Step(_ROW)).encode(
        y=alt.Y(
            "signal:N", scale=alt.Scale(domain=[row["signal"] for row in rows]), title=None,
            axis=alt.Axis(labelLimit=320, ticks=False, domain=False),
        )
    )  # fmt: skip
    bars = base.mark_bar(height=_ROW - 8, cornerRadius=1).encode(
        x=alt.X(
            "start:Q", title="bits of evidence, added up", axis=alt.Axis(tickCount=5),
            scale=alt.Scale(domain=[0, total], nice=False),
        ),
        x2="end:Q",
        color=alt.condition(
            "datum.family == null",
            alt.value(INK),
            colour_families(row["family"] for row in rows if row["family"] is not None),
        ),
        tooltip=[
            alt.Tooltip("kind:N"), alt.Tooltip("value:N"), alt.Tooltip("bits:Q", format=",.0f"),
            alt.Tooltip("share:N", title="share of all"),
            alt.Tooltip("holders:N", title="holders that are members"),
        ],
    )  # fmt: skip
    figures = {"said": _BITS, "holders": _HOLDERS}
    return [
        bars,
        *(base.mark_text(align="right", x=x).encode(text=f"{name}:N") for name, x in figures.items()),
    ]


def _head_columns() -> list[alt.Chart]:
    return [
        alt.Chart(inline([{"words": words}])).mark_text(align="right", x=x, y=-8).encode(text="words:N")
        for words, x in (("bits", _BITS), ("holders that are members", _HOLDERS))
    ]
