"""Bring the columns of every layout to the same names, types and units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustergraph.engines.sql import literal, quote
from clustergraph.sightings.faults import NOT_WHOLE, fault_sql
from clustergraph.sightings.layouts import COUNTS, NUMBERS, STRUCTURES
from clustergraph.sightings.side_tables import is_time

if TYPE_CHECKING:
    from clustergraph.sightings.layouts import Layout
    from clustergraph.sightings.survey import Columns

# Since times are from 2000 to 2100, the number of its digits tells the unit of a time since the epoch:
# 9 or 10 in seconds, 12 or 13 in milliseconds, 15 or 16 in microseconds, 18 or 19 in nanoseconds.
_EPOCH = """
CASE WHEN NOT regexp_full_match(coalesce("timestamp", ''), '[0-9]{{9,19}}') THEN {parsed}
     WHEN length("timestamp") < 11 THEN make_timestamp(TRY_CAST("timestamp" AS BIGINT) * 1000000)
     WHEN length("timestamp") < 14 THEN make_timestamp(TRY_CAST("timestamp" AS BIGINT) * 1000)
     WHEN length("timestamp") < 17 THEN make_timestamp(TRY_CAST("timestamp" AS BIGINT))
     ELSE make_timestamp(TRY_CAST("timestamp" AS BIGINT) // 1000) END
"""
OFFSET = ":[0-9.]+ ?([+-][0-9]{2}(:?[0-9]{2})?|[A-Za-z_/]+)$"  # how a time ends that tells its zone
NESTED = ("list", "large_list", "fixed_size_list", "struct", "map")  # how Arrow's names of types begin
LARGEST_INTEGER = 2**63 - 1


def rows_sql(layout: Layout, relation: str, columns: Columns, *, located: bool = False) -> str:
    """Write the query of a layout's rows, all columns cleaned, none left out.

    Args:
        layout: of the files.
        relation: over them.
        columns: those wanted are given, in order; those the files lack are constants.
        located: for examples, give `file`, `row` and every column of the files as `raw_...`.

    Returns:
        SQL. Besides the columns wanted it gives `fault`, the row's first fault or null; for text also
        `file`, and `naive`: whether its time told no zone.
    """
    text, wanted = layout.format != "parquet", columns.wanted
    given = [f"{_cleaned(layout, name, columns)} AS {quote(name)}" for name in wanted]
    parsed_time = layout.is_text("timestamp")
    raw = [name for name in layout.columns if located or (parsed_time and name == "timestamp")]
    given += [f"{quote(name)} AS {quote('raw_' + name)}" for name in raw]
    given += ["file"] if text or located else []
    given += ["row"] if located else []
    given += ["fault AS line_fault"] if layout.format == "json" else []
    fault = fault_sql(columns.texts, parsed_time=parsed_time, span=columns.span)
    if layout.format == "json":
        fault = f"coalesce(line_fault, {fault})"
    out = [quote(name) for name in wanted] + [f"{fault} AS fault"]
    out += ["file"] if text or located else []
    out += ["row", *(quote("raw_" + name) for name in raw)] if located else []
    if (text or parsed_time) and not located:
        zoned = f"{OFFSET}|^[0-9]{{9,19}}$" if "timestamp" in layout.named else OFFSET
        naive = f"NOT regexp_matches(raw_timestamp, {literal(zoned)})" if parsed_time else "NULL"
        out.append(f"{naive} AS naive")
    return f"SELECT {', '.join(out)} FROM (SELECT {', '.join(given)} FROM {relation})"


def _cleaned(layout: Layout, name: str, columns: Columns) -> str:
    if name == "timestamp":
        return _time(layout)
    if name in COUNTS:
        return _count(layout, name)
    if name in columns.derived and name not in columns.texts:
        return _fact(layout, name)
    return f"CAST({quote(name)} AS VARCHAR)" if name in layout.columns else "CAST(NULL AS VARCHAR)"


def _fact(layout: Layout, name: str) -> str:
    """Write a column that signals are derived from, so that all formats give the same."""
    if is_time(name):
        time = f"TRY_CAST({quote(name)} AS TIMESTAMP WITH TIME ZONE)" if name in layout.columns else "NULL"
        return f"CAST({time} AS TIMESTAMP)"
    if name not in layout.columns:
        return "CAST(NULL AS VARCHAR)"
    text = f"CAST({quote(name)} AS VARCHAR)"
    if layout.columns[name].startswith(NESTED):
        return f"CAST(to_json({quote(name)}) AS VARCHAR)"
    if name in NUMBERS:
        number = f"TRY_CAST({text} AS DOUBLE)"
        shortest = f"regexp_replace(CAST({number} AS VARCHAR), '[.]0$', '')"
        return f"CASE WHEN isfinite({number}) THEN {shortest} ELSE {text} END"
    if name in STRUCTURES:
        is_json = f"regexp_matches({text}, '^[[:space:]]*[\\[{{]') AND json_valid({text})"
        return f"CASE WHEN {is_json} THEN CAST(json_extract({text}, '$') AS VARCHAR) ELSE {text} END"
    return text


def _time(layout: Layout) -> str:
    if "timestamp" not in layout.columns:
        return "CAST(NULL AS TIMESTAMP)"
    if layout.is_text("timestamp"):
        parsed = 'CAST(TRY_CAST("timestamp" AS TIMESTAMP WITH TIME ZONE) AS TIMESTAMP)'
        return _EPOCH.format(parsed=parsed) if "timestamp" in layout.named else parsed
    return 'CAST("timestamp" AS TIMESTAMP)'  # the session is in UTC


def _count(layout: Layout, name: str) -> str:
    default = COUNTS[name]
    if name not in layout.columns:
        return f"CAST({default} AS BIGINT)"
    if layout.is_text(name):
        return (
            f"CASE WHEN coalesce({name}, '') = '' THEN {default}"
            f" WHEN regexp_full_match({name}, '[0-9]{{1,18}}') THEN TRY_CAST({name} AS BIGINT)"
            f" WHEN regexp_full_match({name}, '[0-9]+') THEN {LARGEST_INTEGER}"
            f" WHEN regexp_full_match({name}, '-[0-9]+') THEN -1 ELSE CAST({NOT_WHOLE} AS BIGINT) END"
        )
    if layout.types[name] == "uint64":
        return f"CAST(coalesce(least({name}, {LARGEST_INTEGER}), {default}) AS BIGINT)"
    return f"coalesce(CAST({name} AS BIGINT), {default})"
