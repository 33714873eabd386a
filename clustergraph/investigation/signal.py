"""One signal: who has it, which clusters it is in, and what sharing it is worth."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from clustergraph.incidence.evidence import poisson_bits
from clustergraph.investigation.notebook import signal_html

if TYPE_CHECKING:
    from clustergraph.artefacts.runs import Run
    from clustergraph.investigation.world import World

_SHOWN = 10


@dataclass(frozen=True)
class ClusterWithSignal:
    """A cluster some of whose members have a signal.

    Attributes:
        cluster_id: of the cluster.
        rank: of the cluster.
        members: that have it.
        accounts: members in all.
        bits: its part of the evidence of the cluster's ties; 0 where one member alone has it.
    """

    cluster_id: str
    rank: int
    members: int
    accounts: int
    bits: float


@dataclass(frozen=True)
class SignalExplanation:
    """What there is to say of a signal that at least two accounts have.

    Attributes:
        kind: of the signal.
        value: of the signal.
        family: of the kind.
        accounts: that have it.
        unclustered: of these, those in no cluster.
        worth: bits of evidence between two accounts that share it and have one signal of its kind (and place)
            each; accounts with more get less.
        weight: what a bit from it counts, 0 for a known hub that counts nothing.
        unnatural: whether more accounts have it than is natural for its kind.
        clusters: that have it, by rank.
        some_unclustered: ids of the first of those in no cluster.
    """

    kind: str
    value: str
    family: str
    accounts: int
    unclustered: int
    worth: float
    weight: float
    unnatural: bool
    clusters: tuple[ClusterWithSignal, ...]
    some_unclustered: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return asdict(self)

    def _repr_html_(self) -> str:
        return signal_html(self)


def explain_signal(world: World, signal: int) -> SignalExplanation:
    """Tell who has a signal.

    Args:
        world: of the run.
        signal: its number.
    """
    run, holders = world.run, world.holders(signal)
    kind, value = world.name(np.array([signal]))[0]
    label = world.label[holders]
    free = holders[label < 0]
    worth = 0.0
    if world.cell[signal] >= 0:
        chance = float(run.read("signals", ["chance"])["chance"][signal].as_py())
        worth = float(world.weight[signal]) * poisson_bits(1.0, chance)
    return SignalExplanation(
        kind=kind, value=value, family=world.families[world.family[world.kind[signal]]],
        accounts=len(holders), unclustered=len(free), worth=worth, weight=float(world.weight[signal]),
        unnatural=bool(world.unnatural[signal]),
        clusters=_list_clusters(run, kind, value, label[label >= 0]),
        some_unclustered=tuple(world.account_id[one].as_py() for one in free[:_SHOWN].tolist()),
    )  # fmt: skip


def _list_clusters(run: Run, kind: str, value: str, label: Any) -> tuple[ClusterWithSignal, ...]:
    clusters, members = np.unique(label, return_counts=True)
    evidence = run.evidence.filter(
        pc.and_(
            pc.equal(run.evidence["kind"], kind),
            pc.equal(run.evidence["value"], value),
        )
    )
    bits = dict(zip(evidence["cluster_id"].to_pylist(), evidence["bits"].to_pylist(), strict=True))
    rows = run.clusters.select(["cluster_id", "rank", "accounts"]).take(clusters).to_pylist()
    return tuple(
        ClusterWithSignal(
            row["cluster_id"], row["rank"], int(count), row["accounts"], bits.get(row["cluster_id"], 0.0)
        )
        for row, count in zip(rows, members, strict=True)
    )
