from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clustergraph.artefacts.runs import Run, open_run
from clustergraph.artefacts.schema import ARTEFACTS, NIGHTLY_CLUSTERS
from clustergraph.errors import InputError, UsageError
from clustergraph.investigation.explanation import explain
from tests.small_run import FIRST, HOSTILE, MANIFEST, SECOND, make_run, make_tables, write_run


def test_a_folder_and_memory_give_the_same(tmp_path: Path) -> None:
    opened, made = open_run(write_run(tmp_path / "dt=2026-02-02")), make_run()
    assert opened.manifest == made.manifest == MANIFEST
    assert opened.directory == tmp_path / "dt=2026-02-02"
    assert made.directory is None
    for name, schema in ARTEFACTS.items():
        assert getattr(opened, name).equals(getattr(made, name)), name
        assert getattr(opened, name).schema.equals(schema)


def test_tables_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    found = open_run(folder)
    (folder / "ties.parquet").write_bytes(b"PAR1")
    assert found.clusters.num_rows == 2
    with pytest.raises(InputError, match=r"ties\.parquet: cannot be read as Parquet"):
        _ = found.ties


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such folder"):
        open_run(tmp_path / "none")
    folder = write_run(tmp_path / "run")
    with pytest.raises(InputError, match="is not a folder"):
        open_run(folder / "ties.parquet")
    (folder / "links.parquet").unlink()
    with pytest.raises(InputError, match=r"not a run: it has no links\.parquet$"):
        open_run(folder)
    (folder / "run.json").unlink()
    with pytest.raises(InputError, match=r"it has no run\.json nor 1 more of its files"):
        open_run(folder)
    with pytest.raises(ValueError, match="no table members"):
        Run.from_tables({"clusters": make_tables()["clusters"]}, {})


