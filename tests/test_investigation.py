"""What a run answers for its accounts, pairs and signals, against the pipeline's own figures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import clustergraph as cg
from clustergraph.communities.profiles import describe_background, make_scratch, weigh
from clustergraph.engines.duckdb import DuckDBEngine
from clustergraph.errors import UsageError
from clustergraph.investigation.affinity import find_nearest, weigh_account
from clustergraph.investigation.coverage import Coverage
from clustergraph.investigation.world import open_world
from clustergraph.projection.prefix_join import verify_pairs
from tests import planted_world as planted
from tests.commands import call

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clustergraph.membership.members import Membership

HUB = ("ip", "public exit")
ODD = "odd <one>=2"


def rows() -> planted.Rows:
    """The planted world, a known hub that everybody may use, and somebody near the ring."""
    found = planted.all_rows()
    found += [(f"person-{number:04}", *HUB) for number in range(0, 3_000, 10)]
    found += [("ring-00", *HUB), ("ring-01", *HUB)]
    found += [("outsider", "ip", "ring exit 0"), ("outsider", "device_id", "a device of its own")]
    found += [("outsider", "payment_fingerprint", "a card of its own"), ("loner", "ip", "nobody's exit")]
    found += [(f"left-0{number}", "device_id", ODD) for number in range(2)]
    found += [(f"left-0{number}", "ip", ODD) for number in range(3)]
    found += [("left-00", "ip", "2001:db8:0:1::7"), ("left-01", "ip", "2001:db8:0:1::8")]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("investigated")
    planted.write(rows(), path / "given.parquet")
    (path / "hubs.csv").write_text(f"kind,value\n{HUB[0]},{HUB[1]}\n")
    done = call(
        "run", path / "given.parquet", "--known-hubs", path / "hubs.csv", "--out", path / "run", "--quiet"
    )
    assert done.code == 0, done.err
    return path / "run"


@pytest.fixture(scope="module")
def run(folder: Path) -> cg.Run:
    return cg.open_run(folder)


@pytest.fixture(scope="module")
def membership(folder: Path) -> Iterator[Membership]:
    """The same, stage by stage, as the pipeline has it."""
    with DuckDBEngine(folder.parent) as engine:
        hubs = engine.fetch(f"SELECT '{HUB[0]}' AS kind, '{HUB[1]}' AS value")
        sightings = cg.read([folder.parent / "given.parquet"], engine=engine)
        yield cg.partition(cg.project(cg.link(sightings, known_hubs=hubs)))


def member_row(run: cg.Run, account: str) -> dict[str, Any]:
    return next(row for row in run.members.to_pylist() if row["account_id"] == account)


def test_accounts_are_all_there_with_their_clusters(run: cg.Run) -> None:
    assert run.accounts["account_id"].to_pylist() == sorted({row[0] for row in rows()})
    inside = dict(zip(*(run.members[name].to_pylist() for name in ("account_id", "cluster_id")), strict=True))
    assert run.accounts["cluster_id"].to_pylist() == [
        inside.get(one) for one in run.accounts["account_id"].to_pylist()
    ]


def test_the_incidence_is_that_of_the_input(run: cg.Run) -> None:
    names = run.accounts["account_id"].to_pylist()
    signals = list(zip(*(run.signals[name].to_pylist() for name in ("kind", "value")), strict=True))
    found = [
        (names[row["account"]], *signals[row["signal"]]) for row in run.incidence.select([0, 1]).to_pylist()
    ]
    given = {(a, kind, v.replace("::7", "::/64").replace("::8", "::/64")) for a, kind, v in rows()}
    holders: dict[tuple[str, str], int] = {}
    for _, *signal in given:
        holders[tuple(signal)] = holders.get(tuple(signal), 0) + 1  # type: ignore[index, arg-type]
    assert len(found) == len(set(found))
    assert set(found) == {row for row in given if holders[row[1:]] > 1}
    assert [holders[one] for one in signals] == run.signals["accounts"].to_pylist()
    kinds = list(run.manifest["input"]["kinds"])
    slots = dict.fromkeys(((a, kind) for a, kind, _ in given), 0)
    for account, kind, value in given:
        slots[account, kind] += (kind, value) != HUB  # a hub that counts nothing is no slot
    for name, counts in zip(names, run.accounts["slots"].to_pylist(), strict=True):
        assert counts == [slots.get((name, kind), 0) for kind in kinds]


def test_evidence_from_the_artefacts_is_that_of_the_ties(run: cg.Run) -> None:
    """With nothing but SQL and the formula of the README."""
    ties = {(row["source"], row["target"]): row for row in run.ties.to_pylist()}
    for pair in [("left-00", "left-01"), ("left-00", "right-00"), ("ring-00", "ring-11")]:
        found = cg.explain_pair(run, *pair)
        said = ties.get(pair)
        assert found.tied == (said is not None)
        if said is not None:
            assert found.bits == pytest.approx(said["bits"], abs=1e-9)
            counted = [one for one in found.signals if one.expected is not None]
            assert len(counted) == said["shared"]
            assert len({one.family for one in counted if one.bits > 0}) == said["families"]
    found = cg.explain_pair(run, "ring-00", "ring-01")
    for one in found.signals:
        if one.expected is not None:
            x, chance = one.cell_shared, one.expected
            assert one.bits == pytest.approx(np.log2(x / chance) - (1 - chance / x) * np.log2(np.e))


def test_every_pair_has_the_evidence_of_the_pipeline(run: cg.Run, membership: Membership) -> None:
    graph = membership.ties.incidence.graph
    names = run.accounts["account_id"].to_pylist()
    rng = np.random.default_rng(1)
    chosen = [*rng.choice(len(names), 20), *(names.index(f"ring-{one:02}") for one in range(4))]
    pairs = [(int(a), int(b)) for a in chosen[-8:] for b in chosen if a != b]
    truth = verify_pairs(graph, *(np.array(ends, np.int32) for ends in zip(*pairs, strict=True)))
    for (a, b), bits in zip(pairs, truth.bits, strict=True):
        assert cg.explain_pair(run, names[a], names[b]).bits == pytest.approx(float(bits), abs=1e-9)


def test_known_hubs_that_count_nothing_are_shown(run: cg.Run) -> None:
    found = {one.value: one for one in cg.explain_pair(run, "ring-00", "ring-01").signals}
    assert found[HUB[1]].bits == 0.0
    assert found[HUB[1]].expected is None
    assert not cg.explain_pair(run, "person-0000", "person-0010").tied
    hub = cg.find(run, HUB[1]).signals[0]
    assert (hub.accounts, hub.worth, hub.weight) == (302, 0.0, 0.0)


def test_members_are_weighed_as_in_the_pipeline(run: cg.Run) -> None:
    world = open_world(run)
    for account in ("left-00", "right-03", "ring-07", "card-only-11"):
        number = world.number(account)
        found = weigh_account(world, number, int(world.label[number]))
        row = member_row(run, account)
        assert found.bits == pytest.approx(row["bits"], abs=1e-9)
        assert found.cluster_id == row["cluster_id"]
        assert found.above >= 0
        explained = cg.explain_account(run, account)
        assert explained.own == found
        assert (explained.ties, explained.confidence) == (row["ties"], row["confidence"])
        assert found.cluster_id in explained.verdict


def test_outsiders_are_weighed_as_in_the_pipeline(run: cg.Run, membership: Membership) -> None:
    """Against weighing in the whole graph; nobody but the outsider shares anything with the ring."""
    world = open_world(run)
    graph = membership.ties.incidence.graph
    number = world.number("outsider")
    ring = int(world.label[world.number("ring-00")])
    found = weigh_account(world, number, ring)
    background = describe_background(graph, unnatural=membership.unnatural)
    accounts, bits = weigh(background, make_scratch(graph), world.members(ring), -1e9, found.needed + 1.0)
    assert found.bits == pytest.approx(float(bits[accounts == number][0]), abs=1e-9)


def test_the_nearest_cluster_is_that_of_most_evidence(run: cg.Run) -> None:
    world = open_world(run)
    for account in ("outsider", "left-00", "right-00", "ring-00", "card-only-00", "person-0000"):
        number = world.number(account)
        near = find_nearest(world, number)
        holders = [world.holders(one) for one in world.held(number) if world.cell[one] >= 0]
        clusters = {int(one) for held in holders for one in world.label[held]} - {
            -1,
            int(world.label[number]),
        }
        weighed = [weigh_account(world, number, cluster) for cluster in clusters]
        assert near == max(weighed, key=lambda one: one.above, default=None)


def test_an_outsider_is_told_what_it_lacks(run: cg.Run) -> None:
    found = cg.explain_account(run, "outsider")
    ring = member_row(run, "ring-00")["cluster_id"]
    assert found.cluster_id is None
    assert found.own is None
    assert found.nearest is not None
    assert found.nearest.cluster_id == ring
    assert found.nearest.above < 0
    assert [(one.kind, one.value, one.members) for one in found.nearest.signals] == [
        ("ip", "ring exit 0", 12)
    ]
    assert found.nearest.bits == pytest.approx(sum(found.nearest.families.values()))
    assert "below" in found.verdict
    assert {one.account_id for one in found.alike} <= {f"ring-{one:02}" for one in range(12)}
    assert found.alike[0].bits == pytest.approx(
        cg.explain_pair(run, "outsider", found.alike[0].account_id).bits
    )
    assert found.sharing == found.compared == 12


def test_who_shares_nothing_is_told_so(run: cg.Run) -> None:
    found = cg.explain_account(run, "loner")
    assert (found.sharing, found.nearest, found.alike) == (0, None, ())
    assert "shares no signal" in found.verdict
    assert found.slots["network"] == 1


def test_signals_are_found_by_value_and_by_kind(run: cg.Run) -> None:
    both = cg.find(run, ODD)
    assert [(one.kind, one.accounts) for one in both.signals] in (
        [("ip", 3), ("device_id", 2)], [("device_id", 2), ("ip", 3)],
    )  # fmt: skip
    one = cg.find(run, f"ip={ODD}")
    assert [signal.kind for signal in one.signals] == ["ip"]
    assert one.signals[0].clusters[0].members == 3
    assert cg.find(run, "2001:DB8:0:1::1234").signals[0].value == "2001:db8:0:1::/64"
    card = cg.find(run, "payment_fingerprint=lone card").signals[0]
    assert card.unnatural
    assert (card.accounts, card.unclustered, card.clusters[0].members) == (40, 0, 40)
    exit_0 = cg.find(run, "ring exit 0").signals[0]
    assert exit_0.some_unclustered == ("outsider",)
    evidence = {(row["kind"], row["value"]): row["bits"] for row in run.evidence.to_pylist()}
    assert exit_0.clusters[0].bits == evidence["ip", "ring exit 0"]


@pytest.mark.parametrize(
    ("text", "near"),
    [("RING-00", "'ring-00'"), ("ring-0099", "'ring-00'"), ("ring exit", "'ring exit 0'"), ("?", "share")],
)
def test_what_is_not_there_is_refused_with_what_is_near(run: cg.Run, text: str, near: str) -> None:
    with pytest.raises(UsageError, match=near.replace("?", r"\?")):
        cg.find(run, text)


def test_an_account_of_no_run_is_refused(run: cg.Run) -> None:
    with pytest.raises(UsageError, match="there is no account 'ring-99' in this run; near it are 'ring-00'"):
        cg.explain_account(run, "ring-99")
    with pytest.raises(UsageError, match="two different accounts"):
        cg.explain_pair(run, "ring-00", "ring-00")


def test_missing_evidence_is_said() -> None:
    def say(observed: int, sharing: int, usual: float) -> str | None:
        return Coverage("payment", ("card",), observed, sharing, 10, usual, 0.0).missing

    assert say(0, 0, 0.8) == "no payment: no account has any card, though 80% of all accounts have"
    assert say(8, 0, 0.8) == "no shared payment: 80% of the accounts have card, but nobody shares one"
    assert say(2, 2, 0.9) == "little payment: 20% of the accounts have card, of all accounts 90%"
    assert say(9, 9, 0.9) is None


def test_families_that_members_do_not_share_are_missing(run: cg.Run) -> None:
    lone = cg.explain(run, member_row(run, "card-only-00")["cluster_id"])
    assert {one.family for one in lone.coverage if one.missing} == {"network", "device", "content"}
    assert lone.tied == 0
    ring = cg.explain(run, member_row(run, "ring-00")["cluster_id"])
    assert not ring.missing
    assert ring.together is None  # no times in this input
    assert ring.rest_bits == pytest.approx(ring.bits - sum(one.bits for one in ring.evidence))


def test_explanations_are_the_same_from_memory_and_from_disk(run: cg.Run, folder: Path) -> None:
    held = cg.Run.from_tables(run.tables, run.manifest)
    assert cg.explain(held, 1).to_dict() == cg.explain(cg.open_run(folder), 1).to_dict()
    with pytest.raises(UsageError, match="no thresholds"):
        cg.explain(cg.Run.from_tables(run.tables, {}), 1)


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (("explain", "1"), {"removals", "breaking", "bridges", "coverage", "missing", "evidence"}),
        (("explain", "{ring}", "--account", "ring-00"), {"verdict", "own", "nearest", "alike", "lacks"}),
        (("explain", "{ring}", "--pair", "ring-00", "outsider"), {"signals", "tied", "tie_bits"}),
        (("find", "outsider"), {"account", "signals"}),
    ],
)
def test_json_has_everything(run: cg.Run, folder: Path, arguments: tuple[str, ...], keys: set[str]) -> None:
    ring = member_row(run, "ring-00")["cluster_id"]
    command, *rest = (one.format(ring=ring) for one in arguments)
    done = call(command, folder, *rest, "--json")
    assert done.code == 0, done.err
    assert keys <= set(json.loads(done.out))
    shown = call(command, folder, *rest)
    assert shown.code == 0
    assert max(map(len, shown.out.splitlines())) <= 100


def test_wrong_questions_are_exit_2(run: cg.Run, folder: Path) -> None:
    ring = member_row(run, "ring-00")["cluster_id"]
    for arguments in (
        ("explain", folder, ring, "--account", "loner"),
        ("explain", folder, ring, "--pair", "loner", "outsider"),
        ("explain", folder, ring, "--account", "ring-00", "--pair", "ring-00", "ring-01"),
        ("explain", folder, ring, "--account", "nobody at all"),
        ("find", folder, "nothing like it"),
    ):
        done = call(*arguments)
        assert (done.code, done.out) == (2, "")
        assert "Traceback" not in done.err
