"""Who is banned, and which clusters are, as relations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from datetime import date

    from clustergraph.engines.interface import Engine

_BANNED = """
SELECT account_id, CAST(banned_at AS DATE) AS banned_on FROM known_accounts
WHERE CAST(banned_at AS DATE) <= DATE '{night}' OR (banned_at IS NULL AND status = 'banned')
"""
# A household of which one member was banned is no banned cluster, unless most of it was.
_BANNED_CLUSTERS = """
SELECT cluster_id, min(b.banned_on) AS first_ban, max(b.banned_on) AS last_ban
FROM (
    SELECT account_id, coalesce(m.cluster_id, l.cluster_id) AS cluster_id
    FROM ledger_before l FULL OUTER JOIN members_tonight m USING (account_id)
)
JOIN banned b USING (account_id)
JOIN known_clusters c USING (cluster_id)
GROUP BY cluster_id HAVING NOT bool_or(c.explained) OR 2 * count(*) >= max(c.accounts)
"""


def load_banned(engine: Engine, accounts: pa.Table | None, night: date) -> None:
    """Make the relation `banned`: account_id and banned_on (a date, null where it is not known)."""
    if accounts is None:
        columns = {"account_id": pa.array([], pa.string()), "banned_on": pa.array([], pa.date32())}
        engine.load("banned", pa.table(columns))
        return
    engine.load("known_accounts", accounts.select(["account_id", "status", "banned_at"]))
    engine.create("banned", _BANNED.format(night=night))


def find_banned_clusters(engine: Engine) -> None:
    """Make the relation `banned_clusters`: cluster_id, first_ban and last_ban (dates, null where not known).

    Args:
        engine: with `ledger_before`, `members_tonight`, `banned` and `known_clusters`.
    """
    engine.create("banned_clusters", _BANNED_CLUSTERS)
