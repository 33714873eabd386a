"""What the artefacts of a run have to agree on, with each other and with the input."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import clustergraph as cg
from clustergraph.artefacts.schema import ARTEFACTS
from clustergraph.clusters.legitimacy import CODES
from clustergraph.clusters.ranking import cluster_id
from clustergraph.communities.assignment import assign
from clustergraph.communities.profiles import describe_background
from clustergraph.incidence.natural_degrees import find_unnatural_signals
from clustergraph.sightings.derived import DEFAULT_EXPRESSIONS
from clustergraph.simulation import simulate
from tests.commands import call

if TYPE_CHECKING:
    from pathlib import Path

    from clustergraph.membership.members import Membership

SIGNALS = ("payment_fingerprint", "ip", "device_id", "prompt_template")
COUNTS = ["exchanges", "input_tokens", "output_tokens"]


class Ranked(NamedTuple):
    """A run, the membership behind it, and its input as pandas sees it: a row per row and signal."""

    run: cg.Run
    membership: Membership
    events: pd.DataFrame
    sightings: pd.DataFrame


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranking") / "world"
    simulate(folder, accounts=1_500, nights=2, seed=2)
    return folder


@pytest.fixture(scope="module")
def events(world: Path) -> pa.Table:
    return ds.dataset(world / "events").to_table()


def lengthen(events: pa.Table) -> pa.Table:
    """The same as sightings: an exchange is repeated for each kind that was observed."""
    parts = [
        events.select(["account_id", "timestamp", *COUNTS])
        .append_column("kind", pa.repeat(pa.scalar(name), len(events)))
        .append_column("value", events[name])
        .filter(pc.is_valid(events[name]))
        for name in SIGNALS
    ]
    return pa.concat_tables(parts)


# Sightings tell no places, and nothing is derived of them; without that both shapes are linked alike.
WITHOUT_PLACES = {
    "link": {"by_place": False},
    "derive": dict.fromkeys(DEFAULT_EXPRESSIONS, ""),
    "behaviour": dict.fromkeys(("synchrony", "handover", "pivot", "token_lengths"), False),
}
# They do not tell either which rows are of one exchange, and so nothing of lengths.
LENGTHS = "task_narrowness"


def rank_by_stages(path: Path, scratch: Path, events: pa.Table) -> Ranked:
    """Run stage by stage, as the pipeline does."""
    with cg.DuckDBEngine(scratch, threads=1) as engine:
        ties = cg.project(
            cg.link(cg.read([path], engine=engine, derive=WITHOUT_PLACES["derive"]), by_place=False)
        )
        membership = cg.partition(ties)
        run = cg.rank(membership, extraction=cg.score_extraction(membership, task_narrowness=0.0))
        sightings = engine.fetch(
            "SELECT account_id, kind, value, first_seen AS timestamp, exchanges FROM sightings"
        )
    return Ranked(run, membership, events.to_pandas(), sightings.to_pandas())


@pytest.fixture(scope="module", params=["events", "sightings"])
def ranked(
    request: pytest.FixtureRequest, events: pa.Table, tmp_path_factory: pytest.TempPathFactory
) -> Ranked:
    folder = tmp_path_factory.mktemp(request.param)
    table = events if request.param == "events" else lengthen(events)
    pq.write_table(table, folder / "x.parquet")
    found = rank_by_stages(folder / "x.parquet", folder, table)
    assert found.run.clusters.num_rows >= 10
    return found


def frame(run: cg.Run, name: str) -> pd.DataFrame:
    found: pd.DataFrame = getattr(run, name).to_pandas()
    return found


def inside(run: cg.Run) -> pd.DataFrame:
    """The ties inside clusters, with the cluster of each."""
    cluster = frame(run, "members").set_index("account_id")["cluster_id"]
    ties = frame(run, "ties")
    ties["cluster_id"] = ties["source"].map(cluster)
    return ties[ties["cluster_id"].notna() & (ties["cluster_id"] == ties["target"].map(cluster))]


def test_the_stages_give_what_the_command_gives(
    ranked: Ranked, events: pa.Table, world: Path, tmp_path: Path
) -> None:
    settings = WITHOUT_PLACES | {"extraction": {LENGTHS: 0.0}}
    whole = cg.run(world / "events", config=settings, threads=2)
    for name, expected in whole.tables.items():
        found, table = getattr(ranked.run, name), expected
        if LENGTHS in found.column_names and "kind" in ranked.events:
            assert found[LENGTHS].null_count == found.num_rows > table[LENGTHS].null_count
            found, table = found.drop_columns([LENGTHS]), table.drop_columns([LENGTHS])
        assert found.equals(table), name
    written = cg.run(world / "events", out=tmp_path / "out")
    for name, table in cg.open_run(tmp_path / "out").tables.items():
        assert table.equals(getattr(written, name)), name


def test_the_bits_of_signals_add_up_to_the_bits_of_ties(ranked: Ranked) -> None:
    evidence = frame(ranked.run, "evidence").groupby("cluster_id")["bits"].sum()
    ties = inside(ranked.run).groupby("cluster_id")["bits"].sum()
    assert set(evidence.index) == set(ties.index) == set(ranked.run.clusters["cluster_id"].to_pylist())
    np.testing.assert_allclose(evidence.sort_index(), ties.sort_index(), rtol=1e-6)


def test_density_and_cohesion_are_of_the_ties_inside(ranked: Ranked) -> None:
    clusters = frame(ranked.run, "clusters").set_index("cluster_id")
    ties = inside(ranked.run).groupby("cluster_id")["bits"].agg(["size", "mean"])
    pairs = clusters["accounts"] * (clusters["accounts"] - 1) / 2
    np.testing.assert_allclose(clusters["density"], ties["size"].reindex(clusters.index) / pairs)
    np.testing.assert_allclose(clusters["cohesion_bits"], ties["mean"].reindex(clusters.index))
    assert clusters["density"].between(0, 1).all()


def test_members_have_the_ties_and_the_bits_that_they_say(ranked: Ranked) -> None:
    members = frame(ranked.run, "members").set_index("account_id")
    ties = inside(ranked.run)
    ends = pd.concat([ties["source"], ties["target"]]).value_counts()
    assert (members["ties"] == ends.reindex(members.index, fill_value=0)).all()
    membership, incidence = ranked.membership, ranked.membership.ties.incidence
    level = membership.ties.thresholds.member_bits
    background = describe_background(incidence.graph, unnatural=find_unnatural_signals(incidence))
    again = assign(incidence.graph, background, membership.labels, member_bits=level, min_accounts=3)
    assert again.labels.tolist() == membership.labels.tolist()
    clustered = again.labels >= 0
    measured = pd.Series(again.bits, incidence.accounts["account_id"].to_pandas())[clustered]
    assert set(measured.index) == set(members.index)
    np.testing.assert_allclose(members["bits"], measured.reindex(members.index))
    size = members.groupby("cluster_id")["bits"].transform("size")
    odds = members["bits"] - np.log2((len(clustered) - size) / size)
    assert (odds >= level - 1e-9).all()
    assert members["confidence"].between(0, 1).all()
    assert (members["confidence"] <= 1 / (1 + 2**-odds) + 1e-9).all()


def test_ties_are_above_their_threshold_and_in_order(ranked: Ranked) -> None:
    ties = frame(ranked.run, "ties")
    assert (ties["source"] < ties["target"]).all()
    assert (ties["bits"] >= ranked.membership.ties.thresholds.tie_bits).all()
    assert not ties.duplicated(["source", "target"]).any()
    pairs = list(zip(ties["source"], ties["target"], strict=True))
    assert pairs == sorted(pairs)


def test_every_member_shares_a_signal_that_holds_its_cluster(ranked: Ranked) -> None:
    links = frame(ranked.run, "links")[["cluster_id", "account_id"]].drop_duplicates()
    members = frame(ranked.run, "members")[["cluster_id", "account_id"]]
    assert len(links.merge(members)) == len(links) == len(members)


def test_a_stronger_cluster_is_not_likelier_by_chance(ranked: Ranked) -> None:
    clusters = frame(ranked.run, "clusters").set_index("cluster_id")
    members = frame(ranked.run, "members")
    size = members.groupby("cluster_id")["bits"].transform("size")
    odds = members["bits"] - np.log2((len(ranked.membership.labels) - size) / size)
    strength = odds.groupby(members["cluster_id"]).sum().sort_values()
    expected = ranked.membership.ties.chance.expect(strength.to_numpy())
    ordered = clusters.reindex(strength.index)
    np.testing.assert_allclose(ordered["p_value"], 1 - np.exp(-expected), atol=1e-12)
    for name in ("p_value", "q_value"):
        assert ordered[name].between(0, 1).all()
        assert ordered[name].is_monotonic_decreasing
    assert ordered["q_value"].iloc[-1] < 0.01


def strength(clusters: pd.DataFrame) -> pd.Series[int]:
    """How strongly each cluster is explained, 0 where it is not."""
    order = {code: place for place, code in enumerate(CODES, 1)}
    return clusters["explained_by"].map(order).fillna(0).astype(int)


def test_clusters_are_ranked_by_volume_then_size_then_id(ranked: Ranked) -> None:
    clusters = frame(ranked.run, "clusters")
    assert clusters["rank"].tolist() == list(range(1, len(clusters) + 1))
    columns = (strength(clusters), -clusters["extraction_volume"], -clusters["accounts"])
    keys = list(zip(*columns, clusters["cluster_id"], strict=True))
    assert keys == sorted(keys)
    assert len(set(strength(clusters))) > 2
    assert (clusters["accounts"] >= 3).all()
    weighted = clusters["exchanges"] * clusters["extraction_score"]
    np.testing.assert_allclose(clusters["extraction_volume"], weighted)
    assert clusters["extraction_score"].between(0, 1).all()


def test_equal_volumes_are_ranked_by_size_then_id(world: Path, tmp_path: Path) -> None:
    nothing = tmp_path / "volumes.csv"
    nothing.write_text("account_id,volume\nnobody,5\n")
    clusters = frame(cg.run(world / "events", volumes=nothing), "clusters")
    assert (clusters["extraction_volume"] == 0).all()
    keys = list(zip(strength(clusters), -clusters["accounts"], clusters["cluster_id"], strict=True))
    assert keys == sorted(keys)
    assert clusters["accounts"].duplicated().any()


def test_an_id_is_made_of_the_members_ids(ranked: Ranked) -> None:
    for name, members in frame(ranked.run, "members").groupby("cluster_id")["account_id"]:
        assert name == cluster_id(members.tolist()) == cluster_id(members.tolist()[::-1])
    ids = ranked.run.clusters["cluster_id"].to_pylist()
    assert len(set(ids)) == len(ids)


def test_no_two_sets_of_members_are_told_alike() -> None:
    assert len({cluster_id(one) for one in (["ab", "c"], ["a", "bc"], ["abc"], ["a", "b", "c"])}) == 4


def test_clusters_sum_up_their_members(ranked: Ranked) -> None:
    clusters = frame(ranked.run, "clusters").set_index("cluster_id")
    members = frame(ranked.run, "members")
    sums = members.groupby("cluster_id")[[*COUNTS, "extraction_volume"]].sum().reindex(clusters.index)
    assert (clusters[COUNTS] == sums[COUNTS]).all(axis=None)
    np.testing.assert_allclose(clusters["extraction_volume"], sums["extraction_volume"])
    assert (members.groupby("cluster_id").size().reindex(clusters.index) == clusters["accounts"]).all()
    order = members["cluster_id"].map(clusters["rank"])
    keys = list(zip(order, members["account_id"], strict=True))
    assert keys == sorted(keys)
    seen = ranked.events.groupby("account_id")["timestamp"].agg(["min", "max"])
    of_cluster = members.join(seen, on="account_id").groupby("cluster_id").agg({"min": "min", "max": "max"})
    assert (clusters["first_seen"] == of_cluster["min"].reindex(clusters.index)).all()
    assert (clusters["last_seen"] == of_cluster["max"].reindex(clusters.index)).all()


def volumes_of(ranked: Ranked) -> pd.DataFrame:
    """Each account's counts: sums, or where sightings repeat an exchange, the largest sum of a kind."""
    if "kind" not in ranked.events:
        return ranked.events.groupby("account_id")[COUNTS].sum()
    return ranked.events.groupby(["account_id", "kind"])[COUNTS].sum().groupby("account_id").max()


