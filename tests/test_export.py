"""A cluster as a graph for other tools: what they read back is what the artefacts have."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import igraph
import networkx as nx
import pytest

from clustergraph.artefacts.schema import ARTEFACTS
from clustergraph.errors import InputError, UsageError
from clustergraph.figures import printable
from tests.commands import call, finish, start
from tests.drawn_runs import make_cluster
from tests.small_run import FIRST, HOSTILE, SECOND, make_run, write_run

if TYPE_CHECKING:
    from pathlib import Path

READERS = {".graphml": nx.read_graphml, ".gexf": nx.read_gexf}
LINKS = [
    ("a", "ip", "x"), ("b", "ip", "x"), ("c", "ip", "x"), ("a", "card", "x"), ("b", "card", "x"),
    ("x", "card", "x"), ("x", "ip", "a"), ("a", "ip", "a"),
]  # fmt: skip


def test_ties_have_the_figures_of_the_artefacts():
    cluster = make_run().cluster(1)
    graph = cluster.to_networkx()
    assert dict(graph.nodes["a1"]) == {
        "account_id": "a1", "exchanges": 1_234_000, "ties": 2, "bits": 40.0, "confidence": 1.0,
    }  # fmt: skip
    assert graph.edges["a1", "a2"] == {"bits": 20.0, "shared": 2, "families": 2}
    assert graph.graph == {"cluster_id": FIRST}
    assert cluster.to_igraph().vs["exchanges"] == [1_234_000, 500, 67]


def test_accounts_and_signals_are_a_bipartite_graph():
    """An account and a value that are the same text are two nodes, and so are equal values of two kinds."""
    cluster = make_cluster(LINKS)
    graph = cluster.to_networkx(bipartite=True)
    assert set(graph.edges) == {(account, (kind, value)) for account, kind, value in LINKS}
    accounts, signals = ({n for n, side in graph.nodes(data="bipartite") if side == i} for i in (0, 1))
    assert nx.bipartite.is_bipartite_node_set(graph, accounts)
    assert signals == {("ip", "x"), ("card", "x"), ("ip", "a")}
    assert graph.nodes["ip", "x"]["accounts"] == graph.degree[("ip", "x")] == 3
    other = cluster.to_igraph(bipartite=True)
    assert {tuple(other.vs[edge.tuple]["name"]) for edge in other.es} == set(graph.edges)


def test_what_is_not_known_is_left_out():
    graph = make_cluster(LINKS).to_networkx(bipartite=True)  # when links were last seen is not known
    assert all(set(data) == {"exchanges", "first_seen"} for _, _, data in graph.edges(data=True))


@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize("bipartite", [False, True])
def test_networkx_reads_back_what_was_written(tmp_path: Path, suffix: str, bipartite: bool):
    cluster = make_cluster(LINKS) if bipartite else make_run().cluster(1)
    cluster.export(tmp_path / f"x{suffix}", bipartite=bipartite)
    graph, expected = READERS[suffix](tmp_path / f"x{suffix}"), cluster.to_networkx(bipartite=bipartite)
    key = {
        node: data["account_id"] if data["type"] == "account" else (data["kind"], data["value"])
        for node, data in graph.nodes(data=True)
    }
    assert len(set(key.values())) == len(key)
    for node, data in graph.nodes(data=True):
        wanted = expected.nodes[key[node]]
        assert {name: data[name] for name in wanted} == wanted
        assert {name: type(data[name]) for name in wanted} == {
            name: type(one) for name, one in wanted.items()
        }
        assert data["label"] == (key[node][1] if data["type"] == "signal" else key[node])
    assert nx.utils.edges_equal(
        [(key[one], key[other]) for one, other in graph.edges], list(expected.edges), directed=False
    )
    for one, other, data in graph.edges(data=True):
        wanted = expected.edges[key[one], key[other]]
        assert {name: str(data[name]) for name in wanted} == {
            name: value.isoformat() if hasattr(value, "isoformat") else str(value)
            for name, value in wanted.items()
        }
        assert "bits" not in wanted or data["weight"] == wanted["bits"]


def test_igraph_reads_graphml(tmp_path: Path):
    make_run().cluster(1).export(tmp_path / "x.graphml")
    graph = igraph.Graph.Read_GraphML(str(tmp_path / "x.graphml"))
    assert graph.vs["account_id"] == ["a1", "a2", "a3"]
    assert graph.es["weight"] == [20.0] * 3


@pytest.mark.parametrize("suffix", READERS)
def test_hostile_text_is_text_and_other_accounts_stay_others(tmp_path: Path, suffix: str):
    """Ids that differ in what is not seen, in markup, or in whether XML can hold them are all nodes."""
    names = [HOSTILE, "\x00", "\ufffe", "n0", "n1", "", "]]>&<x/>", "=1+1", "\\x00"]
    links = [(name, kind, name) for name in names for kind in ("ip", HOSTILE)]
    make_cluster(links).export(tmp_path / f"x{suffix}", bipartite=True)
    graph = READERS[suffix](tmp_path / f"x{suffix}")
    accounts = [data for _, data in graph.nodes(data=True) if data["type"] == "account"]
    assert [one["account_id"] for one in accounts] == [printable(name) for name in names]
    assert len(graph.edges) == len(links)
    assert ET.parse(tmp_path / f"x{suffix}").getroot() is not None


@pytest.mark.parametrize("suffix", READERS)
def test_the_same_graph_is_the_same_bytes(tmp_path: Path, suffix: str):
    folder = write_run(tmp_path / "run")
    written = []
    for seed in (1, 2):
        out = tmp_path / f"{seed}{suffix}"
        process = start("export", folder, FIRST, "--out", out, PYTHONHASHSEED=seed)
        assert finish(process) == (0, "", "")
        written.append(out.read_bytes())
    assert written[0] == written[1]
    assert b"lastmodified" not in written[0]


def test_the_command_writes_what_the_name_says(tmp_path: Path):
    folder = write_run(tmp_path / "run")
    assert call("export", folder, "1", "--out", tmp_path / "a.GraphML").code == 0
    assert len(nx.read_graphml(tmp_path / "a.GraphML")) == 3
    assert call("export", folder, SECOND, "--out", tmp_path / "b.gexf", "--bipartite").code == 0
    assert {one for _, one in nx.read_gexf(tmp_path / "b.gexf").nodes(data="type")} == {"account", "signal"}
    assert (tmp_path / "b.gexf").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("cluster", "name", "code", "words"),
    [
        ("1", "x.csv", 2, r"x.csv: the name must end in .graphml or .gexf"),
        ("1", "graphml", 2, "must end in"),
        ("9", "x.gexf", 2, "there is no cluster of rank 9"),
        ("1", "none/x.gexf", 3, "x.gexf: cannot be written: No such file or directory"),
        ("1", "folder.gexf", 3, "folder.gexf: is a folder; name a file"),
    ],
)
def test_what_cannot_be_written_is_said(tmp_path: Path, cluster: str, name: str, code: int, words: str):
    folder = write_run(tmp_path / "run")
    (tmp_path / "folder.gexf").mkdir()
    before = sorted(tmp_path.iterdir())
    done = call("export", folder, cluster, "--out", tmp_path / name)
    assert (done.code, done.out) == (code, "")
    assert words in done.err
    assert sorted(tmp_path.iterdir()) == before


def test_an_earlier_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "x.gexf"
    path.write_text("earlier")
    cluster = make_run().cluster(1)

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fail)
        with pytest.raises(InputError, match="No space left on device"):
            cluster.export(path)
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]
    cluster.export(path)
    assert len(nx.read_gexf(path)) == 3
    with pytest.raises(UsageError, match="must end in"):
        cluster.export(tmp_path / "x.txt")


def test_everything_is_there_as_pandas():
    run = make_run()
    frames, parts = run.to_pandas(), run.cluster(1).to_pandas()
    assert list(frames) == list(parts) == list(ARTEFACTS)
    for name, schema in ARTEFACTS.items():
        assert list(frames[name]) == list(parts[name]) == schema.names
        assert len(frames[name]) == run.tables[name].num_rows
    assert parts["members"]["account_id"].tolist() == ["a1", "a2", "a3"]
    assert len(parts["ties"]) == 3
