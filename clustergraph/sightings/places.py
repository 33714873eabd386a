"""Where a row was seen: a place, and the region that it lies in, in one text.

``place``, or ``region`` and ``place`` with a separator between them, either of which may be empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustergraph.engines.sql import literal, quote
from clustergraph.errors import UsageError

if TYPE_CHECKING:
    from clustergraph.sightings.survey import Columns

# No column of text that people write has the unit separator.
_SEPARATOR = "chr(31)"


def split_setting(place: str) -> tuple[str | None, str]:
    """Split ``region/place`` or ``place``, names of columns.

    Raises:
        UsageError: there are more than two names, or an empty one.
    """
    names = place.split("/")
    if len(names) > 2 or not all(names):
        raise UsageError(
            '[read] place must be a column, or two from the wider to the narrower as in "country/asn",'
            f" not {place!r}"
        )
    return (names[0] if len(names) == 2 else None), names[-1]


def write_place(columns: Columns, row: str = "") -> str:
    """Write the expression of where a row was seen, null where unknown.

    Args:
        columns: of the rows.
        row: name of the relation that has them, if there are others.
    """
    prefix = f"{row}." if row else ""

    def name(column: str | None) -> str:
        return "NULL::VARCHAR" if column is None else f"nullif({prefix}{quote(column)}, {literal('')})"

    place, region = name(columns.place), name(columns.region)
    if columns.region is None:
        return place
    both = f"coalesce({region}, '') || {_SEPARATOR} || coalesce({place}, '')"
    return f"CASE WHEN coalesce({region}, {place}) IS NOT NULL THEN {both} END"


def place_of(text: str) -> str:
    """Write the expression of the place alone, null where unknown."""
    split = f"nullif(split_part({text}, {_SEPARATOR}, 2), '')"
    return f"(CASE WHEN contains({text}, {_SEPARATOR}) THEN {split} ELSE {text} END)"


def region_of(text: str) -> str:
    """Write the expression of the region alone, null where unknown."""
    split = f"nullif(split_part({text}, {_SEPARATOR}, 1), '')"
    return f"(CASE WHEN contains({text}, {_SEPARATOR}) THEN {split} END)"
