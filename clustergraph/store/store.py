"""The folder of a store: where everything is, which version it has, and who is at work in it.

A night is published by one rename, that of its run's folder. Whatever else a night writes has a name of its
own, made from the night and from what is in it, and counts only if the run's ``run.json`` names it. So what a
killed process leaves behind is never mistaken for part of the store, and the next start removes it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from clustergraph.disk.durable import FILE_MODE, FOLDER_MODE, flush, make_private, replace_file
from clustergraph.disk.faults import reason, told
from clustergraph.disk.locks import claim, lock, share
from clustergraph.errors import GuardrailError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMAT = 1
_ABOUT, _LOCK, _LATEST, _MANIFEST = "store.json", "lock", "latest", "run.json"
# Marks in the file about the store: the night that rows of an earlier time come in for, that is rebuilt from,
# and the last that was removed.
_CHANGING, _REBUILDING, _PRUNED = "changing", "rebuilding", "pruned"
_NIGHT = re.compile(r"dt=(\d{4}-\d\d-\d\d)")
# No night takes rows of days that are further back.
_REACH = 31
_PIECE = re.compile(r"night=(\d{4}-\d\d-\d\d)-[0-9a-f]+")


@dataclass(frozen=True)
class Store:
    """A store on disk.

    Attributes:
        root: its folder.
    """

    root: Path

    @property
    def runs(self) -> Path:
        """The folder of the published runs."""
        return self.root / "runs"

    @property
    def incidence(self) -> Path:
        """The folder of the daily incidence."""
        return self.root / "incidence"

    @property
    def ledgers(self) -> Path:
        """The folder of what is known after each night."""
        return self.root / "ledgers"

    @property
    def decisions(self) -> Path:
        """The folder of what people decided on clusters; it is not there before the first decision."""
        return self.root / "decisions"

    @property
    def latest(self) -> Path:
        """The link to the ``run.json`` of the last night."""
        return self.runs / _LATEST

    def run(self, night: date) -> Path:
        """Give the folder of a night's run, which may not be there."""
        return self.runs / f"dt={night}"

    def nights(self) -> list[date]:
        """List the nights that are published, in order."""
        if not self.runs.is_dir():
            return []
        found = []
        for path in self.runs.iterdir():
            name = _NIGHT.fullmatch(path.name)
            with suppress(ValueError):  # not a day of the calendar, and nothing of the store's
                found += [date.fromisoformat(name[1])] if name else []
        return sorted(found)

    def manifest(self, night: date) -> dict[str, Any]:
        """Read the run.json of a night.

        Raises:
            InputError: it is missing or damaged.
        """
        path = self.run(night) / _MANIFEST
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: cannot be read: {error}; put it back from a backup, or remove {path.parent.name} "
                "and run that night again, with --rebuild if there are later ones"
            ) from error
        if not isinstance(found, dict) or "store" not in found:
            raise InputError(f"{path}: does not say what of the store belongs to it")
        return found

    def prepare(self) -> None:
        """Make the folders that are not there yet, for owner and group alone.

        Raises:
            InputError: they cannot be made.
        """
        with told(self.root):
            for folder in (self.runs, self.incidence, self.ledgers):
                folder.mkdir(FOLDER_MODE, exist_ok=True)
                make_private(folder)
            flush(self.root)

    def point_to_latest(self) -> None:
        """Have ``runs/latest`` lead to the ``run.json`` of the last night.

        It leads to a file, not to the folder: ``runs/*/clusters.parquet`` is to meet every night once.

        Raises:
            InputError: it cannot be written.
        """
        nights = self.nights()
        fresh = self.latest.with_name(f".{_LATEST}")
        if not nights or self.pointed_to() == nights[-1]:
            return
        with told(self.latest):
            fresh.unlink(missing_ok=True)
            fresh.symlink_to((self.run(nights[-1]) / _MANIFEST).relative_to(self.runs))
            fresh.replace(self.latest)
            flush(self.runs)

    def pointed_to(self) -> date | None:
        """Give the night that ``runs/latest`` leads to, None where it leads to none."""
        found = [one for one in self.nights() if self.latest.is_symlink() and self._leads_to(one)]
        return found[0] if found else None

    def _leads_to(self, night: date) -> bool:
        return self.latest.readlink() == (self.run(night) / _MANIFEST).relative_to(self.runs)

    def to_rebuild(self) -> date | None:
        """Give the first night of a rebuild that is not finished."""
        return _marked(self.root / _ABOUT, _REBUILDING)

    def mark_change(self, night: date) -> None:
        """Note that rows of a night before the last are coming in, so that none are left if it fails."""
        self._mark(**{_CHANGING: str(night)})

    def mark_rebuild(self, night: date | None) -> None:
        """Note the first night that is still to be rebuilt, None when all are."""
        self._mark(**{_CHANGING: None, _REBUILDING: None if night is None else str(night)})

    def pruned(self) -> date | None:
        """Give the last night that was removed to save room, None where none was."""
        return _marked(self.root / _ABOUT, _PRUNED)

    def mark_pruned(self, night: date) -> None:
        """Note the last night that is removed: the one after it has lost what it went on from."""
        self._mark(**{_PRUNED: str(night)})

    def clean(self) -> None:
        """Remove what an earlier process left unfinished, and mend ``runs/latest``.

        There may be anything from the last night on that is published, or from the first one that was being
        changed; what is older was looked at then.

        Raises:
            InputError: it cannot be removed.
        """
        changing = _marked(self.root / _ABOUT, _CHANGING)
        nights = self.nights()
        since = changing or self.to_rebuild() or (nights[-1] if nights else date.min)
        known = self._named(since)
        with told(self.root):
            for left in self.root.glob(f".{_ABOUT}.*"):
                left.unlink()
            for folder in (*self._days(since), self.ledgers):
                self._clean_folder(folder, since, known)
        self.point_to_latest()
        if changing:
            self.mark_rebuild(None)

    def _mark(self, **marks: str | None) -> None:
        """Note marks beside those that are there; None takes one away."""
        about = self.root / _ABOUT
        kept = {**_read(about), **marks}
        with told(about):
            replace_file(
                about, json.dumps({name: one for name, one in kept.items() if one is not None}) + "\n"
            )

    def _named(self, since: date) -> set[str]:
        """Give the places of all that the runs from a night on name."""
        known = set[str]()
        for night in (one for one in self.nights() if one >= since):
            about = self.manifest(night)["store"]
            known |= {about["ledger"], *about["pieces"], *(one["place"] for one in about["increments"])}
        return known

    def _clean_folder(self, folder: Path, since: date, known: set[str]) -> None:
        """Remove what no run names from the ledgers or from a day; a day goes too if nothing is left."""
        # Hidden names come first, and are out of the way.
        for piece in sorted(folder.iterdir()) if folder.is_dir() else []:
            of = _PIECE.fullmatch(piece.name)
            unfinished = of is None or date.fromisoformat(of[1]) >= since
            if unfinished and str(piece.relative_to(self.root)) not in known:
                # Under its own name a piece is whole: whoever makes the same one again takes what is there.
                hidden = piece if of is None else piece.rename(piece.with_name(f".{piece.name}"))
                shutil.rmtree(hidden)
        if folder != self.ledgers and not any(folder.iterdir()):
            folder.rmdir()

    def _days(self, since: date) -> list[Path]:
        """List the folders of days that a night since ``since`` may have written to."""
        if not self.incidence.is_dir():
            return []
        found = []
        for path in self.incidence.iterdir():
            day = _NIGHT.fullmatch(path.name)
            if day and (date.fromisoformat(day[1]) - since).days >= -_REACH:
                found.append(path)
        return sorted(found)


