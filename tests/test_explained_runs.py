"""Whole runs with a table of accounts: who stands where in the list, and what is said of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import clustergraph as cg
from clustergraph.artefacts.schema import ARTEFACTS
from clustergraph.clusters.legitimacy import CODES
from clustergraph.simulation import simulate
from tests.commands import call

if TYPE_CHECKING:
    from pathlib import Path

OPERATED = ("campaign", "cell")
UNSIGNED = {"derive": {"signup_burst": ""}}


def read(run: cg.Run) -> pd.DataFrame:
    """The clusters; what is not explained is explained by ''."""
    return run.clusters.to_pandas().fillna({"explained_by": ""})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explained") / "world"
    simulate(folder, accounts=8_000, evasion=0.3, borrowed=True, cells=40, seed=11)
    return folder


@pytest.fixture(scope="module")
def out(world: Path) -> Path:
    folder = world.parent / "out"
    done = call("run", world / "events", "--accounts", world / "accounts.parquet", "--out", folder, "--quiet")
    assert done.code == 0, done.err
    return folder


@pytest.fixture(scope="module")
def run(out: Path) -> cg.Run:
    return cg.open_run(out)


@pytest.fixture(scope="module")
def clusters(run: cg.Run, world: Path) -> pd.DataFrame:
    """The clusters with the cohort and the organisation that most of their members are of."""
    members = run.members.to_pandas()
    for name in ("truth", "accounts"):
        members = members.merge(pd.read_parquet(world / f"{name}.parquet"), on="account_id")
    grouped = members.groupby("cluster_id")
    most = grouped[["cohort", "group"]].agg(lambda values: values.mode()[0])
    most["verified"] = grouped["organization_id"].count()
    most["organisations"] = grouped["organization_id"].nunique()
    found = read(run).merge(most, on="cluster_id").sort_values("rank")
    assert found["rank"].tolist() == list(range(1, len(found) + 1))
    return found


def test_operations_stand_before_everybody_who_is_explained(clusters: pd.DataFrame) -> None:
    operated = clusters["cohort"].isin(OPERATED)
    assert set(clusters.loc[operated, "cohort"]) == set(OPERATED)
    assert (clusters.loc[operated, "explained_by"] == "").all()
    explained = clusters["explained_by"] != ""
    assert clusters.loc[~explained, "rank"].max() < clusters.loc[explained, "rank"].min()
    # Hardly anybody else is left among them.
    assert operated[~explained].mean() > 0.9


def test_the_fake_start_up_is_not_an_organisation(clusters: pd.DataFrame) -> None:
    (startup,) = clusters[clusters["group"] == "campaign-startup"].to_dict("records")
    assert startup["explained_by"] == ""
    assert "members belong to the verified organisation" in startup["reason"]
    assert 0 < startup["verified_accounts"] < startup["accounts"]


def test_the_false_campus_is_not_a_place(clusters: pd.DataFrame) -> None:
    # It shares nothing but addresses of one network, which chance gives there: it may not be found at all.
    campus = clusters[clusters["group"] == "campaign-campus"]
    assert (campus["explained_by"] == "").all()
    assert campus["reason"].str.contains("times the usual volume per account").all()


def test_each_cohort_is_explained_by_what_it_is(clusters: pd.DataFrame) -> None:
    whole = clusters[(clusters["organisations"] == 1) & (clusters["verified"] == clusters["accounts"])]
    assert len(whole) >= 10
    assert set(whole["explained_by"]) == {"organization"}
    assert (clusters.loc[clusters["explained_by"] == "organization", "verified"] > 0).all()
    for cohort, code in (
        ("household", "small_premises"),
        ("university", "shared_place"),
        ("club", "shared_place"),
    ):
        of_it = clusters[clusters["cohort"] == cohort]
        assert len(of_it)
        assert (of_it["explained_by"] == code).mean() > 0.9, cohort


def test_verified_accounts_are_counted(clusters: pd.DataFrame) -> None:
    assert (clusters["verified_accounts"] == clusters["verified"]).all()


def test_explained_clusters_keep_everything(world: Path) -> None:
    # What is derived of the table is evidence of its own.
    without = cg.run(world / "events", config=UNSIGNED)
    run = cg.run(world / "events", accounts=world / "accounts.parquet", config=UNSIGNED)
    assert without.clusters["verified_accounts"].null_count == without.clusters.num_rows
    order = [("cluster_id", "ascending")]
    for name in ARTEFACTS:
        ours, theirs = getattr(run, name), getattr(without, name)
        keys = order if name == "clusters" else [(column, "ascending") for column in _keys(name)]
        drop = ["rank", "verified_accounts", "explained_by", "reason"] if name == "clusters" else []
        assert ours.sort_by(keys).drop_columns(drop).equals(theirs.sort_by(keys).drop_columns(drop)), name
    assert "organization" not in without.clusters["explained_by"].to_pylist()


def _keys(name: str) -> list[str]:
    schema = ARTEFACTS[name]
    keys = (
        "cluster_id", "account_id", "kind", "value", "hour", "source", "target", "signal", "account",
    )  # fmt: skip
    return [column for column in keys if column in schema.names]


def test_every_explanation_has_its_words(clusters: pd.DataFrame) -> None:
    explained = clusters[clusters["explained_by"] != ""]
    assert set(explained["explained_by"]) <= set(CODES)
    assert explained["reason"].str.contains("volume per account").all()


def test_the_list_says_what_is_explained(run: cg.Run, out: Path) -> None:
    explained = run.clusters.num_rows - run.clusters["explained_by"].null_count
    shown = call("top", out, "-n", run.clusters.num_rows).out
    assert f"{explained:,} explained" in shown
    first = run.clusters["explained_by"].null_count + 1
    said = call("explain", out, first).out
    assert "Explained: " in said
    assert "small premises" in said
    plain = call("explain", out, 1).out
    assert "Explained: " not in plain
    told = json.loads(call("explain", out, first, "--json").out)
    assert told["explained_by"] == "small_premises"
    assert told["verified_accounts"] == 0


def test_rows_in_another_order_explain_the_same(run: cg.Run, world: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    events = ds.dataset(world / "events").to_table()
    accounts = pq.read_table(world / "accounts.parquet")
    pq.write_table(events.take(rng.permutation(len(events))), tmp_path / "events.parquet")
    shuffled = accounts.take(rng.permutation(len(accounts)))
    half = len(shuffled) // 2
    (tmp_path / "accounts").mkdir()
    pq.write_table(shuffled.slice(0, half), tmp_path / "accounts" / "b.parquet")
    pq.write_table(shuffled.slice(half), tmp_path / "accounts" / "a.parquet")
    again = cg.run(tmp_path / "events.parquet", accounts=tmp_path / "accounts", threads=1)
    assert again.clusters.equals(run.clusters)


def test_a_loud_organisation_comes_back(
    clusters: pd.DataFrame, run: cg.Run, world: Path, tmp_path: Path
) -> None:
    victim = clusters.loc[clusters["explained_by"] == "organization", "cluster_id"].iloc[0]
    members = run.members.to_pandas()
    events = ds.dataset(world / "events").to_table(columns=["account_id", "exchanges"]).to_pandas()
    volume = events.groupby("account_id")["exchanges"].sum().astype(float)
    volume[members.loc[members["cluster_id"] == victim, "account_id"]] *= 100
    volume.rename("volume").reset_index().to_csv(tmp_path / "volumes.csv", index=False)
    tables = {"accounts": world / "accounts.parquet", "volumes": tmp_path / "volumes.csv"}
    again = read(cg.run(world / "events", **tables)).set_index("cluster_id")
    assert again.loc[victim, "explained_by"] == ""
    assert "the median organisation" in again.loc[victim, "reason"]
    before = clusters.set_index("cluster_id").drop(victim)["explained_by"]
    assert again.drop(victim).loc[before.index, "explained_by"].tolist() == before.tolist()


def test_stages_take_the_table_as_it_is(world: Path, run: cg.Run, tmp_path: Path) -> None:
    table = pq.read_table(world / "accounts.parquet")
    with cg.DuckDBEngine(tmp_path, threads=2) as engine:
        sightings = cg.observe_behaviour(cg.read([world / "events"], engine=engine, accounts=table))
        membership = cg.partition(cg.project(cg.link(sightings)))
        found = cg.rank(membership, accounts=table)
        assert found.clusters.equals(run.clusters)
        assert cg.rank(membership).clusters["verified_accounts"].null_count == run.clusters.num_rows


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"account_id": ["a", "a"], "organization_id": ["x", "y"]}, "account_id 'a' is in 2 rows"),
        ({"account_id": ["a"], "created_at": ["yesterday"]}, "created_at"),
        ({"account_id": ["a"], "created_at": ["1812-01-01"]}, "an ISO time from 2000 to 2100"),
        ({"account_id": [""], "organization_id": ["x"]}, "expected an id"),
        ({"organization_id": ["x"]}, "account_id"),
        ({"account_id": ["a"], "organization_id": [7]}, "organization_id"),
    ],
)
def test_a_wrong_table_ends_the_run(world: Path, tmp_path: Path, rows: dict[str, Any], words: str) -> None:
    pq.write_table(pa.table(rows), tmp_path / "accounts.parquet")
    if rows.get("created_at"):
        pd.DataFrame(rows).to_csv(tmp_path / "accounts.csv", index=False)
    (path,) = sorted(tmp_path.glob("accounts.*"))[:1]
    done = call("run", world / "events", "--accounts", path, "--out", tmp_path / "out", "--quiet")
    assert done.code == 3
    assert words in done.err
    assert not (tmp_path / "out").exists()


def test_empty_organisations_are_none(world: Path, tmp_path: Path) -> None:
    table = pd.read_parquet(world / "accounts.parquet")
    table["organization_id"] = ""
    table[["account_id", "organization_id"]].to_csv(tmp_path / "accounts.csv", index=False)
    found = cg.run(world / "events", accounts=tmp_path / "accounts.csv").clusters
    assert set(found["verified_accounts"].to_pylist()) == {0}
    assert "organization" not in found["explained_by"].to_pylist()
