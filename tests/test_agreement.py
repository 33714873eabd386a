"""B-cubed and pairwise agreement: by hand, by brute force, and as scikit-learn has it."""

from __future__ import annotations

from itertools import combinations
from statistics import fmean
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import homogeneity_score
from sklearn.metrics.cluster import pair_confusion_matrix

from clustergraph.scoring.agreement import Agreement, bcubed, pairs
from tests.labellings import count_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

GROUPS = {"a": "x", "b": "x", "c": "x", "d": "y", "e": "y"}
CLUSTERS = {"a": 1, "b": 1, "d": 1, "stranger": 1, "e": 2, "other": 3, "another": 3}
NAMES = [f"account {number}" for number in range(12)]
LABELLINGS = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3))


def test_bcubed_by_hand():
    found = bcubed(count_labels(GROUPS, CLUSTERS))
    assert found.precision == pytest.approx((2 / 4 + 2 / 4 + 1 + 1 / 4 + 1) / 5)
    assert found.recall == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 / 2 + 1 / 2) / 5)
    assert found.f1 == pytest.approx(2 * found.precision * found.recall / (found.precision + found.recall))
    lenient = bcubed(count_labels(GROUPS, CLUSTERS), outsiders=False)
    assert lenient.precision == pytest.approx((2 / 3 + 2 / 3 + 1 + 1 / 3 + 1) / 5)
    assert lenient.recall == found.recall


def test_pairs_by_hand():
    # Found: ab, ad, bd and, with outsiders, as, bs, ds; true: ab, ac, bc, de; the pair of outsiders is free.
    assert pairs(count_labels(GROUPS, CLUSTERS)) == Agreement(1 / 6, 1 / 4, 2 / 10)
    assert pairs(count_labels(GROUPS, CLUSTERS), outsiders=False) == Agreement(1 / 3, 1 / 4, 2 / 7)


@pytest.mark.parametrize("measure", [bcubed, pairs])
def test_groups_agree_with_themselves(measure):
    assert measure(count_labels(GROUPS, GROUPS)) == Agreement(1.0, 1.0, 1.0)


def test_what_cannot_be_measured_is_none():
    nothing = Agreement(None, None, None)
    assert bcubed(count_labels({}, {})) == pairs(count_labels({}, {})) == nothing
    assert bcubed(count_labels({}, CLUSTERS)) == pairs(count_labels({}, CLUSTERS)) == nothing
    # Nothing is clustered: each is right about itself, and no pair is found.
    assert bcubed(count_labels(GROUPS, {})) == Agreement(1.0, pytest.approx(2 / 5), pytest.approx(4 / 7))
    assert pairs(count_labels(GROUPS, {})) == Agreement(None, 0.0, 0.0)
    # Groups of one have no pairs.
    assert pairs(count_labels({"a": 1, "b": 2}, {"a": 1, "b": 1})) == Agreement(0.0, None, 0.0)


@given(groups=LABELLINGS, clusters=LABELLINGS, outsiders=st.booleans())
def test_bcubed_is_the_mean_over_accounts(groups, clusters, outsiders):
    everyone = groups.keys() | clusters.keys() if outsiders else groups.keys()
    precision, recall = [], []
    for one in groups:
        cluster = {other for other in everyone if _together(clusters, one, other)} | {one}
        group = {other for other in groups if groups[other] == groups[one]}
        precision.append(len(cluster & group) / len(cluster))
        recall.append(len(cluster & group) / len(group))
    found = bcubed(count_labels(groups, clusters), outsiders=outsiders)
    if not groups:
        assert found.precision is None
        return
    assert found.precision == pytest.approx(fmean(precision))
    assert found.recall == pytest.approx(fmean(recall))


@given(groups=LABELLINGS, clusters=LABELLINGS, outsiders=st.booleans())
def test_pairs_are_counted(groups, clusters, outsiders):
    everyone = groups.keys() | clusters.keys() if outsiders else groups.keys()
    of_groups = [pair for pair in combinations(sorted(everyone), 2) if groups.keys() & set(pair)]
    together = {pair for pair in of_groups if _together(clusters, *pair)}
    true = {pair for pair in of_groups if _together(groups, *pair)}
    both = len(together & true)
    assert pairs(count_labels(groups, clusters), outsiders=outsiders) == Agreement(
        both / len(together) if together else None,
        both / len(true) if true else None,
        2 * both / (len(together) + len(true)) if together or true else None,
    )


def _together(labels: Mapping[str, int], one: str, other: str) -> bool:
    return one in labels and other in labels and labels[one] == labels[other]


@given(groups=st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3), min_size=1), clusters=LABELLINGS)
def test_without_outsiders_pairs_are_those_of_scikit_learn(groups, clusters):
    true = list(groups.values())
    found = [clusters.get(one, f"alone {one}") for one in groups]
    (_, false_found), (missed, both) = pair_confusion_matrix(true, [str(one) for one in found]) // 2
    assert pairs(count_labels(groups, clusters), outsiders=False) == Agreement(
        both / (both + false_found) if both + false_found else None,
        both / (both + missed) if both + missed else None,
        2 * both / (2 * both + false_found + missed) if both + false_found + missed else None,
    )


@given(groups=st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3), min_size=1), clusters=LABELLINGS)
def test_bcubed_is_perfect_where_scikit_learn_finds_no_mixture(groups, clusters):
    true = list(groups.values())
    labels = [str(clusters.get(one, f"alone {one}")) for one in groups]
    found = bcubed(count_labels(groups, clusters), outsiders=False)
    assert (found.precision == pytest.approx(1.0)) == (homogeneity_score(true, labels) > 1 - 1e-9)
    assert (found.recall == pytest.approx(1.0)) == (homogeneity_score(labels, true) > 1 - 1e-9)


@given(groups=LABELLINGS, clusters=LABELLINGS, order=st.randoms())
def test_order_and_names_do_not_matter(groups, clusters, order):
    def shuffle(labels: Mapping[str, int]) -> dict[str, str]:
        rows = list(labels.items())
        order.shuffle(rows)
        return {one: f"label {-label}" for one, label in rows}

    for measure in (bcubed, pairs):
        same = measure(count_labels(shuffle(groups), shuffle(clusters)))
        assert same == measure(count_labels(groups, clusters))
