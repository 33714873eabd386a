"""What chance gives: ties and clusters in shuffled copies of the data, found for accounts drawn there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clustergraph.communities.assignment import Assigned, Assigner
from clustergraph.communities.detection import find_communities
from clustergraph.communities.pairs import Pairs, concatenate
from clustergraph.communities.profiles import describe_background
from clustergraph.projection.nulls import shuffle
from clustergraph.projection.prefix_join import PrefixIndex
from clustergraph.projection.tie_counts import count_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from clustergraph.communities.leiden import Leiden
    from clustergraph.incidence.biadjacency import Biadjacency

STEP = 0.5
TIE_STEP = 0.1
LOWEST = 2.0
_FEW_ROWS = 5_000
_FEW_COPIES = 2


@dataclass(frozen=True)
class Decoys:
    """Clusters of shuffled data; all arrays are parallel.

    Attributes:
        accounts: members (int64).
        drawn: how many of them were drawn (int64).
        strength: sum of the log2 odds of all members (float64).
    """

    accounts: NDArray[np.int64]
    drawn: NDArray[np.int64]
    strength: NDArray[np.float64]


@dataclass(frozen=True)
class Null:
    """What chance gave the accounts drawn from one shuffled copy.

    Attributes:
        found: the clusters at each level of ``member_bits``.
        tie_ends: ties of the accounts drawn, in steps of one bit (int64); one among them counts twice.
        draws: accounts drawn, tied or not.
    """

    found: tuple[Decoys, ...]
    tie_ends: NDArray[np.int64]
    draws: int


class Copies:
    """Shuffled copies of a graph by number; the first few are kept, since two steps look at them."""

    def __init__(self, graph: Biadjacency, *, seed: int, threads: int = 1) -> None:
        """Shuffle the first copies of ``graph``."""
        self.graph, self.seed = graph, seed
        self.account_slots = graph.strata.slots_by_kind(graph.accounts)
        with ThreadPoolExecutor(threads) as pool:
            self._first = dict(enumerate(pool.map(self._shuffle, range(_FEW_COPIES))))

    def __getitem__(self, number: int) -> Biadjacency:
        """Give copy ``number``, shuffled anew if it was not kept."""
        return self._first[number] if number in self._first else self._shuffle(number)

    def take(self, number: int) -> Biadjacency:
        """Give copy ``number`` for the last time: what was kept of it is forgotten."""
        return self._first.pop(number) if number in self._first else self._shuffle(number)

    def _shuffle(self, number: int) -> Biadjacency:
        return shuffle(self.graph, seed=derive_seed(self.seed, number))


def derive_seed(seed: int, number: int) -> int:
    """Make a seed of its own for each number."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def find_tie_bits(copies: Copies, *, max_chance_tied: float, threads: int = 1) -> float:
    """Find the least level, in bits, at which chance ties at most ``max_chance_tied`` of the accounts.

    Accounts are counted, not ties: a few loud ones with many ties must not move the level.
    """
    accounts = copies.graph.accounts
    if len(copies.graph.indices) == 0:
        return LOWEST

    def join_few(number: int) -> NDArray[np.float64]:
        rows = _draw(accounts, _FEW_ROWS, derive_seed(copies.seed, 1000 + number))
        return _find_best(PrefixIndex(copies[number], level).join_rows(rows, threads=1))

    level = float(np.floor(np.log2(accounts)) + 4.0)
    allowed = int(max_chance_tied * min(accounts, _FEW_ROWS) * _FEW_COPIES)
    with ThreadPoolExecutor(threads) as pool:
        found = np.sort(np.concatenate(list(pool.map(join_few, range(_FEW_COPIES)))))
        while len(found) <= allowed and level > LOWEST:
            level = max(level - 2.0, LOWEST)
            found = np.sort(np.concatenate(list(pool.map(join_few, range(_FEW_COPIES)))))
    if len(found) > allowed:
        level = float(np.floor(found[len(found) - allowed - 1] / TIE_STEP + 1.0) * TIE_STEP)
    return level


def _find_best(pairs: Pairs) -> NDArray[np.float64]:
    """Give the bits of the strongest tie of each source that has any."""
    first = np.unique(pairs.source, return_index=True)[1]
    return np.maximum.reduceat(pairs.bits, first) if len(first) else np.zeros(0)


def examine(
    copies: Copies, number: int, *, tie_bits: float, levels: Sequence[float], accounts: int,
    min_accounts: int, leiden: Leiden,
) -> Null:  # fmt: skip
    """Shuffle, draw accounts, find all ties of what hangs together with them, and its clusters at each level.

    Args:
        copies: of the data.
        number: of the copy.
        tie_bits: least bits of a tie.
        levels: of ``member_bits``, rising. Each starts from the clusters of the one before, so that what is
            left at a level is at least what a start from communities would leave.
        accounts: to draw.
        min_accounts: least size of a cluster.
        leiden: how communities are looked for.
    """
    copy = copies.take(number)
    drawn = _draw(copy.accounts, accounts, derive_seed(copies.seed, 2000 + number))
    ties = _closure(PrefixIndex(copy, tie_bits), drawn)
    labels = find_communities(copy.accounts, ties, leiden, min_accounts=min_accounts)
    background = describe_background(copy, copies.account_slots)
    assigner = Assigner(copy, background, min_accounts=min_accounts)
    is_drawn = np.zeros(copy.accounts, bool)
    is_drawn[drawn] = True
    found = []
    for level in levels:
        assigned = assigner.assign(labels, member_bits=level)
        labels = assigned.labels
        found.append(_describe(assigned, is_drawn))
    ends = np.concatenate([ties.bits[is_drawn[end]] for end in (ties.source, ties.target)])
    return Null(tuple(found), count_steps(ends, tie_bits), len(drawn))


def _describe(assigned: Assigned, is_drawn: NDArray[np.bool_]) -> Decoys:
    members = np.flatnonzero(assigned.labels >= 0)
    labels = assigned.labels[members]
    return Decoys(
        accounts=np.bincount(labels),
        drawn=np.bincount(labels, is_drawn[members]).astype(np.int64),
        strength=np.bincount(labels, assigned.odds[members]).astype(np.float64),
    )


def _closure(index: PrefixIndex, rows: NDArray[np.int32]) -> Pairs:
    """Find all ties of the connected components that ``rows`` lie in."""
    if len(rows) == index.graph.accounts:
        return index.join(threads=1)
    known = np.zeros(index.graph.accounts, bool)
    parts: list[Pairs] = []
    while len(rows):
        known[rows] = True
        parts.append(index.join_rows(rows, threads=1))
        reached = np.unique(parts[-1].target)
        rows = reached[~known[reached]]
    pairs = concatenate(parts)
    # Both ends of a tie were rows: keep it once.
    pairs = pairs.take(np.flatnonzero(pairs.source < pairs.target))
    return pairs.take(np.lexsort((pairs.target, pairs.source)))


def _draw(accounts: int, count: int, seed: int) -> NDArray[np.int32]:
    if count >= accounts:
        return np.arange(accounts, dtype=np.int32)
    chosen = np.random.default_rng(seed).choice(accounts, count, replace=False)
    return np.sort(chosen).astype(np.int32)
