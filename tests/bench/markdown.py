"""Tables as the README has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Table:
    """A table with a title; cells are text already.

    Attributes:
        title: a line above it.
        header: a name per column.
        rows: cells.
        note: a line below it.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def __str__(self) -> str:
        """Give it as Markdown, the first column to the left, the others to the right."""
        rule = [":--"] + ["--:"] * (len(self.header) - 1)
        lines = ["| " + " | ".join(cells) + " |" for cells in (self.header, rule, *self.rows)]
        note = f"\n\n{self.note}" if self.note else ""
        return f"**{self.title}**\n\n" + "\n".join(lines) + note


def seconds(value: float) -> str:
    """Write seconds."""
    return f"{value:.2f}"


def gigabytes(value: float) -> str:
    """Write bytes as gigabytes."""
    return f"{value / 1e9:.2f}"


def share(value: float) -> str:
    """Write a share of 0..1 to three places."""
    return f"{value:.3f}"


def per_thousand(value: float) -> str:
    """Write a share of 0..1 as so many in a thousand."""
    return f"{1000 * value:.3f}"
