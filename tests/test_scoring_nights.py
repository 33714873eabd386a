"""Runs of several nights: when a group was first seen, and what went by before."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import clustergraph as cg
from clustergraph.errors import InputError, UsageError
from clustergraph.scoring.nights import NightScore, read_activity
from tests.scored_runs import make_truth, write_run

if TYPE_CHECKING:
    from pathlib import Path

STRANGERS = [f"p{rank} q{rank}" for rank in range(9)]
# x is a mere half of a cluster and whole in rank 11, then in rank 10 twice; y comes in the third night; z
# never does.
RUNS = {
    "2026-02-28": ["a b p q", "d r", *STRANGERS[:8], "c"],
    "2026-03-01": [*STRANGERS, "a b p"],
    "2026-03-02": [*STRANGERS[:8], "d e", "a b c"],
}
TRUTH = make_truth({"x": "a b c", "y": "d e", "z": "f g"}, exchanges={"a": 100, "d": 10})
NIGHTS = [
    ("2026-02-27", "x", 10.0), ("2026-02-28", "x", 20.0), ("2026-03-01", "x", 30.0),
    ("2026-03-05", "x", 40.0),
    ("2026-02-28", "y", 0.0), ("2026-03-01", "y", 4.0), ("2026-03-02", "y", 6.0),
    ("2026-02-28", "z", 5.0), ("2026-03-02", "z", 10.0), ("2026-03-03", "z", 5.0),
    ("2026-03-03", "", 5.0), ("2026-03-03", "", 6.0), ("2026-03-03", "unknown", 5.0),
]  # fmt: skip
EXPECTED = [
    NightScore("x", date(2026, 3, 1), 2, 0.3),
    NightScore("y", date(2026, 3, 2), 1, 0.4),
    NightScore("z", None, 2, 0.75),
]


def nights_table() -> pa.Table:
    days, groups, exchanges = zip(*NIGHTS, strict=True)
    return pa.table(
        {"dt": [date.fromisoformat(one) for one in days], "group": groups, "exchanges": exchanges}
    )


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for night, clusters in RUNS.items():
        write_run(tmp_path / "store" / f"dt={night}", clusters)
    return tmp_path / "store"


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    pq.write_table(TRUTH, tmp_path / "truth.parquet")
    pq.write_table(nights_table(), tmp_path / "group_nights.parquet")
    return tmp_path / "truth.parquet"


def test_nights_by_hand(store, truth):
    card = cg.score(store, truth)
    assert list(card.nights) == EXPECTED
    assert card.runs == (date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 2))
    assert card.warnings == ()
    assert card.to_dict()["runs"] == list(RUNS)
    assert card.to_dict()["nights"][0] == {
        "group": "x", "first_night": "2026-03-01", "nights_before": 2, "share_before": 0.3,
    }  # fmt: skip


def test_the_last_night_is_scored(store, truth):
    card = cg.score(store, truth)
    alone = cg.score(store / "dt=2026-03-02", truth)
    assert card.groups == alone.groups
    assert (card.bcubed, card.precision_at) == (alone.bcubed, alone.precision_at)
    assert (alone.runs, alone.nights) == ((), ())
    assert not {"runs", "nights"} & alone.to_dict().keys()


def test_runs_may_be_in_a_folder_of_their_own(store, truth, tmp_path):
    (tmp_path / "whole").mkdir()
    store.rename(tmp_path / "whole" / "runs")
    for other in ("dt=2026-03-02.unfinished", "latest", "runs/.dt=2026-03-03"):
        (tmp_path / "whole" / other).mkdir()
    assert list(cg.score(tmp_path / "whole", truth).nights) == EXPECTED


def test_a_file_of_nights_may_be_named(store, truth, tmp_path):
    table = nights_table()
    text = [f"{one['dt']},{one['group']},{one['exchanges']}" for one in table.to_pylist()]
    (tmp_path / "n.csv").write_text("\n".join(["dt,group,exchanges", *text]))
    timed = table.set_column(
        0, "dt", [[datetime.combine(one, datetime.min.time()) for one in table["dt"].to_pylist()]]
    )
    pq.write_table(timed.take(pa.array(range(table.num_rows - 1, -1, -1))), tmp_path / "n.parquet")
    (tmp_path / "group_nights.parquet").unlink()
    for name in ("n.csv", "n.parquet"):
        assert list(cg.score(store, truth, nights=tmp_path / name).nights) == EXPECTED


def test_without_a_file_of_nights_what_went_by_is_not_known(store, truth):
    (truth.parent / "group_nights.parquet").unlink()
    for given in (truth, TRUTH):
        card = cg.score(store, given)
        assert [one.first_night for one in card.nights] == [one.first_night for one in EXPECTED]
        assert {(one.nights_before, one.share_before) for one in card.nights} == {(None, None)}
        assert card.warnings[0].startswith("there is no group_nights.parquet beside ")


def test_a_group_that_was_never_active_has_no_share(store, truth):
    pq.write_table(nights_table().slice(0, 4), truth.parent / "group_nights.parquet")
    assert cg.score(store, truth).nights[2] == NightScore("z", None, 0, None)


def test_nights_are_not_for_a_single_run(store, truth):
    with pytest.raises(UsageError, match="single run"):
        cg.score(store / "dt=2026-03-02", truth, nights=truth.parent / "group_nights.parquet")


def test_what_is_wrong_with_runs_is_said(store, truth):
    (store / "dt=2026-03-02" / "members.parquet").unlink()
    with pytest.raises(InputError, match=r"dt=2026-03-02: not a run: it has no members\.parquet"):
        cg.score(store, truth)
    (store / "dt=2026-02-30").mkdir()
    with pytest.raises(InputError, match=r"dt=2026-02-30: is named after no day"):
        cg.score(store, truth)
    with pytest.raises(InputError, match="not a run"):
        cg.score(store.parent, truth)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("dt,group\n", "required column 'exchanges' is missing"),
        (
            "dt,group,exchanges\n2026-03-01,x,1\n2026-3-02,x,1\n",
            "column 'dt', row 2: '2026-3-02'; expected a day",
        ),
        ("dt,group,exchanges\n2026-02-30,x,1\n", "column 'dt', row 1: '2026-02-30'; expected a day"),
        ("dt,group,exchanges\n2026-03-01,x,-1\n", "column 'exchanges', row 1: '-1'; expected a number >= 0"),
        (
            "dt,group,exchanges\n2026-03-01,x,1\n2026-03-01,x,2\n",
            "row 2: 'x' on 2026-03-01 is in another row",
        ),
    ],
)
def test_what_is_wrong_with_nights_is_said(tmp_path, lines, said):
    (tmp_path / "n.csv").write_text(lines)
    with pytest.raises(InputError) as caught:
        read_activity(tmp_path / "n.csv")
    assert said in str(caught.value)


def test_days_must_be_there():
    with pytest.raises(InputError, match="no such file"):
        read_activity("none.parquet")


def test_a_null_day_is_refused(tmp_path):
    pq.write_table(
        pa.table({"dt": pa.nulls(1, pa.date32()), "group": ["x"], "exchanges": [1]}), tmp_path / "n.parquet"
    )
    with pytest.raises(InputError, match="column 'dt', row 1: null; expected a day"):
        read_activity(tmp_path / "n.parquet")
