"""Decisions on a terminal, and how reliable kinds of signals have been."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from clustergraph.artefacts.runs import shorten_ids
from clustergraph.figures import printable, say_count, say_share
from clustergraph.presentation.columns import Column, Columns

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import RenderableType

    from clustergraph.upkeep.refitting import Refit, RefittedPoint

_NOTHING = "No decision was made yet; `clustergraph decide` makes one."
_UNJUDGED = "No cluster was confirmed or cleared yet: nothing can be learned of any kind."


def show_decisions(table: pa.Table) -> RenderableType:
    """Lay out the log of decisions; those that are not in force are in brackets."""
    rows = table.to_pylist()
    if not rows:
        return Text(_NOTHING)
    short = shorten_ids({row["cluster_id"] for row in rows})
    return Columns([
        Column("", [str(row["number"]) for row in rows], "right", "dim"),
        Column("cluster", [short[row["cluster_id"]] for row in rows], style="bold"),
        Column("decision", [_say_word(row) for row in rows]),
        Column("accounts", ["" if row["accounts"] is None else say_count(row["accounts"]) for row in rows],
               "right"),
        Column("night", [row["night"] for row in rows]),
        Column("by", [row["decided_by"] for row in rows], least=8),
        Column("reason", [row["reason"] for row in rows], least=16),
    ])  # fmt: skip


def show_reliability(table: pa.Table) -> RenderableType:
    """Lay out how often each kind was shared in confirmed and in cleared clusters."""
    rows = table.to_pylist()
    if not rows:
        return Text(f"\n{_UNJUDGED}")
    columns = Columns([
        Column("kind", [row["kind"] for row in rows], style="bold", least=8),
        Column("confirmed", [_say_of(row, "clusters") for row in rows], "right"),
        Column("share", [_say_interval(row, "") for row in rows]),
        Column("holders", [_say_of(row, "holders") for row in rows], "right"),
        Column("share", [_say_interval(row, "holders_") for row in rows]),
        Column("bits for a campaign", [_say_bits(row) for row in rows]),
    ])  # fmt: skip
    said = [Text(printable(row["suggestion"], 400)) for row in rows if row["suggestion"]]
    note = Text("Of clusters that were confirmed or cleared; 95% intervals, a cluster is one observation.")
    return Group(Text(), columns, Text(), *said, note)


def _say_word(row: dict[str, Any]) -> str:
    if row["undoes"] is not None:
        return f"undo of {row['undoes']}"
    return str(row["decision"]) if row["in_force"] else f"({row['decision']})"


def _say_of(row: dict[str, Any], what: str) -> str:
    confirmed, cleared = row[f"confirmed_{what}"], row[f"cleared_{what}"]
    return f"{confirmed:,} of {confirmed + cleared:,}"


def _say_interval(row: dict[str, Any], of: str) -> str:
    share, low, high = (row[f"{of}{name}"] for name in ("share", "low", "high"))
    return f"{say_share(share)} ({say_share(low)} to {say_share(high)})"


def _say_bits(row: dict[str, Any]) -> str:
    return f"{row['bits']:+.1f} ({row['bits_low']:+.1f} to {row['bits_high']:+.1f})"


def show_refit(found: Refit) -> RenderableType:
    """Lay out points as they are and as decisions would have them, and what would change."""
    parts = Columns([
        Column("part", [one.name for one in found.points], style="bold", least=12),
        Column("points", [f"{one.present:.2f}" for one in found.points], "right"),
        Column("proposed", [f"{one.proposed:.2f}" for one in found.points], "right"),
        Column("95% interval", [_say_points(one) for one in found.points]),
        Column("clusters", [say_count(one.clusters) for one in found.points], "right"),
    ])  # fmt: skip
    short = shorten_ids({one.cluster_id for one in found.clusters})
    clusters = Columns([
        Column("", [str(one.number) for one in found.clusters], "right", "dim"),
        Column("cluster", [short[one.cluster_id] for one in found.clusters], style="bold"),
        Column("decision", [one.decision for one in found.clusters]),
        Column("score", [f"{one.score_before:.2f}" for one in found.clusters], "right"),
        Column("proposed", [f"{one.score_after:.2f}" for one in found.clusters], "right"),
    ])  # fmt: skip
    said = f"Points from {found.confirmed:,} confirmed and {found.cleared:,} cleared clusters"
    listed: list[RenderableType] = [Text(), clusters] if found.clusters else []
    return Group(
        Text(f"\n{said}\n", style="bold"),
        parts,
        *listed,
        *([Text(f"\n{_say_separation(found)}")] if found.auc_before is not None else []),
        *([Text(f"\n{found.warning}", style="yellow")] if found.warning else []),
        Text("\nNothing was changed. To use the proposed points, put this into the configuration:\n"),
        Text(found.to_toml()),
    )


def _say_points(one: RefittedPoint) -> str:
    if one.low is None or one.high is None:
        return "not fitted"
    return f"{one.low:.2f} to {one.high:.2f}"


def _say_separation(found: Refit) -> str:
    parts = [f"{found.auc_before:.3f} with the present points", f"{found.auc_after:.3f} with those proposed"]
    if found.auc_left_out is not None:
        parts.append(f"{found.auc_left_out:.3f} for clusters that points were fitted without")
    return "A confirmed cluster scores above a cleared one in these shares of pairs: " + ", ".join(parts)
