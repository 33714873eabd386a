"""Decisions on the clusters of a store: what the next nights make of them, and what they leave alone."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import clustergraph as cg
from clustergraph.artefacts.schema import DECISION_LOG, NIGHTLY_ARTEFACTS
from clustergraph.decisions.log import Entry, find_log, read_log
from clustergraph.errors import GuardrailError, InputError, UsageError
from clustergraph.nights.night import nightly
from clustergraph.simulation.generate import simulate
from clustergraph.store.store import hold, open_store
from clustergraph.upkeep.checking import check_store
from clustergraph.upkeep.pruning import prune
from tests.commands import call, snapshot
from tests.nights import at, manifest, run_folder, run_night, table
from tests.stores import check_consistent, contents

if TYPE_CHECKING:
    from pathlib import Path

LAST = 3  # the night that is decided on


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    simulate(folder, accounts=3_000, nights=LAST + 2, evasion=0.4, seed=11)
    return folder


@pytest.fixture(scope="module")
def base(world, tmp_path_factory) -> Path:
    """A store on which nothing is decided yet; tests read it."""
    store = tmp_path_factory.mktemp("stores") / "store"
    for number in range(LAST + 1):
        run_night(world, store, number)
    return store


@pytest.fixture(scope="module")
def undecided(world, base, tmp_path_factory) -> Path:
    """The same with one night more; tests read it."""
    store = copy(base, tmp_path_factory.mktemp("undecided"))
    run_night(world, store, LAST + 1)
    return store


@pytest.fixture(scope="module")
def after(world, base, tmp_path_factory) -> Path:
    """A store in which a night follows decisions; tests read it."""
    store = copy(base, tmp_path_factory.mktemp("after"))
    decide_all(store)
    run_night(world, store, LAST + 1)
    return store


@pytest.fixture
def store(base, tmp_path) -> Path:
    """A copy, to decide on."""
    return copy(base, tmp_path)


def copy(store: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return shutil.copytree(store, folder / "store", symlinks=True)


def ids(store: Path, number: int = LAST) -> list[str]:
    return table(store, number, "clusters")["cluster_id"].to_pylist()


def decide(store: Path, cluster: str, word: str) -> Entry:
    return cg.decide(store, cluster, word, by="ada", reason=f"{word} because")


def chosen(store: Path) -> dict[str, str]:
    """The first cluster is confirmed; the second, and two that are explained, are cleared; one is watched."""
    clusters = ids(store)
    words = ("confirmed", "cleared", "watch")
    return dict(zip(clusters, words, strict=False)) | dict.fromkeys(clusters[-6:-4], "cleared")


def decide_all(store: Path) -> dict[str, str]:
    words = chosen(store)
    for cluster, word in words.items():
        decide(store, cluster, word)
    return words


def artefacts(store: Path, number: int) -> dict[str, bytes]:
    return {name: (run_folder(store, number) / f"{name}.parquet").read_bytes() for name in NIGHTLY_ARTEFACTS}


def problems(store: Path) -> list[str]:
    return [str(one) for one in check_store(open_store(store)).problems]


# The next night


def test_what_is_cleared_ranks_behind_and_the_rest_is_as_it_was(base, undecided, after):
    words, number = chosen(base), LAST + 1
    there = {one: word for one, word in words.items() if one in ids(after, number)}
    assert set(there.values()) == {"confirmed", "cleared", "watch"}
    clusters, plain = (table(one, number, "clusters") for one in (after, undecided))
    assert clusters["rank"].to_pylist() == list(range(1, clusters.num_rows + 1))
    decided = dict(zip(*(clusters[name].to_pylist() for name in ("cluster_id", "decision")), strict=True))
    assert {one: word for one, word in decided.items() if word} == there
    assert plain["decision"].null_count == plain.num_rows
    cleared = [one for one in plain["cluster_id"].to_pylist() if there.get(one) == "cleared"]
    assert len(cleared) > 1
    assert ids(after, number) == [one for one in ids(undecided, number) if one not in cleared] + cleared
    for name in ("clusters", "members", "evidence", "links", "activity", "ties", "lineage"):
        one, other = (
            table(each, number, name).to_pandas().drop(columns=["rank", "decision"], errors="ignore")
            for each in (after, undecided)
        )
        if "cluster_id" in one:
            one, other = (
                each.sort_values("cluster_id", kind="stable", ignore_index=True) for each in (one, other)
            )
        pd.testing.assert_frame_equal(one, other)


def test_decisions_are_told_with_the_clusters_they_are_on(base, after):
    found = table(after, LAST + 1, "decisions")
    words = {one: word for one, word in chosen(base).items() if one in ids(after, LAST + 1)}
    of = dict(zip(found["cluster_id"].to_pylist(), found["decision"].to_pylist(), strict=True))
    assert of == words
    assert found["decided_id"].to_pylist() == found["cluster_id"].to_pylist()
    assert set(found["night"].to_pylist()) == {str(at(LAST))}
    assert set(found["decided_by"].to_pylist()) == {"ada"}
    assert found["reason"].to_pylist() == [f"{word} because" for word in found["decision"].to_pylist()]
    order = ids(after, LAST + 1)
    assert found["cluster_id"].to_pylist() == sorted(of, key=order.index)
    assert table(after, LAST, "decisions").num_rows == 0
    said = manifest(after, LAST + 1)["store"]["decisions"]
    assert said["entries"] == len(chosen(base))
    assert manifest(after, LAST)["store"]["decisions"]["entries"] == 0


def test_the_decisions_of_a_run_are_there_in_python(after):
    run = cg.open_run(run_folder(after, LAST + 1))
    assert run.decisions.equals(table(after, LAST + 1, "decisions"))
    assert run.cluster(ids(after, LAST + 1)[0]).table("decisions").num_rows == 1
    assert run.decisions.num_rows > 2


def test_a_night_again_and_a_rebuild_give_the_same_bytes(world, after, tmp_path):
    """The night that was decided on does not know of it, however often it is published."""
    store = copy(after, tmp_path)
    decide(store, ids(store, LAST + 1)[0], "cleared")  # counts from the night after
    before = contents(store)
    run_night(world, store, LAST + 1, threads=2)
    again = contents(store)
    assert [name for name in before if again[name] != before[name] and not name.endswith("run.json")] == []
    run_night(world, store, LAST + 1)
    run_night(world, store, LAST, rebuild=True)
    assert contents(store) == before
    assert problems(store) == []


def test_what_is_taken_back_leaves_no_trace(world, store, undecided):
    words = decide_all(store)
    first = next(iter(words))
    decide(store, first, "watch")
    for cluster in (*words, first):
        decide(store, cluster, "undo")
    run_night(world, store, LAST + 1)
    assert artefacts(store, LAST + 1) == artefacts(undecided, LAST + 1)


def test_a_decision_is_news_to_a_night_without_rows(store):
    cleared = ids(store)[1]
    decide(store, cleared, "cleared")
    for number in (LAST + 1, LAST + 2):
        nightly([], store=store, night=at(number), allow_empty=True, threads=1)
    assert ids(store, LAST + 1)[-1] == cleared
    one, other = (artefacts(store, number) for number in (LAST + 1, LAST + 2))
    assert [name for name in one if one[name] != other[name]] in ([], ["lineage"])
    decide(store, cleared, "undo")
    nightly([], store=store, night=at(LAST + 3), allow_empty=True, threads=1)
    assert ids(store, LAST + 3) == ids(store)


def test_what_a_decision_was_made_on_outlasts_its_night(world, store, after):
    decide_all(store)
    prune(open_store(store), 1)
    run_night(world, store, LAST + 1)
    one, other = (artefacts(each, LAST + 1) for each in (store, after))
    assert [name for name in one if one[name] != other[name]] == [
        "decisions"
    ]  # they were made at other times
    prune(open_store(store), 1)
    assert problems(store) == []
    copies = {one.copy for one in read_log(open_store(store)).entries}
    assert {
        str(path.relative_to(store)) for path in (store / "decisions").iterdir() if path.is_dir()
    } == copies


def test_a_clearance_that_does_not_hold_is_told_with_what_changed(world, store):
    cleared = ids(store)[0]
    decide(store, cleared, "cleared")
    strict = {"decisions": {"growth": 0.01}}
    run_night(world, store, LAST + 1, config=strict)
    row = table(store, LAST + 1, "decisions").to_pylist()[0]
    assert (row["cluster_id"], row["holds"]) == (cleared, False)
    assert row["note"].endswith("bound 0.01 times")
    assert ids(store, LAST + 1)[0] == cleared
    said = call("top", run_folder(store, LAST + 1)).out.replace("\n", " ")
    assert f"#1: cleared on {at(LAST)} by ada, which does not hold any more: " in said


# Regrowth


GANG = [["old0", "old1", "old2", "old3", "old4", "old5", "old6", "old7"]] * 2
GANG += [[], ["new0", "new1", "new2", "new3", "new4", "new5"]]


def gang_night(folder: Path, day: int) -> None:
    """Run a night with people, and a gang that is away for a night and comes back under new accounts.

    Nobody is banned, and the window has one night.
    """
    rng = np.random.default_rng(day)
    people = pd.DataFrame([
        {"account_id": f"p{i:04d}", "ip": f"home{i // 2}", "payment_fingerprint": f"card{i}",
         "device_id": f"phone{i}", "prompt_template": f"t{rng.integers(0, 300)}", "exchanges": 5}
        for i in rng.choice(2_000, 1_200, replace=False)
    ])  # fmt: skip
    ring = pd.DataFrame([
        {"account_id": name, "ip": f"exit{day}-{i % 3}", "payment_fingerprint": "stolen",
         "device_id": f"rack{i % 3}", "prompt_template": "extract", "exchanges": 500}
        for i, name in enumerate(GANG[day])
    ])  # fmt: skip
    rows = pd.concat([people, ring]).assign(timestamp=pd.Timestamp(at(day)) + pd.Timedelta(hours=12))
    rows.to_parquet(folder / f"{day}.parquet")
    settings = {"window": {"nights": 1}}
    accounts = folder / "accounts.parquet"
    nightly(
        folder / f"{day}.parquet", store=folder / "store", night=at(day), config=settings, threads=1,
        accounts=accounts if accounts.exists() else None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def gang(tmp_path_factory) -> Path:
    """A store that has seen the gang on two nights; tests read it."""
    folder = tmp_path_factory.mktemp("gang")
    for day in range(2):
        gang_night(folder, day)
    return folder / "store"


def name_gang(store: Path) -> str:
    members = table(store, 1, "members")
    return members.filter(pc.equal(members["account_id"], "old0"))["cluster_id"][0].as_py()


def come_back(gang: Path, folder: Path, decisions: dict[int, str], banned: int = 0) -> pd.DataFrame:
    """Go on with the gang, decide on it after some nights, and tell who is named on the last one.

    Some of its members may have been banned on night 1.
    """
    store = copy(gang, folder)
    if banned:
        bans = {"status": "banned", "banned_at": pd.Timestamp(at(1))}
        pd.DataFrame({"account_id": GANG[0][:banned]}).assign(**bans).to_parquet(folder / "accounts.parquet")
        gang_night(folder, 1)
    for day in (1, 2, 3):
        if day > 1:
            gang_night(folder, day)
        if day in decisions:
            decide(store, name_gang(store), decisions[day])
    return table(store, 3, "regrowth").to_pandas()


@pytest.mark.parametrize("day", [1, 2])
def test_a_confirmed_cluster_is_known_when_it_comes_back(gang, tmp_path, day):
    """Whether it is confirmed while it is there, or when it has left the window."""
    named = come_back(gang, tmp_path, {day: "confirmed"})
    assert set(named["account_id"]) == set(GANG[3])
    assert named["nights_since_ban"].isna().all()
    assert set(named["cluster_id"]) == {name_gang(gang)}
    assert all(any("stolen" in signal for signal in one) for one in named["evidence"])
    entry = read_log(open_store(tmp_path / "store")).entries[0]
    assert (entry.night, entry.found_on, entry.accounts) == (str(at(day)), str(at(1)), 8)


@pytest.mark.parametrize("decisions", [{}, {1: "cleared"}, {1: "confirmed", 2: "undo"}])
def test_only_what_is_confirmed_and_not_taken_back_is_remembered(gang, tmp_path, decisions):
    assert len(come_back(gang, tmp_path, decisions)) == 0


def test_a_cluster_that_was_cleared_is_not_remembered_for_a_few_bans(gang, tmp_path):
    """As one that legitimate sharing explains; half of it would be enough."""
    named = [
        len(come_back(gang, tmp_path / f"{banned}{word}", {1: word}, banned)) > 0
        for banned, word in ((2, "watch"), (2, "cleared"), (4, "cleared"))
    ]
    assert named == [True, False, True]


# Who is meant, and what is refused


def test_a_cluster_whose_run_was_pruned_has_its_members_alone(gang, tmp_path):
    store = copy(gang, tmp_path)
    gang_night(tmp_path, 2)
    prune(open_store(store), 1)
    entry = decide(store, name_gang(gang)[:12], "cleared")
    assert (entry.cluster_id, entry.accounts, entry.found_on) == (name_gang(gang), 8, str(at(1)))
    assert set(pq.read_table(store / entry.copy / "members.parquet")["account_id"].to_pylist()) == set(
        GANG[0]
    )
    assert pq.read_table(store / entry.copy / "evidence.parquet").num_rows == 0


def test_what_cannot_be_decided_changes_nothing(store, tmp_path):
    cluster = ids(store)[0]
    before = snapshot(store)
    for arguments, words in (
        ((cluster, "cleard"), "did you mean 'cleared'"),
        (("c", "cleared"), "clusters have ids that begin with 'c'"),
        (("nobody", "cleared"), "neither the last night nor its ledger has a cluster 'nobody'"),
        ((cluster, "undo"), "no decision is on a cluster"),
    ):
        with pytest.raises(UsageError, match=words):
            decide(store, *arguments)
    for by, reason in ((" ", "why"), ("ada", ""), ("ada", "\udc80")):
        with pytest.raises(UsageError):
            cg.decide(store, cluster, "cleared", by=by, reason=reason)
    opened = open_store(store)
    with hold(opened), pytest.raises(GuardrailError, match="is at work"):
        decide(store, cluster, "cleared")
    opened.mark_rebuild(at(2))
    with pytest.raises(GuardrailError, match="the rebuild from 2026-02-04 is not finished"):
        decide(store, cluster, "cleared")
    opened.mark_rebuild(None)
    after = snapshot(store)
    assert {name: after[name] for name in after if name not in ("lock", "store.json")} == {
        name: before[name] for name in before if name not in ("lock", "store.json")
    }
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "store.json").write_text('{"format": 1}')
    with pytest.raises(UsageError, match="no night is published yet"):
        decide(tmp_path / "new", cluster, "cleared")


def test_what_was_taken_back_cannot_be_taken_back_again(store):
    cluster = ids(store)[0]
    decide(store, cluster, "watch")
    assert decide(store, cluster[:10], "undo").undoes == 1
    with pytest.raises(UsageError, match="taken back already"):
        decide(store, cluster, "undo")


# What is wrong with a store


def lose_the_last_line(store: Path) -> None:
    lines = find_log(open_store(store)).read_bytes().splitlines(keepends=True)
    find_log(open_store(store)).write_bytes(b"".join(lines[:-1]))


def change_a_word(store: Path) -> None:
    path = find_log(open_store(store))
    path.write_bytes(path.read_bytes().replace(b"watch because", b"watch becauze"))


def first_copy(store: Path) -> Path:
    return store / str(read_log(open_store(store)).entries[0].copy)


@pytest.mark.parametrize(("harm", "words"), [
    (lose_the_last_line, "decisions/log.jsonl: has 4 entries from before 2026-02-06, but not the 5"),
    (lambda store: find_log(open_store(store)).unlink(), "decisions/log.jsonl: has 0 entries"),
    (change_a_word, "decisions/log.jsonl: line 3 is damaged"),
    (lambda store: (first_copy(store) / "links.parquet").unlink(), "has no links.parquet"),
    (lambda store: (first_copy(store) / "links.parquet").write_bytes(b"else"),
     "has files of another content"),
    (lambda store: find_log(open_store(store)).chmod(0o644), "decisions/log.jsonl: has mode 644"),
])  # fmt: skip
def test_what_is_broken_is_named_and_nothing_goes_on_with_it(world, after, tmp_path, harm, words):
    store = copy(after, tmp_path)
    assert problems(store) == []
    harm(store)
    done = call("check", "--store", store)
    assert done.code == 3
    assert [line for line in done.out.splitlines() if words in line], done.out
    if "mode" not in words:
        before = snapshot(store / "runs")
        with pytest.raises(InputError, match="decisions/"):
            run_night(world, store, LAST + 1)
        assert snapshot(store / "runs") == before


def test_what_a_killed_process_left_is_no_problem_and_goes(store):
    cluster = ids(store)[0]
    decide(store, cluster, "watch")
    log = find_log(open_store(store))
    log.write_bytes(log.read_bytes() + b'{"number":2,"dec')
    left = store / "decisions" / "night=2026-02-05-0123456789abcdef"
    left.mkdir(0o750)
    (store / "decisions" / ".tmp123").mkdir(0o700)
    found = check_store(open_store(store))
    assert found.problems == ()
    assert len(found.notes) == 3
    decide(store, cluster, "undo")
    assert check_store(open_store(store)).notes == ()
    check_consistent(store)


def test_nights_that_knew_no_decisions_are_read(world, store):
    """As an earlier version wrote them."""
    for number in range(LAST + 1):
        folder = run_folder(store, number)
        (folder / "decisions.parquet").unlink()
        clusters = table(store, number, "clusters").drop_columns(["decision"])
        pq.write_table(clusters, folder / "clusters.parquet")
        document = json.loads((folder / "run.json").read_text())
        del document["store"]["decisions"], document["artefacts"]["decisions.parquet"]
        (folder / "run.json").write_text(json.dumps(document))
    cluster = ids(store)[0]
    assert call("history", cluster, "--store", store).code == 0
    assert call("diff", at(0), "latest", "--store", store).code == 0
    assert cg.open_run(run_folder(store, LAST)).decisions.num_rows == 0
    decide(store, cluster, "cleared")
    nightly([], store=store, night=at(LAST + 1), allow_empty=True, threads=1)
    assert table(store, LAST + 1, "clusters")["decision"].to_pylist()[-1] == "cleared"


# The commands


def test_the_commands(store, tmp_path):
    one, other = ids(store)[:2]
    given = ("--store", store, "--by", "ada", "--reason", "\x1b[2J=HYPERLINK(1)")
    done = call("decide", one[:9], "confirmed", *given)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"1: {one} (")
    assert "counts from the next night on" in done.out
    document = json.loads(call("decide", other, "cleared", *given, "--json").out)["entry"]
    assert (document["number"], document["cluster_id"], document["night"]) == (2, other, str(at(LAST)))
    out = tmp_path / "all.parquet"
    done = call("decide", one, "undo", *given, "--decisions", out)
    assert done.out == f"3: {one}: decision 1 is taken back, by ada\n"
    exported = pq.read_table(out)
    assert exported.schema.equals(DECISION_LOG, check_metadata=True)
    assert exported.equals(cg.list_decisions(store))
    assert exported["in_force"].to_pylist() == [False, True, False]
    assert exported["undoes"].to_pylist() == [None, None, 1]
    assert out.stat().st_mode & 0o777 == 0o640
    for command in (("decide", "--decisions"), ("decisions", "--out")):
        again = tmp_path / f"{command[0]}.parquet"
        assert call(command[0], "--store", store, command[1], again).code == 0
        assert again.read_bytes() == out.read_bytes()
    listed = call("decisions", "--store", store)
    assert [line.split()[0] for line in listed.out.splitlines()[2:]] == ["1", "2", "3"]
    assert "\x1b" not in listed.out
    document = json.loads(call("decisions", "--store", store, "--reliability", "--json").out)
    assert [one["decision"] for one in document["decisions"]] == ["confirmed", "cleared", "undo"]
    assert {one["cleared_clusters"] for one in document["reliability"]} == {1}
    told = call("history", one, "--store", store)
    assert "confirmed (1), by ada: \\x1b[2J=HYPERLINK(1)" in told.out
    assert len(json.loads(call("history", one, "--store", store, "--json").out)["decisions"]) == 2
    assert call("decisions", "--store", store, "--out", tmp_path / "no" / "x.parquet").code == 3


@pytest.mark.parametrize("arguments", [
    (), ("c1",), ("c1", "cleared"), ("c1", "cleared", "--by", "ada"), ("c1", "cleared", "--reason", "why"),
    ("c1", "cleared", "--by", "", "--reason", "why"), ("c1", "maybe", "--by", "ada", "--reason", "why"),
])  # fmt: skip
def test_a_command_that_lacks_something_is_told(store, arguments):
    done = call("decide", *arguments, "--store", store)
    assert done.code == 2
    assert "Traceback" not in done.err
    assert not (store / "decisions").exists()


def test_top_history_and_diff_show_decisions(base, after):
    words = chosen(base)
    ranked = call("top", run_folder(after, LAST + 1), "-n", 100).out
    assert "decision" in ranked.splitlines()[0]
    first = next(iter(words))
    assert "confirmed" in call("history", first, "--store", after).out.splitlines()[-3]
    rows = json.loads(call("diff", at(LAST), "latest", "--store", after, "--json").out)["changes"]
    decided = {row["cluster_id"]: row["decision_after"] for row in rows if row["decision_after"]}
    assert decided.items() <= words.items()
    assert all(row["decision_before"] is None for row in rows)
