"""Put a run in its folder: all of it or none, by one exchange of folders after everything is on disk."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from clustergraph.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

MANIFEST = "run.json"
# Artefacts name people's accounts: for their owner and group alone.
_FOLDER_MODE, _FILE_MODE = 0o750, 0o640
_EARLIER = "earlier"  # where a run lies that is being replaced and cannot be exchanged
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def check_target(out: Path) -> None:
    """Refuse an output folder that holds something else than a run, or that cannot be one; write nothing.

    Raises:
        InputError: why ``out`` cannot be written.
    """
    try:
        str(out).encode()
        if out.is_symlink() or (out.exists() and not out.is_dir()):
            raise InputError(
                f"{out}: is not a folder; name a new folder, or one with an earlier run, for --out"
            )
        if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).is_file():
            raise InputError(
                f"{out}: is a folder with something else than a run (there is no {MANIFEST} in it); "
                "name a new folder, or one with an earlier run, for --out"
            )
        place = next(folder for folder in out.absolute().parents if folder.exists())
        if not place.is_dir():
            raise InputError(f"{place}: is not a folder; name another folder for --out")
        if not os.access(place, os.W_OK | os.X_OK):
            raise InputError(f"{place}: cannot write here; name another folder for --out")
    except UnicodeEncodeError as error:
        raise InputError(f"{str(out)!r}: the name is not UTF-8; name another folder for --out") from error
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}") from error


@contextmanager
def working_folder(out: Path) -> Iterator[Path]:
    """Make a hidden folder beside ``out`` for all that is unfinished; it is gone afterwards.

    What a killed process left behind is removed first. A folder is locked while its process lives: ids of
    processes come again, in containers every time.

    Raises:
        InputError: the folder cannot be made.
    """
    prefix = f".{out.name}.working-"
    with contextlib.ExitStack() as undo:
        try:
            for folder in (*reversed(out.parent.parents), out.parent):
                if not folder.exists():
                    undo.callback(_remove_empty, folder)
            out.parent.mkdir(parents=True, exist_ok=True)
            _clear_away(out, prefix)
            working = _make_locked(out.parent, prefix, undo)
        except OSError as error:
            raise InputError(f"{out.parent}: cannot write here: {error.strerror}") from error
        yield working


def publish(
    tables: Mapping[str, pa.Table], manifest: Mapping[str, Any], out: Path, working: Path
) -> dict[str, Any]:
    """Write all tables and run.json, flush them, and put them in the place of ``out``.

    Args:
        tables: name -> artefact.
        manifest: what run.json says of the run.
        out: the folder to make, or the run to replace.
        working: a folder on the same file system.

    Returns:
        The manifest with rows, bytes and SHA-256 of each artefact.

    Raises:
        InputError: the disk is full, or cannot be written to; ``out`` is as it was before.
    """
    fresh = working / "run"
    try:
        fresh.mkdir()
        fresh.chmod(_FOLDER_MODE)
        artefacts = {
            f"{name}.parquet": _write(table, fresh / f"{name}.parquet") for name, table in tables.items()
        }
        full = {**manifest, "artefacts": artefacts}
        with (fresh / MANIFEST).open("w", encoding="utf-8") as file:
            json.dump(full, file, indent=2, ensure_ascii=False)
            file.write("\n")
        for path in fresh.iterdir():
            path.chmod(_FILE_MODE)
            _flush(path)
        _flush(fresh)
        _put(fresh, out, working / _EARLIER)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else error
        raise InputError(f"{out}: cannot be written: {why}; nothing was changed") from error
    with contextlib.suppress(OSError):  # it is done, whether or not it would outlast a power cut
        _flush(out.parent)
    return full


def _write(table: pa.Table, path: Path) -> dict[str, Any]:
    pq.write_table(table, path, compression="zstd", row_group_size=1 << 20)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"rows": table.num_rows, "bytes": path.stat().st_size, "sha256": digest}


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put(fresh: Path, out: Path, earlier: Path) -> None:
    """Move ``fresh`` to ``out``; where ``out`` exists, the two change places in one step if they can."""
    if not out.exists():
        fresh.rename(out)
    elif not _exchange(fresh, out):
        try:
            out.rename(earlier)
            fresh.rename(out)
        finally:  # whatever went wrong, a signal too
            _put_back(earlier, out)


def _put_back(earlier: Path, out: Path) -> None:
    """Put an earlier run back where nothing has come in its place."""
    if earlier.exists() and not out.exists():
        earlier.rename(out)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names atomically (Linux); tell whether it could be done."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    done: int = rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    return done == 0


def _make_locked(parent: Path, prefix: str, undo: contextlib.ExitStack) -> Path:
    """Make a folder that is locked; ``undo`` removes it and lets go of it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        lock = _lock(folder, fcntl.LOCK_EX)
        if lock is not None:
            undo.callback(os.close, lock)
        if folder.exists():  # before it was locked, another process may have taken it for one left behind
            undo.callback(_remove, folder)
            return folder


def _clear_away(out: Path, prefix: str) -> None:
    """Remove the folders of processes that were killed; a run that one was replacing goes back."""
    for left in [path for path in out.parent.iterdir() if path.name.startswith(prefix)]:
        lock = _lock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if lock is not None:
            _put_back(left / _EARLIER, out)
            _remove(left)
            os.close(lock)


def _lock(folder: Path, how: int) -> int | None:
    """Lock a folder until the handle is closed or the process ends; None if it cannot be."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, how)
    except OSError:
        os.close(handle)
        return None
    return handle


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # where a second signal stopped the first


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # something is in it now
        folder.rmdir()
