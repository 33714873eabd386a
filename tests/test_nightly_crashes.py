"""A night that is killed, stopped or fails at any moment leaves the store as it was or as it should be."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest

from clustergraph.disk import durable
from clustergraph.errors import InputError
from clustergraph.nights import window
from clustergraph.nights.night import nightly
from clustergraph.simulation.generate import simulate
from tests.commands import Ended, call, finish, start
from tests.forks import fork
from tests.kills import KILL_AT
from tests.stores import check_consistent, contents

START = date(2026, 2, 2)
NIGHTS = 4
KILLS = 50
CODE = f"{os.sep}clustergraph{os.sep}"
# What is derived adds queries to a night, and nothing to what it writes.
LEAN = {"derive": {"ip_prefix": "", "asn": ""}}


def at(number: int) -> date:
    return START + timedelta(days=number)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    simulate(folder, accounts=1_500, nights=NIGHTS, evasion=0.4, seed=11)
    # Of night 1 there is a wrong delivery too: rows are missing, and others are of the night before.
    zero, one = (pq.read_table(folder / "events" / f"dt={at(n)}", partitioning=None) for n in (0, 1))
    (folder / "lean.toml").write_text("[derive]\n" + "".join(f'{kind} = ""\n' for kind in LEAN["derive"]))
    (folder / "wrong").mkdir()
    pq.write_table(one.slice(0, one.num_rows * 2 // 3), folder / "wrong" / "x.parquet")
    pq.write_table(zero.slice(0, 40), folder / "wrong" / "y.parquet")
    return folder


def arguments(world: Path, store: Path, number: int, *more: object) -> list[object]:
    return [
        "nightly", world / "events" / f"dt={at(number)}", "--store", store, "--date", at(number),
        "--accounts", world / "accounts.parquet", "--threads", 1, "--quiet",
        "--config", world / "lean.toml", *more,
    ]  # fmt: skip


def run_night(world: Path, store: Path, number: int, events: str = "", **options: Any) -> None:
    given = world / (events or f"events/dt={at(number)}")
    nightly(
        given, store=store, night=at(number), accounts=world / "accounts.parquet", threads=1, config=LEAN,
        **options,
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


class Usual(NamedTuple):
    """What an undisturbed night takes, as a process."""

    seconds: float
    operations: int


@pytest.fixture(scope="module")
def usual(world: Path, stores: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Usual:
    store = copy(stores[0], tmp_path_factory.mktemp("usual"))
    fork("--version").finish()  # what all are forked from takes a while to start
    began = time.monotonic()
    done = fork(*arguments(world, store, 1), before=KILL_AT.format(number=0, before=False)).finish()
    seconds = time.monotonic() - began
    assert done.code == 0
    assert contents(store) == contents(stores[1])
    return Usual(seconds, int(done.err))


def kill_at_operation(command: list[object], usual: Usual, chance: random.Random) -> Ended:
    number = chance.randint(1, usual.operations)
    hook = KILL_AT.format(number=number, before=chance.random() < 0.5)
    return fork(*command, before=hook).finish()


def kill_at_time(command: list[object], usual: Usual, chance: random.Random) -> Ended:
    process = fork(*command)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(chance.uniform(0, usual.seconds))
    process.kill()
    return process.finish()


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
        done = fork(*command).finish()
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
        assert fork(*arguments(world, store, 2), before=hook).finish().code == -signal.SIGKILL
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
    assert fork(*arguments(world, store, 2), before=BETWEEN).finish().code == -signal.SIGKILL
    assert not (store / "runs" / f"dt={at(2)}").exists()
    run_night(world, store, 3)
    assert contents(store) == contents(stores[3])


# Faults


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
    (pq, "write_table", errno.ENOSPC),
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
        # A store in the same state as one that was tried before goes on in the same way.
        if found not in seen:
            seen.append(found)
            run(store)
            assert contents(store) == good, (name, number)
        shutil.rmtree(store.parent)
    return len(numbers)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find the clusters of a night once: nothing is written meanwhile."""
    plain, found = window.analyse, []

    def analyse(*arguments: Any, **options: Any) -> Any:
        if not found:
            found.append(plain(*arguments, **options))
        return found[0]

    monkeypatch.setattr(window, "analyse", analyse)


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
    run: Night = lambda store: run_night(world, store, 1)  # noqa: E731
    number = try_faults(monkeypatch, tmp_path, stores[0], stores[1], run, fault, lasting)
    assert number or fault[1] in ("copyfile", "mkstemp")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", ["mkdir", "mkstemp", "replace", "touch", "write_text"])