def test_members_have_the_volume_of_the_input(ranked: Ranked) -> None:
    members = frame(ranked.run, "members").set_index("account_id")
    assert (members[COUNTS] == volumes_of(ranked).reindex(members.index)).all(axis=None)


def test_an_exchange_counts_once_though_every_kind_repeats_it(tmp_path: Path) -> None:
    rows = [
        ("a", "ip", "1", 3, 100), ("a", "ip", "2", 4, 0), ("a", "device_id", "d", 5, 300),
        ("b", "ip", "1", 1, 0), ("b", "device_id", "d", 2, 0),
    ]  # fmt: skip
    names = ["account_id", "kind", "value", "exchanges", "input_tokens"]
    pq.write_table(
        pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows]), tmp_path / "x.pq"
    )
    with cg.DuckDBEngine(tmp_path) as engine:
        accounts = cg.link(cg.read([tmp_path / "x.pq"], engine=engine)).accounts
    found = accounts.select(["account_id", *COUNTS]).to_pylist()
    assert [tuple(row.values()) for row in found] == [("a", 7, 300, 0), ("b", 2, 0, 0)]


def shared_links(ranked: Ranked) -> pd.DataFrame:
    """Members and the signals that at least two of their cluster have, straight from the sightings."""
    members = frame(ranked.run, "members")[["cluster_id", "account_id"]]
    rows = ranked.sightings.merge(members, on="account_id")
    found = rows.groupby(["cluster_id", "account_id", "kind", "value"], as_index=False).agg(
        exchanges=("exchanges", "sum"), first_seen=("timestamp", "min"), last_seen=("timestamp", "max")
    )
    held = found.groupby(["cluster_id", "kind", "value"])["account_id"].transform("size")
    return found[held >= 2]


