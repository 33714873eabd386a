"""Nested kinds count their strongest level once, in ties and for members, and are never counted twice."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import clustergraph as cg
from clustergraph.clusters.attribution import attribute
from clustergraph.communities.assignment import assign
from clustergraph.communities.profiles import describe_background, make_scratch, weigh, weigh_one
from clustergraph.errors import UsageError
from clustergraph.investigation.affinity import weigh_account
from clustergraph.investigation.world import open_world
from clustergraph.projection.prefix_join import PrefixIndex, verify_pairs
from clustergraph.sightings.nesting import nest_kinds, number_nests
from tests.commands import call
from tests.graphs import brute_force_bits, link_rows, random_rows

if TYPE_CHECKING:
    from pathlib import Path

    from clustergraph.engines.duckdb import DuckDBEngine
    from clustergraph.incidence.links import Incidence

Rows = list[tuple[str, str, str]]

NESTED = {"k0": "k1", "k1": "k2", "k3": "k4"}
NESTS = [("k0", "k1", "k2"), ("k3", "k4")]
SOME = settings(
    max_examples=15,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # every step of shrinking links anew
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
NAMES = [f"a{i}" for i in range(9)]
# Whatever they are: that k1 is a function of k0 is not asked for.
ANY_ROWS = st.lists(
    st.tuples(
        st.sampled_from(NAMES), st.sampled_from([f"k{i}" for i in range(6)]), st.sampled_from("uvwxyz")
    ),
    min_size=5,
    max_size=90,
)


def bits_by_hand(rows: Rows, nests: list[tuple[str, ...]]) -> tuple[np.ndarray, list[set[int]]]:
    """Give the bits of all pairs, and which numbers of shared signals are right (levels may be equal)."""
    ids = sorted({account for account, _, _ in rows})
    kinds = sorted({kind for _, kind, _ in rows})
    bits, shared = {}, {}
    for kind in kinds:
        some, part, count = brute_force_bits([row for row in rows if row[1] == kind])
        place = np.ix_([ids.index(one) for one in some], [ids.index(one) for one in some])
        bits[kind], shared[kind] = np.zeros((len(ids),) * 2), np.zeros((len(ids),) * 2)
        bits[kind][place], shared[kind][place] = part, count
    inside = {kind for nest in nests for kind in nest}
    groups = [(kind,) for kind in kinds if kind not in inside]
    groups += [seen for nest in nests if (seen := tuple(kind for kind in nest if kind in bits))]
    total = sum(np.max([bits[kind] for kind in group], axis=0) for group in groups)
    right = []
    for i, j in itertools.product(range(len(ids)), repeat=2):
        counts = {0}
        for group in groups:
            best = max(bits[kind][i, j] for kind in group)
            of = {int(shared[k][i, j]) for k in group if bits[k][i, j] > best - 1e-9}
            counts = {a + b for a in counts for b in of}
        right.append(counts)
    return np.asarray(total), right


def all_pairs(accounts: int) -> tuple[np.ndarray, np.ndarray]:
    source, target = np.triu_indices(accounts, 1)
    return source.astype(np.int32), target.astype(np.int32)


# Ties


@SOME
@given(rows=ANY_ROWS, min_bits=st.floats(0.3, 8))
def test_ties_are_those_of_brute_force(engine: DuckDBEngine, rows: Rows, min_bits: float) -> None:
    graph = link_rows(rows, engine, nested=nest_kinds({row[1] for row in rows}, Same(), NESTED)).graph
    bits, shared = bits_by_hand(rows, NESTS)
    found = PrefixIndex(graph, min_bits).join(threads=1)
    source, target = np.nonzero(np.triu(bits >= min_bits, 1))
    assert list(zip(found.source, found.target, strict=True)) == list(zip(source, target, strict=True))
    np.testing.assert_allclose(found.bits, bits[source, target], atol=1e-9)
    for s, t, count in zip(found.source, found.target, found.shared, strict=True):
        assert int(count) in shared[s * len(bits) + t]


@pytest.mark.parametrize("min_bits", [1.0, 6.0, 12.0])
def test_heads_stay_exact_in_heavy_tailed_nests(engine: DuckDBEngine, min_bits: float) -> None:
    rows = random_rows(3, accounts=200, kinds=5, values=150, rows=4_000)
    rows += [(account, "k1", value[:-1] or "-") for account, kind, value in rows if kind == "k0"]
    incidence = link_rows(rows, engine, nested=NESTED)
    bits, _ = bits_by_hand(rows, NESTS)
    found = PrefixIndex(incidence.graph, min_bits).join(threads=2)
    source, target = np.nonzero(np.triu(bits >= min_bits, 1))
    assert found.source.tolist() == source.tolist()
    assert found.target.tolist() == target.tolist()
    np.testing.assert_allclose(found.bits, bits[source, target], atol=1e-9)
    # The tail of a nest is bounded by its strongest level, so less is looked at than without nests.
    assert PrefixIndex(incidence.graph, min_bits).visits <= visits_apart(rows, engine, min_bits)


def visits_apart(rows: Rows, engine: DuckDBEngine, min_bits: float) -> int:
    return PrefixIndex(link_rows(rows, engine).graph, min_bits).visits


@SOME
@given(rows=ANY_ROWS, labels=st.lists(st.integers(-1, 1), min_size=9, max_size=9))
def test_bits_of_signals_add_up_to_the_bits_of_ties(
    engine: DuckDBEngine, rows: Rows, labels: list[int]
) -> None:
    nested = nest_kinds({row[1] for row in rows}, Same(), NESTED)
    incidence = link_rows(rows, engine, nested=nested)
    graph = incidence.graph
    ties = verify_pairs(graph, *all_pairs(graph.accounts))
    cluster = np.array(labels[: graph.accounts], np.int32)
    found = attribute(graph, ties, cluster)
    for label in range(2):
        inside = (cluster[ties.source] == label) & (cluster[ties.target] == label)
        assert found.bits[found.cluster == label].sum() == pytest.approx(ties.bits[inside].sum(), abs=1e-8)
    kinds = incidence.signals["kind_number"].to_numpy()
    for i in range(len(ties)):  # one tie: of each nest only signals of one level have a part
        alone = np.where(np.isin(np.arange(graph.accounts), [ties.source[i], ties.target[i]]), 0, -1)
        one = attribute(graph, ties, alone.astype(np.int32))
        named = {incidence.sightings.kinds[kind] for kind in kinds[one.signal[one.bits > 0]]}
        assert all(len(named.intersection(nest)) <= 1 for nest in NESTS)


class Same(dict[str, str]):
    """Every kind is of one family."""

    def __missing__(self, kind: str) -> str:
        return "one"


# One fact is never counted twice


PEOPLE = [f"a{i:02}" for i in range(12)]
FACTS = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.sampled_from(["ip", "card", "other"]), st.integers(0, 11)),
    min_size=10,
    max_size=80,
)


def made_world(
    engine: DuckDBEngine, facts: Any, group: int, *without: str, card: str = "payment"
) -> Incidence:
    """Link facts, each address in the prefix of its ``group``, without some kinds."""
    rows = [(one, "other", "everybody's") for one in PEOPLE]
    rows += [(one, kind, str(value)) for one, kind, value in facts]
    rows += [(one, "prefix", str(value // group)) for one, kind, value in facts if kind == "ip"]
    rows = [row for row in rows if row[1] not in without]
    nested = nest_kinds({kind for _, kind, _ in rows}, Same(), {"ip": "prefix"})
    families = {"ip": "network", "prefix": "network", "card": card}
    return link_rows(rows, engine, families=families, nested=nested)


def weigh_all(
    incidence: Incidence, members: set[int], most: float
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Give everybody's bits by family, and their sum, as single accounts and whole clusters are weighed."""
    background, scratch = describe_background(incidence.graph), make_scratch(incidence.graph)
    chosen = np.array(sorted(members), np.int32)
    everybody = np.arange(len(PEOPLE), dtype=np.int32)
    bits = np.array([weigh_one(background, scratch, chosen, a, most)[0] for a in everybody])
    accounts, weighed = weigh(background, scratch, chosen, -1e9, most)
    np.testing.assert_allclose(weighed, bits.sum(axis=1)[accounts], atol=1e-9)
    families = sorted(set(incidence.sightings.families.values()))
    return {name: bits[:, number] for number, name in enumerate(families[: bits.shape[1]])}, bits.sum(axis=1)


