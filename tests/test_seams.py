"""Where one account alone holds parts together: against networkx, and in stories."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustergraph.communities.detection import find_communities
from clustergraph.communities.leiden import Leiden
from clustergraph.communities.pairs import Pairs
from clustergraph.communities.seams import find_seams


def tie(edges, bits=None):
    edges = sorted({(min(e), max(e)) for e in edges})
    source, target = (np.array([e[i] for e in edges], np.int32) for i in (0, 1))
    bits = np.full(len(edges), 30.0) if bits is None else bits[: len(edges)]
    ones = np.ones(len(edges), np.int32)
    return Pairs(source, target, bits, ones, ones)


def clique(*members):
    return [(a, b) for a in members for b in members if a < b]


def seams_of(ties, labels, min_accounts=3):
    rows = find_seams(labels, ties, min_accounts=min_accounts).tolist()
    return [(int(ties.source[row]), int(ties.target[row])) for row in rows]


def seams_by_hand(ties, labels, least):
    """Look at every account: which of its blocks lead, without it, to a block that is large enough?"""
    graph = nx.Graph()
    for source, target, bits in zip(ties.source.tolist(), ties.target.tolist(), ties.bits, strict=True):
        if labels[source] == labels[target] >= 0:
            graph.add_edge(source, target, bits=bits)
    found = set()
    blocks = list(nx.biconnected_components(graph))
    for account in graph:
        rest = graph.subgraph(set(graph) - {account})
        leading = []
        for block in (block for block in blocks if account in block):
            beyond = nx.node_connected_component(rest, next(iter(block - {account}))) | {account}
            if any(len(one) >= max(least, 3) for one in blocks if one <= beyond):
                leading.append((sum(graph[account][b]["bits"] for b in block & set(graph[account])), block))
        leading.sort(key=lambda one: -one[0])
        found |= {
            (min(account, b), max(account, b))
            for _, block in leading[1:]
            for b in block & set(graph[account])
        }
    return sorted(found)


@settings(deadline=None)  # the first call compiles
@given(
    edges=st.lists(
        st.tuples(st.integers(0, 13), st.integers(0, 13)).filter(lambda e: e[0] != e[1]), max_size=22
    ),
    seed=st.integers(0, 1_000),
    least=st.integers(2, 5),
)
def test_seams_are_those_found_by_hand(edges, seed, least):
    rng = np.random.default_rng(seed)
    ties = tie(edges, rng.uniform(20, 60, len(edges)))
    labels = rng.choice([-1, 0, 0, 0, 0, 1], 14).astype(np.int32)
    assert seams_of(ties, labels, least) == seams_by_hand(ties, labels, least)


@pytest.mark.parametrize("between", [[(4, 5)], [(4, 5), (4, 6)], [(4, 10), (5, 10), (4, 5)]])
def test_two_cliques_that_one_account_connects_come_apart(between):
    """By one tie, by two ties of one account, and by a rare signal that a third account has as well."""
    ties = tie(clique(*range(5)) + clique(*range(5, 10)) + between)
    labels = find_communities(11, ties, Leiden(resolution=0.01), min_accounts=3)
    assert len({*labels[:5].tolist()}) == len({*labels[5:10].tolist()}) == 1
    assert labels[0] != labels[9]
    whole = find_communities(11, ties, Leiden(resolution=0.01), min_accounts=3, cut=False)
    assert whole[0] == whole[9]


def test_two_cliques_that_two_accounts_connect_stay_together():
    ties = tie(clique(*range(5)) + clique(*range(5, 10)) + [(4, 5), (3, 6)])
    assert seams_of(ties, np.zeros(10, np.int32)) == []


def test_what_hangs_loose_stays():
    """A tree has no part that holds together by itself."""
    ties = tie([*clique(0, 1, 2, 3), (3, 4), (4, 5), (4, 6), (0, 7)])
    assert seams_of(ties, np.zeros(8, np.int32)) == []


def test_no_ties_no_seams():
    assert seams_of(tie([]), np.zeros(3, np.int32)) == []
