"""What chance gives: ties and communities in shuffled copies of the data, found for accounts drawn there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from clustergraph.communities.leiden import Leiden, find_communities
from clustergraph.communities.pairs import Pairs, concatenate
from clustergraph.projection.nulls import shuffle
from clustergraph.projection.prefix_join import PrefixIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.incidence.biadjacency import Biadjacency

STEP = 0.5
LOWEST = 2.0
_FEW_ROWS = 5_000
_FEW_COPIES = 2


@dataclass(frozen=True)
class Null:
    """The part of a shuffled copy that hangs together with the accounts drawn from it.

    Attributes:
        graph: the tied accounts alone, renumbered.
        ties: among them.
        labels: their communities.
        drawn: which of them were drawn.
        draws: accounts drawn, tied or not.
    """

    graph: Biadjacency
    ties: Pairs
    labels: NDArray[np.int32]
    drawn: NDArray[np.bool_]
    draws: int


class Copies:
    """Shuffled copies of a graph by number; the first few are kept, since two steps look at them."""

    def __init__(self, graph: Biadjacency, *, seed: int, threads: int = 1) -> None:
        """Shuffle the first copies of ``graph``."""
        self.graph, self.seed = graph, seed
        with ThreadPoolExecutor(threads) as pool:
            self._first = list(pool.map(self._shuffle, range(_FEW_COPIES)))

    def __getitem__(self, number: int) -> Biadjacency:
        """Give copy ``number``, shuffled anew if it was not kept."""
        return self._first[number] if number < _FEW_COPIES else self._shuffle(number)

    def _shuffle(self, number: int) -> Biadjacency:
        return shuffle(self.graph, seed=derive_seed(self.seed, number))


def derive_seed(seed: int, number: int) -> int:
    """Make a seed of its own for each number."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def find_tie_bits(copies: Copies, *, max_chance_ties: float, threads: int = 1) -> float:
    """Find the least level, in bits, at which chance gives an account at most ``max_chance_ties`` ties."""
    accounts = copies.graph.accounts
    if len(copies.graph.indices) == 0:
        return LOWEST

    def join_few(number: int) -> NDArray[np.float64]:
        rows = _draw(accounts, _FEW_ROWS, derive_seed(copies.seed, 1000 + number))
        return PrefixIndex(copies[number], level).join_rows(rows, threads=1).bits

    level = float(np.floor(np.log2(accounts)) + 4.0)
    allowed = int(max_chance_ties * min(accounts, _FEW_ROWS) * _FEW_COPIES)
    with ThreadPoolExecutor(threads) as pool:
        found = np.sort(np.concatenate(list(pool.map(join_few, range(_FEW_COPIES)))))
        while len(found) <= allowed and level > LOWEST:
            level = max(level - 2.0, LOWEST)
            found = np.sort(np.concatenate(list(pool.map(join_few, range(_FEW_COPIES)))))
    if len(found) > allowed:
        level = float(np.floor(found[len(found) - allowed - 1] / STEP) * STEP + STEP)
    return level


def examine(
    copies: Copies, number: int, *, tie_bits: float, accounts: int, min_accounts: int, leiden: Leiden,
) -> Null:  # fmt: skip
    """Shuffle, draw accounts, find all ties of what hangs together with them, and its communities."""
    copy = copies[number]
    drawn = _draw(copy.accounts, accounts, derive_seed(copies.seed, 2000 + number))
    ties = _closure(PrefixIndex(copy, tie_bits), drawn)
    tied = np.unique(np.concatenate([ties.source, ties.target]))
    ties = replace(
        ties,
        source=np.searchsorted(tied, ties.source).astype(np.int32),
        target=np.searchsorted(tied, ties.target).astype(np.int32),
    )
    labels = find_communities(len(tied), ties, leiden, min_accounts=min_accounts)
    return Null(copy.restrict(tied), ties, labels, np.isin(tied, drawn), len(drawn))


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
