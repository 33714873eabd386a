"""Members' evidence against plain Python, and what is left when all members must have enough."""

from __future__ import annotations

import math
from collections import defaultdict

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from clustergraph.communities.support import (
    connected_parts,
    measure_support,
    number_by_first,
    require_support,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clustergraph.communities.pairs import Pairs
from clustergraph.engines.duckdb import DuckDBEngine
from clustergraph.projection.prefix_join import PrefixIndex
from tests.graphs import link_rows, random_rows

ACCOUNTS = [f"a{i}" for i in range(12)]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(ACCOUNTS),
        st.sampled_from(["ip", "card"]),
        st.sampled_from([f"v{i}" for i in range(9)]),
    ),
    min_size=1,
    max_size=80,
)  # fmt: skip


def support_by_hand(rows, cluster_of, hubs=None):
    """Bits of each account to the others of its cluster; ``hubs`` maps (kind, value) to a weight."""
    hubs = hubs or {}
    pairs = {row for row in rows if hubs.get(row[1:], 1.0) > 0}
    holders, kinds = defaultdict(set), defaultdict(int)
    slots, signals_of = defaultdict(int), defaultdict(set)
    for account, kind, value in pairs:
        holders[kind, value].add(account)
        signals_of[account].add((kind, value))
        slots[kind] += 1
        kinds[account, kind] += 1

    def cell(signal):
        return signal[0], signal in hubs, math.floor(math.log2(len(holders[signal])))

    found = {}
    for account in sorted({row[0] for row in rows}):
        cluster = cluster_of.get(account)
        others = {a for a, c in cluster_of.items() if c == cluster and a != account and cluster is not None}
        theirs = set().union(*(signals_of[a] for a in others)) if others else set()
        total = 0.0
        for one in {cell(s) for s in theirs & signals_of[account]}:
            here = [s for s in theirs if cell(s) == one]
            shared = sum(s in signals_of[account] for s in here)
            expected = sum(kinds[account, s[0]] * (len(holders[s]) - 1) / slots[s[0]] for s in here)
            if shared > expected:
                weight = hubs[here[0]] if one[1] else 1.0
                bits = shared * math.log2(shared / expected) - (shared - expected) * math.log2(math.e)
                total += weight * bits
        found[account] = total
    return found


def assert_equals_hand(rows, cluster_of, engine, hubs=None, weight=0.0):
    options = {}
    if hubs:
        kind, value = zip(*hubs, strict=True)
        options = {"known_hubs": pa.table({"kind": kind, "value": value}), "known_hub_weight": weight}
    incidence = link_rows(rows, engine, **options)
    ids = incidence.accounts["account_id"].to_pylist()
    labels = np.array([cluster_of.get(account, -1) for account in ids], np.int32)
    expected = support_by_hand(rows, cluster_of, dict.fromkeys(hubs or (), weight))
    found = measure_support(incidence.graph, labels)
    np.testing.assert_allclose(found, [expected[account] for account in ids], atol=1e-9)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS, clusters=st.dictionaries(st.sampled_from(ACCOUNTS), st.integers(0, 3)))
def test_support_is_what_the_formula_says(tmp_path_factory, rows, clusters):
    with DuckDBEngine(tmp_path_factory.mktemp("engine"), threads=1) as engine:
        assert_equals_hand(rows, clusters, engine)


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_known_hubs_count_their_weight(engine, weight):
    rows = random_rows(4, accounts=60, rows=700)
    clusters = {f"a{i:03d}": i % 7 for i in range(50)}
    assert_equals_hand(rows, clusters, engine, [("k0", "v0"), ("k0", "v1"), ("k1", "v0")], weight)


