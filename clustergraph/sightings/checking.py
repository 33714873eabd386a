"""Check every row of the files before anything is made of them, and count those that are set aside."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clustergraph.engines.sql import quote
from clustergraph.sightings.faults import (
    LOCATED,
    Rejected,
    add_up,
    check_share,
    count_rejects,
    find_examples,
    say_origins,
)
from clustergraph.sightings.layouts import scan_layout
from clustergraph.sightings.relations import list_files
from clustergraph.sightings.rows import rows_sql
from clustergraph.sightings.survey import check_totals, survey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from clustergraph.engines.interface import Engine
    from clustergraph.sightings.layouts import Layout
    from clustergraph.sightings.relations import InputFile
    from clustergraph.sightings.survey import Columns, Survey


@dataclass(frozen=True)
class Checked:
    """Rows without those that were set aside.

    Attributes:
        relation: the rows, with the wanted columns.
        survey: what one look at all of them found.
        files: that were read, by path.
        rows: of all files, those set aside included.
        rejected: reason -> the rows set aside for it.
        degraded: whether more rows were set aside than is normal.
    """

    relation: str
    survey: Survey
    files: tuple[InputFile, ...]
    rows: int
    rejected: Mapping[str, Rejected]
    degraded: bool


def check_rows(
    engine: Engine, layouts: Sequence[Layout], columns: Columns, origins: Mapping[str, str], *,
    max_rejected: float, shown: bool, progress: Callable[[str], None],
) -> Checked:  # fmt: skip
    """Read the files of each layout and set rows with faults aside.

    Args:
        engine: to read with; it has the rows of each layout as `..._rows` then.
        layouts: of the files.
        columns: of the input.
        origins: column -> what it is called in the files.
        max_rejected: share of rows up to which rows set aside are normal.
        shown: whether lines that cannot be read may be shown as examples.
        progress: told in a few words what is being done.

    Raises:
        InputError: more than a fifth of the rows is unusable, or sums over all rows do not fit in 64 bits.
    """
    for layout in layouts:
        progress(f"reading {len(layout.sources):,} files ({layout.format})")
        _read_layout(engine, layout, columns)
    unread = [engine.rejects(layout.name) for layout in layouts if layout.format == "csv"]
    rejected: list[Mapping[str, Rejected]] = [count_rejects(lines, shown=shown) for lines in unread]
    progress("checking rows")
    wanted = ", ".join(quote(name) for name in columns.wanted)
    parts = [f"SELECT {wanted}, fault FROM {layout.name}_rows" for layout in layouts]
    engine.view("input_rows", " UNION ALL ".join(parts))
    found, relation = survey(engine, "input_rows", columns), "input_rows"
    if found.suspicious or _has_faults(engine, layouts):
        rejected += [_count_faults(engine, layout, columns) for layout in layouts]
        relation = "input_clean"
        engine.view(relation, f"SELECT {wanted} FROM input_rows WHERE fault IS NULL")
    unread_in = Counter(file for lines in unread for file in lines["file"].to_pylist())
    files = list_files(engine, layouts, unread_in)
    rows = sum(file.rows for file in files)
    reasons = say_origins(add_up(*rejected), origins)
    degraded = check_share(reasons, rows, max_rejected)
    if reasons:
        found = survey(engine, relation, columns)
    check_totals(found.totals)
    return Checked(relation, found, files, rows, reasons, degraded)


def _read_layout(engine: Engine, layout: Layout, columns: Columns) -> None:
    """Name the layout's rows `..._rows`: Parquet stays where it is, text is parsed and kept."""
    scan_layout(engine, layout, columns.wanted, columns.texts)
    sql = rows_sql(layout, layout.name, columns)
    keep = engine.view if layout.format == "parquet" else engine.create
    keep(f"{layout.name}_rows", sql)


def _has_faults(engine: Engine, layouts: Sequence[Layout]) -> bool:
    """Say whether parsing found faults that the parsed values do not show."""
    counts = [
        engine.fetch(f"SELECT count(fault) AS n FROM {layout.name}_rows")["n"][0].as_py()
        for layout in layouts
        if layout.format != "parquet" or "parsed" in layout.columns.values()
    ]
    return any(counts)


def _count_faults(engine: Engine, layout: Layout, columns: Columns) -> Mapping[str, Rejected]:
    found = engine.fetch(
        f"SELECT fault, count(*) AS n FROM {layout.name}_rows"
        " WHERE fault IS NOT NULL GROUP BY fault ORDER BY fault"
    ).to_pylist()
    sql = rows_sql(layout, LOCATED, columns, located=True)
    return {
        row["fault"]: Rejected(
            row["n"], find_examples(engine, layout, sql, columns.wanted, columns.texts, row["fault"])
        )
        for row in found
    }


def tell_times(engine: Engine, layouts: Sequence[Layout], found: Survey) -> tuple[bool, str]:
    """Say whether any time was taken as UTC for want of a zone, and how times were taken."""
    if not found.has_time:
        return False, "the input has no times"
    words = {layout.columns.get("timestamp") for layout in layouts}
    naive, zoned = "time" in words, "zoned time" in words
    for layout in layouts:
        if layout.is_text("timestamp"):
            counts = engine.fetch(
                "SELECT count(*) FILTER (WHERE naive) AS naive, count(*) FILTER (WHERE NOT naive) AS zoned"
                f' FROM {layout.name}_rows WHERE "timestamp" IS NOT NULL'
            ).to_pylist()[0]
            naive, zoned = naive or counts["naive"] > 0, zoned or counts["zoned"] > 0
    if naive and zoned:
        return True, "times with an offset were converted to UTC, times without one were taken as UTC"
    if naive:
        return True, "no time has an offset; all were taken as UTC"
    return False, "all times have an offset and were converted to UTC"
