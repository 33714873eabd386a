"""How often chance alone makes a cluster as strong as one that was found.

A cluster's *strength* is the sum, over its members, of the log2 odds that they belong: size and cohesion
in one number. Clusters found in shuffled data are decoys. The number of decoys at least as strong as a
cluster, scaled to the whole input, is the number ``E`` of such clusters that chance gives one run (an
E-value, as sequence searches report it); beyond what was seen, exceedances are exponential (Karlin and
Altschul 1990; Pickands 1975), with the upper 95% bound of their mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaincinv

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TAIL = 0.25
_LEAST_TAIL = 10


@dataclass(frozen=True)
class ChanceStrength:
    """The strengths that chance gives clusters in one run over the whole input.

    Attributes:
        strength: of decoys, falling (float64).
        expected: clusters at least as strong that a run gives by chance (float64).
        edge: strength from which on the tail is exponential.
        at_edge: clusters of that strength and more that a run gives by chance.
        mean_excess: mean of what a strength exceeds ``edge`` by, in bits (upper 95% bound).
    """

    strength: NDArray[np.float64]
    expected: NDArray[np.float64]
    edge: float
    at_edge: float
    mean_excess: float

    def expect(self, strength: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the number of clusters of at least this strength that chance gives a run."""
        # Up to the edge at least what the tail begins with, so that a weaker cluster is never less expected.
        tail = self.at_edge * np.exp(-np.clip((strength - self.edge) / self.mean_excess, 0.0, 700.0))
        seen = np.concatenate([np.zeros(1), self.expected])
        seen = seen[np.searchsorted(-self.strength, -strength, side="right")]
        return np.asarray(np.maximum(tail, seen))


NO_CHANCE = ChanceStrength(np.zeros(0), np.zeros(0), 0.0, 0.0, 1.0)


def learn_strength(strength: NDArray[np.float64], weight: NDArray[np.float64], runs: float) -> ChanceStrength:
    """Learn the strengths that chance gives from decoys.

    Args:
        strength: of each decoy.
        weight: share of it that was looked at, 0 to 1.
        runs: how many times the whole input was looked at.
    """
    kept = np.flatnonzero(weight > 0.0)
    order = kept[np.argsort(-strength[kept], kind="stable")]
    falling, expected = strength[order], np.cumsum(weight[order]) / runs
    tail = min(max(int(np.ceil(_TAIL * len(order))), _LEAST_TAIL), len(order))
    edge = float(falling[tail - 1]) if tail else 0.0
    excess = float((falling[:tail] - edge).sum())
    # At most, with 95%: a sum of exponentials over the quantile of its gamma distribution, and Garwood's
    # bound of a Poisson count. Where there is no decoy at all, that is three in the runs that were looked
    # at.
    mean = max(excess, 1.0) / float(gammaincinv(max(tail - 1, 1), 0.05))
    at_edge = float(gammaincinv(expected[tail - 1] * runs + 1.0 if tail else 1.0, 0.95)) / runs
    return ChanceStrength(falling, expected, edge, at_edge, mean)


def find_p_values(expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the chance of at least one such cluster in a run, where ``expected`` are (Poisson)."""
    return np.asarray(-np.expm1(-expected))


def find_q_values(strength: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the false-discovery rate of the clusters at least as strong as each (targets against decoys).

    The rate among the clusters of a strength and more is the number that chance gives over the number found
    (Storey and Tibshirani 2003, with every target taken for possibly false); a stronger cluster never has a
    higher one.
    """
    if not len(strength):
        return np.zeros(0)
    order = np.argsort(-strength, kind="stable")
    found = np.searchsorted(-strength[order], -strength[order], side="right")
    rate = np.minimum(expected[order] / found, 1.0)
    q_values = np.empty(len(strength))
    q_values[order] = np.minimum.accumulate(rate[::-1])[::-1]
    return q_values
