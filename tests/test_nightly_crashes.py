"""A night that is killed, stopped or fails at any moment leaves the store as it was or as it should be."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest

from clustergraph.errors import InputError
from clustergraph.nightly.night import nightly
from clustergraph.simulation.generate import simulate
from tests.commands import Ended, finish, start
from tests.stores import check_consistent, contents

START = date(2026, 2, 2)
NIGHTS = 4
KILLS = 50


def at(number: int) -> date:
    return START + timedelta(days=number)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    simulate(folder, accounts=1_500, nights=NIGHTS, evasion=0.4, seed=11)
    # Of night 1 there is a wrong delivery too: rows are missing, and others are of the night before.
    zero, one = (pq.read_table(folder / "events" / f"dt={at(n)}", partitioning=None) for n in (0, 1))
    (folder / "wrong").mkdir()
    pq.write_table(one.slice(0, one.num_rows * 2 // 3), folder / "wrong" / "x.parquet")
    pq.write_table(zero.slice(0, 40), folder / "wrong" / "y.parquet")
    return folder


def arguments(world: Path, store: Path, number: int, *more: object) -> list[object]:
    return [
        "nightly", world / "events" / f"dt={at(number)}", "--store", store, "--date", at(number),
        "--accounts", world / "accounts.parquet", "--threads", 1, "--quiet", *more,
    ]  # fmt: skip


def run_night(world: Path, store: Path, number: int, events: str = "", **options: Any) -> None:
    given = world / (events or f"events/dt={at(number)}")
    nightly(
        given, store=store, night=at(number), accounts=world / "accounts.parquet", threads=1, **options
    )  # fmt: skip


@pytest.fixture(scope="module")
def stores(world: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Undisturbed stores after each of the nights."""
    folder = tmp_path_factory.mktemp("stores")
    after: list[Path] = []
    for number in range(NIGHTS):
        store = folder / str(number)
        if after:
            shutil.copytree(after[-1], store, symlinks=True)
        run_night(world, store, number)
        after.append(store)
    return after


def copy(store: Path, folder: Path) -> Path:
    return Path(shutil.copytree(store, folder / "store", symlinks=True))


# Killed at any moment

# Kills the process before or after an operation on the file system; tells at its end how many there were.
KILL_AT = """
import atexit, os, signal, sys
import pyarrow.parquet as pq
from clustergraph.disk import durable
left = {number}
def counted(plain):
    def operation(*arguments, **options):
        global left
        left -= 1
        if left == 0 and {before}: os.kill(os.getpid(), signal.SIGKILL)
        done = plain(*arguments, **options)
        if left == 0: os.kill(os.getpid(), signal.SIGKILL)
        return done
    return operation
for name in ("fsync", "mkdir", "rename", "replace", "rmdir", "symlink", "unlink"):
    setattr(os, name, counted(getattr(os, name)))
pq.write_table = counted(pq.write_table)
durable._exchange = counted(durable._exchange)
atexit.register(lambda: print({number} - left, file=sys.stderr))
"""


class Usual(NamedTuple):
    """What an undisturbed night takes, as a process."""

    seconds: float
    operations: int


