"""The second pass: clusters as nodes against brute force, and which of them are joined."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clustergraph.communities.leiden import Leiden
from clustergraph.engines.duckdb import DuckDBEngine
from clustergraph.membership.operations import join_cells
from clustergraph.projection.contraction import contract
from clustergraph.projection.prefix_join import PrefixIndex
from tests.graphs import link_rows, random_rows

FAMILIES = {"ip": "network", "template": "content", "card": "payment"}


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with DuckDBEngine(tmp_path_factory.mktemp("engine"), 1, "500MB") as opened:
        yield opened


def labels_of(incidence, clusters):
    ids = incidence.accounts["account_id"].to_pylist()
    of_name = {name: number for number, names in enumerate(clusters) for name in names}
    return np.array([of_name.get(name, -1) for name in ids], np.int32)


def pairs_by_hand(rows, clusters, min_bits):
    """Tie clusters by the formula of the README, with every cluster and every other account as one node."""
    of_name = {name: ("cluster", number) for number, names in enumerate(clusters) for name in names}
    has = defaultdict(set)
    for name, kind, value in rows:
        has[of_name.get(name, ("account", name))].add((kind, value))
    degree = Counter(signal for signals in has.values() for signal in signals)
    slots = Counter(kind for signals in has.values() for kind, _ in signals)
    rate = Counter()
    for (kind, _), d in degree.items():
        rate[kind, int(math.log2(d))] += d * (d - 1) / slots[kind] ** 2
    found = {}
    for one in range(len(clusters)):
        for other in range(one + 1, len(clusters)):
            a, b = has["cluster", one], has["cluster", other]
            shared = Counter((kind, int(math.log2(degree[kind, value]))) for kind, value in a & b)
            bits = 0.0
            for (kind, band), x in shared.items():
                expected = rate[kind, band] * math.prod(sum(k == kind for k, _ in node) for node in (a, b))
                if x > expected:
                    bits += x * math.log2(x / expected) - (x - expected) / math.log(2)
            if bits >= min_bits:
                found[one, other] = bits
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), count=st.integers(2, 9), largest=st.integers(1, 8))
def test_ties_of_clusters_are_those_found_by_hand(engine, seed, count, largest):
    rows = random_rows(seed)
    incidence = link_rows(rows, engine)
    rng = np.random.default_rng(seed)
    names = rng.permutation(incidence.accounts["account_id"].to_pylist())
    clusters = [part[:largest].tolist() for part in np.array_split(names, count)]
    graph = contract(incidence.graph, labels_of(incidence, clusters), np.arange(2))
    pairs = PrefixIndex(graph, 0.5).join(threads=1)
    found = {
        (a, b): x for a, b, x in zip(pairs.source.tolist(), pairs.target.tolist(), pairs.bits, strict=True)
    }
    expected = pairs_by_hand(rows, clusters, 0.5)
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, abs=1e-6)


def test_more_is_taken_for_chance_where_that_is_asked_for(engine):
    incidence = link_rows(random_rows(3), engine)
    names = incidence.accounts["account_id"].to_pylist()
    labels = labels_of(incidence, [names[:10], names[10:20], names[20:30]])
    strict, lenient = (contract(incidence.graph, labels, np.arange(2), leniency=x) for x in (1.0, 10.0))
    assert lenient.cells.rate == pytest.approx(10 * strict.cells.rate)


def crowd(count=3_000):
    """People who have a card of their own, an address that two use, and popular templates."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(count):
        rows += [(f"p{i:04d}", "card", f"c{i}"), (f"p{i:04d}", "ip", f"i{i // 2}")]
        rows += [(f"p{i:04d}", "template", f"t{v}") for v in {*rng.integers(0, 300, 3).tolist()}]
    return rows


def cells(count, kind, stock, each):
    """Groups of six with one card and one exit, whose members draw from a stock that all cells draw from."""
    rng = np.random.default_rng(1)
    rows, groups = [], []
    for cell in range(count):
        groups.append([f"x{cell:02d}{member}" for member in range(6)])
        for name in groups[-1]:
            rows += [(name, "card", f"cell{cell}"), (name, "ip", f"exit{cell}")]
            rows += [(name, kind, f"stock{v}") for v in {*rng.integers(0, stock, each).tolist()}]
    return rows, groups


def joined(engine, rows, groups):
    incidence = link_rows(crowd() + rows, engine, families=FAMILIES)
    labels = labels_of(incidence, groups)
    new = join_cells(incidence, labels, Leiden())
    assert ((new >= 0) == (labels >= 0)).all()
    return len(np.unique(new[new >= 0]))


def test_cells_of_one_operation_are_joined(engine):
    rows, groups = cells(12, "template", 80, 4)
    assert joined(engine, rows, groups) <= 2  # in one pass; the next one joins what is larger by then


def test_exits_for_rent_join_nobody(engine):
    rows, groups = cells(12, "ip", 80, 4)
    assert joined(engine, rows, groups) == 12


def test_popular_templates_join_nobody(engine):
    rows, groups = cells(12, "template", 80, 4)
    popular = [(name, kind, value.replace("stock", "t")) for name, kind, value in rows]
    assert joined(engine, popular, groups) == 12


def test_one_cluster_stays_as_it_is(engine):
    rows, groups = cells(1, "template", 80, 4)
    assert joined(engine, rows, groups) == 1
