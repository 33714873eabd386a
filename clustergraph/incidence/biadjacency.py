"""The bipartite graph as numbers: which account has which shared signals."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from clustergraph.incidence.uses import NO_USES, Uses

if TYPE_CHECKING:
    from clustergraph.incidence.evidence import Cells
    from clustergraph.sightings.nesting import Nests


class Arrays(NamedTuple):
    """The arrays of a :class:`Biadjacency` and of its cells, as compiled code takes them."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    slots: NDArray[np.int32]
    signal_cell: NDArray[np.int32]
    family: NDArray[np.int32]
    rate: NDArray[np.float64]
    weight: NDArray[np.float64]
    window: NDArray[np.int64]
    place: NDArray[np.int64]
    use_start: NDArray[np.int64]
    use_time: NDArray[np.int64]
    level: NDArray[np.int32]
    nest: NDArray[np.int32]


@dataclass(frozen=True)
class Strata:
    """How many signals of each stratum each account has, those that it shares with nobody included.

    Attributes:
        kind: kind of each stratum, each kind in at least one (int32).
        family: number of the kind's family (int32).
        start: the rows of stratum ``i`` are ``start[i]:start[i + 1]`` (int64, strata + 1).
        account: account numbers, rising within a stratum (int32).
        slots: signals that the account has there, above 0 (int32).
        nests: which kinds are nested in each other.
        inner: strata whose slots are among those of another stratum of the kind as well; empty if none are.
    """

    kind: NDArray[np.int32]
    family: NDArray[np.int32]
    start: NDArray[np.int64]
    account: NDArray[np.int32]
    slots: NDArray[np.int32]
    nests: Nests
    inner: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    @property
    def outer(self) -> NDArray[np.intp]:
        """Numbers of the strata that have every slot of each kind, each once."""
        strata = np.arange(len(self.kind))
        return strata[~self.inner] if len(self.inner) else strata

    @property
    def total(self) -> NDArray[np.int64]:
        """Slots of each stratum: its (account, signal) pairs."""
        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.slots, dtype=np.int64)])
        return np.asarray(ends[self.start[1:]] - ends[self.start[:-1]])

    def slots_by_kind(self, accounts: int) -> NDArray[np.int32]:
        """Count the signals of each kind that each account has (accounts x kinds)."""
        counts = np.zeros((accounts, int(self.kind.max(initial=-1)) + 1), np.int32)
        for stratum in self.outer.tolist():  # an account has one row in a stratum
            rows = slice(self.start[stratum], self.start[stratum + 1])
            counts[self.account[rows], self.kind[stratum]] += self.slots[rows]
        return counts


@dataclass(frozen=True)
class Biadjacency:
    """A sparse 0/1 matrix of accounts by shared signals, in rows of rising signal numbers.

    Signals are numbered from the rarest cell to the commonest, so a row begins with what tells most.

    Attributes:
        indptr: row ``a`` is ``indices[indptr[a]:indptr[a + 1]]`` (int64, accounts + 1).
        indices: signal numbers (int32).
        slots: signals of the signal's stratum that the account has; parallel to ``indices`` (int32).
        signal_cell: cell of each signal (int32), never falling.
        signal_degree: accounts that have the signal (int32).
        cells: the cells that the signals are in.
        strata: the strata that the cells are in.
        uses: when signals of kinds with a window were used.
        place: slot of ``uses``; parallel to ``indices``, or empty where no kind has a window (int64).
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    slots: NDArray[np.int32]
    signal_cell: NDArray[np.int32]
    signal_degree: NDArray[np.int32]
    cells: Cells
    strata: Strata
    uses: Uses = NO_USES
    place: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def accounts(self) -> int:
        """Number of accounts, those without a shared signal included."""
        return len(self.indptr) - 1

    @property
    def arrays(self) -> Arrays:
        """Everything that the evidence of pairs is computed from."""
        cells, uses = self.cells, self.uses
        window = uses.window[self.strata.kind[cells.stratum]] if uses else uses.window
        return Arrays(
            self.indptr, self.indices, self.slots, self.signal_cell, cells.family, cells.rate, cells.weight,
            window, self.place, uses.start, _read_only(uses.time),
            self.strata.nests.level[self.strata.kind[cells.stratum]], self.strata.nests.nest,
        )  # fmt: skip

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take (bytes)."""
        strata = self.strata.account.nbytes + self.strata.slots.nbytes
        uses = self.place.nbytes + self.uses.nbytes
        return self.indptr.nbytes + 2 * self.indices.nbytes + 2 * self.signal_cell.nbytes + strata + uses

    @cached_property
    def holders(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The same by signal: the holders of signal ``s`` are ``holders[start[s]:start[s + 1]]``, rising."""
        start = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.signal_degree, dtype=np.int64)])
        return start, _list_holders(self.indptr, self.indices, start)

    def meet(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell whether pairs of entries, of one signal each, are signals that both accounts share."""
        return np.asarray(_meet(self.arrays, one, other))

    def list_holder_slots(self) -> NDArray[np.int32]:
        """Give ``slots`` in the order of the holders of :attr:`holders`."""
        return _list_holder_slots(self.indptr, self.indices, self.slots, self.holders[0])


def rows_from_holders(
    holders: NDArray[np.int32], signal_degree: NDArray[np.int32], signal_stratum: NDArray[np.int32],
    strata: Strata, accounts: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:  # fmt: skip
    """Turn each signal's holders, signal after signal, into the accounts' rows (a transposition).

    Args:
        holders: account numbers, ``signal_degree[0]`` of them for signal 0, then those of signal 1, ...;
            a negative number is an empty slot and left out.
        signal_degree: slots per signal.
        signal_stratum: stratum of each signal.
        strata: how many signals of each stratum each account has.
        accounts: number of accounts.

    Returns:
        ``indptr``, ``indices`` and ``slots`` of a :class:`Biadjacency`.
    """
    holders = _read_only(holders)
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(signal_degree, dtype=np.int64)])
    order = np.argsort(signal_stratum, kind="stable")
    ends = np.searchsorted(signal_stratum[order], np.arange(len(strata.kind) + 1))
    held = np.zeros(len(holders), np.int32)
    _look_up(holders, start, order, ends, strata.start, strata.account, strata.slots, held, accounts)
    present = holders[holders >= 0] if len(holders) and holders.min() < 0 else holders
    indptr = np.zeros(accounts + 1, np.int64)
    np.cumsum(np.bincount(present, minlength=accounts), out=indptr[1:])
    return (indptr, *_transpose(holders, held, signal_degree, indptr))


