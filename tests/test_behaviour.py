"""Signals from how accounts behave over time: each finds a campaign alone, and people go free."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import clustergraph as cg
from clustergraph.behaviour.bursts import DAY, find_bursts, find_popular_minutes
from clustergraph.behaviour.observing import observe_behaviour
from clustergraph.behaviour.pivots import find_suspicious_blocks
from clustergraph.errors import UsageError
from clustergraph.nights.night import nightly
from tests import timed_worlds as worlds
from tests.nights import at
from tests.test_nightly import assert_equal_but_for_ids

if TYPE_CHECKING:
    from pathlib import Path

SIGNALS = ("synchrony", "handover", "pivot", "token_lengths")
KNOWN = np.ones(DAY, bool)


def only(*kinds: str) -> dict[str, dict[str, object]]:
    return {"behaviour": {kind: kind in kinds for kind in SIGNALS}}


def write(folder: Path, frame: pd.DataFrame) -> Path:
    folder.mkdir(parents=True)
    frame.to_parquet(folder / "x.parquet")
    return folder


def run(tmp_path: Path, frame: pd.DataFrame, kind: str) -> cg.Run:
    return cg.run(write(tmp_path / "in", frame.sample(frac=1, random_state=1)), config=only(kind))


def best_f1(run: cg.Run, accounts: int) -> float:
    """F1 of the cluster that has most of the accounts whose names begin with c."""
    members = run.tables["members"].to_pandas()
    found = [
        (one["account_id"].str.startswith("c").sum(), len(one)) for _, one in members.groupby("cluster_id")
    ]
    return max((2 * hits / (size + accounts) for hits, size in found), default=0.0)


# Bursts


def test_a_burst_is_found_where_it_is():
    counts = np.random.default_rng(1).poisson(20, (3, DAY))
    counts[1, 700:703] += [40, 40, 10]
    assert (1, 700) in find_bursts([counts], KNOWN, width=3, least_bits=20.0, most_pairs=1e9)
    assert len(find_bursts([counts], KNOWN, width=3, least_bits=20.0, most_pairs=1e9)) == 1


def test_a_burst_of_two_ways_is_one_of_both():
    rng = np.random.default_rng(4)
    starts, stops = rng.poisson(20, (2, 3, DAY))
    # A lecture begins, another one ends, and a team hands over to the next.
    starts[0, 400] += 200
    stops[1, 500] += 200
    starts[2, 600] += 40
    stops[2, 600] += 40
    found = find_bursts([starts, stops], KNOWN, width=3, least_bits=30.0, most_pairs=1e9)
    assert [(day, 598 <= minute <= 600) for day, minute in found] == [(2, True)]


@pytest.mark.parametrize("most", [1, 3])
def test_what_one_way_says_is_bounded_by_the_other(most):
    rng = np.random.default_rng(9)
    starts, stops = rng.poisson(20, (2, 30, DAY))
    found = find_bursts([starts, stops], KNOWN, width=3, least_bits=4.0, most_pairs=1e9)
    # By chance, in a day of 1,440 minutes.
    assert len(found) <= 6 * len(starts)
    starts[:, 700] += 60 * most
    assert len(find_bursts([starts, stops], KNOWN, width=3, least_bits=12.0, most_pairs=1e9)) <= 2


def test_the_beginning_of_office_hours_is_none():
    counts = np.random.default_rng(2).poisson(np.where(np.arange(DAY) < 540, 5.0, 60.0), (5, DAY))
    assert not find_bursts([counts], KNOWN, width=3, least_bits=12.0, most_pairs=1e9)


def test_the_strongest_bursts_come_first_where_there_are_too_many_pairs():
    counts = np.full((2, DAY), 5)
    counts[0, 300], counts[0, 900], counts[1, 700] = 400, 100, 200
    few = {"width": 3, "least_bits": 20.0}
    pairs = [(n + 10) * (n + 9) / 2 for n in (400, 200, 100)]
    all_of_them = find_bursts([counts], KNOWN, most_pairs=sum(pairs), **few)
    assert [day for day, _ in all_of_them] == [0, 0, 1]
    assert find_bursts([counts], KNOWN, most_pairs=sum(pairs) - 1, **few) == [all_of_them[0], all_of_them[2]]
    assert find_bursts([counts], KNOWN, most_pairs=pairs[0], **few) == all_of_them[:1]
    assert find_bursts([counts], KNOWN, most_pairs=pairs[0] - 1, **few) == []


def test_a_minute_that_is_liked_all_day_is_popular_and_a_moment_of_every_day_is_not():
    counts = np.random.default_rng(3).poisson(5, (7, DAY))
    counts[:, ::60] += 10
    counts[:, 617] += 100
    assert np.flatnonzero(find_popular_minutes(counts, KNOWN)).tolist() == [0]


def test_few_switches_make_no_minute_popular():
    counts = np.random.default_rng(4).poisson(0.05, (3, DAY))
    assert not find_popular_minutes(counts, KNOWN).any()


# Moments


def moments(tmp_path: Path, minutes: dict[str, list[int]], engine, **settings) -> set[tuple[str, str]]:
    """Who switches on at a burst, of accounts that are active in minutes of three days."""
    rows = [
        (account, worlds.START + pd.Timedelta(minutes=m)) for account, some in minutes.items() for m in some
    ]
    frame = pd.DataFrame(rows, columns=["account_id", "timestamp"]).assign(device_id="d")
    sightings = cg.read([write(tmp_path / "in", frame)], engine=engine)
    found = observe_behaviour(sightings, handover=False, pivot=False, token_lengths=False, **settings)
    if not found.behaviour:
        return set()
    held = engine.fetch("SELECT account_id, value FROM behaviour WHERE contains(value, 'T')").to_pylist()
    return {(row["account_id"], row["value"]) for row in held}


def test_an_account_switches_on_after_a_pause(tmp_path, engine):
    active = {f"a{i}": [600, 605, 616] for i in range(9)} | {"b": [595, 601], "c": [589, 600]}
    found = moments(tmp_path, active, engine)
    assert {account for account, value in found if value == "2026-02-02T10:00"} == {
        *(f"a{i}" for i in range(9)), "c",
    }  # fmt: skip
    assert {account for account, value in found if value > "2026-02-02T10:10"} == {f"a{i}" for i in range(9)}


@pytest.mark.parametrize(("minute", "seen"), [(9, False), (10, True), (1_429, True), (1_430, False)])
def test_what_is_near_midnight_is_not_known(tmp_path, engine, minute, seen):
    found = moments(tmp_path, {f"a{i}": [DAY + minute] for i in range(9)}, engine, resolution=1)
    assert bool(found) == seen


# Campaigns, and people alone


@pytest.fixture(scope="module")
def crowd() -> pd.DataFrame:
    return worlds.people(2_500, 4, np.random.default_rng(5))


@pytest.mark.parametrize(
    ("kind", "campaign"), [("synchrony", worlds.synchronised), ("handover", worlds.teams)]
)
def test_a_campaign_that_only_time_tells_is_found(tmp_path, crowd, kind, campaign):
    planted = campaign(40, 4, np.random.default_rng(6))
    assert best_f1(run(tmp_path, pd.concat([crowd, planted]), kind), 40) >= 0.9


def test_who_sends_one_request_at_a_time_hands_nothing_over(tmp_path, crowd):
    rng = np.random.default_rng(11)
    moments = 60 * rng.choice(4 * DAY, 24, replace=False)
    seconds = np.tile(moments, 40) + rng.integers(0, 50, 960)
    planted = worlds.frame("c", np.repeat(np.arange(40), 24), seconds)
    assert run(tmp_path, pd.concat([crowd, planted]), "handover").clusters.num_rows == 0


@pytest.mark.parametrize("kind", ["synchrony", "handover"])
def test_people_with_rhythms_and_round_hours_make_no_cluster(tmp_path, crowd, kind):
    assert run(tmp_path, crowd, kind).clusters.num_rows == 0


def adopters(rng: np.random.Generator) -> pd.DataFrame:
    moves = np.where(rng.random(1_500) < 0.4, 100 + rng.exponential(150, 1_500), 10_000)
    return worlds.movers("p", 1_500, 16, moves, 5.0, rng)


def test_accounts_that_move_to_a_model_together_are_found(tmp_path):
    rng = np.random.default_rng(7)
    planted = worlds.movers("c", 50, 16, np.full(50, 220), 40.0, rng)
    assert best_f1(run(tmp_path, pd.concat([adopters(rng), planted]), "pivot"), 50) >= 0.7


def test_early_adopters_are_no_cluster(tmp_path):
    assert run(tmp_path, adopters(np.random.default_rng(8)), "pivot").clusters.num_rows == 0


def test_blocks_are_compared_with_those_of_a_day():
    quiet = [20, 15, 12, 10, 9, 8, 10, 9]
    assert not find_suspicious_blocks(np.array([500, 300, *quiet]), around=6)
    assert find_suspicious_blocks(np.array([*quiet, 90, *quiet[2:]]), around=6) == [(8, 8)]
    assert find_suspicious_blocks(np.array([*quiet, 90, 80, *quiet[2:]]), around=6) == [(8, 9)]


def test_accounts_with_the_same_narrow_lengths_are_found(tmp_path):
    rng = np.random.default_rng(9)
    broad = worlds.lengths("p", 1_800, np.array([5.5, 6.0]) + 0.6 * rng.normal(size=(1_800, 2)), 0.8, rng)
    narrow = [
        worlds.lengths("q", 900, np.array([5.5, 6.0]) + 0.8 * rng.normal(size=(900, 2)), 0.02, rng)
        for _ in range(2)
    ]
    jobs = ([5.7, 7.0], [7.1, 6.4], [7.8, 4.5])
    planted = [worlds.lengths("c", 35, np.tile(job, (35, 1)), 0.02, rng) for job in jobs]
    assert best_f1(run(tmp_path, pd.concat([broad, *narrow, *planted]), "token_lengths"), 35) >= 0.8


# Nights


def test_a_night_equals_a_run_over_its_window(tmp_path, crowd):
    planted = worlds.synchronised(30, 3, np.random.default_rng(10))
    frame = pd.concat([crowd[crowd["account_id"] < "p00800"], planted]).assign(
        model="atlas-4", input_tokens=100, output_tokens=200
    )
    day = (frame["timestamp"] - worlds.START).dt.days
    frame, day = frame[day < 3], day[day < 3]
    late = (day == 1) & (np.arange(len(frame)) % 3 == 0)  # these rows of the second day come with the third
    for number in range(3):
        part = frame[((day == number) & ~late) | (late & (number == 2))]
        nightly(write(tmp_path / str(number), part), store=tmp_path / "store", night=at(number), threads=1)
    whole = cg.run(write(tmp_path / "all", frame))
    assert "synchrony" in whole.manifest["input"]["kinds"]
    assert whole.clusters.num_rows > 0
    assert_equal_but_for_ids(whole, tmp_path / "store", 2)
    folder = next((tmp_path / "store" / "incidence").glob("dt=2026-02-03/night=2026-02-03*"))
    assert pq.read_schema(folder / "model_hours.parquet").names == [
        "account_id", "moment", "model", "exchanges",
    ]  # fmt: skip


# Configuration


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pause": 0}, "pause must be from 1 to 120 minutes"),
        ({"resolution": 11}, "resolution must be from 1 minute to pause"),
        ({"burst_bits": 0.0}, "burst_bits must be over 0"),
        ({"handover_bits": 0.0}, "handover_bits must be over 0"),
        ({"most_pairs": 0.0}, "most_pairs must be over 0"),
        ({"pivot_hours": 13}, "pivot_hours must be from 1 to 12 hours"),
        ({"least_exchanges": 0}, "least_exchanges must be 1 or more"),
        ({"releases": {"atlas-5": "soon"}}, "releases: atlas-5 must be a time such as"),
    ],
)
def test_a_setting_out_of_bounds_is_refused(tmp_path, settings, message):
    frame = worlds.frame("p", np.arange(3), np.arange(3))
    with pytest.raises(UsageError, match=message):
        cg.run(write(tmp_path / "in", frame), config={"behaviour": settings})
