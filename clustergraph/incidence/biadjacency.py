"""The bipartite graph as numbers: which account has which shared signals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

if TYPE_CHECKING:
    from clustergraph.incidence.evidence import Cells


class Arrays(NamedTuple):
    """The arrays of a :class:`Biadjacency` and of its cells, as compiled code takes them."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    signal_cell: NDArray[np.int32]
    degrees: NDArray[np.int32]
    kind: NDArray[np.int32]
    family: NDArray[np.int32]
    rate: NDArray[np.float64]
    weight: NDArray[np.float64]


@dataclass(frozen=True)
class Biadjacency:
    """A sparse 0/1 matrix of accounts by shared signals, in rows of rising signal numbers.

    Signals are numbered from the rarest cell to the commonest, so a row begins with what tells most.

    Attributes:
        indptr: row ``a`` is ``indices[indptr[a]:indptr[a + 1]]`` (int64, accounts + 1).
        indices: signal numbers (int32).
        degrees: signals of each kind that an account has, unshared ones included (int32, accounts x kinds).
        signal_cell: cell of each signal (int32), never falling.
        signal_degree: accounts that have the signal (int32).
        signal_chance: ``(d - 1) / M``, how many other holders a slot of the kind meets by chance (float64).
        cells: the cells that the signals are in.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    degrees: NDArray[np.int32]
    signal_cell: NDArray[np.int32]
    signal_degree: NDArray[np.int32]
    signal_chance: NDArray[np.float64]
    cells: Cells

    @property
    def accounts(self) -> int:
        """Number of accounts, those without a shared signal included."""
        return len(self.indptr) - 1

    @property
    def arrays(self) -> Arrays:
        """Everything that evidence is computed from."""
        cells = self.cells
        return Arrays(
            self.indptr, self.indices, self.signal_cell, self.degrees,
            cells.kind, cells.family, cells.rate, cells.weight,
        )  # fmt: skip

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take (bytes)."""
        return self.indptr.nbytes + self.indices.nbytes + self.degrees.nbytes + 2 * self.signal_cell.nbytes

    def restrict(self, accounts: NDArray[np.integer]) -> Biadjacency:
        """Keep some accounts, in the order given, and the signals that they have, renumbered.

        Degrees and chances stay those of the whole graph, so evidence stays what it was.
        """
        length = self.indptr[accounts + 1] - self.indptr[accounts]
        indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(length)])
        within = np.arange(indptr[-1]) - np.repeat(indptr[:-1], length)
        kept, indices = np.unique(
            self.indices[np.repeat(self.indptr[accounts], length) + within], return_inverse=True
        )
        return Biadjacency(
            indptr, indices.astype(np.int32), self.degrees[accounts], self.signal_cell[kept],
            self.signal_degree[kept], self.signal_chance[kept], self.cells,
        )  # fmt: skip


def rows_from_holders(
    holders: NDArray[np.int32], signal_degree: NDArray[np.int32], accounts: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Turn each signal's holders, signal after signal, into the accounts' rows (a transposition).

    Args:
        holders: account numbers, ``signal_degree[0]`` of them for signal 0, then those of signal 1, ...;
            a negative number is an empty slot and left out.
        signal_degree: slots per signal.
        accounts: number of accounts.

    Returns:
        ``indptr`` and ``indices`` of a :class:`Biadjacency`.
    """
    present = holders[holders >= 0] if len(holders) and holders.min() < 0 else holders
    indptr = np.zeros(accounts + 1, np.int64)
    np.cumsum(np.bincount(present, minlength=accounts), out=indptr[1:])
    return indptr, _transpose(holders, signal_degree, indptr)


@njit(cache=True, nogil=True, error_model="numpy")
def _transpose(
    holders: NDArray[np.int32], signal_degree: NDArray[np.int32], indptr: NDArray[np.int64]
) -> NDArray[np.int32]:
    indices = np.empty(indptr[-1], np.int32)
    end = indptr[:-1].copy()
    slot = 0
    for signal in range(len(signal_degree)):
        for _ in range(signal_degree[signal]):
            account = holders[slot]
            slot += 1
            if account >= 0:
                indices[end[account]] = signal
                end[account] += 1
    return indices
