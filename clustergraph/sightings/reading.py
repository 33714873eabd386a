"""Read events or sightings, in any of the formats, into one relation of sightings.

Parquet stays where it is and is read through a view; text is parsed once and kept typed. Either way the rows
are checked before anything is made of them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from clustergraph.engines.sql import quote
from clustergraph.errors import InputError
from clustergraph.sightings.derived import DERIVED_SIGNALS
from clustergraph.sightings.deriving import FACTS
from clustergraph.sightings.expressions import (
    Derivation,
    choose_expressions,
    list_wanted,
    parse_expressions,
)
from clustergraph.sightings.faults import (
    LOCATED,
    Rejected,
    add_up,
    check_share,
    count_rejects,
    find_examples,
    say_origins,
)
from clustergraph.sightings.layouts import (
    COUNTS,
    DEFAULT_SIGNALS,
    PROMPT,
    TEMPLATE,
    check_types,
    has_prompts_alone,
    scan_layout,
    sort_layouts,
    tell_shape,
)
from clustergraph.sightings.naming import (
    merge_origins,
    name_columns,
    raw_prompts,
)
from clustergraph.sightings.prompts import name_templates
from clustergraph.sightings.relations import drop_duplicates, list_files, name_relations
from clustergraph.sightings.rows import rows_sql
from clustergraph.sightings.sources import find
from clustergraph.sightings.survey import Columns, check_totals, survey
from clustergraph.templates.known import FOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from clustergraph.engines.interface import Engine
    from clustergraph.sightings.layouts import Layout, Shape
    from clustergraph.sightings.relations import InputFile
    from clustergraph.sightings.sources import Source
    from clustergraph.sightings.spans import Span
    from clustergraph.sightings.survey import Survey

DEFAULT_FAMILIES = {
    "payment_fingerprint": "payment",
    "ip": "network",
    "device_id": "device",
    "user_agent": "device",
    "prompt_template": "content",
    **{one.kind: one.family for one in DERIVED_SIGNALS},
}  # kind -> family; any other kind is a family of its own
DEFAULT_PLACE = "asn"


@dataclass(frozen=True)
class Sightings:
    """What was read: where the rows are, and what there is to say about them.

    The engine has two relations. `sightings` has a row per signal observed by a row of the input: account_id,
    kind and value (text, none of them null or empty), first_seen and last_seen (UTC, null where unknown),
    exchanges, input_tokens and output_tokens (whole numbers, never null), place (text, null where unknown).
    `exchanges` has a row per row of the input, with the same columns but value; its kind is empty for
    events. Rows may stand for several of the input: sightings of one day, exchanges of one hour.

    Attributes:
        engine: that has the relations.
        shape: `events` or `sightings`.
        kinds: of the signals observed, sorted.
        families: kind -> family.
        has_time: whether any row has a time.
        has_place: whether the input has a column that tells where a row was seen.
        has_events: whether the input has event ids; then the engine has `counted_events` as well: `event`,
            the MD5 of an id, and `day`.
        measures: which of exchanges, input_tokens and output_tokens the input has; the others are the same in
            every row (1 exchange, 0 tokens).
        files: that were read, by path.
        rows: of all files, those set aside included.
        rejected: reason -> the rows set aside for it.
        duplicates: rows left out because an earlier one has their event id.
        degraded: whether more rows were set aside than is normal.
        naive_times: whether any time told no zone and was taken as UTC.
        times: a sentence that says how times were taken.
        templates: what is known of the templates that were found in prompts and that two accounts have at
            least (`templates.known.FOUND`), by id.
    """

    engine: Engine
    shape: Shape
    kinds: tuple[str, ...]
    families: Mapping[str, str]
    has_time: bool
    has_place: bool
    has_events: bool
    measures: frozenset[str]
    files: tuple[InputFile, ...]
    rows: int
    rejected: Mapping[str, Rejected]
    duplicates: int
    degraded: bool
    naive_times: bool
    times: str
    templates: pa.Table = field(default_factory=FOUND.empty_table)


def read(
    inputs: Sequence[str | Path],
    *,
    engine: Engine,
    signals: Mapping[str, str] | None = None,
    families: Mapping[str, str] | None = None,
    derive: Mapping[str, str] | None = None,
    accounts: pa.Table | None = None,
    column_names: Mapping[str, str] | None = None,
    preset: Literal["ecs", "ocsf-api-activity", "otel-genai"] | None = None,
    max_rejected: float = 0.01,
    place: str = DEFAULT_PLACE,
    span: Span | None = None,
    earlier_events: Sequence[str] = (),
    known_templates: pa.Table | None = None,
    threads: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Sightings:
    """Read all inputs into the relations `sightings` and `exchanges` of the engine.

    Args:
        inputs: files, folders or globs, of Parquet, CSV or JSON lines; all events or all sightings.
        engine: to read with.
        signals: column of events -> kind of signal; by default the four columns of the contract.
        families: kind -> family, over the defaults.
        derive: kind -> SQL expression over the columns of a row of events, over the default ones; an empty
            expression turns a default one off.
        accounts: what is known of accounts (`side_tables.read_accounts`), which expressions may use as well.
        column_names: column -> its name in the input, or the keys that lead to it with dots between; over
            those of the preset.
        preset: standard whose names the input has: `ecs`, `ocsf-api-activity` or `otel-genai`.
        max_rejected: share of rows up to which rows set aside are normal.
        place: column of events that tells where a row was seen; chance is reckoned place by place.
        span: days that rows have to be of; others, and rows without a time, are set aside.
        earlier_events: Parquet files of `event`, the MD5 of event ids that were counted before.
        known_templates: templates that keep their ids (`templates.known.FOUND`).
        threads: that look for templates in prompts; all processors if None.
        progress: told in a few words what is being done.

    Raises:
        InputError: a file that is missing, damaged, or not what its name says; a column that is missing or
            of the wrong type; no signal column; more than a fifth of the rows unusable.
        UsageError: an expression that is wrong, names a column that is not there, or does not fit its values.
    """
    say = progress or (lambda _: None)
    mapping = _without_prompts(DEFAULT_SIGNALS if signals is None else signals)
    say("looking at the files")
    sources = name_columns(find(inputs), column_names or {}, preset)
    known_of_accounts = _load_accounts(engine, accounts)
    expressions = parse_expressions(derive or {}, engine)
    shape = tell_shape(
        sources, mapping, lambda names: any(one.holds_for(names, known_of_accounts) for one in expressions)
    )
    check_types(sources, [*mapping, place])
    columns = replace(_choose_columns(sources, shape, mapping, place), span=span)
    origins = merge_origins(sources)
    chosen = choose_expressions(
        expressions, columns.signals, shape=shape, present=_name_present(sources) - raw_prompts(sources),
        may_have=columns.present, accounts=None if accounts is None else known_of_accounts,
    )  # fmt: skip
    columns = replace(columns, derived=list_wanted(chosen, columns.present))
    if span is not None and "timestamp" not in columns.present:
        raise InputError("no file has the column 'timestamp', which tells the night that a row is of")
    layouts = sort_layouts(sources, columns.wanted)
    for layout in layouts:
        say(f"reading {len(layout.sources):,} files ({layout.format})")
        _read_layout(engine, layout, columns)
    unread = [engine.rejects(layout.name) for layout in layouts if layout.format == "csv"]
    shown = not any(PROMPT in source.columns for source in sources)
    rejected: list[Mapping[str, Rejected]] = [count_rejects(lines, shown=shown) for lines in unread]
    say("checking rows")
    wanted = ", ".join(quote(name) for name in columns.wanted)
    parts = [f"SELECT {wanted}, fault FROM {layout.name}_rows" for layout in layouts]
    engine.view("input_rows", " UNION ALL ".join(parts))
    found = survey(engine, "input_rows", columns)
    clean = "input_rows"
    if found.suspicious or _has_faults(engine, layouts):
        rejected += [_count_faults(engine, layout, columns) for layout in layouts]
        clean = "input_clean"
        engine.view(clean, f"SELECT {wanted} FROM input_rows WHERE fault IS NULL")
    unread_in = Counter(file for lines in unread for file in lines["file"].to_pylist())
    files = list_files(engine, layouts, unread_in)
    rows = sum(file.rows for file in files)
    reasons = say_origins(add_up(*rejected), origins)
    degraded = check_share(reasons, rows, max_rejected)
    if reasons:
        found = survey(engine, clean, columns)
    check_totals(found.totals)
    unique, duplicates = drop_duplicates(engine, clean, columns, earlier_events)
    kinds, templates = set(found.kinds), FOUND.empty_table()
    if columns.prompt:
        prompted = name_templates(
            engine, unique, layouts, columns, known_templates, threads=threads, progress=say
        )
        unique, templates, columns = prompted.relation, prompted.templates, replace(columns, prompt=False)
        kinds |= {mapping[TEMPLATE]} if prompted.any_found else set()
    kinds |= set(name_relations(engine, unique, columns, found, Derivation(chosen, known_of_accounts)))
    naive, times = _tell_times(engine, layouts, found)
    known = DEFAULT_FAMILIES | dict(families or {})
    return Sightings(
        engine=engine,
        shape=shape,
        kinds=tuple(sorted(kinds)),
        families={kind: known.get(kind, kind) for kind in kinds},
        has_time=found.has_time,
        has_place=columns.place is not None,
        has_events=bool(columns.ids),
        measures=frozenset(name for name in COUNTS if name in columns.present),
        files=files,
        rows=rows,
        rejected=reasons,
        duplicates=duplicates,
        degraded=degraded,
        naive_times=naive,
        times=times,
        templates=templates,
    )


def _without_prompts(signals: Mapping[str, str]) -> Mapping[str, str]:
    """Have a prompt that was named as a signal give the kind of its templates: its text is never a value."""
    if PROMPT not in signals:
        return signals
    others = {column: kind for column, kind in signals.items() if column != PROMPT}
    return {TEMPLATE: signals[PROMPT], **others}


def _load_accounts(engine: Engine, accounts: pa.Table | None) -> tuple[str, ...]:
    """Load what expressions may use of the table of accounts; give its columns that are known of anybody."""
    if accounts is None:
        return ()
    engine.load(FACTS, accounts)
    known = [name for name in accounts.column_names if accounts[name].null_count < accounts.num_rows]
    return tuple(name for name in known if name != "account_id")


def _name_present(sources: Sequence[Source]) -> set[str]:
    """Give all names of columns that some file is seen to have."""
    return {name for source in sources for name in (*source.columns, *source.hive)}


def _choose_columns(
    sources: Sequence[Source], shape: Shape, mapping: Mapping[str, str], place: str
) -> Columns:
    present = _name_present(sources)
    if any(
        source.format == "json" for source in sources
    ):  # a key may come after the lines that were looked at
        derivable = {name for one in DERIVED_SIGNALS for name in one.columns}
        present |= {"timestamp", "event_id", place, *COUNTS, *mapping, *derivable}
        present |= {name for source in sources for name in source.named}
    if shape == "sightings":
        return Columns(shape, {}, present)
    prompt = has_prompts_alone(sources, mapping)
    present |= {TEMPLATE} if prompt else set()
    signals = {name: mapping[name] for name in sorted(mapping) if name in present}
    if place not in present and place != DEFAULT_PLACE:
        raise InputError(f"no file has the column {place!r} that [read] place names")
    return Columns(shape, signals, present, place if place in present else None, prompt=prompt)


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


def _tell_times(engine: Engine, layouts: Sequence[Layout], found: Survey) -> tuple[bool, str]:
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
