"""Whether a decision holds for the clusters of a night, on tables made by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustergraph.artefacts.schema import ACTIVITY, CLUSTERS, EVIDENCE, LINKS, MEMBERS, TIES, fill_schema
from clustergraph.decisions.copies import EVIDENCE as KEPT_EVIDENCE
from clustergraph.decisions.copies import LINKS as KEPT_LINKS
from clustergraph.decisions.copies import MEMBERS as KEPT_MEMBERS
from clustergraph.decisions.copies import Copy
from clustergraph.decisions.judging import Judged, judge_decisions
from clustergraph.decisions.log import CLEARED, CONFIRMED, WATCH, Entry
from clustergraph.decisions.ranking import rank_behind
from clustergraph.decisions.standing import Standing

DAYS = [f"2026-02-{day:02}" for day in range(1, 11)]  # the last seven count
Clusters = dict[str, list[str]]


def accounts(first: int, end: int) -> list[str]:
    return [f"a{number:03}" for number in range(first, end)]


def tonight(
    clusters: Clusters, daily: float = 7.0, shared: dict[str, dict[str, float]] | None = None
) -> dict[str, pa.Table]:
    """Make the artefacts of a night; each account has ``daily`` exchanges a day, each cluster its signals."""
    members = [(one, account) for one, those in clusters.items() for account in those]
    shared = shared or {one: {f"card of {one}": 40.0} for one in clusters}
    bits = [(one, value, those) for one in clusters for value, those in shared.get(one, {}).items()]

    def columns(schema: pa.Schema, rows: list[tuple[Any, ...]], *names: str) -> pa.Table:
        values = zip(*rows, strict=True) if rows else [()] * len(names)
        return fill_schema(schema, dict(zip(names, map(list, values), strict=True)), len(rows))

    ranks = [(one, rank, len(those)) for rank, (one, those) in enumerate(clusters.items(), start=1)]
    hours = [(*one, datetime(2026, 2, 10, 9, tzinfo=UTC), round(7 * daily)) for one in members]
    old = [(*one, datetime(2026, 2, 2, 9, tzinfo=UTC), 10_000) for one in members]  # over a week ago
    return {
        "clusters": columns(CLUSTERS, ranks, "cluster_id", "rank", "accounts"),
        "members": columns(MEMBERS, members, "cluster_id", "account_id"),
        "evidence": columns(
            EVIDENCE,
            [(one, "card", value, b) for one, value, b in bits],
            "cluster_id",
            "kind",
            "value",
            "bits",
        ),
        "links": LINKS.empty_table(),
        "activity": columns(ACTIVITY, sorted(old + hours), "cluster_id", "account_id", "hour", "exchanges"),
        "ties": TIES.empty_table(),
    }


def decided(*decisions: tuple[str, str, list[str]], daily: float = 7.0) -> Standing:
    """Make decisions in force: each of its word, its cluster and the members at that time."""
    entries, copies, under = list[Entry](), dict[int, Copy](), dict[str, int]()
    for number, (word, cluster_id, members) in enumerate(decisions, start=1):
        entries.append(Entry(
            number, word, cluster_id, "2026-02-05", "2026-02-05", f"judge {number}", "why",
            "2026-02-06T08:00:00+00:00", len(members),
        ))  # fmt: skip
        evidence = {"kind": ["card"], "value": [f"card of {cluster_id}"], "bits": [40.0]}
        copies[number] = Copy(
            pa.table({"account_id": members, "daily_exchanges": [daily] * len(members)}, KEPT_MEMBERS),
            fill_schema(KEPT_EVIDENCE, evidence, 1),
            KEPT_LINKS.empty_table(),
        )
        if word != WATCH:
            under |= dict.fromkeys(members, number)
    return Standing(tuple(entries), copies, under)


def judge(clusters: Clusters, *decisions: tuple[str, str, list[str]], **more: Any) -> Judged:
    bounds = {
        name: more.pop(name) for name in ("newcomers", "growth", "new_signals", "confirmed") if name in more
    }
    return judge_decisions(tonight(clusters, **more), DAYS, decided(*decisions), **bounds)


def notes(found: Judged) -> list[str | None]:
    return found.table["note"].to_pylist()


def test_a_clearance_holds_where_nothing_changed():
    found = judge({"x": accounts(0, 9), "c": accounts(10, 14)}, (CLEARED, "c", accounts(10, 14)))
    assert found.clusters == {"x": None, "c": CLEARED}
    assert found.cleared == {"c"}
    assert found.table.to_pylist() == [
        {
            "cluster_id": "c", "decision": CLEARED, "decided_by": "judge 1", "reason": "why",
            "decided_at": datetime(2026, 2, 6, 8, tzinfo=UTC), "night": "2026-02-05", "holds": True,
            "note": None, "decided_id": "c", "number": 1,
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("came", "note"), [(13, None), (14, "14 of 54 members came since; bound 25%")]
)  # 13 of 53 are 24.5%
def test_newcomers_bring_a_cluster_back(came, note):
    found = judge({"c": accounts(0, 40 + came)}, (CLEARED, "c", accounts(0, 40)))
    assert notes(found) == [note]
    assert found.clusters == {"c": CLEARED if note is None else None}


def test_who_left_is_not_held_against_those_who_stay():
    assert judge({"c": accounts(0, 5)}, (CLEARED, "c", accounts(0, 40))).cleared == {"c"}


@pytest.mark.parametrize(("daily", "holds"), [(7.0, True), (14.0, True), (15.0, False)])
def test_twice_the_volume_brings_a_cluster_back(daily, holds):
    found = judge({"c": accounts(0, 4)}, (CLEARED, "c", accounts(0, 4)), daily=daily)
    said = None if holds else "60 exchanges a day, after 28 when it was cleared; bound 2 times"
    assert notes(found) == [said]


def test_volume_is_held_against_those_who_were_cleared():
    """Half of them left: what these had does not make room for the others."""
    found = judge({"c": accounts(0, 4)}, (CLEARED, "c", accounts(0, 8)), daily=15.0)
    assert notes(found) == ["60 exchanges a day, after 28 when it was cleared; bound 2 times"]


def test_who_hardly_did_anything_may_wake_up():
    standing = decided((CLEARED, "c", accounts(0, 4)), daily=0.1)
    for daily, holds in ((2.0, True), (3.0, False)):
        found = judge_decisions(tonight({"c": accounts(0, 4)}, daily), DAYS, standing)
        assert found.table["holds"].to_pylist() == [holds]


@pytest.mark.parametrize(("bits", "note"), [
    (40.0, None),
    (60.0, "60% of its evidence is from signals that it did not share then, most of kind card; bound 50%"),
])  # fmt: skip
def test_new_signals_bring_a_cluster_back(bits, note):
    shared = {"c": {"card of c": 40.0, "new": bits, "x": 0.0}}
    assert notes(judge({"c": accounts(0, 4)}, (CLEARED, "c", accounts(0, 4)), shared=shared)) == [note]


def test_all_that_changed_is_said_and_bounds_can_be_set():
    clusters = {"c": accounts(0, 8)}
    shared = {"c": {"new": 9.0}}
    found = judge(clusters, (CLEARED, "c", accounts(0, 4)), daily=50.0, shared=shared)
    assert [part.split("; bound")[0] for part in (notes(found)[0] or "").split("; ")[::2]] == [
        "4 of 8 members came since", "400 exchanges a day, after 28 when it was cleared",
        "100% of its evidence is from signals that it did not share then, most of kind card",
    ]  # fmt: skip
    wide = {"newcomers": 0.5, "growth": 20.0, "new_signals": 1.0}
    assert judge(clusters, (CLEARED, "c", accounts(0, 4)), daily=50.0, shared=shared, **wide).cleared == {"c"}


# Merges and splits


def test_two_cleared_clusters_that_merge_stay_cleared():
    decisions = (CLEARED, "c", accounts(0, 10)), (CLEARED, "d", accounts(10, 20))
    shared = {"c": {"card of c": 40.0, "card of d": 40.0}}
    found = judge({"c": accounts(0, 20)}, *decisions, shared=shared)
    assert found.cleared == {"c"}
    assert found.table["decided_id"].to_pylist() == ["c", "d"]
    # Without the second decision, half of the members were never looked at.
    assert judge({"c": accounts(0, 20)}, decisions[0], shared=shared).cleared == set()


def test_a_part_that_split_off_is_as_its_whole_was():
    for word in (CLEARED, CONFIRMED):
        shared = {"c": {"card of c": 20.0}, "d": {"card of c": 20.0}}
        found = judge(
            {"c": accounts(0, 12), "d": accounts(12, 20)}, (word, "c", accounts(0, 20)), shared=shared
        )
        assert found.clusters == {"c": word, "d": word}


def test_a_cleared_cluster_that_a_campaign_swallows_does_not_shield_it():
    found = judge({"x": accounts(0, 40)}, (CLEARED, "c", accounts(0, 3)))
    assert found.cleared == set()
    assert notes(found)[0].startswith("37 of 40 members came since")


def test_a_confirmed_part_ends_a_clearance():
    decisions = (CLEARED, "c", accounts(0, 40)), (CONFIRMED, "d", accounts(40, 46))
    found = judge({"c": accounts(0, 46)}, *decisions)
    assert found.clusters == {"c": None}
    assert notes(found) == [
        "6 of 46 members are of a cluster that was confirmed", "6 of 46 members were confirmed; it takes 50%",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cluster_id", "known", "holds"), [("c", 10, True), ("c", 9, False), ("d", 20, True), ("d", 19, False)]
)
def test_a_confirmation_does_not_spread_to_a_crowd(cluster_id, known, holds):
    found = judge({cluster_id: accounts(0, 40)}, (CONFIRMED, "c", accounts(40 - known, 60)))
    assert found.table["holds"].to_pylist() == [holds]
    assert found.clusters == {cluster_id: CONFIRMED if holds else None}


def test_a_few_accounts_that_moved_bring_no_decision_along():
    found = judge({"x": accounts(0, 41), "c": accounts(41, 80)}, (CONFIRMED, "c", accounts(37, 80)))
    assert found.clusters == {"x": None, "c": CONFIRMED}
    assert found.table["cluster_id"].to_pylist() == ["c"]


def test_a_later_judgement_on_a_part_outweighs_the_one_on_the_whole():
    decisions = (CONFIRMED, "c", accounts(0, 20)), (CLEARED, "d", accounts(12, 20))
    found = judge({"c": accounts(0, 12), "d": accounts(12, 20)}, *decisions)
    assert found.clusters == {"c": CONFIRMED, "d": CLEARED}
    assert found.table["decided_id"].to_pylist() == ["c", "d"]


def test_watching_changes_nothing():
    decisions = (CLEARED, "c", accounts(0, 10)), (WATCH, "x", accounts(0, 40))
    alone = judge({"c": accounts(0, 10), "d": accounts(10, 40)}, decisions[0])
    both = judge({"c": accounts(0, 10), "d": accounts(10, 40)}, *decisions)
    assert alone.clusters == {"c": CLEARED, "d": None}
    assert both.clusters == {"c": CLEARED, "d": WATCH}
    assert both.table["note"].null_count == both.table.num_rows == 3


@given(st.permutations(range(12)), st.integers(0, 12))
def test_it_does_not_depend_on_the_order_of_rows(order, cut):
    clusters = {"c": accounts(0, 6), "d": accounts(6, 12)}
    decisions = (
        (CLEARED, "c", accounts(0, 8)),
        (CONFIRMED, "d", accounts(8, 12)),
        (WATCH, "e", accounts(cut, 12)),
    )
    tables = tonight(clusters, daily=9.3)
    shuffled = tables | {"members": tables["members"].take(order)}
    assert judge_decisions(shuffled, DAYS, decided(*decisions)) == judge_decisions(
        tables, DAYS, decided(*decisions)
    )


@given(st.sets(st.sampled_from("abcdef")))
def test_what_is_cleared_ranks_behind_in_its_order(behind):
    tables = tonight({one: accounts(10 * place, 10 * place + 3) for place, one in enumerate("abcdef")})
    moved = rank_behind(tables, behind)
    expected = [*(one for one in "abcdef" if one not in behind), *sorted(behind)]
    assert moved["clusters"]["cluster_id"].to_pylist() == expected
    assert moved["clusters"]["rank"].to_pylist() == [1, 2, 3, 4, 5, 6]
    for name, table in tables.items():
        assert moved[name].schema.equals(table.schema, check_metadata=True)
        rows = table.to_pylist()
        if name not in ("clusters", "ties"):
            assert moved[name].to_pylist() == sorted(rows, key=lambda row: expected.index(row["cluster_id"]))
