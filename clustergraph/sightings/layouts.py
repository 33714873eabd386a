"""Tell the two shapes of input apart and sort the files by what their columns are.

Files of one layout are read by one scan. What a file lacks becomes a constant, so that all layouts give the
same columns.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from clustergraph.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from clustergraph.engines.interface import Engine
    from clustergraph.sightings.sources import Source

Shape = Literal["events", "sightings"]

COUNTS = {"exchanges": 1, "input_tokens": 0, "output_tokens": 0}  # name -> what a row without it stands for
DEFAULT_SIGNALS = {
    name: name for name in ("payment_fingerprint", "ip", "device_id", "prompt_template")
}  # column -> kind
# Templates are found in PROMPT where TEMPLATE, which is of the same kind, has none.
PROMPT, TEMPLATE = "prompt", "prompt_template"
MODEL = "model"
# Puts the exchanges of one conversation together; it is no signal.
CONVERSATION = "conversation_id"
TEXTS = (
    "account_id", "kind", "value", "event_id", "prompt", MODEL, "user_agent", "platform", "country", "asn",
    CONVERSATION, *DEFAULT_SIGNALS,
)  # fmt: skip
TIMES = ("timestamp", "ingested_at")
ADDRESS = "ip"  # the column of addresses, and their kind
# Parameters of a request: numbers however they are written, and texts that may be lists.
NUMBERS = ("temperature", "top_p", "max_tokens")
STRUCTURES = ("stop", "tools")
TEXTUAL = frozenset({"csv", "json", "parsed"})  # words of types whose times and counts are text
ACCEPTED = {
    "text": ({"text", "null", "csv", "json"}, "text"),
    "time": ({"time", "zoned time", "null", "csv", "json", "parsed"}, "a timestamp"),
    "integer": ({"integer", "null", "csv", "json", "parsed"}, "a whole number (an integer type)"),
}  # what is expected -> the words of types that will do, and how to say it


@dataclass(frozen=True)
class Layout:
    """Files that one scan reads.

    Attributes:
        name: of the relation over them.
        sources: the files, by path.
        columns: wanted column -> its type's word, for the columns that the files have.
        types: wanted column -> its exact type, for Parquet.
        hive: whether any of them is a `key=value` folder.
    """

    name: str
    sources: tuple[Source, ...]
    columns: Mapping[str, str]
    types: Mapping[str, str]
    hive: bool

    @property
    def format(self) -> str:
        """Give the files' format."""
        return self.sources[0].format

    @property
    def named(self) -> Mapping[str, str]:
        """Give the columns that have other names in the files, and the SQL that finds them."""
        return self.sources[0].named

    def is_text(self, name: str) -> bool:
        """Tell whether a time or count comes as text that has to be parsed."""
        return self.columns.get(name) in TEXTUAL


def tell_shape(
    sources: Sequence[Source], signals: Mapping[str, str], derives: Callable[[set[str]], bool]
) -> Shape:
    """Tell events from sightings by the columns of all files, and check those that have to be there.

    Args:
        sources: the files.
        signals: column -> kind.
        derives: tells whether any signal can be derived from columns.

    Raises:
        InputError: no account id, no signal, or the columns of both shapes.
    """
    filled = [source for source in sources if _names(source)]
    long = [source for source in filled if {"kind", "value"} <= _names(source)]
    wide = [source for source in filled if _names(source) & signals.keys() or _is_prompted(source, signals)]
    wide += [source for source in filled if source not in (*long, *wide) and derives(_names(source))]
    for source in filled:
        require(source, "account_id")
    both = [source for source in long if source in wide]
    if both:
        extra = sorted(_names(both[0]) & signals.keys())[0]
        raise InputError(
            f"{both[0].path}: has the columns of both shapes, kind and value (sightings) and {extra!r}"
            " (events); drop one or the other"
        )
    if long and wide:
        raise InputError(f"{long[0].path} holds sightings, {wide[0].path} events: read them in two runs")
    if long:
        for source in filled:
            require(source, "kind")
            require(source, "value")
        return "sightings"
    columns = sorted({name for source in filled for name in _names(source)})
    if not wide:
        raise InputError(
            f"{sources[0].path}: no signal column; expected at least one of {', '.join(signals)},"
            f" or kind and value; found {', '.join(columns) or 'no column'}{_hint(signals, columns)}"
        )
    absent = sorted(signals.keys() - DEFAULT_SIGNALS.keys() - set(columns))
    if absent:
        raise InputError(
            f"no file has the signal column {absent[0]!r} of the configuration{_hint(absent, columns)}"
        )
    return "events"


