"""Nights in a store: what is published equals a run over the window, and nothing is lost or counted twice."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import clustergraph as cg
from clustergraph.artefacts.schema import ARTEFACTS, NIGHTLY_ARTEFACTS
from clustergraph.errors import GuardrailError, InputError, UsageError
from clustergraph.nights.night import nightly
from clustergraph.simulation.generate import simulate
from tests.commands import call, snapshot
from tests.nights import at, events, make_stores, manifest, run_night, table
from tests.stores import contents, copy

if TYPE_CHECKING:
    from pathlib import Path

NIGHTS = 5


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    simulate(folder, accounts=3_000, nights=NIGHTS, evasion=0.4, seed=11)
    return folder


@pytest.fixture(scope="module")
def stores(world, tmp_path_factory) -> list[Path]:
    """The store after each of the nights; tests read them, and go on in copies."""
    return make_stores(world, tmp_path_factory.mktemp("stores"), NIGHTS)


@pytest.fixture
def store(stores) -> Path:
    """The store of all nights; tests read it."""
    return stores[-1]


def assert_equal_but_for_ids(run: cg.Run, store: Path, number: int) -> None:
    old, new = run.clusters["cluster_id"], table(store, number, "clusters")["cluster_id"]
    ids: dict[str | None, str | None] = dict(zip(old.to_pylist(), new.to_pylist(), strict=True))
    ids[None] = None
    for name in ARTEFACTS:
        one, other = run.tables[name], table(store, number, name)
        for column in one.column_names:
            values = one[column].to_pylist()
            if column == "cluster_id":
                values = [ids[value] for value in values]
            assert values == other[column].to_pylist(), (name, column)


@pytest.mark.parametrize("long", [False, True])
def test_each_sighting_of_a_night_is_in_the_store_once(tmp_path, long):
    """Whether the input has a column for each kind or a row for each sighting."""
    moment = pd.Timestamp(at(0), tz="UTC")
    shared = [(f"a{n}", f"card{n // 4}", f"10.0.{n // 3}.1") for n in range(24)]
    if long:
        kinds = ("payment_fingerprint", "ip")
        found = [(who, kind, value) for who, *both in shared for kind, value in zip(kinds, both, strict=True)]
        rows = pd.DataFrame(found, columns=["account_id", "kind", "value"])
    else:
        rows = pd.DataFrame(shared, columns=["account_id", "payment_fingerprint", "ip"])
    rows["timestamp"] = moment
    rows.to_parquet(tmp_path / "x.parquet")
    config = {"derive": {"ip_prefix": ""}, "guardrails": {"clustered": 1.0, "largest": 1.0}}
    nightly(tmp_path / "x.parquet", store=tmp_path / "store", night=at(0), threads=1, config=config)
    (kept,) = (tmp_path / "store" / "incidence").glob("dt=*/night=*/sightings.parquet")
    names = ["account_id", "kind", "value"]
    in_store = pq.read_table(kept, columns=names, partitioning=None).to_pandas()
    expected = [
        (who, kind, value)
        for who, card, address in shared
        for kind, value in (("payment_fingerprint", card), ("ip", address))
    ]
    assert sorted(in_store.itertuples(index=False, name=None)) == sorted(expected)


@pytest.mark.parametrize("number", [0, 2, NIGHTS - 1])
def test_a_night_equals_a_run_over_its_window(world, store, number):
    inputs = [events(world, n) for n in range(number + 1)]
    run = cg.run(inputs, accounts=world / "accounts.parquet")
    assert run.clusters.num_rows > 5
    assert_equal_but_for_ids(run, store, number)


def test_the_window_is_of_the_last_days_with_data(world, stores, tmp_path):
    store = copy(stores[1], tmp_path)
    run_night(world, store, 3, config={"window": {"nights": 2}})
    run = cg.run([events(world, n) for n in (1, 3)], accounts=world / "accounts.parquet")
    assert_equal_but_for_ids(run, store, 3)
    assert manifest(store, 3)["store"]["window"] == [str(at(1)), str(at(3))]


def test_every_artefact_has_its_columns_and_types(store):
    for number in range(NIGHTS):
        for name, schema in NIGHTLY_ARTEFACTS.items():
            assert table(store, number, name).schema.equals(schema)


def test_a_night_again_gives_the_same_bytes(world, stores, tmp_path):
    before, store = contents(stores[2]), copy(stores[2], tmp_path)
    run_night(world, store, 2, threads=2)
    after = contents(store)
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name] and not name.endswith("run.json")] == []


def test_an_earlier_night_is_refused(world, store):
    before = contents(store)
    with pytest.raises(UsageError, match="--rebuild"):
        run_night(world, store, 1)
    assert contents(store) == before


def test_a_rebuilt_store_is_as_if_the_night_had_been_right_at_once(world, stores, tmp_path):
    wrong = pq.read_table(events(world, 1)).slice(0, 200)
    (tmp_path / "wrong").mkdir()
    pq.write_table(wrong, tmp_path / "wrong" / "x.parquet")
    store = copy(stores[0], tmp_path)
    nightly(tmp_path / "wrong", store=store, night=at(1), accounts=world / "accounts.parquet", threads=1)
    run_night(world, store, 2)
    assert contents(store) != contents(stores[2])
    run_night(world, store, 1, rebuild=True)
    assert contents(store) == contents(stores[2])


# Rows that come late, early, twice or not at all


def write_night(folder: Path, frame: pd.DataFrame) -> Path:
    folder.mkdir(parents=True)
    frame.to_parquet(folder / "x.parquet")
    return folder


def frames(world: Path) -> list[pd.DataFrame]:
    return [pq.read_table(events(world, n), partitioning=None).to_pandas() for n in range(3)]


def test_late_and_early_rows_are_of_their_own_days(world, tmp_path):
    zero, one, two = frames(world)
    late, early = zero.iloc[:500], one.iloc[:300]
    nights = [pd.concat([zero.iloc[500:], early]), one.iloc[300:], pd.concat([late, two])]
    for number, frame in enumerate(nights):
        folder = write_night(tmp_path / str(number), frame)
        nightly(folder, store=tmp_path / "store", night=at(number), threads=1)
    assert_equal_but_for_ids(cg.run([events(world, n) for n in range(3)]), tmp_path / "store", 2)
    assert manifest(tmp_path / "store", 2)["store"]["touched"] == [str(at(0)), str(at(2))]
    first = cg.run([write_night(tmp_path / "first", zero.iloc[500:])])
    assert_equal_but_for_ids(first, tmp_path / "store", 0)


def test_rows_that_are_too_late_or_have_no_time_are_set_aside(world, tmp_path):
    zero, one, _ = frames(world)
    old = zero.iloc[:20].assign(timestamp=zero["timestamp"].iloc[:20] - pd.Timedelta(days=9))
    none = zero.iloc[:10].assign(timestamp=pd.NaT)
    far = zero.iloc[:5].assign(timestamp=zero["timestamp"].iloc[:5] + pd.Timedelta(days=5))
    folder = write_night(tmp_path / "x", pd.concat([one, old, none, far]))
    nightly(folder, store=tmp_path / "store", night=at(1), threads=1)
    rejected = manifest(tmp_path / "store", 1)["store"]["input"]["rejected"]
    assert {reason: found["count"] for reason, found in rejected.items()} == {
        f"timestamp: before {at(-2)}, too late": 20, "timestamp: empty": 10, f"timestamp: after {at(2)}": 5,
    }  # fmt: skip
    assert_equal_but_for_ids(cg.run(events(world, 1)), tmp_path / "store", 1)


def test_an_event_counts_once_on_whichever_nights_it_comes(world, tmp_path):
    named = [
        frame.assign(event_id=[f"e{n}-{i}" for i in range(len(frame))])
        for n, frame in enumerate(frames(world))
    ]
    nights = [
        named[0],
        pd.concat([named[1], named[0].iloc[:400]]),
        pd.concat([named[2], named[2], named[1].tail(9)]),
    ]
    for number, frame in enumerate(nights):
        nightly(
            write_night(tmp_path / str(number), frame), store=tmp_path / "store", night=at(number), threads=1
        )
    assert [manifest(tmp_path / "store", n)["store"]["input"]["duplicates"] for n in range(3)] == [
        0, 400, len(named[2]) + 9,
    ]  # fmt: skip
    assert_equal_but_for_ids(cg.run([events(world, n) for n in range(3)]), tmp_path / "store", 2)


def test_an_empty_night_changes_nothing_but_the_date(world, stores, tmp_path):
    store = copy(stores[1], tmp_path)
    with pytest.raises(UsageError, match="--allow-empty"):
        nightly([], store=store, night=at(2))
    nightly([], store=store, night=at(2), allow_empty=True)
    for name in ARTEFACTS:
        paths = [store / "runs" / f"dt={at(n)}" / f"{name}.parquet" for n in (1, 2)]
        assert paths[0].read_bytes() == paths[1].read_bytes()
    assert set(table(store, 2, "lineage")["event"].to_pylist()) == {"continued"}
    run_night(world, store, 3)
    run = cg.run([events(world, n) for n in (0, 1, 3)], accounts=world / "accounts.parquet")
    assert_equal_but_for_ids(run, store, 3)


def test_rows_that_came_early_are_there_on_a_night_that_brings_none(world, tmp_path):
    zero, one, _ = frames(world)
    folder = write_night(tmp_path / "x", pd.concat([zero, one.iloc[:300]]))
    nightly(folder, store=tmp_path / "store", night=at(0), threads=1)
    nightly([], store=tmp_path / "store", night=at(1), allow_empty=True, threads=1)
    assert_equal_but_for_ids(cg.run(folder), tmp_path / "store", 1)
    assert manifest(tmp_path / "store", 1)["store"]["window"] == [str(at(0)), str(at(1))]


def test_a_rebuild_that_is_refused_leaves_the_store_as_it_was(world, stores, tmp_path):
    before, store = contents(stores[4]), copy(stores[4], tmp_path)
    moved = frames(world)[2].assign(timestamp=frames(world)[2]["timestamp"] + pd.Timedelta(days=1))
    few = write_night(tmp_path / "few", moved.iloc[:100])
    with pytest.raises(GuardrailError, match="'volume'"):
        nightly(few, store=store, night=at(3), rebuild=True)
    assert contents(store) == before


# What nights have that runs have not


def test_volumes_of_the_day_the_week_and_the_lifetime(world, stores, tmp_path):
    store = copy(stores[1], tmp_path)
    for number in (2, 3):
        run_night(world, store, number, config={"window": {"nights": 2}})
    clusters = table(store, 3, "clusters").to_pandas().set_index("cluster_id")
    members = [table(store, n, "members").to_pandas() for n in range(4)]
    everything = pd.concat(
        [pq.read_table(events(world, n), partitioning=None).to_pandas().assign(n=n) for n in range(4)]
    )
    last = pd.concat(members).drop_duplicates("account_id", keep="last").set_index("account_id")["cluster_id"]
    lifetime = everything.groupby(everything["account_id"].map(last))["exchanges"].sum()
    tonight = members[3].set_index("account_id")["cluster_id"]
    recent = everything[everything["n"] == 3]
    day = recent.groupby(recent["account_id"].map(tonight))["exchanges"].sum()
    active = recent.groupby(recent["account_id"].map(tonight))["account_id"].nunique()
    for cluster_id, row in clusters.iterrows():
        assert row["exchanges_lifetime"] == lifetime[cluster_id]
        assert row["exchanges_1d"] == day.get(cluster_id, 0)
        assert row["exchanges_7d"] == row["exchanges"]  # the window has two days
        assert row["accounts_active"] == active.get(cluster_id, 0)
    assert (clusters["exchanges_lifetime"] > clusters["exchanges"]).any()


def test_the_store_is_for_its_owner_and_group(store):
    for path in (store, *store.rglob("*")):
        if not path.is_symlink():
            assert stat.S_IMODE(path.stat().st_mode) & 0o027 == 0, path


def test_latest_leads_to_the_last_night(store):
    assert (store / "runs" / "latest").resolve().parent.name == f"dt={at(NIGHTS - 1)}"
    assert cg.open_run(store / "runs" / "latest").clusters.num_rows > 0


def test_campaigns_keep_their_ids_and_come_back_under_new_accounts(world, store):
    truth = pq.read_table(world / "truth.parquet").to_pandas().set_index("account_id")["group"]
    ids = []
    for number in range(1, NIGHTS):
        members = table(store, number, "members").to_pandas()
        hydra = members[members["account_id"].map(truth) == "campaign-hydra"]
        ids.append(hydra["cluster_id"].mode()[0])
    assert len(set(ids)) == 1
    named = [table(store, n, "regrowth").to_pandas() for n in range(NIGHTS)]
    of = pd.concat(named)
    assert of["account_id"].is_unique
    mine = of[of["cluster_id"] == ids[0]]
    assert len(mine) > 3
    assert (mine["account_id"].map(truth) == "campaign-hydra").mean() >= 0.95


# What stops a night


def test_a_breach_stops_the_night_until_somebody_accepts_it(world, stores, tmp_path):
    before, store = contents(stores[2]), copy(stores[2], tmp_path)
    few = write_night(tmp_path / "few", frames(world)[2].assign(
        timestamp=frames(world)[2]["timestamp"] + pd.Timedelta(days=1)).iloc[:100])  # fmt: skip
    with pytest.raises(GuardrailError, match=r"'volume'.*--accept volume"):
        nightly(few, store=store, night=at(3))
    nightly(few, store=store, night=at(3), accepted={"volume": {"by": "ada", "reason": "an outage"}})
    passed = manifest(store, 3)["input"]["guardrails"]
    assert [(one["name"], one["by"], one["reason"]) for one in passed] == [("volume", "ada", "an outage")]
    after = contents(store)
    assert {name: after[name] for name in before if "latest" not in name and name != "lock"} == {
        name: what for name, what in before.items() if "latest" not in name and name != "lock"
    }


def test_a_folder_with_something_else_is_no_store(world, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    before = snapshot(tmp_path)
    with pytest.raises(InputError, match="something else"):
        run_night(world, tmp_path / "mine", 0)
    assert snapshot(tmp_path) == before


def test_a_store_of_a_later_version_is_left_alone(world, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "store.json").write_text('{"format": 99}')
    with pytest.raises(InputError, match="version 99"):
        run_night(world, tmp_path / "store", 0)


def test_a_store_of_an_earlier_format_is_left_alone_and_says_what_to_do(world, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "store.json").write_text('{"format": 0}')
    before = snapshot(tmp_path)
    with pytest.raises(InputError, match=r"version 0.* name a new folder for --store"):
        run_night(world, tmp_path / "store", 0)
    assert snapshot(tmp_path) == before


def test_the_command(world, tmp_path):
    done = call(
        "nightly", events(world, 0), "--store", tmp_path / "store", "--date", at(0), "--quiet", "--accounts",
        world / "accounts.parquet",
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    assert "clusters" in call("top", tmp_path / "store" / "runs" / "latest").out
    done = call(
        "nightly", events(world, 0), "--store", tmp_path / "store", "--date", at(0), "--accept", "volume"
    )
    assert done.code == 2
    assert "--reason" in done.err


def test_a_campaign_that_the_window_has_forgotten_is_known_when_it_comes_back(tmp_path):
    """Cards and devices of banned accounts come again under new accounts, after the window has moved on."""
    rng = np.random.default_rng(3)

    def rows(day, gang):
        people = [
            {"account_id": f"p{i:04d}", "ip": f"home{i // 2}", "payment_fingerprint": f"card{i}",
             "device_id": f"phone{i}", "prompt_template": f"t{rng.integers(0, 300)}"}
            for i in rng.choice(2_000, 1_200, replace=False)
        ]  # fmt: skip
        gang = [
            {"account_id": name, "ip": f"exit{day}-{i % 3}", "payment_fingerprint": f"stolen{i % 2}",
             "device_id": f"rack{i % 3}", "prompt_template": "extract"}
            for i, name in enumerate(gang)
        ]  # fmt: skip
        noon = pd.Timestamp(at(day)) + pd.Timedelta(hours=12)
        return pd.DataFrame(people + gang).assign(
            timestamp=noon, exchanges=[5] * len(people) + [500] * len(gang)
        )

    old, new = [f"old{i}" for i in range(8)], [f"new{i}" for i in range(6)]
    accounts = pd.DataFrame(
        {"account_id": old, "status": "banned", "banned_at": pd.Timestamp(at(1)) + pd.Timedelta(hours=20)}
    )
    accounts.to_parquet(tmp_path / "accounts.parquet")
    settings = {"window": {"nights": 2}}
    for day, gang in enumerate([old, old, [], [], [], new]):
        nightly(
            write_night(tmp_path / str(day), rows(day, gang)), store=tmp_path / "store", night=at(day),
            accounts=tmp_path / "accounts.parquet", config=settings, threads=1,
        )  # fmt: skip
    assert manifest(tmp_path / "store", 5)["store"]["window"] == [str(at(4)), str(at(5))]
    named = table(tmp_path / "store", 5, "regrowth").to_pandas()
    assert set(named["account_id"]) == set(new)
    members = table(tmp_path / "store", 1, "members").to_pandas().set_index("account_id")["cluster_id"]
    assert set(named["cluster_id"]) == {members["old0"]}
    assert set(named["nights_since_ban"]) == {4}
    assert all(any("stolen" in signal for signal in one) for one in named["evidence"])


def test_a_log_of_json_has_a_line_an_event(world, tmp_path):
    given = ("nightly", events(world, 0), "--store", tmp_path / "store", "--log-format", "json")
    done = call(*given, "--date", at(0))
    lines = [json.loads(line) for line in done.err.splitlines()]
    assert (done.code, done.out) == (0, "")
    assert len({line["run"] for line in lines}) == 1
    assert [line["event"] for line in lines[:3]] == ["began", "read", "ended"]
    assert lines[1]["rows"] == pq.read_metadata(events(world, 0) / "part-0.parquet").num_rows
    assert lines[-1]["event"] == "done"
    assert lines[-1]["clusters"] == table(tmp_path / "store", 0, "clusters").num_rows
    assert all(line["seconds"] >= 0 for line in lines if line["event"] == "ended")
    done = call(*given, "--date", at(-5))
    assert done.code == 2
    assert json.loads(done.err.splitlines()[-1])["event"] == "failed"
