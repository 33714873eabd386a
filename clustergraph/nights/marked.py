"""Who is banned or was confirmed to be of an operation, and which clusters are remembered for it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from clustergraph.decisions.log import CLEARED, CONFIRMED
from clustergraph.store.ledger import MEMORY, REMEMBERED_DAYS

if TYPE_CHECKING:
    from clustergraph.decisions.judging import Judged
    from clustergraph.decisions.standing import Standing
    from clustergraph.engines.interface import Engine

_BANNED = """
SELECT account_id, CAST(banned_at AS DATE) AS banned_on FROM known_accounts
WHERE CAST(banned_at AS DATE) <= DATE '{night}' OR (banned_at IS NULL AND status = 'banned')
"""
_MARKED = """
SELECT account_id, min(since) AS since, max(banned_on) AS banned_on
FROM (
    SELECT account_id, banned_on AS since, banned_on FROM banned
    UNION ALL SELECT account_id, since, NULL FROM confirmed_accounts
)
GROUP BY account_id
"""
_MEMORY = """
SELECT * FROM memory_kept
UNION ALL SELECT * FROM confirmed_memory WHERE night > DATE '{night}' - INTERVAL {days} DAY
"""
# A household of which one member was banned is no cluster to remember, unless most of it was.
_REMEMBERED = """
SELECT cluster_id, min(b.since) AS since, max(b.banned_on) AS last_ban
FROM (
    SELECT account_id, coalesce(m.cluster_id, l.cluster_id) AS cluster_id
    FROM ledger_before l FULL OUTER JOIN members_tonight m USING (account_id)
)
JOIN marked b USING (account_id)
JOIN known_clusters c USING (cluster_id)
GROUP BY cluster_id HAVING NOT bool_or(c.innocent) OR 2 * count(*) >= max(c.accounts)
"""


def load_banned(engine: Engine, accounts: pa.Table | None, night: date) -> None:
    """Make the relation `banned`: account_id and banned_on (a date, null where it is not known)."""
    if accounts is None:
        columns = {"account_id": pa.array([], pa.string()), "banned_on": pa.array([], pa.date32())}
        engine.load("banned", pa.table(columns))
        return
    engine.load("known_accounts", accounts.select(["account_id", "status", "banned_at"]))
    engine.create("banned", _BANNED.format(night=night))


def load_marked(engine: Engine, standing: Standing, night: date) -> None:
    """Make the relations `marked` and `memory_before`, of who is banned and who was confirmed alike.

    `marked` has account_id, since (the date of the ban, or the night of the decision) and banned_on (null for
    those that were confirmed alone); `memory_before` has what they had, as the ledger's memory.

    Args:
        engine: with `banned` and `memory_kept`.
        standing: decisions in force.
        night: the date.
    """
    confirmed = [one for one in standing.entries if one.decision == CONFIRMED]
    under = {one.number: date.fromisoformat(one.night) for one in confirmed}
    accounts = {name: under[number] for name, number in standing.accounts.items() if number in under}
    columns = [pa.array(accounts.keys(), pa.string()), pa.array(accounts.values(), pa.date32())]
    engine.load("confirmed_accounts", pa.table(columns, ["account_id", "since"]))
    links = [_remember(standing, one.number, one.cluster_id, under[one.number]) for one in confirmed]
    engine.load("confirmed_memory", pa.concat_tables([MEMORY.empty_table(), *links]))
    engine.create("marked", _MARKED)
    engine.view("memory_before", _MEMORY.format(night=night, days=REMEMBERED_DAYS))


def load_known_clusters(engine: Engine, clusters: pa.Table, standing: Standing, judged: Judged) -> None:
    """Make the relation `known_clusters`: cluster_id, accounts, and innocent (explained, or cleared).

    Args:
        engine: to load into.
        clusters: of the ledger, those of tonight included.
        standing: decisions in force.
        judged: what of them holds tonight; a cluster that was not found tonight is as it was left.
    """
    gone = set(clusters["cluster_id"].to_pylist()) - set(judged.clusters)
    resting = {one.cluster_id for one in standing.entries if one.decision == CLEARED} & gone
    cleared = pa.array(sorted(judged.cleared | resting), pa.string())
    innocent = pc.or_(clusters["explained"], pc.is_in(clusters["cluster_id"], cleared))
    known = clusters.select(["cluster_id", "accounts"]).append_column("innocent", innocent)
    engine.load("known_clusters", known)


def find_remembered_clusters(engine: Engine) -> None:
    """Make the relation `remembered_clusters`: cluster_id, since and last_ban (dates, null where not known).

    Args:
        engine: with `ledger_before`, `members_tonight`, `marked` and `known_clusters`.
    """
    engine.create("remembered_clusters", _REMEMBERED)


def _remember(standing: Standing, number: int, cluster_id: str, night: date) -> pa.Table:
    """Give what the accounts under an entry had, as the ledger's memory has it."""
    mine = pa.array([name for name, one in standing.accounts.items() if one == number], pa.string())
    links = standing.copies[number].links
    links = links.filter(pc.is_in(links["account_id"], mine))
    columns = {name: links[name] for name in ("account_id", "kind", "value")}
    columns |= {
        "cluster_id": pa.repeat(pa.scalar(cluster_id), len(links)),
        "night": pa.repeat(pa.scalar(night), len(links)),
    }
    return pa.table({name: columns[name] for name in MEMORY.names}).cast(MEMORY)
