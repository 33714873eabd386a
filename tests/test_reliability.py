"""How reliable kinds of signals have been: counts by hand, and intervals that cover what they promise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import clustergraph as cg
from clustergraph.artefacts.schema import fill_schema
from clustergraph.decisions.copies import EVIDENCE, LINKS, MEMBERS, Copy, write_copy
from clustergraph.decisions.log import CLEARED, CONFIRMED, UNDO, WATCH, Entry, append
from clustergraph.decisions.reliability import find_bits, find_share, measure_reliability
from clustergraph.store.store import open_store
from tests.nights import at

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "store.json").write_text('{"format": 1}')
    return tmp_path


def decide(root: Path, word: str, cluster_id: str, holders: dict[str, int]) -> None:
    """Decide on a cluster in which so many members share signals of each kind, two of them at that."""
    store = open_store(root)
    rows = [
        {"account_id": f"{cluster_id}-{number}", "kind": kind, "value": value}
        for kind, count in holders.items()
        for number in range(count)
        for value in ("one", "two")
    ]
    names = sorted({row["account_id"] for row in rows})
    members = fill_schema(MEMBERS, {"account_id": names, "daily_exchanges": [1.0] * len(names)}, len(names))
    place = write_copy(store, at(0), Copy(members, EVIDENCE.empty_table(), pa.Table.from_pylist(rows, LINKS)))
    undoes = 1 if word == UNDO else None
    append(store, Entry(decision=word, cluster_id=cluster_id, night=str(at(0)), copy=place, undoes=undoes))


def test_counts_are_of_the_clusters_that_were_confirmed_and_cleared(root):
    decide(root, CONFIRMED, "a", {"card": 40, "ip": 7})
    decide(root, CONFIRMED, "b", {"card": 3})
    decide(root, CLEARED, "c", {"ip": 50, "card": 2})
    decide(root, CLEARED, "d", {"ip": 5})
    decide(root, WATCH, "e", {"device": 9})
    decide(root, CONFIRMED, "f", {"device": 9})
    decide(root, CLEARED, "f", {"device": 4})  # replaces the one before
    rows = {row["kind"]: row for row in cg.measure_reliability(root).to_pylist()}
    assert list(rows) == ["card", "device", "ip"]
    names = ("confirmed_clusters", "cleared_clusters", "confirmed_holders", "cleared_holders")
    assert {kind: tuple(row[name] for name in names) for kind, row in rows.items()} == {
        "card": (2, 1, 43, 2), "device": (0, 1, 0, 4), "ip": (1, 2, 7, 55),
    }  # fmt: skip
    card = rows["card"]
    assert card["holders_share"] == pytest.approx(43 / 45)
    sizes = np.array([40, 3, 2])
    effective = sizes.sum() ** 2 / (sizes**2).sum()  # Kish: hardly more than one observation
    assert 1 < effective < 1.3
    bounds = find_share(effective * 43 / 45, effective * 2 / 45)
    assert (card["holders_low"], card["holders_high"]) == pytest.approx(bounds[1:])
    assert card["holders_low"] < 0.4


def test_what_was_taken_back_teaches_nothing(root):
    decide(root, CONFIRMED, "a", {"card": 40})
    decide(root, UNDO, "a", {})
    assert measure_reliability(root).num_rows == 0


def test_a_suggestion_needs_evidence(root):
    for number in range(2):
        decide(root, CONFIRMED, f"a{number}", {"card": 5, "tool": 5})
        decide(root, CLEARED, f"b{number}", {"ip": 5, "tool": 5})
    assert set(measure_reliability(root)["suggestion"].to_pylist()) == {None}
    for number in range(2, 20):
        decide(root, CONFIRMED, f"a{number}", {"card": 5, "tool": 5})
        decide(root, CLEARED, f"b{number}", {"ip": 5, "tool": 5})
    rows = {row["kind"]: row for row in measure_reliability(root).to_pylist()}
    assert "has spoken for a campaign" in rows["card"]["suggestion"]
    assert "has spoken against a campaign" in rows["ip"]["suggestion"]
    assert rows["tool"]["suggestion"] is None
    assert rows["card"]["bits"] == pytest.approx(-rows["ip"]["bits"])
    assert rows["tool"]["bits"] == pytest.approx(0)


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_share_is_within_its_bounds(confirmed, cleared):
    if confirmed + cleared:
        share, low, high = find_share(confirmed, cleared)
        assert 0 <= low <= share <= high <= 1
        mirrored = find_share(cleared, confirmed)
        assert (1 - share, 1 - high, 1 - low) == pytest.approx(mirrored)


@pytest.mark.parametrize("size", [5, 12, 40])
def test_intervals_cover_the_true_share(size):
    """As Brown, Cai and DasGupta (2001) find: 95% on average over all rates, in exact probabilities."""
    intervals = [find_share(count, size - count)[1:] for count in range(size + 1)]
    rates = np.linspace(0.0005, 0.9995, 1_000)
    covered = [
        sum(
            math.comb(size, count) * rate**count * (1 - rate) ** (size - count)
            for count, (low, high) in enumerate(intervals)
            if low <= rate <= high
        )
        for rate in rates
    ]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


def test_bits_are_those_of_drawn_rates():
    draws = np.random.default_rng(0)
    counts = (7, 9, 3, 20)
    above = draws.beta(7.5, 2.5, 400_000)
    below = draws.beta(3.5, 17.5, 400_000)
    drawn = np.log2(above / below)
    bits, low, high = find_bits(*counts)
    assert bits == pytest.approx(drawn.mean(), abs=0.01)
    assert (high - low) / 2 == pytest.approx(1.96 * drawn.std(), abs=0.01)
    assert (low, high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.35)
