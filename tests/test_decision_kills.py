"""A decision that is killed at any moment is made or it is not, and nothing else is lost."""

from __future__ import annotations

import shutil
import signal
from typing import TYPE_CHECKING

import pytest

import clustergraph as cg
from clustergraph.decisions.log import find_log, read_log
from clustergraph.simulation.generate import simulate
from clustergraph.store.store import open_store
from clustergraph.upkeep.checking import check_store
from tests.forks import fork
from tests.kills import KILL_AT
from tests.nights import run_night, table
from tests.stores import check_consistent, contents

if TYPE_CHECKING:
    from pathlib import Path

# Writes the beginning of a line, all of it at most, before the process is killed.
KILL_IN_LINE = """
import os, signal
def write(handle, content, plain=os.write):
    plain(handle, content[:int({share} * len(content))])
    os.fsync(handle)
    os.kill(os.getpid(), signal.SIGKILL)
os.write = write
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A store with one decision; tests read it."""
    folder = tmp_path_factory.mktemp("base")
    simulate(folder / "world", accounts=600, nights=1, evasion=0.4, seed=11)
    run_night(folder / "world", folder / "store", 0)
    cg.decide(folder / "store", cluster(folder / "store"), "watch", by="ada", reason="first")
    return folder / "store"


def cluster(store: Path) -> str:
    return table(store, 0, "clusters")["cluster_id"][0].as_py()


def arguments(store: Path) -> list[object]:
    return ["decide", cluster(store), "confirmed", "--store", store, "--by", "ada", "--reason", "second"]


def check_whole(base: Path, store: Path, *, made: bool | None) -> None:
    """Have the decision made or not, nothing wrong, and the next one made as if nothing had been."""
    check_consistent(store)
    assert check_store(open_store(store)).problems == ()
    entries = read_log(open_store(store)).entries
    assert entries[0] == read_log(open_store(base)).entries[0]
    assert [one.reason for one in entries[1:]] in ([[], ["second"]] if made is None else [["second"] * made])
    assert find_log(open_store(store)).read_bytes().startswith(find_log(open_store(base)).read_bytes())
    cg.decide(store, cluster(store), "cleared", by="ada", reason="third")
    after = read_log(open_store(store))
    assert [one.reason for one in after.entries] == [*(one.reason for one in entries), "third"]
    assert after.torn == 0
    assert check_store(open_store(store)).notes == ()
    apart = ("decisions", "lock")  # all else is as it was
    unchanged = [
        {name: what for name, what in contents(one).items() if not name.startswith(apart)}
        for one in (base, store)
    ]
    assert unchanged[0] == unchanged[1]


@pytest.fixture(scope="module")
def operations(base, tmp_path_factory) -> int:
    store = shutil.copytree(base, tmp_path_factory.mktemp("usual") / "store", symlinks=True)
    done = fork(*arguments(store), before=KILL_AT.format(number=0, before=False)).finish()
    assert done.code == 0
    return int(done.err)


def test_a_decision_that_is_killed_at_any_operation(base, operations, tmp_path):
    """Between writing what is known of the cluster, naming it, and the end of the entry."""
    outcomes = []
    assert operations > 10
    for number in range(1, operations + 1):
        store = shutil.copytree(base, tmp_path / str(number), symlinks=True)
        hook = KILL_AT.format(number=number, before=number % 2 == 0)
        done = fork(*arguments(store), before=hook).finish()
        assert done.code in (0, -signal.SIGKILL)  # an operation that fails, as on what is there, has no end
        outcomes.append((done.code, len(read_log(open_store(store)).entries)))
        check_whole(base, store, made=None)
    assert {made for _, made in outcomes} == {1, 2}
    assert all(made == 2 for code, made in outcomes if code == 0)
    assert sum(code != 0 for code, _ in outcomes) > operations // 2


@pytest.mark.parametrize(
    ("share", "made"), [(0.0, False), (0.01, False), (0.5, False), (0.999, False), (1.0, True)]
)
def test_a_decision_that_is_killed_in_the_middle_of_its_line(base, tmp_path, share, made):
    store = shutil.copytree(base, tmp_path / "store", symlinks=True)
    assert fork(*arguments(store), before=KILL_IN_LINE.format(share=share)).finish().code == -signal.SIGKILL
    assert (read_log(open_store(store)).torn > 0) == (0 < share < 1)
    check_whole(base, store, made=made)
