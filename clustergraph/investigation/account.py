"""One account: why it is in its cluster or in none, what cluster is nearest to it, and who is like it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from clustergraph.investigation.affinity import Affinity, find_nearest, weigh_account
from clustergraph.investigation.excerpt import take_excerpt
from clustergraph.investigation.lookup import require_account
from clustergraph.investigation.notebook import account_html
from clustergraph.investigation.world import open_world
from clustergraph.projection.prefix_join import verify_pairs

if TYPE_CHECKING:
    from clustergraph.artefacts.runs import Run
    from clustergraph.investigation.world import World

# Accounts that are compared with one, beginning with those that share its rarest signals.
_COMPARED = 5_000
_ALIKE = 5


@dataclass(frozen=True)
class Alike:
    """An account that shares signals with another.

    Attributes:
        account_id: of the account.
        cluster_id: that it is in, None for none.
        bits: evidence of the pair.
        shared: signals that both have.
        tied: whether the evidence ties them.
    """

    account_id: str
    cluster_id: str | None
    bits: float
    shared: int
    tied: bool


@dataclass(frozen=True)
class AccountExplanation:
    """Why an account is where it is.

    Attributes:
        account_id: of the account.
        exchanges: of the account.
        first_seen: earliest sighting (UTC), None without times.
        last_seen: latest sighting.
        cluster_id: that it is in, None for none.
        rank: of that cluster.
        confidence: how surely it belongs (0..1).
        ties: that it has inside its cluster.
        slots: family -> signals of it that the account has, those of nobody else included.
        own: how much it looks like its own cluster, None for none.
        nearest: the other cluster that it looks most like, None if it shares nothing with any.
        tie_bits: bits from which on two accounts are tied.
        alike: the accounts that share most evidence with it.
        compared: accounts that were looked at for ``alike``.
        sharing: accounts that share any counted signal with it.
    """

    account_id: str
    exchanges: int
    first_seen: datetime | None
    last_seen: datetime | None
    cluster_id: str | None
    rank: int | None
    confidence: float | None
    ties: int | None
    slots: dict[str, int]
    own: Affinity | None
    nearest: Affinity | None
    tie_bits: float
    alike: tuple[Alike, ...]
    compared: int
    sharing: int

    @property
    def verdict(self) -> str:
        """Say in a sentence where it is and why."""
        if self.own is not None:
            place = f"In cluster {self.own.cluster_id} (rank {self.own.rank})"
            return (
                f"{place}: {self.own.bits:,.1f} bits of evidence, {self.own.above:,.1f} above what is needed"
            )
        if not self.sharing:
            return "In no cluster: it shares no signal that counts with any other account"
        if self.nearest is None:
            return "In no cluster: no cluster has a signal that it has"
        near = self.nearest
        if near.above < 0:
            words = f"{-near.above:,.1f} bits below the {near.needed:,.1f} that are needed"
        else:
            words = "enough to be one of it, but not when members were assigned"
        said = f"nearest is {near.cluster_id} (rank {near.rank}), with {near.bits:,.1f} bits"
        return f"In no cluster: {said}, {words}"

    @property
    def lacks(self) -> tuple[str, ...]:
        """Families that speak against the nearest cluster: members share them, and the account does not."""
        if self.nearest is None:
            return ()
        return tuple(name for name, bits in self.nearest.families.items() if bits < 0)

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values; times as ISO 8601 in UTC."""
        plain = asdict(self)
        plain |= {name: time.isoformat() for name, time in plain.items() if isinstance(time, datetime)}
        for name, affinity in (("own", self.own), ("nearest", self.nearest)):
            if affinity is not None:
                plain[name]["above"] = affinity.above
        return plain | {"verdict": self.verdict, "lacks": list(self.lacks)}

    def _repr_html_(self) -> str:
        return account_html(self)


def explain_account(run: Run, account: str) -> AccountExplanation:
    """Explain why an account is in its cluster, or in none, and what is nearest to it.

    Args:
        run: what :func:`clustergraph.run` or :func:`clustergraph.open_run` gives.
        account: its id.

    Raises:
        UsageError: the input has no such account.
    """
    world = open_world(run)
    number = require_account(world, account)
    row = run.accounts.slice(number, 1).to_pylist()[0]
    own, member = None, {"confidence": None, "ties": None}
    if world.label[number] >= 0:
        own = weigh_account(world, number, int(world.label[number]))
        member = run.members.filter(pc.equal(run.members["account_id"], account)).to_pylist()[0]
    alike, compared, sharing = _find_alike(world, number)
    slots: dict[str, int] = {}
    for kind, count in enumerate(row["slots"]):
        family = world.families[world.family[kind]]
        slots[family] = slots.get(family, 0) + count
    return AccountExplanation(
        account_id=account, exchanges=row["exchanges"], first_seen=row["first_seen"],
        last_seen=row["last_seen"], cluster_id=row["cluster_id"], rank=own.rank if own else None,
        confidence=member["confidence"], ties=member["ties"], slots=slots, own=own,
        nearest=find_nearest(world, number), tie_bits=world.tie_bits, alike=alike, compared=compared,
        sharing=sharing,
    )  # fmt: skip


def _find_alike(world: World, account: int) -> tuple[tuple[Alike, ...], int, int]:
    """Find who shares most evidence with an account; tell how many were looked at, and how many there are."""
    near: list[int] = []
    everybody: set[int] = set()
    for signal in world.held(account):  # the rarest first
        if world.cell[signal] < 0:
            continue
        fresh = [one for one in world.holders(signal).tolist() if one != account and one not in everybody]
        everybody.update(fresh)
        near += fresh[: _COMPARED - len(near)]
    if not near:
        return (), 0, 0
    accounts = np.sort(np.array([*near, account], np.int32))
    excerpt = take_excerpt(world, accounts)
    others = excerpt.place(accounts[accounts != account])
    mine = np.full(len(others), excerpt.place(np.array([account]))[0], np.int32)
    pairs = verify_pairs(excerpt.graph, mine, others)
    ids = world.run.clusters["cluster_id"]
    found = []
    for i in np.lexsort((others, -pairs.bits))[:_ALIKE]:
        other = int(accounts[others[i]])
        label = int(world.label[other])
        found.append(
            Alike(
                world.account_id[other].as_py(), ids[label].as_py() if label >= 0 else None,
                float(pairs.bits[i]), int(pairs.shared[i]), bool(pairs.bits[i] >= world.tie_bits - 1e-9),
            )
        )  # fmt: skip
    return tuple(found), len(near), len(everybody)
