"""Kinds with a window of co-occurrence against brute force, on real data, and through runs and nights."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import clustergraph as cg
from clustergraph.clusters.attribution import attribute
from clustergraph.decisions.bounds import Bounds, find_changes
from clustergraph.engines.duckdb import DuckDBEngine
from clustergraph.errors import UsageError
from clustergraph.incidence.uses import count_meetings
from clustergraph.investigation.excerpt import take_excerpt
from clustergraph.investigation.world import open_world
from clustergraph.nights.memory import remembering
from clustergraph.nights.night import nightly
from clustergraph.projection.nulls import shuffle
from clustergraph.projection.prefix_join import PrefixIndex, verify_pairs
from tests.commands import call
from tests.nights import at
from tests.test_nightly import assert_equal_but_for_ids
from tests.timed_rows import START, brute_force, count_by_hand, link_timed, timed_table

COORTWEET = Path(__file__).parents[2] / "shared" / "data" / "coortweet"
WINDOWS = {"ip": 10.0, "card": 0.5}
ROWS = st.lists(
    st.tuples(
        st.sampled_from([f"a{i}" for i in range(8)]),
        st.sampled_from(["ip", "card", "plain"]),
        st.sampled_from(["v0", "v1", "v2"]),
        st.one_of(st.integers(0, 60), st.sampled_from([0.25, 0.75, 1.25, None])),
    ),
    min_size=1,
    max_size=60,
)
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def linker(tmp_path_factory):
    with DuckDBEngine(tmp_path_factory.mktemp("engine"), threads=1) as engine:
        yield engine


def draw_rows(seed: int, accounts: int = 60, values: int = 30, rows: int = 1_200, span: int = 400):
    """Draw uses of a kind with a window and of a plain one, some of them popular."""
    rng = np.random.default_rng(seed)
    return [
        (f"a{a:02d}", ("ip", "plain")[k], f"v{v}", int(t))
        for a, k, v, t in zip(
            rng.integers(0, accounts, rows), rng.integers(0, 2, rows),
            (values * rng.random(rows) ** 2).astype(int), rng.integers(0, span, rows), strict=True,
        )
    ]  # fmt: skip


# Pairs, bits and counts


@QUICK
@given(rows=ROWS, min_bits=st.floats(0.3, 8))
def test_ties_and_counts_equal_brute_force(linker, rows, min_bits):
    rows = [*rows, ("a0", "ip", "v9", 0)]
    incidence = link_timed(rows, linker, WINDOWS)
    ids, bits, shared = brute_force(rows, WINDOWS)
    assert incidence.accounts["account_id"].to_pylist() == ids
    found = PrefixIndex(incidence.graph, min_bits).join(threads=1)
    source, target = np.nonzero(np.triu(bits >= min_bits, 1))
    assert (found.source.tolist(), found.target.tolist()) == (source.tolist(), target.tolist())
    np.testing.assert_allclose(found.bits, bits[source, target], atol=1e-6)
    assert found.shared.tolist() == shared[source, target].astype(int).tolist()
    together = cg.count_together(incidence, "ip")
    columns = (together[name].to_pylist() for name in ("source", "target", "signals", "uses"))
    assert list(zip(*columns, strict=True)) == count_by_hand(rows, "ip", WINDOWS["ip"])


@pytest.mark.parametrize("min_bits", [0.5, 8.0])
def test_no_tie_is_lost_to_pruning(linker, min_bits):
    rows = draw_rows(1)
    graph = link_timed(rows, linker, WINDOWS).graph
    source, target = (
        np.array(end, np.int32) for end in zip(*combinations(range(graph.accounts), 2), strict=True)
    )
    every = verify_pairs(graph, source, target)
    _, bits, shared = brute_force(rows, WINDOWS)
    np.testing.assert_allclose(every.bits, bits[source, target], atol=1e-6)
    assert every.shared.tolist() == shared[source, target].astype(int).tolist()
    kept = every.take(np.flatnonzero(every.bits >= min_bits))
    found = PrefixIndex(graph, min_bits).join(threads=2)
    assert found.source.tolist() == kept.source.tolist()
    assert found.bits.tolist() == kept.bits.tolist()
    labels = np.zeros(graph.accounts, np.int32)
    assert attribute(graph, found, labels).bits.sum() == pytest.approx(found.bits.sum())


def test_the_end_of_a_window_is_in_it(linker):
    rows = [("a", "ip", "v", 0), ("b", "ip", "v", 10), ("c", "ip", "v", 20.000001)]
    incidence = link_timed(rows, linker, WINDOWS)
    found = cg.count_together(incidence, "ip")
    linked = verify_pairs(incidence.graph, np.array([0, 1], np.int32), np.array([1, 2], np.int32))
    assert linked.shared.tolist() == [1, 0]
    assert found.to_pylist() == [{"source": "a", "target": "b", "signals": 1, "uses": 1}]


def test_those_of_a_chain_share_with_their_neighbours_alone(linker):
    rows = [(f"a{i}", "ip", "v", 8 * i) for i in range(5)]
    graph = link_timed(rows, linker, WINDOWS).graph
    assert graph.signal_degree.tolist() == [5]  # one episode
    found = verify_pairs(graph, np.array([0, 0, 1], np.int32), np.array([1, 2, 2], np.int32))
    assert found.shared.tolist() == [1, 0, 1]
    assert graph.cells.rate.tolist() == [2 * 4 / 5**2]


def test_a_window_beyond_all_times_changes_no_evidence(linker):
    rows = draw_rows(2)
    plain, wide = (link_timed(rows, linker, windows).graph for windows in (None, {"ip": 1e6, "x": 1.0}))
    for name in ("signal_cell", "signal_degree"):
        assert getattr(plain, name).tolist() == getattr(wide, name).tolist()
    one, other = (PrefixIndex(graph, 1.0).join(threads=1) for graph in (plain, wide))
    for name in ("source", "target", "bits", "shared", "families"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist()
    assert not len(plain.place)


def test_the_order_of_rows_does_not_matter(linker):
    rows = [*draw_rows(3), ("a00", "ip", "v1", None)]
    mixed = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    one, other = (link_timed(some, linker, WINDOWS).graph for some in (rows, mixed))
    for name in one.arrays._fields:
        assert getattr(one.arrays, name).tobytes() == getattr(other.arrays, name).tobytes()


# What chance gives


def test_meetings_are_never_too_few_and_exact_where_uses_are_few():
    rng = np.random.default_rng(4)
    for uses, span in ((30, 100), (400, 200), (2_000, 10_000), (2_000, 100)):
        drawn = np.unique(rng.integers(0, [40, span], (uses, 2)), axis=0)
        drawn = drawn[rng.permutation(len(drawn))]
        account, time = drawn[:, 0].astype(np.int32), drawn[:, 1]
        near = np.abs(time[:, None] - time[None, :]) <= 5
        pairs = len(np.unique((account[:, None] * 40 + account)[near & (account[:, None] != account)]))
        (found,) = count_meetings(np.zeros(len(time), np.int64), account, time, np.array([5]))
        holders = len(np.unique(account))
        assert pairs <= found <= holders * (holders - 1)
        if near.sum() <= 64 * len(time):
            assert found == pairs
    assert found == holders * (holders - 1)


def test_times_stay_with_the_slots_of_a_shuffled_copy(linker):
    graph = link_timed(draw_rows(5, accounts=200), linker, WINDOWS).graph
    slot_signal = np.repeat(np.arange(len(graph.signal_degree)), graph.signal_degree)
    for seed in range(5):
        copy = shuffle(graph, seed=seed)
        assert copy.uses is graph.uses
        assert np.sort(copy.place).tolist() == list(range(len(copy.indices)))
        assert (slot_signal[copy.place] == copy.indices).all()
        assert copy.place.tolist() != graph.place.tolist()


def test_copies_share_as_much_as_chance_is_said_to_give(linker):
    rng = np.random.default_rng(6)
    rows = [(f"a{a:03d}", "ip", f"v{v}", int(t)) for a, v, t in rng.integers(0, [300, 40, 2_000], (3_000, 3))]
    graph = link_timed(rows, linker, WINDOWS).graph
    slots = np.zeros(graph.accounts)
    slots[graph.strata.account] = graph.strata.slots
    expected = graph.cells.rate.sum() * (slots.sum() ** 2 - (slots**2).sum()) / 2
    source, target = (
        np.array(end, np.int32) for end in zip(*combinations(range(graph.accounts), 2), strict=True)
    )
    shared = [verify_pairs(shuffle(graph, seed=seed), source, target).shared.sum() for seed in range(8)]
    assert np.mean(shared) == pytest.approx(expected, rel=0.03)
    held = (graph.signal_degree.astype(float) * (graph.signal_degree - 1)).sum()
    assert held > 1.2 * graph.cells.rate.sum() * slots.sum() ** 2  # so the window is part of it


# Hubs, volumes and mistakes


def test_all_episodes_of_a_hub_are_hubs(linker):
    rows = [(f"a{i}", "ip", value, t) for i in range(4) for value in ("hub", "v") for t in (0, 100)]
    hubs = pa.table({"value": ["hub"]})
    incidence = link_timed(rows, linker, WINDOWS, known_hubs=hubs)
    assert incidence.signals["hub"].to_pylist() == [False, False, True, True]
    assert len(incidence.graph.signal_degree) == 2


def test_uses_without_a_time_count_but_link_nobody(linker):
    rows = [(f"a{i}", "ip", "v", None) for i in range(3)] + [("a0", "ip", "v", 5), ("a1", "ip", "v", 6)]
    incidence = link_timed(rows, linker, WINDOWS)
    assert incidence.accounts["exchanges"].to_pylist() == [2, 2, 1]
    assert np.diff(incidence.graph.indptr).tolist() == [1, 1, 0]


@pytest.mark.parametrize("seconds", [-1.0, 1e12, float("nan"), float("inf")])
def test_a_window_that_is_none_is_refused(linker, seconds):
    with pytest.raises(UsageError, match=r"\[link\] windows: ip must be from 0 seconds to 100 years"):
        link_timed(draw_rows(0), linker, {"ip": seconds})


def test_only_kinds_with_a_window_are_counted_together(linker):
    for windows in (None, WINDOWS):
        with pytest.raises(UsageError, match="'plain' was not seen, or has no window"):
            cg.count_together(link_timed(draw_rows(0), linker, windows), "plain")


# Real data


def test_real_shares_are_linked_as_published(tmp_path):
    if not COORTWEET.is_dir():
        pytest.skip("../shared/data/coortweet is not there")
    shares = pq.read_table(COORTWEET / "shares.parquet")
    shares = shares.filter(pc.not_equal(shares["content_id"], shares["object_id"]))
    times = pc.multiply(shares["timestamp_share"], 1e6).cast(pa.int64()).cast(pa.timestamp("us", "UTC"))
    kind = pa.array(["object"] * len(shares))
    columns = {"account_id": shares["account_id"], "kind": kind, "value": shares["object_id"]}
    pq.write_table(pa.table({**columns, "timestamp": times}), tmp_path / "shares.parquet")
    expected = pq.read_table(COORTWEET / "expected_pairs_60s.parquet").sort_by(
        [("source", "ascending"), ("target", "ascending")]
    )
    with DuckDBEngine(tmp_path, threads=1) as engine:
        incidence = cg.link(cg.read([tmp_path / "shares.parquet"], engine=engine), windows={"object": 60.0})
        found = cg.count_together(incidence, "object")
        ids = incidence.accounts["account_id"]
        ends = (pc.index_in(expected[name], ids.combine_chunks()).to_numpy() for name in ("source", "target"))
        linked = verify_pairs(incidence.graph, *(end.astype(np.int32) for end in ends))
    for name, theirs in (("source",) * 2, ("target",) * 2, ("signals", "objects"), ("uses", "post_pairs")):
        assert found[name].to_pylist() == expected[theirs].to_pylist()
    # A value may have several episodes, and no pair but these shares any.
    assert (linked.shared >= expected["objects"].to_numpy()).all()
    graph = incidence.graph
    assert (linked.bits > 0).all()
    assert len(PrefixIndex(graph, 0.01).join(threads=1)) == expected.num_rows


# Runs and nights


def make_nights(seed: int = 0):
    """Make two nights of three groups that work together, among people with the same addresses."""
    rng = np.random.default_rng(seed)
    rows = []
    for night in range(2):
        for a in range(300):
            rows += [
                (f"p{a:03d}", "ip", f"v{rng.integers(60)}", night * 86_400 + rng.integers(80_000))
                for _ in range(4)
            ]
            rows.append((f"p{a:03d}", "card", f"own{a}", night * 86_400 + 1))
        for group in range(3):
            for burst in range(8):
                at_work = night * 86_400 + rng.integers(80_000)
                for a in range(8):
                    value = f"v{(group * 20 + burst) % 60}"
                    rows.append((f"g{group}-{a}", "ip", value, at_work + rng.integers(20)))
    rows = [(account, kind, value, int(second)) for account, kind, value, second in rows]
    return [[row for row in rows if row[3] // 86_400 == night] for night in range(2)]


# They also begin at once, which is evidence of another kind.
CONFIG = {
    "link": {"windows": {"ip": 30.0}}, "project": {"nulls": 2},
    "behaviour": {"synchrony": False, "handover": False},
}  # fmt: skip


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nights")
    for number, rows in enumerate(make_nights()):
        pq.write_table(timed_table(rows), folder / f"{number}.parquet")
    return folder


@pytest.fixture(scope="module")
def run(nights):
    """A run by command, with windows."""
    (nights / "c.toml").write_text(
        "[link]\nwindows = {ip = 30.0}\n[project]\nnulls = 2\n"
        "[behaviour]\nsynchrony = false\nhandover = false\n"
    )
    inputs = (nights / "0.parquet", nights / "1.parquet")
    done = call("run", *inputs, "--out", nights / "out", "--config", nights / "c.toml", "--quiet")
    assert done.code == 0, done.err
    return cg.open_run(nights / "out")


def test_those_who_work_together_are_found(run):
    members = run.members.to_pydict()
    groups = {cluster: set() for cluster in members["cluster_id"]}
    for cluster, account in zip(members["cluster_id"], members["account_id"], strict=True):
        groups[cluster].add(account[:2])
    assert sorted(map(sorted, groups.values())) == [["g0"], ["g1"], ["g2"]]
    assert run.members.num_rows == 24
    assert run.manifest["input"]["windows"] == {"ip": 30.0}
    assert run.manifest["input"]["without_time"] == {}
    assert all(" @ 2026-02-0" in value for value in run.evidence["value"].to_pylist())


def test_every_tie_is_that_of_the_exact_pair_test(run):
    rows = [row for night in make_nights() for row in night]
    ids, bits, shared = brute_force(rows, {"ip": 30.0})
    number = {account: i for i, account in enumerate(ids)}
    assert run.ties.num_rows > 50
    for tie in run.ties.to_pylist():
        pair = number[tie["source"]], number[tie["target"]]
        assert tie["shared"] == shared[pair] > 0
        assert tie["bits"] == pytest.approx(bits[pair])


def test_a_run_reckons_the_same_evidence_again(run):
    world = open_world(run)
    everybody = take_excerpt(world, np.arange(world.accounts))
    assert everybody.graph.cells.rate == pytest.approx(
        run.read("signals", ["chance"])["chance"].to_numpy()[world.cell_first]
    )
    for tie in run.ties.to_pylist()[:40]:
        pair = cg.explain_pair(run, tie["source"], tie["target"])
        assert (len(pair.signals), pair.tied) == (tie["shared"], True)
        assert pair.bits == pytest.approx(tie["bits"])
    assert cg.explain(run, run.clusters["cluster_id"][0].as_py()).to_dict()


def test_a_night_equals_a_run_over_its_window(run, nights, tmp_path):
    for number in range(2):
        nightly(
            nights / f"{number}.parquet", store=tmp_path / "store", night=at(number), config=CONFIG, threads=1
        )
    assert_equal_but_for_ids(run, tmp_path / "store", 1)


def test_a_run_without_times_says_that_a_window_links_nobody(nights, tmp_path):
    rows = [(*row[:3], None) for row in make_nights()[0]]
    pq.write_table(timed_table(rows).drop_columns("timestamp"), tmp_path / "x.parquet")
    found = cg.run(tmp_path / "x.parquet", config=CONFIG, threads=1)
    assert found.clusters.num_rows == found.ties.num_rows == 0
    assert found.manifest["input"]["without_time"] == {"ip": sum(row[1] == "ip" for row in rows)}


def test_what_is_remembered_of_banned_accounts_has_no_time_to_share(linker):
    night = (START + timedelta(days=1)).date()
    names = ("account_id", "kind", "value")
    memory = [("old", "ip", "v"), ("old", "card", "c")]
    columns = {name: [row[i] for row in memory] for i, name in enumerate(names)}
    linker.load("memory_before", pa.table({**columns, "night": [night] * 2}))
    linker.load("marked", pa.table({"account_id": ["old"]}))
    linker.load("accounts", pa.table({"account_id": ["new"]}))
    link_timed([("new", "ip", "v", 86_400)], linker, None)
    for relation in ("sightings", "exchanges"):
        linker.create(f"window_{relation}", f"SELECT * FROM {relation}")
    incidence = SimpleNamespace(sightings=SimpleNamespace(engine=linker))

    def fetch():
        return linker.fetch("SELECT account_id, kind FROM sightings ORDER BY ALL").to_pylist()

    for windowed, expected in (((), ["card", "ip", "ip"]), (("ip",), ["card", "ip"])):
        with remembering(incidence, fetch, windowed=windowed) as found:
            assert sorted(row["kind"] for row in found) == expected


def test_a_later_episode_of_a_value_is_no_new_signal_of_a_cleared_cluster():
    then = {("ip", "v @ 2026-02-02T10:00:00Z")}
    for value, changes in (("v @ 2026-02-03T11:00:00.250000Z", 0), ("w @ 2026-02-02T10:00:00Z", 1)):
        evidence = [{"kind": "ip", "value": value, "bits": 9.0}]
        assert len(find_changes(5, 5, 1.0, 1.0, evidence, then, Bounds(0.25, 2.0, 0.5))) == changes
