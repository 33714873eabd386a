"""Connected parts, blocks and cuts of graphs, against networkx."""

from __future__ import annotations

import networkx as nx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from clustergraph.communities.blocks import find_blocks, find_cuts, find_parts, thin_out

VERTICES = 14
EDGES = st.lists(
    st.tuples(st.integers(0, VERTICES - 1), st.integers(0, VERTICES - 1)).filter(lambda e: e[0] < e[1]),
    max_size=24, unique=True,
)  # fmt: skip


def ends(edges):
    return (np.array([edge[i] for edge in edges], np.int32) for i in (0, 1))


def graph_of(edges):
    graph = nx.Graph(edges)
    graph.add_nodes_from(range(VERTICES))
    return graph


@settings(deadline=None)  # the first call compiles
@given(EDGES)
def test_blocks_are_those_of_networkx(edges):
    vertex, block = find_blocks(VERTICES, *ends(edges))
    found = [frozenset(vertex[block == one].tolist()) for one in range(int(block.max(initial=-1)) + 1)]
    assert sorted(map(sorted, found)) == sorted(map(sorted, nx.biconnected_components(graph_of(edges))))


@settings(deadline=None)
@given(EDGES)
def test_parts_are_those_of_networkx(edges):
    parts = find_parts(VERTICES, *ends(edges))
    for component in nx.connected_components(graph_of(edges)):
        assert {int(parts[one]) for one in component} == {min(component)}


@settings(deadline=None)
@given(EDGES)
def test_cuts_separate_what_networkx_says(edges):
    graph = graph_of(edges)
    found = find_cuts(VERTICES, *ends(edges))
    assert {one.vertex for one in found} == set(nx.articulation_points(graph))
    for one in found:
        own = nx.node_connected_component(graph, one.vertex) - {one.vertex}
        parts = nx.connected_components(graph.subgraph(own))
        assert one.parts == tuple(sorted(map(len, parts), reverse=True))
    assert found == sorted(found, key=lambda one: (-one.apart, one.vertex))


@settings(deadline=None)
@given(EDGES, st.randoms(use_true_random=False))
def test_few_edges_make_the_same_blocks_with_whatever_others(edges, random):
    added = [edge for edge in edges if random.random() < 0.3]
    given_edges = [edge for edge in edges if edge not in added]
    kept = [given_edges[i] for i in thin_out(VERTICES, *ends(given_edges))]
    assert len(kept) <= 2 * (VERTICES - 1)
    whole, thin = graph_of(edges), graph_of(kept + added)
    for blocks in (nx.biconnected_components, nx.connected_components):
        assert sorted(map(sorted, blocks(thin))) == sorted(map(sorted, blocks(whole)))


def test_a_long_chain_needs_no_deep_stack():
    chain = [(i, i + 1) for i in range(200_000)]
    found = find_cuts(200_001, *ends(chain))
    assert len(found) == 199_999
    assert found[0].parts == (100_000, 100_000)
