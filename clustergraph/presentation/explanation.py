"""Why the accounts of a cluster are together: figures, strongest evidence, centre and edge."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

if TYPE_CHECKING:
    import pyarrow as pa

    from clustergraph.artefacts.runs import Run


@dataclass(frozen=True)
class SharedSignal:
    """A signal that holds a cluster together.

    Attributes:
        kind: of the signal.
        value: of the signal.
        family: of the kind.
        accounts: members that have it.
        accounts_everywhere: all accounts that have it.
        bits: its part of the evidence of the cluster's ties.
        share: of the bits of all the cluster's signals (0..1).
    """

    kind: str
    value: str
    family: str
    accounts: int
    accounts_everywhere: int
    bits: float
    share: float


@dataclass(frozen=True)
class Member:
    """An account of a cluster: its ties inside and their evidence, and how surely it belongs."""

    account_id: str
    exchanges: int
    ties: int
    bits: float
    confidence: float


@dataclass(frozen=True)
class Explanation:
    """What there is to say of a cluster.

    The figures are those of its row of ``clusters``. ``bits`` is the evidence of all its signals together,
    ``signals`` their number; ``evidence`` has the strongest, ``central`` the members with most evidence
    inside, ``uncertain`` the members with least confidence.
    """

    cluster_id: str
    rank: int
    accounts: int
    exchanges: int
    input_tokens: int
    output_tokens: int
    extraction_volume: float
    first_seen: datetime | None
    last_seen: datetime | None
    families: tuple[str, ...]
    density: float
    cohesion_bits: float
    verified_accounts: int | None
    explained_by: str | None
    reason: str | None
    bits: float
    signals: int
    evidence: tuple[SharedSignal, ...]
    central: tuple[Member, ...]
    uncertain: tuple[Member, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values; times as ISO 8601 in UTC."""
        plain = asdict(self)
        return plain | {name: time.isoformat() for name, time in plain.items() if isinstance(time, datetime)}


def explain(run: Run, cluster_id: str | int, *, signals: int = 10, members: int = 5) -> Explanation:
    """Explain why the accounts of a cluster are together.

    Args:
        run: what :func:`clustergraph.run` or :func:`clustergraph.open_run` gives.
        cluster_id: id, beginning of an id, or rank of the cluster.
        signals: most signals to list.
        members: most central and least certain members to list.

    Raises:
        UsageError: there is no such cluster, or several.
    """
    cluster = run.cluster(cluster_id)
    row = cluster.row
    evidence, accounts = cluster.table("evidence"), cluster.table("members")
    total = float(pc.sum(evidence["bits"], min_count=0).as_py())
    return Explanation(
        **{
            name: row[name] for name in Explanation.__dataclass_fields__ if name in row and name != "families"
        },
        families=tuple(row["families"] or ()),
        bits=total,
        signals=evidence.num_rows,
        evidence=_strongest(evidence, signals, total),
        central=_members(accounts, members, ("bits", "descending")),
        uncertain=_members(accounts, members, ("confidence", "ascending"), ("bits", "ascending")),
    )


def _strongest(evidence: pa.Table, count: int, total: float) -> tuple[SharedSignal, ...]:
    order = [("bits", "descending"), ("kind", "ascending"), ("value", "ascending")]
    rows = evidence.sort_by(order).slice(0, count).to_pylist()
    return tuple(
        SharedSignal(
            **{name: row[name] for name in SharedSignal.__dataclass_fields__ if name in row},
            share=row["bits"] / total if total > 0 else 0.0,
        )
        for row in rows
    )


def _members(accounts: pa.Table, count: int, *order: tuple[str, str]) -> tuple[Member, ...]:
    rows = accounts.sort_by([*order, ("account_id", "ascending")]).slice(0, count)
    return tuple(Member(**row) for row in rows.select(list(Member.__dataclass_fields__)).to_pylist())
