"""Who is assigned to which cluster: what must hold of any result, and stories of campaigns."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clustergraph.communities.assignment import assign
from clustergraph.communities.detection import find_communities
from clustergraph.communities.leiden import Leiden
from clustergraph.communities.profiles import describe_background, make_scratch, weigh
from clustergraph.engines.duckdb import DuckDBEngine
from clustergraph.incidence import strata
from clustergraph.projection.prefix_join import PrefixIndex
from tests.graphs import LOCAL, link_rows, placed_rows

FAMILIES = {"ip": "network", "template": "content", "card": "payment"}


def put(incidence, rows_of_names):
    """Give labels of lists of names; everybody else is in no cluster."""
    ids = incidence.accounts["account_id"].to_pylist()
    labels = np.full(len(ids), -1, np.int32)
    for cluster, names in enumerate(rows_of_names):
        labels[[ids.index(name) for name in names]] = cluster
    return labels


def assign_to(incidence, labels, *, member_bits=3.0, min_accounts=3, threads=1):
    graph = incidence.graph
    return assign(
        graph, describe_background(graph), labels, member_bits=member_bits, min_accounts=min_accounts,
        threads=threads,
    )  # fmt: skip


def names_of(incidence, labels):
    """Give each cluster's names."""
    found = defaultdict(set)
    for name, label in zip(incidence.accounts["account_id"].to_pylist(), labels.tolist(), strict=True):
        if label >= 0:
            found[label].add(name)
    return [found[label] for label in sorted(found)]


def assigned(incidence, clusters, **options):
    return names_of(incidence, assign_to(incidence, put(incidence, clusters), **options).labels)


# What holds of any result


def assert_is_as_promised(graph, found, *, member_bits, min_accounts):
    """All members have the odds that are asked for, by what the final clusters themselves say of them."""
    background, scratch = describe_background(graph), make_scratch(graph)
    clusters = int(found.labels.max(initial=-1)) + 1
    for cluster in range(clusters):
        members = np.flatnonzero(found.labels == cluster).astype(np.int32)
        assert len(members) >= min_accounts
        prior = np.log2(max(graph.accounts - len(members), 1) / len(members))
        needed = prior + member_bits
        accounts, bits = weigh(background, scratch, members, needed, needed + 1.0)
        assert accounts[: len(members)].tolist() == members.tolist()
        np.testing.assert_allclose(found.bits[members], bits[: len(members)], atol=1e-9)
        np.testing.assert_allclose(found.odds[members], bits[: len(members)] - prior, atol=1e-9)
        assert (found.odds[members] >= member_bits).all()
    outside = found.labels < 0
    assert (found.bits[outside] == 0.0).all()
    assert (found.odds[outside] == -np.inf).all()
    firsts = [int(np.flatnonzero(found.labels == cluster)[0]) for cluster in range(clusters)]
    assert firsts == sorted(firsts)


@pytest.fixture(scope="module")
def tied(tmp_path_factory):
    """Rings of accounts in a world of places, as rows; and their incidence."""
    rng = np.random.default_rng(3)
    rows = placed_rows(8, accounts=400, values=900, rows=2_500)
    rows += [
        (f"r{i:02d}", kind, f"ring{i // 10}-{v}", f"p{i % 4}")
        for i in range(40) for kind in ("k0", "k1") for v in rng.integers(0, 8, 4)
    ]  # fmt: skip
    with DuckDBEngine(tmp_path_factory.mktemp("engine")) as engine:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(strata, "LEAST_SLOTS", 50)
            incidence = link_rows(rows, engine, families=LOCAL)
        yield rows, incidence


def communities(graph, level=6.0):
    ties = PrefixIndex(graph, level).join(threads=1)
    return find_communities(graph.accounts, ties, Leiden(), min_accounts=3)


@pytest.mark.parametrize("member_bits", [-2.0, 0.0, 3.0, 8.0])
@pytest.mark.parametrize("min_accounts", [2, 3, 6])
@pytest.mark.parametrize("start", ["communities", "at random", "one cluster"])
def test_every_member_has_the_odds(tied, member_bits, min_accounts, start):
    graph = tied[1].graph
    at_random = np.random.default_rng(1).integers(-1, 40, graph.accounts).astype(np.int32)
    labels = {
        "communities": communities(graph), "at random": at_random, "one cluster": np.zeros_like(at_random),
    }[start]  # fmt: skip
    before = labels.copy()
    found = assign_to(tied[1], labels, member_bits=member_bits, min_accounts=min_accounts)
    assert labels.tolist() == before.tolist()
    assert_is_as_promised(graph, found, member_bits=member_bits, min_accounts=min_accounts)


