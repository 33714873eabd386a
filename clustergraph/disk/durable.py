"""Files and folders that are there whole or not at all, whatever happens to the process or the machine."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

# What is written names people's accounts: for their owner and group alone.
FOLDER_MODE, FILE_MODE = 0o750, 0o640
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def write_table(table: pa.Table, path: Path) -> dict[str, Any]:
    """Write a table as Parquet; give its ``rows``, ``bytes`` and ``sha256``."""
    pq.write_table(table, path, compression="zstd", row_group_size=1 << 20)
    return {"rows": table.num_rows, "bytes": path.stat().st_size, "sha256": hash_file(path)}


def copy_table(given: Path, path: Path) -> dict[str, Any]:
    """Copy a Parquet file; give its ``rows``, ``bytes`` and ``sha256``."""
    shutil.copyfile(given, path)
    rows = pq.read_metadata(path).num_rows
    return {"rows": rows, "bytes": path.stat().st_size, "sha256": hash_file(path)}


def hash_file(path: Path) -> str:
    """Give the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(document: Mapping[str, Any], path: Path) -> None:
    """Write a document as JSON that people can read."""
    with path.open("w", encoding="utf-8") as file:
        json.dump(document, file, indent=2, ensure_ascii=False)
        file.write("\n")


def replace_file(path: Path, text: str) -> None:
    """Write a small file in one step: whoever looks sees the old one or the new one, whole."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    fresh = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.chmod(FILE_MODE)
        fresh.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
    flush(path.parent)


def replace_table(table: pa.Table, path: Path) -> None:
    """Write a table as Parquet in one step: whoever looks sees the old file or the new one, whole."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    fresh = Path(name)
    try:
        write_table(table, fresh)
        fresh.chmod(FILE_MODE)
        flush(fresh)
        fresh.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
    flush(path.parent)


def make_private(folder: Path) -> None:
    """Leave a folder to its owner and group; what is made in it belongs to the same group as before."""
    folder.chmod(FOLDER_MODE | (folder.stat().st_mode & stat.S_ISGID))


def settle(folder: Path) -> None:
    """Make all files of a folder private and have them, and the folder, on the disk."""
    make_private(folder)
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            settle(path)
        else:
            path.chmod(FILE_MODE)
            flush(path)
    flush(folder)


def flush(path: Path) -> None:
    """Have a file or a folder on the disk before anything else is done."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def put(fresh: Path, out: Path, earlier: Path) -> None:
    """Move ``fresh`` to ``out``; where ``out`` exists, the two change places in one step if they can.

    Args:
        fresh: what is new.
        out: where it is to be.
        earlier: where what was there lies meanwhile, if it takes two steps.
    """
    if not out.exists():
        fresh.rename(out)
    elif not _exchange(fresh, out):
        try:
            out.rename(earlier)
            fresh.rename(out)
        finally:  # whatever went wrong, a signal too
            put_back(earlier, out)


def put_piece(fresh: Path, place: Path, *, intact: bool) -> None:
    """Move a folder named by its content to its place; what is there already stays if it is intact."""
    if intact:
        return
    if place.exists():
        shutil.rmtree(place.rename(place.with_name(f".{place.name}")))
    fresh.rename(place)


def put_back(earlier: Path, out: Path) -> None:
    """Put back what was there where nothing has come in its place."""
    if earlier.exists() and not out.exists():
        earlier.rename(out)


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, as far as it can be."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # where a second signal stopped the first


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names atomically (Linux); tell whether it could be done."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    done: int = rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    return done == 0
