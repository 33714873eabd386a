"""The life of clusters over the nights of a store: their volume, what became of them, and their kin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import altair as alt

from clustergraph.charts.labels import label_all
from clustergraph.charts.theme import BLUE, GREEN, INK, ORANGE, PURPLE, WIDTH, finish, inline, say, top_legend
from clustergraph.figures import say_plural
from clustergraph.store.store import open_store
from clustergraph.upkeep.history import tell_life, tell_lives
from clustergraph.upkeep.nights import list_nights, read_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from altair.typing import ChartType

    from clustergraph.store.store import Store
    from clustergraph.upkeep.history import Life, Stage

_ROW = 30  # pixels
_GOES_ON = "goes on"
# Colour and shape of what became of a cluster on a night.
_EVENTS = {
    "born": (GREEN, "circle"), _GOES_ON: (BLUE, "circle"), "merged": (PURPLE, "diamond"),
    "split": (PURPLE, "square"), "returned": (ORANGE, "triangle-right"), "dormant": (INK, "circle"),
    "died": (INK, "cross"),
}  # fmt: skip
_SIZES = [25, 600]  # square pixels of no volume, and of the largest


def draw_lives(store: str | Path, *cluster_ids: str, most: int = 12) -> ChartType:
    """Draw the life of clusters night by night: their volume, what became of them, and their kin.

    A row is a cluster, and the area of a mark the volume of the window of a night. Lines lead to a cluster
    from those that its members came from. Without ids it is those that stood highest on any night.

    Args:
        store: folder of the store.
        cluster_ids: ids or the beginnings of ids; those that members came from or went to are drawn, too.
        most: most clusters to draw.

    Raises:
        UsageError: no night is published, or no cluster or several are meant by an id.
        InputError: the folder is no store, or an artefact of it cannot be read.
    """
    opened = open_store(Path(store).absolute())
    lives = _find_kin(opened, cluster_ids) if cluster_ids else tell_lives(opened, _find_highest(opened, most))
    if not lives:
        return say("No cluster was found on any night")
    nights = list_nights(opened)
    drawn = sorted(lives[:most], key=lambda one: (one.stages[0].night, -_find_most([one]), one.cluster_id))
    what = (
        "The clusters asked for, and their kin"
        if cluster_ids
        else "The clusters that stood highest on any night"
    )
    left = f" {len(lives) - most:,} more of them are not shown." if len(lives) > most else ""
    return finish(
        _draw(drawn, _label(drawn)),
        _tell_change(lives[0]) if len(cluster_ids) == 1 else _tell_last(drawn, str(nights[-1])),
        f"{what}; {nights[0]} to {nights[-1]}.{left} The area is the volume of the window of a night.",
    )


def _find_highest(store: Store, most: int) -> list[str]:
    """Find the clusters with the best rank on any night, larger ones first among equals."""
    best: dict[str, tuple[int, float]] = {}
    for night in list_nights(store):
        table = read_columns(store, night, "clusters", ["cluster_id", "rank", "extraction_volume"])
        for row in table.slice(0, most).to_pylist():  # they are in the order of their ranks
            stood = (row["rank"], -row["extraction_volume"])
            best[row["cluster_id"]] = min(best.get(row["cluster_id"], stood), stood)
    return sorted(best, key=lambda one: (best[one], one))[:most]


def _find_kin(store: Store, keys: Sequence[str]) -> list[Life]:
    """Tell the lives that were asked for, and behind them those that members came from or went to."""
    asked = {life.cluster_id: life for life in (tell_life(store, key) for key in keys)}
    kin = {one for life in asked.values() for one in life.short} - set(asked)
    return [*asked.values(), *tell_lives(store, sorted(kin))]


def _find_most(lives: Sequence[Life]) -> float:
    """Find the largest volume of any night."""
    return max((stage.extraction_volume or 0.0 for life in lives for stage in life.stages), default=0.0)


def _tell_last(lives: Sequence[Life], last: str) -> str:
    there = sum(one.stages[-1].night == last and one.stages[-1].accounts is not None for one in lives)
    return f"{there:,} of these {say_plural(len(lives), 'cluster')} are found on the last night"


def _tell_change(life: Life) -> str:
    sizes = [one.accounts for one in life.stages if one.accounts is not None]
    if not sizes:
        return "The cluster is not found on any of these nights"
    if sizes[0] == sizes[-1]:
        return f"The cluster has {say_plural(sizes[-1], 'account')}, as when it was first found"
    change = "grew" if sizes[0] < sizes[-1] else "shrank"
    return f"The cluster {change} from {sizes[0]:,} to {sizes[-1]:,} accounts"


def _label(lives: Sequence[Life]) -> dict[str, str]:
    """Give a name to each cluster, in the order of the lives."""
    ids = [one.cluster_id for one in lives]
    return dict(zip(ids, label_all((one.short[one.cluster_id] for one in lives), 20), strict=True))


def _draw(lives: Sequence[Life], labels: Mapping[str, str]) -> alt.LayerChart:
    rows = [_describe(stage, labels[life.cluster_id]) for life in lives for stage in life.stages]
    day = alt.TimeIntervalStep(interval="day", step=1)
    time = alt.Axis(grid=False, format="%-d %b", labelOverlap=True, labelFlush=False, tickCount=day)
    base = alt.Chart(height=alt.Step(_ROW), width=WIDTH).encode(
        x=alt.X("night:T", scale=alt.Scale(type="utc", padding=14, nice=False), title=None, axis=time),
        y=alt.Y(
            "cluster:N", scale=alt.Scale(domain=list(labels.values())), title=None,
            axis=alt.Axis(ticks=False, domain=False, grid=True),
        ),
    )  # fmt: skip
    there = [name for name in _EVENTS if any(row["event"] == name for row in rows)]
    colours, shapes = ([_EVENTS[name][place] for name in there] for place in (0, 1))
    legend = top_legend()
    points = base.properties(data=inline(rows)).mark_point(filled=True, opacity=1.0)
    points = points.encode(
        size=alt.Size("volume:Q", scale=alt.Scale(range=_SIZES, zero=True), legend=_legend_of_volumes(lives)),
        color=alt.Color("event:N", scale=alt.Scale(domain=there, range=colours), legend=legend),
        shape=alt.Shape("event:N", scale=alt.Scale(domain=there, range=shapes), legend=legend),
        tooltip=[
            alt.Tooltip("cluster:N"), alt.Tooltip("night:T", timeUnit="utcyearmonthdate", title="night"),
            alt.Tooltip("told:N", title="event"), alt.Tooltip("rank:Q"),
            alt.Tooltip("accounts:Q", format=","), alt.Tooltip("volume:Q", format=",.6~g"),
            alt.Tooltip("banned:Q", title="accounts banned", format=","),
        ],
    )  # fmt: skip
    lines = base.properties(data=inline(_link(lives, labels))).encode(detail="line:N")
    return alt.LayerChart(layer=[lines.mark_line(strokeWidth=1.2, opacity=0.6, color=INK), points])


def _describe(stage: Stage, label: str) -> dict[str, Any]:
    return {
        "cluster": label, "night": stage.night, "rank": stage.rank, "accounts": stage.accounts,
        "event": stage.event if stage.event in _EVENTS else _GOES_ON, "told": stage.event,
        "volume": stage.extraction_volume or 0.0, "banned": stage.accounts_banned,
    }  # fmt: skip


def _legend_of_volumes(lives: Sequence[Life]) -> alt.Legend:
    """Show the sizes of a round volume near the largest one, and of a tenth of it."""
    most = float(f"{_find_most(lives):.1g}")
    return alt.Legend(
        title="volume", values=[most / 10, most], format="~s", symbolFillColor=BLUE, symbolStrokeWidth=0
    )


def _link(lives: Sequence[Life], labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Give the ends of lines: along each life, and to it from the clusters that members came from."""
    lines = [[(life.cluster_id, stage.night) for stage in life.stages] for life in lives]
    nights = {life.cluster_id: [stage.night for stage in life.stages] for life in lives}
    for life in lives:
        for stage in life.stages:
            for other in {*stage.from_ids} & {*nights} - {life.cluster_id}:
                before = [night for night in nights[other] if night < stage.night]
                lines += [[(other, before[-1]), (life.cluster_id, stage.night)]] if before else []
    return [
        {"line": number, "cluster": labels[cluster_id], "night": night}
        for number, line in enumerate(sorted(lines))
        for cluster_id, night in line
    ]
