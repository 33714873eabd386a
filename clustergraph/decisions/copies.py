"""What was known of a cluster when it was decided on: members, evidence and links, kept for good.

The run that the decision was made on is pruned some day; a copy stays as long as the log. Its name is made
from its content, and it is on the disk before the log names it, so that a killed process leaves a copy that
nobody names at worst.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from clustergraph.artefacts.schema import EXTRACTION_PARTS
from clustergraph.decisions.log import read_log
from clustergraph.disk.durable import FOLDER_MODE, flush, hash_file, make_private, put_piece, settle
from clustergraph.disk.faults import told
from clustergraph.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from clustergraph.decisions.log import Entry, Log
    from clustergraph.store.store import Store

MEMBERS = pa.schema(
    [
        ("account_id", pa.string()),
        ("daily_exchanges", pa.float64()),  # on average over the last seven days with data
    ]
)
EVIDENCE = pa.schema(
    [
        ("kind", pa.string()),
        ("value", pa.string()),
        ("family", pa.string()),
        ("accounts", pa.int64()),  # members that have it
        ("accounts_everywhere", pa.int64()),  # all accounts that have it
        ("bits", pa.float64()),
    ]
)
# Later than the others: copies of earlier versions have none.
EXTRACTION = pa.schema(
    [
        ("account_id", pa.string()),
        ("exchanges", pa.int64()),
        *((name, pa.float64()) for name in EXTRACTION_PARTS),  # of the score; null where not known
    ]
)
LINKS = pa.schema([("account_id", pa.string()), ("kind", pa.string()), ("value", pa.string())])
_SCHEMAS = {"members": MEMBERS, "evidence": EVIDENCE, "links": LINKS}
TABLES = tuple(_SCHEMAS)
_LATER = {"extraction": EXTRACTION}


@dataclass(frozen=True, eq=False)
class Copy:
    """A cluster as it was when it was decided on.

    Attributes:
        members: ``account_id`` and ``daily_exchanges``.
        evidence: ``kind``, ``value``, ``family``, ``accounts``, ``accounts_everywhere`` and ``bits`` of the
            signals that at least two members had.
        links: ``account_id``, ``kind`` and ``value``: who had which of them.
        extraction: ``account_id``, ``exchanges`` and the parts of the extraction score of each member; empty
            where they are not known.
    """

    members: pa.Table
    evidence: pa.Table
    links: pa.Table
    extraction: pa.Table = field(default_factory=EXTRACTION.empty_table)

    @cached_property
    def daily(self) -> dict[str, float]:
        """Exchanges a day of each member."""
        return dict(zip(*_lists(self.members, MEMBERS.names), strict=True))

    @cached_property
    def signals(self) -> frozenset[tuple[str, str]]:
        """Kind and value of the signals that at least two members had."""
        return frozenset(zip(*_lists(self.evidence, ["kind", "value"]), strict=True))


def write_copy(store: Store, night: date, copy: Copy) -> str:
    """Write a copy; give its place from the root of the store.

    Args:
        store: that is held.
        night: that it is of.
        copy: whose tables have the columns of this module's schemas, in an order of rows that is fixed.

    Raises:
        InputError: the disk is full, or cannot be written to.
    """
    with told(store.decisions):
        store.decisions.mkdir(FOLDER_MODE, exist_ok=True)
        make_private(store.decisions)
        flush(store.root)
        fresh = Path(tempfile.mkdtemp(prefix=".", dir=store.decisions))
        try:
            for name, schema in (_SCHEMAS | _LATER).items():
                table = getattr(copy, name).select(schema.names).cast(schema)
                pq.write_table(table, fresh / f"{name}.parquet", compression="zstd")
            place = store.decisions / f"night={night}-{_name(fresh)}"
            settle(fresh)
            put_piece(fresh, place, intact=place.exists() and find_fault(place) is None)
            flush(store.decisions)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return str(place.relative_to(store.root))


def read_copy(store: Store, entry: Entry) -> Copy:
    """Read what was known of a cluster when an entry was made.

    Raises:
        InputError: a table is missing or damaged.
    """
    assert entry.copy is not None
    folder = store.root / entry.copy
    tables = {}
    for name, schema in (_SCHEMAS | _LATER).items():
        path = folder / f"{name}.parquet"
        if name in _LATER and not path.exists():
            continue
        try:
            tables[name] = pq.read_table(path, partitioning=None).select(schema.names).cast(schema)
        except (OSError, pa.ArrowException, KeyError) as error:
            words = str(error).splitlines()[0]
            raise InputError(f"{path}: cannot be read: {words}; decision {entry.number} needs it") from error
    return Copy(**tables)


def find_fault(folder: Path) -> str | None:
    """Say what is wrong with a copy that the log names, None if nothing is."""
    missing = [name for name in TABLES if not (folder / f"{name}.parquet").is_file()]
    if missing:
        return f"has no {missing[0]}.parquet; expected what a decision was made on"
    if _name(folder) != folder.name.rpartition("-")[2]:
        return "has files of another content; expected those that its name is made from"
    return None


def find_unnamed_copies(store: Store, log: Log) -> Iterator[Path]:
    """Find what no entry of the log names, unfinished folders included, in order."""
    named = {one.copy for one in log.entries}
    for path in sorted(store.decisions.iterdir()) if store.decisions.is_dir() else []:
        if path.is_dir() and str(path.relative_to(store.root)) not in named:
            yield path


def clear_copies(store: Store) -> None:
    """Remove what killed processes left.

    Raises:
        InputError: the log is damaged, or something cannot be removed.
    """
    with told(store.decisions):
        for path in list(find_unnamed_copies(store, read_log(store))):
            # Under its own name a copy is whole: whoever makes the same one again takes what is there.
            hidden = path if path.name.startswith(".") else path.rename(path.with_name(f".{path.name}"))
            shutil.rmtree(hidden)


def _lists(table: pa.Table, names: list[str]) -> list[list[Any]]:
    return [table[name].to_pylist() for name in names]


def _name(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in (*TABLES, *(one for one in _LATER if (folder / f"{one}.parquet").exists())):
        digest.update(f"{name} {hash_file(folder / f'{name}.parquet')}\n".encode())
    return digest.hexdigest()[:16]
