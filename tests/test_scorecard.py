"""The scorecard: by hand, by brute force, and what does not change it."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import clustergraph as cg
from clustergraph.artefacts.runs import Run
from clustergraph.errors import InputError, UsageError
from clustergraph.scoring.listing import TOPS, CohortScore, Precision
from tests.scored_runs import make_run, make_tables, make_truth

VOLUMES = {"a": 10, "b": 20, "c": 30, "d": 1, "e": 2, "f": 70}
TRUTH = make_truth(
    {"x": "a b c", "y": "d e", "z": "f", "": "p q"},
    exchanges=VOLUMES,
    cohort={"a": "campaign", "b": "campaign", "c": "club", "d": "club", "e": "club", "f": "decoy"},
)
# Half of the first cluster is x, with a stranger s that the truth does not list.
RUN = make_run(
    ["a b d s", "e p", "q r"],
    exchanges=[100, 50, 10],
    explained_by=[None, None, "organization"],
)


def test_groups_by_hand():
    x, y, z = sorted(cg.score(RUN, TRUTH).groups, key=lambda one: one.group)
    assert (x.accounts, x.cluster_id, x.rank, x.pieces, x.cohort) == (3, "c00000001", 1, 0, "campaign")
    assert (x.precision, x.recall, x.f1) == (2 / 4, 2 / 3, 4 / 7)
    assert (x.volume_true, x.volume_found) == (60.0, 100.0)
    # e and p: 2 * 1 / (2 + 2); d in the first cluster: 2 * 1 / (2 + 4).
    assert (y.accounts, y.rank, y.precision, y.recall, y.f1) == (2, 2, 0.5, 0.5, 0.5)
    assert (y.volume_true, y.volume_found) == (3.0, 50.0)
    assert (z.accounts, z.volume_true, z.pieces, z.cohort) == (1, 70.0, 0, "decoy")
    nothing = (z.cluster_id, z.rank, z.precision, z.recall, z.f1, z.volume_found, z.explained_by)
    assert nothing == (None,) * 7


def test_groups_are_in_the_order_of_their_volume_and_then_their_names():
    assert [one.group for one in cg.score(RUN, TRUTH).groups] == ["z", "x", "y"]
    equal = make_truth({"b": "p", "c": "q", "a": "r"}, exchanges={"p": 1, "q": 2, "r": 1})
    assert [one.group for one in cg.score(RUN, equal).groups] == ["c", "a", "b"]


def test_without_volumes_they_are_none():
    found = cg.score(RUN, TRUTH.drop_columns(["exchanges"])).groups
    assert [(one.group, one.volume_true) for one in found] == [("x", None), ("y", None), ("z", None)]
    assert found[0].volume_found == 100.0


def test_volumes_that_were_given_are_what_was_found():
    tables = make_tables(["a b d s"], exchanges=[100], extraction_volume=[2.5])
    weighted = cg.score(Run.from_tables(tables, {"input": {"ranked_by": "extraction_volume"}}), TRUTH)
    given = cg.score(Run.from_tables(tables, {"input": {"ranked_by": "volumes"}}), TRUTH)
    found = [next(one for one in card.groups if one.group == "x").volume_found for card in (weighted, given)]
    assert found == [100.0, 2.5]


@pytest.mark.parametrize(
    ("group", "clusters", "best"),
    [
        ("a b c d", ["a b p q r s t u v w x y z", "c d"], 2),  # the highest F1, though it is behind
        ("a b c d", ["a", "b c d p q r s t u v w"], 2),  # 2/5 and 6/15: equal; more of the group
        ("a b c d", ["a b", "c d"], 1),  # equal in all: the first in rank
    ],
)
def test_ties_go_to_more_accounts_and_then_to_the_lower_rank(group, clusters, best):
    (found,) = cg.score(make_run(clusters), make_truth({"g": group})).groups
    assert found.rank == best


@pytest.mark.parametrize(
    ("size", "held", "pieces"),
    [(10, (3, 2), 1), (10, (3, 3), 2), (400, (3, 4), 1), (400, (3, 3), 0), (2, (2,), 0)],
)
def test_pieces_have_three_accounts_and_a_hundredth(size, held, pieces):
    names = iter(f"m{number}" for number in range(size))
    clusters = [" ".join(next(names) for _ in range(count)) for count in held]
    truth = make_truth({"g": " ".join(f"m{number}" for number in range(size))})
    assert cg.score(make_run(clusters), truth).groups[0].pieces == pieces


def test_a_groups_cohort_is_that_of_most_and_the_first_by_name():
    truth = make_truth(
        {"x": "a b c", "y": "d e"},
        cohort={"a": "club", "b": "tool", "c": "tool", "d": "tool", "e": "club"},
    )
    assert [one.cohort for one in cg.score(RUN, truth).groups] == ["tool", "club"]
    assert cg.score(RUN, truth.drop_columns(["cohort"])).groups[0].cohort is None


def test_what_explains_the_best_cluster_is_said():
    (found,) = cg.score(RUN, make_truth({"g": "q r"})).groups
    assert found.explained_by == "organization"


def test_agreement_is_over_the_accounts_of_groups():
    card = cg.score(RUN, TRUTH)
    assert card.bcubed.precision == pytest.approx((2 / 4 + 2 / 4 + 1 + 1 / 4 + 1 / 2 + 1) / 6)
    assert card.bcubed.recall == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 / 2 + 1 / 2 + 1) / 6)
    assert card.bcubed_grouped.precision == pytest.approx((2 / 3 + 2 / 3 + 1 + 1 / 3 + 1 + 1) / 6)
    # ab, ad, bd, as, bs, ds, ep are found; ab, ac, bc, de are true.
    assert (card.pairs.precision, card.pairs.recall, card.pairs.f1) == (1 / 7, 1 / 4, 2 / 11)
    assert card.pairs_grouped.precision == 1 / 3


def test_cohorts_are_counted():
    assert cg.score(RUN, TRUTH).cohorts == {
        "campaign": CohortScore(2, 2, dict.fromkeys(TOPS, 2)),
        "club": CohortScore(3, 2, dict.fromkeys(TOPS, 2)),
        "decoy": CohortScore(1, 0, dict.fromkeys(TOPS, 0)),
        "none": CohortScore(2, 2, dict.fromkeys(TOPS, 2)),
    }
    assert cg.score(RUN, TRUTH.drop_columns(["cohort"])).cohorts == {
        "grouped": CohortScore(6, 4, dict.fromkeys(TOPS, 4)),
        "ungrouped": CohortScore(2, 2, dict.fromkeys(TOPS, 2)),
    }


def test_first_ranks_end_where_they_say():
    clusters = [f"a{rank} b{rank} c{rank}" for rank in range(1, 61)]
    accounts = " ".join(clusters)
    truth = make_truth({"g": accounts}, cohort=dict.fromkeys(accounts.split(), "k"))
    (found,) = cg.score(make_run(clusters), truth).cohorts.values()
    assert found == CohortScore(180, 180, {10: 30, 20: 60, 50: 150})


def test_precision_at_by_hand():
    # Campaigns and decoys: a and b in the first cluster, which is half of it and no majority.
    card = cg.score(RUN, TRUTH)
    assert card.coordinated == ("campaign", "decoy", "cell")
    assert card.precision_at[10] == Precision(2 / 8, 0.0)
    assert card.precision_at_unexplained[10] == Precision(2 / 6, 0.0)
    clubs = cg.score(RUN, TRUTH, coordinated=["club"])
    assert clubs.coordinated == ("club",)
    assert clubs.precision_at[50] == Precision(2 / 8, 0.0)
    # Without cohorts: a b d, e of 8; the first cluster alone has a majority.
    groups = cg.score(RUN, TRUTH.drop_columns(["cohort"]))
    assert groups.coordinated is None
    assert groups.precision_at[10] == Precision(4 / 8, 1 / 3)
    assert groups.precision_at_unexplained[10] == Precision(4 / 6, 1 / 2)


def test_a_coordinated_account_is_in_a_group():
    truth = make_truth({"": "a b d s"}, cohort=dict.fromkeys("abds", "campaign"))
    assert cg.score(RUN, truth).precision_at[10].accounts == 0.0


def test_precision_is_of_the_first_ranks_only():
    clusters = [f"g{rank} h{rank}" if rank > 15 else f"p{rank} q{rank} r{rank}" for rank in range(1, 31)]
    grouped = " ".join(clusters[15:])
    card = cg.score(make_run(clusters), make_truth({"g": grouped}))
    assert card.precision_at == {
        10: Precision(0.0, 0.0),
        20: Precision(10 / 55, 5 / 20),
        50: Precision(30 / 75, 15 / 30),
    }


def test_a_run_without_clusters_and_a_truth_without_groups():
    card = cg.score(make_run([]), TRUTH)
    assert [one.rank for one in card.groups] == [None] * 3
    assert (card.bcubed.precision, card.pairs.precision, card.pairs.f1) == (1.0, None, 0.0)
    assert card.precision_at[10] == Precision(None, None)
    assert card.warnings == ()
    nobody = cg.score(RUN, make_truth({"": "a b"}))
    assert (nobody.groups, nobody.bcubed.f1, nobody.pairs.f1) == ((), None, None)
    assert nobody.precision_at[10] == Precision(0.0, 0.0)
    assert nobody.warnings == ("the truth puts no account in a group: there is nothing to agree with",)


def test_a_truth_of_other_traffic_is_told():
    (said,) = cg.score(RUN, make_truth({"g": "nobody here"})).warnings
    assert said == "none of the 8 clustered accounts is in the truth; is it of the same traffic?"


def test_a_cohort_that_is_not_there_is_told():
    assert cg.score(RUN, TRUTH, coordinated=["clubs"]).warnings == ("the truth has no cohort 'clubs'",)
    with pytest.raises(UsageError, match="has no column 'cohort'"):
        cg.score(RUN, TRUTH.drop_columns(["cohort"]), coordinated=["club"])


def test_members_of_a_cluster_that_is_not_there_are_refused():
    tables = make_tables(["a b", "c d"])
    broken = Run.from_tables(tables | {"clusters": tables["clusters"].slice(0, 1)}, {})
    with pytest.raises(InputError, match=r"clusters\.parquet lacks 'c00000002'"):
        cg.score(broken, TRUTH)


def test_it_is_short_in_a_notebook():
    assert repr(cg.score(RUN, TRUTH)) == "<Scorecard: 3 clusters, 3 groups, B-cubed F1 0.618>"


NAMES = [f"account-{number}" for number in range(14)]
LABELS = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 4))


@given(groups=LABELS, labels=LABELS)
def test_best_clusters_by_brute_force(groups, labels):
    ranks = {label: rank for rank, label in enumerate(sorted(set(labels.values())), 1)}
    clusters = {ranks[label]: {one for one in labels if labels[one] == label} for label in ranks}
    run = make_run([" ".join(sorted(clusters[rank])) for rank in sorted(clusters)])
    truth = pa.table({"account_id": list(groups), "group": [f"g{label}" for label in groups.values()]})
    for found in cg.score(run, truth).groups:
        group = {one for one in groups if f"g{groups[one]}" == found.group}
        scores = [
            (2 * len(group & cluster) / (len(group) + len(cluster)), len(group & cluster), -rank)
            for rank, cluster in clusters.items()
            if group & cluster
        ]
        best = max(scores, default=None)
        assert (found.rank, found.f1) == ((-best[2], best[0]) if best else (None, None))
        if best:
            assert found.precision == best[1] / len(clusters[-best[2]])
            assert found.recall == best[1] / len(group)


@given(order=st.permutations(range(8)), members=st.permutations(range(8)))
def test_the_order_of_rows_does_not_matter(order, members):
    tables = RUN.tables
    shuffled = Run.from_tables(tables | {"members": tables["members"].take(pa.array(members))}, {})
    found = cg.score(shuffled, TRUTH.take(pa.array(order)))
    assert found.to_dict() == cg.score(RUN, TRUTH).to_dict()


def test_volumes_are_added_exactly():
    accounts = [f"a{number}" for number in range(10)]
    truth = make_truth({"g": " ".join(accounts)}, exchanges=dict.fromkeys(accounts, 0.1))
    assert cg.score(RUN, truth).groups[0].volume_true == math.fsum([0.1] * 10) == 1.0
