"""What holds a cluster together, with the names of signals and accounts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from clustergraph.investigation.coverage import Coverage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clustergraph.investigation.breaking import Breaking
    from clustergraph.investigation.counterfactual import Outcome, Without

# Signals that a cluster is thought without, where nobody says how many.
SIGNALS = 10
# Where there are no ties, as around a lone signal, the commonest among the members.
STRONGEST_FIRST = [
    ("bits", "descending"), ("accounts", "descending"), ("kind", "ascending"), ("value", "ascending"),
]  # fmt: skip


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

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Removal:
        """Take plain values back."""
        signals = tuple((one["kind"], one["value"]) for one in plain["signals"])
        return cls(**{**plain, "signals": signals, "parts": tuple(plain["parts"])})


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

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return asdict(self) | {"removal": self.removal.to_dict() if self.removal else None}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> BreakingSet:
        """Take plain values back."""
        removal = Removal.from_dict(plain["removal"]) if plain["removal"] else None
        return cls(**{**plain, "removal": removal})


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


@dataclass(frozen=True)
class Holding:
    """What holds a cluster together and what is missing, as far as it has to be reckoned.

    Attributes:
        removals: what becomes of the cluster without each of the strongest signals.
        breaking: the smallest set of signals without which it breaks.
        bridges: accounts by which alone parts of it hang together, those that connect most first.
        bridges_in_all: their number.
        tied: accounts that have any tie inside; the others are members by likeness alone.
        coverage: what is observed of each family of signals.
        together: largest share of members that were all there around one day; None without times.
    """

    removals: tuple[Removal, ...]
    breaking: BreakingSet
    bridges: tuple[Bridge, ...]
    bridges_in_all: int
    tied: int
    coverage: tuple[Coverage, ...]
    together: float | None

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return asdict(self) | {
            "removals": [one.to_dict() for one in self.removals],
            "breaking": self.breaking.to_dict(),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Holding:
        """Take plain values back.

        Raises:
            KeyError, TypeError: something is missing, or too much.
        """
        bridges = (Bridge(**{**one, "parts": tuple(one["parts"])}) for one in plain["bridges"])
        coverage = (Coverage(**{**one, "kinds": tuple(one["kinds"])}) for one in plain["coverage"])
        return cls(
            **{
                **plain,
                "removals": tuple(Removal.from_dict(one) for one in plain["removals"]),
                "breaking": BreakingSet.from_dict(plain["breaking"]),
                "bridges": tuple(bridges),
                "coverage": tuple(coverage),
            }
        )


def name_removal(found: Without, names: Mapping[int, tuple[str, str]]) -> Removal:
    """Put names in the place of signal numbers."""
    signals = tuple(names[one] for one in found.signals)
    return Removal(signals, found.outcome, found.parts, found.lost, found.ties)


def name_breaking(found: Breaking, names: Mapping[int, tuple[str, str]]) -> BreakingSet:
    """Put names in the place of signal numbers."""
    removal = name_removal(found.without, names) if found.without else None
    return BreakingSet(removal, found.exact, found.at_least, found.held_without)