def compare(found: pd.DataFrame, expected: pd.DataFrame, keys: list[str]) -> None:
    for name in expected.columns[expected.dtypes.astype(str).str.startswith("datetime")]:
        expected[name] = expected[name].dt.as_unit("us")
        if expected[name].dt.tz is None:
            expected[name] = expected[name].dt.tz_localize("UTC")
    pd.testing.assert_frame_equal(
        found.sort_values(keys, ignore_index=True)[expected.columns],
        expected.sort_values(keys, ignore_index=True),
        check_dtype=False,
    )


def test_links_are_those_of_the_input(ranked: Ranked) -> None:
    keys = ["cluster_id", "account_id", "kind", "value"]
    compare(frame(ranked.run, "links"), shared_links(ranked), keys)


def test_evidence_counts_accounts_inside_and_everywhere(ranked: Ranked) -> None:
    keys = ["cluster_id", "kind", "value"]
    expected = shared_links(ranked).groupby(keys, as_index=False).agg(accounts=("account_id", "size"))
    everywhere = ranked.sightings.groupby(["kind", "value"])["account_id"].nunique()
    expected = expected.join(everywhere.rename("accounts_everywhere"), on=["kind", "value"])
    evidence = frame(ranked.run, "evidence")
    compare(evidence, expected, keys)
    families = {"payment_fingerprint": "payment", "ip": "network", "device_id": "device"}
    assert (evidence["family"] == evidence["kind"].map(families).fillna("content")).all()
    assert (evidence["bits"] >= 0).all()


