"""How likely chance makes a cluster: against simulated runs, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustergraph.projection.significance import (
    NO_CHANCE,
    find_p_values,
    find_q_values,
    learn_strength,
)

STRENGTHS = st.lists(st.floats(0, 500), max_size=40).map(np.array)


def draw_decoys(rng, rate, mean, runs):
    """Draw the decoys of several runs: their number is Poisson, their strengths are exponential."""
    return rng.exponential(mean, rng.poisson(rate * runs))


@pytest.mark.parametrize("runs", [2.0, 20.0])
@pytest.mark.parametrize("rate", [10.0, 100.0])
def test_e_values_are_those_of_simulated_runs_or_a_little_above(rate, runs):
    """Chance gives ``rate * exp(-strength / mean)`` clusters: seldom told fewer, and not many times more."""
    rng = np.random.default_rng(0)
    strength = np.array([5.0, 30.0, 60.0])
    expected = rate * np.exp(-strength / 6.0)
    told = []
    for _ in range(400):
        decoys = draw_decoys(rng, rate, 6.0, runs)
        told.append(learn_strength(decoys, np.ones(len(decoys)), runs).expect(strength))
    told = np.array(told)
    # In the tail an upper bound of 95% of two things at once; below it, the count.
    assert (told[:, 1:] >= expected[1:]).mean() > 0.9
    if rate * runs >= 200:
        assert np.median(told[:, 0]) == pytest.approx(expected[0], rel=0.25)
    assert np.median(told[:, 1] / expected[1]) < (30 if rate * runs < 50 else 5)


def test_p_values_are_calibrated_on_fresh_runs():
    """The strongest cluster of a run that chance made has a p-value under 5% in at most one run of twenty."""
    rng = np.random.default_rng(1)
    least = []
    for _ in range(400):
        decoys = draw_decoys(rng, 30.0, 6.0, 8.0)
        chance = learn_strength(decoys, np.ones(len(decoys)), 8.0)
        fresh = draw_decoys(rng, 30.0, 6.0, 1.0)
        least.append(find_p_values(chance.expect(fresh)).min())
    assert 0.005 < np.mean(np.array(least) < 0.05) < 0.07
    assert np.mean(np.array(least) < 0.5) > 0.25


def test_clusters_that_are_false_are_no_larger_a_share_than_the_q_value():
    """Of clusters with a q-value up to 10%, about 10% or fewer are chance's."""
    rng = np.random.default_rng(2)
    false = found = 0
    for _ in range(150):
        decoys = draw_decoys(rng, 40.0, 6.0, 8.0)
        chance = learn_strength(decoys, np.ones(len(decoys)), 8.0)
        of_chance, true = draw_decoys(rng, 40.0, 6.0, 1.0), rng.normal(30.0, 10.0, 60)
        strength = np.concatenate([of_chance, true])
        kept = find_q_values(strength, chance.expect(strength)) <= 0.1
        false += int(kept[: len(of_chance)].sum())
        found += int(kept.sum())
    assert found / 150 > 40
    assert 0.03 < false / found <= 0.1


def test_decoys_are_counted_by_hand():
    decoys = np.arange(1.0, 101.0)
    chance = learn_strength(decoys, np.ones(100), 4.0)
    # The strongest quarter is the tail; beneath it a run gives the decoys counted over the runs.
    assert chance.edge == 76.0
    assert chance.expect(np.array([50.0, 50.5, 1.0, 0.0])).tolist() == [51 / 4, 50 / 4, 25.0, 25.0]
    assert chance.expect(np.array([100.0]))[0] >= 1 / 4


def test_a_part_of_a_decoy_counts_its_part():
    decoys = np.arange(1.0, 101.0)
    halves = learn_strength(decoys, np.full(100, 0.5), 2.0)
    whole = learn_strength(decoys, np.ones(100), 4.0)
    assert halves.expect(np.array([10.0, 50.0])) == pytest.approx(whole.expect(np.array([10.0, 50.0])))
    unseen = learn_strength(np.append(decoys, 1e9), np.append(np.ones(100), 0.0), 4.0)
    assert unseen.expect(decoys).tolist() == whole.expect(decoys).tolist()


def test_order_of_decoys_changes_nothing():
    rng = np.random.default_rng(3)
    decoys, weight = rng.exponential(5.0, 60), rng.random(60)
    order = rng.permutation(60)
    at = np.linspace(0, 60, 100)
    here, there = learn_strength(decoys, weight, 3.0), learn_strength(decoys[order], weight[order], 3.0)
    assert here.expect(at).tolist() == pytest.approx(there.expect(at).tolist())


def test_no_decoys_at_all():
    """Nothing seen in four runs: at most three in four runs, less for a stronger cluster."""
    chance = learn_strength(np.zeros(0), np.zeros(0), 4.0)
    found = chance.expect(np.array([0.0, 1.0, 50.0, 200.0]))
    assert found[0] == pytest.approx(2.9957 / 4, abs=1e-4)
    assert (np.diff(found) < 0).all()
    assert found[-1] < 1e-3
    assert find_p_values(found)[0] == pytest.approx(1 - np.exp(-2.9957 / 4), abs=1e-4)


def test_where_chance_was_not_looked_at_nothing_is_found():
    assert NO_CHANCE.expect(np.zeros(0)).tolist() == []
    assert find_p_values(np.zeros(0)).tolist() == find_q_values(np.zeros(0), np.zeros(0)).tolist() == []


@given(decoys=STRENGTHS, at=STRENGTHS, runs=st.floats(0.1, 20))
def test_a_stronger_cluster_is_never_likelier(decoys, at, runs):
    chance = learn_strength(decoys, np.ones(len(decoys)), runs)
    levels = np.sort(np.concatenate([at, decoys, decoys + 1e-9, [0.0]]))
    expected = chance.expect(levels)
    assert (np.diff(expected) <= 1e-12 * expected[0]).all()
    assert (expected >= 0).all()
    assert np.isfinite(expected).all()


def test_p_values_by_hand():
    found = find_p_values(np.array([0.0, 1e-12, np.log(2), 1e9]))
    np.testing.assert_allclose(found, [0.0, 1e-12, 0.5, 1.0], rtol=1e-9)


def test_q_values_by_hand():
    # Of the strongest 1, 2, 3, 4 clusters, chance gives so many; the third's rate is that of the fourth.
    strength, expected = np.array([40.0, 30.0, 20.0, 10.0]), np.array([0.01, 0.1, 0.6, 0.7])
    by_hand = [0.01, 0.05, 0.175, 0.175]
    np.testing.assert_allclose(find_q_values(strength, expected), by_hand)
    order = np.array([2, 0, 3, 1])
    np.testing.assert_allclose(find_q_values(strength[order], expected[order]), np.array(by_hand)[order])


def test_equal_clusters_have_equal_q_values():
    found = find_q_values(np.array([5.0, 9.0, 5.0, 5.0]), np.array([2.0, 0.5, 2.0, 2.0]))
    np.testing.assert_allclose(found, [0.5, 0.5, 0.5, 0.5])


def test_a_q_value_is_never_above_one():
    assert find_q_values(np.array([3.0, 1.0]), np.array([50.0, 90.0])).tolist() == [1.0, 1.0]


@given(strength=STRENGTHS, decoys=STRENGTHS)
def test_q_values_fall_as_strength_rises(strength, decoys):
    expected = learn_strength(decoys, np.ones(len(decoys)), 3.0).expect(strength)
    found = find_q_values(strength, expected)
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found[np.argsort(-strength, kind="stable")]) >= 0).all()
