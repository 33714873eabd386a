"""What of the decisions in force holds for the clusters of a night, and what changed where it does not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from clustergraph.artefacts.schema import DECISIONS, fill_schema
from clustergraph.decisions.bounds import Bounds, find_changes
from clustergraph.decisions.log import CLEARED, CONFIRMED, WATCH
from clustergraph.decisions.volumes import measure_daily

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from clustergraph.decisions.log import Entry
    from clustergraph.decisions.standing import Standing

# A decision is of consequence to a cluster that has this share of its accounts, or that it has this share of.
_ORIGIN = 0.1
# Where a cluster is not the one that was confirmed, most of it has to come from such as were.
_MOST = 0.5


@dataclass(frozen=True)
class Judged:
    """The decisions on the clusters of a night.

    Attributes:
        table: ``decisions.parquet``: by cluster in the order that was given, then as they were made.
        clusters: id of every cluster of the night -> the decision that holds for it, None for none.
    """

    table: pa.Table
    clusters: Mapping[str, str | None]

    @property
    def cleared(self) -> frozenset[str]:
        """Clusters whose clearance holds."""
        return frozenset(one for one, decision in self.clusters.items() if decision == CLEARED)


def judge_decisions(
    tables: Mapping[str, pa.Table],
    days: Sequence[str],
    standing: Standing,
    *,
    newcomers: float = 0.25,
    growth: float = 2.0,
    new_signals: float = 0.5,
    confirmed: float = 0.25,
) -> Judged:
    """Find the decisions on the clusters of a night, and whether they hold.

    A clearance holds as long as the cluster stays within all bounds, and has no accounts that stand under a
    confirmation of which a tenth came into it. It comes back when it does not.

    Args:
        tables: artefacts of the night, with lasting ids.
        days: of the window, as ISO dates in order.
        standing: decisions in force.
        newcomers: share of a cleared cluster's members that may have come since it was cleared.
        growth: exchanges a day (of the last seven days with data) that a cleared cluster may have, as a
            multiple of those that the accounts that were cleared had then.
        new_signals: share of a cleared cluster's bits that may be from signals that it did not share then.
        confirmed: share of a cluster's members that have to have been confirmed for it to be called so; a
            half at least in a cluster with another id, that a part came into.
    """
    clusters = _gather(tables, standing)
    bounds = Bounds(newcomers, growth, new_signals)
    ids = pa.array([one.cluster_id for one in clusters], pa.string())
    evidence, activity = (_choose(tables[name], ids) for name in ("evidence", "activity"))
    daily, shared = measure_daily(activity, days, "cluster_id"), _split(evidence)
    rows = list[dict[str, Any]]()
    holds: dict[str, str | None] = dict.fromkeys(tables["clusters"]["cluster_id"].to_pylist())
    for one in clusters:
        notes = {
            CONFIRMED: _say_strangers(one, confirmed),
            CLEARED: _say_changes(
                one, standing, shared.get(one.cluster_id, []), daily.get(one.cluster_id, 0.0), bounds
            ),
            WATCH: None,
        }
        rows += [_describe(one.cluster_id, entry, notes[entry.decision]) for entry in one.held]
        holding = {entry.decision for entry in one.held if notes[entry.decision] is None}
        for word in (WATCH, CLEARED, CONFIRMED):
            if word in holding:
                holds[one.cluster_id] = word
    columns = {name: [row[name] for row in rows] for name in DECISIONS.names}
    return Judged(fill_schema(DECISIONS, columns, len(rows)), holds)


@dataclass(frozen=True)
class _Cluster:
    """A cluster of the night with decisions on it, and its accounts under each of them."""

    cluster_id: str
    size: int
    held: Mapping[Entry, Sequence[str]]

    def under(self, decision: str) -> list[str]:
        """Give the accounts under decisions of one word."""
        return [account for one, held in self.held.items() if one.decision == decision for account in held]


def _gather(tables: Mapping[str, pa.Table], standing: Standing) -> list[_Cluster]:
    """Find the clusters that decisions are on, in their order, with their accounts under each."""
    ids = tables["clusters"]["cluster_id"].to_pylist()
    size = dict(zip(ids, tables["clusters"]["accounts"].to_pylist(), strict=True))
    found: dict[str, dict[Entry, Sequence[str]]] = {}
    where = _locate(tables["members"], standing)
    for entry in standing.entries:
        accounts = standing.copies[entry.number].daily
        held: dict[str, list[str]] = {entry.cluster_id: []} if entry.cluster_id in size else {}
        for account in accounts:
            watched = entry.decision == WATCH or standing.accounts[account] == entry.number
            if watched and account in where:
                held.setdefault(where[account], []).append(account)
        for cluster_id, mine in held.items():
            whole = min(size[cluster_id], len(accounts))
            if cluster_id == entry.cluster_id or len(mine) >= _ORIGIN * whole:
                found.setdefault(cluster_id, {})[entry] = mine
    return [_Cluster(one, size[one], found[one]) for one in ids if one in found]


def _locate(members: pa.Table, standing: Standing) -> dict[str, str]:
    """Give the cluster of each account that a decision in force is on."""
    known = pa.array({account for copy in standing.copies.values() for account in copy.daily}, pa.string())
    decided = members.filter(pc.is_in(members["account_id"], known))
    return dict(zip(*(decided[name].to_pylist() for name in ("account_id", "cluster_id")), strict=True))


def _choose(table: pa.Table, ids: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table["cluster_id"], ids))


def _split(evidence: pa.Table) -> dict[str, list[dict[str, Any]]]:
    """Give the rows of each cluster."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in evidence.select(["cluster_id", "kind", "value", "bits"]).to_pylist():
        rows.setdefault(row["cluster_id"], []).append(row)
    return rows


def _say_strangers(cluster: _Cluster, least: float) -> str | None:
    """Say why a confirmation does not hold: too few of the members were confirmed."""
    known = len(cluster.under(CONFIRMED))
    own = any(one.decision == CONFIRMED and one.cluster_id == cluster.cluster_id for one in cluster.held)
    least = least if own else max(least, _MOST)
    if known and known >= least * cluster.size:
        return None
    return f"{known:,} of {cluster.size:,} members were confirmed; it takes {least:.0%}"


def _say_changes(
    cluster: _Cluster, standing: Standing, evidence: Sequence[Mapping[str, Any]], daily: float, bounds: Bounds
) -> str | None:
    """Say why a clearance does not hold: what has changed beyond the bounds."""
    copies = [standing.copies[one.number] for one in cluster.held if one.decision == CLEARED]
    cleared = set(cluster.under(CLEARED))
    then = [volume for copy in copies for account, volume in copy.daily.items() if account in cleared]
    shared = {signal for copy in copies for signal in copy.signals}
    notes = find_changes(cluster.size, len(cleared), daily, math.fsum(then), evidence, shared, bounds)
    marked = len(cluster.under(CONFIRMED))
    if marked:
        notes.append(f"{marked:,} of {cluster.size:,} members are of a cluster that was confirmed")
    return "; ".join(notes) or None


def _describe(cluster_id: str, entry: Entry, note: str | None) -> dict[str, Any]:
    return {
        "cluster_id": cluster_id,
        "decision": entry.decision,
        "decided_by": entry.decided_by,
        "reason": entry.reason,
        "decided_at": datetime.fromisoformat(entry.decided_at),
        "night": entry.night,
        "holds": note is None,
        "note": note,
        "decided_id": entry.cluster_id,
        "number": entry.number,
    }