def test_a_heavy_tailed_incidence(engine):
    rows = random_rows(6, accounts=300, kinds=3, values=200, rows=4_000)
    assert_equals_hand(rows, {f"a{i:03d}": i // 9 for i in range(0, 300, 2)}, engine)


def test_a_signal_counts_once_however_many_members_have_it(engine):
    """A pair's evidence to each other is that of their tie; a third holder adds none to what is shared."""
    lone = [(f"n{i}", "k", f"own{i}") for i in range(100)]
    rows = [(name, "k", value) for name in "abc" for value in ("x", "y")] + lone
    graph = link_rows(rows, engine).graph
    pair, three = np.full(graph.accounts, -1, np.int32), np.full(graph.accounts, -1, np.int32)
    pair[:2], three[:3] = 0, 0
    assert measure_support(graph, pair)[0] == pytest.approx(measure_support(graph, three)[0])


def as_sets(labels):
    found = defaultdict(set)
    for account, label in enumerate(labels.tolist()):
        if label >= 0:
            found[label].add(account)
    return sorted(map(sorted, found.values()))


def required(graph, labels, ties, min_bits=8.0, min_accounts=3):
    return require_support(graph, labels, ties, min_bits=min_bits, min_accounts=min_accounts)


@pytest.fixture(scope="module")
def tied(tmp_path_factory):
    """An incidence of rings and strays, its ties, and labels that put strays into rings."""
    rng = np.random.default_rng(3)
    rows = random_rows(8, accounts=400, kinds=2, values=900, rows=2_000)
    rows += [(f"r{i:02d}", "k0", f"ring{i // 10}-{v}") for i in range(40) for v in rng.integers(0, 8, 5)]
    with DuckDBEngine(tmp_path_factory.mktemp("engine"), threads=1) as engine:
        graph = link_rows(rows, engine).graph
    ties = PrefixIndex(graph, 6.0).join(threads=1)
    return graph, ties, rng.integers(-1, 12, graph.accounts).astype(np.int32)


@pytest.mark.parametrize("min_bits", [2.0, 8.0, 14.0, 20.0])
@pytest.mark.parametrize("one_cluster", [True, False])
def test_members_left_have_enough_and_hang_together(tied, min_bits, one_cluster):
    graph, ties, labels = tied
    labels = np.zeros_like(labels) if one_cluster else labels
    found = required(graph, labels, ties, min_bits)
    assert (found.bits[found.labels >= 0] >= min_bits).all()
    assert (found.bits[found.labels < 0] == 0.0).all()
    np.testing.assert_array_equal(found.bits, measure_support(graph, found.labels))
    network = nx.Graph(zip(ties.source.tolist(), ties.target.tolist(), strict=True))
    for members in as_sets(found.labels):
        assert len(members) >= 3
        assert nx.is_connected(network.subgraph(members))
        assert len(set(labels[members].tolist())) == 1


def test_some_are_left_and_some_are_not(tied):
    graph, ties, _ = tied
    found = required(graph, np.zeros(graph.accounts, np.int32), ties, 14.0)
    assert 3 <= (found.labels >= 0).sum() < graph.accounts
    assert required(graph, found.labels, ties, 14.0).labels.tolist() == found.labels.tolist()
    assert (required(graph, found.labels, ties, 1e6).labels == -1).all()


@pytest.mark.parametrize("seed", range(4))
def test_numbering_changes_nothing(tied, seed):
    graph, ties, labels = tied
    order = np.random.default_rng(seed).permutation(graph.accounts)
    place = np.argsort(order)
    ends = np.sort(np.stack([place[ties.source], place[ties.target]]), axis=0).astype(np.int32)
    by = np.lexsort((ends[1], ends[0]))
    moved = Pairs(ends[0][by], ends[1][by], ties.bits[by], ties.shared[by], ties.families[by])
    for given_labels in (labels, np.zeros_like(labels)):
        here = required(graph, given_labels, ties)
        there = required(graph.restrict(order), given_labels[order], moved)
        assert as_sets(there.labels[place]) == as_sets(here.labels)
        np.testing.assert_allclose(there.bits[place], here.bits, atol=1e-9)


def test_clusters_fall_into_their_connected_parts():
    zeros = np.zeros(5, np.int32)
    ties = Pairs(
        np.array([0, 1, 3, 4, 6], np.int32), np.array([1, 2, 4, 5, 7], np.int32), zeros + 9.0, zeros, zeros
    )
    labels = np.array([5, 5, 5, 5, 5, 5, 2, 2], np.int32)
    assert connected_parts(labels, ties, min_accounts=3).tolist() == [0, 0, 0, 1, 1, 1, -1, -1]
    assert connected_parts(labels, ties, min_accounts=2).tolist() == [0, 0, 0, 1, 1, 1, 2, 2]


def test_clusters_are_numbered_by_their_first_accounts():
    labels = np.array([-1, 7, 3, 7, -1, 0], np.int32)
    assert number_by_first(labels).tolist() == [-1, 0, 1, 0, -1, 2]
