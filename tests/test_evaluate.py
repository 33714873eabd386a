"""The evaluation on tiny worlds: every section runs, and its figures are right where the answer is known."""

from __future__ import annotations

import re
import tomllib
from xml.etree import ElementTree

import networkx as nx
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import clustergraph as cg
from clustergraph.config import check_config
from clustergraph.jobs import INJECTED, STAGES
from clustergraph.simulation import simulate
from tests.bench.hop import Hop
from tests.bench.processes import Taken
from tests.commands import call
from tests.evaluate import __main__ as command
from tests.evaluate import ablation, alone, curve, hop, nights, prompts, trials
from tests.evaluate.judging import (
    count_clusters_first,
    count_people_first,
    f1_of,
    share_clustered,
    stands_ahead,
    volume_of,
    worst_f1,
)
from tests.evaluate.outcome import judge
from tests.evaluate.simple import find_simple_clusters
from tests.evaluate.steadiness import count_steady
from tests.evaluate.trials import find_unknown, say_toml
from tests.evaluate.truth import read_truth
from tests.scored_runs import make_run

TINY = ("--accounts", "2000", "--seeds", "3", "--threads", "1")


def run_here(source, out, threads, *, accounts=None, volumes=None, config=None):
    """Run as the evaluation does, but in this process, which saves most of the seconds."""
    settings = tomllib.loads(config.read_text()) if config else None
    cg.run(source, out=out, accounts=accounts, volumes=volumes, config=settings, threads=threads)
    return Taken(1.0, 10**9)


def run_command_here(*arguments):
    assert call(*arguments).code == 0


@pytest.fixture
def here(monkeypatch):
    monkeypatch.setattr(trials, "measure_job", run_here)
    monkeypatch.setattr(trials, "run_command", run_command_here)


@pytest.fixture
def evaluate(capsys, tmp_path):
    """Run the command; give tables by title, each a list of rows."""

    def run(*arguments):
        options = (*TINY, "--chart", str(tmp_path / "chart.svg"))
        assert command.main([*arguments, *options]) == 0
        out = capsys.readouterr().out
        assert "failed" not in out
        parts = re.split(r"^\*\*(.+)\*\*$", out, flags=re.MULTILINE)
        return {title: _rows(text) for title, text in zip(parts[1::2], parts[2::2], strict=True)}

    return run


def _rows(text):
    lines = [line[2:-2].split(" | ") for line in text.splitlines() if line.startswith("|")]
    assert len({len(line) for line in lines}) == 1, lines
    return lines[2:]


def test_bounds(evaluate, here):
    tables = evaluate("bounds")
    worlds = [row[0] for row in tables["Campaigns in worlds of 2,000 accounts"]]
    assert len(worlds) == 6
    assert worlds[0] == "evasion 0.3, seed 3, plain"
    assert [row[0] for row in tables["Everybody else in worlds of 2,000 accounts"]] == worlds
    bounds = tables["Bounds on 6 worlds of 2,000 accounts"]
    assert len(bounds) == 9
    assert {row[2] for row in bounds} <= {"yes", "**no**"}
    kinds = {
        row[0]: row[1:] for row in tables["Clustered accounts by kind, all worlds of 2,000 accounts together"]
    }
    assert {"campaign", "individual", "household", "verified organisation", "decoy"} <= kinds.keys()


def test_curve(evaluate, here, tmp_path, monkeypatch):
    monkeypatch.setattr(curve, "STEPS", (0.0, 1.0))
    (rows,) = evaluate("curve").values()
    assert [row[0] for row in rows] == ["0.0", "1.0"]
    assert float(rows[0][1]) > float(rows[1][1])  # who takes no care is found, who takes all is not
    picture = (tmp_path / "chart.svg").read_text()
    ElementTree.fromstring(picture)
    assert all(name in picture for name in ("hydra", "pathways", "synchronised", "simple detector"))