MEMBERS = st.sets(st.sampled_from(range(12)), min_size=2)


@settings(SOME, max_examples=8)
@given(facts=FACTS, group=st.integers(1, 12), members=MEMBERS, most=st.floats(0.5, 20))
def test_a_coarser_kind_gives_no_more_than_the_stronger_of_both_alone(
    engine: DuckDBEngine, facts: Any, group: int, members: set[int], most: float
) -> None:
    """Neither to a tie nor to a member, whatever the kinds that are in no nest add."""
    ties, bits = [], []
    for without in ((), ("prefix",), ("ip",)):
        incidence = made_world(engine, facts, group, *without)
        ties.append(verify_pairs(incidence.graph, *all_pairs(len(PEOPLE))).bits)
        bits.append(weigh_all(incidence, members, most)[1])
    np.testing.assert_allclose(ties[0], np.maximum(*ties[1:]), atol=1e-9)
    assert (bits[0] <= np.maximum(*bits[1:]) + 1e-9).all()
    assert (bits[0] >= np.minimum(*bits[1:]) - 1e-9).all()


@settings(SOME, max_examples=5)
@given(facts=FACTS, members=MEMBERS, most=st.floats(0.5, 8))
def test_a_nest_and_other_kinds_of_its_family_are_capped_together(
    engine: DuckDBEngine, facts: Any, members: set[int], most: float
) -> None:
    facts = [*facts, (PEOPLE[0], "card", 0), (PEOPLE[0], "ip", 0)]
    apart = weigh_all(made_world(engine, facts, 3), members, 1e9)[0]
    together = weigh_all(made_world(engine, facts, 3, card="network"), members, most)[0]
    expected = np.minimum(apart["network"] + apart["payment"], most)
    np.testing.assert_allclose(together["network"], expected, atol=1e-9)


