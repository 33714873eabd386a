"""``clustergraph simulate`` as a whole: every option reaches the world."""

from __future__ import annotations

from collections import Counter

import pyarrow.parquet as pq
import pytest

from clustergraph.simulation import simulate
from tests.commands import call, snapshot

OPTIONS = {
    "--accounts": 2_000, "--nights": 2, "--start": "2027-03-01", "--evasion": 0.5,
    "--campaign-accounts": 120, "--decoys": 50, "--cells": 10, "--towns": 3, "--lone-card": 15,
    "--lone-exit": 16, "--seed": 5,
}  # fmt: skip
FLAGGED = {
    "--private-cards": {"shared_cards": False}, "--no-campaigns": {"campaigns": False},
    "--own-infrastructure": {"own_infrastructure": True}, "--prompts": {"prompts": True},
    "--details": {"details": True}, "--sessions": {"sessions": True},
}  # fmt: skip
FLAGS = ("--shared-proxy", "--borrowed", "--private-cards")


def test_every_option_reaches_the_world(tmp_path):
    given = [str(part) for pair in OPTIONS.items() for part in pair]
    done = call("simulate", tmp_path / "world", *given, *FLAGS)
    assert (done.code, done.out) == (0, "")
    truth = pq.read_table(tmp_path / "world" / "truth.parquet")
    cohorts = Counter(truth["cohort"].to_pylist())
    assert (cohorts["decoy"], cohorts["lone_card"], cohorts["lone_exit"]) == (50, 15, 16)
    assert 50 <= cohorts["cell"] <= 80
    groups = Counter(truth["group"].to_pylist())
    assert {"campaign-startup", "campaign-campus", "operation-cells", "lone-card"} <= groups.keys()
    assert (groups["campaign-hydra"], groups["campaign-twin"]) == (60, 40)
    assert {f"town-0000{number}" for number in range(3)} <= set(truth["infrastructure"].to_pylist())
    nights = sorted(path.name for path in (tmp_path / "world" / "events").iterdir())
    assert nights == ["dt=2027-03-01", "dt=2027-03-02"]
    days = pq.read_table(tmp_path / "world" / "group_nights.parquet")["dt"]
    assert {f"dt={day}" for day in days.to_pylist()} == set(nights)


@pytest.mark.parametrize("flag", FLAGGED)
def test_flags_are_those_of_the_world(tmp_path, flag):
    call("simulate", tmp_path / "command", "--accounts", 600, flag)
    simulate(tmp_path / "python", accounts=600, **FLAGGED[flag])
    assert snapshot(tmp_path / "command") == snapshot(tmp_path / "python")
    simulate(tmp_path / "without", accounts=600)
    assert snapshot(tmp_path / "command") != snapshot(tmp_path / "without")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--start", "yesterday"], "Invalid value for '--start'"),
        (["--start", "1999-12-31"], "start is 1999-12-31; it must be from 2005 to 2095"),
        (["--towns", "-1"], "towns is -1; it must be from 0 to 2000"),
        (["--only", "luck"], "only is luck; it must be one of prefix, asn, bin"),
        (["--campaign-accounts", "3"], "campaign_accounts is 3; it must be at least 10"),
    ],
)
def test_what_is_out_of_range_is_refused(tmp_path, options, said):
    done = call("simulate", tmp_path / "world", *options)
    assert done.code == 2
    assert said in done.err
    assert list(tmp_path.iterdir()) == []
