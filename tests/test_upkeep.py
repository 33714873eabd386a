"""The life of a cluster, what differs between nights, whether a store is whole, and how old nights go."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from clustergraph.artefacts.schema import LINEAGE, fill_schema
from clustergraph.disk.durable import hash_file
from clustergraph.errors import GuardrailError, InputError, UsageError
from clustergraph.simulation.generate import simulate
from clustergraph.store.store import Store, hold, open_store
from clustergraph.upkeep.checking import check_store
from clustergraph.upkeep.differences import compare_nights
from clustergraph.upkeep.history import tell_life, tell_lives
from clustergraph.upkeep.pruning import prune
from tests.commands import call, snapshot
from tests.forks import fork
from tests.lives import LIVES, A, B, make_lives
from tests.nights import at, run_folder, run_night, table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NIGHTS = 4
# Windows of two nights, so that there are days that no window has any more.
SETTINGS = {"config": {"window": {"nights": 2}}}


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    simulate(folder, accounts=1_200, nights=NIGHTS + 1, evasion=0.4, seed=11)
    return folder


@pytest.fixture(scope="module")
def whole(world, tmp_path_factory) -> Path:
    """A store of all nights but the last, with a window of two; tests read it."""
    root = tmp_path_factory.mktemp("stores") / "store"
    for number in range(NIGHTS):
        run_night(world, root, number, **SETTINGS)
    return root


@pytest.fixture
def root(whole, tmp_path) -> Path:
    """A copy of the store, to be broken."""
    shutil.copytree(whole, tmp_path / "store", symlinks=True)
    return tmp_path / "store"


def problems(root: Path) -> list[str]:
    return [str(one) for one in check_store(open_store(root)).problems]


def change_manifest(root: Path, number: int, change: Callable[[dict[str, Any]], object]) -> None:
    path = run_folder(root, number) / "run.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def replace_table(root: Path, number: int, name: str, new: pa.Table) -> None:
    """Write an artefact anew, and have run.json say what it is now."""
    path = run_folder(root, number) / f"{name}.parquet"
    pq.write_table(new, path)
    said = {"rows": new.num_rows, "bytes": path.stat().st_size, "sha256": hash_file(path)}
    change_manifest(root, number, lambda document: document["artefacts"].update({path.name: said}))


def with_column(given: pa.Table, name: str, values: list[Any]) -> pa.Table:
    place = given.column_names.index(name)
    return given.set_column(place, given.schema.field(name), pa.array(values, given.schema.field(name).type))


# A life, of nights made by hand


@pytest.fixture(scope="module")
def lives(tmp_path_factory) -> Store:
    return make_lives(tmp_path_factory.mktemp("lives"))


def test_a_life_goes_through_dormancy_and_ends_in_another(lives):
    life = tell_life(lives, "cb")
    assert life.cluster_id == B
    assert [one.event for one in life.stages] == ["born", "dormant", "dormant", "returned", "died"]
    assert [one.night for one in life.stages] == [str(at(number)) for number in range(5)]
    assert [one.accounts for one in life.stages] == [3, None, None, 6, None]
    assert life.stages[-1].into_ids == (A,)
    assert tell_life(lives, A).stages[4].from_ids == (A, B)
    assert len(tell_life(lives, A).stages) == len(LIVES)


def test_lives_are_told_together_as_one_by_one(lives):
    assert tell_lives(lives, [B, A]) == [tell_life(lives, B), tell_life(lives, A)]
    assert tell_lives(lives, []) == []
    assert tell_lives(lives, ["cccccccccccccccccc"]) == []


def test_who_is_dormant_is_so_up_to_the_last_night(lives, tmp_path):
    shutil.copytree(lives.root, tmp_path / "store")
    for number in (3, 4, 5):
        shutil.rmtree(run_folder(tmp_path / "store", number))
    life = tell_life(open_store(tmp_path / "store"), B)
    assert [one.event for one in life.stages] == ["born", "dormant", "dormant"]


@pytest.mark.parametrize(
    ("key", "words"),
    [("c", "2 clusters have ids that begin with 'c'"), ("cabb", "did you mean 'c"), ("", "no")],
)
def test_a_cluster_has_to_be_meant(lives, key, words):
    with pytest.raises(UsageError, match=words):
        tell_life(lives, key)


def test_history_shows_a_line_and_a_bar_for_each_night(lives):
    done = call("history", "cb", "--store", lives.root)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith(f"Cluster {B}  5 nights, {at(0)} to {at(4)}")
    nights = [line for line in lines if line.startswith("2026")]
    assert [line.split()[1] for line in nights] == ["born", "dormant", "dormant", "returned", "died"]
    assert [line.count("█") for line in nights] == [2, 0, 0, 10, 0]
    assert nights[-1].rstrip().endswith("into caaaaaaa")


def test_history_as_json(whole):
    key = table(whole, NIGHTS - 1, "clusters")["cluster_id"][0].as_py()
    document = json.loads(call("history", key, "--store", whole, "--json").out)
    assert document["cluster_id"] == key
    last = document["nights"][-1]
    row = table(whole, NIGHTS - 1, "clusters").to_pylist()[0]
    names = ("rank", "accounts", "extraction_volume", "exchanges_1d", "accounts_banned")
    assert {name: last[name] for name in names} == {name: row[name] for name in names}
    assert last["night"] == str(at(NIGHTS - 1))


# What differs


def test_differences_are_those_of_the_members(whole):
    found = compare_nights(open_store(whole), str(at(0)), "latest")
    members = [
        table(whole, number, "members").to_pandas().groupby("cluster_id")["account_id"].agg(set).to_dict()
        for number in (0, NIGHTS - 1)
    ]
    for one in found.changes:
        before, after = (members[night].get(one.cluster_id, set()) for night in (0, 1))
        assert (one.accounts_before, one.accounts_after) == (len(before), len(after))
        assert (one.accounts_joined, one.accounts_left) == (len(after - before), len(before - after))
        kind = (
            "new" if not before else "gone" if not after else "grew" if len(after) > len(before) else "shrank"
        )
        assert one.change == (kind if len(before) != len(after) else "changed")
    changed = {one for one in {*members[0], *members[1]} if members[0].get(one) != members[1].get(one)}
    assert {one.cluster_id for one in found.changes} == changed
    everybody = [set().union(*night.values()) for night in members]
    assert found.totals["accounts_joined"] == len(everybody[1] - everybody[0])
    assert found.totals["accounts_left"] == len(everybody[0] - everybody[1])
    assert found.totals["same"] == len({*members[0], *members[1]}) - len(changed)
    assert len({one.change for one in found.changes}) > 2


def test_diff_prints_and_says_it_in_json(whole):
    done = call("diff", at(0), "latest", "--store", whole)
    assert (done.code, done.err) == (0, "")
    assert "new " in done.out
    document = json.loads(call("diff", at(0), "latest", "--store", whole, "--json").out)
    assert (document["before"], document["after"]) == (str(at(0)), str(at(NIGHTS - 1)))
    assert len(document["changes"]) == sum(done.out.count(one["cluster_id"]) for one in document["changes"])
    assert "same members" in call("diff", "latest", at(NIGHTS - 1), "--store", whole).out


@pytest.mark.parametrize("words", ["2026-02-30", "yesterday", "2026-03-01", "\x1b[2J"])
def test_a_night_has_to_be_published(whole, words):
    done = call("diff", words, "latest", "--store", whole)
    assert done.code == 2
    assert f"{at(0)} to {at(NIGHTS - 1)}" in done.err
    assert "\x1b" not in done.err


# What is wrong


def test_a_whole_store_has_no_problem_and_is_left_alone(whole):
    before = snapshot(whole)
    done = call("check", "--store", whole)
    assert (done.code, done.err) == (0, "")
    assert done.out == "4 nights checked: all files are there, unchanged, and agree with each other.\n"
    assert snapshot(whole) == before
    assert json.loads(call("check", "--store", whole, "--json").out) == {
        "nights": NIGHTS, "problems": [], "notes": [],
    }  # fmt: skip


def cut(root: Path) -> None:
    path = run_folder(root, 1) / "links.parquet"
    path.write_bytes(path.read_bytes()[:-9])


def turn_a_bit(root: Path) -> None:
    path = run_folder(root, 1) / "links.parquet"
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)


def lose_rows(root: Path) -> None:
    change_manifest(root, 1, lambda document: document["artefacts"]["ties.parquet"].update(rows=1))


def swap_columns(root: Path) -> None:
    ties = table(root, 2, "ties")
    replace_table(root, 2, "ties", ties.select(["target", "source", *ties.column_names[2:]]))


def age(root: Path) -> None:
    ties = table(root, 2, "ties")
    marks = ties.schema.metadata | {b"clustergraph.schema": b"0"}
    replace_table(root, 2, "ties", ties.replace_schema_metadata(marks))


def widen(root: Path) -> None:
    ties = table(root, 2, "ties")
    replace_table(root, 2, "ties", ties.append_column("more", pa.array([1] * ties.num_rows)))


def lose_increment(root: Path) -> None:
    shutil.rmtree(next((root / "incidence" / f"dt={at(2)}").iterdir()))


def change_increment(root: Path) -> None:
    path = next((root / "incidence" / f"dt={at(2)}").glob("*/exchanges.parquet"))
    path.write_bytes(b"else")


def lose_ledger(root: Path) -> None:
    shutil.rmtree(next((root / "ledgers").glob(f"night={at(2)}-*")))


def change_ledger(root: Path) -> None:
    path = next((root / "ledgers").glob(f"night={at(2)}-*/clusters.parquet"))
    path.write_bytes(b"else")


def move_window(root: Path) -> None:
    change_manifest(root, 2, lambda document: document["store"].update(window=[str(at(2))]))


def lose_a_lineage(root: Path) -> None:
    lineage, one = table(root, 2, "lineage"), table(root, 2, "clusters")["cluster_id"][0]
    replace_table(root, 2, "lineage", lineage.filter(pc.not_equal(lineage["cluster_id"], one)))


def call_it_dormant(root: Path) -> None:
    lineage, one = table(root, 2, "lineage").to_pylist(), table(root, 2, "clusters")["cluster_id"][0].as_py()
    events = ["dormant" if row["cluster_id"] == one else row["event"] for row in lineage]
    replace_table(root, 2, "lineage", with_column(table(root, 2, "lineage"), "event", events))


def bear_it_again(root: Path) -> None:
    lineage = table(root, 2, "lineage").to_pylist()
    events = ["split" if row["event"] == "continued" else row["event"] for row in lineage]
    assert "split" in events
    replace_table(root, 2, "lineage", with_column(table(root, 2, "lineage"), "event", events))


def raise_the_dead(root: Path) -> None:
    living = table(root, 3, "clusters")["cluster_id"][0].as_py()
    given = table(root, 1, "lineage")
    dead = fill_schema(LINEAGE, {"cluster_id": [living], "event": ["died"]}, 1)
    others = given.filter(pc.not_equal(given["cluster_id"], living))
    replace_table(root, 1, "lineage", pa.concat_tables([others, dead]))


def point_elsewhere(root: Path) -> None:
    (root / "runs" / "latest").unlink()
    (root / "runs" / "latest").symlink_to(f"dt={at(0)}/run.json")


@pytest.mark.parametrize(
    ("harm", "file", "words"),
    [
        (lambda root: (run_folder(root, 1) / "links.parquet").unlink(), "{run1}/links.parquet", "is missing"),
        (cut, "{run1}/links.parquet", "bytes; expected"),
        (turn_a_bit, "{run1}/links.parquet", "has SHA-256"),
        (lose_rows, "{run1}/ties.parquet", "rows; expected 1, as run.json says"),
        (lambda root: (run_folder(root, 1) / "run.json").write_text("{"), "{run1}/run.json",
         "cannot be read"),
        (lambda root: change_manifest(root, 1, lambda one: one["store"].pop("ledger")), "{run1}/run.json",
         "does not say all"),
        (lambda root: change_manifest(root, 1, lambda one: one["artefacts"].pop("ties.parquet")),
         "{run1}/run.json", "names no ties.parquet"),
        (swap_columns, "{run2}/ties.parquet", "column 1 is target (string); expected source (string)"),
        (widen, "{run2}/ties.parquet", "column 6 is more (int64); expected none"),
        (age, "{run2}/ties.parquet", "clustergraph.schema is 0; expected 1"),
        (lose_increment, "incidence/dt=2026-02-04/night=2026-02-04-", "is missing"),
        (change_increment, "incidence/dt=2026-02-04/night=2026-02-04-", "exchanges.parquet: has SHA-256"),
        (lose_ledger, "ledgers/night=2026-02-04-", "is missing"),
        (change_ledger, "ledgers/night=2026-02-04-", "of another content"),
        (lambda root: shutil.rmtree(run_folder(root, 2)), "{run3}/run.json",
         "goes on from 2026-02-04, but the night before is 2026-02-03"),
        (move_window, "{run2}/run.json", "window of 2026-02-04; expected 2026-02-03, 2026-02-04"),
        (lose_a_lineage, "{run2}/lineage.parquet", "has 0 rows of"),
        (call_it_dormant, "{run2}/clusters.parquet", "which lineage.parquet calls dormant"),
        (bear_it_again, "{run2}/lineage.parquet", "calls"),
        (raise_the_dead, "{run3}/lineage.parquet", "which died on 2026-02-03"),
        (point_elsewhere, "runs/latest", "leads to 2026-02-02; expected 2026-02-05"),
        (lambda root: (root / "runs" / "latest").unlink(), "runs/latest", "leads to no night"),
        (lambda root: (run_folder(root, 0) / "ties.parquet").chmod(0o644), "{run0}/ties.parquet",
         "has mode 644"),
        (lambda root: (root / "ledgers").chmod(0o755), "ledgers", "has mode 755"),
    ],
)  # fmt: skip
def test_what_is_broken_is_named(root, harm, file, words):
    harm(root)
    places = {f"run{number}": f"runs/dt={at(number)}" for number in range(NIGHTS)}
    done = call("check", "--store", root)
    assert done.code == 3
    named = [
        line for line in done.out.splitlines() if line.startswith(file.format(**places)) and words in line
    ]
    assert named, done.out
    assert "problem" in done.err
    document = json.loads(call("check", "--store", root, "--json").out)
    assert len(document["problems"]) == len(done.out.splitlines()) - len(document["notes"])


def test_one_broken_file_is_one_problem(root):
    turn_a_bit(root)
    (run_folder(root, 0) / "regrowth.parquet").unlink()
    assert len(problems(root)) == 2


def test_what_is_unfinished_or_left_over_is_no_problem(root):
    (root / "runs" / f".dt={at(9)}.working-x" / "run").mkdir(parents=True, mode=0o700)
    (root / "runs" / f".dt={at(9)}.working-x").chmod(0o700)
    (root / "ledgers" / f"night={at(9)}-0123456789abcdef").mkdir(0o750)
    open_store(root).mark_rebuild(at(1))
    # Night 2 still goes on from what night 1 was before.
    bear_it_again(root)
    move_window(root)
    done = call("check", "--store", root)
    assert (done.code, done.err) == (0, "")
    notes = [line for line in done.out.splitlines() if line.startswith("note: ")]
    assert len(notes) == 3
    assert "a rebuild from 2026-02-03 is not finished" in done.out


def test_what_is_no_store_cannot_be_checked(tmp_path):
    for command in (["check"], ["prune", "--keep", "1"], ["history", "c"], ["diff", "latest", "latest"]):
        done = call(*command, "--store", tmp_path)
        assert done.code == 3
        assert "is not a store" in done.err
    assert list(tmp_path.iterdir()) == []


# How old nights go


def test_pruning_keeps_the_last_nights_and_what_they_name(root):
    before = snapshot(root)
    said = call("prune", "--keep", "2", "--store", root, "--dry-run")
    assert (said.code, snapshot(root)) == (0, before)
    assert said.out.startswith(
        "would remove 2 nights (2026-02-02 to 2026-02-03), 1 increment and 2 ledgers: "
    )
    done = call("prune", "--keep", "2", "--store", root)
    assert done.out == said.out.replace("would remove", "removed")
    assert open_store(root).nights() == [at(2), at(3)]
    # The window of night 2 is of nights 1 and 2.
    assert sorted(path.name for path in (root / "incidence").iterdir()) == [f"dt={at(n)}" for n in (1, 2, 3)]
    after = snapshot(root)
    assert {
        name: after[name] for name in after if name not in ("store.json", "lock")
    }.items() <= before.items()
    assert check_store(open_store(root)).notes == ()
    assert problems(root) == []
    assert call("prune", "--keep", "2", "--store", root).out == "removed nothing\n"


def test_a_pruned_store_goes_on_as_one_that_was_not(world, root, tmp_path):
    shutil.copytree(root, tmp_path / "other", symlinks=True)
    prune(open_store(root), 1)
    for one in (root, tmp_path / "other"):
        run_night(world, one, NIGHTS, **SETTINGS)
    for path in sorted(run_folder(root, NIGHTS).glob("*.parquet")):
        assert path.read_bytes() == (run_folder(tmp_path / "other", NIGHTS) / path.name).read_bytes(), (
            path.name
        )
    assert problems(root) == []
    assert call("history", table(root, NIGHTS, "clusters")["cluster_id"][0], "--store", root).code == 0


def test_a_night_that_lost_what_it_went_on_from_is_not_run_again(world, root):
    prune(open_store(root), 1)
    before = snapshot(root / "runs")
    for number, options in ((NIGHTS - 1, {}), (1, {"rebuild": True})):
        with pytest.raises(UsageError, match="were pruned"):
            run_night(world, root, number, **options)
    assert snapshot(root / "runs") == before
    run_night(world, root, NIGHTS, **SETTINGS)
    run_night(world, root, NIGHTS, **SETTINGS)
    assert problems(root) == []


def test_pruning_waits_for_its_turn_and_for_rebuilds(root):
    store = open_store(root)
    with hold(store), pytest.raises(GuardrailError, match="is at work"):
        prune(store, 1)
    store.mark_rebuild(at(2))
    with pytest.raises(GuardrailError, match="rebuild from 2026-02-04 is not finished"):
        prune(store, 1)
    store.mark_rebuild(None)
    with pytest.raises(UsageError, match="at least"):
        prune(store, 0)
    assert call("prune", "--keep", "0", "--store", root).code == 2
    (run_folder(root, NIGHTS - 1) / "run.json").write_text("{}")
    with pytest.raises(InputError, match=r"run\.json"):
        prune(store, 1)
    assert len(store.nights()) == NIGHTS


_KILLED = """
import os, pathlib
moves, rename = [], pathlib.Path.rename
def count(self, target):
    if self.name[:3] in ("dt=", "nig"):
        moves.append(self)
        if len(moves) == {number}:
            os._exit(9)
    return rename(self, target)
pathlib.Path.rename = count
"""


@pytest.mark.parametrize("number", [1, 2, 4, 6, 8])
def test_a_killed_pruning_leaves_a_whole_store_and_the_next_finishes(root, tmp_path, number):
    shutil.copytree(root, tmp_path / "other", symlinks=True)
    prune(open_store(tmp_path / "other"), 1)
    done = fork("prune", "--keep", 1, "--store", root, before=_KILLED.format(number=number)).finish()
    assert done.code == 9
    assert problems(root) == []
    assert check_store(open_store(root)).notes
    prune(open_store(root), 1)
    expected = {path.relative_to(tmp_path / "other") for path in (tmp_path / "other").rglob("*")}
    assert {path.relative_to(root) for path in root.rglob("*")} == expected
    assert problems(root) == []
    assert check_store(open_store(root)).notes == ()
