"""Confidence: what it is made of, and that of members at 0.8 about 80% belong."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from clustergraph.communities.leiden import Leiden
from clustergraph.communities.pairs import Pairs
from clustergraph.membership.confidence import measure_confidence, measure_stability
from tests.bench.confidence import calibration_error, judged_members, near

WORLDS = (
    {"accounts": 6_000, "evasion": 0.3, "seed": 1},
    {"accounts": 8_000, "evasion": 0.6, "seed": 2, "shared_proxy": True},
    {"accounts": 10_000, "evasion": 0.9, "seed": 3},
    {"accounts": 8_000, "evasion": 0.7, "seed": 4, "towns": 10, "cells": 20},
)


def pairs(*ends, shared=4):
    source, target = np.array(sorted(tuple(sorted(end)) for end in ends), np.int32).T
    ones = np.ones(len(source), np.int32)
    return Pairs(source, target, 20.0 * ones, shared * ones, ones)


def clique(members):
    return list(itertools.combinations(members, 2))


def test_confidence_is_what_the_odds_say_of_members_that_always_stay():
    odds = np.array([-np.inf, -16.0, -1.0, 0.0, 1.0, 2.0, 40.0, 1e5])
    found = measure_confidence(odds, np.ones(8))
    np.testing.assert_allclose(found[1:6] / (1 - found[1:6]), [2.0**-16, 0.5, 1.0, 2.0, 4.0])
    assert found[0] == pytest.approx(0.0, abs=1e-15)
    assert found[-1] == 1.0
    assert (np.diff(found) >= 0).all()
    np.testing.assert_allclose(measure_confidence(odds, np.full(8, 0.5)), found / 2)
    assert (measure_confidence(odds, np.zeros(8)) == 0.0).all()


def test_the_members_of_clear_cliques_always_stay():
    ties = pairs(*clique(range(8)), *clique(range(8, 15)), (0, 8))
    labels = np.array([0] * 8 + [1] * 7 + [-1], np.int32)
    assert measure_stability(labels, ties, Leiden(), samples=20).tolist() == [1.0] * 15 + [0.0]


def test_an_account_between_two_cliques_is_less_sure():
    torn = 16
    ties = pairs(
        *clique(range(8)), *clique(range(8, 16)), *((torn, i) for i in (0, 1, 2, 8, 9, 10)), shared=2
    )
    labels = np.array([0] * 8 + [1] * 8 + [0], np.int32)
    found = measure_stability(labels, ties, Leiden(), samples=40)
    assert 0.2 < found[torn] < 0.8
    assert (found[:torn] > 0.9).all()


def test_nobody_clustered_and_nothing_sampled():
    ties = pairs(*clique(range(4)))
    assert measure_stability(np.full(4, -1, np.int32), ties, Leiden(), samples=3).tolist() == [0.0] * 4
    assert measure_stability(np.zeros(4, np.int32), ties, Leiden(), samples=0).tolist() == [1.0] * 4


def test_a_seed_gives_the_same_again():
    ties, labels = blurred_blocks()
    first, again, other = (measure_stability(labels, ties, Leiden(seed=s), samples=6) for s in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_numbering_changes_no_more_than_drawing_anew():
    ties, labels = blurred_blocks()
    here = measure_stability(labels, ties, Leiden(), samples=40)
    order = np.random.default_rng(1).permutation(len(labels))
    place = np.argsort(order)
    moved = pairs(*zip(place[ties.source].tolist(), place[ties.target].tolist(), strict=True), shared=2)
    there = measure_stability(labels[order], moved, Leiden(), samples=40)[place]
    drawn_anew = measure_stability(labels, ties, Leiden(seed=1_000), samples=40)
    assert np.abs(here - there).mean() < 0.03 + 1.5 * np.abs(here - drawn_anew).mean()
    assert abs(here.mean() - there.mean()) < 0.05
    assert here.std() > 0.02  # there is something to be unsure of


def blurred_blocks():
    """Four blocks of thirty, tied at random: often inside, now and then across."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4, dtype=np.int32), 30)
    ends = [
        (i, j)
        for i, j in itertools.combinations(range(120), 2)
        if rng.random() < (0.22 if labels[i] == labels[j] else 0.04)
    ]
    return pairs(*ends, shared=2), labels


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    return tmp_path_factory.mktemp("worlds")


def judge(worlds, config=None):
    found = [judged_members(world, worlds / str(i), config=config) for i, world in enumerate(WORLDS)]
    return pd.concat(found)


@pytest.fixture(scope="module")
def judged(worlds):
    return judge(worlds)


@pytest.fixture(scope="module")
def doubtful(worlds):
    """Members of whom hardly any odds were asked, so that there are some to be unsure of."""
    return judge(worlds, {"project": {"member_bits": -3.0}})


@pytest.mark.parametrize("low", [0.5, 0.65, 0.75, 0.85, 0.95])
def test_at_least_as_many_belong_as_confidence_says(doubtful, low):
    count, belong = near(doubtful, low, low + 0.1)
    assert count >= 50
    assert belong >= low


def test_most_of_those_who_do_not_belong_are_known_as_unsure(doubtful):
    count, belong = near(doubtful, 0.0, 0.25)
    assert count >= 50
    assert belong < 0.5
    sure, unsure = doubtful[doubtful["confidence"] >= 0.95], doubtful[doubtful["confidence"] < 0.95]
    assert sure["belongs"].mean() > 0.98
    assert unsure["belongs"].mean() < sure["belongs"].mean() - 0.02


def test_confidence_means_what_it_says(judged):
    assert len(judged) > 1_000
    assert calibration_error(judged) < 0.02
    assert judged.loc[judged["confidence"] >= 0.95, "belongs"].mean() > 0.98
