"""What holds a cluster together, with the names of signals and accounts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clustergraph.investigation.breaking import Breaking
    from clustergraph.investigation.counterfactual import Outcome, Without


@dataclass(frozen=True)
class Removal:
    """What becomes of a cluster without some signals; :mod:`.counterfactual` says what that means exactly.

    Attributes:
        signals: kind and value of each.
        outcome: ``whole``, ``smaller`` (it loses accounts), ``split`` or ``dissolved``.
        parts: accounts of each part that is left, the largest first.
        lost: accounts that are in no part.
        ties: that are left inside the cluster.
    """

    signals: tuple[tuple[str, str], ...]
    outcome: Outcome
    parts: tuple[int, ...]
    lost: int
    ties: int

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return asdict(self) | {"signals": [{"kind": kind, "value": value} for kind, value in self.signals]}


@dataclass(frozen=True)
class BreakingSet:
    """The smallest set of signals without which a third of the accounts or more are lost or apart.

    Attributes:
        removal: what becomes of the cluster without the set; None if none was found.
        exact: whether there is no smaller set; if not, the set is an upper bound.
        at_least: signals that a set has at least, as far as was tried.
        held_without: how many signals from the strongest on the cluster holds without, all of them together.
    """

    removal: Removal | None
    exact: bool
    at_least: int
    held_without: int


@dataclass(frozen=True)
class Bridge:
    """An account by which alone ties connect parts of the cluster.

    Attributes:
        account_id: of the account.
        parts: accounts of each part that its ties are left with, the largest first.
        apart: accounts that it alone connects to the largest part.
    """

    account_id: str
    parts: tuple[int, ...]
    apart: int


def name_removal(found: Without, names: Mapping[int, tuple[str, str]]) -> Removal:
    """Put names in the place of signal numbers."""
    signals = tuple(names[one] for one in found.signals)
    return Removal(signals, found.outcome, found.parts, found.lost, found.ties)


def name_breaking(found: Breaking, names: Mapping[int, tuple[str, str]]) -> BreakingSet:
    """Put names in the place of signal numbers."""
    removal = name_removal(found.without, names) if found.without else None
    return BreakingSet(removal, found.exact, found.at_least, found.held_without)