def test_families_are_those_with_evidence_strongest_first(ranked: Ranked) -> None:
    bits = frame(ranked.run, "evidence").groupby(["cluster_id", "family"])["bits"].sum()
    for row in ranked.run.clusters.to_pylist():
        own = bits[row["cluster_id"]]
        assert row["families"] == own[own > 0].sort_values(ascending=False).index.tolist()


def test_activity_is_that_of_the_input(ranked: Ranked) -> None:
    rows = ranked.events.merge(frame(ranked.run, "members")[["cluster_id", "account_id"]], on="account_id")
    rows["hour"] = rows["timestamp"].dt.floor("h")
    keys = ["cluster_id", "account_id", "hour"]
    kinds = ["kind"] if "kind" in rows else []
    expected = rows.groupby([*keys, *kinds])["exchanges"].sum().groupby(keys).max().reset_index()
    compare(frame(ranked.run, "activity"), expected, keys)


def test_rows_are_in_a_fixed_order(ranked: Ranked) -> None:
    evidence, links, activity = (frame(ranked.run, name) for name in ("evidence", "links", "activity"))
    rank = frame(ranked.run, "clusters").set_index("cluster_id")["rank"]
    columns = {
        "evidence": (evidence, [-evidence["bits"], evidence["kind"], evidence["value"]]),
        "links": (links, [links["account_id"], links["kind"], links["value"]]),
        "activity": (activity, [activity["account_id"], activity["hour"]]),
    }
    for name, (table, then) in columns.items():
        keys = list(zip(table["cluster_id"].map(rank), *then, strict=True))
        assert keys == sorted(keys), name


