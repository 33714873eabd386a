"""The ranked list of a report: a row per cluster with what an analyst needs to act."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from clustergraph.report.case import UNCERTAIN, Case, Ruling, Strongest
from clustergraph.report.limits import cut
from clustergraph.report.recent import reckon_recent
from clustergraph.report.slices import split_by_cluster
from clustergraph.report.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from clustergraph.artefacts.runs import Run
    from clustergraph.report.nights import Nights

_STRONGEST = 3
_TOLD = (
    "cluster_id", "rank", "accounts", "exchanges", "input_tokens", "output_tokens", "extraction_volume",
    "extraction_score",
    "first_seen", "last_seen", "density", "cohesion_bits", "p_value", "q_value", "known_hub_share",
    "verified_accounts", "explained_by", "reason",
)  # fmt: skip
# Runs of before have none of these.
_COVERAGE = ("coverage_p_value", "coverage_overlap")
_NIGHTLY = (
    "exchanges_1d", "exchanges_7d", "exchanges_lifetime",
    "accounts_active", "accounts_banned", "accounts_new", "replacement_rate",
)  # fmt: skip


def list_clusters(run: Run, ids: Sequence[str], nights: Nights) -> list[dict[str, Any]]:
    """List clusters of a run.

    Args:
        run: to list clusters of.
        ids: of the first clusters, by rank.
        nights: what nights tell of them.

    Returns:
        A row per cluster: the columns of ``clusters`` (nightly ones None where they are not known),
        ``families``, ``observable`` families, ``signals`` (the strongest), ``uncertain`` members,
        ``decisions``, and ``verdict`` with its ``code``, ``sentence`` and ``against``.
    """
    observable = _observable_families(run)
    members, evidence = (split_by_cluster(table, ids) for table in (run.members, run.evidence))
    nightly = "exchanges_1d" in run.clusters.column_names
    recent = {} if nightly else reckon_recent(run.activity, ids)
    short = run.short_ids()
    rows = []
    for row in run.clusters.slice(0, len(ids)).to_pylist():
        one = row["cluster_id"]
        told = {name: row[name] for name in _TOLD}
        told |= {name: row.get(name) for name in _COVERAGE}
        told |= {name: row.get(name) for name in _NIGHTLY} | recent.get(one, {})
        told |= {
            "short": short[one],
            "families": [cut(family) for family in row["families"] or ()],
            "observable": observable,
            "signals": _strongest(evidence[one]),
            "uncertain": _count_uncertain(members[one]),
            "regrowth": len(nights.regrowth.get(one, ())),
            "decisions": [_say_decision(decision) for decision in nights.decisions.get(one, ())],
        }
        told["verdict"] = asdict(judge(_state_case(told, members[one])))
        rows.append(told)
    return rows


def _observable_families(run: Run) -> list[str]:
    """List the families of which the input has signals."""
    kinds = run.manifest.get("input", {}).get("kinds") or {}
    families = set(kinds.values()) or set(pc.unique(run.evidence["family"]).to_pylist())
    return [cut(one) for one in sorted(families)]


def _strongest(evidence: pa.Table) -> list[dict[str, Any]]:
    total = pc.sum(evidence["bits"], min_count=0).as_py()
    return [
        {
            "kind": cut(row["kind"]),
            "value": cut(row["value"]),
            "family": cut(row["family"]),
            "accounts": row["accounts"],
            "accounts_everywhere": row["accounts_everywhere"],
            "share": row["bits"] / total if total > 0 else 0.0,
        }
        for row in order_evidence(evidence).slice(0, _STRONGEST).to_pylist()
    ]


def order_evidence(evidence: pa.Table) -> pa.Table:
    """Put the signals of a cluster in order, strongest first."""
    return evidence.sort_by([("bits", "descending"), ("kind", "ascending"), ("value", "ascending")])


def _count_uncertain(members: pa.Table) -> int:
    return int(pc.sum(pc.less(members["confidence"], UNCERTAIN), min_count=0).as_py())


def _say_decision(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("decision", "decided_by", "reason", "decided_at", "night", "holds", "note")
    return {name: cut(row[name]) if isinstance(row[name], str) else row[name] for name in names}


def _state_case(told: Mapping[str, Any], members: pa.Table) -> Case:
    volume = told["extraction_volume"]
    most = pc.max(members["extraction_volume"]).as_py()
    strongest = [
        Strongest(one["kind"], one["accounts"], one["accounts_everywhere"], one["share"])
        for one in told["signals"]
    ]
    return Case(
        **{
            name: told[name]
            for name in (
                "accounts", "q_value", "explained_by", "reason", "verified_accounts", "uncertain", "regrowth",
                *_COVERAGE,
            )
        },
        families=tuple(told["families"]),
        observable=tuple(told["observable"]),
        known_hub_share=told["known_hub_share"] or 0.0,
        banned=told["accounts_banned"],
        fresh=told["accounts_new"],
        largest=most / volume if most and volume > 0 else 0.0,
        strongest=tuple(strongest),
        ruling=_latest_ruling(told["decisions"]),
    )  # fmt: skip


def _latest_ruling(decisions: Sequence[Mapping[str, Any]]) -> Ruling | None:
    """Give the decision that counts: the latest that holds, or else the latest."""
    if not decisions:
        return None
    found = next((one for one in reversed(decisions) if one["holds"]), decisions[-1])
    return Ruling(**{name: found[name] for name in Ruling.__dataclass_fields__})