@pytest.mark.parametrize("content", ["{", "[]", "\udcff"])
def test_a_broken_manifest_is_said(tmp_path: Path, content: str) -> None:
    folder = write_run(tmp_path / "run")
    (folder / "run.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=r"run\.json: "):
        open_run(folder)


def test_tables_of_another_form_are_refused(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    clusters = make_tables()["clusters"]
    pq.write_table(clusters.drop_columns(["rank"]), folder / "clusters.parquet")
    with pytest.raises(InputError, match="has no column rank"):
        _ = open_run(folder).clusters
    place = clusters.schema.get_field_index("rank")
    pq.write_table(
        clusters.set_column(place, "rank", clusters["rank"].cast("string")), folder / "clusters.parquet"
    )
    with pytest.raises(InputError, match="column rank is string, but must be int64"):
        _ = open_run(folder).clusters


@pytest.mark.parametrize("key", [FIRST, "caaaaaaaa", "#1", "1", 1])
def test_a_cluster_is_found_by_id_beginning_and_rank(key: str | int) -> None:
    assert make_run().cluster(key).cluster_id == FIRST


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("caa", f"2 clusters have ids that begin with 'caa': {FIRST}, {SECOND}; give more of it"),
        ("3", "there is no cluster of rank 3; ranks go from 1 to 2"),
        ("#0", "there is no cluster of rank 0"),
        ("caaaaaaaa11111112", f"there is no cluster .* did you mean '{FIRST}'?"),
        ("zzz", "there is no cluster 'zzz' in this run; `clustergraph top` lists them"),
        ("", "there is no cluster ''"),
        ("\x1b[2J", r"'\\\\x1b"),
    ],
)
def test_a_cluster_that_is_not_there_is_said(key: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make_run().cluster(key)


def test_an_empty_run_has_no_cluster() -> None:
    with pytest.raises(UsageError, match="this run found no clusters"):
        make_run(empty=True).cluster("1")


def test_short_ids_are_unambiguous() -> None:
    assert make_run().short_ids() == {FIRST: "caaaaaaaa", SECOND: "caaaaaaab"}
    assert make_run(empty=True).short_ids() == {}


def test_a_cluster_has_its_rows_only() -> None:
    cluster = make_run().cluster(1)
    assert cluster.members["account_id"].tolist() == ["a1", "a2", "a3"]
    assert cluster.evidence["value"].tolist() == ["card", "192.0.2.1"]
    assert len(cluster.links) == 3
    assert len(cluster.activity) == 1
    assert cluster.ties[["source", "target"]].values.tolist() == [["a1", "a2"], ["a1", "a3"], ["a2", "a3"]]


def test_a_cluster_is_a_graph() -> None:
    cluster = make_run().cluster(1)
    graph = cluster.to_networkx()
    assert sorted(graph.nodes) == ["a1", "a2", "a3"]
    assert graph.nodes["a3"]["confidence"] == 0.5
    assert graph.edges["a1", "a2"] == {"bits": 20.0, "shared": 2, "families": 2}
    other = cluster.to_igraph()
    assert other["cluster_id"] == cluster.cluster_id
    assert other.vs["name"] == ["a1", "a2", "a3"]
    assert other.es["bits"] == [20.0] * 3
    assert {tuple(other.vs[edge.tuple]["name"]) for edge in other.es} == set(graph.edges)


def test_displays_keep_traffic_as_text() -> None:
    for shown in (make_run()._repr_html_(), make_run().cluster(2)._repr_html_()):
        assert "&lt;script&gt;" in shown
        assert "<script>" not in shown
        assert "\x1b" not in shown
    assert "2 clusters of 6 accounts" in repr(make_run())
    assert "0 clusters of 0 accounts" in make_run(empty=True)._repr_html_()


def test_displays_say_what_speaks_for_and_against() -> None:
    tables = make_tables()
    rows = tables["clusters"].to_pylist()
    rows[0] |= {"explained_by": "small_premises", "reason": "its 3 members share a card"}
    tables["clusters"] = pa.Table.from_pylist(rows, tables["clusters"].schema)
    run = Run.from_tables(tables, MANIFEST)
    assert "2 clusters of 6 accounts, 1 explained by legitimate sharing." in run._repr_html_()
    assert "1,234,567" in run._repr_html_()
    shown = run.cluster(1)._repr_html_()
    for words in ("rank 1", "Explained by small premises: its 3 members share a card", "3 of 4", "75%"):
        assert words in shown
    assert "1 member of a confidence under 0.9" in shown
    assert "banned" not in run._repr_html_()


def test_the_display_of_a_night_has_what_nights_add() -> None:
    clusters = make_tables()["clusters"]
    rows = [row | {"accounts_banned": 7, "decision": "watch"} for row in clusters.to_pylist()]
    nightly = make_tables() | {"clusters": pa.Table.from_pylist(rows, NIGHTLY_CLUSTERS)}
    shown = Run.from_tables(nightly, MANIFEST)._repr_html_()
    assert ">banned</th>" in shown
    assert ">7</td>" in shown
    assert ">watch</td>" in shown
    assert ">new</th>" not in shown


def test_an_explanation_has_evidence_centre_and_edge() -> None:
    found = explain(make_run(), "#1")
    assert [(one.kind, one.accounts, one.accounts_everywhere, one.share) for one in found.evidence] == [
        ("payment_fingerprint", 3, 4, 0.75),
        ("ip", 2, 3, 0.25),
    ]
    assert (found.bits, found.signals, found.accounts) == (60.0, 2, 3)
    assert [one.account_id for one in found.central] == ["a1", "a3", "a2"]
    assert [one.account_id for one in found.uncertain] == ["a3", "a2", "a1"]
    plain = found.to_dict()
    assert plain["first_seen"] == "2026-02-02T00:00:00+00:00"
    assert plain["evidence"][0]["value"] == "card"


def test_an_explanation_lists_as_many_as_asked() -> None:
    found = explain(make_run(), 1, signals=1, members=2)
    assert (len(found.evidence), len(found.central), len(found.uncertain)) == (1, 2, 2)
    assert (found.signals, found.bits) == (2, 60.0)


def test_hostile_values_are_explained_as_they_are() -> None:
    assert explain(make_run(), 2).evidence[0].value == HOSTILE
