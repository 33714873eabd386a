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


def count_by_hand(rows, clusters, certain):
    """Count what every cluster and every other account has: a signal once, or as often as members have it.

    Gives the counts of each node, and the telling signals of each cluster: those of which its members' slots
    do not make one holder likely.
    """
    of_name = {name: ("cluster", number) for number, names in enumerate(clusters) for name in names}
    held = defaultdict(Counter)
    for name, kind, value in set(rows):
        held[of_name.get(name, ("account", name))][kind, value] += 1
    degree, total = Counter(), Counter()
    for counts in held.values():
        degree.update(counts)
        total.update(kind for kind, _ in counts.elements())
    telling = {}
    for number in range(len(clusters)):
        counts = held["cluster", number]
        slots = Counter(kind for kind, _ in counts.elements())
        chance = {signal: slots[signal[0]] * degree[signal] / total[signal[0]] for signal in counts}
        telling[number] = {signal for signal in counts if chance[signal] < certain}
        counts.update({signal: 1 - counts[signal] for signal in telling[number]})
    return held, telling


def pairs_by_hand(rows, clusters, min_bits, certain=1.0):
    """Tie clusters by the formula of the README, with every cluster and every other account as one node."""
    held, telling = count_by_hand(rows, clusters, certain)
    slots_of = {node: Counter(kind for kind, _ in counts.elements()) for node, counts in held.items()}
    degree, slots = Counter(), Counter()
    for node, counts in held.items():
        degree.update(counts)
        slots.update(slots_of[node])
    rate = Counter()
    for (kind, _), d in degree.items():
        rate[kind, int(math.log2(d))] += d * (d - 1) / slots[kind] ** 2
    found = {}
    for one in range(len(clusters)):
        for other in range(one + 1, len(clusters)):
            a, b = slots_of["cluster", one], slots_of["cluster", other]
            both = telling[one] & telling[other]
            shared = Counter((kind, int(math.log2(degree[kind, value]))) for kind, value in both)
            bits = 0.0
            for (kind, band), x in shared.items():
                expected = rate[kind, band] * a[kind] * b[kind]
                if x > expected:
                    bits += x * math.log2(x / expected) - (x - expected) / math.log(2)
            if bits >= min_bits:
                found[one, other] = bits
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(2, 9),
    largest=st.integers(1, 8),
    certain=st.sampled_from([1.0, 9.0, 0.3]),
)
def test_ties_of_clusters_are_those_found_by_hand(engine, seed, count, largest, certain):
    rows = random_rows(seed)
    incidence = link_rows(rows, engine)
    rng = np.random.default_rng(seed)
    names = rng.permutation(incidence.accounts["account_id"].to_pylist())
    clusters = [part[:largest].tolist() for part in np.array_split(names, count)]
    graph = contract(incidence.graph, labels_of(incidence, clusters), np.arange(2), certain=certain)
    pairs = PrefixIndex(graph, 0.5).join(threads=1)
    found = {
        (a, b): x for a, b, x in zip(pairs.source.tolist(), pairs.target.tolist(), pairs.bits, strict=True)
    }
    expected = pairs_by_hand(rows, clusters, 0.5, certain)
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, abs=1e-6)


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
    new = join_cells(incidence, labels, Leiden(), labels >= 0)
    assert ((new >= 0) == (labels >= 0)).all()
    return len(np.unique(new[new >= 0]))


def test_cells_of_one_operation_are_joined(engine):
    rows, groups = cells(12, "template", 80, 4)
    assert joined(engine, rows, groups) <= 2  # in one pass; the next one joins what is larger by then


def test_exits_for_rent_join_nobody(engine):
    rows, groups = cells(12, "ip", 80, 4)
    assert joined(engine, rows, groups) == 12


def test_popular_templates_join_nobody(engine):
    rows, groups = cells(12, "template", 300, 4)  # all that the crowd has
    popular = [(name, kind, value.replace("stock", "t")) for name, kind, value in rows]
    assert joined(engine, popular, groups) == 12


def habits(count):
    """Groups who use nothing but the popular templates, among people who mostly use their own."""
    rng = np.random.default_rng(2)
    groups = [[f"h{group}-{member:03d}" for member in range(300)] for group in range(count)]
    rows = [(f"p{i:04d}", "template", f"own{i}-{n}") for i in range(3_000) for n in range(10)]
    for name in (name for group in groups for name in group):
        rows += [(name, "template", f"t{value}") for value in {*rng.integers(0, 300, 2).tolist()}]
    return rows, groups


def test_large_groups_that_use_what_is_popular_are_not_joined(engine):
    rows, groups = habits(4)
    assert joined(engine, rows, groups) == 4


def test_one_cluster_stays_as_it_is(engine):
    rows, groups = cells(1, "template", 80, 4)
    assert joined(engine, rows, groups) == 1
