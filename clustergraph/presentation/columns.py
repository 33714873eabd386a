"""Columns of text, fitted to the width of a terminal; what is in them stays text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from clustergraph.figures import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

_EIGHTHS = " ▏▎▍▌▋▊▉"
_GAP = 2


@dataclass(frozen=True)
class Column:
    """One column, whole or cut to the room there is.

    Attributes:
        name: its heading.
        cells: from top to bottom.
        justify: side that the cells stand at.
        style: of the cells, in rich's words.
        least: how narrow it may get; None if it is never cut.
        spare: where there is no room for all columns, the one with the highest number goes first; 0 stays.
    """

    name: str
    cells: Sequence[str]
    justify: Literal["left", "right"] = "left"
    style: str = ""
    least: int | None = None
    spare: int = 0

    @property
    def full(self) -> int:
        """The width at which nothing is cut."""
        return max(cell_len(printable(text)) for text in (self.name, *self.cells))

    @property
    def needed(self) -> int:
        """The width below which it may not get."""
        return self.full if self.least is None else min(self.least, self.full)


@dataclass(frozen=True)
class Columns:
    """A table of columns; each has as many cells as the others."""

    columns: Sequence[Column]

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """Draw what there is room for."""
        shown = list(self.columns)
        while _needed(shown) > options.max_width and (spare := max(shown, key=lambda one: one.spare)).spare:
            shown.remove(spare)
        left = max(options.max_width - _needed(shown), 0)
        # The box adds an empty cell to the padding.
        table = Table(
            box=box.SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
            padding=(0, _GAP - 1, 0, 0),
            header_style="dim",
        )
        for one in shown:
            width = min(one.full, one.needed + left)
            left -= width - one.needed
            table.add_column(
                Text(one.name),
                justify=one.justify,
                style=one.style,
                width=width,
                no_wrap=True,
                overflow="ellipsis",
            )
        for row in zip(*(one.cells for one in shown), strict=True):
            table.add_row(*(Text(printable(cell)) for cell in row))
        yield table


def _needed(columns: Sequence[Column]) -> int:
    return sum(one.needed for one in columns) + _GAP * max(len(columns) - 1, 0)


def lay_out_pairs(pairs: Iterable[tuple[str, str]]) -> Table:
    """Lay out names and what there is to say of each, folded where it is long."""
    table = Table.grid(padding=(0, _GAP, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, words in pairs:
        table.add_row(Text(printable(name)), Text(printable(words, 2000)))
    return table


def draw_bar(start: float, end: float, width: int) -> str:
    """Draw a bar from ``start`` to ``end`` (shares of ``width`` cells), at least an eighth of a cell.

    >>> draw_bar(0.0, 0.5, 4), draw_bar(0.5, 1.0, 4)
    ('██  ', '  ██')
    """
    first = min(int(start * width), width - 1)
    eighths = max(round((min(end, 1.0) - start) * width * 8), 1)
    bar = "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
    return (" " * first + bar).ljust(width)
