"""Signals that more accounts have than is natural for their kind, and clusters that start from them."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clustergraph as cg
from clustergraph.incidence.natural_degrees import find_degree_bound
from clustergraph.simulation import simulate


def bound(*counts, unshared):
    """Find the bound of (degree, how many signals have it)."""
    degree = np.concatenate([np.full(count, d, np.int32) for d, count in counts])
    return find_degree_bound(degree, unshared=unshared)


def test_forty_on_one_card_are_unheard_of_where_cards_have_one_or_two_holders():
    assert 2 < bound((2, 2_500), (40, 1), unshared=38_000) <= 40


def test_a_ring_of_cards_does_not_make_itself_natural():
    assert 2 < bound((2, 2_500), (12, 60), (40, 1), unshared=38_000) <= 40


def test_forty_on_one_address_are_nothing_where_addresses_have_hundreds_of_holders():
    degree = np.floor(2 * np.random.default_rng(0).random(5_000) ** (-1 / 1.2)).astype(np.int32)
    assert find_degree_bound(degree, unshared=20_000) > degree.max()


def test_nothing_is_said_of_a_kind_that_is_hardly_known():
    assert bound((2, 5), (40, 1), unshared=20) == np.inf
    assert find_degree_bound(np.zeros(0, np.int32), unshared=5_000) == np.inf


@settings(max_examples=60, deadline=None)
@given(exponent=st.floats(0.8, 4.0), seed=st.integers(0, 1_000))
def test_a_tail_of_its_own_making_is_natural(exponent, seed):
    degree = np.floor(2 * np.random.default_rng(seed).random(3_000) ** (-1 / exponent)).astype(np.int64)
    degree = np.minimum(degree, 1_000_000).astype(np.int32)
    flagged = (degree >= find_degree_bound(degree, unshared=30_000)).sum()
    assert flagged <= 1  # less than a hundredth of a signal is expected


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lone")
    simulate(folder, accounts=8_000, evasion=0.3, seed=5, shared_cards=False, lone_card=40, lone_exit=40)
    return folder


@pytest.mark.parametrize("lone_signals", [True, False])
def test_a_lone_card_is_found_and_a_lone_address_is_not(world, lone_signals):
    run = cg.run(world / "events", config={"partition": {"lone_signals": lone_signals}})
    truth = pq.read_table(world / "truth.parquet", columns=["account_id", "cohort"]).to_pandas()
    members = run.members.to_pandas().merge(truth, on="account_id")
    lone = members[members["cohort"] == "lone_card"]
    assert (members["cohort"] != "lone_exit").all()
    if not lone_signals:
        assert lone.empty
        return
    assert len(lone) == 40
    assert (members["cluster_id"] == lone["cluster_id"].iloc[0]).sum() == 40
