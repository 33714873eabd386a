"""Find input files and check that each is what its name says."""

from __future__ import annotations

import csv
import glob
import io
import json
import os
import re
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from clustergraph.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FORMATS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "csv"} | dict.fromkeys(
    (".jsonl", ".ndjson", ".json"), "json"
)
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
MAGIC = {b"PAR1": "Parquet", b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x8b": "gzip"}
EXPECTED = "expected .parquet, .csv, .tsv, .jsonl, .ndjson or .json; text may be .gz or .zst as well"
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}
SAMPLED_LINES = 1000
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Source:
    """One input file.

    Attributes:
        path: as it was given or found.
        format: `parquet`, `csv` or `json`.
        compression: `gzip`, `zstd` or empty.
        bytes: size on disk.
        columns: name -> `text`, `integer`, `number`, `time`, `zoned time`, `null` or the type's own name;
            `csv` for those of CSV; for JSON lines `json`, of the keys in the first thousand lines.
        types: for Parquet, name -> the type in Arrow's words.
        header: for CSV, the names in order.
        delimiter: of CSV.
        hive: key -> value of the `key=value` folders of the path (None where Hive says null).
        rows: where the file itself says how many.
        fields: for Parquet and JSON lines, the keys that lead to a value, through objects -> its Arrow type,
            or `json`.
        named: column -> SQL over what the file has, of columns that have other names there (`naming`).
        origins: column -> the names that it has there, for messages.
    """

    path: str
    format: str
    compression: str
    bytes: int
    columns: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    header: tuple[str, ...] = ()
    delimiter: str = ","
    hive: Mapping[str, str | None] = field(default_factory=dict)
    rows: int | None = None
    fields: Mapping[tuple[str, ...], Any] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)


def find(inputs: Iterable[str | Path]) -> list[Source]:
    """List the files of all inputs (files, folders, globs), each once, sorted by path.

    Hidden files and those whose names start with `_` are passed over in folders, as are files of other kinds.

    Raises:
        InputError: an input that is missing, an empty folder, a glob without a match, a file of a kind that
            is not read, or no input at all.
    """
    found: dict[str, str] = {}
    for given in map(str, inputs):
        try:
            paths = _expand(given)
        except OSError as error:
            raise InputError(f"{error.filename or given}: cannot be opened: {error.strerror}") from error
        for path in paths:
            real = os.path.realpath(path)
            found[real] = min(path, found.get(real, path))
    if not found:
        raise InputError("no input: name a file, a folder or a glob")
    return [_describe(path) for path in sorted(found.values())]


def _expand(given: str) -> list[str]:
    path = Path(given)
    if path.is_dir():
        return _walk(given)
    if path.exists():
        return [given]
    matches = sorted(glob.glob(given, recursive=True)) if glob.has_magic(given) else []  # noqa: PTH207 (Path takes no pattern that is absolute)
    if not matches:
        word = "nothing matches" if glob.has_magic(given) else "no such file or folder:"
        raise InputError(f"{word} {given}")
    folders = [match for match in matches if Path(match).is_dir()]
    files = [match for match in matches if not Path(match).is_dir() and _form(match)]
    # With ** a glob matches folders as well as what is in them; a folder counts when it is all there is.
    paths = files or [path for folder in folders for path in _walk(folder)]
    if not paths:
        raise InputError(f"{given} matches no file that can be read, for instance {matches[0]}; {EXPECTED}")
    return paths


