"""What a night adds to the clusters: volumes by day, week and lifetime, and who is active, banned and new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clustergraph.artefacts.schema import NIGHTLY_CLUSTERS, fill_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import pyarrow as pa

    from clustergraph.engines.interface import Engine

_RECENT = """
SELECT cluster_id, sum(exchanges)::BIGINT AS exchanges, count(*) AS accounts
FROM (
    SELECT m.cluster_id, m.account_id, max(x.exchanges) AS exchanges
    FROM (
        SELECT account_id, kind, sum(exchanges) AS exchanges FROM exchanges
        WHERE CAST(first_seen AS DATE) >= DATE '{since}' GROUP BY account_id, kind
    ) x
    JOIN members_tonight m ON m.account_id = x.account_id
    GROUP BY m.cluster_id, m.account_id
)
GROUP BY cluster_id
"""
_KNOWN = """
SELECT l.cluster_id, sum(l.exchanges)::BIGINT AS lifetime,
       count(*) FILTER (WHERE l.member_night = DATE '{night}' AND l.first_night = DATE '{night}') AS new,
       count(b.account_id) FILTER (WHERE l.member_night = DATE '{night}') AS banned,
       count(b.account_id) AS ever_banned, count(*) FILTER (WHERE l.named) AS named
FROM ledger_after l LEFT JOIN banned b ON b.account_id = l.account_id
WHERE l.cluster_id IS NOT NULL GROUP BY l.cluster_id
"""


def add_columns(
    engine: Engine,
    clusters: pa.Table,
    night: date,
    days: Sequence[str],
    decisions: Mapping[str, str | None],
    *,
    bans_known: bool,
) -> pa.Table:
    """Add the columns of a night to ``clusters.parquet``.

    Args:
        engine: with `exchanges` of the window, `members_tonight`, `ledger_after` and `banned`.
        clusters: with their lasting ids.
        night: the date.
        days: days with data, in order, as ISO dates.
        decisions: cluster id -> what was decided on it and holds, None for nothing.
        bans_known: whether there is a table of accounts.
    """
    day, week = (_by_cluster(engine, _RECENT.format(since=days[-n:][0])) for n in (1, 7))
    known = _by_cluster(engine, _KNOWN.format(night=night))
    ids = clusters["cluster_id"].to_pylist()
    nobody: dict[str, Any] = {"exchanges": 0, "accounts": 0}
    rows = [(day.get(one, nobody), week.get(one, nobody), known[one]) for one in ids]
    columns: dict[str, Any] = {name: clusters[name] for name in clusters.column_names}
    columns |= {
        "exchanges_1d": [one["exchanges"] for one, _, _ in rows],
        "exchanges_7d": [one["exchanges"] for _, one, _ in rows],
        "exchanges_lifetime": [one["lifetime"] for _, _, one in rows],
        "accounts_active": [one["accounts"] for one, _, _ in rows],
        "accounts_banned": [one["banned"] if bans_known else None for _, _, one in rows],
        "accounts_new": [one["new"] for _, _, one in rows],
        "replacement_rate": [
            one["named"] / one["ever_banned"] if one["ever_banned"] else None for _, _, one in rows
        ],
        "decision": [decisions[one] for one in ids],
    }
    return fill_schema(NIGHTLY_CLUSTERS, columns, len(ids))


def _by_cluster(engine: Engine, sql: str) -> dict[str, dict[str, Any]]:
    return {row["cluster_id"]: row for row in engine.fetch(sql).to_pylist()}