def open_store(root: Path, *, create: bool = False) -> Store:
    """Open a store, or make one.

    Args:
        root: its folder.
        create: make it where there is none.

    Raises:
        InputError: the folder is not a store, or of another version.
    """
    about = root / _ABOUT
    if not about.is_file():
        if not create:
            raise InputError(f"{root}: is not a store: it has no {_ABOUT}; `clustergraph nightly` makes one")
        _make(root)
    version = _read(about)["format"]
    if version < FORMAT:
        raise InputError(
            f"{root}: the store is of version {version}, this program reads version {FORMAT}; name a new "
            "folder for --store and run the nights of a window there, from their rows, or install the "
            "version of clustergraph that wrote it"
        )
    if version > FORMAT:
        raise InputError(
            f"{root}: the store is of version {version}, this program knows versions up to {FORMAT}; "
            "install the version of clustergraph that wrote it"
        )
    return Store(root)


def _read(about: Path) -> dict[str, Any]:
    try:
        found = json.loads(about.read_text(encoding="utf-8"))
        return {**found, "format": int(found["format"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{about}: does not tell the version of the store") from error


def _marked(about: Path, mark: str) -> date | None:
    found = _read(about).get(mark)
    return date.fromisoformat(found) if found else None


def _make(root: Path) -> None:
    try:
        if root.exists() and (not root.is_dir() or _holds_something(root)):
            raise InputError(f"{root}: holds something else than a store; name a new folder for --store")
        root.mkdir(parents=True, exist_ok=True)
        held = lock(root, wait=True)
        try:
            if not (root / _ABOUT).is_file():  # nor has another process made it meanwhile
                make_private(root)
                replace_file(root / _ABOUT, json.dumps({"format": FORMAT}) + "\n")
        finally:
            if held is not None:
                os.close(held)
    except OSError as error:
        raise InputError(f"{root}: cannot be made: {reason(error)}") from error


def _holds_something(root: Path) -> bool:
    """Tell whether a folder has something in it, but for a store that is being made or never was finished."""
    if (root / _ABOUT).is_file():
        return False
    return any(not path.name.startswith(f".{_ABOUT}.") for path in root.iterdir())


@contextmanager
def keep_still(store: Store) -> Iterator[None]:
    """Wait until nobody changes the store, and let nobody begin to; others may look at it as well.

    Where the store has no lock yet, or the file system knows none, there is nothing to wait for.
    """
    handle = share(store.root / _LOCK)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


@contextmanager
def hold(store: Store, *, wait: bool = False) -> Iterator[None]:
    """Be the only one to change the store.

    Args:
        store: to hold.
        wait: for whoever holds it, or else refuse.

    Raises:
        GuardrailError: another process holds it; the message says which.
        InputError: the lock cannot be written, or the file system has no locks.
    """
    path = store.root / _LOCK
    with told(path):
        path.touch(mode=FILE_MODE)
        handle = claim(path, wait=wait)
    if handle is None:
        said = path.read_text(encoding="utf-8").strip() or "another process"
        raise GuardrailError(f"{store.root}: {said} is at work in this store; wait for it, or use --wait")
    try:
        now = datetime.now(UTC)
        with contextlib.suppress(OSError):  # a full disk is no reason not to make room
            path.write_text(
                f"process {os.getpid()} of {os.uname().nodename}, since {now:%Y-%m-%d %H:%M} UTC,\n"
            )
        yield
    finally:
        with contextlib.suppress(OSError):  # the lock ends all the same
            path.write_text("")
        os.close(handle)
