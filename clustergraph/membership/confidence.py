"""How sure a member is: how strong its evidence is, and how often it stays when that is drawn again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from clustergraph.communities.leiden import Leiden, partition_graph

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from clustergraph.communities.pairs import Pairs

_TIES_KEPT = 30.0


def measure_confidence(odds: NDArray[np.float64], stability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Estimate how surely each account belongs to its cluster: ``stability / (1 + 2 ** -odds)``.

    Args:
        odds: log2 of the odds that each account belongs, -inf for none.
        stability: what :func:`measure_stability` gives.
    """
    return np.asarray(stability / (1.0 + np.exp2(np.clip(-odds, -64.0, 64.0))))


def measure_stability(
    labels: NDArray[np.int32],
    ties: Pairs,
    leiden: Leiden,
    *,
    samples: int,
    progress: Callable[[float], None] | None = None,
) -> NDArray[np.float64]:
    """Measure how often each member is found with its cluster on perturbed copies of the ties.

    Each copy draws the signals that a tie rests on anew (a Poisson bootstrap: a tie of ``x`` shared signals
    counts ``Poisson(x) / x`` of its bits), keeps about thirty ties of an account that has more, leaves out
    ties that touch no member, and numbers the vertices at random, since a seed alone makes results look more
    stable than they are. A member is with its cluster where most members that are in its community are of its
    cluster. What a copy leaves without a tie stays as often as the rest of its cluster does.

    Args:
        labels: cluster of each account, -1 for none.
        ties: that were partitioned.
        leiden: how communities are looked for.
        samples: copies to draw.
        progress: told the share of the work that is done.

    Returns:
        For each account ``(times it stayed + 1) / (samples + 1)``, since it stays in the partition that the
        copies are made of; 0 for accounts in no cluster (float64).
    """
    stays = np.zeros(len(labels), np.float64)
    members = labels >= 0
    if not members.any():
        return stays
    near = np.flatnonzero(members[ties.source] | members[ties.target])
    ties = ties.take(near)
    for sample in range(samples):
        rng = np.random.default_rng([leiden.seed, sample])
        found = _partition_perturbed(len(labels), ties, replace(leiden, seed=leiden.seed + sample + 1), rng)
        stays[members] += _stay(labels[members], found[members])
        if progress:
            progress((sample + 1) / samples)
    stays[members] = (stays[members] + 1.0) / (samples + 1.0)
    return stays


def _partition_perturbed(
    accounts: int, ties: Pairs, leiden: Leiden, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Partition one perturbed copy; accounts without a tie in it are communities of their own (-1)."""
    degree = np.bincount(ties.source, minlength=accounts) + np.bincount(ties.target, minlength=accounts)
    keep_chance = np.minimum(_TIES_KEPT / np.minimum(degree[ties.source], degree[ties.target]), 1.0)
    weights = ties.bits * rng.poisson(ties.shared) / ties.shared / keep_chance
    kept = np.flatnonzero((rng.random(len(ties)) < keep_chance) & (weights > 0.0))
    source, target = ties.source[kept], ties.target[kept]
    tied = np.unique(np.concatenate([source, target]))
    number = np.empty(accounts, np.int64)
    number[rng.permutation(tied)] = np.arange(len(tied))
    labels = partition_graph(len(tied), number[source], number[target], weights[kept], leiden)
    found = np.full(accounts, -1, np.int32)
    found[tied] = labels[number[tied]]
    return found


def _stay(labels: NDArray[np.int32], found: NDArray[np.int32]) -> NDArray[np.float64]:
    """Tell for each member whether most members of its community are of its cluster, 1 or 0."""
    tied = np.flatnonzero(found >= 0)
    pairs, inverse, counts = np.unique(
        np.stack([found[tied], labels[tied]]), axis=1, return_inverse=True, return_counts=True
    )
    order = np.lexsort((pairs[1], -counts, pairs[0]))
    first = np.unique(pairs[0][order], return_index=True)[1]
    main = np.zeros(pairs.shape[1])
    main[order[first]] = 1.0
    stays = np.zeros(len(labels))
    stays[tied] = main[inverse.reshape(-1)]
    clusters = int(labels.max()) + 1
    tied_in, stays_in = np.bincount(labels[tied], minlength=clusters), np.bincount(labels, stays, clusters)
    alone = np.flatnonzero(found < 0)
    stays[alone] = (stays_in / np.maximum(tied_in, 1))[labels[alone]]
    return stays
