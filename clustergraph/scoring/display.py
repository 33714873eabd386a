"""A scorecard on a terminal. Names from the truth stay text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from clustergraph.figures import printable, say_count, say_plural, say_share
from clustergraph.presentation.columns import Column, Columns
from clustergraph.scoring.listing import TOPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from clustergraph.scoring.agreement import Agreement
    from clustergraph.scoring.matching import GroupScore
    from clustergraph.scoring.nights import NightScore
    from clustergraph.scoring.scorecard import Scorecard

_NOTHING = "-"
_SHORT = 9  # of a cluster's id; the rank beside it says which one it is


def show_scorecard(card: Scorecard, limit: int | None = 30) -> RenderableType:
    """Lay out a scorecard, with its first ``limit`` groups or all of them."""
    groups = _sort_largest(card.groups)[:limit]
    parts: list[RenderableType] = [Text(_summary(card))]
    if groups:
        parts += [_heading(_say_groups(len(groups), len(card.groups))), _groups(groups)]
    parts += [_heading("Agreement over the accounts of groups"), _agreement(card)]
    parts += [_heading("Accounts by cohort"), _cohorts(card)]
    parts += [_heading(_say_precision(card)), _precision(card)]
    if card.runs:
        parts += [_heading(_say_nights(card)), _nights(card.nights[:limit])]
    return Group(*parts)


def _sort_largest(groups: Sequence[GroupScore]) -> list[GroupScore]:
    """Put groups whose volume is not known in the order of their accounts."""
    return sorted(groups, key=lambda one: 0 if one.volume_true is not None else -one.accounts)


def _heading(words: str) -> Text:
    return Text(f"\n{words}\n", style="bold")


def _summary(card: Scorecard) -> str:
    counts = card.counts
    clusters = f"{say_plural(counts.clusters, 'cluster')} of {say_plural(counts.clustered, 'account')}"
    unlisted = f", {counts.unlisted:,} of them not in the truth" if counts.unlisted else ""
    groups = f"{say_plural(len(card.groups), 'group')} of {say_plural(counts.grouped, 'account')}"
    return f"{clusters}{unlisted}\n{groups} among the {counts.listed:,} of the truth"


def _say_groups(shown: int, total: int) -> str:
    words = "Groups and the cluster most like each"
    if shown == total:
        return words
    return f"{words}: the {f'{shown:,} ' if shown > 1 else ''}largest of {total:,}"


def _groups(groups: Sequence[GroupScore]) -> Columns:
    volumes = any(one.volume_true is not None for one in groups)
    clusters = [(one.cluster_id or _NOTHING)[:_SHORT] for one in groups]
    reasons = [one.explained_by or "" for one in groups]
    return Columns(
        [
            Column("group", [one.group for one in groups], least=24, style="bold"),
            Column("accounts", [say_count(one.accounts) for one in groups], "right"),
            Column("#", [_count(one.rank) for one in groups], "right"),
            Column("cluster", clusters, style="dim", spare=4),
            *_measures(groups),
            *([Column("volume", [_count(one.volume_true) for one in groups], "right")] if volumes else []),
            Column("found", [_count(one.volume_found) for one in groups], "right", spare=1),
            Column("pieces", [str(one.pieces) for one in groups], "right", spare=2),
            *([Column("explained by", reasons, spare=3)] if any(reasons) else []),
        ]
    )


def _agreement(card: Scorecard) -> Columns:
    rows = [
        ("B-cubed", card.bcubed),
        ("pairs", card.pairs),
        ("B-cubed, others passed over", card.bcubed_grouped),
        ("pairs, others passed over", card.pairs_grouped),
    ]
    return Columns([Column("", [name for name, _ in rows]), *_measures([one for _, one in rows])])


def _measures(rows: Sequence[GroupScore | Agreement]) -> list[Column]:
    return [
        Column(name, [_figure(getattr(one, key)) for one in rows], "right")
        for name, key in (("precision", "precision"), ("recall", "recall"), ("F1", "f1"))
    ]


def _cohorts(card: Scorecard) -> Columns:
    rows = card.cohorts.values()
    return Columns(
        [
            Column("cohort", list(card.cohorts), least=14),
            Column("accounts", [f"{one.accounts:,}" for one in rows], "right"),
            Column("clustered", [f"{one.clustered:,}" for one in rows], "right"),
            Column("", [say_share(one.clustered / max(one.accounts, 1)) for one in rows], "right", spare=1),
            *(Column(f"first {ranks}", [f"{one.top[ranks]:,}" for one in rows], "right") for ranks in TOPS),
        ]
    )


def _say_precision(card: Scorecard) -> str:
    if card.coordinated is None:
        return "How much of the first ranks is in a group"
    *most, last = map(printable, card.coordinated)
    names = f"{', '.join(most)} or {last}" if most else last
    return f"How much of the first ranks is in a group of the cohort {names}"


def _precision(card: Scorecard) -> Columns:
    columns = [Column("", [f"first {ranks}" for ranks in TOPS])]
    for words, found in (("", card.precision_at), ("unexplained ", card.precision_at_unexplained)):
        for name in ("accounts", "clusters"):
            cells = [_figure(getattr(found[ranks], name)) for ranks in TOPS]
            columns.append(Column(f"{words}{name}", cells, "right"))
    return Columns(columns)


def _say_nights(card: Scorecard) -> str:
    first, last = card.runs[0], card.runs[-1]
    nights = f"{say_plural(len(card.runs), 'night')}, {first.isoformat()} to {last.isoformat()}"
    return f"Before a group stood in the first 10 ({nights})"


def _nights(nights: Sequence[NightScore]) -> Columns:
    return Columns(
        [
            Column("group", [one.group for one in nights], least=14, style="bold"),
            Column("first night", [str(one.first_night or "never") for one in nights]),
            Column("active nights before", [_count(one.nights_before) for one in nights], "right"),
            Column(
                "share of its exchanges",
                [_NOTHING if one.share_before is None else say_share(one.share_before) for one in nights],
                "right",
            ),
        ]
    )


def _count(number: float | None) -> str:
    return _NOTHING if number is None else say_count(number)


def _figure(share: float | None) -> str:
    """Write a share with three digits that are never rounded to all or nothing."""
    if share is None:
        return _NOTHING
    if 0 < share < 0.0005:
        return "<0.001"
    if 0.9995 <= share < 1:
        return ">0.999"
    return f"{share:.3f}"
