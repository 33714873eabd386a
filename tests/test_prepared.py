"""What holds large clusters together is reckoned with the run, and is what would be reckoned later."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import clustergraph as cg
from clustergraph.artefacts.runs import Run
from clustergraph.investigation import prepared
from clustergraph.investigation.coverage import Coverage
from clustergraph.investigation.holding import BreakingSet, Bridge, Holding, Removal
from clustergraph.investigation.prepared import read_holding
from clustergraph.simulation.generate import simulate
from tests.nights import run_folder, run_night

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGE = 12
Change = Callable[[str], str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    simulate(folder, accounts=1_000, nights=1, evasion=0.3, seed=4)
    return folder


@pytest.fixture(scope="module", autouse=True)
def small_is_large() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(prepared, "LARGE", LARGE)
        yield


@pytest.fixture(scope="module")
def runs(world: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    out = tmp_path_factory.mktemp("out")
    cg.run(world / "events", out=out / "run")
    run_night(world, out / "store", 0)
    return {
        "on disk": cg.open_run(out / "run"),
        "night": cg.open_run(run_folder(out / "store", 0)),
    }


def without(run: Run) -> Run:
    """Give the run as one that has nothing prepared."""
    return Run.from_tables({name: one for name, one in run.tables.items() if name != "holding"}, run.manifest)


@pytest.mark.parametrize("name", ["on disk", "night"])
def test_what_was_prepared_is_what_is_reckoned(runs: dict[str, Run], name: str) -> None:
    run = runs[name]
    large = [row["cluster_id"] for row in run.clusters.to_pylist() if row["accounts"] >= LARGE]
    assert len(large) > 3
    assert run.holding["cluster_id"].to_pylist() == large
    anew = without(run)
    told = [(cg.explain(run, one), cg.explain(anew, one)) for one in large[:5]]
    assert all(one == other for one, other in told)
    # Something of everything, or equality says little.
    assert any(len(one.removals) > 1 for one, _ in told)
    assert any(one.breaking.removal for one, _ in told)
    assert all(one.coverage for one, _ in told)


def test_neither_rows_nor_threads_change_what_is_prepared(
    runs: dict[str, Run], world: Path, tmp_path: Path
) -> None:
    rows = ds.dataset(world / "events").to_table()
    order = np.random.default_rng(1).permutation(len(rows))
    pq.write_table(rows.take(order), tmp_path / "x.parquet")
    again = cg.run(tmp_path / "x.parquet", threads=1)
    assert again.holding.num_rows > 3
    assert again.holding.equals(runs["on disk"].holding)


def test_small_clusters_and_other_questions_are_reckoned_when_asked(runs: dict[str, Run]) -> None:
    run = runs["on disk"]
    assert len(cg.explain(run, 1, signals=2).removals) == 2
    small = next(row["cluster_id"] for row in run.clusters.to_pylist() if row["accounts"] < LARGE)
    assert cg.explain(run, small) == cg.explain(without(run), small)


def test_a_run_of_an_earlier_version_is_explained(runs: dict[str, Run]) -> None:
    run = runs["on disk"]
    assert run.directory is not None
    kept = (run.directory / "holding.parquet").read_bytes()
    (run.directory / "holding.parquet").unlink()
    try:
        assert cg.explain(cg.open_run(run.directory), 1) == cg.explain(run, 1)
    finally:
        (run.directory / "holding.parquet").write_bytes(kept)


@pytest.mark.parametrize(
    "change",
    [
        lambda _: "{",
        lambda _: "[]",
        lambda _: "7",
        lambda text: text.replace('"format": 1', '"format": 2'),
        lambda text: text.replace('"signals": 10', '"signals": 3'),
        lambda text: text.replace('"bridges_in_all"', '"bridges"'),
    ],
)
def test_what_another_version_wrote_is_reckoned_anew(runs: dict[str, Run], change: Change) -> None:
    run = runs["on disk"]
    table = run.holding
    told = [change(text) for text in table["holding"].to_pylist()]
    other = table.set_column(1, table.schema.field(1), pa.array(told))
    first = table["cluster_id"][0].as_py()
    found = Run.from_tables({**run.tables, "holding": other}, run.manifest)
    assert read_holding(found, first) is None
    assert read_holding(run, first) is not None


def test_nothing_is_prepared_of_what_is_small(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "LARGE", 1_000)
    assert cg.run(world / "events").holding.num_rows == 0


def test_everything_comes_back_from_plain_values() -> None:
    whole = Removal((("ip", "1"), ("card", "ü\n")), "split", (4, 2), 1, 9)
    coverage = Coverage("network", ("ip", "asn"), 6, 5, 7, 0.1 + 0.2, 1e-9)
    told = Holding(
        (whole,), BreakingSet(whole, False, 2, 3), (Bridge("a", (3, 1), 1),), 2, 6, (coverage,), 2 / 3
    )  # fmt: skip
    empty = Holding((), BreakingSet(None, True, 1, 0), (), 0, 0, (), None)
    for one in (told, empty):
        assert Holding.from_dict(json.loads(json.dumps(one.to_dict()))) == one
