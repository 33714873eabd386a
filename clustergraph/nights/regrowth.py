"""New accounts that look like members of a cluster that was banned or confirmed: it comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from clustergraph.artefacts.schema import REGROWTH, fill_schema
from clustergraph.communities.assignment import Assigner
from clustergraph.communities.profiles import describe_background
from clustergraph.incidence.natural_degrees import find_unnatural_signals

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from clustergraph.engines.interface import Engine
    from clustergraph.incidence.links import Incidence

# Signals that are shown of what an account shares.
_SHOWN = 5
_REMEMBERED = """
SELECT cluster_id, since, last_ban FROM remembered_clusters
UNION
SELECT m.cluster_id, min(b.since) AS since, max(b.banned_on) AS last_ban
FROM memory_before m JOIN marked b USING (account_id)
WHERE m.cluster_id NOT IN (SELECT cluster_id FROM remembered_clusters)
  AND m.cluster_id NOT IN (SELECT cluster_id FROM known_clusters WHERE innocent) GROUP BY m.cluster_id
ORDER BY cluster_id
"""
_ACCOUNTS = """
SELECT a.account, coalesce(m.cluster_id, l.cluster_id) AS cluster_id,
       coalesce(c.innocent, false) AS innocent, b.account_id IS NOT NULL AS marked,
       coalesce(l.first_night, DATE '{night}') AS first_night, coalesce(l.named, false) AS named
