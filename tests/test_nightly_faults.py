"""A night in which something cannot be written leaves the store as it was or as it should be."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from clustergraph.disk import durable
from clustergraph.errors import InputError
from clustergraph.nights import publication, window
from tests.disturbed import make_stores, make_world, make_wrong, run_night
from tests.stores import check_consistent, contents, copy

CODE = f"{os.sep}clustergraph{os.sep}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def stores(world: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_stores(world, tmp_path_factory.mktemp("stores"))


@pytest.fixture(scope="module")
def wrong(world: Path, stores: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wrong(world, stores, tmp_path_factory.mktemp("wrong"))


class Fault:
    """A function of which one call fails, or all from one on; it knows where it was called from."""

    def __init__(self, plain: Callable[..., Any], number: int, error: int, *, lasting: bool):
        self.plain, self.number, self.error, self.lasting = plain, number, error, lasting
        self.places: list[tuple[str, ...]] = []

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Fail, or do what the function does."""
        stack = traceback.extract_stack()
        self.places.append(tuple(f"{one.filename}:{one.lineno}" for one in stack if CODE in one.filename))
        calls = len(self.places)
        if calls == self.number or (self.lasting and calls > self.number > 0):
            raise OSError(self.error, os.strerror(self.error))
        return self.plain(*arguments, **options)

    def __get__(self, instance: Any, owner: Any) -> Callable[..., Any]:
        """Be a method where a method is replaced."""
        return self if instance is None else lambda *arguments, **options: self(
            instance, *arguments, **options
        )  # fmt: skip


FAULTS: list[tuple[Any, str, int]] = [
    (os, "fsync", errno.ENOSPC),
    (os, "mkdir", errno.EACCES),
    (os, "chmod", errno.EPERM),
    (os, "rename", errno.EIO),
    (os, "replace", errno.EIO),
    (os, "rmdir", errno.EACCES),
    (os, "unlink", errno.EACCES),
    (os, "symlink", errno.ENOSPC),
    (tempfile, "mkdtemp", errno.ENOSPC),
    (tempfile, "mkstemp", errno.ENOSPC),
    (pq.ParquetWriter, "write_table", errno.ENOSPC),
    (pq.ParquetWriter, "close", errno.ENOSPC),
    (Path, "touch", errno.EACCES),
    (Path, "write_text", errno.ENOSPC),
    (json, "dump", errno.ENOSPC),
    (shutil, "copyfile", errno.ENOSPC),
]
# Each call of these is a write of its own; of the others, one from each place in the code is enough.
WRITES = ("fsync", "write_table", "write_text", "dump", "copyfile")
Night = Callable[[Path], None]


def try_faults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, before: Path | None, after: Path, run: Night,
    fault: tuple[Any, str, int], lasting: bool,
) -> int:  # fmt: skip
    """Run a night once for each call that a fault can strike; give how many there were."""
    module, name, error = fault
    good, seen = contents(after), []

    def strike(number: int) -> tuple[Fault, Path, str]:
        place = tmp_path / f"{name}-{number}"
        place.mkdir()
        store = copy(before, place) if before else place / "store"
        faulty, said = Fault(getattr(module, name), number, error, lasting=lasting), ""
        with monkeypatch.context() as patched:
            patched.setattr(module, name, faulty)
            try:
                run(store)
            except InputError as told:
                said = str(told)
        check_consistent(store)
        return faulty, store, said

    unharmed, store, said = strike(0)
    assert (said, contents(store)) == ("", good)
    places = unharmed.places
    every = name in WRITES and not lasting
    numbers = [n for n in range(1, len(places) + 1) if every or places[n - 1] not in places[: n - 1]]
    for number in numbers:
        faulty, store, said = strike(number)
        assert len(faulty.places) >= number
        if said:  # else the fault did no harm
            assert str(store) in said
            assert os.strerror(error) in said
        found = contents(store)
        # Who says nothing has done all of it, whatever may be left to tidy up.
        missing = {place for place in good.keys() - {"lock"} if found.get(place) != good[place]}
        assert said or not missing, (name, number)
        # A store in the same state as one that was tried before goes on in the same way.
        if found not in seen:
            seen.append(found)
            run(store)
            assert contents(store) == good, (name, number)
        shutil.rmtree(store.parent)
    return len(numbers)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find the clusters of a night once: only the ledger, and what an engine has, is written meanwhile."""
    analyse, write = publication.analyse_window, window.write_ledger
    found: list[Any] = []
    kept: list[Any] = []

    def write_ledger(store: Any, night: Any, tables: Any) -> str:
        kept.append(tables)
        return write(store, night, tables)

    def analyse_window(task: Any, night: Any) -> tuple[Any, str, Any]:
        if not found:
            found.append(analyse(task, night))
            return found[0]
        tables, _, facts = found[0]
        with task.open_engine() as engine:
            engine.create("anything", "SELECT 1")  # there is as much to be removed as after an analysis
            return tables, write(task.store, night.date, kept[0]), facts

    monkeypatch.setattr(window, "write_ledger", write_ledger)
    monkeypatch.setattr(publication, "analyse_window", analyse_window)


CASES = [
    *[(fault, False) for fault in FAULTS],
    # Where nothing can be written or removed from some moment on, nothing can be tidied up either.
    *[(fault, True) for fault in FAULTS if fault[1] in ("fsync", "rename", "rmdir")],
]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("fault", "lasting"),
    CASES,
    ids=[f"{one[1]} {'lasting' if lasting else 'once'}" for one, lasting in CASES],
)
def test_faults_of_a_night(
    world: Path, stores: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    fault: tuple[Any, str, int], lasting: bool,
) -> None:  # fmt: skip
    def run(store: Path) -> None:
        run_night(world, store, 1)

    number = try_faults(monkeypatch, tmp_path, stores[0], stores[1], run, fault, lasting)
    assert number or fault[1] in ("copyfile", "mkstemp")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", ["mkdir", "mkstemp", "replace", "touch", "write_text"])
def test_faults_of_a_first_night(
    world: Path, stores: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Where the store is made."""
    fault = next(one for one in FAULTS if one[1] == name)

    def run(store: Path) -> None:
        run_night(world, store, 0)

    assert try_faults(monkeypatch, tmp_path, None, stores[0], run, fault, lasting=False)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", ["rename", "rmdir"])
def test_faults_of_a_night_that_replaces_another(
    world: Path, stores: list[Path], wrong: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """With other rows, in two renames as where the system cannot exchange folders."""
    monkeypatch.setattr(durable, "_exchange", lambda *_: False)
    fault = next(one for one in FAULTS if one[1] == name)

    def run(store: Path) -> None:
        run_night(world, store, 1)

    assert try_faults(monkeypatch, tmp_path, wrong, stores[1], run, fault, lasting=False)
