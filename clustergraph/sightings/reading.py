"""Read events or sightings, in any of the formats, into one relation of sightings.

Parquet stays where it is and is read through a view; text is parsed once and kept typed. Either way the rows
are checked before anything is made of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from clustergraph.errors import InputError
from clustergraph.sightings.activity import name_activity
from clustergraph.sightings.checking import check_rows, tell_times
from clustergraph.sightings.derived import DERIVED_SIGNALS
from clustergraph.sightings.deriving import FACTS
from clustergraph.sightings.earlier import Earlier
from clustergraph.sightings.elicitation import elicits
from clustergraph.sightings.expressions import (
    Derivation,
    choose_expressions,
    list_wanted,
    parse_expressions,
)
from clustergraph.sightings.layouts import (
    CONVERSATION,
    COUNTS,
    DEFAULT_SIGNALS,
    MODEL,
    PROMPT,
    TEMPLATE,
    check_types,
    has_prompts,
    sort_layouts,
    tell_shape,
)
from clustergraph.sightings.naming import (
    merge_origins,
    name_columns,
    raw_prompts,
)
from clustergraph.sightings.nesting import nest_kinds
from clustergraph.sightings.places import split_setting
from clustergraph.sightings.prompts import name_templates
from clustergraph.sightings.relations import drop_duplicates, name_relations
from clustergraph.sightings.sources import find
from clustergraph.sightings.survey import Columns
from clustergraph.sightings.traits import name_traits
from clustergraph.templates.known import FOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from clustergraph.engines.interface import Engine
    from clustergraph.sightings.faults import Rejected
    from clustergraph.sightings.layouts import Shape
    from clustergraph.sightings.relations import InputFile
    from clustergraph.sightings.sources import Source
    from clustergraph.sightings.spans import Span

DEFAULT_FAMILIES = {
    "payment_fingerprint": "payment",
    "ip": "network",
    "device_id": "device",
    "user_agent": "device",
    "prompt_template": "content",
    "token_lengths": "lengths",
    "synchrony": "timing",
    "handover": "timing",
    "pivot": "timing",
    **{one.kind: one.family for one in DERIVED_SIGNALS},
}  # kind -> family; any other kind is a family of its own
DEFAULT_PLACE = "country/asn"


@dataclass(frozen=True)
class Sightings:
    """What was read: where the rows are, and what there is to say about them.

    The engine has three relations. `sightings` has a row per signal observed by a row of the input:
    account_id, kind and value (text, none of them null or empty), first_seen and last_seen (UTC, null where
    unknown), exchanges, input_tokens and output_tokens (whole numbers, never null), place (text, null where
    unknown).
    `exchanges` has a row per row of the input, with the same columns but value; its kind is empty for
    events. Rows may stand for several of the input: sightings of one day, exchanges of one hour. `traits` has
    what tells extraction from ordinary use (`traits.name_traits`).

    Attributes:
        engine: that has the relations.
        shape: `events` or `sightings`.
        kinds: of the signals observed, sorted.
        families: kind -> family.
        nested: finer kind -> the nearest coarser one, of those observed; of such kinds one counts.
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
        activity: relations of what accounts do over time that the engine has (`sightings.activity`).
        behaviour: kind, of those above, of the signals that were made of it, which are in the relation
            `behaviour` -> which of its signals a cluster may start from alone: none, any that two accounts
            share, or those that more accounts have than is natural.
        has_fillings: whether it is known what filled the slots of these templates; then the engine has
            `fillings` as well: account_id, day (null where unknown), template and filling (64-bit hashes)
            and uses, the rows of the account with this filling.
        named: kind -> the relation of its rows of `sightings`, where it has one of its own: quicker to ask.
    """

    engine: Engine
    shape: Shape
    kinds: tuple[str, ...]
    families: Mapping[str, str]
    nested: Mapping[str, str]
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
    activity: frozenset[str] = frozenset()
    behaviour: Mapping[str, Literal["none", "any", "unnatural"]] = field(default_factory=dict)
    has_fillings: bool = False
    named: Mapping[str, str] = field(default_factory=dict)


def read(
    inputs: Sequence[str | Path],
    *,
    engine: Engine,
    signals: Mapping[str, str] | None = None,
    families: Mapping[str, str] | None = None,
    nested: Mapping[str, str] | None = None,
    derive: Mapping[str, str] | None = None,
    accounts: pa.Table | None = None,
    column_names: Mapping[str, str] | None = None,
    preset: Literal["ecs", "ocsf-api-activity", "otel-genai"] | None = None,
    max_rejected: float = 0.01,
    place: str = DEFAULT_PLACE,
    elicitation: Mapping[str, str] | None = None,
    span: Span | None = None,
    earlier: Earlier = Earlier(),
    threads: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Sightings:
    """Read all inputs into the relations `sightings`, `exchanges` and `traits` of the engine.

    Args:
        inputs: files, folders or globs, of Parquet, CSV or JSON lines; all events or all sightings.
        engine: to read with.
        signals: column of events -> kind of signal; by default the four columns of the contract.
        families: kind -> family, over the defaults.
        nested: finer kind -> the coarser one that it lies in, over the defaults; an empty name for none.
        derive: kind -> SQL expression over the columns of a row of events, over the default ones; an empty
            expression turns a default one off.
        accounts: what is known of accounts (`side_tables.read_accounts`), which expressions may use as well.
        column_names: column -> its name in the input, or the keys that lead to it with dots between; over
            those of the preset.
        preset: standard whose names the input has: `ecs`, `ocsf-api-activity` or `otel-genai`.
        max_rejected: share of rows up to which rows set aside are normal.
        place: column of events that tells where a row was seen, or two, the wider one first; chance is
            reckoned place by place, and region by region for what belongs to no place.
        elicitation: name -> regular expression (RE2) of prompts that ask for reasoning, in place of those of
            `elicitation.PATTERNS`.
        span: days that rows have to be of; others, and rows without a time, are set aside.
        earlier: what earlier nights know: events that were counted, templates that keep their ids.
        threads: that look for templates in prompts; all processors if None.
        progress: told in a few words what is being done.

    Raises:
        InputError: a file that is missing, damaged, or not what its name says; a column that is missing or
            of the wrong type; no signal column; more than a fifth of the rows unusable.
        UsageError: an expression is wrong, names a column that is not there, or does not fit its values; what
            prompts that ask for reasoning look like is no regular expression; kinds are nested in a circle,
            or in kinds of another family.
    """
    asked = elicits(engine, PROMPT, elicitation)
    say = progress or (lambda _: None)
    mapping = _without_prompts(DEFAULT_SIGNALS if signals is None else signals)
    say("looking at the files")
    sources = name_columns(find(inputs), column_names or {}, preset)
    known_of_accounts = _load_accounts(engine, accounts)
    expressions = parse_expressions(derive or {}, engine)
    shape = tell_shape(
        sources, mapping, lambda names: any(one.holds_for(names, known_of_accounts) for one in expressions)
    )
    places = [name for name in split_setting(place) if name is not None]
    check_types(sources, [*mapping, *places])
    columns = replace(_choose_columns(sources, shape, mapping, place), span=span)
    chosen = choose_expressions(
        expressions, columns.signals, shape=shape, present=_name_present(sources) - raw_prompts(sources),
        may_have=columns.present, accounts=None if accounts is None else known_of_accounts,
    )  # fmt: skip
    columns = replace(columns, derived=list_wanted(chosen, columns.present))
    if span is not None and "timestamp" not in columns.present:
        raise InputError("no file has the column 'timestamp', which tells the night that a row is of")
    layouts = sort_layouts(sources, columns.wanted)
    shown = not any(PROMPT in source.columns for source in sources)
    checked = check_rows(
        engine, layouts, columns, merge_origins(sources), max_rejected=max_rejected, shown=shown, progress=say
    )
    found = checked.survey
    unique, duplicates = drop_duplicates(engine, checked.relation, columns, earlier.events)
    kinds, templates, has_fillings = set(found.kinds), FOUND.empty_table(), False
    prompts = columns.prompt
    if prompts:
        prompted = name_templates(
            engine, unique, layouts, columns, earlier.templates, asked, threads=threads, progress=say
        )
        has_fillings = prompted.any_found
        unique, templates, columns = prompted.relation, prompted.templates, replace(columns, prompt=False)
        kinds |= {mapping[TEMPLATE]} if prompted.any_found else set()
    derived, named = name_relations(engine, unique, columns, found, Derivation(chosen, known_of_accounts))
    kinds |= set(derived)
    activity = name_activity(engine, unique, columns, has_time=found.has_time)
    name_traits(engine, unique, columns, prompted=prompts)
    naive, times = tell_times(engine, layouts, found)
    known = DEFAULT_FAMILIES | dict(families or {})
    of_kind = {kind: known.get(kind, kind) for kind in kinds}
    return Sightings(
        engine=engine,
        shape=shape,
        kinds=tuple(sorted(kinds)),
        families=of_kind,
        nested=nest_kinds(kinds, of_kind, nested),
        has_time=found.has_time,
        has_place=bool(columns.place or columns.region),
        has_events=bool(columns.ids),
        measures=frozenset(name for name in COUNTS if name in columns.present),
        files=checked.files,
        rows=checked.rows,
        rejected=checked.rejected,
        duplicates=duplicates,
        degraded=checked.degraded,
        naive_times=naive,
        times=times,
        templates=templates,
        activity=activity,
        has_fillings=has_fillings,
        named=named,
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
    wide, narrow = split_setting(place)
    places = [name for name in (wide, narrow) if name is not None]
    present = _name_present(sources)
    if any(
        source.format == "json" for source in sources
    ):  # a key may come after the lines that were looked at
        derivable = {name for one in DERIVED_SIGNALS for name in one.columns}
        present |= {"timestamp", "event_id", *places, MODEL, CONVERSATION, *COUNTS, *mapping, *derivable}
        present |= {name for source in sources for name in source.named}
    if shape == "sightings":
        return Columns(shape, {}, present)
    prompt = has_prompts(sources, mapping)
    present |= {TEMPLATE} if prompt else set()
    signals = {name: mapping[name] for name in sorted(mapping) if name in present}
    absent = [name for name in places if name not in present]
    if absent and place != DEFAULT_PLACE:
        raise InputError(f"no file has the column {absent[0]!r} that [read] place names")
    return Columns(
        shape, signals, present, place=narrow if narrow in present else None,
        region=wide if wide in present else None, prompt=prompt, conversation=CONVERSATION in present,
    )  # fmt: skip
