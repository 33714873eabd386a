"""Ranking by exchanges that look like extraction: big ordinary customers stand behind small campaigns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import clustergraph as cg
from clustergraph.extraction.parts import PARTS
from clustergraph.simulation import simulate
from tests.commands import call

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

CAMPAIGNS = ("campaign-hydra", "campaign-pathways", "campaign-synchronised")


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """A world whose largest enterprises have, in turn, ten times the exchanges of each campaign."""
    folder = tmp_path_factory.mktemp("extraction") / "world"
    simulate(folder, accounts=1_000, prompts=True, seed=31)
    path = next((folder / "events").rglob("*.parquet"))
    events = pq.read_table(path, partitioning=None)
    truth = pq.read_table(folder / "truth.parquet").to_pandas().set_index("account_id")
    frame = events.select(["account_id", "exchanges", "input_tokens", "output_tokens"]).to_pandas()
    group = frame["account_id"].map(truth["group"])
    volume = frame.groupby(group)["exchanges"].sum()
    firms = volume[volume.index.str.startswith("enterprise-")].sort_values(ascending=False).index[:6]
    for place, firm in enumerate(firms):
        factor = int(np.ceil(10 * volume[CAMPAIGNS[place % 3]] / volume[firm]))
        frame.loc[group == firm, ["exchanges", "input_tokens", "output_tokens"]] *= factor
    for name in ("exchanges", "input_tokens", "output_tokens"):
        place = events.schema.get_field_index(name)
        events = events.set_column(place, events.schema.field(name), pa.array(frame[name]))
    pq.write_table(events, path)
    (folder / "firms.txt").write_text("\n".join(firms))
    return folder


@pytest.fixture(scope="module")
def run(world, tmp_path_factory) -> cg.Run:
    return cg.run(world / "events", out=tmp_path_factory.mktemp("run") / "run", threads=2)


@pytest.fixture(scope="module")
def best(world, run) -> pd.DataFrame:
    """The cluster that most of each group is in."""
    truth = pq.read_table(world / "truth.parquet").to_pandas()[["account_id", "group"]]
    members = run.members.to_pandas()[["account_id", "cluster_id"]].merge(truth, on="account_id")
    clusters = members.groupby("group")["cluster_id"].agg(lambda ids: ids.value_counts().index[0])
    rows = run.clusters.to_pandas().set_index("cluster_id").loc[clusters]
    return rows.set_index(clusters.index)


def test_enterprises_of_ten_times_the_exchanges_rank_behind(world, best):
    firms = (world / "firms.txt").read_text().split()
    for place, firm in enumerate(firms):
        campaign = best.loc[CAMPAIGNS[place % 3]]
        assert best.loc[firm, "exchanges"] >= 9 * campaign["exchanges"]
        assert campaign["rank"] < best.loc[firm, "rank"], firm
        assert campaign["extraction_score"] > 10 * best.loc[firm, "extraction_score"]


def test_legitimate_sharing_is_told_by_exchanges_without_weights(world, run, tmp_path):
    exchanges = run.members.select(["account_id", "exchanges"])
    others = cg.run(world / "events", config={"extraction": {"reasoning_elicitation": 0.0}}, threads=2)
    names = ["cluster_id", "exchanges", "explained_by", "reason"]
    weighted, unweighted = (
        {row["cluster_id"]: row for row in one.clusters.select(names).to_pylist()} for one in (run, others)
    )
    assert weighted == unweighted
    assert exchanges.num_rows == others.members.num_rows
    ranks = [one.clusters["cluster_id"].to_pylist() for one in (run, others)]
    assert ranks[0] != ranks[1]


def test_a_cluster_sums_up_its_members(run):
    clusters = run.clusters.to_pandas().set_index("cluster_id")
    for name, members in run.members.to_pandas().groupby("cluster_id"):
        row = clusters.loc[name]
        weights = members["exchanges"]
        assert row["extraction_volume"] == pytest.approx((weights * members["extraction_score"]).sum())
        for part in ("extraction_score", *PARTS):
            known = members[part].notna()
            if not known.any():
                assert np.isnan(row[part])
                continue
            assert row[part] == pytest.approx(np.average(members[part][known], weights=weights[known]))


def test_people_see_where_a_score_comes_from(run):
    assert "score" in call("top", run.directory).out
    found = cg.explain(run, 1)
    points = run.manifest["config"]["extraction"]
    assert {one.name: one.points for one in found.extraction} == points
    first = found.extraction[0]
    assert first.bits == pytest.approx(first.points * (2 * first.part - 1))
    assert found.extraction[-1].bits is None
    shown = call("explain", run.directory, 1).out
    assert f"score {found.extraction_score:.2f}" in shown
    assert "reasoning elicitation" in shown
    assert "Not known: no conversation" in shown


def test_volumes_that_are_given_are_not_weighted(world, run, tmp_path):
    members = run.members
    table = pa.table({"account_id": members["account_id"], "usd": np.arange(members.num_rows) * 1.5})
    pq.write_table(table, tmp_path / "volumes.parquet")
    found = cg.run(world / "events", volumes=tmp_path / "volumes.parquet", threads=2).members
    given = dict(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))
    rows = found.select(["account_id", "extraction_volume"]).to_pylist()
    assert all(row["extraction_volume"] == given[row["account_id"]] for row in rows)
    assert found["extraction_score"].null_count == 0
