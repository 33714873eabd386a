"""Two accounts: every signal that they share, and whether that ties them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clustergraph.errors import UsageError
from clustergraph.incidence.evidence import poisson_bits
from clustergraph.investigation.excerpt import Excerpt, take_excerpt
from clustergraph.investigation.lookup import require_account
from clustergraph.investigation.notebook import pair_html
from clustergraph.investigation.world import open_world

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.artefacts.runs import Run
    from clustergraph.investigation.world import World


@dataclass(frozen=True)
class PairSignal:
    """A signal that two accounts share.

    Attributes:
        kind: of the signal.
        value: of the signal.
        family: of the kind.
        accounts_everywhere: all accounts that have it.
        expected: signals of its cell that the two would share by chance; None where it counts nothing.
        cell_shared: signals of its cell that they share.
        bits: its equal part of the evidence of its cell; 0 where another level of its nest counts.
    """

    kind: str
    value: str
    family: str
    accounts_everywhere: int
    expected: float | None
    cell_shared: int
    bits: float


@dataclass(frozen=True)
class PairExplanation:
    """What two accounts have in common.

    Attributes:
        account_ids: of both.
        cluster_ids: of both, None for no cluster.
        bits: evidence against chance.
        tie_bits: bits from which on two accounts are tied.
        tied: whether they are.
        signals: all that they share, the strongest first; known hubs that count nothing have 0 bits, and are
            shared by whole episodes where their kind has a window.
    """

    account_ids: tuple[str, str]
    cluster_ids: tuple[str | None, str | None]
    bits: float
    tie_bits: float
    tied: bool
    signals: tuple[PairSignal, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return asdict(self)

    def _repr_html_(self) -> str:
        return pair_html(self)


def explain_pair(run: Run, a: str, b: str) -> PairExplanation:
    """Explain what two accounts share, and whether it ties them.

    Args:
        run: what :func:`clustergraph.run` or :func:`clustergraph.open_run` gives.
        a: id of an account.
        b: id of another.

    Raises:
        UsageError: the input has no such account, or both are one.
    """
    world = open_world(run)
    numbers = [require_account(world, one) for one in (a, b)]
    if numbers[0] == numbers[1]:
        raise UsageError("--pair needs two different accounts")
    excerpt = take_excerpt(world, np.sort(np.array(numbers, np.int32)))
    signals = _weigh_signals(world, excerpt) + _list_uncounted(world, numbers)
    bits = float(sum(one.bits for one in signals))
    ids = run.clusters["cluster_id"]
    labels = [int(world.label[one]) for one in numbers]
    first, second = (ids[label].as_py() if label >= 0 else None for label in labels)
    signals.sort(key=lambda one: (-one.bits, one.accounts_everywhere, one.kind, one.value))
    tied = bool(bits >= world.tie_bits - 1e-9)
    return PairExplanation((a, b), (first, second), bits, world.tie_bits, tied, tuple(signals))


def _weigh_signals(world: World, excerpt: Excerpt) -> list[PairSignal]:
    """Reckon each cell's evidence and share it out over its signals."""
    graph = excerpt.graph
    (first, second, end) = graph.indptr[:3]
    shared, mine, theirs = np.intersect1d(
        graph.indices[first:second], graph.indices[second:end], assume_unique=True, return_indices=True
    )
    met = graph.meet(first + mine, second + theirs)
    shared, mine, theirs = shared[met], mine[met], theirs[met]
    chance = graph.slots[first:second][mine].astype(float) * graph.slots[second:end][theirs]
    cell = graph.signal_cell[shared]
    expected = graph.cells.rate[cell] * chance
    names, family = world.name(excerpt.signals[shared]), world.family_of(excerpt.signals[shared])
    count_of, part = np.zeros(len(shared), np.int64), np.zeros(len(shared))
    for i in range(len(shared)):
        count_of[i] = (cell == cell[i]).sum()
        part[i] = graph.cells.weight[cell[i]] * poisson_bits(count_of[i], expected[i]) / count_of[i]
    part[~_find_counting(world, excerpt.signals[shared], part)] = 0.0
    found = []
    for i, (kind, value) in enumerate(names):
        count, bits = int(count_of[i]), float(part[i])
        degree = int(world.degree[excerpt.signals[shared[i]]])
        found.append(
            PairSignal(kind, value, world.families[family[i]], degree, float(expected[i]), count, bits)
        )
    return found


def _find_counting(world: World, signals: NDArray[np.int32], bits: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which signals are of no nest, or of the level that counts."""
    level = world.nests.level[world.kind[signals]]
    nested = level >= 0
    of_level = np.bincount(level[nested], bits[nested], len(world.nests.nest)).astype(np.float64)
    counts = ~nested
    counts[nested] = world.nests.find_strongest(of_level)[level[nested]]
    return counts


def _list_uncounted(world: World, accounts: list[int]) -> list[PairSignal]:
    """List the signals that both have and that count nothing."""
    first, second = (world.held(one) for one in accounts)
    both: NDArray[np.int32] = np.intersect1d(first, second)
    both = both[world.cell[both] < 0]
    family = world.family_of(both)
    return [
        PairSignal(kind, value, world.families[family[i]], int(world.degree[both[i]]), None, 0, 0.0)
        for i, (kind, value) in enumerate(world.name(both))
    ]