def find_places(holders: NDArray[np.int32], indptr: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the place among ``holders`` that each entry of the rows of :func:`rows_from_holders` has.

    Args:
        holders: accounts of signal after signal, as they were given there.
        indptr: of the rows.
    """
    return np.asarray(_find_places(_read_only(holders), indptr))


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """View an array as what Arrow gives is, so that nothing is compiled a second time for what it gives."""
    view = array.view()
    view.flags.writeable = False
    return view


@njit(cache=True, nogil=True, error_model="numpy")
def together(g: Arrays, p: int, q: int) -> bool:
    """Whether entries ``p`` and ``q`` of two rows, of one signal, are a signal that both accounts share.

    They are, unless its kind has a window in which no two uses of theirs lie.
    """
    if len(g.place) == 0:
        return True
    window = g.window[g.signal_cell[g.indices[p]]]
    if window < 0:
        return True
    i, j = g.use_start[g.place[p]], g.use_start[g.place[q]]
    i_end, j_end = g.use_start[g.place[p] + 1], g.use_start[g.place[q] + 1]
    while i < i_end and j < j_end:
        ahead = g.use_time[i] - g.use_time[j]
        if abs(ahead) <= window:
            return True
        if ahead < 0:
            i += 1
        else:
            j += 1
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def _meet(g: Arrays, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
    met = np.empty(len(one), np.bool_)
    for i in range(len(one)):
        met[i] = together(g, one[i], other[i])
    return met


@njit(cache=True, nogil=True, error_model="numpy")
def _find_places(holders: NDArray[np.int32], indptr: NDArray[np.int64]) -> NDArray[np.int64]:
    places = np.empty(indptr[-1], np.int64)
    end = indptr[:-1].copy()
    for slot in range(len(holders)):
        account = holders[slot]
        if account >= 0:
            places[end[account]] = slot
            end[account] += 1
    return places


@njit(cache=True, nogil=True, error_model="numpy")
def _look_up(
    holders: NDArray[np.int32],
    start: NDArray[np.int64],
    order: NDArray[np.intp],
    ends: NDArray[np.intp],
    first: NDArray[np.int64],
    account: NDArray[np.int32],
    slots: NDArray[np.int32],
    held: NDArray[np.int32],
    accounts: int,
) -> None:
    """Fill ``held``: how many signals of the signal's stratum each holder has."""
    of_account = np.zeros(accounts, np.int32)
    for stratum in range(len(first) - 1):
        for row in range(first[stratum], first[stratum + 1]):
            of_account[account[row]] = slots[row]
        for i in range(ends[stratum], ends[stratum + 1]):
            for q in range(start[order[i]], start[order[i] + 1]):
                if holders[q] >= 0:
                    held[q] = of_account[holders[q]]


@njit(cache=True, nogil=True, error_model="numpy")
def _transpose(
    holders: NDArray[np.int32],
    held: NDArray[np.int32],
    signal_degree: NDArray[np.int32],
    indptr: NDArray[np.int64],
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    indices = np.empty(indptr[-1], np.int32)
    slots = np.empty(indptr[-1], np.int32)
    end = indptr[:-1].copy()
    slot = 0
    for signal in range(len(signal_degree)):
        for _ in range(signal_degree[signal]):
            account = holders[slot]
            if account >= 0:
                indices[end[account]] = signal
                slots[end[account]] = held[slot]
                end[account] += 1
            slot += 1
    return indices, slots


@njit(cache=True, nogil=True, error_model="numpy")
def _list_holders(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], start: NDArray[np.int64]
) -> NDArray[np.int32]:
    # A copy may hold fewer links than the degrees say: its empty slots are left at -1, at the end.
    holders = np.full(start[-1], -1, np.int32)
    end = start[:-1].copy()
    for a in range(len(indptr) - 1):
        for p in range(indptr[a], indptr[a + 1]):
            s = indices[p]
            holders[end[s]] = a
            end[s] += 1
    return holders


@njit(cache=True, nogil=True, error_model="numpy")
def _list_holder_slots(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], slots: NDArray[np.int32], start: NDArray[np.int64]
) -> NDArray[np.int32]:
    held = np.zeros(start[-1], np.int32)
    end = start[:-1].copy()
    for p in range(indptr[-1]):
        held[end[indices[p]]] = slots[p]
        end[indices[p]] += 1
    return held