def test_some_are_members_and_some_are_not(tied):
    found = names_of(tied[1], assign_to(tied[1], communities(tied[1].graph)).labels)
    rings = [{f"r{i:02d}" for i in range(start, start + 10)} for start in range(0, 40, 10)]
    assert all(ring in found for ring in rings)
    assert assign_to(tied[1], communities(tied[1].graph), member_bits=1e6).labels.max() == -1


def test_what_was_assigned_stays(tied):
    once = assign_to(tied[1], communities(tied[1].graph))
    again = assign_to(tied[1], once.labels)
    assert again.labels.tolist() == once.labels.tolist()
    assert again.odds.tolist() == once.odds.tolist()


def test_threads_change_nothing(tied):
    labels = communities(tied[1].graph)
    one, three = (assign_to(tied[1], labels, threads=threads) for threads in (1, 3))
    for name in ("labels", "bits", "odds"):
        assert getattr(one, name).tobytes() == getattr(three, name).tobytes()


@pytest.mark.parametrize("seed", range(3))
def test_numbering_changes_nothing(tied, engine, monkeypatch, seed):
    monkeypatch.setattr(strata, "LEAST_SLOTS", 50)
    rows, incidence = tied
    ids = incidence.accounts["account_id"].to_pylist()
    new = [f"x{i:04d}" for i in np.random.default_rng(seed).permutation(len(ids))]
    renamed = dict(zip(ids, new, strict=True))
    moved = link_rows([(renamed[a], *row) for a, *row in rows], engine, families=LOCAL)
    labels = communities(incidence.graph)
    order = np.argsort(new)
    here, there = assign_to(incidence, labels), assign_to(moved, labels[order])
    expected = sorted(sorted(renamed[name] for name in one) for one in names_of(incidence, here.labels))
    assert sorted(map(sorted, names_of(moved, there.labels))) == expected
    np.testing.assert_allclose(there.bits, here.bits[order], atol=1e-9)


def test_names_of_clusters_change_nothing(tied):
    labels = communities(tied[1].graph)
    other = np.random.default_rng(0).permutation(labels.max() + 1).astype(np.int32)
    here = assign_to(tied[1], labels)
    there = assign_to(tied[1], np.where(labels >= 0, other[labels], -1).astype(np.int32))
    assert here.labels.tolist() == there.labels.tolist()
    assert here.odds.tolist() == there.odds.tolist()


def test_nobody_to_assign(tied):
    nobody = np.full(tied[1].graph.accounts, -1, np.int32)
    found = assign_to(tied[1], nobody)
    assert found.labels.tolist() == nobody.tolist()


NAMES = [f"a{i}" for i in range(14)]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(NAMES), st.sampled_from(["k0", "k1", "k2"]),
        st.sampled_from([f"v{i}" for i in range(7)]), st.sampled_from(["x", "y", None]),
    ),
    min_size=10, max_size=90,
)  # fmt: skip


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    rows=ROWS, labels=st.lists(st.integers(-1, 4), min_size=14, max_size=14),
    member_bits=st.floats(-4, 4), min_accounts=st.integers(1, 4),
)  # fmt: skip
def test_any_start_ends_as_promised(engine, monkeypatch, rows, labels, member_bits, min_accounts):
    monkeypatch.setattr(strata, "LEAST_SLOTS", 5)
    rows = [*rows, *((account, "k2", "all", None) for account in NAMES)]
    graph = (incidence := link_rows(rows, engine, families=LOCAL)).graph
    found = assign_to(
        incidence, np.array(labels, np.int32), member_bits=member_bits, min_accounts=min_accounts
    )
    assert_is_as_promised(graph, found, member_bits=member_bits, min_accounts=max(min_accounts, 2))


# Stories