def check_types(sources: Iterable[Source], signals: Collection[str]) -> None:
    """Check the types of the columns that the contract or the configuration names.

    Raises:
        InputError: a column of the wrong type; where another file has it right, that file is named too.
    """
    expected = dict.fromkeys((*TEXTS, *signals), "text")
    expected |= dict.fromkeys(TIMES, "time") | dict.fromkeys(COUNTS, "integer")
    right: dict[str, str] = {}
    wrong: list[tuple[Source, str]] = []
    for source in sources:
        for name in source.columns.keys() & expected.keys():
            if source.columns[name] in ACCEPTED[expected[name]][0]:
                right.setdefault(name, source.path)
            else:
                wrong.append((source, name))
    if wrong:
        source, name = min(wrong, key=lambda pair: (pair[0].path, pair[1]))
        found, said = source.types.get(name, source.columns[name]), ACCEPTED[expected[name]][1]
        as_in = f", as in {right[name]}" if name in right else ""
        said_name = repr(source.origins.get(name, name))
        raise InputError(f"{source.path}: column {said_name} is {found}; expected {said}{as_in}: convert it")


def sort_layouts(sources: Iterable[Source], wanted: Sequence[str]) -> list[Layout]:
    """Sort the files by format and by the types of the wanted columns that they have."""
    groups: dict[tuple[object, ...], list[Source]] = defaultdict(list)
    for source in sources:
        groups[_layout_key(source, wanted)].append(source)
    in_order = [groups[key] for key in sorted(groups, key=repr)]
    return [_layout(f"input_{number}", group, wanted) for number, group in enumerate(in_order)]


def scan_layout(engine: Engine, layout: Layout, wanted: Sequence[str], texts: Collection[str]) -> None:
    """Name the relation of a layout's files."""
    scan_sources(engine, layout.name, layout.sources, layout, wanted, texts, located=False)


def scan_sources(
    engine: Engine,
    name: str,
    sources: Sequence[Source],
    layout: Layout,
    wanted: Sequence[str],
    texts: Collection[str],
    *,
    located: bool,
) -> None:
    """Name a relation of some files of a layout; `located` tells the file and row of each row."""
    first = layout.sources[0]
    keys = [key for key in wanted if layout.columns.get(key) == "json" and key not in layout.named]
    engine.scan(
        name,
        [source.path for source in sources],
        file_format=layout.format,
        columns=first.header if layout.format == "csv" else keys,
        text=[key for key in keys if key in {"account_id", "event_id", *texts}],
        delimiter=first.delimiter,
        hive=layout.hive,
        named={key: layout.named[key] for key in wanted if key in layout.named},
        located=located or layout.format != "parquet",
    )


def require(source: Source, name: str) -> None:
    """Check that a file has a column.

    Raises:
        InputError: it has not; the message names the columns that it has and the likeliest of them.
    """
    columns = sorted(_names(source))
    if name not in columns:
        raise InputError(
            f"{source.path}: required column {name!r} is missing; found {', '.join(columns)}"
            f"{_hint([name], columns)}"
        )


def _is_prompted(source: Source, signals: Mapping[str, str]) -> bool:
    """Say whether a file that is not of sightings has prompts in which templates can be found."""
    return TEMPLATE in signals and PROMPT in _names(source) and not {"kind", "value"} <= _names(source)


def has_prompts(sources: Iterable[Source], signals: Mapping[str, str]) -> bool:
    """Say whether any file may have prompts of events; JSON may have any column in any line."""
    return TEMPLATE in signals and any(
        source.format == "json" or PROMPT in _names(source) for source in sources
    )


def _names(source: Source) -> set[str]:
    return set(source.columns) | set(source.hive) if source.columns else set()


def _hint(wanted: Iterable[str], columns: Sequence[str]) -> str:
    for name in wanted:
        close = difflib.get_close_matches(name, columns, n=1)
        if close:
            return f"; did you mean {close[0]!r} for {name!r}?"
    return ""


def _layout_key(source: Source, wanted: Sequence[str]) -> tuple[object, ...]:
    types = tuple((name, source.types.get(name, source.columns.get(name, ""))) for name in wanted)
    named = tuple(sorted(source.named.items()))
    return source.format, source.delimiter, source.header, types, tuple(sorted(source.hive)), named


def _layout(name: str, sources: Sequence[Source], wanted: Sequence[str]) -> Layout:
    first = sources[0]
    own = first.columns
    if first.format == "json":  # the sample need not show every key
        own = {key: "json" for key in wanted if key in own or key not in first.hive}
    hive = {key: "csv" for key in first.hive if key in wanted and key not in first.columns}
    from_folders = any(first.origins.get(key) in first.hive for key in wanted)
    columns = {key: own[key] for key in wanted if own.get(key, "null") != "null"} | hive
    types = {key: first.types[key] for key in columns if key in first.types}
    return Layout(name, tuple(sources), columns, types, bool(hive) or from_folders)
