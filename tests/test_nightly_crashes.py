"""A night that is killed, stopped or fails at any moment leaves the store as it was or as it should be."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from clustergraph.errors import InputError
from tests.commands import Ended, call, finish, start
from tests.disturbed import NIGHTS, arguments, at, make_stores, make_world, make_wrong, run_night
from tests.forks import fork
from tests.kills import KILL_AT
from tests.stores import check_consistent, contents, copy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KILLS = 50


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def stores(world: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_stores(world, tmp_path_factory.mktemp("stores"))


@pytest.fixture(scope="module")
def wrong(world: Path, stores: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wrong(world, stores, tmp_path_factory.mktemp("wrong"))


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
