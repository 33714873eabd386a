"""Which accounts of a cluster have which signals, ordered so that groups show as blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np

from clustergraph.charts.labels import label_all
from clustergraph.charts.ordering import order_alike, space_evenly
from clustergraph.charts.signals import (
    describe_signals,
    find_links,
    name_cluster,
    sort_members,
    sort_signals,
)
from clustergraph.charts.theme import WIDTH, colour_families, finish, inline, say
from clustergraph.figures import say_plural, say_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from altair.typing import ChartType
    from numpy.typing import NDArray

    from clustergraph.artefacts.runs import Cluster

_NAMED = 40  # rows and columns up to which each has its name
_ACCOUNT, _SIGNAL = 24, 34  # characters
_HEIGHT = 420
_LEAST, _MOST = 2.5, 16.0  # pixels of a row or a column


def draw_matrix(cluster: Cluster, *, accounts: int = 120, signals: int = 80) -> ChartType:
    """Draw which accounts of a cluster (rows) have which shared signals (columns).

    Rows with alike signals stand together, and columns with alike holders, so that parts of the cluster show
    as blocks. The signals are those of most evidence; where there are more accounts than rows, those that are
    shown are evenly spaced in the order of their evidence.

    Args:
        cluster: of a run.
        accounts: most rows.
        signals: most columns.
    """
    columns, members = sort_signals(cluster).head(signals), sort_members(cluster)["account_id"]
    about = f"{name_cluster(cluster)}: {say_plural(len(members), 'account')}"
    rows = members.iloc[space_evenly(len(members), accounts)]
    filled = find_links(cluster, rows, columns)
    if not len(filled[0]):
        return say("No two of these accounts share a signal", f"{about}.")
    table = np.zeros((len(rows), len(columns)))
    table[filled] = 1.0
    down, across = order_alike(table), order_alike(table.T)
    table, rows, columns = table[down][:, across], rows.iloc[down], columns.iloc[across]
    said = f"{about} (rows) and the signals that they share (columns)."
    return finish(_draw(table, rows, columns), _find(table), said, _say_shown(cluster, table))


def _find(table: NDArray[np.float64]) -> str:
    share = say_share(float(table.mean(axis=0).max()))
    return f"The most common signal is in the hands of {share} of the accounts"


def _say_shown(cluster: Cluster, table: NDArray[np.float64]) -> str:
    """Say what is left out, and by which rule."""
    rows, columns = table.shape
    accounts, signals = len(cluster.members), len(cluster.evidence)
    parts = [
        f"{rows:,} of {accounts:,} accounts, evenly spaced in the order of their evidence"
        if rows < accounts
        else "",
        f"the {columns:,} strongest of {signals:,} signals" if columns < signals else "",
    ]
    some = [part for part in parts if part]
    return f"Shown are {', and '.join(some)}." if some else ""


def _draw(table: NDArray[np.float64], accounts: pd.Series[str], signals: pd.DataFrame) -> alt.Chart:
    known = describe_signals(signals)
    names = label_all((f"{one['kind']} {one['value']}" for one in known), _SIGNAL)
    labels = label_all(accounts, _ACCOUNT)
    for number, (one, name) in enumerate(zip(known, names, strict=True)):
        one |= {"number": number, "signal": name}
    # A row an account, which names its signals by their numbers: a tenth of the size of a row a cell.
    rows = [
        {"account": label, "number": np.flatnonzero(row).tolist()}
        for label, row in zip(labels, table, strict=True)
    ]
    fields = [name for name in known[0] if name != "number"]
    chart = alt.Chart(
        inline(rows),
        width=alt.Step(_find_step(WIDTH, len(names))),
        height=alt.Step(_find_step(_HEIGHT, len(labels))),
    ).mark_rect(aria=False)
    chart = chart.transform_flatten(["number"]).transform_lookup(
        "number", alt.LookupData(inline(known), key="number", fields=fields)
    )
    drawn: alt.Chart = chart.encode(
        x=alt.X("signal:N", title="signals", scale=_scale(names), axis=_axis(names, labelAngle=-45)),
        y=alt.Y("account:N", title="accounts", scale=_scale(labels), axis=_axis(labels)),
        color=colour_families(one["family"] for one in known),
        tooltip=[
            alt.Tooltip("account:N"), alt.Tooltip("kind:N"), alt.Tooltip("value:N"),
            alt.Tooltip("accounts:Q", title="members that have it", format=","),
            alt.Tooltip("accounts_everywhere:Q", title="all that have it", format=","),
        ],
    )  # fmt: skip
    return drawn


def _find_step(room: int, count: int) -> float:
    return max(_LEAST, min(_MOST, room / count))


def _scale(names: Sequence[str]) -> alt.Scale:
    return alt.Scale(domain=list(names))


def _axis(names: Sequence[str], **options: Any) -> alt.Axis:
    return alt.Axis(ticks=False, domain=False, labels=len(names) <= _NAMED, labelLimit=200, **options)
