"""Which of tonight's clusters is which of before: against all ways to pair them, and in stories by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustergraph.identity.lineage import Identity, Lineage, Tonight, make_id, trace
from clustergraph.identity.matching import LEAST_SHARED, find_overlaps, match

labels = st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 3)), min_size=1, max_size=14)


@given(labels)
@settings(max_examples=150)
def test_pairs_have_the_greatest_overlap_of_all_ways_to_pair(rows):
    now, before = (np.array(column) for column in zip(*rows, strict=True))
    one = np.ones(len(rows))
    overlaps = find_overlaps(now, before, np.where(now >= 0, one, 0.0), one)
    clusters = int(now.max()) + 1
    found = match(overlaps, clusters)
    enough = np.maximum(overlaps.of_now, overlaps.of_before) >= LEAST_SHARED
    rows = zip(overlaps.now[enough], overlaps.before[enough], overlaps.weight[enough], strict=True)
    shared = {(int(a), int(b)): float(weight) for a, b, weight in rows}
    best = max(
        sum(shared.get((a, b), 0.0) for a, b in enumerate(way[:clusters]))
        for way in permutations(range(-4, 4), 4)
    )
    paired = [(a, b) for a, b in enumerate(found.tolist()) if b >= 0]
    assert len({b for _, b in paired}) == len(paired)
    assert sum(shared[pair] for pair in paired) == best


@given(labels)
def test_overlaps_are_those_of_sets(rows):
    now, before = (np.array(column) for column in zip(*rows, strict=True))
    one = np.ones(len(rows))
    overlaps = find_overlaps(now, before, np.where(now >= 0, one, 0.0), one)
    for i, (a, b) in enumerate(zip(overlaps.now, overlaps.before, strict=True)):
        tonight, then = set(np.flatnonzero(now == a)), set(np.flatnonzero(before == b))
        assert overlaps.accounts[i] == len(tonight & then)
        assert overlaps.of_now[i] == pytest.approx(len(tonight & then) / len(tonight))
        assert overlaps.of_before[i] == pytest.approx(len(tonight & then) / len(then))
        assert overlaps.similarity[i] == pytest.approx(len(tonight & then) / len(tonight | then))


@dataclass
class Story:
    """Nights of clusters, told by the letters of their members, with what every account remembers."""

    memory: int = 5
    known: list[Identity] = field(default_factory=list)
    last: dict[str, list[str]] = field(default_factory=dict)  # the clusters that it was in, latest first
    seen: dict[str, date] = field(default_factory=dict)
    night: date = date(2026, 2, 1)

    def tell(self, *clusters: str) -> Lineage:
        self.night += timedelta(days=1)
        now = {account: c for c, members in enumerate(clusters) for account in members}
        accounts = sorted(self.last.keys() | now.keys())
        number = {one.cluster_id: i for i, one in enumerate(self.known)}
        past = [[number.get(one, -1) for one in self.last.get(a, [])] + [-1, -1] for a in accounts]
        nights = {one.cluster_id: one.last_night for one in self.known}
        tonight = Tonight(
            night=self.night,
            account_ids=np.array(accounts, object),
            now=np.array([now.get(account, -1) for account in accounts]),
            before=np.array([one[0] for one in past]),
            earlier=np.array([one[1] for one in past]),
            weight=np.array([float(account in now) for account in accounts]),
            weight_before=np.array([float(account in self.last) for account in accounts]),
            present=np.array([
                a in self.last and str(self.seen[a]) == nights.get(self.last[a][0]) for a in accounts
            ]),
            volume=np.array([float(len(members)) for members in clusters]),
            explained=np.zeros(len(clusters), bool),
        )  # fmt: skip
        found = trace(tonight, self.known, memory=self.memory)
        for account, c in now.items():
            past_ids = self.last.setdefault(account, [])
            if past_ids[:1] != [found.cluster_ids[c]]:
                past_ids.insert(0, found.cluster_ids[c])
            self.seen[account] = self.night
        self.known = found.identities
        return found


def events(lineage: Lineage) -> dict[str, str]:
    return {event.cluster_id: event.event for event in lineage.events}


def test_a_cluster_lives_through_change_and_sleep():
    story = Story()
    (one,) = story.tell("abcdef").cluster_ids
    assert one == make_id(story.night, list("fedcba"))
    assert story.tell("abcdef").events[0].event == "continued"
    grown = story.tell("abcdefgh").events[0]
    assert (grown.event, grown.accounts_joined, grown.accounts_left) == ("grew", 2, 0)
    asleep = story.tell().events[0]
    assert (asleep.event, asleep.accounts_left, asleep.volume_change) == ("dormant", 8, -8.0)
    assert story.tell().events == []
    back = story.tell("abcdxy")
    assert back.cluster_ids == [one]
    assert events(back) == {one: "returned"}


def test_one_that_sleeps_too_long_is_dead_and_its_id_is_not_used_again():
    story = Story(memory=2)
    (one,) = story.tell("abcd").cluster_ids
    assert [events(story.tell()) for _ in range(3)] == [{one: "dormant"}, {}, {one: "died"}]
    (other,) = story.tell("abcd").cluster_ids
    assert other != one


def test_two_that_are_one_for_a_night_are_both_themselves_again():
    story = Story()
    large, small = story.tell("abcdef", "ghij").cluster_ids
    merged = story.tell("abcdefghij")
    assert merged.cluster_ids == [large]
    assert events(merged) == {large: "merged", small: "dormant"}
    assert next(event.into_ids for event in merged.events if event.cluster_id == small) == [large]
    apart = story.tell("abcdef", "ghij")
    assert apart.cluster_ids == [large, small]
    assert events(apart) == {large: "shrank", small: "returned"}
    assert events(story.tell("abcdef", "ghij")) == {large: "continued", small: "continued"}


def test_a_part_that_leaves_is_new_unless_it_has_been_there_before():
    story = Story()
    (whole,) = story.tell("abcdefghij").cluster_ids
    parts = story.tell("abcdef", "ghij")
    assert parts.cluster_ids[0] == whole
    assert events(parts) == {whole: "shrank", parts.cluster_ids[1]: "split"}
    again = story.tell("abcdefghij")
    assert events(again) == {whole: "merged", parts.cluster_ids[1]: "dormant"}
    assert story.tell("abcdef", "ghij").cluster_ids == parts.cluster_ids


def test_an_account_that_changes_sides_takes_no_id_with_it():
    story = Story()
    ids = story.tell("abcd", "efgh").cluster_ids
    moved = story.tell("abc", "defgh")
    assert moved.cluster_ids == ids
    assert [(one.accounts_joined, one.accounts_left) for one in sorted(moved.events, key=lambda e: ids.index(
        e.cluster_id))] == [(0, 1), (1, 0)]  # fmt: skip
