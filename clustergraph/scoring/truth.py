"""What is known of accounts: the groups that they are in, and what sort of accounts they are."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clustergraph.errors import InputError
from clustergraph.scoring.labels import NUMBER, TEXT, read_labels, refuse, take_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from clustergraph.scoring.labels import Part

COLUMNS = {"account_id": TEXT, "group": TEXT, "cohort": TEXT, "exchanges": NUMBER}
REQUIRED = ("account_id", "group")
NO_COHORT = "none"  # stands for an empty cohort
_IN_MEMORY = "the truth"


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known, an entry an account, by account id.

    Attributes:
        name: of the table, for messages.
        accounts: their ids, each once.
        groups: names of the groups, in order.
        group: place of each account's group among them, -1 in none.
        cohorts: names of the cohorts, in order; empty where they are not known.
        cohort: place of each account's cohort among them; None where they are not known.
        exchanges: true volume of each account; None where it is not known.
    """

    name: str
    accounts: pa.Array
    groups: tuple[str, ...]
    group: NDArray[np.int64]
    cohorts: tuple[str, ...] = ()
    cohort: NDArray[np.int64] | None = None
    exchanges: NDArray[np.float64] | None = None


def read_truth(given: Any) -> Truth:
    """Read what is known of accounts.

    Args:
        given: a path to a table (Parquet, CSV or JSON lines), or a table in memory (of Arrow, pandas or
            anything else that Arrow reads), with ``account_id`` and ``group`` (null or empty: in no group)
            and optionally ``cohort`` and ``exchanges`` (null: 0). Other columns are passed over.

    Raises:
        InputError: a damaged file, a missing column, a wrong type, an empty account id, a volume that is
            negative or no number, or rows of one account that contradict each other.
    """
    if isinstance(given, str | PathLike):
        parts = read_labels(Path(given), COLUMNS, REQUIRED)
    else:
        parts = [take_labels(_IN_MEMORY, _as_table(given), COLUMNS)]
    for part in parts:
        _check(part)
    rows = _once_each(parts)
    has = frozenset().union(*(part.has for part in parts))
    groups, group = _encode(rows["group"])
    cohorts, cohort = _encode(pc.if_else(pc.equal(rows["cohort"], ""), NO_COHORT, rows["cohort"]))
    return Truth(
        name=str(given) if isinstance(given, str | PathLike) else _IN_MEMORY,
        accounts=rows["account_id"].combine_chunks(),
        groups=groups,
        group=group,
        cohorts=cohorts if "cohort" in has else (),
        cohort=cohort if "cohort" in has else None,
        exchanges=rows["exchanges"].to_numpy() if "exchanges" in has else None,
    )


def _as_table(given: Any) -> pa.Table:
    try:
        table = given if isinstance(given, pa.Table) else pa.table(given)
    except (TypeError, ValueError, pa.ArrowException) as error:
        kind = type(given).__name__
        raise InputError(f"{_IN_MEMORY} is a {kind}; expected a path or a table: {error}") from error
    for name in REQUIRED:
        if name not in table.column_names:
            found = ", ".join(map(str, table.column_names)) or "none"
            raise InputError(f"{_IN_MEMORY}: required column {name!r} is missing; found {found}")
    return table


def _check(part: Part) -> None:
    ids = part.table["account_id"]
    refuse(part.name, "account_id", pc.or_kleene(pc.is_null(ids), pc.equal(ids, "")), ids, "an account id")


def _once_each(parts: Sequence[Part]) -> pa.Table:
    """Put the rows in the order of account ids; what is said twice in the same words counts once."""
    filled = [
        part.table.set_column(1, "group", pc.fill_null(part.table["group"], ""))
        .set_column(2, "cohort", pc.fill_null(part.table["cohort"], ""))
        .set_column(3, "exchanges", pc.fill_null(part.table["exchanges"], 0.0))
        for part in parts
    ]
    rows = pa.concat_tables(filled).combine_chunks()
    numbered = rows.append_column("row", pa.array(np.arange(rows.num_rows)))
    order = pc.sort_indices(numbered, [("account_id", "ascending"), ("row", "ascending")])
    rows = rows.take(order)
    if rows.num_rows < 2:
        return rows
    again = _same_as_before(rows["account_id"])
    for column in ("group", "cohort", "exchanges"):
        contradicted = again & ~_same_as_before(rows[column])
        if contradicted.any():
            place = int(np.flatnonzero(contradicted)[0]) + 1
            raise InputError(_contradiction(parts, rows, order, column, place))
    return rows.filter(pa.array(np.concatenate([[True], ~again])))


def _same_as_before(values: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Say of each value but the first whether it is that of the row before."""
    same = pc.equal(values.slice(1), values.slice(0, len(values) - 1))
    return np.asarray(same.to_numpy(), np.bool_)


def _contradiction(parts: Sequence[Part], rows: pa.Table, order: pa.Array, column: str, place: int) -> str:
    name = rows["account_id"][place].as_py()
    here, there = (rows[column][one].as_py() for one in (place - 1, place))
    first, second = (_locate(parts, order[one].as_py()) for one in (place - 1, place))
    return (
        f"{second}: account_id {name[:80]!r} has {column} {there!r}, but {here!r} in {first};"
        f" expected one {column} an account"
    )


def _locate(parts: Sequence[Part], row: int) -> str:
    for part in parts:
        if row < part.table.num_rows:
            return f"{part.name}: row {row + 1:,}"
        row -= part.table.num_rows
    raise AssertionError


def _encode(values: pa.ChunkedArray) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Give the names that are not empty, in order, and the place of each value among them."""
    names = pc.unique(values)
    names = names.filter(pc.not_equal(names, ""))
    names = names.take(pc.sort_indices(names))
    place = pc.index_in(values, value_set=names).fill_null(-1)
    return tuple(names.to_pylist()), place.to_numpy().astype(np.int64)
