"""What becomes of a cluster where nobody has some of its signals.

The world is thought without them: they are in no account's slots and in no cell's chance. The thresholds
stay, and so does everybody outside: nobody joins. Of the cluster's accounts

- ties are reckoned again, and those below ``tie_bits`` are gone (pairs that were not tied stay so);
- parts are what the ties that are left connect, cut where one account alone connects what holds together
  without it, and the holders of a lone unnatural signal, as in :mod:`clustergraph.membership.seeds`;
- then every account goes to the part that it looks most like a member of, if the log-odds reach
  ``member_bits``, as in :mod:`clustergraph.communities.assignment`, and cells of one operation are joined, as
  in :mod:`clustergraph.membership.operations`.

This is what the pipeline does over the input without these signals, but for new thresholds, newcomers, and
Leiden, which may cut what ties still connect. What the same steps leave apart while all signals are there
was joined by something that they do not see (an account of another cluster, say): it counts as joined, to the
part that has most of it.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clustergraph.artefacts.ties import TIE_COLUMNS, read_ties
from clustergraph.communities.assignment import Assigner
from clustergraph.communities.blocks import Cut, find_cuts, thin_out
from clustergraph.communities.grouping import UNCLUSTERED, connected_parts, number_by_first
from clustergraph.communities.pairs import Pairs
from clustergraph.communities.seams import find_seams
from clustergraph.investigation.excerpt import Excerpt, take_excerpt
from clustergraph.membership.seeds import add_seeds
from clustergraph.projection.prefix_join import verify_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from clustergraph.investigation.world import World

Outcome = Literal["whole", "smaller", "split", "dissolved"]
# What has come together has more in common with the rest than its parts had.
_PASSES = 8
_MOST_APART = 1 / 3
# Bits by which rounding may move a tie.
_MARGIN = 1e-6


@dataclass(frozen=True)
class Without:
    """What is left of a cluster without some signals.

    Attributes:
        signals: their numbers, in the order in which they were named.
        parts: accounts of each part that is left, the largest first.
        lost: accounts that are in no part.
        ties: that are left.
    """

    signals: tuple[int, ...]
    parts: tuple[int, ...]
    lost: int
    ties: int

    @property
    def outcome(self) -> Outcome:
        """Say in a word what becomes of it."""
        if not self.parts:
            return "dissolved"
        if len(self.parts) > 1:
            return "split"
        return "smaller" if self.lost else "whole"

    @property
    def broken(self) -> bool:
        """Whether a third of the accounts or more are no longer with the rest: lost, or in other parts."""
        largest = self.parts[0] if self.parts else 0
        accounts = sum(self.parts) + self.lost
        return accounts - largest >= _MOST_APART * accounts


class Standing:
    """A cluster as it stands, with all that is needed to think it without some of its signals."""

    def __init__(
        self, world: World, cluster: int, ties: pa.Table | Future[pa.Table] | None = None,
        threads: int | None = None,
    ) -> None:  # fmt: skip
        """Take cluster ``cluster`` (its rank less 1) out of the world.

        Args:
            world: that has it.
            cluster: its number.
            ties: what :func:`clustergraph.artefacts.ties.read_ties` gives, those inside it at least, where
                they were read before or are being read; None has all ties of the run read.
            threads: processors to use, all if None.
        """
        self.world = world
        self.cluster = cluster
        self.threads = threads or os.cpu_count() or 1
        with ThreadPoolExecutor(1) as pool:
            table = pool.submit(read_ties, world.run) if ties is None else ties
            self.excerpt: Excerpt = take_excerpt(world, world.members(cluster))
            _ = self.excerpt.background  # compiled code is loaded while the ties are read
            table = table.result() if isinstance(table, Future) else table
            self.ties: Pairs = _place_ties(table, world, self.excerpt)
        # Ties that make the same parts and blocks as all, where they were looked for.
        self._telling: NDArray[np.intp] | None = None

    def without(self, signals: Sequence[int]) -> Without:
        """Tell what becomes of the cluster without some signals (their numbers in the world)."""
        excerpt = self.excerpt.without(np.array(signals, np.int32))
        return self._tell(signals, excerpt, self._find_lost(excerpt, threads=self.threads))

    def without_each(self, signals: Sequence[int]) -> list[Without]:
        """Tell what becomes of the cluster without each of some signals."""
        excerpts = [self.excerpt.without(np.array([signal], np.int32)) for signal in signals]
        with ThreadPoolExecutor(self.threads) as pool:
            lost = list(pool.map(self._find_lost, excerpts))
            self._telling = self._choose_telling(lost)
            _ = self._before  # that no two threads reckon it
            alone = [[signal] for signal in signals]
            return list(pool.map(self._tell, alone, excerpts, lost, repeat(self._telling)))

    def find_bridges(self) -> list[Cut]:
        """Find the accounts by which alone the ties hang together; numbers are places in the excerpt."""
        ties = self.ties if self._telling is None else self.ties.take(self._telling)
        return find_cuts(self.excerpt.size, ties.source, ties.target)

    def count_tied(self) -> int:
        """Count the accounts that have any tie inside."""
        tied = np.zeros(self.excerpt.size, bool)
        tied[self.ties.source] = tied[self.ties.target] = True
        return int(tied.sum())

    def _tell(
        self, signals: Sequence[int], excerpt: Excerpt, lost: NDArray[np.intp],
        telling: NDArray[np.intp] | None = None,
    ) -> Without:  # fmt: skip
        labels = self._join_as_before(self._regroup(excerpt, self._cut(lost, telling)))
        size = np.bincount(labels[labels >= 0])
        parts = tuple(sorted((int(one) for one in size), reverse=True))
        return Without(tuple(signals), parts, self.excerpt.size - sum(parts), len(self.ties) - len(lost))

    @cached_property
    def _before(self) -> NDArray[np.int32]:
        """The parts while all signals are there."""
        return self._regroup(self.excerpt, self._cut(np.zeros(0, np.intp), self._telling))

    def _find_lost(self, excerpt: Excerpt, threads: int = 1) -> NDArray[np.intp]:
        """Give the ties that are gone; only those that may have lost enough are reckoned again."""
        ties, needed = self.ties, self.world.tie_bits + _MARGIN
        touched = np.zeros(excerpt.size, bool)
        touched[excerpt.link_account[excerpt.gone[excerpt.link_signal]]] = True
        doubtful = touched[ties.source]
        doubtful &= touched[ties.target]
        near = np.flatnonzero(ties.bits < needed + excerpt.lost_bits * self._most_shared)
        doubtful[near] |= ties.bits[near] - excerpt.lost_bits * ties.shared[near] < needed
        rows = np.flatnonzero(doubtful)
        again = verify_pairs(excerpt.graph, ties.source[rows], ties.target[rows], threads=threads)
        return rows[again.bits < self.world.tie_bits - _MARGIN]

    @cached_property
    def _most_shared(self) -> int:
        """Most signals that any tie shares."""
        return int(self.ties.shared.max(initial=0))

    def _choose_telling(self, lost: Sequence[NDArray[np.intp]]) -> NDArray[np.intp]:
        """Choose ties that make the same parts and blocks as all, whichever of some sets are taken away."""
        ties = self.ties
        at_risk = np.zeros(len(ties), bool)
        for rows in lost:
            at_risk[rows] = True
        safe = np.flatnonzero(~at_risk)
        enough = thin_out(self.excerpt.size, ties.source[safe], ties.target[safe])
        at_risk[safe[enough]] = True
        return np.flatnonzero(at_risk)

    def _cut(self, lost: NDArray[np.intp], telling: NDArray[np.intp] | None = None) -> NDArray[np.int32]:
        """Give the parts that ties connect, cut at seams; -1 for accounts that are in none.

        Args:
            lost: ties that are gone.
            telling: ties that make the same parts and blocks as all, whether ``lost`` are there or not.
        """
        least, accounts = self.world.min_accounts, self.excerpt.size + 1
        left = np.full(len(self.ties), telling is None)
        if telling is not None:
            left[telling] = True
        left[lost] = False
        ties = self.ties.take(np.flatnonzero(left))
        if not len(ties):
            return np.full(accounts, UNCLUSTERED, np.int32)
        labels = np.zeros(accounts, np.int32)
        seams = find_seams(labels, ties, min_accounts=least)
        if len(seams) and telling is not None:
            return self._cut(lost)
        if len(seams):
            ties = ties.take(np.delete(np.arange(len(ties)), seams))
        return connected_parts(labels, ties, min_accounts=least)

    def _regroup(self, excerpt: Excerpt, labels: NDArray[np.int32]) -> NDArray[np.int32]:
        """Group the accounts as the pipeline would, starting from the parts of ties; -1 for none."""
        world = self.world
        labels = self._seed(excerpt, labels)
        assigner = Assigner(
            excerpt.graph, excerpt.background, min_accounts=world.min_accounts, everybody=world.accounts
        )
        found = assigner.assign(labels, member_bits=world.member_bits).labels
        if world.settings.get("second_pass", True) and found.max(initial=-1) > 0:
            found = self._join_cells(excerpt, assigner, found)
        return found[:-1]

    def _seed(self, excerpt: Excerpt, labels: NDArray[np.int32]) -> NDArray[np.int32]:
        """Start parts from lone unnatural signals, those of most accounts first."""
        unnatural = self.world.unnatural[excerpt.signals] & ~excerpt.gone
        signals = np.flatnonzero(unnatural)
        degree = self.world.degree[excerpt.signals[signals]]
        order = signals[np.lexsort((signals, -degree))]
        return add_seeds(excerpt.graph, labels, order, min_accounts=self.world.min_accounts)

    def _join_cells(
        self, excerpt: Excerpt, assigner: Assigner, labels: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        from clustergraph.communities.leiden import Leiden  # igraph takes a while to load
        from clustergraph.membership.operations import find_cells, join_operations

        cells, families = find_cells(labels), self.world.families
        graph = excerpt.whole_graph
        leiden = Leiden(
            self.world.settings.get("engine", "igraph"), self.world.settings.get("objective", "modularity"),
            self.world.settings.get("resolution", 1.0), int(self.world.run.manifest.get("seed", 0)),
        )  # fmt: skip
        for _ in range(_PASSES):
            joined = join_operations(graph, families, labels, leiden, cells)
            if joined.max(initial=-1) == labels.max(initial=-1):
                break
            labels = assigner.assign(joined, member_bits=self.world.member_bits).labels
        return labels

    def _join_as_before(self, labels: NDArray[np.int32]) -> NDArray[np.int32]:
        """Join what these steps leave apart while all signals are there: something unseen holds it."""
        before = self._before
        if not before.any():  # one part, and everybody in it
            return labels
        heirs = set()
        for part in range(int(before.max(initial=-1)) + 1):
            now = labels[(before == part) & (labels >= 0)]
            if len(now):
                heirs.add(int(np.bincount(now).argmax()))
        joined = np.isin(labels, sorted(heirs)) | ((before < 0) & (labels < 0) & bool(heirs))
        return number_by_first(np.where(joined, min(heirs, default=UNCLUSTERED), labels))


def _place_ties(table: pa.Table, world: World, excerpt: Excerpt) -> Pairs:
    """Give the ties between accounts of an excerpt, as places in it."""
    ids = world.account_id.take(pa.array(excerpt.accounts))
    source, target = (_place_coded(table[end], ids) for end in TIE_COLUMNS[:2])
    rows = np.flatnonzero((source >= 0) & (target >= 0))
    bits, shared, families = (table[name].to_numpy()[rows] for name in TIE_COLUMNS[2:])
    return Pairs(source[rows], target[rows], bits, shared.astype(np.int32), families.astype(np.int32))


def _place_coded(column: pa.ChunkedArray, ids: pa.Array) -> NDArray[np.int32]:
    """Give the place of each account of a coded column among ``ids``, -1 where it is not among them."""
    places = [
        pc.fill_null(pc.index_in(one.dictionary, value_set=ids), -1).to_numpy()[one.indices.to_numpy()]
        for one in column.chunks
    ]
    return np.concatenate([np.zeros(0, np.int32), *places])
