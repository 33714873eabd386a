"""What members have in common, against plain Python that follows the words of the module."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clustergraph.communities.profiles import describe_background, make_scratch, weigh
from clustergraph.incidence import strata
from clustergraph.projection.nulls import shuffle
from tests.graphs import LOCAL, homes_by_hand, link_rows, number_places, placed_rows, strata_by_hand

SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.95)
HALF_KNOWN, MOST_RATIO, TELLING, SLACK, ROUNDS = 100.0, 60.0, 3.0, 0.1, 15


@dataclass
class Oracle:
    """Everybody's signals, and what a signal's family, stratum and weight are."""

    rows: list
    families: dict[str, str]
    stratum_of: dict
    weights: dict

    def __post_init__(self):
        held = {row[:3] for row in self.rows}
        held = {row for row in held if self.weights.get(row[1:], 1.0) > 0}
        self.accounts = sorted({row[0] for row in self.rows})
        self.signals = {a: sorted(row[1:] for row in held if row[0] == a) for a in self.accounts}
        self.holders = Counter(row[1:] for row in held)
        self.families_seen = sorted({self.families.get(kind, kind) for _, kind, _ in held})

    def slots(self, accounts, key) -> Counter:
        """Count (account, signal) pairs by what ``key`` says of a signal."""
        return Counter(key(signal) for a in accounts for signal in self.signals[a])

    def slots_of_place(self, members) -> Counter:
        """Count the members' slots by stratum; a member's are seen where it shares one of them at least."""
        found: Counter = Counter()
        for member in members:
            shared = {self.stratum_of[s] for s in self.signals[member] if self.holders[s] > 1}
            of = self.slots([member], self.stratum_of.__getitem__)
            found.update({stratum: of[stratum] for stratum in shared})
        return found

    def ratio(self, signal, account, members) -> float:
        """Give q / p of a signal for an account, which is left out of both sides."""
        inside = account in members
        held = sum(signal in self.signals[m] for m in members if m != account)
        if held == 0:
            return 0.0
        # What the other members have; an account's own part is that of the average member.
        scale = (len(members) - 1) / len(members) if inside else 1.0
        left = sum(signal in self.signals[a] for a in self.accounts if a not in members and a != account)

        def log_ratio(ours, everybody, of):
            others = everybody[of] - ours[of]
            return math.log2(held / (ours[of] * scale) * (others + 1) / (left + 1)), others

        kinds, places = (lambda s: s[0]), self.stratum_of.__getitem__
        world, _ = log_ratio(self.slots(members, kinds), self.slots(self.accounts, kinds), signal[0])
        place, known = log_ratio(
            self.slots_of_place(members), self.slots(self.accounts, places), places(signal)
        )
        trust = known / (known + HALF_KNOWN)
        return 2.0 ** min(trust * place + (1 - trust) * world, MOST_RATIO)

    def gains(self, signal, account, members) -> list[float]:
        ratio = self.ratio(signal, account, members)
        weight = self.weights.get(signal, 1.0)
        return [weight * math.log2(1 - r + r * ratio) for r in SHARES]

    def likelihood(self, account, members, family) -> list[float]:
        """Give log2 of the product over the account's slots of a family, at each share."""
        total = [0.0] * len(SHARES)
        theirs = {signal for member in members for signal in self.signals[member]}
        for signal in self.signals[account]:
            if self.families.get(signal[0], signal[0]) != family:
                continue
            shared = self.holders[signal] > 1 and signal in theirs
            one = self.gains(signal, account, members) if shared else [math.log2(1 - r) for r in SHARES]
            total = [t + o for t, o in zip(total, one, strict=True)]
        return total

    def observed(self, account, family) -> bool:
        return any(self.families.get(kind, kind) == family for kind, _ in self.signals[account])

    def shares(self, members, family) -> list[float]:
        """Give the distribution of the shares over the members who have any signal of the family."""
        weights = [1 / len(SHARES)] * len(SHARES)
        rows = [self.likelihood(m, members, family) for m in members if self.observed(m, family)]
        for _ in range(ROUNDS):
            total = [0.5 / len(SHARES)] * len(SHARES)
            for row in rows:
                part = [w * 2.0 ** (x - max(row)) for w, x in zip(weights, row, strict=True)]
                total = [t + p / sum(part) for t, p in zip(total, part, strict=True)]
            weights = [t / (len(rows) + 0.5) for t in total]
        return weights

    def weigh(self, members, needed, most) -> dict[str, float]:
        """Give the bits of members, and of others whose telling signals alone could be enough."""
        weights = {family: self.shares(members, family) for family in self.families_seen}
        found = {}
        for account in [*members, *(a for a in self.accounts if a not in members)]:
            if account not in members and not self.could_be_enough(account, members, needed):
                continue
            bits = 0.0
            for family in self.families_seen:
                if self.observed(account, family):
                    row = self.likelihood(account, members, family)
                    mean = sum(w * 2.0 ** (x - max(row)) for w, x in zip(weights[family], row, strict=True))
                    bits += min(max(row) + math.log2(mean), most)
            found[account] = bits
        return found

    def could_be_enough(self, account, members, needed) -> bool:
        theirs = {signal for member in members for signal in self.signals[member]}
        gains = [self.gains(s, account, members)[-1] for s in self.signals[account] if s in theirs]
        telling = [gain + SLACK for gain in gains if gain >= TELLING]
        return bool(telling) and sum(telling) >= needed


