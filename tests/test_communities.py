"""Leiden by both engines, on graphs whose communities are known."""

from __future__ import annotations

import igraph
import networkx as nx
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from clustergraph.communities.detection import find_communities
from clustergraph.communities.grouping import connected_parts, number_by_first
from clustergraph.communities.leiden import Leiden, partition_graph
from clustergraph.communities.pairs import Pairs

ENGINES = ["igraph", "leidenalg"]


def planted(seed: int = 1, groups: int = 6, size: int = 25):
    graph = nx.planted_partition_graph(groups, size, 0.5, 0.02, seed=seed)
    edges = np.array(sorted((min(e), max(e)) for e in graph.edges))
    return edges[:, 0], edges[:, 1], np.repeat(np.arange(groups), size)


def as_ties(source, target, bits) -> Pairs:
    ones = np.ones(len(source), np.int32)
    return Pairs(source.astype(np.int32), target.astype(np.int32), np.asarray(bits, float), ones, ones)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("objective", "resolution"), [("modularity", 1.0), ("CPM", 1.0)])
def test_finds_planted_communities(engine, objective, resolution):
    source, target, truth = planted()
    weights = np.full(len(source), 10.0)
    found = partition_graph(
        len(truth), source, target, weights, Leiden(engine, objective, resolution, seed=3)
    )
    assert adjusted_rand_score(truth, found) > 0.99


def test_both_engines_reach_the_same_modularity():
    source, target, truth = planted(seed=4)
    weights = np.random.default_rng(0).uniform(5, 30, len(source))
    graph = igraph.Graph(n=len(truth), edges=list(zip(source.tolist(), target.tolist(), strict=True)))
    reached = [
        graph.modularity(
            partition_graph(len(truth), source, target, weights, Leiden(engine)).tolist(), weights
        )
        for engine in ENGINES
    ]
    assert reached[0] == pytest.approx(reached[1], rel=0.01)


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_decide(engine):
    ring = np.arange(12)
    source, target = ring, (ring + 1) % 12
    weights = np.where(ring % 4 == 3, 0.01, 50.0)
    found = partition_graph(12, source, target, weights, Leiden(engine))
    assert [len(set(found[i : i + 4])) for i in (0, 4, 8)] == [1, 1, 1]
    assert len(set(found)) == 3


@pytest.mark.parametrize("engine", ENGINES)
def test_a_seed_gives_one_partition(engine):
    source, target, truth = planted(seed=7, groups=10, size=12)
    weights = np.full(len(source), 12.0)
    one, two = (
        partition_graph(len(truth), source, target, weights, Leiden(engine, seed=5)) for _ in range(2)
    )
    assert one.tolist() == two.tolist()


def test_resolution_of_cpm_is_the_least_mean_evidence_inside():
    pairs = [(i, j) for i in range(8) for j in range(i + 1, 8)]
    source, target = (np.array(side) for side in zip(*pairs, strict=True))
    weights = np.full(len(pairs), 10.0)
    whole = partition_graph(8, source, target, weights, Leiden(objective="CPM", resolution=9.0))
    apart = partition_graph(8, source, target, weights, Leiden(objective="CPM", resolution=11.0))
    assert len(set(whole)) == 1
    assert len(set(apart)) == 8


def test_communities_are_connected_and_large_enough():
    source, target, _ = planted(seed=9)
    extra = np.array([[200, 201], [202, 203], [203, 204]])
    source, target = np.r_[source, extra[:, 0]], np.r_[target, extra[:, 1]]
    ties = as_ties(source, target, np.full(len(source), 10.0))
    labels = find_communities(210, ties, Leiden(), min_accounts=3)
    graph = nx.Graph(zip(source.tolist(), target.tolist(), strict=True))
    for label in range(labels.max() + 1):
        members = np.flatnonzero(labels == label)
        assert len(members) >= 3
        assert nx.is_connected(graph.subgraph(members.tolist()))
    assert labels[200] == labels[201] == -1
    assert labels[202] == labels[203] == labels[204] >= 0
    assert (labels[205:] == -1).all()
    firsts = [int(np.flatnonzero(labels == label)[0]) for label in range(labels.max() + 1)]
    assert firsts == sorted(firsts)


def test_no_ties_no_communities():
    none = np.zeros(0, np.int32)
    assert find_communities(5, as_ties(none, none, none), Leiden(), min_accounts=3).tolist() == [-1] * 5


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