def _walk(folder: str) -> list[str]:
    found: list[str] = []
    others: list[str] = []
    seen: set[str] = set()  # links to folders are followed, and may go in circles
    for parent, names, files in os.walk(folder, onerror=_refuse, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            names.clear()
            continue
        seen.add(real)
        names[:] = sorted(name for name in names if name[0] not in "._")
        for name in sorted(files):
            if name[0] not in "._":
                path = os.path.join(parent, name)  # noqa: PTH118 (keeps the folder as it was given)
                (found if _form(path) else others).append(path)
    if not found:
        hint = f" (it has {len(others)} other files, such as {others[0]})" if others else " (it is empty)"
        raise InputError(f"the folder {folder} holds no input{hint}; {EXPECTED}")
    return found


def _refuse(error: OSError) -> None:
    raise error


def _form(path: str) -> tuple[str, str] | None:
    """Tell format and compression from a name: `a.csv.gz` -> `("csv", "gzip")`; None if it is neither."""
    name = Path(path.lower())
    compression = COMPRESSIONS.get(name.suffix, "")
    kind = FORMATS.get(Path(name.stem).suffix if compression else name.suffix)
    return None if kind is None or (kind == "parquet" and compression) else (kind, compression)


def _describe(path: str) -> Source:
    form = _form(path)
    if form is None:
        raise InputError(f"{path}: cannot tell the format from the name; {EXPECTED}")
    try:
        path.encode()
        size = Path(path).stat().st_size
        if not Path(path).is_file():
            raise InputError(f"{path}: is a pipe or a device; expected a file")
        with Path(path).open("rb") as file:
            start = file.read(4)
    except UnicodeEncodeError as error:
        raise InputError(f"{path!r}: the name is not UTF-8; rename it") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be opened: {error.strerror}") from error
    kind, compression = form
    _check_magic(path, start, compression or ("Parquet" if kind == "parquet" else ""))
    hive = _hive(path)
    try:
        if kind == "parquet":
            return _describe_parquet(path, size, hive)
        if compression == "zstd":
            _check_whole(path)
        if kind == "csv":
            return _describe_csv(path, size, compression, hive)
        return _describe_json(path, size, compression, hive)
    except (OSError, EOFError, pa.ArrowException) as error:
        raise InputError(f"{path}: is damaged or cut short: {_first_line(error)}") from error


def _check_magic(path: str, start: bytes, expected: str) -> None:
    is_a = next((name for magic, name in MAGIC.items() if start.startswith(magic)), "")
    if start[:2] in (b"\xff\xfe", b"\xfe\xff") and not expected:
        raise InputError(f"{path}: is UTF-16 text; expected UTF-8")
    if is_a != expected:
        found = f"is {is_a}" if is_a else "is empty" if not start else f"does not start as {expected} does"
        raise InputError(f"{path}: {found}; by its name, {expected or 'plain text'} was expected")


def _check_whole(path: str) -> None:
    """Decompress once: DuckDB takes a truncated zstd file for a short one."""
    with pa.OSFile(path) as raw, pa.CompressedInputStream(raw, "zstd") as stream:
        while stream.read(1 << 22):
            pass


def _describe_parquet(path: str, size: int, hive: Mapping[str, str | None]) -> Source:
    with pq.ParquetFile(path) as file:
        columns = {column.name: type_word(column.type) for column in file.schema_arrow}
        types = {column.name: str(column.type) for column in file.schema_arrow}
        rows = file.metadata.num_rows
        fields = {steps: kind for one in file.schema_arrow for steps, kind in _arrow_fields((), one)}
    return Source(path, "parquet", "", size, columns, types, hive=hive, rows=rows, fields=fields)


def _arrow_fields(above: tuple[str, ...], one: pa.Field) -> Iterator[tuple[tuple[str, ...], Any]]:
    steps = (*above, one.name)
    yield steps, one.type
    if pa.types.is_struct(one.type):
        for inner in one.type:
            yield from _arrow_fields(steps, inner)


def _json_fields(above: tuple[str, ...], row: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, value in row.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from _json_fields((*above, key), value)


def type_word(kind: Any) -> str:
    """Say what an Arrow type is: `text`, `integer`, `number`, `time`, `zoned time` or its own name."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return "text"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_timestamp(kind):
        return "zoned time" if kind.tz else "time"
    if pa.types.is_date(kind):
        return "time"
    return str(kind)


def _describe_csv(path: str, size: int, compression: str, hive: Mapping[str, str | None]) -> Source:
    delimiter = "\t" if ".tsv" in Path(path).name.lower() else ","
    with _open_text(path, compression) as lines:
        header = next(csv.reader(lines, delimiter=delimiter), [])
    if not header:
        raise InputError(f"{path}: is empty; expected a header line with the names of the columns")
    _check_delimiter(path, header, delimiter)
    doubled = sorted({name for name in header if header.count(name) > 1 and name})
    if doubled:
        raise InputError(f"{path}: the header has the column {doubled[0]!r} more than once")
    columns = dict.fromkeys(header, "csv")
    return Source(path, "csv", compression, size, columns, {}, tuple(header), delimiter, hive)


def _check_delimiter(path: str, header: Sequence[str], delimiter: str) -> None:
    if len(header) > 1:
        return
    for other, word in DELIMITERS.items():
        if other != delimiter and other in header[0]:
            raise InputError(
                f"{path}: the columns look as if they were separated by {word} ({header[0][:80]!r});"
                f" expected {DELIMITERS[delimiter]}: write the file with them"
                + (", or name it .tsv" if other == "\t" else "")
            )


def _describe_json(path: str, size: int, compression: str, hive: Mapping[str, str | None]) -> Source:
    columns: dict[str, str] = {}
    fields: dict[tuple[str, ...], str] = {}
    sampled = 0
    with _open_text(path, compression) as lines:
        for line in islice(lines, SAMPLED_LINES):
            sampled += 1
            if sampled == 1 and line.lstrip().startswith("["):
                raise InputError(f"{path}: is a JSON array; expected JSON lines, one object a line")
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                columns |= dict.fromkeys(row, "json")
                fields |= dict.fromkeys(_json_fields((), row), "json")
    if sampled and not columns:
        raise InputError(f"{path}: no line is a JSON object with keys; expected one object a line")
    return Source(path, "json", compression, size, columns, hive=hive, fields=fields)


def _open_text(path: str, compression: str) -> io.TextIOWrapper:
    raw = pa.input_stream(path, compression=compression or None)
    return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="")


def _hive(path: str) -> dict[str, str | None]:
    pairs = (re.fullmatch(r"([^=]+)=(.*)", part) for part in Path(path).parent.parts)
    return {pair[1]: None if pair[2] == HIVE_NULL else unquote(pair[2]) for pair in pairs if pair}


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
