"""Thresholds from shuffled copies: their bound, their sampling, and that it holds on fresh copies."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

import clustergraph as cg
from clustergraph.projection.calibration import bound_share, calibrate
from clustergraph.projection.chance import Copies, _closure, find_tie_bits
from clustergraph.projection.nulls import shuffle
from clustergraph.projection.prefix_join import PrefixIndex
from clustergraph.projection.significance import find_q_values
from tests.bench.shuffles import (
    FIRST_SEED,
    OBSERVED,
    _widen,
    opened,
    run_shuffled_graph,
    run_shuffled_rows,
    shuffle_rows,
)
from tests.bench.world import make_world
from tests.graphs import link_rows, random_rows, sightings_table


def garwood(clusters):
    return chi2.ppf(0.95, 2 * (clusters + 1)) / 2


@pytest.mark.parametrize("clusters", [1, 2, 10, 300])
@pytest.mark.parametrize("size", [1, 3, 8])
def test_clusters_of_one_size_have_the_bound_of_a_poisson_count(clusters, size):
    share, bound = bound_share(np.full(clusters, size), 100_000, least=3)
    assert share == clusters * size / 100_000
    assert bound == pytest.approx(size * garwood(clusters) / 100_000)


def test_known_values_of_the_bound():
    assert bound_share(np.ones(10, np.int64), 1_000, least=3)[1] == pytest.approx(0.016962, abs=1e-6)
    assert bound_share(np.array([], np.int64), 1_000, least=3)[1] == pytest.approx(3 * 2.995732 / 1_000)
    # Sizes 2 and 6: their size-weighted mean is 5, so 8 accounts are 1.6 clusters.
    assert bound_share(np.array([2, 6]), 1_000, least=3)[1] == pytest.approx(5 * garwood(1.6) / 1_000)


@given(sizes=st.lists(st.integers(1, 40), max_size=30), drawn=st.integers(1_200, 10**6))
def test_the_bound_is_above_the_share(sizes, drawn):
    share, bound = bound_share(np.array(sizes, np.int64), drawn, least=3)
    assert 0.0 <= share < bound <= 1.0


def test_the_bound_covers_clumped_counts():
    """Clusters come at random with sizes of their own: about 95% of the bounds are above the truth."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(2_000):
        sizes = 2 + rng.geometric(0.4, rng.poisson(25))
        covered += bound_share(sizes, 100_000, least=3)[1] >= 25 * (2 + 1 / 0.4) / 100_000
    assert 0.93 <= covered / 2_000 <= 0.98


def random_graph(engine, seed=1):
    return link_rows(random_rows(seed, accounts=400, kinds=2, values=500, rows=3_000), engine).graph


def find_thresholds(graph, **options):
    return calibrate(graph, **options).thresholds


def assert_same(one, other):
    assert one.thresholds == other.thresholds
    assert one.chance.strength.tobytes() == other.chance.strength.tobytes()
    levels = np.linspace(0.0, 100.0, 50)
    assert one.chance.expect(levels).tobytes() == other.chance.expect(levels).tobytes()


@pytest.mark.parametrize("count", [1, 20, 150])
@pytest.mark.parametrize("min_bits", [6.0, 8.0, 11.0])
def test_what_hangs_together_with_a_few_rows_is_found_whole(engine, count, min_bits):
    index = PrefixIndex(shuffle(random_graph(engine), seed=3), min_bits)
    rows = np.sort(np.random.default_rng(count).choice(index.graph.accounts, count, replace=False))
    some, every = _closure(index, rows.astype(np.int32)), index.join(threads=1)
    network = nx.Graph(zip(every.source.tolist(), every.target.tolist(), strict=True))
    network.add_nodes_from(rows.tolist())
    reached = set().union(*(nx.node_connected_component(network, row) for row in rows.tolist()))
    kept = every.take(np.flatnonzero([source in reached for source in every.source.tolist()]))
    for name in ("source", "target", "bits", "shared", "families"):
        assert getattr(some, name).tolist() == getattr(kept, name).tolist()


