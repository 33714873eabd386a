"""How many ties there are bit by bit: against all pairs by brute force, and in run.json."""

from __future__ import annotations

import numpy as np
import pytest

import clustergraph as cg
from clustergraph.projection.calibration import calibrate
from clustergraph.projection.nulls import shuffle
from clustergraph.projection.prefix_join import PrefixIndex
from clustergraph.projection.tie_counts import BELOW, TieCounts, count_steps, estimate_below
from tests.graphs import link_rows, random_rows


@pytest.fixture
def incidence(engine):
    return link_rows(random_rows(1, accounts=400, kinds=2, values=500, rows=3_000), engine)


def test_steps_of_one_bit_the_last_one_open():
    bits = np.array([5.0, 5.99, 6.0, 7.5, 7.9, 8.0, 300.0])
    assert count_steps(bits, 5.0, 3).tolist() == [2, 1, 4]
    assert count_steps(bits, 5.0 + 1e-12, 3).tolist() == [3, 0, 4]  # rounding puts no tie below the threshold
    assert count_steps(bits[:0], 5.0, 3).tolist() == [0, 0, 0]


def test_what_is_observed_is_what_all_pairs_give(incidence):
    """400 accounts are fewer than are looked at, so that the estimates are exact."""
    ties = cg.project(incidence, tie_bits=7.3, member_bits=1.0)
    bits = PrefixIndex(incidence.graph, 7.3 - BELOW).join(threads=1).bits
    edges = np.append(ties.counts.bits, np.inf)
    assert edges[:6] == pytest.approx([3.3, 4.3, 5.3, 6.3, 7.3, 8.3])
    assert ties.counts.observed.tolist() == np.histogram(bits, edges)[0].tolist()
    assert ties.counts.observed[BELOW:].sum() == len(ties.pairs)


def test_what_chance_gives_is_what_shuffled_copies_have(incidence):
    found = cg.project(incidence, tie_bits=7.3, member_bits=1.0, nulls=60).counts
    fresh = [PrefixIndex(shuffle(incidence.graph, seed=900 + i), 7.3).join(threads=1).bits for i in range(60)]
    expected = np.mean([count_steps(bits, 7.3, 3) for bits in fresh], axis=0)
    chance = [*found.chance[BELOW : BELOW + 2], found.chance[BELOW + 2 :].sum()]
    assert expected[0] > 5
    # Both are means of counts that vary like Poisson's.
    assert (np.abs(chance - expected) < 5 * np.sqrt(2 * (expected + 0.1) / 60)).all()
    assert found.chance[BELOW:].sum() * 2 / 400 == pytest.approx(
        calibrate(incidence.graph, tie_bits=7.3, member_bits=1.0, nulls=60).thresholds.chance_ties
    )


def test_a_sample_of_accounts_is_scaled_to_all(engine, monkeypatch):
    graph = link_rows(random_rows(3, accounts=400, kinds=2, values=500, rows=4_000), engine).graph
    copy = shuffle(graph, seed=1)
    exact = estimate_below(graph, copy, 7.0, seed=0)
    monkeypatch.setattr("clustergraph.projection.tie_counts._ROWS", 100)
    some = [estimate_below(graph, copy, 7.0, seed=seed) for seed in range(30)]
    for name in ("observed", "chance"):
        mean = np.mean([getattr(one, name) for one in some], axis=0)
        assert mean == pytest.approx(getattr(exact, name), rel=0.2, abs=3)
    assert len({one.observed[0] for one in some}) > 1
    # However dear accounts are, one is looked at.
    monkeypatch.setattr("clustergraph.projection.tie_counts._VISITS", 0)
    assert estimate_below(graph, copy, 7.0, seed=0).bits.tolist() == [3.0, 4.0, 5.0, 6.0]


@pytest.mark.parametrize(("tie_bits", "lowest"), [(0.5, []), (1.0, []), (1.5, [0.5]), (3.0, [1.0, 2.0])])
def test_nobody_looks_for_ties_without_evidence(incidence, tie_bits, lowest):
    assert estimate_below(incidence.graph, incidence.graph, tie_bits, seed=0).bits.tolist() == lowest


def test_empty_steps_at_the_end_are_left_out():
    counts = TieCounts(np.array([5.0, 6.0, 7.0]), np.array([0.0, 2.0, 0.0]), np.zeros(3))
    assert counts.to_dicts() == [
        {"bits": 5.0, "observed": 0.0, "chance": 0.0},
        {"bits": 6.0, "observed": 2.0, "chance": 0.0},
    ]
