"""Strata of signals by place, against plain Python and through every way of reading them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import clustergraph as cg
from clustergraph.incidence import strata
from tests.commands import call, snapshot
from tests.graphs import (
    LOCAL,
    homes_by_hand,
    link_rows,
    number_places,
    placed_rows,
    strata_by_hand,
)

if TYPE_CHECKING:
    from clustergraph.incidence.links import Incidence

FAMILIES = {"ip": "network", "prompt_template": "content", "device_id": "device"}
LOCAL_KINDS = ("ip", "prompt_template")
_FOUND = """
SELECT k.kind, s.hash, t.place FROM signals s JOIN cells c ON c.cell = s.cell
JOIN strata t ON t.stratum = c.stratum JOIN kinds k ON k.kind_number = s.kind_number
"""


class Found(NamedTuple):
    """What linking gave, by names: the place of each shared signal's stratum, and everybody's slots."""

    places: dict[tuple[str, str], str | None]
    slots: dict[tuple[str, str | None], dict[str, int]]


# Places are looked at in the signals that the tables below have, not in those that are derived from them.
OFF = {"asn": "", "ip_prefix": ""}


def look_up(incidence: Incidence, values, places) -> Found:
    """Give names to what :func:`clustergraph.link` made of numbers."""
    engine = incidence.sightings.engine
    name = {number: place for place, number in number_places(engine, places).items()} | {None: None}
    engine.load("some_values", pa.table({"value": pa.array(sorted(values), pa.string())}))
    hashed = engine.fetch(f"SELECT value, {engine.hash('value')} AS hash FROM some_values").to_pylist()
    value = {row["hash"]: row["value"] for row in hashed}
    found = engine.fetch(_FOUND).to_pylist()
    strata_rows = engine.fetch(
        "SELECT kind, place FROM strata JOIN kinds USING (kind_number) ORDER BY stratum"
    ).to_pylist()
    ids, one = incidence.accounts["account_id"].to_pylist(), incidence.graph.strata
    slots = {}
    for number, row in enumerate(strata_rows):
        part = slice(one.start[number], one.start[number + 1])
        pairs = zip(one.account[part].tolist(), one.slots[part].tolist(), strict=True)
        slots[row["kind"], name[row["place"]]] = {ids[account]: count for account, count in pairs}
    return Found({(row["kind"], value[row["hash"]]): name[row["place"]] for row in found}, slots)


def expect(rows, exchanges, engine, local=LOCAL_KINDS, least=None, hubs=(), hubs_count=False):
    """The same by hand, of rows (account_id, kind, value, place) and (account_id, place, exchanges)."""
    least = strata.LEAST_SLOTS if least is None else least
    number = number_places(engine, {place for _, place, _ in exchanges if place is not None})
    stratum_of = strata_by_hand(rows, homes_by_hand(exchanges, number), local, number, least=least, hubs=hubs)
    held = sorted({row[:3] for row in rows})
    holders = pd.Series([row[1:] for row in held]).value_counts()
    slots = {(kind, None): {} for _, kind, _ in held}
    for account, *signal in held:
        stratum = stratum_of[tuple(signal)]
        if hubs_count or tuple(signal) not in hubs:
            of = slots.setdefault(stratum, {})
            of[account] = of.get(account, 0) + 1
    return Found({s: stratum_of[s][1] for s, count in holders.items() if count > 1}, slots)


def assert_rows_are_in_their_strata(rows, engine, least, hubs=(), weight=0.0):
    options = {"families": LOCAL, "known_hub_weight": weight}
    if hubs:
        kind, value = zip(*hubs, strict=True)
        options["known_hubs"] = pa.table({"kind": kind, "value": value})
    incidence = link_rows(rows, engine, **options)
    places = {place for *_, place in rows if place is not None}
    found = look_up(incidence, {row[2] for row in rows}, places)
    exchanges = [(account, place, 1) for account, _, _, place in rows]
    assert found == expect(rows, exchanges, engine, LOCAL, least, hubs, weight > 0)


@pytest.mark.parametrize("hubs", [(), (("k0", "v0"), ("k0", "0-v1"), ("k1", "v0"), ("k2", "v0"))])
@pytest.mark.parametrize("weight", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_every_signal_is_in_the_stratum_that_plain_python_finds(engine, monkeypatch, seed, hubs, weight):
    monkeypatch.setattr(strata, "LEAST_SLOTS", 25)
    rows = placed_rows(seed, accounts=120, values=30, rows=1_200)
    assert_rows_are_in_their_strata(rows, engine, 25, hubs, weight)


NAMES = st.sampled_from([f"a{i}" for i in range(8)])
VALUES, PLACES = st.sampled_from([f"v{i}" for i in range(6)]), st.sampled_from(["x", "y", "z", None])
ROWS = st.lists(
    st.tuples(NAMES, st.sampled_from(["k0", "k1", "k2"]), VALUES, PLACES), min_size=1, max_size=60
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(rows=ROWS, least=st.integers(1, 6))
def test_any_few_sightings(engine, monkeypatch, rows, least):
    monkeypatch.setattr(strata, "LEAST_SLOTS", least)
    assert_rows_are_in_their_strata(rows, engine, least)


# Stories, one rule each


def places_of(rows, engine, least=1, monkeypatch=None):
    monkeypatch.setattr(strata, "LEAST_SLOTS", least)
    incidence = link_rows(rows, engine, families=LOCAL)
    return look_up(incidence, {row[2] for row in rows}, {p for *_, p in rows if p is not None})


def at_home(place, *accounts):
    return [(account, "k2", f"own {account}", place) for account in accounts for _ in range(3)]


@pytest.mark.parametrize(
    ("homes", "place"),
    [
        ({"x": "ab", "y": "c"}, "x"),
        ({"x": "ab", "y": "cd", "z": "e"}, None),
        ({"x": "ab", "y": "c", "z": "d"}, "x"),  # half of them is enough
        ({"x": "a", None: "bcd", "y": "e"}, None),  # who is at home nowhere counts among the holders
    ],
)
def test_a_signal_of_several_places_is_of_the_place_where_half_its_holders_live(
    engine, monkeypatch, homes, place
):
    rows = [row for at, accounts in homes.items() for row in at_home(at, *accounts)]
    accounts = [account for several in homes.values() for account in several]
    unknown = homes.get(None, "")
    rows += [(a, "k0", "v", None if a in unknown else "y" if i else "x") for i, a in enumerate(accounts)]
    found = places_of(rows, engine, monkeypatch=monkeypatch)
    assert found.places["k0", "v"] == place


def test_a_signal_seen_in_one_place_is_of_it_wherever_its_holders_live(engine, monkeypatch):
    rows = at_home("x", "a", "b", "c")
    rows += [("a", "k0", "v", "y"), ("b", "k0", "v", None), ("c", "k0", "v", None), ("a", "k1", "w", None)]
    rows += [("b", "k1", "w", None), ("a", "k2", "u", "y"), ("b", "k2", "u", "y")]
    found = places_of(rows, engine, monkeypatch=monkeypatch)
    assert found.places == {("k0", "v"): "y", ("k1", "w"): None, ("k2", "u"): None}


def test_a_place_has_strata_from_the_least_number_of_slots_on(engine, monkeypatch):
    # Signals that nobody shares are slots too.
    rows = [("a", "k0", "v", "x"), ("b", "k0", "v", "x"), ("a", "k0", "own", "x"), ("a", "k1", "w", "x")]
    rows += [("b", "k1", "w", "x")]
    assert places_of(rows, engine, 3, monkeypatch).places == {("k0", "v"): "x", ("k1", "w"): None}
    assert places_of(rows, engine, 4, monkeypatch).places == {("k0", "v"): None, ("k1", "w"): None}
    assert strata.LEAST_SLOTS == 4


def test_a_known_hub_makes_no_stratum_of_its_place(engine, monkeypatch):
    monkeypatch.setattr(strata, "LEAST_SLOTS", 3)
    rows = [(account, "k0", "hub", "x") for account in "abcdef"]
    rows += [("a", "k0", "v", "x"), ("b", "k0", "v", "x")]
    hubs = {"known_hubs": pa.table({"kind": ["k0"], "value": ["hub"]}), "known_hub_weight": 0.5}
    found = look_up(link_rows(rows, engine, families=LOCAL, **hubs), {"hub", "v"}, {"x"})
    assert found.places == {("k0", "hub"): None, ("k0", "v"): None}
    rows.append(("c", "k0", "v", "x"))
    found = look_up(link_rows(rows, engine, families=LOCAL, **hubs), {"hub", "v"}, {"x"})
    assert found.places == {("k0", "hub"): "x", ("k0", "v"): "x"}


# Events, by all ways of reading them


def draw_events() -> pd.DataFrame:
    """Draw traffic of four places."""
    rng = np.random.default_rng(5)
    size, accounts = 3_000, 300
    account = rng.integers(0, accounts, size)
    home = rng.integers(0, 4, accounts)
    place = np.where(rng.random(size) < 0.75, home[account], rng.integers(0, 4, size))
    known = rng.random(size) < 0.9

    def draw(name, values, local):
        of_place = rng.random(size) < local
        picked = (values * rng.random(size) ** 2).astype(int)
        return [f"{name}{p if here else ''}-{v}" for p, here, v in zip(place, of_place, picked, strict=True)]

    return pd.DataFrame(
        {
            "account_id": [f"a{n:03d}" for n in account],
            "ip": draw("ip", 90, 0.6),
            "prompt_template": draw("t", 120, 0.3),
            "device_id": draw("d", 400, 0.5),
            "asn": [f"AS {p}" if k else None for p, k in zip(place, known, strict=True)],
            "country": [f"C{p % 2}" if k else None for p, k in zip(place, known, strict=True)],
            "exchanges": rng.integers(1, 9, size),
        }
    )


@pytest.fixture
def events(monkeypatch) -> pd.DataFrame:
    """Traffic in which a hundred sightings make a place."""
    monkeypatch.setattr(strata, "LEAST_SLOTS", 100)
    return draw_events()


def link_file(path, engine, **place):
    incidence = cg.link(cg.read([path], engine=engine, derive=OFF, **({"place": "asn"} | place)))
    values = engine.fetch("SELECT DISTINCT value FROM sightings")["value"].to_pylist()
    places = engine.fetch("SELECT DISTINCT place FROM exchanges WHERE place IS NOT NULL")["place"]
    return look_up(incidence, values, places.to_pylist())


def expect_events(events, engine, column):
    place = [None if pd.isna(p) else p for p in events[column]]
    rows = [
        (account, kind, value, at)
        for kind in FAMILIES
        for account, value, at in zip(events["account_id"], events[kind], place, strict=True)
    ]
    return expect(rows, list(zip(events["account_id"], place, events["exchanges"], strict=True)), engine)


@pytest.mark.parametrize("column", ["asn", "country"])
def test_places_are_those_of_the_column_that_is_named(events, tmp_path, engine, column):
    events.to_parquet(tmp_path / "x.parquet")
    found = link_file(tmp_path / "x.parquet", engine, place=column)
    assert found == expect_events(events, engine, column)
    with_place = [signal for signal, place in found.places.items() if place is not None]
    assert {kind for kind, _ in with_place} == {"ip", "prompt_template"}
    assert any(place is None for (kind, _), place in found.places.items() if kind == "ip")


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_text_tells_the_same_places(events, tmp_path, engine, name):
    if name.endswith("csv"):
        events.to_csv(tmp_path / name, index=False)
    else:
        events.to_json(tmp_path / name, orient="records", lines=True)
    assert link_file(tmp_path / name, engine) == expect_events(events, engine, "asn")


def test_known_hubs_are_in_no_slots(events, tmp_path, engine):
    events.to_parquet(tmp_path / "x.parquet")
    hub = ("ip", events["ip"].mode()[0])
    incidence = cg.link(
        cg.read([tmp_path / "x.parquet"], engine=engine, derive=OFF, place="asn"),
        known_hubs=pa.table({"kind": [hub[0]], "value": [hub[1]]}),
    )
    found = look_up(incidence, set(events["ip"]) | set(events["device_id"]) | set(events["prompt_template"]),
                    {f"AS {i}" for i in range(4)})  # fmt: skip
    without = {key: sum(of.values()) for key, of in found.slots.items()}
    everything = {key: sum(of.values()) for key, of in expect_events(events, engine, "asn").slots.items()}
    holders = events.loc[events["ip"] == hub[1], "account_id"].nunique()
    assert sum(everything.values()) - sum(without.values()) == holders
    assert len(incidence.graph.signal_degree) == incidence.signals.num_rows - 1


def run_tables(path, **options):
    config = {"project": {"tie_bits": 8.0, "member_bits": 0.0, "nulls": 1}, "partition": {"samples": 1}}
    for section, more in options.pop("config", {}).items():
        config.setdefault(section, {}).update(more)
    known = {"read": {"place": "asn"}} if "asn" in ds.dataset(path).schema.names else {}
    config = {**known, **(config or {}), "derive": OFF}
    return cg.run(path, config=config, **options).tables


def same(one, other):
    return all(one[name].equals(other[name]) for name in one)


def run_events(folder, events):
    events.to_parquet(folder / "x.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strata, "LEAST_SLOTS", 100)
        return run_tables(folder / "x.parquet", threads=1)


@pytest.fixture(scope="module")
def placed(tmp_path_factory):
    """The artefacts of the events as they are."""
    return run_events(tmp_path_factory.mktemp("placed"), draw_events())


@pytest.fixture(scope="module")
def placeless(tmp_path_factory):
    """The artefacts of the events without a column that names places."""
    events = draw_events().drop(columns=["asn", "country"])
    return run_events(tmp_path_factory.mktemp("placeless"), events)


def test_order_files_and_threads_change_nothing(events, placed, tmp_path):
    (tmp_path / "parts").mkdir()
    mixed = events.sample(frac=1, random_state=1)
    mixed.iloc[1_000:].to_parquet(tmp_path / "parts" / "a.parquet")
    mixed.iloc[:1_000].to_parquet(tmp_path / "parts" / "b.parquet")
    assert placed["ties"].num_rows > 10
    assert same(placed, run_tables(tmp_path / "parts", threads=2))


def test_without_places_is_as_if_the_column_were_not_there(events, placed, placeless, tmp_path):
    events.to_parquet(tmp_path / "x.parquet")
    off = run_tables(tmp_path / "x.parquet", config={"link": {"by_place": False}})
    assert same(off, placeless)
    assert not same(off, placed)


def test_nulls_in_every_place_are_as_if_the_column_were_not_there(events, placeless, tmp_path):
    events.assign(asn=pd.Series([None] * len(events), dtype="string")).to_parquet(tmp_path / "x.parquet")
    assert same(run_tables(tmp_path / "x.parquet"), placeless)


def test_one_place_is_as_good_as_none(events, placeless, tmp_path):
    """All signals of a kind are in one stratum either way."""
    events.assign(asn="only").to_parquet(tmp_path / "x.parquet")
    assert run_tables(tmp_path / "x.parquet")["ties"].equals(placeless["ties"])


def test_the_configuration_names_the_column(events, placed, tmp_path):
    events.to_parquet(tmp_path / "x.parquet")
    events.drop(columns="asn").rename(columns={"country": "asn"}).to_parquet(tmp_path / "y.parquet")
    named = run_tables(tmp_path / "x.parquet", config={"read": {"place": "country"}})
    assert same(named, run_tables(tmp_path / "y.parquet"))
    assert not same(named, placed)


def test_a_place_column_that_is_not_there_is_an_error_that_names_it(events, tmp_path):
    events.to_parquet(tmp_path / "x.parquet")
    (tmp_path / "c.toml").write_text('[read]\nplace = "borough"\n')
    before = snapshot(tmp_path)
    done = call("run", tmp_path / "x.parquet", "--out", tmp_path / "out", "--config", tmp_path / "c.toml")
    assert done.code == 3
    assert "'borough'" in done.err
    assert "[read] place" in done.err
    assert snapshot(tmp_path) == before


def test_a_place_can_be_a_signal_as_well(events, tmp_path, engine):
    events.to_parquet(tmp_path / "x.parquet")
    signals = {"ip": "ip", "asn": "asn"}
    incidence = cg.link(
        cg.read([tmp_path / "x.parquet"], engine=engine, signals=signals, derive=OFF, place="asn")
    )
    assert sorted(incidence.to_pandas()["kind"].unique()) == ["asn", "ip"]
    kinds = engine.fetch("SELECT kind, count(place) AS places FROM strata JOIN kinds USING (kind_number)"
                         " GROUP BY kind ORDER BY kind")  # fmt: skip
    # It is of the network, so that each place is the whole of its own stratum, where chance gives it to all.
    assert kinds.to_pylist() == [{"kind": "asn", "places": 4}, {"kind": "ip", "places": 4}]


def test_a_place_of_files_that_differ_in_columns_is_unknown_where_it_is_missing(events, tmp_path, engine):
    events.iloc[:2_000].to_parquet(tmp_path / "x.parquet")
    events.iloc[2_000:].drop(columns="asn").to_parquet(tmp_path / "y.parquet")
    together = events.assign(asn=[*events["asn"].iloc[:2_000], *[None] * 1_000])
    assert link_file(tmp_path, engine) == expect_events(together, engine, "asn")


def test_a_place_is_text(events, tmp_path):
    numbers = events["asn"].str[3:].fillna("9").astype(int)
    table = pa.Table.from_pandas(events.drop(columns="asn"), preserve_index=False)
    pq.write_table(table.append_column("asn", pa.array(numbers)), tmp_path / "x.parquet")
    done = call("run", tmp_path / "x.parquet", "--out", tmp_path / "out")
    assert done.code == 3
    assert "asn" in done.err