def test_threads_change_nothing(engine):
    graph = random_graph(engine)
    assert_same(calibrate(graph, threads=1), calibrate(graph, threads=2))


def test_the_order_of_sightings_changes_nothing(engine, tmp_path):
    rows = random_rows(1, accounts=400, kinds=2, values=500, rows=3_000)
    here = calibrate(link_rows(rows, engine).graph, nulls=2)
    mixed = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    assert_same(calibrate(link_rows(mixed, engine).graph, nulls=2), here)


def test_a_seed_of_its_own_draws_other_copies(engine):
    graph = random_graph(engine)
    one, other = (find_thresholds(graph, seed=seed) for seed in (0, 1))
    assert one.chance_ties != other.chance_ties
    assert abs(one.member_bits - other.member_bits) <= 2.0


def test_a_lower_bound_asks_for_no_less_evidence(engine):
    graph = random_graph(engine)
    levels = [
        find_thresholds(graph, tie_bits=6.0, max_chance_accounts=s, least_member_bits=0.0)
        for s in (0.1, 0.01, 0.001)
    ]
    member_bits = [level.member_bits for level in levels]
    assert member_bits == sorted(member_bits)
    assert member_bits[0] < member_bits[-1]
    for level, share in zip(levels, (0.1, 0.01, 0.001), strict=True):
        assert level.chance_accounts_at_most <= share or level.chance_accounts == 0.0


def test_the_numbers_behind_the_choice_are_told(engine):
    found = find_thresholds(random_graph(engine), max_chance_accounts=0.01, least_member_bits=0.0)
    at = [level for level in found.curve if level["member_bits"] == found.member_bits]
    assert [level["at_most"] for level in at] == [found.chance_accounts_at_most]
    assert all(level["met"] for level in at)
    below = [level for level in found.curve if level["member_bits"] == found.member_bits - 0.5]
    assert not any(level["met"] for level in below)
    assert found.accounts_drawn == found.nulls * 400 >= 20_000


def test_levels_that_are_given_are_used_and_measured(engine):
    found = find_thresholds(random_graph(engine), tie_bits=7.3, member_bits=1.2)
    assert (found.tie_bits, found.member_bits) == (7.3, 1.2)
    assert found.chance_accounts > 0.0


def test_nothing_to_calibrate_on(engine):
    graph = link_rows([("a", "k", "x"), ("b", "k", "y")], engine).graph
    found = find_thresholds(graph)
    assert (found.nulls, found.curve) == (0, ())
    nobody = replace(
        graph.strata, start=0 * graph.strata.start, account=graph.strata.account[:0],
        slots=graph.strata.slots[:0],
    )  # fmt: skip
    empty = replace(graph, indptr=graph.indptr[:1], strata=nobody)
    assert find_tie_bits(Copies(empty, seed=0), max_chance_tied=0.1) == found.tie_bits


@pytest.mark.parametrize("most", [0.02, 0.1, 0.5])
def test_chance_ties_as_many_accounts_as_it_may_tie(engine, most):
    rows = random_rows(1, accounts=3_000, kinds=2, values=4_000, rows=24_000)
    graph = link_rows(rows, engine).graph
    level = find_tie_bits(Copies(graph, seed=0), max_chance_tied=most)
    fresh = [PrefixIndex(shuffle(graph, seed=FIRST_SEED + i), level).join(threads=1) for i in range(15)]
    tied = [len(np.unique(np.concatenate([ties.source, ties.target]))) for ties in fresh]
    assert 0.3 * most < np.mean(tied) / graph.accounts < 1.3 * most


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    path = tmp_path_factory.mktemp("world") / "sightings.parquet"
    pq.write_table(make_world(8_000), path)
    with opened(path) as original:
        yield original


@pytest.mark.parametrize("run_one", [run_shuffled_graph, run_shuffled_rows])
def test_the_bound_holds_on_fresh_copies_through_the_whole_job(world, run_one):
    assert world.share > 0.02  # the rings
    shares = [run_one(world, FIRST_SEED + number).share for number in range(8)]
    assert np.mean(shares) <= 0.001


