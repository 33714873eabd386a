"""How many bits two accounts' shared signals are worth against chance.

Signals are put in *cells*: those of one stratum (a kind, or what a kind has in one place: see
:mod:`clustergraph.incidence.strata`) whose degrees (how many accounts have them) lie in one power of
two. If accounts met their signals by chance, accounts ``a`` and ``b`` with ``k_a`` and ``k_b`` signals
of the stratum would share ``lambda = k_a k_b c`` signals of the cell, where

    c = sum over the cell's signals of d (d - 1) / M^2

with ``d`` a signal's degree and ``M`` the stratum's number of distinct (account, signal) pairs: the
expected number of common neighbours in the bipartite configuration model. Sharing ``x > lambda`` of
them has a Poisson log-likelihood ratio of ``x log2(x / lambda) - (x - lambda) log2 e`` bits. Bits add
over cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOG2_E = 1.4426950408889634
# A tie's families are counted as bits of one word.
MAX_FAMILIES = 64


@dataclass(frozen=True)
class Cells:
    """The cells of an incidence, rarest (least chance of sharing) first; all arrays are parallel.

    Attributes:
        stratum: number of the cell's stratum (int32).
        family: number of the kind's family (int32).
        band: the cell's degrees lie in ``[2**band, 2**(band + 1))`` (int32).
        rate: ``c`` of the module's formula, the chance of one shared signal per pair of slots (float64).
        weight: what a bit of this cell counts, 1 but for known hubs (float64).
    """

    stratum: NDArray[np.int32]
    family: NDArray[np.int32]
    band: NDArray[np.int32]
    rate: NDArray[np.float64]
    weight: NDArray[np.float64]


@njit(cache=True, nogil=True, error_model="numpy")
def poisson_bits(shared: float, expected: float) -> float:
    """Log-likelihood ratio, in bits, of sharing ``shared`` signals where chance gives ``expected``."""
    if shared <= expected:
        return 0.0
    return float(shared * np.log2(shared / expected) - (shared - expected) * LOG2_E)


@njit(cache=True, nogil=True, error_model="numpy")
def bits_at_most(degree: float, rate: float) -> float:
    """Bound on the bits of one shared signal for an account with ``degree`` signals of the stratum.

    An account that shares ``x`` signals has at least ``x`` of them, so ``lambda >= degree * x * rate``
    and the evidence is at most ``x`` times ``-log2 q - (1 - q) log2 e`` with ``q = degree * rate``.
    """
    chance = degree * rate
    if chance >= 1.0:
        return 0.0
    return float(-np.log2(chance) - (1.0 - chance) * LOG2_E)
