"""What happens to a nightly job: wrong dates, files in parts, nights that are run again, damage."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from clustergraph.errors import GuardrailError, InputError, UsageError
from clustergraph.nights.night import nightly
from clustergraph.sightings.derived import DEFAULT_EXPRESSIONS
from clustergraph.simulation.generate import simulate
from tests.stores import copy

if TYPE_CHECKING:
    from pathlib import Path

START = date(2026, 2, 2)
NIGHTS = 4


def at(number: int) -> date:
    return START + timedelta(days=number)


@pytest.fixture(scope="module")
def traffic(tmp_path_factory) -> list[pd.DataFrame]:
    """Events of some nights, each with an id."""
    folder = tmp_path_factory.mktemp("world")
    simulate(folder, accounts=2_000, nights=NIGHTS, evasion=0.3, seed=7)
    found = []
    for number in range(NIGHTS):
        frame = pq.read_table(folder / "events" / f"dt={at(number)}", partitioning=None).to_pandas()
        found.append(frame.assign(event_id=[f"{number}-{row}" for row in range(len(frame))]))
    return found


# Half a night does not show how accounts behave as the whole does: clusters would differ on the way.
SETTINGS = {
    "derive": dict.fromkeys(DEFAULT_EXPRESSIONS, ""),
    "behaviour": {"synchrony": False, "handover": False, "pivot": False},
}


class Job:
    """A store in a folder of its own, and the files of its nights."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, folder / "store"

    def copy(self, folder: Path) -> Job:
        copy(self.store, folder)
        return Job(folder)

    def run(self, number: int, frame: pd.DataFrame, **options: Any) -> None:
        rows = self.folder / "rows.parquet"
        frame.to_parquet(rows)
        options["config"] = SETTINGS | options.get("config", {})
        nightly(rows, store=self.store, night=at(number), threads=1, **options)

    def table(self, number: int, name: str) -> pd.DataFrame:
        path = self.store / "runs" / f"dt={at(number)}" / f"{name}.parquet"
        return pq.read_table(path, partitioning=None).to_pandas()

    def about(self, number: int) -> dict[str, Any]:
        return json.loads((self.store / "runs" / f"dt={at(number)}" / "run.json").read_text())

    def volumes(self, number: int) -> tuple[int, int]:
        """Exchanges of the clusters, in the window and ever."""
        clusters = self.table(number, "clusters")
        return int(clusters["exchanges"].sum()), int(clusters["exchanges_lifetime"].sum())


@pytest.fixture
def job(tmp_path) -> Job:
    return Job(tmp_path)


@pytest.fixture(scope="module")
def after(traffic, tmp_path_factory) -> list[Job]:
    """What each of the nights left, all of them right; tests read it, and go on in copies."""
    found: list[Job] = []
    for number, frame in enumerate(traffic):
        folder = tmp_path_factory.mktemp(f"after-{number}")
        found.append(found[-1].copy(folder) if found else Job(folder))
        found[-1].run(number, frame)
    return found


@pytest.fixture
def right(after) -> Job:
    return after[-1]


def test_a_file_that_came_in_parts_counts_once_when_it_is_run_again_whole(traffic, after, right, tmp_path):
    job = after[0].copy(tmp_path)
    first = traffic[1].iloc[:5000]
    missing = traffic[1].iloc[5000:]
    job.run(1, first)
    job.run(2, pd.concat([traffic[2], missing]))
    job.run(3, traffic[3])
    job.run(1, traffic[1], rebuild=True)
    assert job.volumes(3) == right.volumes(3)
    assert job.about(1)["store"]["input"]["duplicates"] == len(missing)