def crowd(size=1_500, places=15):
    """People of the world: exits of their own place, each some; templates and cards of their own."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(size):
        place = f"p{i % places}"
        rows += [(f"n{i:04d}", "ip", f"{place}-{v}", place) for v in rng.integers(0, 400, 3)]
        rows += [(f"n{i:04d}", "template", f"t{v}", place) for v in rng.integers(0, 3_000, 4)]
        rows.append((f"n{i:04d}", "card", f"own card {i}", place))
    return rows


def campaign(name, size, *, exits=(), templates=(), seed=0, each=3):
    """Members that draw some of the exits and some of the templates of a campaign, and pay on their own."""
    rng = np.random.default_rng([seed, len(name)])
    rows = []
    for i in range(size):
        member = f"{name}{i:02d}"
        for kind, pool, place in (("ip", exits, "rented"), ("template", templates, "rented")):
            chosen = rng.choice(len(pool), min(each, len(pool)), replace=False) if len(pool) else ()
            rows += [(member, kind, pool[v], place) for v in chosen]
        rows.append((member, "card", f"card of {member}", "rented"))
    return rows


def several(name, count):
    return [f"{name} {i}" for i in range(count)]


def members(name, start, end=None):
    return {f"{name}{i:02d}" for i in range(*((0, start) if end is None else (start, end)))}


def test_who_shares_the_exits_of_a_proxy_and_lacks_the_templates_is_left_out(engine):
    """Customers of the proxy have as many of its exits as the campaign's members, and texts of their own."""
    proxy, texts = several("exit", 12), several("text", 8)
    rows = crowd() + campaign("m", 20, exits=proxy, templates=texts)
    rows += campaign("c", 30, exits=proxy, seed=1)
    rows += [(f"c{i:02d}", "template", f"t{i * 31 + j}", "rented") for i in range(30) for j in range(4)]
    incidence = link_rows(rows, engine, families=FAMILIES)
    assert assigned(incidence, [members("m", 20)]) == [members("m", 20)]
    # Nor does one stay who was put there, though it shares all the exits that there are.
    more = [("one", "ip", value, "rented") for value in proxy]
    more += [("one", "template", f"t{j}", "rented") for j in range(4)]
    incidence = link_rows(rows + more, engine, families=FAMILIES)
    assert assigned(incidence, [{"one"} | members("m", 20)]) == [members("m", 20)]


def test_pieces_of_one_campaign_come_together(engine, monkeypatch):
    monkeypatch.setattr(strata, "LEAST_SLOTS", 100)
    exits, texts = several("exit", 30), several("text", 20)
    rows = crowd() + campaign("m", 30, exits=exits, templates=texts, each=4)
    incidence = link_rows(rows, engine, families=FAMILIES)
    pieces = [members("m", 12), members("m", 12, 20), members("m", 20, 26)]
    assert assigned(incidence, pieces) == [members("m", 30)]


def test_two_campaigns_behind_one_proxy_stay_apart(engine):
    proxy = several("exit", 12)
    rows = crowd() + campaign("m", 15, exits=proxy, templates=several("text", 8))
    rows += campaign("w", 15, exits=proxy, templates=several("words", 8), seed=1)
    incidence = link_rows(rows, engine, families=FAMILIES)
    whole = [members("m", 15), members("w", 15)]
    assert assigned(incidence, whole) == whole
    # Also where each began with some of the other's.
    mixed = [members("m", 13) | members("w", 2), members("w", 2, 15) | members("m", 13, 15)]
    assert assigned(incidence, mixed) == whole


def test_a_neighbour_who_was_given_a_leased_address_leaves(engine):
    """An operator leased addresses in a town for a while; who lives there has had one of them since."""
    leased = several("leased", 6)
    rows = crowd() + campaign("m", 12, templates=several("text", 6))
    rows += [(f"m{i:02d}", "ip", leased[(i + j) % 6], "p3") for i in range(12) for j in range(3)]
    neighbours = [f"n{i:04d}" for i in (3, 18, 33)]
    rows += [(name, "ip", leased[i], "p3") for i, name in enumerate(neighbours)]
    incidence = link_rows(rows, engine, families=FAMILIES)
    assert assigned(incidence, [members("m", 12) | set(neighbours)]) == [members("m", 12)]


def test_a_member_that_no_tie_gave_away_is_gathered(engine):
    exits, texts = several("exit", 10), several("text", 6)
    rows = crowd() + campaign("m", 20, exits=exits, templates=texts)
    incidence = link_rows(rows, engine, families=FAMILIES)
    assert assigned(incidence, [members("m", 8)]) == [members("m", 20)]


@pytest.mark.xfail(strict=True, reason="what a place shares is its own measure: nothing is left to tie")
def test_a_campaign_that_has_a_place_to_itself_is_tied(engine):
    rows = crowd() + campaign("m", 60, exits=several("exit", 12), templates=several("text", 8))
    incidence = link_rows(rows, engine, families=FAMILIES)
    assert members("m", 60) in names_of(incidence, communities(incidence.graph, 10.0))


def test_strangers_are_no_cluster(engine):
    incidence = link_rows(crowd(), engine, families=FAMILIES)
    assert assigned(incidence, [{f"n{i:04d}" for i in range(10)}], member_bits=0.0) == []
