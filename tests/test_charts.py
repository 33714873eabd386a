"""What charts show is what the artefacts have, whatever the traffic wrote, and Vega draws all of it."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter, defaultdict

import altair as alt
import networkx as nx
import numpy as np
import pytest
import vl_convert
from hypothesis import given, settings
from hypothesis import strategies as st

import clustergraph as cg
from clustergraph.charts import theme
from clustergraph.charts.labels import label_all, shorten
from clustergraph.charts.ordering import order_alike, space_evenly
from clustergraph.errors import UsageError
from clustergraph.figures import printable
from tests.drawn_runs import find_rows, make_blocks, make_cluster
from tests.lives import A, B, make_lives
from tests.nights import at
from tests.small_run import HOSTILE, make_run

OF_CLUSTERS = [
    cg.charts.draw_waterfall, cg.charts.draw_activity, cg.charts.draw_matrix, cg.charts.draw_graph,
]  # fmt: skip
OF_RUNS = [cg.charts.draw_volumes, cg.charts.draw_chance]
LONG = "v" * 490 + HOSTILE


def render(chart) -> str:
    """Have Vega draw a chart; what it cannot draw raises."""
    return vl_convert.vegalite_to_svg(chart.to_dict())


def title(chart) -> str:
    return chart.to_dict()["title"]["text"]


def details(chart) -> str:
    return " ".join(chart.to_dict()["title"].get("subtitle", []))


# What holds for all of them


@pytest.fixture(scope="module")
def hostile():
    links = [(name, kind, LONG) for name in ("a", LONG, HOSTILE) for kind in ("card", "=1+1", LONG)]
    return make_cluster(links, [(LONG, 0, 3), ("a", 5, 1)], cluster_id=HOSTILE)


def draw_all(cluster):
    yield from (draw(cluster) for draw in OF_CLUSTERS)
    yield from (draw(cluster.run) for draw in OF_RUNS)


def test_text_from_traffic_stays_text(hostile):
    for chart in draw_all(hostile):
        assert not {"\x1b", "\u202e"} & set(json.dumps(chart.to_dict(), ensure_ascii=False))
        assert "<script" not in render(chart)
    assert r"\x1b[2J" in render(cg.charts.draw_waterfall(hostile))


def test_nothing_is_loaded_and_little_is_evaluated(hostile):
    def look(value):
        if isinstance(value, dict):
            assert not {"url", "href", "expr", "signal"} & set(value)
            for one in value.values():
                look(one)
        elif isinstance(value, list):
            for one in value:
                look(one)

    for chart in draw_all(hostile):
        look({name: one for name, one in chart.to_dict().items() if name not in ("$schema", "datasets")})


@pytest.mark.parametrize("draw", OF_CLUSTERS)
def test_a_cluster_without_evidence_or_times_is_said(draw):
    whole = make_cluster([("a", "ip", "x"), ("b", "ip", "x"), ("c", "ip", "x")]).run
    tables = whole.tables | {name: whole.tables[name].slice(0, 0) for name in ("evidence", "links")}
    chart = draw(cg.Run.from_tables(tables, {}).cluster(1))
    assert title(chart) in (
        "No shared signal adds evidence", "When these accounts are at work is not known",
        "No two of these accounts share a signal",
    )  # fmt: skip
    render(chart)


def test_an_empty_run_is_said():
    run = make_run(empty=True)
    assert title(cg.charts.draw_volumes(run)) == "No cluster was found"
    assert "not known" in title(cg.charts.draw_chance(run))
    for draw in OF_RUNS:
        render(draw(run))


def test_the_order_of_rows_changes_nothing():
    rng = random.Random(3)
    links = [one for one in make_blocks(3, 5, 4) if rng.random() < 0.7]
    activity = [(f"a{b}-{a:03d}", h, 1 + h) for b in range(3) for a in range(5) for h in range(b, 9, 2)]
    one, other = (make_cluster(links, activity, mix=mix) for mix in (None, rng.shuffle))
    for draw in OF_CLUSTERS:
        assert draw(one).to_dict() == draw(other).to_dict()


def test_colours_are_told_from_light_and_dark_pages():
    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    def contrast(one, other):
        low, high = sorted((luminance(one), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    for page in ("#ffffff", "#111111"):
        assert contrast(theme.INK, page) > 4.1
        assert min(contrast(one, page) for one in theme.FAMILIES.values()) > 2.7
    assert theme.CONFIG["background"] == "transparent"


def test_every_family_has_a_colour_of_its_own_as_long_as_there_are_any():
    scale = theme.colour_families(["device", "x", "network", "y"]).to_dict()["scale"]
    assert scale["domain"] == ["network", "device", "x", "y"]
    assert scale["range"][:2] == [theme.BLUE, theme.PURPLE]
    assert len(set(scale["range"])) == 4
    many = theme.colour_families([*theme.FAMILIES, "x", "y"]).to_dict()["scale"]
    assert many["range"] == [*theme.FAMILIES.values(), theme.INK, theme.INK]


# Names and orders

TEXTS = st.lists(st.text(max_size=40), max_size=12)


@given(names=TEXTS, longest=st.integers(6, 30))
def test_labels_are_short_printable_and_differ(names, longest):
    labels = label_all(names, longest)
    assert len(set(labels)) == len(names)
    for name, label in zip(names, labels, strict=True):
        assert label.startswith(shorten(name, longest))
        assert len(shorten(name, longest)) <= longest
        assert printable(label, 200) == label


@given(count=st.integers(0, 400), most=st.integers(1, 100))
def test_places_are_evenly_spaced(count, most):
    places = space_evenly(count, most)
    assert len(places) == min(count, most)
    gaps = np.diff(places)
    assert all(gap >= 1 for gap in gaps)
    assert not len(gaps) or gaps.max() - gaps.min() <= 1
    assert not len(places) or (places[0] == 0 and places[-1] < count)


def test_alike_rows_stand_together():
    rng = np.random.default_rng(5)
    block = rng.permutation(np.repeat(np.arange(4), 8))
    rows = (block[:, None] == np.repeat(np.arange(4), 6)) * 1.0
    rows[rng.random(rows.shape) < 0.1] = 0.0
    order = order_alike(rows)
    assert sorted(order) == list(range(32))
    assert (np.diff(block[order]) != 0).sum() == 3
    with_empty_ones = order_alike(np.vstack([rows, np.zeros((3, rows.shape[1]))]))
    places = np.flatnonzero(with_empty_ones >= 32)
    assert places.max() - places.min() == 2


# The waterfall


@settings(max_examples=40, deadline=None)
@given(bits=st.lists(st.integers(1, 50), min_size=1, max_size=20), most=st.integers(1, 8))
def test_bars_go_on_where_the_last_one_ended(bits, most):
    links = [(f"a{i}", "ip", f"s{number}") for number, count in enumerate(bits) for i in range(count)]
    rows = find_rows(cg.charts.draw_waterfall(make_cluster(links), signals=most), "start")
    assert len(rows) == min(len(bits), most) + (len(bits) > most)
    assert [row["start"] for row in rows] == [0.0, *(row["end"] for row in rows[:-1])]
    assert rows[-1]["end"] == sum(bits)
    assert [row["bits"] for row in rows][:most] == sorted(bits, reverse=True)[:most]


def test_the_waterfall_tells_how_many_signals_make_half():
    links = [(f"a{i}", "ip", f"s{number}") for number in range(4) for i in range(10)]
    assert title(cg.charts.draw_waterfall(make_cluster(links))) == (
        "Half of the evidence comes from 2 of 4 shared signals"
    )
    one = [(f"a{i}", "card", "x") for i in range(30)] + [(f"a{i}", "ip", "y") for i in range(10)]
    assert title(cg.charts.draw_waterfall(make_cluster(one))) == "One signal makes 75% of the evidence"


def test_the_figures_of_the_waterfall_stand_beside_its_bars():
    links = [(f"a{i}", "ip", f"s{number}") for number in range(4) for i in range(10)]
    spec = cg.charts.draw_waterfall(make_cluster(links)).to_dict()
    texts = [one for one in spec["layer"] if one["mark"]["type"] == "text"]
    ends = {one["encoding"]["text"]["field"]: one["mark"]["x"] for one in texts if "y" in one["encoding"]}
    assert ends["said"] - spec["width"] >= 6 * len("12,345,678 (81%)")
    assert ends["holders"] - ends["said"] >= 6 * len("12,345 of 12,345")


# Activity


def make_activity(accounts: int, hours: int, seed: int = 0):
    rng = random.Random(seed)
    return [
        (f"a{account:03d}", hour, rng.randint(1, 9))
        for account in range(accounts) for hour in range(hours) if rng.random() < 0.3
    ]  # fmt: skip


def make_busy(activity, accounts: int):
    return make_cluster([(f"a{account:03d}", "ip", "x") for account in range(accounts)], activity)


def test_cells_are_the_exchanges_of_each_hour():
    activity = make_activity(20, 60)
    chart = cg.charts.draw_activity(make_busy(activity, 20))
    rows, strip = find_rows(chart, "account", "column"), find_rows(chart, "column", "accounts")
    found = {
        (row["account"], column): count
        for row in rows for column, count in zip(row["column"], row["exchanges"], strict=True)
    }  # fmt: skip
    assert found == {(account, hour): count for account, hour, count in activity}
    at_work = Counter(hour for _, hour, _ in activity)
    assert {row["column"]: row["accounts"] for row in strip} == {hour: at_work[hour] for hour in range(60)}


@pytest.mark.parametrize(("columns", "width"), [(60, 1), (59, 2), (20, 3), (6, 12), (3, 24)])
def test_hours_are_taken_together_where_there_are_more_than_columns(columns, width):
    activity = make_activity(5, 60)
    rows = find_rows(cg.charts.draw_activity(make_busy(activity, 5), columns=columns), "account")
    expected: dict[str, Counter[int]] = defaultdict(Counter)
    for account, hour, count in activity:
        expected[account][hour // width] += count
    assert {
        row["account"]: dict(zip(row["column"], row["exchanges"], strict=True)) for row in rows
    } == expected


def test_some_accounts_stand_for_all():
    chart = cg.charts.draw_activity(make_busy(make_activity(400, 10), 400), accounts=150)
    strip, rows = find_rows(chart, "accounts"), find_rows(chart, "account")
    totals = Counter()
    for account, _, count in make_activity(400, 10):
        totals[account] += count
    order = sorted(totals, key=lambda account: (-totals[account], account))
    assert {row["account"] for row in rows} == {order[i * len(order) // 150] for i in range(150)}
    assert f"Shown are 150 of {len(order)} accounts" in details(chart)
    assert max(row["accounts"] for row in strip) > 100  # of all of them


def test_who_works_at_the_same_time_stands_together():
    groups = {f"a{i:03d}": i % 3 for i in range(30)}
    rng = random.Random(2)
    activity = [
        (account, 8 * group + hour, 5)
        for account, group in groups.items() for hour in range(8) if rng.random() < 0.8
    ]  # fmt: skip
    rows = find_rows(cg.charts.draw_activity(make_busy(activity, 30)), "account")
    found = [groups[row["account"]] for row in rows]
    assert sum(one != other for one, other in itertools.pairwise(found)) == 2


def test_who_asks_for_nothing_is_at_work_all_the_same():
    chart = cg.charts.draw_activity(make_busy([("a000", 3, 0), ("a001", 3, 0), ("a001", 5, 0)], 2))
    found = {row["account"]: row["column"] for row in find_rows(chart, "account")}
    assert found == {"a000": [0], "a001": [0, 2]}
    render(chart)


def test_the_busiest_hour_is_told():
    activity = [(f"a{i:03d}", 7, 1) for i in range(8)] + [(f"a{i:03d}", 3, 90) for i in range(5)]
    assert title(cg.charts.draw_activity(make_busy(activity, 10))) == (
        "80% of the accounts are at work in the busiest hour (2 Feb 2026, 07:00 UTC)"
    )


def test_many_cells_are_drawn_whatever_the_user_allows():
    chart = cg.charts.draw_activity(make_busy(make_activity(100, 200), 100))
    with alt.data_transformers.enable("default", max_rows=1):
        assert sum(len(row["column"]) for row in find_rows(chart, "account")) > 5_000


# The matrix


def cells(chart):
    names = {row["number"]: row["signal"] for row in find_rows(chart, "signal")}
    return {
        (row["account"], names[number]) for row in find_rows(chart, "account") for number in row["number"]
    }


def test_the_matrix_has_a_cell_for_each_link_and_shows_blocks():
    links = make_blocks(3, 6, 4)
    random.Random(1).shuffle(links)
    chart = cg.charts.draw_matrix(make_cluster(links))
    assert cells(chart) == {(account, f"{kind} {value}") for account, kind, value in links}
    encoding = chart.to_dict()["encoding"]
    for axis, of_block in (("x", lambda name: name.split()[1][1]), ("y", lambda name: name[1])):
        blocks = [of_block(name) for name in encoding[axis]["scale"]["domain"]]
        assert sum(one != other for one, other in itertools.pairwise(blocks)) == 2


def test_the_matrix_says_what_it_leaves_out():
    chart = cg.charts.draw_matrix(make_cluster(make_blocks(2, 50, 10)), accounts=40, signals=15)
    domains = [chart.to_dict()["encoding"][axis]["scale"]["domain"] for axis in ("y", "x")]
    assert [len(one) for one in domains] == [40, 15]
    assert "40 of 100 accounts" in details(chart)
    assert "the 15 strongest of 20 signals" in details(chart)


# The graph


def make_graph(links, **options):
    found = cg.charts.lay_out_graph(make_cluster(links), **options)
    assert len({one["id"] for one in found.nodes}) == len(found.nodes)
    graph = nx.Graph()
    graph.add_nodes_from((one["id"], one) for one in found.nodes)
    graph.add_edges_from((one["source"], one["target"]) for one in found.edges)
    assert len(graph) == len(found.nodes)
    return found, graph


def test_a_small_graph_is_whole():
    rng = random.Random(4)
    links = [one for one in make_blocks(3, 6, 5) if rng.random() < 0.6]
    found, graph = make_graph(links)
    assert found.note == ""
    node = nx.get_node_attributes(graph, "name")
    assert {(node[one["source"]], node[one["target"]]) for one in found.edges} == {
        (account, f"{kind} {value}") for account, kind, value in links
    }
    places = np.array([(one["x"], one["y"]) for one in found.nodes])
    assert np.abs(places).max() == pytest.approx(1.0)
    assert len(np.unique(places, axis=0)) == len(places)


def test_a_layout_is_the_same_whatever_was_drawn_before():
    links = [*make_blocks(3, 6, 5), ("a0-000", "ip", "s1-000"), ("a1-000", "ip", "s2-000")]
    random.seed(1)
    one, _ = make_graph(links)
    random.seed(2)
    np.random.seed(2)  # noqa: NPY002 (that which igraph could fall back to)
    assert make_graph(links)[0] == one


def test_accounts_of_a_part_lie_together():
    """Two parts that one account connects: a layout by distances keeps them apart."""
    links = [*make_blocks(2, 12, 4), ("a0-000", "ip", "s1-000")]
    found, _ = make_graph(links)
    place = {one["name"]: np.array([one["x"], one["y"]]) for one in found.nodes if one["type"] == "account"}
    centre = [np.mean([place[f"a{part}-{i:03d}"] for i in range(1, 12)], axis=0) for part in (0, 1)]
    for part in (0, 1):
        for i in range(1, 12):
            here = place[f"a{part}-{i:03d}"]
            assert np.linalg.norm(here - centre[part]) < np.linalg.norm(here - centre[1 - part])


@pytest.mark.parametrize(("nodes", "edges"), [(100, 10_000), (1_000, 300), (60, 150), (30, 0)])
def test_a_large_graph_keeps_its_bounds_and_says_its_rule(nodes, edges):
    rng = random.Random(9)
    links = [
        (f"a{account:03d}", "ip", f"s{signal:03d}")
        for account in range(200) for signal in range(120) if rng.random() < 0.1 / (1 + signal / 40)
    ]  # fmt: skip
    cluster = make_cluster(links)
    found, graph = make_graph(links, nodes=nodes, edges=edges)
    assert len(found.nodes) <= nodes
    assert len(found.edges) <= edges
    accounts = [one for one in found.nodes if one["type"] == "account"]
    signals = [one for one in found.nodes if one["type"] == "signal"]
    assert all(graph.degree(one["id"]) >= 2 for one in signals)
    assert all(graph.degree(one["id"]) >= 1 for one in accounts)
    assert f"{len(accounts)} of {len(cluster.members)} accounts" in found.note
    assert f"{len(signals)} of {len(cluster.evidence)} signals" in found.note
    there = {(account, f"{kind} {value}") for account, kind, value in links}
    node = nx.get_node_attributes(graph, "name")
    shown = {(node[one["source"]], node[one["target"]]) for one in found.edges}
    names = {one["name"] for one in found.nodes}
    assert shown == {link for link in there if set(link) <= names}


# Runs


def test_volumes_tell_what_is_explained():
    run = make_run()
    chart = cg.charts.draw_volumes(run)
    assert [(row["rank"], row["volume"], row["explained_by"]) for row in find_rows(chart)] == [
        (1, 1_234_567.0, "nothing"), (2, 300.0, "nothing"),
    ]  # fmt: skip
    assert [row["name"] for row in find_rows(chart)] == ["caaaaaaaa, 3 accounts", "caaaaaaab, 3 accounts"]
    assert title(chart) == "The 2 clusters that are not explained have 100% of the clusters' exchanges"
    explained = run.clusters.to_pylist()
    explained[0]["explained_by"] = "small_premises"
    tables = run.tables | {"clusters": run.clusters.from_pylist(explained, run.clusters.schema)}
    chart = cg.charts.draw_volumes(cg.Run.from_tables(tables, {}))
    assert title(chart) == "The cluster that is not explained has <1% of the clusters' exchanges"
    assert chart.to_dict()["layer"][0]["encoding"]["color"]["scale"]["domain"] == [
        "nothing",
        "small premises",
    ]


def test_clusters_without_volume_stand_at_the_foot():
    rows = make_run().clusters.to_pylist()
    rows[1]["extraction_volume"] = 0.0
    tables = make_run().tables
    tables["clusters"] = tables["clusters"].from_pylist(rows, tables["clusters"].schema)
    chart = cg.charts.draw_volumes(cg.Run.from_tables(tables, {}))
    points = find_rows(chart, "volume")
    assert (points[1]["volume"], points[1]["at"]) == (0.0, 1_000_000.0)
    render(chart)


def test_chance_is_drawn_as_run_json_has_it():
    steps = [
        {"bits": 9.5, "observed": 80.0, "chance": 90.0}, {"bits": 10.5, "observed": 40.0, "chance": 10.0},
        {"bits": 11.5, "observed": 30.0, "chance": 0.25}, {"bits": 12.5, "observed": 3.0, "chance": 0.0},
    ]  # fmt: skip
    manifest = {"input": {"ties_by_bits": steps, "thresholds": {"tie_bits": 10.5, "nulls": 4}}}
    chart = cg.charts.draw_chance(cg.Run.from_tables(make_run().tables, manifest))
    assert title(chart) == "Chance gives 10 ties where there are 73 (14%)"
    rows = find_rows(chart, "pairs")
    assert {(row["bits"], row["of"]): row["pairs"] for row in rows} == {
        (step["bits"], name): step[key]
        for step in steps
        for key, name in (("observed", "in the data"), ("chance", "by chance"))
        if step[key]
    }
    assert "Below 10.5 bits" in details(chart)
    assert "The last step" not in details(chart)
    render(chart)


# Lives


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_lives(tmp_path_factory.mktemp("lives"))


def test_lives_show_events_volumes_and_kin(store):
    chart = cg.charts.draw_lives(store.root)
    points, lines = find_rows(chart, "told"), find_rows(chart, "line")
    a, b = A[:8], B[:8]
    assert [(row["night"], row["told"], row["volume"]) for row in points if row["cluster"] == b] == [
        (str(at(0)), "born", 100.0), (str(at(1)), "dormant", 0.0), (str(at(2)), "dormant", 0.0),
        (str(at(3)), "returned", 400.0), (str(at(4)), "died", 0.0),
    ]  # fmt: skip
    drawn = defaultdict(list)
    for row in lines:
        drawn[row["line"]].append((row["cluster"], row["night"]))
    assert [(b, str(at(3))), (a, str(at(4)))] in drawn.values()  # into what it was merged
    assert len(drawn) == 3
    assert title(chart) == "1 of these 2 clusters are found on the last night"
    render(chart)


def test_a_life_comes_with_its_kin(store):
    chart = cg.charts.draw_lives(store.root, "cb")
    assert {row["cluster"] for row in find_rows(chart, "told")} == {A[:8], B[:8]}
    assert title(chart) == "The cluster grew from 3 to 6 accounts"
    assert (
        cg.charts.draw_lives(str(store.root), A, most=1)
        .to_dict()["title"]["text"]
        .endswith("3 to 8 accounts")
    )
    with pytest.raises(UsageError, match="no night of the store has a cluster"):
        cg.charts.draw_lives(store.root, "zzz")


def test_there_are_no_other_charts():
    assert sorted(cg.charts.__all__) == sorted(cg.charts._HOMES)
    for name in cg.charts.__all__:
        assert getattr(cg.charts, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'draw_conclusions'"):
        _ = cg.charts.draw_conclusions
