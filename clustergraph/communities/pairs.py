"""Pairs of accounts and the evidence of each: the graph that communities are found in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Pairs:
    """Pairs of accounts, sorted by (source, target); all arrays are parallel.

    Attributes:
        source: smaller account number (int32); where rows were asked for, the row.
        target: larger account number (int32); where rows were asked for, the other account.
        bits: evidence (float64).
        shared: signals that both have (int32).
        families: families of signals that add to the evidence (int32).
    """

    source: NDArray[np.int32]
    target: NDArray[np.int32]
    bits: NDArray[np.float64]
    shared: NDArray[np.int32]
    families: NDArray[np.int32]

    def __len__(self) -> int:
        """Give the number of pairs."""
        return len(self.source)

    def take(self, rows: NDArray[np.intp]) -> Pairs:
        """Give some of the pairs, in the order asked for."""
        return Pairs(
            self.source[rows], self.target[rows], self.bits[rows], self.shared[rows], self.families[rows]
        )


def concatenate(parts: Sequence[Pairs]) -> Pairs:
    """Put pairs behind one another."""
    columns = zip(*((p.source, p.target, p.bits, p.shared, p.families) for p in [_NONE, *parts]), strict=True)
    return Pairs(*(np.concatenate(column) for column in columns))


_NONE = Pairs(
    np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0), np.zeros(0, np.int32), np.zeros(0, np.int32)
)
