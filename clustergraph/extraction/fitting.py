"""Fit points to judged clusters: a logistic regression that stays near the points that there are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from clustergraph.extraction.parts import PARTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

# Standard deviation, in bits, by which points are thought to be off before anything was decided.
DOUBT = 1.0
_LN2 = math.log(2.0)
_DEVIATIONS = 1.959964  # of a 95% interval


class Fitted(NamedTuple):
    """Points by part, in bits, and the bounds of their 95% intervals."""

    points: dict[str, float]
    low: dict[str, float]
    high: dict[str, float]


def fit_points(
    parts: Mapping[str, NDArray[np.float64]], confirmed: NDArray[np.bool_], points: Mapping[str, float]
) -> Fitted:
    """Fit points that tell confirmed clusters from cleared ones.

    Minimised is the logistic loss, both sides weighing as much as half of the clusters, plus the squares of
    what the points move by, over twice the square of ``DOUBT`` (ridge regression towards the points that
    there are). Points stay 0 or more. Intervals are those of a normal distribution with the curvature at the
    minimum (Laplace's method), cut at 0.

    Args:
        parts: name -> mean of each cluster, 0 to 1, NaN where it is not known.
        confirmed: whether each cluster was confirmed; both must occur.
        points: that there are.
    """
    from scipy.optimize import minimize

    start = np.array([points[name] for name in PARTS])
    sign = np.where(confirmed, 1.0, -1.0)
    count = np.where(confirmed, np.count_nonzero(confirmed), np.count_nonzero(~confirmed))
    weight = len(confirmed) / (2.0 * count)
    lean = np.column_stack([2.0 * np.nan_to_num(parts[name], nan=0.5) - 1.0 for name in PARTS]) * _LN2

    def lose(now: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (lean @ now)
        moved = (now - start) / DOUBT
        loss = float(weight @ np.logaddexp(0.0, -margin) + moved @ moved / 2.0)
        slope = -(weight * sign / (1.0 + np.exp(margin))) @ lean
        return loss, slope + moved / DOUBT

    found = minimize(
        lose, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(start),
        options={"ftol": 1e-14, "gtol": 1e-10},
    ).x  # fmt: skip
    odds = 1.0 / (1.0 + np.exp(-(lean @ found)))
    curve = (lean * (weight * odds * (1.0 - odds))[:, None]).T @ lean + np.eye(len(start)) / DOUBT**2
    reach = _DEVIATIONS * np.sqrt(np.diag(np.linalg.inv(curve)))
    low, high = np.maximum(found - reach, 0.0), found + reach
    return Fitted(*(dict(zip(PARTS, one.tolist(), strict=True)) for one in (found, low, high)))


def measure_separation(scores: NDArray[np.float64], confirmed: NDArray[np.bool_]) -> float:
    """Give how often a confirmed cluster has a higher score than a cleared one, ties counting half (AUC)."""
    above, below = scores[confirmed], scores[~confirmed]
    difference = above[:, None] - below[None, :]
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))