@pytest.fixture(scope="module")
def usual(world: Path, stores: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Usual:
    store = copy(stores[0], tmp_path_factory.mktemp("usual"))
    began = time.monotonic()
    done = finish(start(*arguments(world, store, 1), before=KILL_AT.format(number=0, before=False)))
    seconds = time.monotonic() - began
    assert done.code == 0
    assert contents(store) == contents(stores[1])
    return Usual(seconds, int(done.err))


def kill_at_operation(command: list[object], usual: Usual, chance: random.Random) -> Ended:
    number = chance.randint(1, usual.operations)
    hook = KILL_AT.format(number=number, before=chance.random() < 0.5)
    return finish(start(*command, before=hook))


def kill_at_time(command: list[object], usual: Usual, chance: random.Random) -> Ended:
    process = start(*command)
    try:
        process.wait(timeout=chance.uniform(0, usual.seconds))
    except subprocess.TimeoutExpired:
        process.kill()
    return finish(process)


@pytest.mark.parametrize("kill", [kill_at_operation, kill_at_time])
def test_killed_nights(
    world: Path, stores: list[Path], usual: Usual, tmp_path: Path, kill: Callable[..., Ended]
) -> None:
    """Half of the kills are where something is written, which takes little of a night's time."""
    chance, store, kills = random.Random(7), tmp_path / "store", 0
    for number in range(NIGHTS):
        command = arguments(world, store, number)
        for _ in range(KILLS):
            if kills >= KILLS // 2 * (number + 1) / NIGHTS:
                break
            done = kill(command, usual, chance)
            assert done.code in (0, -signal.SIGKILL), done.err  # now and then it is done before
            kills += done.code != 0
            check_consistent(store)
        done = finish(start(*command))
        assert done == (0, "", "")
        assert contents(store) == contents(stores[number])
    assert kills >= KILLS // 2


def test_a_later_night_takes_away_what_was_left_of_another(
    world: Path, stores: list[Path], usual: Usual, tmp_path: Path
) -> None:
    """Whoever gives up a night that was killed finds nothing of it in the store."""
    for kept in (4, 20):
        store = copy(stores[1], tmp_path / str(kept))
        hook = KILL_AT.format(number=usual.operations - kept, before=True)
        assert finish(start(*arguments(world, store, 2), before=hook)).code == -signal.SIGKILL
        before = (store / "runs" / f"dt={at(2)}").exists()
        run_night(world, store, 3)
        check_consistent(store)
        assert not [name for name in contents(store) if Path(name).name.startswith(".")]
        if before:
            assert contents(store) == contents(stores[3])


# At the last of two renames, where the system cannot exchange folders.
BETWEEN = """
import os, signal
from pathlib import Path
from clustergraph.disk import durable
durable._exchange = lambda *_: False
rename = Path.rename
def killed(self, target):
    if self.name == "run": os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)
Path.rename = killed
"""


def test_a_night_that_was_being_replaced_comes_back_whichever_night_is_next(
    world: Path, stores: list[Path], tmp_path: Path
) -> None:
    store = copy(stores[2], tmp_path)
    assert finish(start(*arguments(world, store, 2), before=BETWEEN)).code == -signal.SIGKILL
    assert not (store / "runs" / f"dt={at(2)}").exists()
    run_night(world, store, 3)
    assert contents(store) == contents(stores[3])


# Faults


class Fault:
    """A function of which one call fails, or all from one on."""

    def __init__(self, plain: Callable[..., Any], number: int, error: int, *, lasting: bool):
        self.plain, self.number, self.error, self.lasting = plain, number, error, lasting
        self.calls = 0

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Fail, or do what the function does."""
        self.calls += 1
        if self.calls == self.number or (self.lasting and self.calls > self.number > 0):
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
    (pq, "write_table", errno.ENOSPC),
    (pq.ParquetWriter, "write_table", errno.ENOSPC),
    (pq.ParquetWriter, "close", errno.ENOSPC),
    (Path, "touch", errno.EACCES),
    (Path, "write_text", errno.ENOSPC),
    (json, "dump", errno.ENOSPC),
    (shutil, "copyfile", errno.ENOSPC),
]
Night = Callable[[Path], None]


def try_faults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, before: Path | None, after: Path, run: Night,
    fault: tuple[Any, str, int], lasting: bool,
) -> int:  # fmt: skip
    """Run a night once for each call that a fault can strike; give how many there were."""
    module, name, error = fault
    good, seen = contents(after), []
    number = 0
    while True:
        number += 1
        place = tmp_path / f"{name}-{number}"
        place.mkdir()
        store = copy(before, place) if before else place / "store"
        faulty = Fault(getattr(module, name), number, error, lasting=lasting)
        with monkeypatch.context() as patched:
            patched.setattr(module, name, faulty)
            try:
                run(store)
            except InputError as told:
                assert str(store) in str(told), (name, number)  # noqa: PT017 (some faults do no harm)
                assert os.strerror(error) in str(told), (name, number)
        check_consistent(store)
        found = contents(store)
        if faulty.calls < number:
            assert found == good
            return number - 1
        # A store in the same state as one that was tried before goes on in the same way.
        if found not in seen:
            seen.append(found)
            run(store)
            assert contents(store) == good, (name, number)
        shutil.rmtree(place)


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault[1])
def test_faults_of_a_night(
    world: Path, stores: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    fault: tuple[Any, str, int], lasting: bool,
) -> None:  # fmt: skip
    run: Night = lambda store: run_night(world, store, 1)  # noqa: E731
    number = try_faults(monkeypatch, tmp_path, stores[0], stores[1], run, fault, lasting)
    assert number or fault[1] in ("copyfile", "mkstemp")