FROM accounts a
LEFT JOIN ledger_before l ON l.account_id = a.account_id
LEFT JOIN members_tonight m ON m.account_id = a.account_id
LEFT JOIN known_clusters c ON c.cluster_id = m.cluster_id
LEFT JOIN marked b ON b.account_id = a.account_id
ORDER BY a.account
"""
# How many members of a cluster have a signal, and which accounts that were named have it too.
_SHARED = """
WITH held AS MATERIALIZED (
    SELECT p.cluster, o.signal, count(*) AS members
    FROM links o JOIN remembered_members p ON p.account = o.account GROUP BY p.cluster, o.signal
),
mine AS MATERIALIZED (
    SELECT r.account, r.cluster, l.signal, (p.account IS NOT NULL)::INTEGER AS is_member
    FROM links l JOIN regrown r ON r.account = l.account
    LEFT JOIN remembered_members p ON p.account = r.account AND p.cluster = r.cluster
)
SELECT m.account, k.kind, s.hash, s.accounts, s.signal
FROM mine m
JOIN held h ON h.cluster = m.cluster AND h.signal = m.signal AND h.members > m.is_member
JOIN signals s ON s.signal = m.signal
JOIN kinds k ON k.kind_number = s.kind_number
"""
_EVIDENCE = """
SELECT e.account, e.kind || '=' || min(x.value) AS signal, e.accounts
FROM shared_with e JOIN observed x ON x.kind = e.kind AND {value} = e.hash
GROUP BY e.account, e.signal, e.kind, e.accounts ORDER BY e.account, e.accounts, signal
"""


@dataclass(frozen=True)
class _Candidates:
    """Who may have come back, and to what; arrays have a value per account."""

    cluster_ids: list[str]
    last_bans: list[date | None]
    labels: NDArray[np.int32]  # remembered cluster whose member the account is or was, -1 for none
    innocent: NDArray[np.bool_]  # member of a cluster that is explained or cleared tonight
    fresh: NDArray[np.bool_]  # first seen since the first mark of any, not named yet and not marked
    first_night: NDArray[np.datetime64]
    since: list[date | None]  # first ban or confirmation of each cluster


def find_regrowth(incidence: Incidence, night: date, *, member_bits: float, threads: int = 1) -> pa.Table:
    """Name the new accounts that look like members of remembered clusters.

    Args:
        incidence: of the window; its engine has `ledger_before`, `known_clusters`,
            `remembered_clusters`, `memory_before`, `members_tonight` and `marked`.
        night: the date.
        member_bits: log2 of the odds from which an account is named.
        threads: processors to use.

    Returns:
        ``regrowth.parquet``, by cluster and account.
    """
    engine = incidence.sightings.engine
    candidates = _find_candidates(engine, night)
    if not candidates.cluster_ids or not candidates.fresh.any():
        return REGROWTH.empty_table()
    account, cluster, bits = _judge(incidence, candidates, member_bits, threads)
    if not len(account):
        return REGROWTH.empty_table()
    evidence = _gather_evidence(engine, candidates, account, cluster)
    ids = incidence.accounts["account_id"].take(pa.array(account)).to_pylist()
    rows = sorted(zip([candidates.cluster_ids[c] for c in cluster], ids, bits, account, cluster, strict=True))
    return fill_schema(
        REGROWTH,
        {
            "account_id": [one for _, one, _, _, _ in rows],
            "cluster_id": [one for one, _, _, _, _ in rows],
            "bits": [one for _, _, one, _, _ in rows],
            "evidence": [evidence.get(one, []) for _, _, _, one, _ in rows],
            "nights_since_ban": [_nights_since(candidates.last_bans[one], night) for _, _, _, _, one in rows],
        },
        len(rows),
    )


def _find_candidates(engine: Engine, night: date) -> _Candidates:
    remembered = engine.fetch(_REMEMBERED).to_pylist()
    number = {row["cluster_id"]: i for i, row in enumerate(remembered)}
    found = engine.fetch(_ACCOUNTS.format(night=night))
    labels = np.array([number.get(one, -1) for one in found["cluster_id"].to_pylist()], np.int32)
    marked, named, innocent = (
        np.array(found[name].to_pylist(), bool) for name in ("marked", "named", "innocent")
    )
    first_night = found["first_night"].to_numpy().astype("datetime64[D]")
    firsts = [row["since"] for row in remembered]
    dated = [one for one in firsts if one is not None]
    since = np.datetime64(min(dated) if len(dated) == len(firsts) and dated else night, "D")
    fresh = ~marked & ~named & (first_night >= since)
    return _Candidates(
        list(number), [row["last_ban"] for row in remembered], labels, innocent, fresh, first_night, firsts
    )


def _judge(
    incidence: Incidence, candidates: _Candidates, member_bits: float, threads: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Weigh the fresh accounts against the remembered clusters; give accounts, clusters and bits."""
    background = describe_background(incidence.graph, unnatural=find_unnatural_signals(incidence))
    assigner = Assigner(incidence.graph, background, min_accounts=2, threads=threads)
    best = np.full(len(candidates.labels), -np.inf)
    chosen = np.full(len(candidates.labels), -1, np.int64)
    bits = np.zeros(len(candidates.labels))
    for cluster, one in sorted(assigner.judge(candidates.labels, member_bits=member_bits).items()):
        after = _after_first_mark(candidates, cluster)[one.accounts]
        mine = candidates.labels[one.accounts] == cluster
        # Who is of a household tonight is likelier just that.
        free = mine | ~candidates.innocent[one.accounts]
        better = (one.odds >= member_bits) & free & after & (one.odds > best[one.accounts])
        accounts = one.accounts[better]
        best[accounts], chosen[accounts], bits[accounts] = one.odds[better], cluster, one.bits[better]
    account = np.flatnonzero(chosen >= 0)
    return account, chosen[account], bits[account]


def _after_first_mark(candidates: _Candidates, cluster: int) -> NDArray[np.bool_]:
    first = candidates.since[cluster]
    if first is None:
        return candidates.fresh
    return np.asarray(candidates.fresh & (candidates.first_night >= np.datetime64(first, "D")))


def _gather_evidence(
    engine: Engine, candidates: _Candidates, account: NDArray[np.int64], cluster: NDArray[np.int64]
) -> dict[int, list[str]]:
    members = np.flatnonzero(candidates.labels >= 0)
    engine.load("regrown", pa.table({"account": account, "cluster": cluster}))
    engine.load("remembered_members", pa.table({"account": members, "cluster": candidates.labels[members]}))
    engine.create("shared_with", _SHARED)
    found: dict[int, list[str]] = {}
    for row in engine.fetch(_EVIDENCE.format(value=engine.hash("x.value"))).to_pylist():
        shown = found.setdefault(row["account"], [])
        if len(shown) < _SHOWN:
            shown.append(row["signal"])
    return found


def _nights_since(ban: date | None, night: date) -> int | None:
    return None if ban is None else (night - ban).days
