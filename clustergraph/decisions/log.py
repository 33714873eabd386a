"""The log of decisions: a line of JSON an entry, appended and never rewritten.

Each entry has the SHA-256 of itself and of the entry before it, so that a line that was changed, lost or put
in is noticed. A line counts from its newline on. What a killed process left of a line stays where it is: the
next entry ends it with a mark, and begins a line of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from clustergraph.disk.durable import FILE_MODE, FOLDER_MODE, flush
from clustergraph.disk.faults import told
from clustergraph.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from clustergraph.store.store import Store

CONFIRMED, CLEARED, WATCH, UNDO = "confirmed", "cleared", "watch", "undo"
WORDS = (CONFIRMED, CLEARED, WATCH, UNDO)
# No entry ends like this: they are JSON.
_TORN = b"#torn"
_NOTHING = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Entry:
    """What somebody decided on a cluster.

    Attributes:
        number: of the entry, from 1.
        decision: ``confirmed``, ``cleared``, ``watch`` or ``undo``.
        cluster_id: that it is on.
        night: the last night of the store at that time, as an ISO date; it counts from the next one on.
        found_on: the night on which the cluster was last found, as an ISO date; None for ``undo``.
        decided_by: who.
        reason: why.
        decided_at: when, as an ISO 8601 time in UTC.
        accounts: members of the cluster; None for ``undo``.
        copy: place of what was known of them, from the root of the store; None for ``undo``.
        undoes: number of the entry that is taken back; None but for ``undo``.
        previous: SHA-256 of the entry before, as hexadecimal digits.
        sha256: of all that is above.
    """

    number: int = 0
    decision: str = ""
    cluster_id: str = ""
    night: str = ""
    found_on: str | None = None
    decided_by: str = ""
    reason: str = ""
    decided_at: str = ""
    accounts: int | None = None
    copy: str | None = None
    undoes: int | None = None
    previous: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Log:
    """What is in the log.

    Attributes:
        entries: in order.
        torn: bytes at its end that are no whole line: somebody was killed while writing them.
    """

    entries: tuple[Entry, ...]
    torn: int

    def before(self, night: object) -> tuple[Entry, ...]:
        """Give the entries that count on a night: those that were made on earlier ones."""
        return tuple(one for one in self.entries if one.night < str(night))


def find_log(store: Store) -> Path:
    """Give the path of the log, which may not be there."""
    return store.decisions / "log.jsonl"


def read_log(store: Store) -> Log:
    """Read the log; a store without one has no entries.

    Raises:
        InputError: a line is damaged, or not where it was written; the message says which.
    """
    path = find_log(store)
    try:
        content = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    *lines, torn = content.split(b"\n")
    entries = list[Entry]()
    for number, line in enumerate(lines, start=1):
        if not line.endswith(_TORN):
            entries.append(_read_line(path, number, line, entries))
    return Log(tuple(entries), len(torn))


def append(store: Store, entry: Entry) -> Entry:
    """Append an entry to the log; give it with its number and hashes.

    Args:
        store: that is held.
        entry: whose ``number``, ``previous`` and ``sha256`` do not matter.

    Raises:
        InputError: the log is damaged, the disk is full, or it cannot be written to.
    """
    log, path = read_log(store), find_log(store)
    last = log.entries[-1].sha256 if log.entries else _NOTHING
    whole = seal(replace(entry, number=len(log.entries) + 1, previous=last))
    line = (_TORN + b"\n" if log.torn else b"") + _write_line(whole)
    with told(path):
        store.decisions.mkdir(FOLDER_MODE, exist_ok=True)
        store.decisions.chmod(FOLDER_MODE)
        flush(store.root)
        _append_bytes(path, line)
        flush(store.decisions)
    return whole


def seal(entry: Entry) -> Entry:
    """Give an entry with the SHA-256 of all its other fields."""
    said = {name: value for name, value in asdict(entry).items() if name != "sha256"}
    return replace(entry, sha256=hashlib.sha256(_dump(said)).hexdigest())


def name_entries(entries: Sequence[Entry]) -> dict[str, object]:
    """Say which entries were used, as run.json has it: how many, and the SHA-256 of theirs together."""
    together = hashlib.sha256("".join(one.sha256 for one in entries).encode()).hexdigest()
    return {"entries": len(entries), "sha256": together}


def find_loss(log: Log, night: object, about: Mapping[str, Any]) -> str | None:
    """Say what a published night used that the log does not have any more, None if nothing is lost.

    Args:
        log: of the store.
        night: its date.
        about: what its run.json says of the store; nights of earlier versions say nothing of decisions.
    """
    entries, said = log.before(night), about.get("decisions")
    if said is None or said == name_entries(entries):
        return None
    return (
        f"has {len(entries):,} entries from before {night}, but not the {said.get('entries')} that this "
        "night used; expected all that were ever written"
    )


def _append_bytes(path: Path, line: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, FILE_MODE)
    try:
        os.fchmod(handle, FILE_MODE)
        while line:
            line = line[os.write(handle, line) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_line(entry: Entry) -> bytes:
    return _dump(asdict(entry)) + b"\n"


def _dump(fields: dict[str, object]) -> bytes:
    # In ASCII: no mark of a script ends a line or hides in it, whatever reads the file.
    return json.dumps(fields, separators=(",", ":")).encode("ascii")


def _read_line(path: Path, number: int, line: bytes, before: Sequence[Entry]) -> Entry:
    try:
        found = json.loads(line)
        entry = Entry(**found)
        damaged = seal(entry) != entry or _write_line(entry) != line + b"\n" or entry.decision not in WORDS
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path}: line {number} is damaged: it is no entry of a decision; expected JSON with "
            f"{', '.join(one.name for one in fields(Entry))}"
        ) from error
    if damaged:
        raise InputError(f"{path}: line {number} is damaged: it has another SHA-256 than it says")
    last = before[-1].sha256 if before else _NOTHING
    if (entry.number, entry.previous) != (len(before) + 1, last):
        raise InputError(
            f"{path}: line {number} has entry {entry.number}, which does not follow the one before; "
            f"expected entry {len(before) + 1}: a line was lost or put in"
        )
    return entry
