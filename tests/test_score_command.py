"""``clustergraph score`` as a whole: what it prints, its JSON, its warnings and its errors."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from rich.console import Console

import clustergraph as cg
from clustergraph.scoring.display import show_scorecard
from clustergraph.simulation import simulate
from tests.commands import ROOT, call, finish, snapshot, start
from tests.scored_runs import make_run, make_truth, write_run
from tests.small_run import HOSTILE

if TYPE_CHECKING:
    from pathlib import Path

    from clustergraph.scoring.scorecard import Scorecard


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    """A run on the sample."""
    folder = tmp_path_factory.mktemp("score") / "run"
    cg.run(ROOT / "data" / "events.parquet", out=folder)
    return folder


@pytest.fixture
def small(tmp_path) -> tuple[Path, Path]:
    """A small run and its truth."""
    run = write_run(
        tmp_path / "run",
        ["a b c", "d e", "p q"],
        exchanges=[30, 20, 10],
        explained_by=[None, None, "organization"],
    )
    pq.write_table(make_truth({"x": "a b", "y": "d e f"}, exchanges={"d": 7}), tmp_path / "truth.parquet")
    return run, tmp_path / "truth.parquet"


def draw(card: Scorecard, width: int = 100, limit: int | None = 30) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None).print(show_scorecard(card, limit))
    return stream.getvalue()


def row(shown: str, first: str) -> list[str]:
    """Give the cells of the first line that begins with these words."""
    return next(line for line in shown.splitlines() if line.startswith(first))[len(first) :].split()


def test_the_sample_is_scored(sample):
    truth = ROOT / "data" / "truth.parquet"
    before = snapshot(sample)
    done = call("score", sample, truth)
    assert (done.code, done.err) == (0, "")
    document = json.loads(call("score", sample, truth, "--json").out)
    campaigns = [one for one in document["groups"] if one["cohort"] == "campaign"]
    assert [one["group"] for one in campaigns] == [
        "campaign-hydra", "campaign-pathways", "campaign-synchronised",
    ]  # fmt: skip
    assert all(one["f1"] == 1.0 for one in campaigns)
    assert [(one["volume_true"], one["volume_found"]) for one in campaigns] == [
        (65_000, 65_000), (17_000, 17_000), (750, 750),
    ]  # fmt: skip
    assert row(done.out, "campaign-hydra")[:2] == ["100", "1"]
    assert "the 30 largest of 128" in done.out
    assert document == cg.score(sample, truth).to_dict()
    assert snapshot(sample) == before


def test_the_document_has_the_keys_of_the_contract(small):
    document = json.loads(call("score", *small, "--json").out)
    figures = {"precision", "recall", "f1"}
    assert set(document["groups"][0]) >= {
        "group", "accounts", "cluster_id", "rank", *figures, "volume_true", "volume_found",
    }  # fmt: skip
    assert set(document["bcubed"]) == set(document["pairs"]) == figures
    assert set(document["cohorts"]["grouped"]) == {"accounts", "clustered", "top_10", "top_20", "top_50"}
    assert list(document["precision_at"]) == list(document["precision_at_unexplained"]) == ["10", "20", "50"]
    assert set(document["precision_at"]["10"]) == {"accounts", "clusters"}
    assert (document["clusters"], document["clustered"], document["unlisted"]) == (3, 7, 3)
    assert [one["group"] for one in document["groups"]] == ["y", "x"]


def test_the_table_by_hand(small):
    shown = call("score", *small).out
    assert shown.splitlines()[:2] == [
        "3 clusters of 7 accounts, 3 of them not in the truth",
        "2 groups of 5 accounts among the 5 of the truth",
    ]
    assert row(shown, "x ") == ["2", "1", "c00000001", "0.667", "1.000", "0.800", "0", "30", "0"]
    assert row(shown, "y ") == ["3", "2", "c00000002", "1.000", "0.667", "0.800", "7", "20", "0"]
    assert row(shown, "B-cubed, others passed over") == ["1.000", "0.733", "0.846"]
    assert row(shown, "grouped") == ["5", "4", "80%", "4", "4", "4"]
    assert row(shown, "first 10") == ["0.571", "0.667", "0.800", "1.000"]


def test_as_many_groups_as_asked_for(small):
    shown = call("score", *small, "-n", 1).out
    assert "each: the largest of 2" in shown
    assert not any(line.startswith("x ") for line in shown.splitlines())
    many = cg.score(make_run([]), make_truth({f"g{number}": f"a{number}" for number in range(50)}))
    for limit, shown in ((30, 30), (None, 50)):
        assert len(re.findall(r"^g\d", draw(many, limit=limit), re.MULTILINE)) == shown
    run, truth = small
    assert "largest" not in call("score", run, truth, "-n", 1, "--all").out


def test_without_volumes_the_largest_have_most_accounts():
    card = cg.score(make_run([]), make_truth({"a": "1", "b": "2 3", "c": "4 5"}))
    shown = [line[0] for line in draw(card).splitlines() if line[:2] in ("a ", "b ", "c ")]
    assert shown[:3] == ["b", "c", "a"]


@pytest.mark.parametrize("width", [80, 100, 160])
def test_lines_fit_the_terminal(width):
    members = " ".join(f"member-{number}" for number in range(1_000))
    truth = make_truth(
        {"a-campaign-with-a-name-as-long-as-names-get-" * 3: members, HOSTILE: "a b"},
        exchanges=dict.fromkeys(members.split(), 123_456),
        cohort=dict.fromkeys(members.split(), "a-cohort-with-a-name-as-long-as-names-get"),
    )
    volumes = [123_456_789, 1]
    run = make_run([members, "a b"], exchanges=volumes, explained_by=["organization", None])
    shown = draw(cg.score(run, truth), width)
    assert max(map(len, shown.splitlines())) <= width
    assert "123,456,000" in shown
    assert ("123,456,789" in shown) == (width >= 100)


def test_names_neither_move_the_cursor_nor_are_markup(tmp_path):
    truth = make_truth({HOSTILE: "a b"}, cohort={"a": HOSTILE, "b": HOSTILE})
    pq.write_table(truth, tmp_path / "truth.parquet")
    run = write_run(tmp_path / "run", ["a b"], explained_by=[HOSTILE])
    done = call("score", run, tmp_path / "truth.parquet", "--coordinated", HOSTILE)
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out
    assert r"\x1b[2J[red]<scr" in done.out
    document = json.loads(call("score", run, tmp_path / "truth.parquet", "--json").out)
    assert document["groups"][0]["group"] == HOSTILE


def test_figures_are_never_rounded_to_all_or_nothing():
    members = " ".join(f"m{number}" for number in range(3_000))
    truth = make_truth({"g": members, "h": "x y z"})
    shown = draw(cg.score(make_run([f"{members} x"]), truth))
    assert row(shown, "g ")[3:6] == [">0.999", "1.000", ">0.999"]
    assert row(shown, "h ")[3:6] == ["<0.001", "0.333", "0.001"]


def test_nothing_found_is_a_result(tmp_path, small):
    done = call("score", write_run(tmp_path / "empty", []), small[1])
    assert (done.code, done.err) == (0, "")
    assert row(done.out, "x ") == ["2", "-", "-", "-", "-", "-", "0", "-", "0"]
    assert row(done.out, "first 10") == ["-", "-", "-", "-"]


def test_warnings_are_lines_on_standard_error(tmp_path, small):
    pq.write_table(make_truth({"x": "others"}), tmp_path / "other.parquet")
    done = call("score", small[0], tmp_path / "other.parquet", "--json")
    assert done.code == 0
    assert done.err == (
        f"clustergraph: warning: none of the 7 clustered accounts is in {tmp_path}/other.parquet;"
        " is it of the same traffic?\n"
    )
    assert json.loads(done.out)["unlisted"] == 7


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["{tmp}/none", "{truth}"], 3, "{tmp}/none: there is no such folder"),
        (["{tmp}", "{truth}"], 3, "{tmp}: not a run: it has no run.json"),
        (["{run}", "{tmp}/none.parquet"], 3, "no such file or folder: {tmp}/none.parquet"),
        (["{run}", "{run}/clusters.parquet"], 3, "clusters.parquet: required column 'account_id' is missing"),
        (["{run}", "{truth}", "--nights", "x"], 2, "this is a single run"),
        (["{run}", "{truth}", "--coordinated", "x"], 2, "{truth} has no column 'cohort'"),
        (["{run}", "{truth}", "-n", "0"], 2, "Invalid value for '-n'"),
        (["{run}"], 2, "Missing argument 'TRUTH.parquet'"),
    ],
)
def test_errors_have_a_line_and_a_code(tmp_path, small, arguments, code, said):
    run, truth = small
    names = {"tmp": tmp_path, "run": run, "truth": truth}
    done = call("score", *(one.format(**names) for one in arguments))
    assert (done.code, done.out) == (code, "")
    assert said.format(**names) in done.err
    assert "Traceback" not in done.err


def test_several_nights_by_the_commands_alone(tmp_path):
    """Three nights of a world, each run on all events so far, as a nightly job does."""
    world, store = tmp_path / "world", tmp_path / "store"
    simulate(world, accounts=1_500, nights=3, seed=4, evasion=0.0)
    for night in (1, 2, 3):
        days = [world / "events" / f"dt=2026-02-0{day + 1}" for day in range(1, night + 1)]
        cg.run(days, out=store / "runs" / f"dt=2026-02-0{night + 1}")
    document = json.loads(call("score", store, world / "truth.parquet", "--json").out)
    assert document["runs"] == ["2026-02-02", "2026-02-03", "2026-02-04"]
    nights = {one["group"]: one for one in document["nights"]}
    assert nights["campaign-hydra"] == {
        "group": "campaign-hydra", "first_night": "2026-02-02", "nights_before": 0, "share_before": 0.0,
    }  # fmt: skip
    # Most households never stand in the first ranks, and all they did went by.
    never = [one for one in nights.values() if one["first_night"] is None and one["nights_before"]]
    assert len(never) > 10
    assert {one["share_before"] for one in never} == {1.0}
    shown = call("score", store, world / "truth.parquet").out
    heading = "Before a group stood in the first 10 (3 nights, 2026-02-02 to 2026-02-04)"
    assert heading in shown
    assert row(shown.split(heading)[1], "campaign-hydra") == ["2026-02-02", "0", "0%"]


def test_it_is_the_same_in_every_process(small):
    done = [finish(start("score", *small, "--json", PYTHONHASHSEED=seed)) for seed in (1, 2)]
    assert done[0] == done[1]
    assert done[0].code == 0
