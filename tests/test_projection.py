"""The projection against brute force, and its bounds."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clustergraph.engines.duckdb import DuckDBEngine
from clustergraph.errors import GuardrailError
from clustergraph.incidence import strata
from clustergraph.projection.prefix_join import PrefixIndex
from clustergraph.projection.ties import project
from tests.graphs import (
    LOCAL,
    brute_force_bits,
    homes_by_hand,
    link_rows,
    number_places,
    placed_rows,
    random_rows,
    strata_by_hand,
)

NAMES = st.sampled_from([f"a{i}" for i in range(12)])
ROWS = st.lists(
    st.tuples(NAMES, st.sampled_from(["ip", "card"]), st.sampled_from([f"v{i}" for i in range(9)])),
    min_size=1,
    max_size=80,
)


def assert_equals_brute_force(rows, engine, min_bits, threads=2, stratum_of=None, **options):
    incidence = link_rows(rows, engine, **options)
    found = PrefixIndex(incidence.graph, min_bits).join(threads=threads)
    hubs = options.get("known_hubs")
    weights = None
    if hubs is not None:
        weight = options.get("known_hub_weight", 0.0)
        weights = {(h["kind"], h["value"]): weight for h in hubs.to_pylist()}
    ids, bits, shared = brute_force_bits(rows, weights, stratum_of)
    assert incidence.accounts["account_id"].to_pylist() == ids
    source, target = np.nonzero(np.triu(bits >= min_bits, 1))
    assert found.source.tolist() == source.tolist()
    assert found.target.tolist() == target.tolist()
    np.testing.assert_allclose(found.bits, bits[source, target], atol=1e-6)
    assert found.shared.tolist() == shared[source, target].astype(int).tolist()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS, min_bits=st.floats(0.3, 12))
def test_equals_brute_force_on_any_small_incidence(tmp_path_factory, rows, min_bits):
    with DuckDBEngine(tmp_path_factory.mktemp("engine"), threads=1) as engine:
        assert_equals_brute_force(rows, engine, min_bits)


@pytest.mark.parametrize("min_bits", [0.5, 3.0, 8.0, 15.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_equals_brute_force_on_heavy_tailed_incidences(engine, seed, min_bits):
    rows = random_rows(seed, accounts=300, kinds=3, values=200, rows=4_000)
    assert_equals_brute_force(rows, engine, min_bits)


def test_equals_brute_force_where_one_account_has_everything(engine):
    rows = random_rows(5, accounts=40, rows=200) + [("king", "k0", f"v{i}") for i in range(25)]
    assert_equals_brute_force(rows, engine, 1.0)


def test_equals_brute_force_on_a_clique_beside_a_hub(engine):
    ring = [(f"r{i}", "card", f"c{j}") for i in range(20) for j in range(4)]
    hub = [(f"h{i}", "ip", "hub") for i in range(300)] + [(f"r{i}", "ip", "hub") for i in range(20)]
    lone = [(f"h{i}", "ip", f"own{i}") for i in range(300)]
    for min_bits in (0.2, 5.0, 20.0):
        assert_equals_brute_force(ring + hub + lone, engine, min_bits)


def test_equals_brute_force_at_the_threshold_itself(engine):
    rows = random_rows(8, accounts=50, rows=500)
    _, bits, _ = brute_force_bits(rows)
    level = float(np.sort(bits[np.triu_indices(len(bits), 1)])[-20])
    incidence = link_rows(rows, engine)
    found = PrefixIndex(incidence.graph, level - 1e-9).join(threads=1)
    assert len(found) == int((bits[np.triu_indices(len(bits), 1)] >= level - 1e-9).sum())


@pytest.mark.parametrize("weight", [0.0, 0.4])
def test_known_hubs_count_their_weight(engine, weight):
    import pyarrow as pa

    rows = random_rows(9, accounts=80, rows=800)
    hubs = pa.table({"kind": ["k0", "k1", "k1"], "value": ["v0", "v0", "v1"]})
    assert_equals_brute_force(rows, engine, 1.0, known_hubs=hubs, known_hub_weight=weight)


@pytest.mark.parametrize("least", [20, 60])
@pytest.mark.parametrize("min_bits", [0.5, 4.0, 9.0])
def test_equals_brute_force_where_signals_are_in_strata_by_place(engine, monkeypatch, least, min_bits):
    monkeypatch.setattr(strata, "LEAST_SLOTS", least)
    rows = placed_rows(7, accounts=200, values=60, rows=2_500)
    places = number_places(engine, {place for *_, place in rows if place is not None})
    homes = homes_by_hand([(account, place, 1) for account, _, _, place in rows], places)
    stratum_of = strata_by_hand(rows, homes, LOCAL, places, least=least)
    assert len(set(stratum_of.values())) == 3 + 2 * 4
    assert_equals_brute_force(rows, engine, min_bits, stratum_of=stratum_of.__getitem__, families=LOCAL)


def test_what_a_place_shares_ties_fewer_than_it_would_over_the_world(engine, monkeypatch):
    monkeypatch.setattr(strata, "LEAST_SLOTS", 20)
    town = [(f"t{i:02d}", "k0", f"exit {(i + j) % 8}", "town") for i in range(40) for j in range(3)]
    world = [(f"w{i:03d}", "k0", f"own {i}-{j}", f"p{i % 9}") for i in range(500) for j in range(3)]
    near = PrefixIndex(link_rows(town + world, engine, families=LOCAL).graph, 8.0).join(threads=1)
    far = link_rows(town + world, engine, families=LOCAL, by_place=False).graph
    assert len(near) == 0
    assert len(PrefixIndex(far, 8.0).join(threads=1)) > 100


def test_shared_signals_equal_the_projection_of_networkx(engine):
    rows = random_rows(11, accounts=40, kinds=1, rows=150)
    incidence = link_rows(rows, engine)
    found = PrefixIndex(incidence.graph, 0.01).join(threads=1)
    bipartite = nx.Graph((account, ("signal", value)) for account, _, value in rows)
    accounts = incidence.accounts["account_id"].to_pylist()
    oracle = nx.bipartite.weighted_projected_graph(bipartite, accounts)
    for s, t, shared in zip(found.source, found.target, found.shared, strict=True):
        assert oracle[accounts[s]][accounts[t]]["weight"] == shared
    assert len(found) <= oracle.number_of_edges()


def test_equal_strings_of_different_kinds_never_meet(engine):
    rows = [("a", "ip", "x"), ("b", "card", "x")] + [(f"n{i}", "ip", f"{i}") for i in range(50)]
    assert len(PrefixIndex(link_rows(rows, engine).graph, 0.01).join(threads=1)) == 0


def test_some_rows_give_the_same_pairs_as_all(engine):
    graph = link_rows(random_rows(3, accounts=200, values=150, rows=3_000), engine).graph
    index = PrefixIndex(graph, 4.0)
    every = index.join(threads=2)
    rows = np.arange(0, graph.accounts, 7, dtype=np.int32)
    some = index.join_rows(rows, threads=2)
    chosen = set(rows.tolist())
    pairs = zip(every.source.tolist(), every.target.tolist(), strict=True)
    both_ways = {p for s, t in pairs for p in ((s, t), (t, s)) if p[0] in chosen}
    assert set(zip(some.source.tolist(), some.target.tolist(), strict=True)) == both_ways


def test_visits_are_counted_before_they_are_paid(engine):
    graph = link_rows(random_rows(4), engine).graph
    index = PrefixIndex(graph, 2.0)
    heads = [graph.indices[graph.indptr[a] : index._head[a]] for a in range(graph.accounts)]
    by_hand = sum(
        len(set(one) & set(other)) for one, other in itertools.combinations([h.tolist() for h in heads], 2)
    )
    assert index.visits == by_hand
    assert index.row_visits(np.arange(graph.accounts, dtype=np.int32)).sum() == 2 * by_hand


def test_too_much_work_is_refused_with_the_setting_that_helps(engine):
    incidence = link_rows(random_rows(4), engine)
    with pytest.raises(GuardrailError, match="max_visits"):
        project(incidence, tie_bits=2.0, member_bits=2.0, nulls=1, max_visits=3)
    with pytest.raises(GuardrailError, match="max_ties"):
        project(incidence, tie_bits=2.0, member_bits=2.0, nulls=1, max_ties=3)


def test_threads_change_nothing(engine):
    graph = link_rows(random_rows(6, accounts=500, values=400, rows=6_000), engine).graph
    one, two = (PrefixIndex(graph, 3.0).join(threads=n) for n in (1, 2))
    for name in ("source", "target", "bits", "shared", "families"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()