@pytest.mark.parametrize("section", ["full", "sparse", "proxy", "quiet", "cells"])
def test_section(evaluate, here, section):
    tables = evaluate(section)
    assert tables
    # A world without campaigns may have nothing left to list.
    assert all(rows for title, rows in tables.items() if "unexplained clusters with" not in title)


def test_prompts(evaluate, here, monkeypatch):
    monkeypatch.setattr(prompts, "EVASIONS", (0.3,))
    campaigns, divided, bounds = evaluate("prompts").values()
    assert len(campaigns) == 1
    assert [row[0] for row in divided] == ["ask all of anything", "divide a data set"]
    assert 0 < int(divided[1][1]) <= 3
    assert [row[2] for row in bounds[1:]] == ["yes"] * 3
    assert (bounds[0][2] == "yes") == (min(map(float, campaigns[0][1:])) >= 0.9)


def test_alone(evaluate, here, monkeypatch):
    monkeypatch.setattr(alone, "TRACES", ("bin", "signup"))
    monkeypatch.setattr(alone, "PAIRS", ())
    monkeypatch.setattr(alone, "TIMING", ())
    tables = evaluate("alone")
    rows = tables["A campaign with one trace or two, seed 3"]
    assert [row[:2] for row in rows] == [["bin, 2,000", "100"], ["signup, 2,000", "100"]]
    bounds = tables["Bounds: a campaign with one trace"]
    assert [row[0] for row in bounds] == [
        "bin, 2,000: F1 at least 0.8",
        "signup, 2,000: F1 at least 0.8, all parts",
        "at most 0.1% of individuals clustered",
    ]


def test_nights(evaluate, here, monkeypatch):
    monkeypatch.setattr(nights, "NIGHTS", 4)
    tables = evaluate("nights")
    about = "4 nights of 2,000 accounts, evasion 0.5, seed 3"
    ids = {row[0]: row[1:] for row in tables[f"Ids of campaigns, {about}"]}
    assert all(int(kept) <= int(there) for there, kept, _ in ids.values())
    assert len(tables[f"Regrowth, {about}"]) == 3
    assert int(tables[f"Ids of groups that nobody joined, {about}"][0][0]) > 20
    assert len(tables[f"Bounds on {about}"]) == 5


def test_ablation_and_hop_without_its_data(evaluate, here, monkeypatch, tmp_path):
    monkeypatch.setattr("tests.bench.places.REAL", command.ROOT / "nowhere")
    monkeypatch.setattr(
        ablation, "ROWS",
        [
            ("defaults", {}),
            ("large only", {"partition": {"min_accounts": 60}}),
            ("odd", {"link": {"nothing": 1}}),
        ],
    )  # fmt: skip
    (rows,) = evaluate("ablation").values()
    assert [row[0] for row in rows[:2]] == ["defaults", "large only"]
    assert float(rows[1][1]) < float(rows[0][1])
    assert rows[0][4] == "-"
    assert rows[2][0].startswith("odd (left out: unknown [link] key 'nothing'")
    assert set(rows[2][1:]) == {"-"}


