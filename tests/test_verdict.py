"""The verdict on a cluster: what it says, what speaks against it, and that it accuses nobody too early."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustergraph.report.arguments import GRAVE, LESSER, argue
from clustergraph.report.case import Case, Ruling, Strongest
from clustergraph.report.verdict import judge

FAMILIES = ("payment", "network", "device")
PLAIN = Case(
    accounts=40,
    families=FAMILIES,
    observable=FAMILIES,
    q_value=1e-9,
    verified_accounts=0,
    banned=0,
    fresh=0,
    largest=0.1,
    strongest=(Strongest("ip", 31, 34, 0.2), Strongest("device_id", 12, 12, 0.1)),
)
CLEARED = Ruling("cleared", "ann", "a school", "2026-02-03", holds=True)
HOUSEHOLD = "its 4 members share an address and a card or device, as a household does"


def test_a_plain_cluster_is_likely_and_nothing_speaks_against_it():
    verdict = judge(PLAIN)
    assert verdict.code == "likely"
    assert verdict.sentence.startswith("Looks like one operation: 40 accounts")
    assert len(verdict.against) == 1
    assert verdict.against[0].startswith("Nothing in these tables")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reason": f"{HOUSEHOLD}, but they make 12 times the usual volume"}, "but they make 12 times"),
        ({"verified_accounts": 20}, "20 of 40 members belong to verified organisations"),
        ({"q_value": 0.2}, "20% of the clusters"),
        ({"families": ("network",)}, "one family (network)"),
        ({"strongest": (Strongest("ip", 31, 5000, 0.2),)}, "of the 5,000 with its strongest ip only 31"),
        ({"known_hub_share": 0.7}, "70% of what its members share"),
        ({"uncertain": 20}, "20 of 40 members are uncertain"),
        (
            {"ruling": replace(CLEARED, holds=False, note="14 of 40 members came since")},
            "ann cleared it on 2026-02-03 (a school); since then: 14 of 40 members came since.",
        ),
    ],
)
def test_a_grave_argument_keeps_a_cluster_from_being_called_one_operation(change, words):
    verdict = judge(replace(PLAIN, **change))
    assert verdict.code == "unclear"
    assert words in verdict.against[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"strongest": (Strongest("ip", 31, 34, 0.85),)}, "One ip carries 85%"),
        ({"verified_accounts": 3}, "3 of 40 members belong to verified organisations"),
        ({"verified_accounts": 1}, "1 of 40 members belongs to verified organisations"),
        ({"uncertain": 12}, "12 of 40 members are uncertain"),
        ({"families": ("payment", "network")}, "share no device signals"),
        ({"accounts": 5}, "no more than a household"),
        ({"largest": 0.95}, "One account makes 95% of the volume"),
    ],
)
def test_what_asks_for_care_is_told_and_decides_nothing(change, words):
    verdict = judge(replace(PLAIN, **change))
    assert verdict.code == "likely"
    assert words in verdict.against[0]


@pytest.mark.parametrize(
    "change",
    [
        {"strongest": (Strongest("ip", 31, 5000, 0.2), Strongest("device_id", 12, 12, 0.1))},
        {"families": ("network",), "observable": ("network",)},
        {"q_value": None},
        {"verified_accounts": None},
        {"uncertain": 3},
        {"strongest": ()},
    ],
)
def test_what_is_not_known_or_not_striking_is_no_argument(change):
    assert judge(replace(PLAIN, **change)) == judge(PLAIN)


def test_an_explained_cluster_says_why_and_what_is_suspicious_about_it():
    explained = replace(PLAIN, explained_by="small_premises", reason=HOUSEHOLD)
    verdict = judge(explained)
    assert (verdict.code, verdict.sentence) == ("explained", f"Probably legitimate: {HOUSEHOLD}.")
    assert verdict.against[0].startswith("An explanation says what it looks like")
    assert judge(replace(explained, banned=3)).against == ("3 of 40 members are banned.",)
    told = judge(replace(explained, explained_by="organization", verified_accounts=38, regrowth=1, fresh=10))
    assert told.against == (
        "1 account came after members were banned.",
        "2 of 40 members belong to no verified organisation.",
        "10 of 40 members were first seen on the last day.",
    )


def test_people_have_the_last_word_as_long_as_their_decision_holds():
    explained = replace(PLAIN, explained_by="shared_place", reason="a campus")
    confirmed = judge(
        replace(explained, ruling=Ruling("confirmed", "bo", "seen it.", "2026-02-03", holds=True))
    )
    assert (confirmed.code, confirmed.sentence) == ("confirmed", "Confirmed by bo on 2026-02-03: seen it.")
    assert confirmed.against == ("A campus.",)
    cleared = judge(replace(PLAIN, ruling=CLEARED, banned=1))
    assert (cleared.code, cleared.against) == ("cleared", ("1 of 40 members is banned.",))
    assert judge(replace(PLAIN, ruling=replace(CLEARED, decision="watch"))).code == "likely"
    assert judge(replace(PLAIN, ruling=replace(CLEARED, decision="confirmed", holds=False))).code == "likely"


SHARE = st.floats(0, 1)
CASES = st.builds(
    Case,
    accounts=st.integers(3, 10_000),
    families=st.lists(st.sampled_from(FAMILIES), unique=True).map(tuple),
    observable=st.just(FAMILIES),
    q_value=st.none() | SHARE,
    explained_by=st.none() | st.sampled_from(["organization", "shared_tool"]),
    reason=st.none() | st.text(max_size=20),
    verified_accounts=st.none() | st.integers(0, 100),
    known_hub_share=SHARE,
    uncertain=st.integers(0, 100),
    banned=st.none() | st.integers(0, 100),
    largest=SHARE,
    strongest=st.lists(
        st.builds(Strongest, st.just("ip"), st.integers(2, 50), st.integers(50, 500), SHARE), max_size=3
    ).map(tuple),
    ruling=st.none() | st.just(CLEARED) | st.just(replace(CLEARED, holds=False)),
)


@given(CASES)
def test_something_is_always_said_against_and_only_the_harmless_is_likely(case):
    verdict = judge(case)
    assert verdict.against
    assert all(one.strip() for one in (verdict.sentence, *verdict.against))
    if verdict.code == "likely":
        assert not argue(case, GRAVE)
        assert case.explained_by is None
    if verdict.code == "unclear":
        assert verdict.against == argue(case, GRAVE + LESSER)
