"""A few accounts of the world, with chance reckoned as in all of it, or as if some signals were not there.

Accounts are numbered anew in their old order, signals too. One more account, the last, stands for all
others: it is linked to nothing and has their slots, so that totals are those of the whole world.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from clustergraph.communities.profiles import Background, Scratch, find_aspects, make_scratch
from clustergraph.incidence.biadjacency import Biadjacency, Strata
from clustergraph.incidence.evidence import Cells
from clustergraph.incidence.natural_degrees import EXPECTED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.investigation.world import World


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Some accounts and all signals that they share with anybody, as far as these count.

    Attributes:
        world: that they are of.
        accounts: their numbers there, rising (int32).
        signals: numbers there of their signals, rising (int32).
        link_account: place in ``accounts`` of each link, never falling (int32).
        link_signal: place in ``signals`` of each link, rising within an account (int32).
        link_slots: signals of the signal's stratum that the account has in the world (int32).
        link_place: number of each link among those of the world (int64).
        gone: places in ``signals`` of those that the world is thought without (bool).
    """

    world: World
    accounts: NDArray[np.int32]
    signals: NDArray[np.int32]
    link_account: NDArray[np.int32]
    link_signal: NDArray[np.int32]
    link_slots: NDArray[np.int32]
    link_place: NDArray[np.int64]
    gone: NDArray[np.bool_]

    @property
    def size(self) -> int:
        """Number of accounts, without the one that stands for all others."""
        return len(self.accounts)

    def place(self, accounts: NDArray[np.integer]) -> NDArray[np.int32]:
        """Give the places of accounts by their numbers in the world."""
        return np.searchsorted(self.accounts, accounts).astype(np.int32)

    def without(self, signals: NDArray[np.integer]) -> Excerpt:
        """Give the same accounts in a world in which nobody has some signals (numbers in the world)."""
        return replace(self, gone=self.gone | np.isin(self.signals, signals))

    @cached_property
    def graph(self) -> Biadjacency:
        """The excerpt as a biadjacency, without the slots of strata; chance and degrees are the world's."""
        rows = ~self.gone[self.link_signal]
        indptr = np.zeros(self.size + 2, np.int64)
        indptr[1:] = np.cumsum(np.bincount(self.link_account[rows], minlength=self.size + 1))
        degree = np.where(self.gone, 0, self.world.degree[self.signals]).astype(np.int32)
        cell = self.world.cell[self.signals]
        slots = self._slots[rows]
        uses = self.world.uses
        return Biadjacency(
            indptr, self.link_signal[rows], slots, cell, degree, self._cells, self._no_slots, uses,
            self.link_place[rows] if uses else self.link_place[:0],
        )  # fmt: skip

    @property
    def whole_graph(self) -> Biadjacency:
        """The same with the slots of strata."""
        return replace(self.graph, strata=self._strata)

    @cached_property
    def background(self) -> Background:
        """What everybody has, for weighing who looks like whom."""
        world, graph, lost = self.world, self.graph, self.signals[self.gone]
        start, holders = graph.holders
        kind = world.kind[self.signals]
        kind_slots = world.kind_slots - np.bincount(
            world.kind[lost], world.degree[lost], len(world.kinds)
        ).astype(np.int64)
        unseen = np.where(world.unnatural[self.signals], EXPECTED, 1.0)
        return Background(
            graph.indptr, graph.indices, graph.slots, start, holders, graph.signal_degree,
            world.stratum[self.signals], kind, world.weight[self.signals], unseen,
            self._stratum_slots.astype(np.float64), kind_slots.astype(np.float64), self._account_slots,
            *find_aspects(world.family, world.nests),
        )  # fmt: skip

    @cached_property
    def scratch(self) -> Scratch:
        """Room for weighing."""
        return make_scratch(self.graph)

    @property
    def lost_bits(self) -> float:
        """What a shared signal may count less, at most, since a pair of slots meets it more often (bits)."""
        before = self.world.stratum_slots
        touched = np.flatnonzero(self._stratum_slots != before)
        return float(
            2.0 * np.log2(before[touched] / np.maximum(self._stratum_slots[touched], 1)).max(initial=0.0)
        )

    @cached_property
    def _account_slots(self) -> NDArray[np.int32]:
        """Signals of each kind that each account has; 0 for the account that stands for all others."""
        world = self.world
        slots = np.zeros((self.size + 1, len(world.kinds)), np.int32)
        slots[:-1] = world.account_slots[self.accounts]
        gone = np.flatnonzero(self.gone[self.link_signal])
        kind = world.kind[self.signals[self.link_signal[gone]]]
        np.subtract.at(slots, (self.link_account[gone], kind), 1)
        return slots

    @cached_property
    def _stratum_slots(self) -> NDArray[np.int64]:
        world, lost = self.world, self.signals[self.gone]
        taken = np.bincount(world.stratum[lost], world.degree[lost], len(world.stratum_slots))
        return world.stratum_slots - taken.astype(np.int64)

    @cached_property
    def _slots(self) -> NDArray[np.int32]:
        """Slots of each link, less those of the signals that are gone."""
        gone = np.flatnonzero(self.gone[self.link_signal])
        if not len(gone):
            return self.link_slots
        strata = len(self.world.stratum_slots)
        stratum = self.world.stratum[self.signals]
        touched = np.zeros(strata, bool)
        touched[stratum[self.gone]] = True
        rows = np.flatnonzero(touched[stratum][self.link_signal])
        key = self.link_account[rows].astype(np.int64) * strata + stratum[self.link_signal[rows]]
        keys, inverse = np.unique(key, return_inverse=True)
        taken = np.bincount(inverse, self.gone[self.link_signal[rows]], len(keys)).astype(np.int32)
        slots = self.link_slots.copy()
        slots[rows] -= taken[inverse]
        return slots

    @cached_property
    def _cells(self) -> Cells:
        world, lost = self.world, self.signals[self.gone]
        first = world.cell_first
        stratum = world.stratum[first]
        taken = np.bincount(world.cell[lost], world.pairs[lost], len(first))
        total = np.maximum(self._stratum_slots[stratum], 1).astype(np.float64)
        band = np.floor(np.log2(1 + world.pairs[first] / world.degree[first])).astype(np.int32)
        rate = (world.cell_pairs - taken) / total**2
        return Cells(stratum, world.family_of(first), band, rate, world.weight[first])

    @property
    def _no_slots(self) -> Strata:
        kind, none = self.world.stratum_kind, np.zeros(0, np.int32)
        start = np.zeros(len(kind) + 1, np.int64)
        return Strata(kind, self.world.family[kind], start, none, none, self.world.nests)

    @cached_property
    def _strata(self) -> Strata:
        """Slots by stratum; signals of one account, of unrecorded strata, are in their kind's first."""
        world, size = self.world, self.size + 1
        kind, strata = world.stratum_kind, len(world.stratum_slots)
        live = np.flatnonzero(~self.gone[self.link_signal])
        stratum = world.stratum[self.signals[self.link_signal[live]]].astype(np.int64)
        key, row = np.unique(stratum * size + self.link_account[live], return_index=True)
        slots = self._slots[live][row].astype(np.int64)
        alone = self._account_slots.astype(np.int64)
        np.subtract.at(alone, (key % size, kind[key // size]), slots)
        known, first = np.unique(kind, return_index=True)
        account, place = np.nonzero(alone[:, known] > 0)
        key = np.concatenate([key, first[place] * size + account])
        slots = np.concatenate([slots, alone[account, known[place]]])
        rest = self._stratum_slots - np.bincount(key // size, slots, strata).astype(np.int64)
        keys, inverse = np.unique(
            np.concatenate([key, np.arange(strata) * size + self.size]), return_inverse=True
        )
        total = np.bincount(inverse, np.concatenate([slots, rest]), len(keys)).astype(np.int32)
        start = np.searchsorted(keys, np.arange(strata + 1) * size).astype(np.int64)
        return Strata(kind, world.family[kind], start, (keys % size).astype(np.int32), total, world.nests)


def take_excerpt(world: World, accounts: NDArray[np.integer]) -> Excerpt:
    """Take some accounts (numbers, rising) out of the world."""
    place = np.full(world.accounts, -1, np.int32)
    place[accounts] = np.arange(len(accounts), dtype=np.int32)
    counted = int(world.start[np.searchsorted(world.cell < 0, True)])
    rows = np.flatnonzero(place[world.account[:counted]] >= 0)
    signal = np.searchsorted(world.start, rows, side="right") - 1
    signals, number = np.unique(signal, return_inverse=True)
    account = place[world.account[rows]]
    order = np.argsort(account, kind="stable")
    return Excerpt(
        world, np.asarray(accounts, np.int32), signals.astype(np.int32), account[order],
        number[order].astype(np.int32), world.slots[rows][order], rows[order],
        np.zeros(len(signals), bool),
    )  # fmt: skip
