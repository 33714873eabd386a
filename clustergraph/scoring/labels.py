"""Read small tables of labels, Parquet or text, and refuse what is wrong in them with its file and row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

from clustergraph.errors import InputError
from clustergraph.sightings.layouts import require
from clustergraph.sightings.sources import find

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from clustergraph.sightings.sources import Source

TEXT, NUMBER, DAY = pa.large_string(), pa.float64(), pa.date32()
_NUMBER = r"^\d+(\.\d*)?([eE][+-]?\d+)?$"
_BLOCK = 1 << 24  # bytes of JSON at a time; a line is never longer
_SHOWN = 80


@dataclass(frozen=True)
class Part:
    """The rows of one file.

    Attributes:
        name: of the file, or words for what was given.
        table: the columns that were asked for, in their types; null where the file has none of that name.
        has: the names of those that it has.
    """

    name: str
    table: pa.Table
    has: frozenset[str]


def read_labels(path: str | Path, columns: Mapping[str, pa.DataType], required: Sequence[str]) -> list[Part]:
    """Read the files of a table, in the order of their paths.

    Args:
        path: a file, a folder or a glob, of the formats that input comes in.
        columns: what to read: name -> ``TEXT``, ``NUMBER`` (>= 0) or ``DAY``.
        required: those that every file must have.

    Raises:
        InputError: a damaged file, a missing column, a wrong type, a value that is none of its column's.
    """
    parts = []
    for source in find([path]):
        for name in required:
            require(source, name)
        try:
            found = _READERS[source.format](source, columns)
        except (pa.ArrowException, OSError) as error:
            said = str(error).split("\n", 1)[0]
            raise InputError(f"{source.path}: cannot be read as {source.format}: {said}") from error
        parts.append(take_labels(source.path, found, columns))
    return parts


def take_labels(name: str, table: pa.Table, columns: Mapping[str, pa.DataType]) -> Part:
    """Take the columns of a table that is in memory; see :func:`read_labels`."""
    has = frozenset(columns) & set(table.column_names)
    taken = {
        column: _convert(name, column, table[column], kind)
        if column in has
        else pa.nulls(table.num_rows, kind)
        for column, kind in columns.items()
    }
    return Part(name, pa.table(taken), has)


def refuse(name: str, column: str, wrong: pa.ChunkedArray, values: pa.ChunkedArray, expected: str) -> None:
    """Raise an error that names the first row in which something is wrong, if there is one."""
    place = pc.index(wrong, True).as_py()
    if place >= 0:
        value = values[place].as_py()
        shown = repr(value[:_SHOWN]) if isinstance(value, str) else "null" if value is None else str(value)
        raise InputError(f"{name}: column {column!r}, row {place + 1:,}: {shown}; expected {expected}")


def _convert(name: str, column: str, values: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    given = values.type
    if pa.types.is_dictionary(given):
        values = values.cast(given.value_type)
    if pa.types.is_null(values.type):
        return values.cast(kind)
    if _is_text(values.type):
        values = values.cast(TEXT)
        try:
            values.validate(full=True)
        except pa.ArrowInvalid as error:
            raise InputError(f"{name}: column {column!r} is not UTF-8: {error}") from error
    return _CONVERSIONS[kind](name, column, values, given)


def _to_text(name: str, column: str, values: pa.ChunkedArray, given: pa.DataType) -> pa.ChunkedArray:
    if not _is_text(values.type):
        raise InputError(f"{name}: column {column!r} is {given}; expected text: convert it")
    return values


def _to_number(name: str, column: str, values: pa.ChunkedArray, given: pa.DataType) -> pa.ChunkedArray:
    expected = "a number >= 0"
    if _is_text(values.type):
        values = pc.if_else(pc.equal(values, ""), None, values)
        refuse(name, column, pc.invert(pc.match_substring_regex(values, _NUMBER)), values, expected)
    elif not (
        pa.types.is_integer(values.type)
        or pa.types.is_floating(values.type)
        or pa.types.is_decimal(values.type)
    ):
        raise InputError(f"{name}: column {column!r} is {given}; expected a number: convert it")
    numbers = values.cast(NUMBER, safe=False)  # counts over 2**53 lose their last digits, and nothing else
    refuse(name, column, pc.or_(pc.invert(pc.is_finite(numbers)), pc.less(numbers, 0.0)), numbers, expected)
    return numbers


def _to_day(name: str, column: str, values: pa.ChunkedArray, given: pa.DataType) -> pa.ChunkedArray:
    if _is_text(values.type):
        days = pc.strptime(values, format="%Y-%m-%d", unit="s", error_is_null=True)
        # strptime takes 2026-2-3, too, and 2026-02-30 for a day in March.
        again = pc.strftime(days, format="%Y-%m-%d").cast(TEXT)
        wrong = pc.or_kleene(pc.is_null(days), pc.not_equal(again, values))
        refuse(name, column, pc.and_(wrong, pc.is_valid(values)), values, "a day as YYYY-MM-DD")
        return days.cast(DAY)
    if not (pa.types.is_date(values.type) or pa.types.is_timestamp(values.type)):
        raise InputError(f"{name}: column {column!r} is {given}; expected a date: convert it")
    return values.cast(DAY, safe=False)


def _is_text(kind: pa.DataType) -> bool:
    return any(one(kind) for one in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


_CONVERSIONS: Mapping[pa.DataType, Callable[..., pa.ChunkedArray]] = {
    TEXT: _to_text,
    NUMBER: _to_number,
    DAY: _to_day,
}


def _read_parquet(source: Source, columns: Mapping[str, pa.DataType]) -> pa.Table:
    present = [name for name in columns if name in source.columns]
    # partitioning=None: a folder dt=.../ on the way is no column.
    return pq.read_table(source.path, columns=present, partitioning=None)


def _read_csv(source: Source, columns: Mapping[str, pa.DataType]) -> pa.Table:
    present = [name for name in columns if name in source.columns]
    with pa.input_stream(source.path, compression=source.compression or None) as stream:
        return pyarrow.csv.read_csv(
            stream,
            read_options=pyarrow.csv.ReadOptions(use_threads=False),  # else errors do not say which row
            parse_options=pyarrow.csv.ParseOptions(delimiter=source.delimiter, newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=present, column_types=dict.fromkeys(present, pa.string())
            ),
        )


def _read_json(source: Source, columns: Mapping[str, pa.DataType]) -> pa.Table:
    kinds: Any = [(name, NUMBER if kind == NUMBER else pa.string()) for name, kind in columns.items()]
    with pa.input_stream(source.path, compression=source.compression or None) as stream:
        found = pyarrow.json.read_json(
            stream,
            read_options=pyarrow.json.ReadOptions(block_size=_BLOCK),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=pa.schema(kinds), unexpected_field_behavior="ignore"
            ),
        )
    # The schema gives a column to every name; one without a value is as good as missing.
    return found.select([name for name in found.column_names if found[name].null_count < found.num_rows])


_READERS: Mapping[str, Callable[[Source, Mapping[str, pa.DataType]], pa.Table]] = {
    "parquet": _read_parquet,
    "csv": _read_csv,
    "json": _read_json,
}
