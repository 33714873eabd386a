"""When the accounts of a cluster are at work: a row an account, a column an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import altair as alt
import numpy as np
import pandas as pd

from clustergraph.charts.labels import label_all
from clustergraph.charts.ordering import order_alike, space_evenly
from clustergraph.charts.signals import name_cluster
from clustergraph.charts.theme import BLUE, WIDTH, finish, inline, say
from clustergraph.figures import say_days, say_plural, say_share

if TYPE_CHECKING:
    from altair.typing import ChartType
    from numpy.typing import NDArray

    from clustergraph.artefacts.runs import Cluster

_HOURS = (1, 2, 3, 6, 12, 24, 48, 96, 192, 384, 768)  # that a column may have
_MILLISECONDS = 3_600_000  # of an hour
_NAMED = 40  # rows up to which each has its name
_LABEL = 24  # characters
_STRIP, _HEIGHT = 60, 420
_TIMES = {"hours": "%H:%M", "date": "%-d %b", "week": "%-d %b", "month": "%b", "year": "%Y"}


class Columns(NamedTuple):
    """Columns of a whole number of hours each; the first begins at ``start`` (UTC)."""

    start: pd.Timestamp
    hours: int

    def number(self, times: pd.Series[pd.Timestamp]) -> NDArray[np.int64]:
        """Give the column that each time is in."""
        number = (times - self.start) // pd.Timedelta(hours=self.hours)
        return np.asarray(number, np.int64)

    def date(self, chart: alt.Chart) -> alt.Chart:
        """Have a chart make ``time`` and ``end`` of the number of a column."""
        first, step = round(self.start.timestamp() * 1000), self.hours * _MILLISECONDS
        return chart.transform_calculate(
            time=f"{first} + datum.column * {step}", end=f"{first} + (datum.column + 1) * {step}"
        )


def draw_activity(cluster: Cluster, *, accounts: int = 150, columns: int = 200) -> ChartType:
    """Draw when the accounts of a cluster are at work, so that synchrony is seen at once.

    Accounts with alike times stand together; above them is how many of all are at work. Where there are
    more accounts than rows, those that are shown are evenly spaced in the order of their exchanges. Hours
    are taken together where there are more than columns. What is little is faint.

    Args:
        cluster: of a run.
        accounts: most rows.
        columns: most columns.
    """
    activity, members = cluster.activity, cluster.row["accounts"]
    about = f"{name_cluster(cluster)}: {say_plural(members, 'account')}"
    if activity.empty:
        return say("When these accounts are at work is not known", f"{about}; the input has no times.")
    chosen = _choose_columns(activity["hour"], columns)
    column = chosen.number(activity["hour"])
    at_work = activity.assign(column=column).drop_duplicates(["account_id", "column"])
    counts = np.bincount(at_work["column"].to_numpy(np.int64)).astype(np.int64)
    rows, active = _list_rows(activity, column, accounts)
    days = say_days(activity["hour"].min(), activity["hour"].max())
    chart = alt.vconcat(_draw_strip(counts, chosen), _draw_rows(rows, chosen, days), spacing=6)
    shown = f"Shown are {len(rows):,} of {active:,} accounts, evenly spaced in the order of their exchanges."
    return finish(
        chart.resolve_scale(x="shared"),
        _find(counts, members, chosen),
        f"{about}, {_say_hours(chosen.hours)} a column.",
        shown if len(rows) < active else "",
    )


def _choose_columns(hours: pd.Series[pd.Timestamp], most: int) -> Columns:
    """Choose columns of as few hours as can be; they begin with a day or a part of it."""
    chosen = Columns(hours.min(), 1)
    for count in _HOURS:
        chosen = Columns(hours.min().floor(f"{min(count, 24)}h"), count)
        if chosen.number(hours).max() < most:
            break
    return chosen


def _list_rows(
    activity: pd.DataFrame, column: NDArray[np.int64], most: int
) -> tuple[list[dict[str, Any]], int]:
    """Give the accounts to show, in order, with their columns and exchanges, and how many there are."""
    totals = activity.groupby("account_id")["exchanges"].sum()  # by account id, which decides between equals
    order = totals.sort_values(ascending=False, kind="stable").index.to_numpy()
    chosen = order[space_evenly(len(order), most)]
    place = pd.Index(chosen).get_indexer(pd.Index(activity["account_id"]))
    table = np.zeros((len(chosen), int(column.max()) + 1))
    shown = place >= 0
    np.add.at(table, (place[shown], column[shown]), activity["exchanges"].to_numpy()[shown])
    down = order_alike(np.log1p(table))
    rows = []
    for label, counts in zip(label_all(chosen[down], _LABEL), table[down], strict=True):
        busy = np.flatnonzero(counts)
        exchanges = counts[busy].astype(np.int64).tolist()
        rows.append({"account": label, "column": busy.tolist(), "exchanges": exchanges})
    return rows, len(order)


def _find(counts: NDArray[np.int64], members: int, columns: Columns) -> str:
    """Say how many accounts are at work at once at most, and when."""
    busiest = int(counts.argmax())
    time = columns.start + pd.Timedelta(hours=busiest * columns.hours)
    when = f"{time.day} {time:%b %Y}" + (f", {time:%H:%M} UTC" if columns.hours < 24 else "")
    span = "hour" if columns.hours == 1 else _say_hours(columns.hours)
    return (
        f"{say_share(counts[busiest] / members)} of the accounts are at work in the busiest {span} ({when})"
    )


def _say_hours(hours: int) -> str:
    if hours == 1:
        return "an hour"
    return say_plural(hours // 24, "day") if hours % 24 == 0 else say_plural(hours, "hour")


def _draw_strip(counts: NDArray[np.int64], columns: Columns) -> alt.Chart:
    """Draw how many accounts are at work."""
    rows = [{"column": number, "accounts": count} for number, count in enumerate(counts.tolist())]
    chart = alt.Chart(inline(rows), width=WIDTH, height=_STRIP).mark_rect(color=BLUE, opacity=0.8, aria=False)
    axis = alt.Axis(tickCount=2, tickMinStep=1, format=",.0f")
    return columns.date(chart).encode(
        x=_time(None), x2="end:T",
        y=alt.Y("accounts:Q", title="accounts", axis=axis), y2=alt.datum(0),
        tooltip=[_when(), alt.Tooltip("accounts:Q", title="accounts at work", format=",.0f")],
    )  # fmt: skip


def _draw_rows(rows: list[dict[str, Any]], columns: Columns, days: str) -> alt.Chart:
    """Draw what each account asks for in each column."""
    labels, most = [row["account"] for row in rows], max(max(row["exchanges"]) for row in rows)
    step = max(3.0, min(14.0, _HEIGHT / len(rows)))
    names = alt.Axis(ticks=False, domain=False, labelLimit=200) if len(rows) <= _NAMED else None
    chart = alt.Chart(inline(rows), width=WIDTH, height=alt.Step(step)).mark_rect(color=BLUE, aria=False)
    return columns.date(chart.transform_flatten(["column", "exchanges"])).encode(
        x=_time(alt.Axis(title=f"{days} (UTC)", labelOverlap=True, grid=False, tickCount=12, format=_TIMES)),
        x2="end:T",
        y=alt.Y("account:N", scale=alt.Scale(domain=labels), title=None, axis=names),
        # Opacity: what is little fades into the page, be it light or dark.
        opacity=alt.Opacity(
            "exchanges:Q",
            scale=alt.Scale(type="sqrt", domain=[0, most], range=[0.12, 1.0]),
            legend=alt.Legend(
                title="exchanges", symbolType="square", symbolFillColor=BLUE, symbolStrokeWidth=0,
                format=",.0f", tickCount=4,
            ),
        ),
        tooltip=[alt.Tooltip("account:N"), _when(), alt.Tooltip("exchanges:Q", format=",.0f")],
    )  # fmt: skip


def _time(axis: alt.Axis | None) -> alt.X:
    return alt.X("time:T", scale=alt.Scale(type="utc", nice=False), axis=axis, title=None)


def _when() -> alt.Tooltip:
    return alt.Tooltip("time:T", title="UTC", timeUnit="utcyearmonthdatehours", format="%-d %b %Y, %H:00")
