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
    from clustergraph.decisions.log import Entry
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
_CONFIRMED = pa.schema([("account_id", pa.string()), ("since", pa.date32())])
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
    members: dict[int, list[str]] = {one.number: [] for one in confirmed}
    for account, number in standing.accounts.items():
        if number in members:
            members[number].append(account)
    accounts = [_mark(one, members[one.number]) for one in confirmed]
    links = [_remember(one, standing.copies[one.number].links, members[one.number]) for one in confirmed]
    engine.load("confirmed_accounts", pa.concat_tables([_CONFIRMED.empty_table(), *accounts]))
    engine.load("confirmed_memory", pa.concat_tables([MEMORY.empty_table(), *links]))
    engine.create("marked", _MARKED)
    engine.view("memory_before", _MEMORY.format(night=night, days=REMEMBERED_DAYS))


def load_known_clusters(engine: Engine, clusters: pa.Table, standing: Standing, judged: Judged) -> None:
    """Make the relation `known_clusters`: cluster_id, accounts, and innocent (explained, or cleared).

    Args:
        engine: to load into.
        clusters: of the ledger, those of tonight included.
        standing: decisions in force; a cluster that was cleared is known by them when the ledger has
            forgotten it, and is as it was left until it is found again.
        judged: what of them holds tonight.
    """
    left = {
        one.cluster_id: one.accounts
        for one in standing.entries
        if one.decision == CLEARED and one.cluster_id not in judged.clusters
    }
    cleared = pa.array(sorted(judged.cleared | left.keys()), pa.string())
    innocent = pc.or_(clusters["explained"], pc.is_in(clusters["cluster_id"], cleared))
    known = clusters.select(["cluster_id", "accounts"]).append_column("innocent", innocent)
    forgotten = sorted(left.keys() - set(clusters["cluster_id"].to_pylist()))
    rows = [{"cluster_id": one, "accounts": left[one], "innocent": True} for one in forgotten]
    engine.load("known_clusters", pa.concat_tables([known, pa.Table.from_pylist(rows, known.schema)]))


def find_remembered_clusters(engine: Engine) -> None:
    """Make the relation `remembered_clusters`: cluster_id, since and last_ban (dates, null where not known).

    Args:
        engine: with `ledger_before`, `members_tonight`, `marked` and `known_clusters`.
    """
    engine.create("remembered_clusters", _REMEMBERED)


def _mark(entry: Entry, members: list[str]) -> pa.Table:
    since = pa.repeat(date.fromisoformat(entry.night), len(members))
    return pa.table([pa.array(members, pa.string()), since], schema=_CONFIRMED)


def _remember(entry: Entry, links: pa.Table, members: list[str]) -> pa.Table:
    """Give what the accounts under an entry had, as the ledger's memory has it."""
    links = links.filter(pc.is_in(links["account_id"], pa.array(members, pa.string())))
    columns = {name: links[name] for name in ("account_id", "kind", "value")}
    columns |= {
        "cluster_id": pa.repeat(entry.cluster_id, len(links)),
        "night": pa.repeat(date.fromisoformat(entry.night), len(links)),
    }
    return pa.table({name: columns[name] for name in MEMORY.names}).cast(MEMORY)
