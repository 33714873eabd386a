"""Shuffled copies: the same degrees, no double links, and wired as chance would."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from clustergraph.incidence import strata
from clustergraph.projection.nulls import shuffle
from tests.graphs import LOCAL, link_rows, placed_rows, random_rows

# Every signal is shared, so that an account's links are all of its slots.
RING = [(f"a{i:02d}", "k", f"v{(i + step) % 12}") for i in range(24) for step in (0, 1, 3)]
SMALL = [
    (account, "k", value)
    for account, values in {"a": "uvw", "b": "uv", "c": "ux", "d": "wx", "e": "v", "f": "u"}.items()
    for value in values
]


def rows_of(graph):
    return [graph.indices[graph.indptr[a] : graph.indptr[a + 1]].tolist() for a in range(graph.accounts)]


def slots_by_stratum(graph):
    """Signals of each stratum that each account has, those that it shares with nobody included."""
    counts = np.zeros((graph.accounts, len(graph.strata.kind)), np.int64)
    stratum = np.repeat(np.arange(len(graph.strata.kind)), np.diff(graph.strata.start))
    counts[graph.strata.account, stratum] = graph.strata.slots
    return counts


def links_by_stratum(graph):
    """Links of each account and stratum, of the signals that the graph has."""
    counts = np.zeros((graph.accounts, len(graph.strata.kind)), np.int64)
    account = np.repeat(np.arange(graph.accounts), np.diff(graph.indptr))
    np.add.at(counts, (account, graph.cells.stratum[graph.signal_cell[graph.indices]]), 1)
    return counts


@pytest.fixture
def placed(engine, monkeypatch):
    """A graph in which most signals of two kinds are in strata by place."""
    monkeypatch.setattr(strata, "LEAST_SLOTS", 20)
    graph = link_rows(placed_rows(3, accounts=150, values=40, rows=2_000), engine, families=LOCAL).graph
    assert len(graph.strata.kind) == 3 + 2 * 4
    return graph


@pytest.mark.parametrize("seed", range(5))
def test_every_signal_keeps_its_accounts_and_no_account_has_one_twice(engine, seed):
    graph = link_rows(random_rows(seed, accounts=300, kinds=3, values=200, rows=3_000), engine).graph
    copy = shuffle(graph, seed=seed)
    # Many slots of unshared signals lie in the urn, so that there is always somebody left to draw.
    assert np.bincount(copy.indices, minlength=len(graph.signal_degree)).tolist() == (
        graph.signal_degree.tolist()
    )
    for row in rows_of(copy):
        assert row == sorted(set(row))


def test_degrees_are_kept_where_the_last_signals_find_little_to_draw_from(engine):
    graph = link_rows(RING, engine).graph
    for seed in range(100):
        copy = shuffle(graph, seed=seed)
        assert (links_by_stratum(copy) == slots_by_stratum(graph)).all()
        assert all(row == sorted(set(row)) for row in rows_of(copy))


def test_no_account_gets_more_signals_of_a_kind_than_it_has(engine):
    graph = link_rows(random_rows(7, accounts=200, kinds=3, values=300, rows=1_500), engine).graph
    assert_slots_are_kept(graph)


def test_no_account_gets_more_signals_of_a_stratum_than_it_has(placed):
    assert_slots_are_kept(placed)


def assert_slots_are_kept(graph):
    slots, links = slots_by_stratum(graph), links_by_stratum(graph)
    assert (slots > links).any()
    for seed in range(20):
        copy = shuffle(graph, seed=seed)
        assert (links_by_stratum(copy) <= slots).all()
        assert (links_by_stratum(copy).sum(axis=0) == links.sum(axis=0)).all()
        assert all(row == sorted(set(row)) for row in rows_of(copy))
        stratum = graph.cells.stratum[graph.signal_cell[copy.indices]]
        account = np.repeat(np.arange(graph.accounts), np.diff(copy.indptr))
        assert (copy.slots == slots[account, stratum]).all()


def test_strata_are_kept_where_every_slot_is_drawn(engine, monkeypatch):
    monkeypatch.setattr(strata, "LEAST_SLOTS", 10)
    rows = [(f"{place}{account}", kind, f"{place}{value}", place)
            for place in "xyz" for account, kind, value in RING]  # fmt: skip
    graph = link_rows(rows, engine, families={"k": "network"}).graph
    assert (slots_by_stratum(graph) > 0).sum(axis=1).tolist() == [1] * graph.accounts
    for seed in range(30):
        copy = shuffle(graph, seed=seed)
        assert (links_by_stratum(copy) == slots_by_stratum(graph)).all()
        assert rows_of(copy) != rows_of(graph)


def test_everything_but_the_links_stays(engine):
    graph = link_rows(random_rows(2), engine).graph
    copy = shuffle(graph, seed=1)
    for name in ("signal_cell", "signal_degree", "cells", "strata"):
        assert getattr(copy, name) is getattr(graph, name)


def test_a_seed_gives_one_copy_and_another_seed_another(engine):
    graph = link_rows(random_rows(3, accounts=100, rows=900), engine).graph
    first, again, other = (shuffle(graph, seed=seed) for seed in (4, 4, 5))
    assert first.indices.tobytes() == again.indices.tobytes()
    assert first.indptr.tobytes() == again.indptr.tobytes()
    assert first.indices.tobytes() != other.indices.tobytes()
    assert first.indices.tobytes() != graph.indices.tobytes()


def test_a_copy_depends_on_degrees_alone(engine):
    graph = link_rows(random_rows(3, accounts=100, rows=900), engine).graph
    copy = shuffle(shuffle(graph, seed=9), seed=4)
    assert copy.indices.tobytes() == shuffle(graph, seed=4).indices.tobytes()


def test_a_signal_of_everybody_stays_with_everybody(engine):
    rows = [(f"a{i}", "k", "all") for i in range(20)] + random_rows(1, accounts=20, kinds=1, rows=60)
    rows += [(account, "k", "all") for account in {row[0] for row in rows}]
    graph = link_rows(rows, engine).graph
    everywhere = int(np.argmax(graph.signal_degree))
    for seed in range(10):
        assert all(everywhere in row for row in rows_of(shuffle(graph, seed=seed)))


def sample_by_rejection(graph, rng):
    """Match slots of accounts and signals at random until nothing is doubled: exactly uniform."""
    accounts = np.repeat(np.arange(graph.accounts), np.diff(graph.indptr))
    signals = np.repeat(np.arange(len(graph.signal_degree)), graph.signal_degree)
    while True:
        links = set(zip(rng.permutation(accounts).tolist(), signals.tolist(), strict=True))
        if len(links) == len(accounts):
            return links


def shared_by_pairs(rows):
    """How many pairs of accounts share 0, 1, 2, ... signals."""
    sets = [set(row) for row in rows]
    counts = Counter(len(one & two) for i, one in enumerate(sets) for two in sets[:i])
    return tuple(counts[shared] for shared in range(4))


@pytest.mark.parametrize("rows", [RING, SMALL], ids=["sparse", "dense"])
def test_links_are_as_likely_as_in_uniform_samples(engine, rows):
    graph = link_rows(rows, engine).graph
    rng = np.random.default_rng(0)
    ours, theirs = (np.zeros((graph.accounts, len(graph.signal_degree))) for _ in range(2))
    for seed in range(samples := 1_500):
        for account, row in enumerate(rows_of(shuffle(graph, seed=seed))):
            ours[account, row] += 1
        for account, signal in sample_by_rejection(graph, rng):
            theirs[account, signal] += 1
    assert np.abs(ours - theirs).max() / samples < 0.09


def test_shared_signals_are_distributed_as_in_uniform_samples(engine):
    graph = link_rows(RING, engine).graph
    rng = np.random.default_rng(1)
    ours, theirs = Counter(), Counter()
    for seed in range(1_500):
        ours[shared_by_pairs(rows_of(shuffle(graph, seed=seed)))[2:]] += 1
        rows = [[] for _ in range(graph.accounts)]
        for account, signal in sample_by_rejection(graph, rng):
            rows[account].append(signal)
        theirs[shared_by_pairs(rows)[2:]] += 1
    common = [key for key in ours | theirs if ours[key] + theirs[key] >= 20]
    table = [[counts[key] for key in common] for counts in (ours, theirs)]
    assert len(common) > 5
    assert chi2_contingency(table).pvalue > 0.001
