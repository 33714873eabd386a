"""The life of a cluster on a terminal: a line per night, with a bar of its volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from clustergraph.figures import printable, say_count, say_plural
from clustergraph.presentation.columns import Column, Columns, draw_bar

if TYPE_CHECKING:
    from rich.console import RenderableType

    from clustergraph.upkeep.history import Life, Stage

_BAR = "cyan"
_WIDTH = 10


def show_life(life: Life) -> RenderableType:
    """Lay out what became of a cluster on each night."""
    nights = say_plural(len(life.stages), "night")
    between = f"{life.stages[0].night} to {life.stages[-1].night}"
    title = Text.assemble((f"Cluster {printable(life.cluster_id)}", "bold"), f"  {nights}, {between}")
    return Group(title, Text(), Columns(_nights(life)), *_say_decisions(life))


def _say_decisions(life: Life) -> list[Text]:
    """Say what was decided on it, a line each."""
    lines = [
        f"{one.night}: {f'undo of {one.undoes}' if one.undoes else one.decision} ({one.number}), by "
        f"{printable(one.decided_by)}: {printable(one.reason, 400)}"
        for one in life.decisions
    ]
    return [Text(f"\n{line}" if number == 0 else line) for number, line in enumerate(lines)]


def _nights(life: Life) -> list[Column]:
    stages = life.stages
    banned = [_say(one.accounts_banned) for one in stages]
    kin = [_say_kin(one, life) for one in stages]
    decisions = [one.decision or "" for one in stages]
    return [
        Column("night", [one.night for one in stages]),
        Column("event", [one.event for one in stages], style="bold"),
        Column("accounts", [_say(one.accounts) for one in stages], "right"),
        Column("joined", [_say(one.accounts_joined) for one in stages], "right", spare=2),
        Column("left", [_say(one.accounts_left) for one in stages], "right", spare=2),
        Column("volume", [_say(one.extraction_volume) for one in stages], "right"),
        Column("", _draw_volumes(stages), style=_BAR, spare=3),
        Column("1 day", [_say(one.exchanges_1d) for one in stages], "right", spare=4),
        *([Column("banned", banned, "right", spare=1)] if any(banned) else []),
        Column("#", [_say(one.rank) for one in stages], "right", "dim"),
        *([Column("decision", decisions, spare=5)] if any(decisions) else []),
        *([Column("from and into", kin, least=13)] if any(kin) else []),
    ]


def _draw_volumes(stages: tuple[Stage, ...]) -> list[str]:
    """Draw a bar per night, as long as its part of the largest volume; none where there was no cluster."""
    volumes = [one.extraction_volume for one in stages]
    most = max((one for one in volumes if one is not None), default=0.0)
    return [draw_bar(0.0, one / most, _WIDTH) if one is not None and most > 0 else "" for one in volumes]


def _say(number: float | None) -> str:
    return "" if number is None else say_count(number)


def _say_kin(stage: Stage, life: Life) -> str:
    """Say which other clusters members came from, or where most of them went."""
    origins = [life.short[one] for one in stage.from_ids if one != life.cluster_id]
    heirs = [life.short[one] for one in stage.into_ids]
    parts = [("from", origins), ("into", heirs)]
    return "; ".join(f"{word} {', '.join(ids)}" for word, ids in parts if ids)
