"""What the sections are told, and what a bound says when it is held against figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tests.bench.markdown import Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

USUAL = 200_000  # the size of world that the numbers of decoys, towns and cells are said for
EVASIONS = (0.3, 0.7)


@dataclass(frozen=True)
class Setting:
    """What every section is told.

    Attributes:
        seeds: of the worlds; sections that need one world of a sort take the first.
        chart: where the picture of the evasion curve goes.
        accounts: size of the worlds; None leaves each section its own.
    """

    seeds: Sequence[int]
    chart: Path
    accounts: int | None = None

    def size(self, usual: int = USUAL) -> int:
        """Give the size of a section's worlds."""
        return self.accounts or usual

    def scale(self, count: int, usual: int = USUAL, least: int = 1) -> int:
        """Give a number of decoys, towns and the like in proportion to the size of the worlds."""
        return max(least, round(count * self.size(usual) / usual))


class Bound(NamedTuple):
    """One thing that is asked for.

    Attributes:
        wanted: in words.
        worst: the figure that is furthest from it, in words.
        met: whether it holds everywhere; None where nothing could be measured.
    """

    wanted: str
    worst: str
    met: bool | None


def bounds_table(title: str, bounds: Sequence[Bound]) -> Table:
    """Give a line per bound."""
    words = {True: "yes", False: "**no**", None: "not measured"}
    rows = [(bound.wanted, bound.worst, words[bound.met]) for bound in bounds]
    return Table(title, ("wanted", "worst", "met"), rows)


def yes(value: bool) -> str:
    """Write whether."""
    return "yes" if value else "no"
