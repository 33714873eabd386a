"""The committed sample is what its script makes, and the picture shows what is found in it."""

from __future__ import annotations

import html
import importlib.util
import re
from pathlib import Path
from xml.etree import ElementTree

import pyarrow.parquet as pq
import pytest

import clustergraph as cg

DATA = Path(__file__).parent.parent / "data"
TABLES = ("events", "accounts", "truth")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_sample", DATA / "make_sample.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(script, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    script.make_sample(folder)
    return folder


@pytest.fixture(scope="module")
def found():
    return cg.run(DATA / "events.parquet", accounts=DATA / "accounts.parquet")


@pytest.mark.parametrize("name", TABLES)
def test_sample_is_made_again(made, name):
    assert pq.read_table(made / f"{name}.parquet").equals(pq.read_table(DATA / f"{name}.parquet"))


def test_sample_is_small():
    assert sum((DATA / f"{name}.parquet").stat().st_size for name in TABLES) < 1_000_000


def test_campaigns_are_found_whole(found):
    truth = pq.read_table(DATA / "truth.parquet").to_pandas()
    groups = truth[truth["cohort"] == "campaign"].groupby("group")["account_id"].apply(set)
    clusters = found.members.to_pandas().groupby("cluster_id")["account_id"].apply(set)
    assert len(groups) == 3
    for group in groups:
        best = max(clusters, key=lambda cluster: len(cluster & group))
        assert len(best & group) >= 0.95 * len(group)
        assert len(best & group) >= 0.95 * len(best)


def test_readme_names_the_ranks_of_the_campaigns(found):
    truth = pq.read_table(DATA / "truth.parquet").to_pandas()
    ranks = found.clusters.to_pandas()[["cluster_id", "rank"]]
    members = found.members.to_pandas().merge(truth, on="account_id").merge(ranks, on="cluster_id")
    campaigns = members[members["cohort"] == "campaign"]
    first, second, third = sorted(campaigns.groupby("group")["rank"].agg(lambda ranks: ranks.mode()[0]))
    readme = (DATA.parent / "README.md").read_text(encoding="utf-8")
    assert f"ranks {first}, {second} and {third} are its three planted campaigns" in readme


def test_picture_shows_the_ranking(found):
    """The first row will do: a newer igraph may draw the line elsewhere around small clusters."""
    picture = (DATA / "ranking.svg").read_text(encoding="utf-8")
    ElementTree.fromstring(picture)
    words = html.unescape(" ".join(re.findall(r"<text[^>]*>([^<]*)</text>", picture))).split()
    first = found.clusters.slice(0, 1).to_pylist()[0]
    said = ("1", first["cluster_id"][:8], f"{first['accounts']:,}", f"{first['exchanges']:,}")
    assert any(tuple(words[at : at + 4]) == said for at in range(len(words))), "make sample draws it anew"


def test_picture_of_chance_says_what_the_run_has(found):
    picture = (DATA / "chance.svg").read_text(encoding="utf-8")
    ElementTree.fromstring(picture)
    said = cg.charts.draw_chance(found).to_dict()["title"]["text"]
    assert html.escape(said) in picture, "make sample draws it anew"


@pytest.mark.parametrize("name", ["ranking", "chance"])
def test_picture_loads_nothing(name):
    assert "url(http" not in (DATA / f"{name}.svg").read_text(encoding="utf-8").replace('"', "")


def test_picture_is_drawn_the_same_twice(script, found, tmp_path):
    for name in ("one.svg", "two.svg"):
        script.draw_ranking(found, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
