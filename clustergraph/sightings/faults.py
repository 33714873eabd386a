"""Which rows cannot be used, why, and how many of them are too many."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from clustergraph.engines.sql import literal, quote
from clustergraph.errors import InputError
from clustergraph.sightings.layouts import COUNTS, PROMPT, Layout, scan_sources

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import pyarrow as pa

    from clustergraph.engines.interface import Engine
    from clustergraph.sightings.spans import Span

LONGEST = 64 * 1024  # bytes of a value
LARGEST = 2**53  # a count above it is not exact in the doubles and the JSON of the artefacts
NOT_WHOLE = -(2**63)  # stands for text that is no whole number
EARLIEST, LATEST = "2000-01-01", "2100-01-01"
REFUSED = 0.2  # share of rows
EXAMPLES = 3
LOCATED = "input_located"
SHOWN = 80  # characters of an example's value

REJECT_REASONS = {
    "INVALID ENCODING": "line: not UTF-8",
    "LINE SIZE OVER MAXIMUM": "line: over 2 MB",
    "MISSING COLUMNS": "line: too few columns",
    "TOO MANY COLUMNS": "line: too many columns",
}


@dataclass(frozen=True)
class Example:
    """One row that was set aside: where it is and what is wrong with it."""

    file: str
    row: int | None
    column: str
    value: str | None


@dataclass(frozen=True)
class Rejected:
    """The rows that were set aside for one reason, which reads `column: what is wrong`."""

    count: int
    examples: tuple[Example, ...] = field(default=())


def fault_sql(texts: Sequence[str], *, parsed_time: bool, span: Span | None = None) -> str:
    """Write the SQL that names a row's first fault, or null.

    Args:
        texts: the columns of signals, or `kind` and `value`.
        parsed_time: whether `raw_timestamp` is text that may not be a time.
        span: days that times have to be in, if any.
    """
    cases = ["account_id IS NULL OR account_id = '' THEN 'account_id: empty'"]
    if "kind" in texts:
        cases.append("kind IS NULL OR kind = '' THEN 'kind: empty'")
    if parsed_time:
        cases.append(
            "\"timestamp\" IS NULL AND coalesce(raw_timestamp, '') <> '' THEN 'timestamp: not an ISO time'"
        )
    cases.append(
        f"\"timestamp\" < TIMESTAMP '{EARLIEST}' OR \"timestamp\" > TIMESTAMP '{LATEST}'"
        " THEN 'timestamp: outside 2000 to 2100'"
    )
    cases += span.fault_cases() if span else []
    for name in COUNTS:
        cases += [
            f"{name} = {NOT_WHOLE} THEN '{name}: not a whole number'",
            f"{name} < 0 THEN '{name}: negative'",
            f"{name} > {LARGEST} THEN '{name}: over 2^53'",
        ]
    cases += [
        f"strlen({quote(name)}) > {LONGEST} THEN {literal(name + ': over 64 KiB')}"
        for name in ("account_id", *texts)
    ]
    return "CASE " + " ".join(f"WHEN {case}" for case in cases) + " END"


def count_rejects(rejects: pa.Table, *, shown: bool = True) -> dict[str, Rejected]:
    """Count the lines that a reading of CSV left out, with the first of each reason.

    Args:
        rejects: the lines.
        shown: whether examples show their text; not where prompts may be in it.

    Raises:
        InputError: a stray quote, which may swallow any number of lines after it.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rejects.to_pylist():
        reason = REJECT_REASONS.get(row["reason"])
        if reason is None or (reason == "line: over 2 MB" and "\n" in row["text"]):
            raise InputError(
                f"{row['file']}: line {row['line']}: a quote that is not closed, or not at an end of its"
                " value, swallows what follows; write quotes inside a value twice, and the value in quotes"
            )
        found.setdefault(reason, []).append(row)
    return {
        reason: Rejected(
            len(rows),
            tuple(
                Example(
                    row["file"],
                    row["line"],
                    row["column"] or "",
                    (row["text"] or "")[:SHOWN] if shown else None,
                )
                for row in rows[:EXAMPLES]
            ),
        )
        for reason, rows in found.items()
    }


