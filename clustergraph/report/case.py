"""What is known of a cluster when it is judged."""

from __future__ import annotations

from dataclasses import dataclass

UNCERTAIN = 0.5  # confidence below which a member is called uncertain


@dataclass(frozen=True)
class Strongest:
    """One of a cluster's strongest signals.

    Attributes:
        kind: of the signal.
        accounts: members that have it.
        accounts_everywhere: all accounts that have it.
        share: of the bits of all the cluster's signals (0..1).
    """

    kind: str
    accounts: int
    accounts_everywhere: int
    share: float


@dataclass(frozen=True)
class Ruling:
    """An earlier decision about a cluster, as ``decisions.parquet`` has it."""

    decision: str
    decided_by: str
    reason: str
    night: str
    holds: bool
    note: str | None = None


@dataclass(frozen=True)
class Case:
    """What is known of a cluster; the fields are those of ``clusters`` unless said otherwise.

    Attributes:
        accounts: members.
        families: of signals that hold it together.
        observable: families of which the input has signals.
        q_value: false-discovery rate, None if it was not measured.
        explained_by: legitimate sharing that explains it.
        reason: what a reader should know.
        verified_accounts: members in any verified organisation, None if not known.
        known_hub_share: of its memberships in shared signals.
        uncertain: members with a confidence below :data:`UNCERTAIN`.
        banned: members that are banned, None if not known.
        fresh: members first seen on the last day, None if not known.
        regrowth: accounts that came after a ban.
        largest: share of the cluster's volume that its largest member makes (0..1).
        strongest: its signals with most bits, in order.
        ruling: the latest decision about it.
        coverage_p_value: how likely chance divides what fills templates so, None if nothing tells.
        coverage_overlap: fillings that members have in common, of what chance gives.
    """

    accounts: int
    families: tuple[str, ...]
    observable: tuple[str, ...] = ()
    q_value: float | None = None
    explained_by: str | None = None
    reason: str | None = None
    verified_accounts: int | None = None
    known_hub_share: float = 0.0
    uncertain: int = 0
    banned: int | None = None
    fresh: int | None = None
    regrowth: int = 0
    largest: float = 0.0
    strongest: tuple[Strongest, ...] = ()
    ruling: Ruling | None = None
    coverage_p_value: float | None = None
    coverage_overlap: float | None = None
