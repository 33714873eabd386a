"""How far a cluster may move away from what was cleared."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clustergraph.incidence.observed import strip_episode

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


@dataclass(frozen=True)
class Bounds:
    """What a clearance allows.

    Attributes:
        newcomers: share of the members that may have come since.
        growth: exchanges a day, as a multiple of those of the accounts that were cleared.
        new_signals: share of the bits that may be from signals that were not shared then.
    """

    newcomers: float
    growth: float
    new_signals: float


def find_changes(
    accounts: int, cleared: int, daily: float, daily_then: float, evidence: Sequence[Mapping[str, Any]],
    shared: Collection[tuple[str, str]], bounds: Bounds,
) -> list[str]:  # fmt: skip
    """Say what has changed beyond the bounds, in words that give figure and bound.

    Args:
        accounts: members tonight.
        cleared: of them, those that were cleared.
        daily: exchanges a day of all members.
        daily_then: of those that were cleared, as they had them then.
        evidence: ``kind``, ``value`` and ``bits`` of the signals that at least two members share.
        shared: kind and value of the signals that at least two members shared then.
        bounds: of all three.
    """
    found = list[str]()
    new = accounts - cleared
    if new > bounds.newcomers * accounts:
        found.append(f"{new:,} of {accounts:,} members came since; bound {bounds.newcomers:.0%}")
    # Who hardly did anything counts for one exchange a day, or a household that wakes up would come back.
    usual = max(daily_then, float(cleared))
    if daily > bounds.growth * usual:
        found.append(
            f"{daily:,.0f} exchanges a day, after {daily_then:,.0f} when it was cleared; "
            f"bound {bounds.growth:g} times"
        )
    return found + _find_new_signals(evidence, shared, bounds.new_signals)


def _find_new_signals(
    evidence: Sequence[Mapping[str, Any]], shared: Collection[tuple[str, str]], bound: float
) -> list[str]:
    new: defaultdict[str, list[float]] = defaultdict(list)
    known = {(kind, strip_episode(value)) for kind, value in shared}  # episodes are new every night
    for row in evidence:
        if (row["kind"], strip_episode(row["value"])) not in known:
            new[row["kind"]].append(row["bits"])
    bits = {kind: math.fsum(found) for kind, found in new.items()}
    share = math.fsum(bits.values()) / max(math.fsum(row["bits"] for row in evidence), 1e-300)
    if share <= bound:
        return []
    most = min(bits, key=lambda kind: (-bits[kind], kind))
    return [
        f"{share:.0%} of its evidence is from signals that it did not share then, most of kind {most}; "
        f"bound {bound:.0%}"
    ]