def make(engine, rows, *, least, families=None, hubs=(), weight=0.0):
    """Link rows; give the incidence and the oracle of the same rows."""
    families = families or LOCAL
    options = {"known_hub_weight": weight}
    if hubs:
        kind, value = zip(*hubs, strict=True)
        options["known_hubs"] = pa.table({"kind": kind, "value": value})
    incidence = link_rows(rows, engine, families=families, **options)
    number = number_places(engine, {place for *_, place in rows if place is not None})
    homes = homes_by_hand([(account, place, 1) for account, _, _, place in rows], number)
    local = {kind for kind, family in families.items() if family in strata.LOCAL_FAMILIES}
    counted = hubs if weight == 0.0 else ()
    stratum_of = strata_by_hand(rows, homes, local, number, least=least, hubs=hubs)
    stratum_of = {signal: of for signal, of in stratum_of.items() if signal not in counted}
    return incidence, Oracle(rows, families, stratum_of, dict.fromkeys(hubs, weight))


def assert_weighed_as_by_hand(incidence, oracle, members, needed=2.0, most=30.0):
    graph = incidence.graph
    ids = incidence.accounts["account_id"].to_pylist()
    numbers = np.array([ids.index(member) for member in members], np.int32)
    background, scratch = describe_background(graph), make_scratch(graph)
    accounts, bits = weigh(background, scratch, numbers, needed, most)
    assert [ids[a] for a in accounts[: len(members)]] == list(members)
    found = dict(zip((ids[a] for a in accounts.tolist()), bits.tolist(), strict=True))
    expected = oracle.weigh(members, needed, most)
    assert set(found) == set(expected)
    assert len(accounts) == len(found)
    assert found == pytest.approx(expected, abs=1e-8)
    for left, fresh in zip(scratch, make_scratch(graph), strict=True):
        assert left.tolist() == fresh.tolist()
    return found


@pytest.mark.parametrize("weight", [0.0, 0.4])
@pytest.mark.parametrize("seed", range(4))
def test_members_and_outsiders_have_the_bits_of_the_words(engine, monkeypatch, seed, weight):
    monkeypatch.setattr(strata, "LEAST_SLOTS", 20)
    rows = placed_rows(seed, accounts=40, values=25, rows=500)
    rows += [(f"a{i:03d}", kind, f"ring {i % 3}", "p1") for i in range(8) for kind in ("k0", "k1", "k2")]
    hubs = (("k0", "v0"), ("k1", "v0"), ("k2", "v1"))
    incidence, oracle = make(engine, rows, least=20, hubs=hubs, weight=weight)
    rng = np.random.default_rng(seed)
    others = 0
    for size in (2, 3, 8, 15):
        members = [f"a{i:03d}" for i in range(size)]
        for chosen in (members, rng.choice(oracle.accounts, size, replace=False).tolist()):
            found = assert_weighed_as_by_hand(incidence, oracle, chosen, needed=float(rng.uniform(0, 8)))
            others += len(found) - size
    assert others > 10


NAMES = [f"a{i}" for i in range(9)]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from(["k0", "k1", "k2", "k3"]),
        st.sampled_from([f"v{i}" for i in range(6)]),
        st.sampled_from(["x", "y", None]),
    ),
    min_size=8,
    max_size=70,
)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    rows=ROWS, members=st.sets(st.sampled_from(NAMES), min_size=2), needed=st.floats(-1, 6),
    most=st.floats(0, 40), one_family=st.booleans(),
)  # fmt: skip
def test_any_few_members(engine, monkeypatch, rows, members, needed, most, one_family):
    monkeypatch.setattr(strata, "LEAST_SLOTS", 5)
    families = LOCAL | {"k3": "network"} if one_family else LOCAL
    rows = [*rows, *((account, "k2", "own", None) for account in NAMES)]
    incidence, oracle = make(engine, rows, least=5, families=families)
    assert_weighed_as_by_hand(incidence, oracle, sorted(members), needed, most)


