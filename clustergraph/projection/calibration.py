"""How much evidence is more than chance gives: thresholds found from shuffled copies of the data.

Two thresholds are found. Ties are kept from ``tie_bits`` on, a lenient level at which chance gives an
account ``max_chance_ties`` ties on average, too few to hang together. An account is a member of a cluster
only with ``member_bits`` of evidence to the rest of it: the least level at which, on shuffled data and
through the whole pipeline, at most ``max_chance_accounts`` of the accounts end in any cluster, as an
upper 95% bound.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import gammaincinv

from clustergraph.communities.leiden import Leiden
from clustergraph.communities.support import require_support
from clustergraph.projection.chance import LOWEST, STEP, Copies, Null, examine, find_tie_bits

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from clustergraph.incidence.biadjacency import Biadjacency

_LEAST_DRAWS = 20_000
_MOST_NULLS = 100


@dataclass(frozen=True)
class Thresholds:
    """What was chosen, and the numbers behind the choice.

    Attributes:
        tie_bits: least evidence of a tie.
        member_bits: least evidence of a member to the rest of its cluster.
        nulls: shuffled copies that were looked at.
        accounts_drawn: accounts that were looked at, over all copies.
        chance_ties: mean number of ties that chance gives an account at ``tie_bits``.
        chance_accounts: share of accounts that chance puts in clusters.
        chance_accounts_at_most: its upper 95% bound.
        curve: ``chance_accounts`` and its bound at each level of ``member_bits`` that was tried.
    """

    tie_bits: float
    member_bits: float
    nulls: int = 0
    accounts_drawn: int = 0
    chance_ties: float = 0.0
    chance_accounts: float = 0.0
    chance_accounts_at_most: float = 0.0
    curve: tuple[dict[str, float], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values, for run.json."""
        return asdict(self)


def calibrate(
    graph: Biadjacency,
    *,
    max_chance_accounts: float = 0.001,
    max_chance_ties: float = 0.1,
    nulls: int = 4,
    accounts_per_null: int = 25_000,
    tie_bits: float | None = None,
    member_bits: float | None = None,
    min_accounts: int = 3,
    leiden: Leiden = Leiden(),  # noqa: B008 (frozen)
    seed: int = 0,
    threads: int = 1,
    progress: Callable[[float], None] | None = None,
) -> Thresholds:
    """Find the thresholds that keep chance out.

    Args:
        graph: the incidence as numbers.
        max_chance_accounts: share of accounts that may end in any cluster of a shuffled copy.
        max_chance_ties: ties that chance may give an account on average.
        nulls: shuffled copies; small inputs get more of them, so that the bound can be reached.
        accounts_per_null: accounts drawn from each copy; what hangs together with them is found whole.
        tie_bits: use this level and do not look for one.
        member_bits: use this level and do not look for one; what chance gives there is measured all the same.
        min_accounts: least size of a cluster.
        leiden: how communities are looked for.
        seed: of shuffling and drawing.
        threads: processors to use.
        progress: told the share of the work that is done.

    Returns:
        The thresholds, in steps of half a bit.
    """
    if graph.accounts == 0 or len(graph.indices) == 0:
        return Thresholds(tie_bits=tie_bits or LOWEST, member_bits=member_bits or LOWEST)
    copies = min(max(nulls, -(-_LEAST_DRAWS // graph.accounts)), _MOST_NULLS)
    shuffled = Copies(graph, seed=seed, threads=threads)
    if tie_bits is None:
        tie_bits = find_tie_bits(shuffled, max_chance_ties=max_chance_ties, threads=threads)
    look = partial(
        examine,
        shuffled,
        tie_bits=tie_bits,
        accounts=accounts_per_null,
        min_accounts=min_accounts,
        leiden=leiden,
    )
    found = []
    with ThreadPoolExecutor(threads) as pool:
        for null in pool.map(look, range(copies)):
            found.append(null)
            if progress:
                progress(len(found) / copies)
    if member_bits is None:
        curve = _find_member_bits(found, tie_bits, max_chance_accounts, min_accounts)
    else:
        curve = [_chance_at(found, member_bits, max_chance_accounts, min_accounts)]
    chosen = min((c for c in curve if c["met"]), key=lambda c: c["member_bits"], default=curve[-1])
    drawn = sum(null.draws for null in found)
    return Thresholds(
        tie_bits=tie_bits,
        member_bits=chosen["member_bits"],
        nulls=copies,
        accounts_drawn=drawn,
        chance_ties=sum(_ties_of(null) for null in found) / drawn,
        chance_accounts=chosen["chance_accounts"],
        chance_accounts_at_most=chosen["at_most"],
        curve=tuple(sorted(curve, key=lambda c: c["member_bits"])),
    )


def _ties_of(null: Null) -> int:
    """Count the tie ends at the accounts drawn."""
    return int(null.drawn[null.ties.source].sum() + null.drawn[null.ties.target].sum())


def _find_member_bits(
    nulls: list[Null], tie_bits: float, max_chance_accounts: float, min_accounts: int
) -> list[dict[str, float]]:
    """Bisect for the least level at which the bound holds; give all levels that were tried."""
    tried = []

    def met(step: int) -> bool:
        tried.append(_chance_at(nulls, step * STEP, max_chance_accounts, min_accounts))
        return bool(tried[-1]["met"])

    low, high = 0, int(np.ceil(tie_bits / STEP))
    while not met(high):
        low, high = high + 1, 2 * high
    while low < high:
        middle = (low + high) // 2
        if met(middle):
            high = middle
        else:
            low = middle + 1
    return tried


def _chance_at(
    nulls: list[Null], member_bits: float, max_chance_accounts: float, min_accounts: int
) -> dict[str, float]:
    sizes = []
    for null in nulls:
        found = require_support(
            null.graph, null.labels, null.ties, min_bits=member_bits, min_accounts=min_accounts
        )
        labels = found.labels[null.drawn]
        counts = np.bincount(labels[labels >= 0])
        sizes.append(counts[counts > 0])
    drawn = sum(null.draws for null in nulls)
    share, bound = bound_share(np.concatenate(sizes), drawn, least=min_accounts)
    # Too few accounts to prove the bound: none at all in any copy is the best that can be asked for.
    met = bound <= max_chance_accounts or share == 0.0
    return {"member_bits": member_bits, "chance_accounts": share, "at_most": bound, "met": met}


def bound_share(sizes: NDArray[np.int64], drawn: int, *, least: int) -> tuple[float, float]:
    """Estimate the share of accounts in clusters, and its upper 95% bound.

    Accounts come in clusters, not alone, so their number varies more than a Poisson count: the bound is
    Garwood's (1936) for a Poisson number of clusters of the size-weighted mean size.

    Args:
        sizes: accounts drawn that each cluster has.
        drawn: accounts drawn in all.
        least: least size of a cluster, which stands in where there is none.

    Returns:
        Share and bound, both in 0..1.
    """
    total = float(sizes.sum())
    clump = max(float((sizes.astype(np.float64) ** 2).sum()) / total, 1.0) if total else float(least)
    bound = clump * float(gammaincinv(total / clump + 1.0, 0.95))
    return total / drawn, min(bound / drawn, 1.0)