def test_hop_scores_halves(evaluate, here, monkeypatch, tmp_path):
    """Three rings that share everything, one of them with an outsider, and one that shares nothing."""
    groups = {f"{ring}{member}": ring for ring in "abcd" for member in range(6)}
    rows = [
        (account, kind, f"{ring}-{value}" if ring != "d" else f"{account}-{value}")
        for account, ring in groups.items() for kind in ("in", "out") for value in range(6)
    ]  # fmt: skip
    rows += [("outsider", kind, f"a-{value}") for kind in ("in", "out") for value in range(6)]
    rows += [
        (f"x{i}", kind, f"x{i // 2}-{value}")
        for i in range(200)
        for kind in ("in", "out")
        for value in range(2)
    ]
    columns = dict(zip(("account_id", "kind", "value"), zip(*rows, strict=True), strict=True))
    pq.write_table(pa.table(columns), tmp_path / "sightings.parquet")
    everybody = sorted(set(columns["account_id"]))
    pq.write_table(
        pa.table({"account_id": everybody, "volume": [1.0] * len(everybody)}), tmp_path / "volumes.parquet"
    )
    pq.write_table(
        pa.table({"account_id": [*groups, "unseen"], "group": [*groups.values(), "e"]}),
        tmp_path / "groups.parquet",
    )
    monkeypatch.setattr(hop, "find_hop", lambda: tmp_path)
    tables = evaluate("hop")
    halves = hop.split_groups(Hop(tmp_path).groups())
    assert sorted(len(set(half.values())) for half in halves.values()) == [2, 2]
    for row in tables["Hop: B-cubed over reported accounts with sightings, outsiders ignored"]:
        scattered = "d" in halves[row[0]].values()
        assert row[1:4] == (["1.000", "0.583", "0.737"] if scattered else ["1.000"] * 3)
    assert len(tables["Bound on Hop"]) == 1
    with trials.Trials(print, threads=1) as one:
        assert hop.score_halves(one).keys() == {hop.SEEN}


def test_groups_are_split_whole_and_the_same_whatever_their_order():
    groups = {f"account-{i}": f"group-{i % 7}" for i in range(50)}
    halves = hop.split_groups(groups)
    names = [set(half.values()) for half in halves.values()]
    assert [len(one) for one in names] == [3, 4]
    assert not names[0] & names[1]
    assert {**halves[hop.SEEN], **halves[hop.HELD_OUT]} == groups
    assert hop.split_groups(dict(reversed(groups.items())))[hop.SEEN].keys() == halves[hop.SEEN].keys()


@pytest.fixture
def truth():
    """A campaign of five, a club of three, a verified firm of two, and four individuals."""
    rows = [(f"c{i}", "campaign", "campaign-hydra", False, 100) for i in range(5)]
    rows += [(f"k{i}", "club", "club-1", False, 10) for i in range(3)]
    rows += [(f"f{i}", "enterprise", "firm-1", True, 1) for i in range(2)]
    rows += [(f"p{i}", "individual", "", False, 7) for i in range(4)]
    truth = pd.DataFrame(rows, columns=["account_id", "cohort", "group", "verified", "volume"])
    truth["kind"] = truth["cohort"].replace("enterprise", "verified organisation")
    return truth


@pytest.fixture
def outcome(truth):
    """The campaign found as four and a stranger, the club with one of the campaign, the firm explained."""
    run = make_run(
        ["c0 c1 c2 c3 p0", "k0 k1 c4", "f0 f1"],
        exchanges=[407, 120, 2], explained_by=[None, None, "organization"],
    )  # fmt: skip
    return judge(run, truth)


def test_figures_of_an_outcome(outcome):
    (whole,) = outcome.campaigns
    assert (whole.group, whole.rank, whole.precision, whole.recall) == ("campaign-hydra", 1, 0.8, 0.8)
    assert worst_f1(outcome) == f1_of(whole) == pytest.approx(0.8)
    assert volume_of(whole) == pytest.approx(407 / 500)
    assert outcome.clusters["kind"].tolist() == ["campaign", "club", "verified organisation"]
    assert share_clustered(outcome, "individual", "tool") == 1 / 4
    assert count_people_first(outcome) == 1
    assert count_clusters_first(outcome, "club", ranks=1) == (0, 0)
    assert count_clusters_first(outcome, "verified organisation") == (1, 1)
    club = outcome.groups["club-1"]
    assert club.rank == 2
    assert stands_ahead(outcome, whole)
    assert not stands_ahead(outcome, club)


def test_a_campaign_that_is_in_no_cluster(truth):
    outcome = judge(make_run(["k0 k1 k2"]), truth)
    (campaign,) = outcome.campaigns
    assert (campaign.rank, f1_of(campaign), volume_of(campaign), worst_f1(outcome)) == (None, 0.0, 0.0, 0.0)
    assert not stands_ahead(outcome, campaign)
    assert share_clustered(outcome, "tool") == 0.0


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world") / "one"
    simulate(folder, accounts=700, evasion=0.5, seed=2, borrowed=True)
    return folder


