"""Points of the extraction score that decisions speak for."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

import clustergraph as cg
from clustergraph.config import resolve
from clustergraph.decisions.copies import EVIDENCE, EXTRACTION, LINKS, MEMBERS, Copy, find_fault, write_copy
from clustergraph.decisions.log import CLEARED, CONFIRMED, WATCH, Entry, append
from clustergraph.extraction.fitting import fit_points, measure_separation
from clustergraph.extraction.parts import PARTS
from clustergraph.extraction.points import DEFAULTS
from clustergraph.jobs import INJECTED, STAGES
from clustergraph.store.store import open_store
from tests.commands import call
from tests.nights import at

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path) -> Path:
    """A store with a night of which nothing but its points is left."""
    (tmp_path / "store.json").write_text('{"format": 1}')
    night = tmp_path / "runs" / f"dt={at(0)}"
    night.mkdir(parents=True)
    points = {**DEFAULTS, "output_ratio": 2.0}
    (night / "run.json").write_text(json.dumps({"config": {"extraction": points}, "store": {}}))
    return tmp_path


def decide(root: Path, word: str, cluster_id: str, rows: list[dict[str, float | None]] | None) -> Path:
    """Decide on a cluster of members with some parts; a copy of an earlier version has none of them."""
    store = open_store(root)
    members = pa.Table.from_pylist([{"account_id": "a", "daily_exchanges": 1.0}], MEMBERS)
    known = [{"account_id": str(n), "exchanges": 10, **one} for n, one in enumerate(rows or [])]
    copy = Copy(members, EVIDENCE.empty_table(), LINKS.empty_table(), pa.Table.from_pylist(known, EXTRACTION))
    place = write_copy(store, at(0), copy)
    when = "2026-02-03T08:00:00+00:00"
    append(store, Entry(decision=word, cluster_id=cluster_id, night=str(at(0)), copy=place, decided_at=when))
    return root / place


def test_points_move_to_what_tells_confirmed_from_cleared(root):
    for n in range(12):
        more = {"round_the_clock": 0.445 + 0.01 * n}
        decide(root, CONFIRMED, f"a{n}", [{"output_ratio": 0.1, "no_conversation": 0.9, **more}])
        decide(root, CLEARED, f"b{n}", [{"output_ratio": 0.9, "no_conversation": 0.2, **more}])
    decide(root, WATCH, "w", [{"output_ratio": 0.9}])
    found = cg.refit_points(root)
    assert (found.confirmed, found.cleared, found.warning) == (12, 12, None)
    points = {one.name: one for one in found.points}
    assert points["output_ratio"].present == 2.0
    assert points["output_ratio"].proposed < 0.5
    assert points["no_conversation"].proposed > points["no_conversation"].present
    assert points["round_the_clock"].proposed == pytest.approx(1.0, abs=0.1)
    unknown = points["reasoning_elicitation"]
    assert (unknown.clusters, unknown.proposed) == (0, pytest.approx(unknown.present))
    assert all(one.low <= one.proposed <= one.high for one in found.points)
    assert unknown.high - unknown.low > points["no_conversation"].high - points["no_conversation"].low
    assert found.auc_before < 0.1
    assert found.auc_after == found.auc_left_out == 1.0
    assert all((one.score_after > one.score_before) == (one.decision == CONFIRMED) for one in found.clusters)
    section = tomllib.loads(found.to_toml())
    assert set(resolve(STAGES, section, INJECTED)["extraction"]) == set(PARTS)


def test_few_decisions_are_told_as_few(root):
    decide(root, CONFIRMED, "a", [{"output_ratio": 0.9}])
    alone = cg.refit_points(root)
    assert alone.auc_before is None
    assert "nothing to fit" in alone.warning
    assert all(one.proposed == one.present and one.low is None for one in alone.points)
    decide(root, CLEARED, "b", [{"output_ratio": 0.2}])
    few = cg.refit_points(root)
    assert "with less than 10 of each" in few.warning
    assert max(abs(one.proposed - one.present) for one in few.points) < 0.5
    done = call("decisions", "--store", root, "--points")
    assert (done.code, done.err) == (0, "")
    assert "Nothing was changed" in done.out
    assert tomllib.loads(done.out[done.out.index("[extraction]") :])["extraction"].keys() == set(PARTS)
    document = json.loads(call("decisions", "--store", root, "--points", "--json").out)["points"]
    assert document == json.loads(json.dumps(few.to_dict()))


def test_copies_of_earlier_versions_are_whole_and_teach_nothing(root):
    place = decide(root, CONFIRMED, "a", None)
    (place / "extraction.parquet").unlink()
    renamed = find_fault(place)
    assert renamed is not None  # the name is made from all files
    assert cg.refit_points(root).confirmed == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_fit_is_of_the_least_loss_in_whatever_order(seed):
    rng = np.random.default_rng(seed)
    some = rng.random((6, len(PARTS)))
    some[rng.random(some.shape) < 0.2] = np.nan
    confirmed = np.arange(6) < 1 + seed

    def fit(order):
        parts = {name: some[order, place] for place, name in enumerate(PARTS)}
        return fit_points(parts, confirmed[order], DEFAULTS).points

    def lose(points):
        lean = (2 * np.nan_to_num(some, nan=0.5) - 1) @ [points[name] for name in PARTS]
        each = np.log2(1 + np.exp2(-np.where(confirmed, 1, -1) * lean)) * np.log(2)
        sides = each[confirmed].mean() + each[~confirmed].mean()
        return 3 * sides + sum((points[name] - DEFAULTS[name]) ** 2 for name in PARTS) / 2

    found = fit(np.arange(6))
    assert min(found.values()) >= 0.0
    for name in PARTS:
        for step in (-0.05, 0.05):
            assert lose(found) <= lose(found | {name: max(found[name] + step, 0.0)}) + 1e-9
    assert fit(rng.permutation(6)) == pytest.approx(found, abs=1e-6)


def test_separation_is_the_share_of_pairs():
    scores = np.array([0.9, 0.5, 0.5, 0.1])
    assert measure_separation(scores, np.array([True, True, False, False])) == pytest.approx(3.5 / 4)
