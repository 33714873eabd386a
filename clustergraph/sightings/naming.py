"""Find the columns of events under the names that the input has for them."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from clustergraph.config import suggest
from clustergraph.engines.sql import literal, quote
from clustergraph.errors import InputError, UsageError
from clustergraph.sightings.layouts import COUNTS, PROMPT
from clustergraph.sightings.presets import PRESETS
from clustergraph.sightings.sources import type_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from clustergraph.sightings.sources import Source

# A path of more keys is no name; each split of it into keys is looked for.
MOST_KEYS = 8
SHOWN = 12  # names of the input in a message


class Found(NamedTuple):
    """Where a file has a column.

    Attributes:
        sql: of its values.
        word: of its type.
        seen: its name there; empty where it may come in later lines.
        type: the exact one, for Parquet.
    """

    sql: str
    word: str
    seen: str
    type: str = ""


def _choose_names(columns: Mapping[str, str], preset: str | None) -> dict[str, tuple[str, ...]]:
    """Give the paths under which columns are looked for, by preference; their own names come after them."""
    if preset is not None and preset not in PRESETS:
        raise UsageError(
            f"there is no preset {preset!r}{suggest(preset, PRESETS)}; there are {', '.join(PRESETS)}"
        )
    for column, path in columns.items():
        if not all(path.split(".")) or path.count(".") >= MOST_KEYS or '"' in path:
            raise UsageError(
                f"[columns] {column}: {path!r} is no name of a column, nor keys with dots between"
            )
    standard = {} if preset is None else PRESETS[preset].names
    return dict(standard) | {column: (path,) for column, path in columns.items()}


def name_columns(sources: Sequence[Source], columns: Mapping[str, str], preset: str | None) -> list[Source]:
    """Give the files with their columns under the names of events.

    Args:
        sources: the files.
        columns: column -> path, of the configuration.
        preset: a standard, whose paths the configuration's go over.

    Raises:
        UsageError: there is no such preset, or a path that no input could have.
        InputError: a path of the configuration that no file has, or a file without account ids.
    """
    names = _choose_names(columns, preset)
    if not names:
        return list(sources)
    _check_paths(sources, columns)
    named = [_name_source(source, names) for source in sources]
    for source in named:
        if "account_id" in names and source.columns and "account_id" not in source.columns:
            wanted = " or ".join(repr(path) for path in names["account_id"])
            raise InputError(
                f"{source.path}: has no {wanted}, which the column 'account_id' was to be found in;"
                f" found {_say_names(source)}"
            )
    return named


def _check_paths(sources: Sequence[Source], columns: Mapping[str, str]) -> None:
    """Check that some file has each path of the configuration."""
    known = {name for source in sources for name in _list_names(source)}
    for column, path in columns.items():
        if path not in known and not any(_has(source, path) for source in sources):
            raise InputError(
                f"no file has {path!r}, which [columns] names for {column!r}{suggest(path, known)}"
            )


def _has(source: Source, path: str) -> bool:
    return source.format == "parquet" and any(True for _ in _places(source, path))


def merge_origins(sources: Iterable[Source]) -> dict[str, str]:
    """Give column -> what it is called in the files."""
    found: dict[str, dict[str, None]] = {}
    for source in sources:
        for column, origin in source.origins.items():
            found.setdefault(column, {})[origin] = None
    return {column: " or ".join(origins) for column, origins in found.items()}


def raw_prompts(sources: Iterable[Source]) -> set[str]:
    """Give the columns of the files that raw prompts are in, if they have other names there."""
    origins = [source.origins[PROMPT] for source in sources if PROMPT in source.origins]
    return {name for origin in origins for name in (origin, origin.split(".")[0])} - {PROMPT}


def _name_source(source: Source, names: Mapping[str, tuple[str, ...]]) -> Source:
    """Have the columns found, and what holds further keys forgotten."""
    find = {"json": _find_in_json, "csv": _find_flat, "parquet": _find_in_parquet}[source.format]
    objects = {steps[0] for steps, kind in source.fields.items() if len(steps) > 1 or _is_map(kind)}
    columns = {name: word for name, word in source.columns.items() if name not in objects}
    types = {name: kind for name, kind in source.types.items() if name not in objects}
    named, origins = {}, {}
    for column, paths in names.items():
        found = find(source, column, paths)
        if found is None:
            continue
        named[column] = found.sql
        if found.seen:
            columns[column], types[column] = found.word, found.type
        if found.seen and found.seen != column:
            origins[column] = found.seen
    return replace(source, columns=columns, types=types, named=named, origins=origins)


def _is_map(kind: Any) -> bool:
    return isinstance(kind, pa.MapType)


def _find_in_json(source: Source, column: str, paths: Sequence[str]) -> Found | None:
    """Look in every line for every way in which the keys may be nested."""
    places = [steps for path in (*paths, column) for steps in _split(path)]
    said = ", ".join(literal(_say_json(steps)) for steps in places)
    sql = f"list_filter(json_extract_string(json, [{said}]), lambda value: value IS NOT NULL)[1]"
    seen = next((".".join(steps) for steps in places if steps in source.fields), "")
    return Found(sql, "json", seen)


def _say_json(steps: Sequence[str]) -> str:
    return "$" + "".join(f'."{step}"' for step in steps)


def _find_flat(source: Source, column: str, paths: Sequence[str]) -> Found | None:
    has = [path for path in (*paths, column) if path in source.columns or path in source.hive]
    if not has or has[0] == column:
        return None
    values = (f"nullif({quote(path)}, '')" for path in has)
    return Found(f"coalesce({', '.join(values)}, NULL)", "csv", has[0])


def _find_in_parquet(source: Source, column: str, paths: Sequence[str]) -> Found | None:
    places = [(path, *place) for path in (*paths, column) for place in _places(source, path)]
    if not places or places[0][0] == column:
        return None
    kinds = {kind for _, _, kind in places}
    word = type_word(places[0][2])
    if len(kinds) == 1 and word in _wanted_words(column):
        values = [sql for _, sql, _ in places]
    else:
        values = [_say_text(sql, type_word(kind)) for _, sql, kind in places]
        word = "parsed" if column == "timestamp" or column in COUNTS else "text"
    return Found(f"coalesce({', '.join(values)}, NULL)", word, places[0][0], str(places[0][2]))


def _wanted_words(column: str) -> set[str]:
    if column == "timestamp":
        return {"time", "zoned time"}
    return {"integer"} if column in COUNTS else {"text"}


def _say_text(sql: str, word: str) -> str:
    """Write a value as text: whole numbers without a point, lists and objects as JSON."""
    if word == "number":
        return f"regexp_replace(CAST({sql} AS VARCHAR), '[.]0$', '')"
    if word in ("text", "integer", "time", "zoned time", "null", "bool"):
        return f"CAST({sql} AS VARCHAR)"
    return f"CAST(to_json({sql}) AS VARCHAR)"


def _places(source: Source, path: str) -> Iterator[tuple[str, Any]]:
    """Give SQL and the type of each place that a path may mean."""
    if path in source.hive and path not in source.columns:
        yield quote(path), pa.string()
    for steps in _split(path):
        for cut in range(len(steps), 0, -1):
            kind = source.fields.get(steps[:cut])
            if kind is None:
                continue
            key = ".".join(steps[cut:])
            if key and not pa.types.is_map(kind):
                break
            sql = quote(steps[0]) + "".join(
                f"[{literal(step)}]" for step in (*steps[1:cut], *([key] if key else []))
            )
            yield sql, kind.item_type if key else kind
            break


def _split(path: str) -> Iterator[tuple[str, ...]]:
    """Give every way to split a path into keys, the flat name first.

    >>> list(_split("a.b.c"))
    [('a.b.c',), ('a', 'b.c'), ('a.b', 'c'), ('a', 'b', 'c')]
    """
    parts = path.split(".")
    for count in range(len(parts)):
        for cuts in combinations(range(1, len(parts)), count):
            edges = (0, *cuts, len(parts))
            yield tuple(".".join(parts[a:b]) for a, b in pairwise(edges))


def _list_names(source: Source) -> list[str]:
    """List what a file is seen to have, keys of objects with dots between."""
    return sorted({*source.columns, *source.hive, *(".".join(steps) for steps in source.fields)})


def _say_names(source: Source) -> str:
    names: list[Any] = _list_names(source)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