def test_truth_counts_the_exchanges_of_the_events(world):
    truth = read_truth(world).set_index("account_id")
    asked = pd.read_parquet(world / "events").groupby("account_id")["exchanges"].sum()
    assert truth["volume"].sum() == asked.sum()
    assert (truth["volume"].loc[asked.index] == asked).all()
    verified = truth[truth["verified"]]
    assert set(verified[verified["group"] == "campaign-startup"]["kind"]) == {"campaign"}
    assert set(verified[verified["cohort"] == "enterprise"]["kind"]) == {"verified organisation"}


def test_simple_detector_agrees_with_all_pairs(world):
    events = pd.read_parquet(world / "events")
    kinds = ("payment_fingerprint", "ip", "device_id", "prompt_template")
    ids = sorted(set(events["account_id"]))
    place = {account: number for number, account in enumerate(ids)}
    bits, families = np.zeros((len(ids), len(ids))), np.zeros((len(ids), len(ids)))
    for kind in kinds:
        pairs = events[["account_id", kind]].dropna().drop_duplicates()
        has = pd.crosstab(pairs["account_id"].map(place), pairs[kind]).reindex(range(len(ids)), fill_value=0)
        values = has.to_numpy(float)
        bits += (values * np.log2(len(ids) / values.sum(axis=0))) @ values.T
        families += values @ values.T > 0
    tied = (bits >= 22) & (families >= 2)
    expected = nx.connected_components(nx.from_numpy_array(tied))
    found = find_simple_clusters(world / "events")
    clusters = {frozenset(part["account_id"]) for _, part in found.groupby("cluster_id")}
    assert clusters == {frozenset(ids[i] for i in part) for part in expected if len(part) > 1}
    assert len(clusters) > 3


def test_configurations_are_written_as_they_are_read():
    config = {
        "partition": {"min_accounts": 4, "engine": "igraph"},
        "project": {"tie_bits": 20.5},
        "signals": {"ip": "ip"},
    }
    assert tomllib.loads(say_toml(config)) == config
    check_config(config, STAGES, INJECTED)
    assert find_unknown(config) == ""
    assert tomllib.loads(say_toml({"link": {"strata": {}, "on": False}})) == {
        "link": {"strata": {}, "on": False}
    }
    assert "second" in find_unknown({"partition": {"second": True}})


def test_an_unknown_section_is_refused(capsys):
    with pytest.raises(SystemExit) as end:
        command.main(["everything"])
    assert end.value.code == 2
    assert "there is no everything" in capsys.readouterr().err


def test_a_run_that_fails_takes_no_others_with_it(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(ablation, "ROWS", [("no patience", {"project": {"max_visits": 1}})])
    assert command.main(["ablation", "lone", *TINY]) == 1
    out = capsys.readouterr().out
    assert "**ablation: failed**" in out
    assert "Bounds: one thing in common" in out


def test_a_group_that_nobody_joined_has_to_keep_its_id():
    """One is joined on night 2, the other never; both lose their ids on night 3."""
    accounts = {"a": "club", "b": "club", "c": "household", "d": "household", "e": "household", "x": ""}
    rows = {"1": "abcdx", "2": "abcdex", "3": "abcdex"}
    ids = {"1": {"club": "one", "household": "two"}, "2": {"club": "one", "household": "new"}}
    ids["3"] = {"club": "other", "household": "third"}
    members = pd.DataFrame(
        [
            {"dt": dt, "cluster_id": ids[dt][accounts[account]], "account_id": account}
            for dt, seen in rows.items()
            for account in seen
            if accounts[account]
        ]
    )
    volume = pd.DataFrame([{"dt": dt, "account_id": one} for dt, seen in rows.items() for one in seen])
    assert count_steady(members, volume, pd.Series(accounts)) == (3, [("club", "3"), ("household", "3")])
