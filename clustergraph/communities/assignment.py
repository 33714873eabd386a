"""Who belongs to which cluster: from communities of ties to members that each look like the rest.

Communities are a start. Then, round by round, every account goes to the cluster that it is likeliest to be a
member of, if that is likely enough. The log-odds that an account belongs to a cluster of ``n`` of ``N``
accounts are its bits (:mod:`clustergraph.communities.profiles`) less ``log2((N - n) / n)``, since a small
cluster has few of all accounts. In this way a campaign gathers members that no single tie gave away,
pieces of one campaign come together, and accounts leave that share one thing and lack the rest.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clustergraph.communities.grouping import UNCLUSTERED, number_by_first
from clustergraph.communities.profiles import Background, Scratch, make_scratch, weigh

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.incidence.biadjacency import Biadjacency

_ROUNDS = 10
# What one family may add beyond what is needed: alone it can make a member, but not against another family.
FAMILY_MARGIN = 1.0


@dataclass(frozen=True)
class Assigned:
    """Clusters whose members all look like the rest; arrays have a value per account.

    Attributes:
        labels: cluster, numbered in the order of first accounts, -1 for none (int32).
        bits: evidence that the account is of its cluster, 0 for none (float64).
        odds: log2 of the odds that it is, -inf for none (float64).
    """

    labels: NDArray[np.int32]
    bits: NDArray[np.float64]
    odds: NDArray[np.float64]


@dataclass(frozen=True)
class Weighed:
    """One cluster's opinion of who looks like its members.

    Attributes:
        accounts: the members, and others that look like them (int32).
        bits: evidence that each is a member (float64).
        odds: log2 of the odds that it is (float64).
        members: how many of the accounts, from the first, are members.
        key: tells who the members are.
    """

    accounts: NDArray[np.int32]
    bits: NDArray[np.float64]
    odds: NDArray[np.float64]
    members: int
    key: bytes


class Assigner:
    """Assigns accounts to clusters; what was weighed once is remembered from one call to the next."""

    def __init__(
        self,
        graph: Biadjacency,
        background: Background,
        *,
        min_accounts: int,
        threads: int = 1,
        everybody: int | None = None,
    ) -> None:
        """Make room for weighing.

        Args:
            graph: the incidence as numbers.
            background: what :func:`clustergraph.communities.profiles.describe_background` gives for it.
            min_accounts: size that a cluster must have.
            threads: processors to use.
            everybody: accounts of the world, where the graph has a part of them.
        """
        self._background = background
        self._everybody = graph.accounts if everybody is None else everybody
        self._min_accounts = min_accounts
        self._rooms = [make_scratch(graph) for _ in range(threads)]
        self._known: dict[bytes, Weighed] = {}

    def assign(self, labels: NDArray[np.int32], *, member_bits: float) -> Assigned:
        """Assign accounts to the clusters that they are likeliest to be members of.

        Args:
            labels: cluster of each account to start from, -1 for none.
            member_bits: least log2 of the odds that a member belongs.

        Returns:
            New clusters. They depend on no order: in each round all accounts move at once, the earlier
            cluster wins among equals, and in the end those that are not likely enough leave until nobody
            has to.
        """
        labels = labels.copy()
        found: dict[int, Weighed] = {}
        changed = np.unique(labels[labels >= 0])
        for turn in range(_ROUNDS + len(labels) if len(changed) else 0):
            found.update(self._weigh_all(labels, changed, member_bits))
            new = _choose(found, labels, member_bits, stay=turn >= _ROUNDS)
            new = _drop_small(new, self._min_accounts)
            moved = new != labels
            if not moved.any():
                break
            changed = np.unique(np.concatenate([labels[moved], new[moved]]))
            changed = changed[changed >= 0]
            for cluster in changed:
                found.pop(int(cluster), None)
            labels = new
        self._known = {one.key: one for one in found.values()}
        return _collect(found, labels)

    def judge(self, labels: NDArray[np.int32], *, member_bits: float) -> dict[int, Weighed]:
        """Weigh who looks like the members of each cluster, and move nobody.

        Args:
            labels: cluster of each account, -1 for none.
            member_bits: least log2 of the odds at which an account that is no member is looked at.
        """
        return self._weigh_all(labels, np.unique(labels[labels >= 0]), member_bits)

    def _weigh_all(
        self, labels: NDArray[np.int32], clusters: NDArray[np.int32], member_bits: float
    ) -> dict[int, Weighed]:
        """Weigh the accounts of some clusters, a share of them on each thread."""
        order = np.flatnonzero(labels >= 0).astype(np.int32)
        order = order[np.argsort(labels[order], kind="stable")]
        ends = np.searchsorted(labels[order], np.concatenate([clusters, clusters + 1])).reshape(2, -1)
        size = ends[1] - ends[0]
        kept = np.flatnonzero(size >= max(self._min_accounts, 2))
        # Largest first, each to the thread with least to do.
        kept = kept[np.argsort(-size[kept], kind="stable")]
        shares: list[list[int]] = [[] for _ in self._rooms]
        load = [0] * len(self._rooms)
        for i in kept.tolist():
            least = load.index(min(load))
            shares[least].append(i)
            load[least] += int(size[i])

        def work(share: list[int], room: Scratch) -> dict[int, Weighed]:
            return {
                int(clusters[i]): self._weigh(room, order[ends[0][i] : ends[1][i]], member_bits)
                for i in share
            }

        with ThreadPoolExecutor(len(self._rooms)) as pool:
            parts = list(pool.map(work, shares, self._rooms))
        return {cluster: one for part in parts for cluster, one in part.items()}

    def _weigh(self, room: Scratch, members: NDArray[np.int32], member_bits: float) -> Weighed:
        key = hashlib.blake2b(members.tobytes() + np.float64(member_bits).tobytes(), digest_size=16).digest()
        if key in self._known:
            return self._known[key]
        prior = find_prior(self._everybody, len(members))
        needed = prior + member_bits
        accounts, bits = weigh(self._background, room, members, needed, needed + FAMILY_MARGIN)
        return Weighed(accounts, bits, bits - prior, len(members), key)


def find_prior(everybody: int, members: int) -> float:
    """Give log2 of the odds that one of ``everybody`` is no member of a cluster of ``members`` accounts."""
    return float(np.log2(max(everybody - members, 1) / members))


def assign(
    graph: Biadjacency,
    background: Background,
    labels: NDArray[np.int32],
    *,
    member_bits: float,
    min_accounts: int,
    threads: int = 1,
) -> Assigned:
    """Assign accounts once; see :class:`Assigner` for the arguments."""
    assigner = Assigner(graph, background, min_accounts=min_accounts, threads=threads)
    return assigner.assign(labels, member_bits=member_bits)


def _choose(
    found: dict[int, Weighed], labels: NDArray[np.int32], member_bits: float, *, stay: bool
) -> NDArray[np.int32]:
    """Choose the likeliest cluster of each account; with ``stay``, its own or none."""
    best = np.full(len(labels), -np.inf)
    new = np.full(len(labels), UNCLUSTERED, np.int32)
    for cluster in sorted(found):
        one = found[cluster]
        rows = slice(one.members) if stay else slice(None)
        accounts, odds = one.accounts[rows], one.odds[rows]
        better = (odds >= member_bits) & (odds > best[accounts])
        best[accounts[better]] = odds[better]
        new[accounts[better]] = cluster
    return new


def _drop_small(labels: NDArray[np.int32], min_accounts: int) -> NDArray[np.int32]:
    members = np.flatnonzero(labels >= 0)
    size = np.bincount(labels[members]) if len(members) else np.zeros(1, np.int64)
    labels[members[size[labels[members]] < min_accounts]] = UNCLUSTERED
    return labels


def _collect(found: dict[int, Weighed], labels: NDArray[np.int32]) -> Assigned:
    bits = np.zeros(len(labels))
    odds = np.full(len(labels), -np.inf)
    for cluster in np.unique(labels[labels >= 0]).tolist():
        one = found[cluster]
        members = one.accounts[: one.members]
        bits[members], odds[members] = one.bits[: one.members], one.odds[: one.members]
    return Assigned(number_by_first(labels), bits, odds)