def test_a_kind_that_nobody_shares_speaks_in_its_own_family(engine):
    """Everybody's cards are their own: they say nothing of what members of a cluster have in common."""
    rows = [(f"a{i:02d}", "ip", f"exit {i // 4}", None) for i in range(40)]
    rows += [(f"a{i:02d}", "card", f"card {i}-{j}", None) for i in range(40) for j in range(5)]
    incidence, oracle = make(engine, rows, least=100, families={"ip": "network", "card": "payment"})
    with_cards = assert_weighed_as_by_hand(incidence, oracle, ["a00", "a01", "a02", "a03"])
    rows = [row for row in rows if row[1] == "ip"]
    incidence, oracle = make(engine, rows, least=100, families={"ip": "network"})
    without = assert_weighed_as_by_hand(incidence, oracle, ["a00", "a01", "a02", "a03"])
    for account, bits in without.items():
        assert bits - 0.5 < with_cards[account] <= bits


def test_a_shuffled_copy_with_slots_left_empty_is_weighed_all_the_same(engine):
    """So dense that not every slot finds an account."""
    rows = [(f"a{i}", "k", f"v{v}", None) for i in range(6) for v in range(6) if (i * v) % 5]
    incidence, _ = make(engine, rows, least=100, families={})
    members = np.array([0, 1, 2], np.int32)
    for seed in range(20):
        copy = shuffle(incidence.graph, seed=seed)
        scratch = make_scratch(copy)
        accounts, bits = weigh(describe_background(copy), scratch, members, -100.0, 30.0)
        assert accounts.min() >= 0
        assert len(set(accounts.tolist())) == len(accounts)
        assert np.isfinite(bits).all()


# What the words promise


def ring(size, **more):
    """A ring that shares its own exits and templates, among many accounts that share nothing."""
    rows = [(f"n{i:03d}", kind, f"own {i}-{j}", None) for i in range(300) for kind in ("ip", "card")
            for j in range(3)]  # fmt: skip
    rows += [(f"r{i:02d}", "ip", f"exit {(i + j) % size}", None) for i in range(size) for j in range(3)]
    rows += [(f"r{i:02d}", "card", f"card {i % 2}", None) for i in range(size)]
    return rows + list(more.get("rows", []))


RING_FAMILIES = {"ip": "network", "card": "payment"}


def weigh_ring(engine, rows, size=8, most=100.0):
    incidence, oracle = make(engine, rows, least=100, families=RING_FAMILIES)
    return assert_weighed_as_by_hand(incidence, oracle, [f"r{i:02d}" for i in range(size)], -1e9, most)


def test_a_family_that_members_share_speaks_against_an_account_without_it(engine):
    alike = [("z", "ip", f"exit {j}", None) for j in range(3)]
    unlike = [*alike, ("z", "card", "own card", None)]
    silent = weigh_ring(engine, ring(8, rows=alike))["z"]
    against = weigh_ring(engine, ring(8, rows=unlike))["z"]
    both = weigh_ring(engine, ring(8, rows=[*alike, ("z", "card", "card 0", None)]))["z"]
    assert against < silent - 1.0
    assert both > silent + 3.0


def test_a_family_adds_no_more_than_the_most(engine):
    rows = ring(8, rows=[("z", "ip", f"exit {j}", None) for j in range(8)])
    assert weigh_ring(engine, rows)["z"] > 12.0
    assert weigh_ring(engine, rows, most=12.0)["z"] == 12.0
    assert weigh_ring(engine, rows, most=5.0)["r00"] <= 10.0


def test_a_member_is_not_its_own_evidence(engine):
    rows = ring(8, rows=[("z", "ip", "private", None), ("y", "ip", "private", None)])
    incidence, oracle = make(engine, rows, least=100, families=RING_FAMILIES)
    members = ["r00", "r01", "r02", "z"]
    assert assert_weighed_as_by_hand(incidence, oracle, members)["z"] < 0.0


def test_what_a_town_shares_is_no_evidence_among_neighbours(engine, monkeypatch):
    """The same exit, shared by the same accounts: in a town where everybody has it, and in a rented place."""
    monkeypatch.setattr(strata, "LEAST_SLOTS", 20)
    world = [(f"w{i:04d}", "ip", f"own {i}-{j}", f"p{i % 20}") for i in range(1_500) for j in range(2)]
    town = [(f"t{i:03d}", "ip", f"exit {i % 2}", "town") for i in range(150)]
    rented = [(f"m{i}", "ip", f"server {i % 2}", "rented") for i in range(10)]
    incidence, oracle = make(engine, world + town + rented, least=20, families={"ip": "network"})
    of_town = assert_weighed_as_by_hand(incidence, oracle, ["t000", "t002", "t004", "t006"])
    of_rented = assert_weighed_as_by_hand(incidence, oracle, ["m0", "m2", "m4", "m6"])
    assert of_town["t000"] < 3.0
    assert of_rented["m0"] > of_town["t000"] + 4.0
