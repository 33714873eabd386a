"""Make the two relations that later stages query, each row of the input counted once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clustergraph.engines.sql import literal, quote
from clustergraph.sightings.addresses import load_addresses
from clustergraph.sightings.deriving import derive
from clustergraph.sightings.layouts import COUNTS
from clustergraph.sightings.places import write_place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from clustergraph.engines.interface import Engine
    from clustergraph.sightings.expressions import Derivation
    from clustergraph.sightings.layouts import Layout
    from clustergraph.sightings.survey import Columns, Survey

MEASURES = ", ".join(['"timestamp" AS first_seen', '"timestamp" AS last_seen', *COUNTS])


@dataclass(frozen=True)
class InputFile:
    """One file that was read: its path, bytes on disk, rows (those set aside included) and format."""

    path: str
    bytes: int
    rows: int
    format: str


def list_files(engine: Engine, layouts: Iterable[Layout], unread: Mapping[str, int]) -> tuple[InputFile, ...]:
    """List the files by path, with their rows.

    Args:
        engine: that has the layouts' rows.
        layouts: of the files.
        unread: path -> lines that could not be read.
    """
    files = []
    for layout in layouts:
        rows: Counter[str] = Counter()
        if layout.format != "parquet":
            counted = engine.fetch(f"SELECT file, count(*) AS n FROM {layout.name}_rows GROUP BY file")
            rows.update({row["file"]: row["n"] for row in counted.to_pylist()})
        for one in layout.sources:
            count = rows[one.path] + unread.get(one.path, 0) if one.rows is None else one.rows
            files.append(InputFile(one.path, one.bytes, count, one.format))
    return tuple(sorted(files, key=lambda file: file.path))


def drop_duplicates(
    engine: Engine, relation: str, columns: Columns, earlier: Sequence[str] = ()
) -> tuple[str, int]:
    """Keep one row of each event id that was not counted before; rows without an id stay.

    Of rows with one id the first in the order of all columns is kept, so that the order of rows and files
    does not matter. Ids that occur twice are found by their hashes, so that only they are sorted.

    Returns:
        The relation that has each event once, and how many rows were left out.
    """
    if not columns.ids:
        return relation, 0
    relation, known = _drop_earlier(engine, relation, columns, earlier)
    unique, left_out = _drop_repeated(engine, relation, columns)
    return unique, known + left_out


def _drop_earlier(engine: Engine, relation: str, columns: Columns, earlier: Sequence[str]) -> tuple[str, int]:
    """Leave out the rows whose event was counted on an earlier night."""
    if not earlier:
        return relation, 0
    engine.scan("earlier_events", earlier, file_format="parquet")
    known = "event_id <> '' AND md5(event_id) IN (SELECT event FROM earlier_events)"
    count = engine.fetch(f"SELECT count(*) AS n FROM {relation} WHERE {known}")["n"][0].as_py()
    if not count:
        return relation, 0
    names = ", ".join(quote(name) for name in columns.wanted)
    unknown = "ANTI JOIN earlier_events ON event_id <> '' AND md5(event_id) = event"
    engine.view("input_new", f"SELECT {names} FROM {relation} {unknown}")
    return "input_new", count


def _drop_repeated(engine: Engine, relation: str, columns: Columns) -> tuple[str, int]:
    """Keep the first row of each event id."""
    key = engine.hash("event_id")
    engine.create(
        "input_doubled",
        f"SELECT {key} AS h FROM {relation} WHERE event_id <> '' GROUP BY h HAVING count(*) > 1",
    )
    doubled = f"event_id <> '' AND {key} IN (SELECT h FROM input_doubled)"
    if not engine.fetch("SELECT count(*) AS n FROM input_doubled")["n"][0].as_py():
        return relation, 0
    order = ", ".join(f"{quote(name)} NULLS LAST" for name in columns.wanted)
    names = ", ".join(quote(name) for name in columns.wanted)
    engine.create(
        "input_candidates",
        f"SELECT {names}, row_number() OVER (PARTITION BY event_id ORDER BY {order}) AS place"
        f" FROM {relation} WHERE {doubled}",
    )
    left_out = engine.fetch("SELECT count(*) AS n FROM input_candidates WHERE place > 1")["n"][0].as_py()
    engine.view(
        "input_unique",
        f"SELECT {names} FROM {relation} ANTI JOIN input_doubled ON event_id <> '' AND {key} = h"
        f" UNION ALL SELECT {names} FROM input_candidates WHERE place = 1",
    )
    return "input_unique", left_out


def name_relations(
    engine: Engine, relation: str, columns: Columns, found: Survey, derivation: Derivation
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Name `sightings`, `exchanges` and `counted_events`; see `reading.Sightings` for their columns.

    Events become sightings by one query per column of signals: DuckDB groups these faster (2.9 s against
    4.0 s for 4 million rows of four signals) than the rows of one UNPIVOT, since each reads what it needs.

    Returns:
        The kinds that were derived from columns, of those that any row has; and kind -> the relation of its
        sightings, where each has one of its own.

    Raises:
        UsageError: an expression that they are derived by cannot be evaluated.
    """
    long = columns.shape == "sightings"
    said = "kind" if long else "'' AS kind"
    measures = f"{MEASURES}, {write_place(columns)} AS place"
    engine.view("exchanges", f"SELECT account_id, {said}, {measures} FROM {relation}")
    if columns.ids:
        events = 'SELECT md5(event_id) AS event, CAST("timestamp" AS DATE) AS day'
        engine.view("counted_events", f"{events} FROM {relation} WHERE event_id <> ''")
    if long:
        where = " WHERE value <> ''" if found.blank else ""
        sightings = f"SELECT account_id, kind, value, {measures} FROM {relation}{where}"
        engine.view("input_sightings", sightings)
        if found.colons:
            addresses = load_addresses(engine, "value", "input_sightings", "kind = 'ip'")
            names = ", ".join(["first_seen", "last_seen", *COUNTS])
            sightings = (
                f"SELECT account_id, kind, coalesce(address, s.value) AS value, {names}, place"
                f" FROM input_sightings s LEFT JOIN {addresses} a ON s.kind = 'ip' AND s.value = a.value"
            )
        engine.view("sightings", sightings)
        return (), {}
    addresses = ""
    if found.colons:
        union = " UNION ALL ".join(
            f"SELECT {quote(name)} AS value FROM {relation}" for name in columns.addresses
        )
        addresses = load_addresses(engine, "value", f"({union})", "true")
    parts: dict[str, list[str]] = {}
    for column, kind in columns.signals.items():
        parts.setdefault(kind, []).append(_unpivot(relation, column, kind, addresses, measures))
    derived = derive(engine, relation, columns, derivation, addresses)
    for kind, query in derived.items():
        parts.setdefault(kind, []).append(query)
    named = {kind: f"sightings_{number}" for number, kind in enumerate(parts)}
    for kind, queries in parts.items():
        engine.view(named[kind], " UNION ALL ".join(queries))
    none = f"SELECT account_id, '' AS kind, '' AS value, {measures} FROM {relation} WHERE false"
    union = " UNION ALL ".join(f"SELECT * FROM {name}" for name in named.values())
    engine.view("sightings", union or none)
    return tuple(derived), named


def _unpivot(relation: str, column: str, kind: str, addresses: str, measures: str) -> str:
    name, said = quote(column), f"{literal(kind)} AS kind"
    if kind == "ip" and addresses:
        return (
            f"SELECT account_id, {said}, coalesce(address, {name}) AS value, {measures}"
            f" FROM {relation} LEFT JOIN {addresses} a ON {name} = a.value WHERE {name} <> ''"
        )
    return f"SELECT account_id, {said}, {name} AS value, {measures} FROM {relation} WHERE {name} <> ''"
