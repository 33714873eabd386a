"""A store is looked at while a job is at work in it, and goes on from what an earlier version wrote."""

from __future__ import annotations

import fcntl
import json
import shutil
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from clustergraph.artefacts.schema import LATER_ARTEFACTS, LATER_COLUMNS
from clustergraph.disk.durable import hash_file
from clustergraph.nights.night import nightly
from clustergraph.simulation.generate import simulate
from clustergraph.store.ledger import name_ledger
from clustergraph.store.store import hold, keep_still, open_store
from clustergraph.upkeep.checking import Checked, check_store
from tests.commands import call
from tests.nights import at, run_folder, run_night, table

if TYPE_CHECKING:
    from pathlib import Path

NIGHTS = 2


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    simulate(folder / "world", accounts=1_000, nights=NIGHTS, evasion=0.3, seed=11)
    for number in range(NIGHTS):
        run_night(folder / "world", folder / "store", number)
    return folder / "store"


@pytest.fixture
def root(whole, tmp_path) -> Path:
    return shutil.copytree(whole, tmp_path / "store", symlinks=True)


def problems(root: Path) -> list[str]:
    return [str(one) for one in check_store(open_store(root)).problems]


def test_a_night_that_is_being_exchanged_is_no_problem(root, tmp_path, monkeypatch):
    """The job at work has taken the night away, and puts it back before it lets go of the store."""
    night, away = run_folder(root, 1), tmp_path / "away"
    waits, checked = Event(), list[Checked]()
    plain = fcntl.flock

    def flock(handle: int, operation: int) -> None:
        if operation == fcntl.LOCK_SH:
            waits.set()
        plain(handle, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    check = Thread(target=lambda: checked.append(check_store(open_store(root))))
    with hold(open_store(root)):
        night.rename(away)
        check.start()
        assert waits.wait(30)
        away.rename(night)
    check.join(30)
    assert [one.problems for one in checked] == [()]


def test_checks_do_not_wait_for_each_other(root):
    (root / "runs" / "latest").unlink()
    with keep_still(open_store(root)):
        assert len(problems(root)) == 1


def test_a_store_without_a_lock_is_checked(root):
    (root / "lock").unlink()
    (root / "runs" / "latest").unlink()
    assert len(problems(root)) == 1
    assert not (root / "lock").exists()


def test_a_store_of_an_earlier_version_goes_on(whole, root):
    for number in range(NIGHTS):
        make_older(root, number)
    assert problems(root) == []
    before = table(root, NIGHTS - 1, "clusters")
    assert call("history", before["cluster_id"][0].as_py(), "--store", root).code == 0

    known = whole.parent / "world" / "accounts.parquet"
    nightly([], store=root, night=at(NIGHTS), accounts=known, allow_empty=True, threads=1)
    after = table(root, NIGHTS, "clusters")
    assert after["cluster_id"].to_pylist() == before["cluster_id"].to_pylist()
    assert set(table(root, NIGHTS, "lineage")["event"].to_pylist()) == {"continued"}
    assert table(root, NIGHTS, "incidence").num_rows > 0
    assert problems(root) == []


def make_older(root: Path, number: int) -> None:
    """Take from a night what stores had not before there were explanations, decisions and templates."""
    folder = run_folder(root, number)
    document: dict[str, Any] = json.loads((folder / "run.json").read_text())
    for name in LATER_ARTEFACTS:
        (folder / f"{name}.parquet").unlink()
        del document["artefacts"][f"{name}.parquet"]
    clusters = folder / "clusters.parquet"
    pq.write_table(table(root, number, "clusters").drop_columns(sorted(LATER_COLUMNS)), clusters)
    document["artefacts"][clusters.name] |= {
        "bytes": clusters.stat().st_size,
        "sha256": hash_file(clusters),
    }
    about = document["store"]
    ledger = root / about["ledger"]
    (ledger / "templates.parquet").unlink()
    older = ledger.rename(ledger.with_name(f"{ledger.name.rpartition('-')[0]}-{name_ledger(ledger)}"))
    place = str(older.relative_to(root))
    about["pieces"] = [place if one == about["ledger"] else one for one in about["pieces"]]
    about["ledger"] = place
    del about["decisions"]
    (folder / "run.json").write_text(json.dumps(document))