def banked(*, cards: int) -> Rows:
    """A ring of ten on ``cards`` cards of one bank, and others with cards of their own at thirty banks."""
    rows = [(f"n{i:03}", "card", f"own {i}") for i in range(600)]
    rows += [(f"n{i:03}", "bank", f"bank {i % 30}") for i in range(600)]
    rows += [(f"n{i:03}", "ip", f"exit {i // 2}") for i in range(600)]
    rows += [(f"r{i}", "card", f"ring {i % cards}") for i in range(10)]
    rows += [(f"r{i}", "bank", "bank 0") for i in range(10)]
    return rows + [(f"r{i}", "ip", f"ring {i % 3}") for i in range(10)]


def weigh_stranger(engine: DuckDBEngine, rows: Rows, account: str, **nested: str) -> float:
    families = {"card": "payment", "bank": "payment"}
    incidence = link_rows(rows, engine, families=families, nested=nested)
    ids = incidence.accounts["account_id"].to_pylist()
    members = np.array([ids.index(f"r{i}") for i in range(10)], np.int32)
    background, scratch = describe_background(incidence.graph), make_scratch(incidence.graph)
    number = np.int32(ids.index(account))
    return float(weigh_one(background, scratch, members, number, 40.0)[0].sum())


def test_a_card_of_ones_own_speaks_against_an_account_of_the_same_bank(engine: DuckDBEngine) -> None:
    rows = banked(cards=2)
    without = [row for row in rows if row[1] != "bank"]
    assert weigh_stranger(engine, rows, "n000", card="bank") < -2.0
    member = weigh_stranger(engine, rows, "r0", card="bank")
    assert member == pytest.approx(weigh_stranger(engine, without, "r0"), abs=0.3)


