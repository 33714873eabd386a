"""What differs between two nights, on a terminal: the clusters that changed, and how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from clustergraph.figures import say_count, say_plural
from clustergraph.presentation.columns import Column, Columns, lay_out_pairs
from clustergraph.upkeep.differences import KINDS, SAME

if TYPE_CHECKING:
    from rich.console import RenderableType

    from clustergraph.upkeep.differences import Change, Difference

_MOVES = ("joined", "left", "moved")  # into any cluster, out of all, from one to another


def show_difference(found: Difference) -> RenderableType:
    """Lay out the clusters that changed, and the totals."""
    title = Text(f"{found.before} against {found.after}", style="bold")
    totals = lay_out_pairs(_say_totals(found))
    if not found.changes:
        return Group(
            title, Text(), Text("Every cluster has the same members on both nights."), Text(), totals
        )
    return Group(title, Text(), Columns(_changes(found)), Text(), totals)


def _changes(found: Difference) -> list[Column]:
    rows = found.changes
    decisions = [_say_decision(one) for one in rows]
    return [
        Column("", [one.change for one in rows], style="bold"),
        Column("cluster", [one.cluster_id for one in rows], least=9),
        Column("accounts", [f"{one.accounts_before:,}" for one in rows], "right"),
        Column("then", [f"{one.accounts_after:,}" for one in rows], "right"),
        Column("joined", [f"{one.accounts_joined:,}" for one in rows], "right", spare=1),
        Column("left", [f"{one.accounts_left:,}" for one in rows], "right", spare=1),
        Column("volume", [say_count(one.volume_before) for one in rows], "right"),
        Column("then", [say_count(one.volume_after) for one in rows], "right"),
        *([Column("decision", decisions, spare=2)] if any(decisions) else []),
    ]


def _say_decision(change: Change) -> str:
    """Say what was decided on a cluster and holds, and what no longer does."""
    before, after = change.decision_before, change.decision_after
    return after or "" if before == after else f"{before or 'none'}, then {after or 'none'}"


def _say_totals(found: Difference) -> list[tuple[str, str]]:
    totals = found.totals
    kinds = ", ".join(f"{totals[kind]:,} {kind}" for kind in (*KINDS, SAME) if totals[kind])
    moves = [f"{say_plural(int(totals[f'accounts_{what}']), 'account')} {what}" for what in _MOVES]
    return [
        ("clusters", f"{_say_both(found, 'clusters')}{f' ({kinds})' if kinds else ''}"),
        ("accounts", f"{_say_both(found, 'accounts')} ({', '.join(moves)})"),
        ("volume", _say_both(found, "volume")),
    ]


def _say_both(found: Difference, what: str) -> str:
    return f"{say_count(found.totals[f'{what}_before'])}, then {say_count(found.totals[f'{what}_after'])}"
