"""Read the small tables that go with an input: accounts, volumes, known hubs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustergraph.engines.sql import literal, quote
from clustergraph.errors import InputError
from clustergraph.sightings.faults import EARLIEST, LATEST, LONGEST, count_rejects
from clustergraph.sightings.layouts import ACCEPTED, TIMES, require
from clustergraph.sightings.sources import find

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from clustergraph.engines.interface import Engine
    from clustergraph.sightings.sources import Source

ACCOUNT_COLUMNS = {
    "created_at": "time",
    "status": "text",
    "banned_at": "time",
    "organization_id": "text",
    "pathway": "text",
    "email": "text",
    "asn": "text",
}  # column -> what it holds
NUMBER = (set(ACCEPTED["integer"][0]) | {"number"}, "a number")


def is_time(column: str) -> bool:
    """Tell whether a column of events or accounts holds times."""
    return column in TIMES or ACCOUNT_COLUMNS.get(column) == "time"


def read_accounts(path: str | Path, engine: Engine) -> pa.Table:
    """Read what is known of accounts.

    Returns:
        account_id (text, unique, sorted) and all of created_at, status, banned_at, organization_id, pathway,
        email and asn (times in UTC, texts); null where it is not known or empty.

    Raises:
        InputError: a damaged file, a missing column, a wrong type, an account in two rows.
    """
    sources = _open(path, "account_id", {"account_id": "text"} | ACCOUNT_COLUMNS)
    _name(engine, sources, ["account_id", *ACCOUNT_COLUMNS])
    _check_key(engine, path, "account_id")
    for name, kind in ACCOUNT_COLUMNS.items():
        if kind == "time":
            _refuse(
                engine,
                path,
                name,
                f"coalesce({name}, '') <> '' AND (TRY_CAST({name} AS TIMESTAMP WITH TIME ZONE) IS NULL OR NOT"
                f" CAST(TRY_CAST({name} AS TIMESTAMP WITH TIME ZONE) AS TIMESTAMP)"
                f" BETWEEN TIMESTAMP '{EARLIEST}' AND TIMESTAMP '{LATEST}')",
                "an ISO time from 2000 to 2100",
            )
    return engine.fetch(
        "SELECT account_id, "
        + ", ".join(
            f"CAST(CAST(nullif({name}, '') AS TIMESTAMP WITH TIME ZONE) AS TIMESTAMP) AS {name}"
            if kind == "time"
            else f"nullif({name}, '') AS {name}"
            for name, kind in ACCOUNT_COLUMNS.items()
        )
        + " FROM side_rows ORDER BY account_id"
    )


def read_volumes(path: str | Path, engine: Engine) -> pa.Table:
    """Read the volume that clusters are to be ranked by.

    Returns:
        account_id (text, unique, sorted) and the one other column under its own name (double, >= 0; an empty
        volume counts 0).

    Raises:
        InputError: a damaged file, not exactly one numeric column, an account in two rows, a volume that is
            negative or no number.
    """
    sources = _open(path, "account_id", {"account_id": "text"})
    others = sorted({name for source in sources for name in source.columns} - {"account_id"})
    if any(source.format == "parquet" for source in sources):
        others = [n for n in others if any(s.columns.get(n) in ("integer", "number") for s in sources)]
    if len(others) != 1:
        raise InputError(
            f"{path}: expected account_id and exactly one numeric column; found {', '.join(others) or 'none'}"
        )
    name = others[0]
    column = quote(name)
    for source in sources:
        require(source, name)
    _name(engine, sources, ["account_id", name])
    _check_key(engine, path, "account_id")
    number = f"TRY_CAST({column} AS DOUBLE)"
    _refuse(
        engine,
        path,
        name,
        f"coalesce({column}, '') <> '' AND ({number} IS NULL OR NOT isfinite({number}) OR {number} < 0)",
        "a number >= 0",
    )
    return engine.fetch(
        f"SELECT account_id, coalesce(CAST(nullif({column}, '') AS DOUBLE), 0) AS {column}"
        " FROM side_rows ORDER BY account_id"
    )


def read_known_hubs(path: str | Path, engine: Engine) -> pa.Table:
    """Read the signals that are known to be public infrastructure.

    Returns:
        value and kind (text, distinct, sorted); a null kind stands for every kind.

    Raises:
        InputError: a damaged file, a missing column, a wrong type, an empty value.
    """
    sources = _open(path, "value", {"value": "text", "kind": "text"})
    _name(engine, sources, ["value", "kind"])
    _refuse(engine, path, "value", f"coalesce(value, '') = '' OR strlen(value) > {LONGEST}", "a value")
    return engine.fetch(
        "SELECT DISTINCT value, nullif(kind, '') AS kind FROM side_rows ORDER BY value, kind NULLS FIRST"
    )


def _open(path: str | Path, key: str, expected: Mapping[str, str]) -> list[Source]:
    """Find the files, and check that they have the key and the types expected."""
    sources = find([path])
    for source in sources:
        require(source, key)
        for name in sorted(source.columns.keys() & expected.keys()):
            words, said = ACCEPTED[expected[name]]
            if source.columns[name] not in words:
                found = source.types.get(name, source.columns[name])
                raise InputError(f"{source.path}: column {name!r} is {found}; expected {said}: convert it")
    return sources


def _name(engine: Engine, sources: Sequence[Source], columns: Sequence[str]) -> None:
    """Make the relation `side_rows`: the columns as text, null where a file lacks one."""
    parts = []
    for number, source in enumerate(sources):
        name = f"side_{number}"
        engine.scan(
            name,
            [source.path],
            file_format=source.format,
            columns=source.header if source.format == "csv" else columns,
            text=[column for column in columns if column in ("account_id", "value", "kind")],
            delimiter=source.delimiter,
        )
        has = set(columns) if source.format == "json" else set(source.columns)
        fault = "fault" if source.format == "json" else "CAST(NULL AS VARCHAR)"
        given = [
            f"CAST({quote(column) if column in has else 'NULL'} AS VARCHAR) AS {quote(column)}"
            for column in columns
        ]
        engine.create(
            f"{name}_rows",
            f"SELECT {', '.join(given)}, {fault} AS fault, {literal(source.path)} AS file FROM {name}",
        )
        if source.format == "csv":
            for reason, lines in count_rejects(engine.rejects(name)).items():
                first = lines.examples[0]
                where = f"in {lines.count:,} lines, first in line {first.row}: {first.value!r}"
                raise InputError(f"{source.path}: {reason} {where}")
        parts.append(f"SELECT * FROM {name}_rows")
    engine.view("side_rows", " UNION ALL ".join(parts))
    wrong = engine.fetch(
        "SELECT file, fault, count(*) AS n FROM side_rows WHERE fault IS NOT NULL"
        " GROUP BY file, fault ORDER BY file, fault"
    )
    if wrong.num_rows:
        row = wrong.to_pylist()[0]
        raise InputError(f"{row['file']}: {row['fault']} in {row['n']:,} lines")


def _check_key(engine: Engine, path: str | Path, key: str) -> None:
    _refuse(engine, path, key, f"coalesce({key}, '') = '' OR strlen({key}) > {LONGEST}", "an id")
    twice = engine.fetch(
        f"SELECT {key} AS id, count(*) AS n FROM side_rows GROUP BY {key}"
        f" HAVING count(*) > 1 ORDER BY {key} LIMIT 1"
    ).to_pylist()
    if twice:
        row = twice[0]
        raise InputError(f"{path}: {key} {row['id']!r} is in {row['n']} rows; expected one row an account")


def _refuse(engine: Engine, path: str | Path, column: str, condition: str, expected: str) -> None:
    """Raise an error if any row meets a condition; these tables are too small to set rows aside."""
    name = quote(column)
    found = engine.fetch(
        f"SELECT count(*) AS n, min(left({name}, 80)) AS value FROM side_rows WHERE {condition}"
    ).to_pylist()[0]
    if found["n"]:
        raise InputError(
            f"{path}: column {column!r} has {found['n']:,} rows with {found['value']!r} or the like;"
            f" expected {expected}"
        )