def add_up(*counts: Mapping[str, Rejected]) -> dict[str, Rejected]:
    """Add counts by reason; the reasons in order, and of each the first examples by file and row."""
    total: dict[str, Rejected] = {}
    for count in counts:
        for reason, one in count.items():
            so_far = total.get(reason, Rejected(0))
            examples = sorted((*so_far.examples, *one.examples), key=lambda e: (e.file, e.row or 0))
            total[reason] = Rejected(so_far.count + one.count, tuple(examples[:EXAMPLES]))
    return dict(sorted(total.items()))


def find_examples(
    engine: Engine, layout: Layout, rows_sql: str, wanted: Sequence[str], texts: Collection[str], reason: str
) -> tuple[Example, ...]:
    """Find the first rows of a layout with a fault.

    Args:
        engine: that has the layout.
        layout: the files.
        rows_sql: of the rows of the relation `LOCATED`, with `fault`, `file`, `row` and `raw_` columns.
        wanted: columns of the input.
        texts: those of them that are text.
        reason: the fault.
    """
    column = reason.rsplit(":", 1)[0]
    # Nobody's prompt is shown, not even a part of one that a stray comma put into another column.
    hidden = column == PROMPT or (layout.format == "csv" and PROMPT in layout.sources[0].columns)
    shown = quote("raw_" + column) if column in layout.columns and not hidden else "NULL"
    sources: Sequence[Any] = layout.sources
    if layout.format != "parquet":  # rows of text are numbered in one file at a time, so only one is searched
        where = f"WHERE fault = {literal(reason)}"
        first = engine.fetch(f"SELECT min(file) AS file FROM {layout.name}_rows {where}")
        sources = [source for source in sources if source.path == first["file"][0].as_py()]
    scan_sources(engine, LOCATED, sources, layout, wanted, texts, located=True)
    found = engine.fetch(
        f"SELECT file, row, left(CAST({shown} AS VARCHAR), {SHOWN}) AS value"
        f" FROM ({rows_sql}) WHERE fault = {literal(reason)}"
        f" ORDER BY file, row LIMIT {EXAMPLES}"
    )
    engine.drop(LOCATED)
    return tuple(Example(row["file"], row["row"], column, row["value"]) for row in found.to_pylist())


def say_origins(rejected: Mapping[str, Rejected], origins: Mapping[str, str]) -> dict[str, Rejected]:
    """Name in reasons and examples what a column is called in the input.

    Args:
        rejected: reason -> rows.
        origins: column -> its name in the input, of those that are called otherwise there.
    """
    said = {}
    for reason, one in rejected.items():
        column, what = reason.split(": ", 1)
        if column in origins:
            examples = tuple(replace(example, column=origins[column]) for example in one.examples)
            said[f"{column} ({origins[column]}): {what}"] = Rejected(one.count, examples)
        else:
            said[reason] = one
    return said


def check_share(rejected: Mapping[str, Rejected], rows: int, max_rejected: float) -> bool:
    """Say whether more rows were set aside than is normal.

    Raises:
        InputError: more than a fifth of the rows.
    """
    aside = sum(one.count for one in rejected.values())
    if aside <= REFUSED * rows:
        return aside > max_rejected * rows
    parts = []
    for reason, one in sorted(rejected.items(), key=lambda item: (-item[1].count, item[0]))[:EXAMPLES]:
        where = one.examples[0] if one.examples else None
        word = "line" if reason.startswith("line:") else "row"  # lines of CSV count its header
        row = f" {word} {where.row}" if where and where.row is not None else ""
        value = f" ({where.value!r})" if where and where.value is not None else ""
        parts.append(f"{reason} in {one.count:,}" + (f", first in {where.file}{row}{value}" if where else ""))
    raise InputError(
        f"{aside:,} of {rows:,} rows cannot be used, more than {REFUSED:.0%}: {'; '.join(parts)}."
        " Mend them where they come from"
    )
