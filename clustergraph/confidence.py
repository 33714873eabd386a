"""How sure a member is: how strong its evidence is, and how often it stays when the evidence is drawn again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clustergraph.communities import Leiden, TieGraph

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from clustergraph.prefix_join import Pairs


def measure_confidence(
    bits: NDArray[np.float64], stability: NDArray[np.float64], member_bits: float
) -> NDArray[np.float64]:
    """Estimate how surely each account belongs to its cluster.

    A bit of evidence doubles the odds that an account belongs, and the level that chance calls for to be a
    member at all is where the odds are about even; what it rests on must also be stable. So the confidence is
    ``stability / (1 + 2 ** (member_bits - bits))``.

    Args:
        bits: evidence of each account to the rest of its cluster, 0 for none.
        stability: what :func:`measure_stability` gives.
        member_bits: least evidence of a member.
    """
    return np.asarray(stability / (1.0 + np.exp2(np.minimum(member_bits - bits, 64.0))))


def measure_stability(
    labels: NDArray[np.int32],
    ties: Pairs,
    leiden: Leiden,
    *,
    samples: int,
    progress: Callable[[float], None] | None = None,
) -> NDArray[np.float64]:
    """Measure how often each member is found with its cluster on perturbed copies of the ties.

    Each copy draws the signals that a tie rests on anew (a Poisson bootstrap: a tie of ``x`` shared
    signals counts ``Poisson(x) / x`` of its bits) and numbers the vertices at random, since a seed alone
    makes results look more stable than they are. A member is with its cluster where it is in the
    community that holds most of the cluster.

    Args:
        labels: cluster of each account, -1 for none.
        ties: that were partitioned.
        leiden: how communities are looked for.
        samples: copies to draw.
        progress: told the share of the work that is done.

    Returns:
        For each account the posterior mean of staying, ``(times + 1) / (samples + 1)`` held to at most
        1, 0 for accounts in no cluster (float64). The base partition counts as one of the samples.
    """
    stays = np.zeros(len(labels), np.float64)
    members = labels >= 0
    if not members.any():
        return stays
    tied = TieGraph(ties)
    for sample in range(samples):
        rng = np.random.default_rng([leiden.seed, sample])
        weights = ties.bits * rng.poisson(ties.shared) / ties.shared
        found = np.full(len(labels), -1, np.int32)
        found[tied.accounts] = tied.partition(
            leiden, weights=weights, order=rng.permutation(len(tied.accounts))
        )
        stays[members] += _stay(labels[members], found[members])
        if progress:
            progress((sample + 1) / samples)
    stays[members] = (stays[members] + 1.0) / (samples + 1.0)
    return stays


def _stay(labels: NDArray[np.int32], found: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Tell for each member whether it is in the community that holds most of its cluster."""
    pairs, inverse, counts = np.unique(
        np.stack([labels, found]), axis=1, return_inverse=True, return_counts=True
    )
    order = np.lexsort((pairs[1], -counts, pairs[0]))
    first = np.unique(pairs[0][order], return_index=True)[1]
    main = np.zeros(pairs.shape[1], bool)
    main[order[first]] = True
    return np.asarray(main[inverse.reshape(-1)])
