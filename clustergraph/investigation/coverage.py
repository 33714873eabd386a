"""Where evidence is missing that a campaign would have: families of signals, and being there together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clustergraph.figures import say_share

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.investigation.excerpt import Excerpt
    from clustergraph.investigation.world import World

_DAY = 86_400_000_000  # microseconds
# Above this share of members with a signal of a family, it would be seen if they shared any.
_MOSTLY = 0.5
_HARDLY = 0.1


@dataclass(frozen=True)
class Coverage:
    """What is observed of a family of signals in a cluster.

    Attributes:
        family: its name.
        kinds: its kinds in this input.
        observed: members with any signal of it.
        sharing: members that share one with another member.
        accounts: members.
        usual: share of all accounts of the input with any signal of it (0..1).
        bits: evidence of the cluster's ties that comes from it.
    """

    family: str
    kinds: tuple[str, ...]
    observed: int
    sharing: int
    accounts: int
    usual: float
    bits: float

    @property
    def missing(self) -> str | None:
        """Say what is missing, if anything is."""
        kinds = " or ".join(self.kinds)
        if self.observed == 0:
            usual = say_share(self.usual)
            return f"no {self.family}: no account has any {kinds}, though {usual} of all accounts have"
        share = self.observed / self.accounts
        if self.sharing < _HARDLY * self.observed:
            words = "nobody shares one" if not self.sharing else f"only {self.sharing:,} share one"
            return f"no shared {self.family}: {say_share(share)} of the accounts have {kinds}, but {words}"
        if share < _MOSTLY * min(self.usual, 1.0):
            said = f"{say_share(share)} of the accounts have {kinds}"
            return f"little {self.family}: {said}, of all accounts {say_share(self.usual)}"
        return None


def cover_families(world: World, excerpt: Excerpt, evidence: pa.Table) -> tuple[Coverage, ...]:
    """Tell what is observed of each family that is observable in the input, the strongest first.

    Args:
        world: of the run.
        excerpt: the cluster's members.
        evidence: the cluster's rows of ``evidence.parquet``.
    """
    bits: dict[str, float] = {}
    for name, amount in zip(evidence["family"].to_pylist(), evidence["bits"].to_pylist(), strict=True):
        bits[name] = bits.get(name, 0.0) + amount
    has = np.asarray(world.account_slots > 0)
    shared = _find_shared(excerpt)
    family = world.family_of(excerpt.signals[excerpt.link_signal])
    found = []
    for number, name in enumerate(world.families):
        kinds = np.flatnonzero(world.family == number)
        everywhere = np.asarray(has[:, kinds].any(axis=1))
        if not everywhere.any():
            continue
        sharing = np.unique(excerpt.link_account[(family == number) & shared[excerpt.link_signal]])
        found.append(
            Coverage(
                name, tuple(world.kinds[kind] for kind in kinds), int(everywhere[excerpt.accounts].sum()),
                len(sharing), excerpt.size, float(everywhere.mean()), bits.get(name, 0.0),
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda one: (-one.bits, one.family)))


def _find_shared(excerpt: Excerpt) -> NDArray[np.bool_]:
    """Tell which signals at least two accounts of an excerpt have."""
    holders = np.bincount(excerpt.link_signal, minlength=len(excerpt.signals))
    return np.asarray(holders > 1)


def measure_together(world: World, excerpt: Excerpt) -> float | None:
    """Give the largest share of members that were all active around one day, None without times.

    A member counts for the days (UTC) from its first to its last sighting.
    """
    table = world.run.read("accounts", ["first_seen", "last_seen"]).take(pa.array(excerpt.accounts))
    table = table.filter(pc.is_valid(table["first_seen"]))
    if not table.num_rows:
        return None
    first, last = (
        pc.cast(table[name], pa.int64()).to_numpy() // _DAY for name in ("first_seen", "last_seen")
    )
    days = np.unique(first)  # the most are there on a day on which somebody comes
    there = np.searchsorted(np.sort(first), days, side="right") - np.searchsorted(np.sort(last), days)
    return float(there.max() / excerpt.size)