def test_where_no_card_is_shared_the_bank_tells(engine: DuckDBEngine) -> None:
    rows = banked(cards=10)
    without = [row for row in rows if row[1] != "bank"]
    gained = weigh_stranger(engine, rows, "r0", card="bank") - weigh_stranger(engine, without, "r0")
    assert 2.0 < gained < 5.5  # the bank has one account in thirty: log2(30) is 4.9


# Tables of names


def test_kinds_that_were_not_observed_are_passed_over() -> None:
    families = Same()
    assert nest_kinds({"ip", "ip_prefix", "asn"}, families) == {"ip": "ip_prefix", "ip_prefix": "asn"}
    assert nest_kinds({"ip", "asn"}, families) == {"ip": "asn"}
    assert nest_kinds({"ip", "asn"}, families, {"ip_prefix": ""}) == {}
    assert nest_kinds({"ip", "ip_prefix"}, families, {"ip": ""}) == {}
    assert nest_kinds({"a", "b", "c"}, families, {"a": "c", "b": "c"}) == {"a": "c", "b": "c"}
    assert nest_kinds({"payment_fingerprint", "ip"}, families) == {}


def test_levels_are_numbered_nest_by_nest_the_finest_first() -> None:
    found = number_nests({"z": "m", "m": "a", "c": "b"}, ("a", "b", "c", "m", "x", "z"))
    assert found.level.tolist() == [2, 4, 3, 1, -1, 0]
    assert found.nest.tolist() == [0, 0, 0, 1, 1]
    bits = np.array([1.0, 3.0, 3.0, 0.0, 0.0])
    assert found.find_strongest(bits).tolist() == [False, True, False, True, False]


def test_nested_kinds_are_of_one_family() -> None:
    with pytest.raises(UsageError, match=r"ip is nested in asn, but their families are 'network' and 'x'"):
        nest_kinds({"ip", "asn"}, {"ip": "network", "asn": "x"})