def test_tables_are_as_the_schema_says(ranked: Ranked, tmp_path: Path, world: Path) -> None:
    cg.run(world / "events", out=tmp_path / "out")
    for name, schema in ARTEFACTS.items():
        for table in (getattr(ranked.run, name), pq.read_table(tmp_path / "out" / f"{name}.parquet")):
            assert table.schema.equals(schema)
            assert table.schema.metadata == schema.metadata
            assert [field.metadata for field in table.schema] == [field.metadata for field in schema]


# Volumes, hubs, and nothing at all


@pytest.mark.parametrize("column", ["volume_usd", "exchanges"])
def test_volumes_rank_in_place_of_exchanges(ranked: Ranked, world: Path, tmp_path: Path, column: str) -> None:
    members = frame(ranked.run, "members").sort_values("account_id")
    known = members.iloc[::3]  # two members of three have no volume
    amounts = pd.DataFrame({"account_id": known["account_id"], column: np.arange(len(known)) ** 2 * 0.01})
    amounts.to_parquet(tmp_path / "volumes.parquet", index=False)
    found = cg.run(world / "events", volumes=tmp_path / "volumes.parquet", config=WITHOUT_PLACES)
    again = frame(found, "members").set_index("account_id")
    expected = amounts.set_index("account_id")[column].reindex(again.index).fillna(0.0)
    np.testing.assert_allclose(again["extraction_volume"], expected)
    clusters = frame(found, "clusters")
    totals = {name: math.fsum(rows) for name, rows in again.groupby("cluster_id")["extraction_volume"]}
    assert clusters["extraction_volume"].tolist() == [totals[name] for name in clusters["cluster_id"]]
    for _, part in clusters.groupby(strength(clusters)):
        assert part["extraction_volume"].is_monotonic_decreasing
    before = frame(ranked.run, "clusters").set_index("cluster_id")
    assert set(before.index) == set(clusters["cluster_id"])
    assert before.index.tolist() != clusters["cluster_id"].tolist()
    same = ["accounts", *COUNTS, "density", "cohesion_bits"]
    pd.testing.assert_frame_equal(
        clusters.set_index("cluster_id")[same].sort_index(), before[same].sort_index()
    )


def test_known_hubs_carry_no_evidence_and_are_told(ranked: Ranked, world: Path, tmp_path: Path) -> None:
    evidence = frame(ranked.run, "evidence")
    hubs = evidence.loc[evidence["kind"] != "payment_fingerprint", ["value", "kind"]].drop_duplicates()
    hubs.to_csv(tmp_path / "hubs.csv", index=False)
    found = cg.run(world / "events", known_hubs=tmp_path / "hubs.csv")
    again = frame(found, "evidence").merge(hubs.assign(hub=True), how="left", on=["kind", "value"])
    assert (again.loc[again["hub"].notna(), "bits"] == 0).all()
    held = again.assign(of_hubs=again["accounts"].where(again["hub"].notna(), 0))
    sums = held.groupby("cluster_id")[["of_hubs", "accounts"]].sum()
    clusters = frame(found, "clusters").set_index("cluster_id")
    share = (sums["of_hubs"] / sums["accounts"]).reindex(clusters.index)
    np.testing.assert_allclose(clusters["known_hub_share"], share)
    told = clusters["reason"].str.contains("is known public infrastructure", na=False)
    assert (told == (share > 0.5)).all()


def dull(rows: int) -> dict[str, list[Any]]:
    """Accounts that share nothing."""
    return {"account_id": [f"a{i}" for i in range(rows)], "ip": [f"192.0.2.{i}" for i in range(rows)]}


@pytest.mark.parametrize("rows", [0, 1, 2, 100])
@pytest.mark.parametrize("shape", ["events", "sightings"])
def test_nothing_found_is_a_result(tmp_path: Path, rows: int, shape: str) -> None:
    columns: dict[str, Any] = dull(rows)
    if shape == "sightings":
        columns = {"account_id": columns["account_id"], "kind": ["ip"] * rows, "value": columns["ip"]}
    table = pa.table({name: pa.array(column, pa.string()) for name, column in columns.items()})
    pq.write_table(table, tmp_path / "x.parquet")
    done = call("run", tmp_path / "x.parquet", "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert done.out == "No cluster was found: no group of accounts shares more than chance gives.\n"
    run = cg.open_run(tmp_path / "out")
    for name, schema in ARTEFACTS.items():
        if name not in ("accounts", "signals", "incidence"):  # which tell of the input
            assert getattr(run, name).equals(schema.empty_table()), name
    assert run.accounts["cluster_id"].null_count == run.accounts.num_rows
    assert run.manifest["input"]["rows"] == rows