def test_faults_of_a_first_night(
    world: Path, stores: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Where the store is made."""
    fault = next(one for one in FAULTS if one[1] == name)
    run: Night = lambda store: run_night(world, store, 0)  # noqa: E731
    assert try_faults(monkeypatch, tmp_path, None, stores[0], run, fault, lasting=False)


@pytest.fixture(scope="module")
def wrong(world: Path, stores: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that took in a wrong delivery of night 1."""
    store = copy(stores[0], tmp_path_factory.mktemp("wrong"))
    run_night(world, store, 1, "wrong")
    return store


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", ["rename", "rmdir"])
def test_faults_of_a_night_that_replaces_another(
    world: Path, stores: list[Path], wrong: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """With other rows, in two renames as where the system cannot exchange folders."""
    monkeypatch.setattr(durable, "_exchange", lambda *_: False)
    fault = next(one for one in FAULTS if one[1] == name)
    run: Night = lambda store: run_night(world, store, 1)  # noqa: E731
    assert try_faults(monkeypatch, tmp_path, wrong, stores[1], run, fault, lasting=False)


# Two jobs on one store

WAIT_FOR_INPUT = """
import sys
from clustergraph.nights import intake
plain = intake.fold
def fold(*arguments, **options):
    print("at work", flush=True)
    sys.stdin.read()
    return plain(*arguments, **options)
intake.fold = fold
"""


@pytest.fixture
def at_work(world: Path, stores: list[Path], tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """A store, and another process that is at work in it until its input ends."""
    store = copy(stores[0], tmp_path)
    process = start(*arguments(world, store, 1), before=WAIT_FOR_INPUT, stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    yield store, process
    process.kill()
    with process:
        pass


def test_a_second_job_says_who_is_at_work(world: Path, at_work: Any) -> None:
    store, process = at_work
    before = contents(store)
    done = call(*arguments(world, store, 1))
    assert done.code == 4
    assert f"{store}: process {process.pid} of {os.uname().nodename}, since 2" in done.err
    assert "--wait" in done.err
    assert contents(store) == before


def test_a_second_job_waits(world: Path, stores: list[Path], at_work: Any) -> None:
    store, process = at_work
    second = start(*arguments(world, store, 2, "--wait"))
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(timeout=4)
    process.communicate("", timeout=120)
    assert process.returncode == 0
    assert finish(second) == (0, "", "")
    assert contents(store) == contents(stores[2])


def test_a_job_that_waits_can_be_stopped(world: Path, at_work: Any) -> None:
    store, _ = at_work
    before = contents(store)
    second = start(*arguments(world, store, 2, "--wait"), before=SAY_THAT_IT_WAITS)
    assert second.stdout is not None
    assert second.stdout.readline() == "waits\n"
    second.terminate()
    done = finish(second)
    assert (done.code, done.err) == (143, "clustergraph: stopped by SIGTERM\n")
    assert contents(store) == before


SAY_THAT_IT_WAITS = """
import fcntl
plain = fcntl.flock
def flock(*arguments):
    print("waits", flush=True)
    return plain(*arguments)
fcntl.flock = flock
"""


def test_the_lock_of_a_killed_job_is_no_obstacle(world: Path, stores: list[Path], at_work: Any) -> None:
    store, process = at_work
    process.kill()
    process.wait()
    assert (store / "lock").read_text().startswith(f"process {process.pid} of ")
    run_night(world, store, 1)
    assert contents(store) == contents(stores[1])


def test_a_file_system_without_locks_is_named_as_such(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(InputError, match="lock: cannot be written: No locks available"):
        run_night(world, tmp_path / "store", 0)


def test_jobs_that_make_a_store_at_once(world: Path, stores: list[Path], tmp_path: Path) -> None:
    command = arguments(world, tmp_path / "store", 0, "--wait")
    for job in [start(*command), start(*command)]:
        assert finish(job) == (0, "", "")
    assert contents(tmp_path / "store") == contents(stores[0])


# Stopped, and killed in the middle of a rebuild

# A signal at the nth call of a function.
SIGNAL_AT = """
import os
from clustergraph.nights import publication, window
from clustergraph.store import increments, ledger, store
plain, left = {place}, {number}
def struck(*arguments, **options):
    global left
    left -= 1
    if left == 0: os.kill(os.getpid(), {signal})
    return plain(*arguments, **options)
{place} = struck
"""


def signal_at(place: str, number: int, sent: signal.Signals) -> str:
    return SIGNAL_AT.format(place=place, number=number, signal=int(sent))


@pytest.mark.parametrize(
    ("place", "number", "published"),
    [
        ("increments.settle", 1, False),
        ("window.analyse", 1, False),
        ("ledger.settle", 1, False),
        ("publication.publish", 1, False),
        ("store.Store.point_to_latest", 2, True),  # the first time is before the night
        ("store.Store.clean", 2, True),
    ],
)
def test_a_night_that_is_stopped_leaves_nothing_half_done(
    world: Path, stores: list[Path], tmp_path: Path, place: str, number: int, published: bool
) -> None:
    store = copy(stores[0], tmp_path)
    hook = signal_at(place, number, signal.SIGTERM)
    done = fork(*arguments(world, store, 1), before=hook).finish()
    assert done == (143, "", "clustergraph: stopped by SIGTERM\n")
    assert contents(store) == contents(stores[1 if published else 0])


class Rebuilt(NamedTuple):
    """A store with a wrong night 1, and what is in it after night 3, rebuilt in between or not."""

    before: Path
    states: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def rebuilt(world: Path, wrong: Path, tmp_path_factory: pytest.TempPathFactory) -> Rebuilt:
    before = copy(wrong, tmp_path_factory.mktemp("before"))
    run_night(world, before, 2)
    states = {}
    for name in ("as it was", "rebuilt"):
        store = copy(before, tmp_path_factory.mktemp("after"))
        if name == "rebuilt":
            run_night(world, store, 1, rebuild=True)
        run_night(world, store, 3)
        states[name] = contents(store)
    assert states["as it was"] != states["rebuilt"]
    return Rebuilt(before, states)


@pytest.mark.parametrize(
    ("place", "number", "state"),
    [
        ("increments.settle", 1, "as it was"),
        ("store.Store.mark_rebuild", 1, "as it was"),  # rows are in the store, but no run names them
        ("publication.publish", 1, "as it was"),
        ("store.Store.point_to_latest", 2, "rebuilt"),  # night 1 is published, night 2 is to come
        ("publication.publish", 2, "rebuilt"),
        ("store.Store._clean_folder", 6, "rebuilt"),  # four of them before
        ("store.Store.mark_rebuild", 2, "rebuilt"),
    ],
)
def test_a_rebuild_that_is_killed(
    world: Path, rebuilt: Rebuilt, tmp_path: Path, place: str, number: int, state: str
) -> None:
    store = copy(rebuilt.before, tmp_path)
    hook = signal_at(place, number, signal.SIGKILL)
    done = fork(*arguments(world, store, 1, "--rebuild"), before=hook).finish()
    assert done.code == -signal.SIGKILL
    check_consistent(store)
    run_night(world, store, 3)
    assert contents(store) == rebuilt.states[state]
