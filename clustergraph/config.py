"""Read a configuration file and check it against the signatures of the stages.

A file has a section per stage, whose keys are the stage's keyword-only parameters, and tables of names:
``[signals]`` (column = kind), ``[families]`` (kind = family), ``[nested]`` (finer kind = coarser kind),
``[derive]`` (kind = SQL expression) and ``[columns]`` (column = its name in the input). Defaults are written
in the signatures alone.
"""

from __future__ import annotations

import collections.abc
import difflib
import inspect
import math
import tomllib
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clustergraph.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    Stages = Mapping[str, Callable[..., Any]]
    Config = Mapping[str, Mapping[str, Any]]

NAME_TABLES = ("signals", "families", "nested", "derive", "columns")
# Of these tables a value may be empty, which takes a default away.
_MAY_BE_EMPTY = frozenset({"nested", "derive"})

# What annotations may name although their module imports it for the type checker only.
_WORDS = {**vars(typing), **vars(collections.abc)}


def read_config(
    path: str | Path, stages: Stages, injected: Collection[str] = ()
) -> dict[str, dict[str, Any]]:
    """Read a TOML file and check it.

    Args:
        path: of the file.
        stages: section -> function whose keyword-only parameters are the section's keys.
        injected: parameters that are passed by the program, so that no key sets them; ``name`` in any
            stage, or ``section.name`` in one.

    Returns:
        section -> key -> value, for what the file sets.

    Raises:
        UsageError: the file cannot be read, is not TOML, or says something that no stage understands.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        found = tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not TOML: {error}") from error
    return check_config(found, stages, injected, source=str(path))


def check_config(
    config: Mapping[str, Any],
    stages: Stages,
    injected: Collection[str] = (),
    *,
    source: str = "configuration",
) -> dict[str, dict[str, Any]]:
    """Check sections, keys and values; give them with whole numbers made real where reals are meant.

    Args:
        config: section -> key -> value.
        stages: as for :func:`read_config`.
        injected: as for :func:`read_config`.
        source: what the message of an error begins with.

    Raises:
        UsageError: an unknown section or key, or a value of the wrong type.
    """
    keys = {name: _parameters(name, stage, injected) for name, stage in stages.items()}
    checked = {}
    for section, content in config.items():
        if section not in keys and section not in NAME_TABLES:
            raise UsageError(f"{source}: {_unknown_section(section, content, keys)}")
        if not isinstance(content, collections.abc.Mapping):
            raise UsageError(f"{source}: [{section}] must be a section, not {_say(content)}")
        if section in NAME_TABLES:
            checked[section] = {key: _name(source, section, key, content[key]) for key in content}
            continue
        checked[section] = {}
        for key, value in content.items():
            if key not in keys[section]:
                raise UsageError(f"{source}: {_unknown_key(section, key, keys, injected)}")
            try:
                checked[section][key] = _convert(value, keys[section][key].annotation)
            except TypeError as error:
                raise UsageError(f"{source}: [{section}] {key} {error}, not {_say(value)}") from None
    return checked


def resolve(
    stages: Stages, config: Config | None = None, injected: Collection[str] = ()
) -> dict[str, dict[str, Any]]:
    """Complete a configuration with every default.

    Returns:
        section -> key -> value; sections in the order of the stages, then the tables of names (empty where
        the configuration has none).

    Raises:
        UsageError: as :func:`check_config`.
    """
    given = check_config(config or {}, stages, injected)
    full = {}
    for section, stage in stages.items():
        defaults = {key: one.default for key, one in _parameters(section, stage, injected).items()}
        full[section] = defaults | given.get(section, {})
    return full | {name: given.get(name, {}) for name in NAME_TABLES}


def suggest(word: str, known: Iterable[str]) -> str:
    """Give the end of a sentence that names the nearest known word, or nothing.

    >>> suggest("min_shard", ["min_shared", "top"])
    "; did you mean 'min_shared'?"
    """
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _parameters(
    section: str, stage: Callable[..., Any], injected: Collection[str]
) -> dict[str, inspect.Parameter]:
    """Give the keyword-only parameters that a key may set, their annotations as types."""
    found = {}
    for name, one in inspect.signature(stage).parameters.items():
        if one.kind is not inspect.Parameter.KEYWORD_ONLY or {name, f"{section}.{name}"} & set(injected):
            continue
        if one.default is inspect.Parameter.empty:
            raise TypeError(f"{stage.__qualname__}: {name} has no default and is not injected")
        annotation = one.annotation
        if isinstance(annotation, str):
            names = _WORDS | getattr(inspect.unwrap(stage), "__globals__", {})
            annotation = eval(annotation, names)  # the package's own source, as typing.get_type_hints does
        found[name] = one.replace(annotation=annotation)
    return found


def _unknown_section(section: str, content: object, keys: Mapping[str, Mapping[str, Any]]) -> str:
    homes = [name for name in keys if section in keys[name]]
    if not isinstance(content, collections.abc.Mapping) and homes:
        return f"{section!r} stands outside all sections; it belongs in [{homes[0]}]"
    hint = suggest(section, [*keys, *NAME_TABLES])
    known = ", ".join(f"[{name}]" for name in (*keys, *NAME_TABLES))
    return f"unknown section [{section}]{hint or f'; there are {known}'}"


def _unknown_key(
    section: str, key: str, keys: Mapping[str, Mapping[str, Any]], injected: Collection[str]
) -> str:
    said = f"unknown [{section}] key {key!r}"
    homes = [name for name in keys if key in keys[name]]
    if homes:
        return f"{said}; it belongs in [{homes[0]}]"
    if key in NAME_TABLES:
        return f"{said}; it is a section of its own, [{key}]"
    if {key, f"{section}.{key}"} & set(injected):
        return f"{said}; it is not set in a file"
    known = ", ".join(keys[section]) or "none"
    return f"{said}{suggest(key, keys[section]) or f'; its keys are: {known}'}"


def _name(source: str, section: str, key: str, value: object) -> str:
    if not isinstance(value, str) or not key or not (value or section in _MAY_BE_EMPTY):
        what = "an expression" if section == "derive" else "a name"
        raise UsageError(f"{source}: [{section}] {key} must be {what} in quotes, not {_say(value)}")
    return value


def _convert(value: Any, annotation: Any) -> Any:
    """Give ``value`` as the annotated type; a TypeError's message says what was expected."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return _convert_literal(value, parts)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(value, parts)
    if origin in (collections.abc.Mapping, dict):
        return _convert_mapping(value, parts[1])
    if annotation in (None, type(None)):
        _expect(value is None, "must be left out")
        return None
    if annotation is float:
        # TOML has nan and inf, and true is a number to Python; none of them is a setting.
        real = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        _expect(real, "must be a number")
        return float(value)
    if annotation is int:
        _expect(isinstance(value, int) and not isinstance(value, bool), "must be a whole number")
    elif annotation is bool:
        _expect(isinstance(value, bool), "must be true or false")
    elif annotation is str:
        _expect(isinstance(value, str), "must be text in quotes")
    else:
        raise TypeError(f"no stage may have a setting of type {annotation}")
    return value


def _expect(holds: bool, words: str) -> None:
    if not holds:
        raise TypeError(words)


def _convert_literal(value: Any, choices: tuple[Any, ...]) -> Any:
    if not any(value == choice and type(value) is type(choice) for choice in choices):
        raise TypeError(f"must be {' or '.join(map(_say, choices))}")
    return value


def _convert_union(value: Any, choices: tuple[Any, ...]) -> Any:
    said = []
    for choice in choices:
        try:
            return _convert(value, choice)
        except TypeError as error:
            said.append(str(error))
    raise TypeError(said[0] if len(choices) == 2 and type(None) in choices else " or ".join(said))


def _convert_mapping(value: Any, annotation: Any) -> dict[str, Any]:
    _expect(isinstance(value, collections.abc.Mapping), "must be a table")
    converted = {}
    for key, one in value.items():
        try:
            converted[str(key)] = _convert(one, annotation)
        except TypeError as error:
            raise TypeError(f"{key} {error}") from None
    return converted


def _say(value: object) -> str:
    """Give a value as a configuration file writes it, shortened."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, collections.abc.Mapping):
        return "a table"
    return repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "..."
