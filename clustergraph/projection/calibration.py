"""How much evidence is more than chance gives: thresholds found from shuffled copies of the data.

Two thresholds are found. Ties are kept from ``tie_bits`` on, a lenient level at which chance ties
``max_chance_tied`` of the accounts, too few to hang together. An account is a member of a cluster
only where the log2 of the odds that it belongs reaches ``member_bits``: the least level, but not below
``least_member_bits``, at which, on shuffled data and through the whole pipeline, at most
``max_chance_accounts`` of the accounts end in any cluster, as an upper 95% bound.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import gammaincinv

from clustergraph.communities.leiden import Leiden
from clustergraph.projection.chance import LOWEST, STEP, Copies, Null, derive_seed, examine, find_tie_bits
from clustergraph.projection.significance import NO_CHANCE, ChanceStrength, learn_strength
from clustergraph.projection.tie_counts import ABOVE, NO_TIES, TieCounts, estimate_below

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from clustergraph.incidence.biadjacency import Biadjacency

# Levels of member_bits that are tried: from even odds to a million to one.
_LEVELS = tuple(np.arange(0.0, 20.0 + STEP, STEP).tolist())
_LEAST_DRAWS = 20_000
# Clusters of shuffled data that show how strong chance makes them.
_ENOUGH_DECOYS = 50
_MOST_NULLS = 100
# Beyond the numbers from which the copies' seeds are made.
_SEED_BELOW = 3000


@dataclass(frozen=True)
class Thresholds:
    """What was chosen, and the numbers behind the choice.

    Attributes:
        tie_bits: least evidence of a tie.
        member_bits: least log2 of the odds that a member belongs to its cluster.
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


@dataclass(frozen=True)
class Calibration:
    """What the shuffled copies taught.

    Attributes:
        thresholds: of ties and members.
        chance: how strong chance makes clusters.
        below: pairs that share a little less than a tie takes.
        chance_ties: ties that chance gives, in steps of one bit from ``tie_bits`` on (float64).
    """

    thresholds: Thresholds
    chance: ChanceStrength
    below: TieCounts
    chance_ties: NDArray[np.float64]


def calibrate(
    graph: Biadjacency,
    *,
    max_chance_accounts: float = 0.001,
    max_chance_tied: float = 0.05,
    least_member_bits: float = 6.5,
    nulls: int = 4,
    accounts_per_null: int = 25_000,
    tie_bits: float | None = None,
    member_bits: float | None = None,
    min_accounts: int = 3,
    leiden: Leiden = Leiden(),
    seed: int = 0,
    threads: int = 1,
    progress: Callable[[float], None] | None = None,
) -> Calibration:
    """Find the thresholds that keep chance out.

    Args:
        graph: the incidence as numbers.
        max_chance_accounts: share of accounts that may end in any cluster of a shuffled copy.
        max_chance_tied: share of accounts that chance may tie to any other.
        least_member_bits: do not look for ``member_bits`` below this; 6.5 is odds of 90 to 1.
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
        The thresholds, in steps of half a bit, how strong chance makes clusters, and how many ties.
    """
    if graph.accounts == 0 or len(graph.indices) == 0:
        thresholds = Thresholds(tie_bits=tie_bits or LOWEST, member_bits=member_bits or 0.0)
        return Calibration(thresholds, NO_CHANCE, NO_TIES, np.zeros(ABOVE))
    copies = min(max(nulls, -(-_LEAST_DRAWS // graph.accounts)), _MOST_NULLS)
    shuffled = Copies(graph, seed=seed, threads=threads)
    if tie_bits is None:
        tie_bits = find_tie_bits(shuffled, max_chance_tied=max_chance_tied, threads=threads)
    below = estimate_below(graph, shuffled[0], tie_bits, seed=derive_seed(seed, _SEED_BELOW), threads=threads)
    levels = _LEVELS if member_bits is None else tuple(sorted({*_LEVELS, member_bits}))
    look = partial(
        examine,
        shuffled,
        tie_bits=tie_bits,
        levels=levels,
        accounts=accounts_per_null,
        min_accounts=min_accounts,
        leiden=leiden,
    )
    found: list[Null] = []
    with ThreadPoolExecutor(threads) as pool:
        for null in pool.map(look, range(copies)):
            found.append(null)
            if progress:
                progress(len(found) / copies)
    curve = [_chance_at(found, i, level, max_chance_accounts, min_accounts) for i, level in enumerate(levels)]
    if member_bits is None:
        good = (i for i, level in enumerate(levels) if level >= least_member_bits and curve[i]["met"])
        chosen = next(good, len(levels) - 1)
    else:
        chosen = levels.index(member_bits)
    drawn = sum(null.draws for null in found)
    tie_ends = np.sum([null.tie_ends for null in found], axis=0)
    thresholds = Thresholds(
        tie_bits=tie_bits,
        member_bits=levels[chosen],
        nulls=copies,
        accounts_drawn=drawn,
        chance_ties=int(tie_ends.sum()) / drawn,
        chance_accounts=curve[chosen]["chance_accounts"],
        chance_accounts_at_most=curve[chosen]["at_most"],
        curve=tuple(curve[: chosen + 4]),
    )
    strength = _learn_strength(found, chosen, graph.accounts)
    return Calibration(thresholds, strength, below, tie_ends * graph.accounts / (2 * drawn))


def _learn_strength(nulls: list[Null], chosen: int, accounts: int) -> ChanceStrength:
    """Learn how strong chance makes clusters, at the highest level up to the chosen one that has enough."""
    drawn = sum(null.draws for null in nulls)
    for level in range(chosen, -1, -1):
        decoys = [null.found[level] for null in nulls]
        strength = np.concatenate([one.strength for one in decoys])
        if len(strength) >= _ENOUGH_DECOYS or level == 0:
            break
    # A cluster of many accounts is met more often by the accounts drawn: it counts the part of it that was.
    weight = np.concatenate([one.drawn / np.maximum(one.accounts, 1) for one in decoys])
    return learn_strength(strength, weight, drawn / accounts)


def _chance_at(
    nulls: list[Null], number: int, level: float, max_chance_accounts: float, min_accounts: int
) -> dict[str, float]:
    """Measure what chance puts in clusters at one level."""
    sizes = np.concatenate([null.found[number].drawn for null in nulls])
    drawn = sum(null.draws for null in nulls)
    share, bound = bound_share(sizes[sizes > 0], drawn, least=min_accounts)
    # Too few accounts to prove the bound: none at all in any copy is the best that can be asked for.
    met = bound <= max_chance_accounts or share == 0.0
    return {"member_bits": level, "chance_accounts": share, "at_most": bound, "met": met}


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