def test_a_rebuild_goes_through_to_its_end_and_says_what_did_not_hold(traffic, right, tmp_path):
    job = right.copy(tmp_path)
    strict = {"guardrails": {"clustered": 1e-6}}
    accepted = {"clustered": {"by": "me", "reason": "a try"}}
    with pytest.raises(GuardrailError, match="'clustered'"):
        job.run(1, traffic[1].iloc[:-9], rebuild=True, config=strict)
    assert job.about(1)["store"]["input"]["rows"] == len(traffic[1])
    job.run(1, traffic[1].iloc[:-9], rebuild=True, config=strict, accepted=accepted)
    said = [
        [(one["name"], one["by"]) for one in job.about(number)["input"]["guardrails"]] for number in (1, 2, 3)
    ]
    assert said == [[("clustered", "me")], [("clustered", "rebuild")], [("clustered", "rebuild")]]


def test_the_rows_of_another_night_stop_at_a_guardrail(traffic, after, tmp_path):
    job = after[0].copy(tmp_path)
    with pytest.raises(GuardrailError, match=r"'days': 100.0% of the rows are of other days .*--date"):
        job.run(1, traffic[0].assign(event_id=[f"again-{row}" for row in range(len(traffic[0]))]))


def test_all_that_is_out_of_bounds_is_told_at_once(traffic, job):
    strict = {"guardrails": {"clustered": 1e-6, "largest": 1e-6}}
    with pytest.raises(GuardrailError, match=r"'clustered'.*'largest'.*--accept clustered --accept largest"):
        job.run(0, traffic[0], config=strict)


def test_a_night_in_the_future_and_a_guardrail_that_is_none_are_refused(traffic, job):
    with pytest.raises(UsageError, match="is in the future"):
        nightly([], store=job.store, night=datetime.now(UTC).date() + timedelta(days=3), allow_empty=True)
    with pytest.raises(UsageError, match="no guardrail 'volum'"):
        job.run(0, traffic[0], accepted={"volum": {"by": "me", "reason": "a slip"}})
    assert not job.store.exists()


def test_early_rows_count_from_their_own_night_on(traffic, job, right):
    half = len(traffic[1]) // 2
    job.run(0, pd.concat([traffic[0], traffic[1].iloc[:half]]))
    job.run(1, traffic[1].iloc[half:])
    for number in (2, 3):
        job.run(number, traffic[number])
    assert job.volumes(3) == right.volumes(3)
    new = [
        [int(one.table(n, "clusters")["accounts_new"].sum()) for n in range(NIGHTS)] for one in (job, right)
    ]
    assert new[0] == new[1]


def test_a_night_of_nothing_but_early_rows_loses_none(traffic, after, right, tmp_path):
    job = after[0].copy(tmp_path)
    swapped = {"days": {"by": "me", "reason": "the files were swapped"}}
    job.run(1, traffic[2], accepted=swapped)
    job.run(2, traffic[1], accepted=swapped)
    job.run(3, traffic[3])
    assert job.volumes(3) == right.volumes(3)


def test_nights_without_rows_do_not_change_what_is_usual(traffic, after, tmp_path):
    job = after[1].copy(tmp_path)
    (tmp_path / "empty").mkdir()
    for number in range(2, 6):
        nightly(tmp_path / "empty", store=job.store, night=at(number), allow_empty=True, threads=1)
    moved = traffic[2].assign(timestamp=traffic[2]["timestamp"] + pd.Timedelta(days=4))
    job.run(6, moved)
    assert job.about(6)["store"]["rows_before"] == [len(frame) for frame in traffic[:3]]


@pytest.mark.parametrize(
    "piece", ["incidence/*/night=*/exchanges.parquet", "ledgers/night=*/accounts.parquet"]
)
def test_what_is_damaged_is_named_and_mended_by_running_its_night_again(traffic, after, tmp_path, piece):
    job = after[1].copy(tmp_path)
    path = sorted(job.store.glob(piece))[-1]
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"is not as it was written; .*run .* again"):
        job.run(2, traffic[2])
    job.run(1, traffic[1])
    assert path.read_bytes() == whole
    job.run(2, traffic[2])