def test_a_circle_ends_the_command_with_its_names(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text('[nested]\nasn = "ip"\n')
    pq.write_table(pa.table({"account_id": ["a"], "ip": ["x"]}), tmp_path / "in.parquet")
    done = call("run", tmp_path / "in.parquet", "--out", tmp_path / "out", "--config", config)
    assert done.code == 2
    assert "[nested] ip = ip_prefix = asn = ip is a circle" in " ".join(done.err.split())
    assert not (tmp_path / "out").exists()


# A whole run


def made_rows() -> Rows:
    """A ring with addresses in two prefixes and cards of one bank, among 1,500 people."""
    rng = np.random.default_rng(5)
    rows = []
    for i in range(1_500):
        for place in rng.integers(0, 4_000, 3):
            rows += [(f"n{i:04}", "ip", f"{place}"), (f"n{i:04}", "ip_prefix", f"{place // 16}")]
        card = rng.integers(0, 2_500)
        rows += [(f"n{i:04}", "payment_fingerprint", f"{card}"), (f"n{i:04}", "card_bin", f"{card // 50}")]
        rows.append((f"n{i:04}", "device_id", f"{i // 2}"))
    for i in range(24):
        for place in rng.integers(0, 24, 3):
            rows += [(f"r{i:02}", "ip", f"x{place}"), (f"r{i:02}", "ip_prefix", f"x{place // 12}")]
        rows += [(f"r{i:02}", "payment_fingerprint", f"x{i // 3}"), (f"r{i:02}", "card_bin", "x")]
        rows.append((f"r{i:02}", "device_id", f"x{i // 2}"))
    return rows


def run_rows(rows: Rows, folder: Path, **nested: str) -> cg.Run:
    columns = zip(*rows, strict=True)
    table = pa.table(dict(zip(("account_id", "kind", "value"), map(pa.array, columns), strict=True)))
    pq.write_table(table, folder / "in.parquet")
    return cg.run(folder / "in.parquet", out=folder / "run", config={"nested": nested} if nested else None)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> cg.Run:
    folder = tmp_path_factory.mktemp("nested")
    run_rows(made_rows(), folder)
    return cg.open_run(folder / "run")


def test_a_run_says_what_is_nested(run: cg.Run) -> None:
    nested = {"ip": "ip_prefix", "payment_fingerprint": "card_bin"}
    assert run.manifest["input"]["nested"] == nested
    assert run.manifest["config"]["nested"].items() >= nested.items()
    assert run.clusters.num_rows >= 1


def test_a_run_on_disk_has_the_evidence_of_the_pipeline(run: cg.Run) -> None:
    ties = run.ties.to_pylist()
    mixed = 0
    for row in ties[:: max(len(ties) // 40, 1)]:
        found = cg.explain_pair(run, row["source"], row["target"])
        assert found.bits == pytest.approx(row["bits"], abs=1e-9)
        assert found.tied
        counting = {one.kind for one in found.signals if one.bits > 0}
        assert not counting >= {"ip", "ip_prefix"}
        assert not counting >= {"payment_fingerprint", "card_bin"}
        assert len({one.family for one in found.signals if one.bits > 0}) == row["families"]
        mixed += any(one.bits == 0 and one.expected is not None for one in found.signals)
    assert mixed > 5
    world = open_world(run)
    for row in run.members.to_pylist()[::7]:
        number = world.number(row["account_id"])
        found_again = weigh_account(world, number, int(world.label[number]))
        assert found_again.bits == pytest.approx(row["bits"], abs=1e-9)
        assert sum(found_again.families.values()) == pytest.approx(found_again.bits, abs=1e-9)


def test_bits_of_a_clusters_signals_are_those_of_its_ties(run: cg.Run) -> None:
    label = {row["account_id"]: row["cluster_id"] for row in run.members.to_pylist()}
    for cluster in run.clusters["cluster_id"].to_pylist():
        ties = sum(
            row["bits"]
            for row in run.ties.to_pylist()
            if label.get(row["source"]) == cluster == label.get(row["target"])
        )
        evidence = sum(row["bits"] for row in run.evidence.to_pylist() if row["cluster_id"] == cluster)
        assert evidence == pytest.approx(ties, rel=1e-9)


def test_the_order_of_rows_changes_nothing(run: cg.Run, tmp_path: Path) -> None:
    rows = made_rows()
    np.random.default_rng(1).shuffle(rows)
    again = run_rows([tuple(row) for row in rows], tmp_path)  # type: ignore[misc]
    for name in ("ties", "members", "evidence", "clusters"):
        assert getattr(again, name).equals(getattr(run, name)), name


def test_without_nesting_the_same_facts_count_twice(run: cg.Run, tmp_path: Path) -> None:
    apart = run_rows(made_rows(), tmp_path, ip="", payment_fingerprint="")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["input"]["nested"] == {}
    pair = ("r00", "r01")
    assert cg.explain_pair(apart, *pair).bits > cg.explain_pair(run, *pair).bits + 5.0


def test_assignment_is_of_one_level(engine: DuckDBEngine) -> None:
    """Members stay members though one of their two levels tells nothing of them."""
    rows = banked(cards=10)
    incidence = link_rows(
        rows, engine, families={"card": "payment", "bank": "payment"}, nested={"card": "bank"}
    )
    ids = incidence.accounts["account_id"].to_pylist()
    labels = np.array([0 if one.startswith("r") else -1 for one in ids], np.int32)
    graph = incidence.graph
    found = assign(graph, describe_background(graph), labels, member_bits=3.0, min_accounts=3)
    assert [one for one, label in zip(ids, found.labels, strict=True) if label >= 0] == [
        f"r{i}" for i in range(10)
    ]