@pytest.fixture(scope="module")
def placed_world(tmp_path_factory):
    """People of six towns, each with a few carriers' exits, and rings that share much."""
    rng = np.random.default_rng(4)
    people, rings = 4_000, 6
    home = rng.integers(0, 6, people)
    parts = []
    for column, each, values in (("ip", 4, 300), ("prompt_template", 3, 2_000), ("device_id", 1, 3_500)):
        account = np.repeat(np.arange(people), rng.poisson(each, people))
        local = (rng.random(len(account)) < 0.6) & (column == "ip")
        picked = (values * rng.random(len(account)) ** 2).astype(int)
        place = np.where(rng.random(len(account)) < 0.9, home[account], rng.integers(0, 6, len(account)))
        names = [f"{p if here else ''}-{v}" for p, here, v in zip(place, local, picked, strict=True)]
        parts.append(pd.DataFrame({"account_id": account, column: names, "asn": place}))
        ring = np.repeat(np.arange(people - 20 * rings, people), 4)
        names = [f"ring {a % rings}-{v}" for a, v in zip(ring, rng.integers(0, 9, len(ring)), strict=True)]
        parts.append(pd.DataFrame({"account_id": ring, column: names, "asn": home[ring]}))
    events = pd.concat(parts)
    events["account_id"] = [f"a{n:04d}" for n in events["account_id"]]
    events["asn"] = [f"AS {n}" for n in events["asn"]]
    path = tmp_path_factory.mktemp("placed") / "events.parquet"
    events.to_parquet(path)
    with opened(path) as original:
        yield original


@pytest.mark.parametrize("run_one", [run_shuffled_graph, run_shuffled_rows])
def test_the_bound_holds_on_fresh_copies_with_places(placed_world, run_one):
    assert 0.02 < placed_world.share < 0.06
    assert len(placed_world.incidence.graph.strata.kind) > 3
    shares = [run_one(placed_world, FIRST_SEED + number).share for number in range(8)]
    assert np.mean(shares) <= 0.001


def test_clusters_of_chance_have_q_values_that_nobody_would_act_on(placed_world):
    """Even at a level that lets many of them through: the decoys are other copies than these."""
    shares = []
    for number in range(6):
        copy = shuffle(placed_world.incidence.graph, seed=FIRST_SEED + number)
        ties = cg.project(
            replace(placed_world.incidence, graph=copy), tie_bits=placed_world.tie_bits - 2.0,
            member_bits=-4.0,
        )  # fmt: skip
        found = cg.partition(ties, samples=0)
        size = np.bincount(found.labels[found.labels >= 0])
        strength = np.bincount(found.labels[found.labels >= 0], found.odds[found.labels >= 0])
        assert len(size) >= 5
        shares.append((find_q_values(strength, ties.chance.expect(strength)) < 0.1).mean())
    assert np.mean(shares) < 0.1


def test_a_shuffled_table_is_put_in_the_strata_that_it_came_from(placed_world, tmp_path, engine):
    here = placed_world.incidence.graph
    path = tmp_path / "x.parquet"
    pq.write_table(_widen(shuffle_rows(placed_world.sightings, seed=1)), path)
    there = cg.link(cg.read([path], engine=engine, **OBSERVED)).graph
    for name in ("kind", "start", "account", "slots"):
        assert getattr(here.strata, name).tolist() == getattr(there.strata, name).tolist()
    assert here.signal_degree.tolist() == there.signal_degree.tolist()
    assert here.cells.rate.tolist() == there.cells.rate.tolist()
    assert here.indices.tolist() != there.indices.tolist()


def test_an_independent_shuffle_keeps_degrees():
    rows = sorted(set(random_rows(5, accounts=150, kinds=2, values=200, rows=1_500)))
    shuffled = [tuple(row.values()) for row in shuffle_rows(sightings_table(rows), seed=1).to_pylist()]
    assert len(set(shuffled)) == len(rows)
    assert set(shuffled) != set(rows)
    for columns in ((0, 1), (1, 2)):
        one, other = (sorted([row[c] for c in columns] for row in table) for table in (rows, shuffled))
        assert one == other
