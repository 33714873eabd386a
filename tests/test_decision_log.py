"""The log of decisions: it is only ever appended to, tells what was done to it, and survives kills."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustergraph.decisions.log import CLEARED, CONFIRMED, UNDO, WATCH, Entry, Log, append, find_log, read_log
from clustergraph.decisions.standing import find_in_force
from clustergraph.errors import InputError
from clustergraph.store.store import Store, open_store

HOSTILE = 'a\nb\r\u2028"\\ #torn\x1b[2J\ud7ff'


def entry(number: int = 1, **more) -> Entry:
    known = {"decision": CLEARED, "cluster_id": "c1", "night": "2026-02-05", "decided_by": "ada",
             "reason": f"number {number}", "decided_at": "2026-02-06T08:00:00+00:00"}  # fmt: skip
    return Entry(**known | more)


@pytest.fixture
def store(tmp_path) -> Store:
    (tmp_path / "store.json").write_text('{"format": 1}')
    return open_store(tmp_path)


def fill(store: Store, entries: int = 3) -> bytes:
    for number in range(entries):
        append(store, entry(number))
    return find_log(store).read_bytes()


def test_what_is_appended_is_read(store):
    assert read_log(store) == Log((), 0)
    made = [append(store, entry(number, reason=HOSTILE, cluster_id=f"c{number}")) for number in range(4)]
    assert read_log(store) == Log(tuple(made), 0)
    assert [one.number for one in made] == [1, 2, 3, 4]
    assert [one.reason for one in made] == [HOSTILE] * 4
    assert len(find_log(store).read_text().splitlines()) == 4
    assert find_log(store).stat().st_mode & 0o777 == 0o640
    assert store.decisions.stat().st_mode & 0o777 == 0o750


def test_a_log_counts_from_the_night_after(store):
    for night in ("2026-02-05", "2026-02-05", "2026-02-07"):
        append(store, entry(night=night))
    counts = [len(read_log(store).before(f"2026-02-0{day}")) for day in range(4, 9)]
    assert counts == [0, 0, 2, 2, 3]


def test_cut_at_any_byte_it_has_the_whole_lines_and_goes_on(store):
    content = fill(store)
    whole = read_log(store).entries
    for length in range(len(content) + 1):
        cut = content[:length]
        find_log(store).write_bytes(cut)
        lines = cut.count(b"\n")
        assert read_log(store) == Log(whole[:lines], length - cut.rfind(b"\n") - 1)
        added = append(store, entry(9))
        assert read_log(store) == Log((*whole[:lines], added), 0)
        assert find_log(store).read_bytes().startswith(cut)


def test_it_survives_a_second_kill_while_it_ends_a_torn_line(store):
    content = fill(store, 2)
    first = read_log(store).entries[0]
    torn = content[: content.index(b"\n") + 30]
    find_log(store).write_bytes(torn)
    append(store, entry(9))
    longer = find_log(store).read_bytes()
    for length in range(len(torn), len(longer)):
        find_log(store).write_bytes(longer[:length])
        assert read_log(store).entries == (first,)
        added = append(store, entry(8))
        assert read_log(store) == Log((first, added), 0)


def test_a_changed_byte_is_found_and_named(store):
    content = fill(store)
    for place in range(
        len(content) - 1
    ):  # without its last newline, the last line is one that is not finished
        changed = bytearray(content)
        changed[place] ^= 1
        find_log(store).write_bytes(changed)
        line = content[:place].count(b"\n") + 1
        with pytest.raises(InputError, match=rf"log\.jsonl: line {line} (is damaged|has entry)"):
            read_log(store)


@pytest.mark.parametrize(
    ("lines", "named"), [((1, 2), 1), ((0, 2), 2), ((0, 0, 1, 2), 2), ((0, 2, 1), 2), ((0, 1, 2, 2), 4)]
)
def test_a_line_that_is_lost_moved_or_put_in_is_found(store, lines, named):
    content = fill(store).splitlines(keepends=True)
    find_log(store).write_bytes(b"".join(content[one] for one in lines))
    with pytest.raises(InputError, match=f"line {named} has entry"):
        read_log(store)


@pytest.mark.parametrize(
    "line", ["", "{}", "[]", "null", "[" * 9_999, json.dumps({"number": 1}), "\ufffe", '{"number": NaN}']
)
def test_what_is_no_entry_is_named(store, line):
    fill(store, 1)
    with find_log(store).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    before = find_log(store).read_bytes()
    for use in (read_log, lambda one: append(one, entry())):
        with pytest.raises(InputError, match=r"log\.jsonl: line 2 is damaged"):
            use(store)
    assert find_log(store).read_bytes() == before


def test_a_disk_that_is_full_is_told(store, monkeypatch):
    content = fill(store)
    monkeypatch.setattr("os.write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(InputError, match=r"log\.jsonl: cannot be written: No space left"):
        append(store, entry())
    monkeypatch.undo()
    assert find_log(store).read_bytes() == content


# What is in force


def in_force_by_hand(entries: list[Entry]) -> set[int]:
    """Play the log for each cluster with a list to push to and take from."""
    stacks: dict[str, list[int]] = {}
    for one in entries:
        stack = stacks.setdefault(one.cluster_id, [])
        if one.decision == UNDO:
            stack.pop()
        else:
            stack.append(one.number)
    return {stack[-1] for stack in stacks.values() if stack}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from((CONFIRMED, CLEARED, WATCH, UNDO)))))
def test_the_last_decision_on_a_cluster_is_in_force_until_it_is_taken_back(steps):
    entries = list[Entry]()
    for cluster_id, decision in steps:
        known = {one.cluster_id: one for one in find_in_force(entries)}
        undoes = None
        if decision == UNDO:
            if cluster_id not in known:
                continue
            undoes = known[cluster_id].number
        entries.append(Entry(len(entries) + 1, decision, cluster_id, undoes=undoes))
    found = find_in_force(entries)
    assert {one.number for one in found} == in_force_by_hand(entries)
    assert [one.number for one in found] == sorted(one.number for one in found)
