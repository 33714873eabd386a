"""How many ties there are bit by bit, in the data and by chance: what shows whether a threshold is right."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clustergraph.projection.prefix_join import PrefixIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.incidence.biadjacency import Biadjacency

# Steps of one bit: these many below the least bits of a tie, and so many from there on, the last one open.
BELOW, ABOVE = 4, 60
# What lies below the threshold is estimated from so many accounts, or fewer where that is dear.
_ROWS = 2_000
_VISITS = 20_000_000


@dataclass(frozen=True)
class TieCounts:
    """Pairs of accounts by the bits that they share; all arrays are parallel.

    Attributes:
        bits: where each step of one bit begins; the last one is open (float64).
        observed: pairs in the data (float64); an estimate from a sample of accounts below ``tie_bits``.
        chance: pairs that chance gives, on average over shuffled copies (float64).
    """

    bits: NDArray[np.float64]
    observed: NDArray[np.float64]
    chance: NDArray[np.float64]

    def to_dicts(self) -> list[dict[str, float]]:
        """Give a row a step as plain values, for run.json, without empty steps at the end."""
        filled = np.flatnonzero((self.observed > 0) | (self.chance > 0))
        rows = range(int(filled[-1]) + 1 if len(filled) else 0)
        return [
            {name: round(float(getattr(self, name)[row]), 6) for name in ("bits", "observed", "chance")}
            for row in rows
        ]


NO_TIES = TieCounts(np.zeros(0), np.zeros(0), np.zeros(0))


def count_steps(bits: NDArray[np.float64], lowest: float, steps: int = ABOVE) -> NDArray[np.int64]:
    """Count ties of ``lowest`` bits or more in steps of one bit; the last step is open."""
    # Rounding may leave a tie a hair below the threshold that it was kept at.
    step = np.clip(np.floor(bits - lowest), 0, steps - 1).astype(np.int64)
    return np.bincount(step, minlength=steps)


def estimate_below(
    data: Biadjacency, copy: Biadjacency, tie_bits: float, *, seed: int, threads: int = 1
) -> TieCounts:
    """Estimate how many pairs share a little less than a tie takes, in the data and in a shuffled copy.

    Args:
        data: the incidence as numbers.
        copy: the same, shuffled.
        tie_bits: least bits of a tie.
        seed: of the accounts to look at.
        threads: processors to use.
    """
    steps = int(np.clip(np.ceil(tie_bits) - 1, 0, BELOW))
    if not steps:
        return NO_TIES
    lowest = tie_bits - steps
    rows = np.random.default_rng(seed).permutation(data.accounts)[:_ROWS].astype(np.int32)
    with ThreadPoolExecutor(min(threads, 2)) as pool:
        counts = pool.map(lambda graph: _sample(graph, rows, lowest, steps), (data, copy))
    return TieCounts(lowest + np.arange(steps, dtype=np.float64), *counts)


def _sample(graph: Biadjacency, rows: NDArray[np.int32], lowest: float, steps: int) -> NDArray[np.float64]:
    """Scale the ties of some accounts up to those of all; what is of the threshold or more is left out."""
    index = PrefixIndex(graph, lowest)
    affordable = np.cumsum(index.row_visits(rows)) <= _VISITS
    affordable[:1] = True
    rows = rows[affordable]
    found = count_steps(index.join_rows(np.sort(rows), threads=1).bits, lowest, steps + 1)[:steps]
    return np.asarray(found * graph.accounts / (2 * len(rows)))
