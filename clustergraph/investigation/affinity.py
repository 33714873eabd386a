"""How much one account looks like the members of a cluster, and by what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clustergraph.communities.assignment import FAMILY_MARGIN, find_prior
from clustergraph.communities.profiles import weigh_one
from clustergraph.investigation.excerpt import take_excerpt

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.investigation.world import World

# Clusters that are weighed exactly, of those that have most in common with an account.
_WEIGHED = 5


@dataclass(frozen=True)
class CommonSignal:
    """A signal that an account has in common with members of a cluster.

    Attributes:
        kind: of the signal.
        value: of the signal.
        family: of the kind.
        members: that have it, the account itself left out.
        accounts_everywhere: all accounts that have it.
        bits: log2 of how much commoner it is among the members than among everybody else.
    """

    kind: str
    value: str
    family: str
    members: int
    accounts_everywhere: int
    bits: float


@dataclass(frozen=True)
class Affinity:
    """How much an account looks like the members of a cluster.

    Attributes:
        cluster_id: of the cluster.
        rank: of the cluster.
        accounts: its members.
        bits: evidence that the account is a member, as in ``members.parquet``.
        needed: bits from which on it is one: the run's ``member_bits``, and log2 of the odds against being
            in a cluster so small.
        families: family -> its part of ``bits``; below 0 where the members share what the account lacks.
        signals: that it has in common with members, the most telling first.
    """

    cluster_id: str
    rank: int
    accounts: int
    bits: float
    needed: float
    families: dict[str, float]
    signals: tuple[CommonSignal, ...]

    @property
    def above(self) -> float:
        """Bits above what is needed; below 0 where they do not reach it."""
        return self.bits - self.needed


def weigh_account(world: World, account: int, cluster: int) -> Affinity:
    """Weigh an account, a member or not, against a cluster.

    Args:
        world: of the run.
        account: its number.
        cluster: its rank less 1.
    """
    members = world.members(cluster)
    excerpt = take_excerpt(world, np.union1d(members, [account]))
    prior = find_prior(world.accounts, len(members))
    needed = prior + world.member_bits
    here = excerpt.place(np.array([account]))[0]
    families, shared, holders, told = weigh_one(
        excerpt.background, excerpt.scratch, excerpt.place(members), here, needed + FAMILY_MARGIN
    )
    order = np.lexsort((shared, -told))
    row = world.run.clusters.slice(cluster, 1).to_pylist()[0]
    observed = _observe(world, account)
    return Affinity(
        cluster_id=row["cluster_id"], rank=row["rank"], accounts=len(members), bits=float(families.sum()),
        needed=needed,
        families={
            name: float(families[number])
            for number, name in enumerate(world.families)
            if observed[number]
        },
        signals=_name_signals(world, excerpt.signals[shared[order]], holders[order], told[order]),
    )  # fmt: skip


def find_nearest(world: World, account: int) -> Affinity | None:
    """Find the cluster, other than its own, that an account looks most like a member of.

    Clusters are compared by how much commoner than usual the account's signals are among their members; the
    few that come out first are weighed exactly.

    Args:
        world: of the run.
        account: its number.

    Returns:
        None where no cluster has a signal of it.
    """
    own = world.label[account]
    # Of each cluster: what signals in no nest add, and then what those of each level add.
    gains: dict[int, NDArray[np.float64]] = {}
    size = np.bincount(world.label[world.label >= 0])
    for signal in world.held(account):
        if world.cell[signal] < 0:
            continue
        label = world.label[world.holders(signal)]
        clusters, holders = np.unique(label[(label >= 0) & (label != own)], return_counts=True)
        gain = world.weight[signal] * np.log2(
            holders / size[clusters] * world.accounts / world.degree[signal]
        )
        level = world.nests.level[world.kind[signal]]
        for cluster, bits in zip(clusters.tolist(), gain.tolist(), strict=True):
            of_cluster = gains.setdefault(cluster, np.zeros(len(world.nests.nest) + 1))
            of_cluster[level + 1] += max(bits, 0.0)
    score = {
        cluster: float(of[0] + of[1:][world.nests.find_strongest(of[1:])].sum())
        for cluster, of in gains.items()
    }
    likeliest = sorted(score, key=lambda cluster: (-score[cluster], cluster))[:_WEIGHED]
    weighed = [weigh_account(world, account, cluster) for cluster in likeliest]
    return max(weighed, key=lambda one: (one.above, -one.rank), default=None)


def _observe(world: World, account: int) -> NDArray[np.bool_]:
    """Tell which families an account has any signal of."""
    kinds = np.flatnonzero(world.account_slots[account] > 0)
    return np.asarray(np.isin(np.arange(len(world.families)), world.family[kinds]))


def _name_signals(
    world: World, signals: NDArray[np.int32], holders: NDArray[np.int32], bits: NDArray[np.float64]
) -> tuple[CommonSignal, ...]:
    family = world.family_of(signals)
    return tuple(
        CommonSignal(
            kind, value, world.families[family[i]], int(holders[i]), int(world.degree[signals[i]]),
            float(bits[i]),
        )
        for i, (kind, value) in enumerate(world.name(signals))
    )  # fmt: skip
