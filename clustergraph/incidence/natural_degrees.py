"""How many accounts have a signal in common where nobody coordinates: the natural degrees of a kind.

Shuffled copies keep all degrees, so they cannot tell that forty accounts on one card are unheard of where
cards have one or two holders. The kind can: its commonest signals, up to a fortieth of its slots, may be
what is looked for, so only their number is taken, not how far out they lie. The tail of the degrees is
taken for a discrete Pareto distribution,

    P(D >= d | D >= u) = (d / u) ** -a,

fitted by maximum likelihood, those signals censored (Clauset, Shalizi, Newman 2009), and made heavier to the
lower 99% bound of ``a``. A Pareto tail is the heaviest in use, so what it does not explain, nothing
natural does.

People carry cards and devices; networks and content they meet. A popular prompt or a carrier's exit may
come into any number of hands overnight, so kinds of the families `network` and `content` have no
unnatural degree. Signals of behaviour say themselves which of them a cluster may start from
(`sightings.reading.Sightings.behaviour`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clustergraph.incidence.strata import LOCAL_FAMILIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.incidence.links import Incidence

_SET_ASIDE = 0.025
_LEAST_SIGNALS = 100
# A drop of the log-likelihood by half the 98% quantile of chi-square: a one-sided 99% bound.
_DROP = 2.706
_STEEPEST = 100.0
# Signals that a kind has by nature, at most, for one of them to be called unnatural.
EXPECTED = 0.01


def find_unnatural_signals(incidence: Incidence) -> NDArray[np.int32]:
    """Find the shared signals that more accounts have than is natural for their kind.

    Returns:
        Signal numbers, those with most holders first, the lower number among equals.
    """
    graph, sightings = incidence.graph, incidence.sightings
    kind = graph.strata.kind[graph.cells.stratum[graph.signal_cell]]
    outer = graph.strata.outer
    slots = np.bincount(graph.strata.kind[outer], graph.strata.total[outer], len(sightings.kinds))
    found = []
    for number, name in enumerate(sightings.kinds):
        local = sightings.families[name] in LOCAL_FAMILIES
        alone = sightings.behaviour.get(name, "none" if local else "unnatural")
        if alone == "none":
            continue
        signals = np.flatnonzero(kind == number)
        if alone == "any":
            found.append(signals)
            continue
        degree = graph.signal_degree[signals]
        bound = find_degree_bound(degree, unshared=int(slots[number] - degree.sum(dtype=np.int64)))
        found.append(signals[degree >= bound])
    signals = np.concatenate([np.zeros(0, np.int64), *found])
    return signals[np.lexsort((signals, -graph.signal_degree[signals]))].astype(np.int32)


def find_degree_bound(degree: NDArray[np.int32], *, unshared: int) -> float:
    """Find the degree from which on a signal is unnatural, inf where too little is known.

    Args:
        degree: accounts that have each shared signal of a kind, 2 at least.
        unshared: signals of the kind that one account has.

    Returns:
        The least degree of which the kind has less than 0.01 signals by nature.
    """
    values, counts = np.unique(np.append(degree, 1), return_counts=True)
    counts[0] = unshared
    slots = np.cumsum((values * counts)[::-1])[::-1]  # of the signals of a degree and more
    common = slots <= _SET_ASIDE * slots[0]
    if not common.any() or common.all():
        return np.inf
    limit, set_aside = float(values[common][0]), int(counts[common].sum())
    values, counts = values[~common], counts[~common]
    at_least = np.cumsum(counts[::-1])[::-1] + set_aside
    enough = np.flatnonzero(at_least >= _LEAST_SIGNALS)
    if not len(enough):
        return np.inf
    first = enough[-1]
    exponent = _fit_exponent(values[first:], counts[first:], limit, set_aside)
    return float(max(values[first] * (at_least[first] / EXPECTED) ** (1.0 / exponent), limit))


def _fit_exponent(
    values: NDArray[np.int64], counts: NDArray[np.int64], limit: float, set_aside: int
) -> float:
    """Give the lower 99% bound of the exponent; ``set_aside`` signals have a degree of ``limit`` or more."""
    from scipy.optimize import brentq, minimize_scalar  # slow to load, and not needed to read a run

    first = float(values[0])

    def log_likelihood(exponent: float) -> float:
        mass = (values / first) ** -exponent - ((values + 1.0) / first) ** -exponent
        seen = float((counts * np.log(np.maximum(mass, 1e-300))).sum())
        return seen - set_aside * exponent * float(np.log(limit / first))

    best = minimize_scalar(lambda a: -log_likelihood(a), bounds=(1e-3, _STEEPEST), method="bounded")
    goal = -float(best.fun) - _DROP
    if log_likelihood(1e-3) >= goal:
        return 1e-3
    return float(brentq(lambda a: log_likelihood(a) - goal, 1e-3, float(best.x)))
