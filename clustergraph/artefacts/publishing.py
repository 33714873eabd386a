"""Put a run in its folder: all of it or none, by one exchange of folders after everything is on disk."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clustergraph.artefacts.schema import LAYOUTS
from clustergraph.disk.durable import (
    copy_table,
    flush,
    put,
    put_back,
    remove,
    settle,
    write_json,
    write_table,
)
from clustergraph.disk.faults import reason, told
from clustergraph.disk.locks import lock
from clustergraph.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

MANIFEST = "run.json"
_EARLIER = "earlier"  # where a run lies that is being replaced and cannot be exchanged
_WORKING = ".{name}.working-"
_LEFT = re.compile(r"\.(.+)\.working-[^.]*")


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
    prefix = _WORKING.format(name=out.name)
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


def sweep(folder: Path) -> None:
    """Remove what killed processes left in a folder, whichever run they were at; see `working_folder`.

    Raises:
        InputError: a run that one was replacing cannot be put back.
    """
    with told(folder):
        left = {found[1] for path in folder.iterdir() if (found := _LEFT.fullmatch(path.name))}
        for name in sorted(left):
            _clear_away(folder / name, _WORKING.format(name=name))


def publish(
    tables: Mapping[str, pa.Table | Path], manifest: Mapping[str, Any], out: Path, working: Path
) -> dict[str, Any]:
    """Write all tables and run.json, flush them, and put them in the place of ``out``.

    Args:
        tables: name -> artefact, or the file of one that is published again.
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
        artefacts = {
            f"{name}.parquet": _write(name, table, fresh / f"{name}.parquet")
            for name, table in tables.items()
        }
        full = {**manifest, "artefacts": artefacts}
        write_json(full, fresh / MANIFEST)
        settle(fresh)
        put(fresh, out, working / _EARLIER)
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {reason(error)}; nothing was changed") from error
    with contextlib.suppress(OSError):  # it is done, whether or not it would outlast a power cut
        flush(out.parent)
    return full


def _write(name: str, table: pa.Table | Path, path: Path) -> dict[str, Any]:
    if isinstance(table, Path):
        return copy_table(table, path)
    return write_table(table, path, **LAYOUTS.get(name, {}))


def _make_locked(parent: Path, prefix: str, undo: contextlib.ExitStack) -> Path:
    """Make a folder that is locked; ``undo`` removes it and lets go of it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        held = lock(folder, wait=True)
        if held is not None:
            undo.callback(os.close, held)
        if folder.exists():  # before it was locked, another process may have taken it for one left behind
            undo.callback(remove, folder)
            return folder


def _clear_away(out: Path, prefix: str) -> None:
    """Remove the folders of processes that were killed; a run that one was replacing goes back."""
    for left in [path for path in out.parent.iterdir() if path.name.startswith(prefix)]:
        held = lock(left, wait=False)
        if held is not None:
            put_back(left / _EARLIER, out)
            remove(left)
            os.close(held)


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # something is in it now
        folder.rmdir()
