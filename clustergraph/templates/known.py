"""What is known of templates from earlier nights, so that each keeps its id.

A template whose slots were found by what is around them is known by that; one of long prompts is known by its
sketch. Neither has any text in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

# What one input says of its templates.
FOUND = pa.schema(
    [
        ("template_id", pa.string()),
        ("kind", pa.string()),  # of the signal that it is
        ("text", pa.string()),  # redacted; null where too few accounts have it
        ("surroundings", pa.list_(pa.uint64())),  # hashes of what is around its slots
        ("shingles", pa.list_(pa.uint32())),  # least hashes of its common shingles
    ]
)
# What a store says of all templates, by first night and id.
REGISTRY = pa.schema([*FOUND, ("first_night", pa.date32()), ("last_night", pa.date32())])
_PREFIX = "tpl_"


def say_id(template: int) -> str:
    """Give a template's id by its number."""
    return f"{_PREFIX}{template:016x}"


def numbers_of(ids: pa.ChunkedArray | pa.Array) -> NDArray[np.uint64]:
    """Give the numbers of templates by their ids."""
    return np.array([int(one[len(_PREFIX) :], 16) for one in ids.to_pylist()], np.uint64)


@dataclass(frozen=True)
class Known:
    """Known templates in the order in which they are preferred.

    Attributes:
        template: number of each.
        surroundings: hashes of what is around slots, sorted.
        owner: place of the first template that has each of these.
        shingles: sketches of templates of long prompts, one after the other.
        start: of each, and the end of the last one; empty for other templates.
    """

    template: NDArray[np.uint64]
    surroundings: NDArray[np.uint64]
    owner: NDArray[np.int64]
    shingles: NDArray[np.uint32]
    start: NDArray[np.int64]

    @classmethod
    def from_table(cls, table: pa.Table | None) -> Self:
        """Make it of the columns of `FOUND`, rows in the order of preference."""
        table = FOUND.empty_table() if table is None else table
        around, around_start = _lists(table["surroundings"], np.uint64)
        place = np.repeat(np.arange(table.num_rows), np.diff(around_start))
        surroundings, first = np.unique(around, return_index=True)  # of equal ones the first is given
        shingles, start = _lists(table["shingles"], np.uint32)
        return cls(numbers_of(table["template_id"]), surroundings, place[first], shingles, start)

    def owners(self, surroundings: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Give the place of the template that has each of some surroundings, -1 where none has."""
        if not len(self.surroundings):
            return np.full(len(surroundings), -1)
        at = np.minimum(np.searchsorted(self.surroundings, surroundings), len(self.surroundings) - 1)
        return np.where(self.surroundings[at] == surroundings, self.owner[at], -1)


def remember(registry: pa.Table, found: pa.Table, night: date, *, days: int) -> pa.Table:
    """Give what a store knows after a night.

    Args:
        registry: what it knew before (`REGISTRY`).
        found: templates of the night (`FOUND`); doubles are of the same content.
        night: the date.
        days: after which a template that was not seen is forgotten.
    """
    tonight = pa.scalar(night, pa.date32())
    ids = found["template_id"].combine_chunks()
    first = np.unique(numbers_of(ids), return_index=True)[1]
    found = found.take(pa.array(first))
    at = pc.index_in(registry["template_id"], value_set=found["template_id"].combine_chunks())
    seen = pc.is_valid(at)
    text = pc.coalesce(registry["text"], found["text"].combine_chunks().take(at))
    last = pc.if_else(seen, tonight, registry["last_night"])
    columns = {name: registry[name] for name in REGISTRY.names} | {"text": text, "last_night": last}
    old = pa.table(columns, REGISTRY)
    age = pc.subtract(tonight.cast(pa.int32()), last.cast(pa.int32()))
    old = old.filter(pc.less_equal(age, days))
    new = found.filter(
        pc.invert(pc.is_in(found["template_id"], value_set=registry["template_id"].combine_chunks()))
    )
    for name in ("first_night", "last_night"):
        new = new.append_column(name, pa.repeat(tonight, new.num_rows))
    joined = pa.concat_tables([old, new.cast(REGISTRY)])
    return joined.sort_by([("first_night", "ascending"), ("template_id", "ascending")]).combine_chunks()


def _lists(column: pa.ChunkedArray, kind: type[np.unsignedinteger]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Give the values of lists one after the other, and where each list begins and the last one ends."""
    size = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    values = pc.list_flatten(column).to_numpy() if len(column) else np.empty(0)
    return values.astype(kind), np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
