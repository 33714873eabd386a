"""Check the artefacts of a night against its run.json and their schemas."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from clustergraph.artefacts.schema import LATER_ARTEFACTS, LATER_COLUMNS, NIGHTLY_ARTEFACTS
from clustergraph.disk.durable import hash_file
from clustergraph.upkeep.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from clustergraph.store.store import Store
    from clustergraph.upkeep.published import Published

_MARKS = (b"clustergraph.artefact", b"clustergraph.schema")


def check_artefacts(store: Store, published: Published) -> list[Problem]:
    """Check rows, bytes, SHA-256 and schema of each artefact of a night."""
    folder = store.run(published.night)
    place = folder.relative_to(store.root)
    expected = {f"{name}.parquet": schema for name, schema in NIGHTLY_ARTEFACTS.items()}
    problems = [
        Problem(f"{place}/run.json", f"names no {file} among the artefacts; expected all of a night")
        for file in expected
        if file not in published.artefacts and file.removesuffix(".parquet") not in LATER_ARTEFACTS
    ]
    for file, said in published.artefacts.items():
        found = _check_file(folder / file, said, expected.get(file))
        problems += [Problem(f"{place}/{file}", words) for words in found]
    return problems


def _check_file(path: Path, said: Mapping[str, Any], schema: pa.Schema | None) -> Iterator[str]:
    """Say what is wrong with a file; ``said`` is what run.json has of it."""
    if not path.is_file():
        yield "is missing; run.json names it"
        return
    try:
        size = path.stat().st_size
        if size != said.get("bytes"):
            yield f"has {size:,} bytes; expected {said.get('bytes')}, as run.json says"
        sha256 = hash_file(path)
        if sha256 != said.get("sha256"):
            yield f"has SHA-256 {sha256}; expected {said.get('sha256')}, as run.json says"
        with pq.ParquetFile(path) as file:
            rows, found = file.metadata.num_rows, file.schema_arrow
    except (pa.ArrowException, OSError) as error:
        yield f"cannot be read: {str(error).splitlines()[0]}; expected a Parquet file"
        return
    if rows != said.get("rows"):
        yield f"has {rows:,} rows; expected {said.get('rows')}, as run.json says"
    if schema is not None:
        yield from _check_schema(found, schema)


def _check_schema(found: pa.Schema, schema: pa.Schema) -> Iterator[str]:
    known = [one for one in schema if one.name in found.names or one.name not in LATER_COLUMNS]
    for number, (one, wanted) in enumerate(zip_longest(found, known), start=1):
        if one is None or wanted is None or (one.name, one.type) != (wanted.name, wanted.type):
            yield f"column {number} is {_say_column(one)}; expected {_say_column(wanted)}"
            break  # those that follow are one off
    marks = found.metadata or {}
    for mark in _MARKS:
        if marks.get(mark) != schema.metadata[mark]:
            value = marks.get(mark, b"not there").decode(errors="replace")
            yield f"its {mark.decode()} is {value}; expected {schema.metadata[mark].decode()}"


def _say_column(column: pa.Field | None) -> str:
    return "none" if column is None else f"{column.name} ({column.type})"
