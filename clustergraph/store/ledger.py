"""What is known after a night: the accounts of clusters, those seen within a year, and the clusters."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from clustergraph.disk.durable import flush, hash_file, put_piece, settle
from clustergraph.disk.faults import told
from clustergraph.errors import InputError
from clustergraph.store.increments import FOUND_TEMPLATES
from clustergraph.templates.known import FOUND, REGISTRY, remember

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from clustergraph.engines.interface import Engine
    from clustergraph.store.increments import Increment
    from clustergraph.store.store import Store

ACCOUNTS = pa.schema(
    [
        ("account_id", pa.string()),
        ("first_night", pa.date32()),  # that it was seen
        ("last_night", pa.date32()),
        ("exchanges", pa.int64()),  # in all nights
        ("cluster_id", pa.string()),  # that it was last a member of
        ("earlier_id", pa.string()),  # that it was a member of before that one
        ("member_night", pa.date32()),  # when it was
        ("weight", pa.float64()),  # in that cluster
        ("named", pa.bool_()),  # as regrowth of a cluster
    ]
)
CLUSTERS = pa.schema(
    [
        ("cluster_id", pa.string()),
        ("born", pa.string()),
        ("last_night", pa.string()),
        ("dormant", pa.int64()),
        ("accounts", pa.int64()),
        ("volume", pa.float64()),
        ("explained", pa.bool_()),  # by legitimate sharing
    ]
)
# What the accounts of remembered clusters had that were banned or confirmed.
MEMORY = pa.schema(
    [
        ("cluster_id", pa.string()),
        ("account_id", pa.string()),
        ("kind", pa.string()),
        ("value", pa.string()),
        ("night", pa.date32()),  # when it was last in the window
    ]
)
REMEMBERED_DAYS = 365
_MEMORY = """
SELECT cluster_id, account_id, kind, value, max(night) AS night
FROM (
    SELECT l.cluster_id, x.account_id, x.kind, x.value, {night} AS night
    FROM sightings x
    JOIN ledger_after l ON l.account_id = x.account_id
    JOIN marked b ON b.account_id = x.account_id
    JOIN remembered_clusters c ON c.cluster_id = l.cluster_id
    UNION ALL
    SELECT cluster_id, account_id, kind, value, night FROM memory_kept
    WHERE night > {night} - INTERVAL {days} DAY
)
GROUP BY ALL ORDER BY ALL
"""
TABLES = ("accounts", "clusters", "memory", "templates")
_SEEN = """
SELECT account_id, max(exchanges)::BIGINT AS exchanges
FROM (SELECT account_id, kind, sum(exchanges) AS exchanges FROM {relation} GROUP BY account_id, kind)
GROUP BY account_id
"""
_UPDATED = """
SELECT coalesce(b.account_id, s.account_id, m.account_id) AS account_id,
       coalesce(b.first_night, {night}) AS first_night,
       CASE WHEN s.account_id IS NULL THEN coalesce(b.last_night, {night}) ELSE {night} END AS last_night,
       coalesce(b.exchanges, 0) + coalesce(s.exchanges, 0) AS exchanges,
       coalesce(m.cluster_id, b.cluster_id) AS cluster_id,
       CASE WHEN m.cluster_id <> b.cluster_id THEN b.cluster_id ELSE b.earlier_id END AS earlier_id,
       CASE WHEN m.account_id IS NULL THEN b.member_night ELSE {night} END AS member_night,
       coalesce(m.weight, b.weight) AS weight,
       coalesce(b.named, false) OR n.account_id IS NOT NULL AS named
FROM ledger_before b
FULL OUTER JOIN seen_tonight s ON s.account_id = b.account_id
FULL OUTER JOIN members_tonight m ON m.account_id = coalesce(b.account_id, s.account_id)
LEFT JOIN named_tonight n ON n.account_id = coalesce(b.account_id, s.account_id, m.account_id)
WHERE coalesce(m.cluster_id, b.cluster_id) IS NOT NULL OR s.account_id IS NOT NULL
   OR b.last_night > {night} - INTERVAL {days} DAY
ORDER BY 1
"""


def load_ledger(engine: Engine, store: Store, place: str | None, increments: Sequence[Increment]) -> None:
    """Make the relations `ledger_before`, `memory_kept` and `seen_tonight` (account_id, exchanges).

    Raises an InputError where the ledger is missing or damaged.

    Args:
        engine: to read with.
        store: that has the ledger.
        place: of the ledger after the night before, None where there is none.
        increments: that count from tonight on.
    """
    if place is not None and not is_intact(store.root / place):
        raise InputError(
            f"{store.root / place}: is not as it was written; put it back from a backup, or run the night in "
            "its name again, with --rebuild if there are later ones"
        )
    for relation, name, schema in (
        ("ledger_before", "accounts", ACCOUNTS),
        ("memory_kept", "memory", MEMORY),
    ):
        if place is None:
            engine.load(relation, schema.empty_table())
        else:
            engine.scan(relation, [str(store.root / place / f"{name}.parquet")], file_format="parquet")
    if increments:
        files = [str(store.root / one.place / "exchanges.parquet") for one in increments]
        engine.scan("exchanges_tonight", files, file_format="parquet")
        engine.create("seen_tonight", _SEEN.format(relation="exchanges_tonight"))
    else:
        engine.load("seen_tonight", ACCOUNTS.empty_table().select(["account_id", "exchanges"]))


def update_ledger(engine: Engine, night: date, members: pa.Table, named: pa.Array) -> pa.Table:
    """Give the accounts of the ledger after a night.

    Args:
        engine: after :func:`load_ledger`.
        night: the date.
        members: ``account_id``, ``cluster_id`` and ``weight`` of tonight's members.
        named: ids of the accounts that were named as regrowth.
    """
    engine.load("members_tonight", members)
    engine.load("named_tonight", pa.table({"account_id": named}))
    return engine.fetch(_UPDATED.format(night=f"DATE '{night}'", days=REMEMBERED_DAYS)).cast(ACCOUNTS)


def update_memory(engine: Engine, night: date) -> pa.Table:
    """Give what is remembered after a night of accounts that are banned or were confirmed.

    Args:
        engine: after :func:`update_ledger`, with `sightings` of the window, `ledger_after`, `marked` and
            `remembered_clusters`.
        night: the date.
    """
    return engine.fetch(_MEMORY.format(night=f"DATE '{night}'", days=REMEMBERED_DAYS)).cast(MEMORY)


def read_clusters(store: Store, place: str | None) -> pa.Table:
    """Read the clusters of a ledger, none where there is no ledger.

    Raises:
        InputError: the ledger is missing or damaged.
    """
    return CLUSTERS.empty_table() if place is None else _read(store.root / place / "clusters.parquet")


def read_templates(store: Store, place: str | None) -> pa.Table:
    """Read the registry of templates of a ledger, none where there is no ledger or it is older than they are.

    Raises:
        InputError: the ledger is missing or damaged.
    """
    path = None if place is None else store.root / place / "templates.parquet"
    return REGISTRY.empty_table() if path is None or not path.exists() else _read(path)


def update_templates(
    store: Store, place: str | None, increments: Sequence[Increment], night: date
) -> pa.Table:
    """Give the registry of templates after a night.

    Args:
        store: that has both.
        place: of the ledger after the night before, None where there is none.
        increments: that came in on the night.
        night: the date.

    Raises:
        InputError: the store is damaged.
    """
    files = [store.root / one.place / f"{FOUND_TEMPLATES}.parquet" for one in increments if one.has_templates]
    found = pa.concat_tables([FOUND.empty_table(), *map(_read, files)])
    return remember(read_templates(store, place), found, night, days=REMEMBERED_DAYS)


def read_known_accounts(store: Store, place: str) -> pa.Table:
    """Read the accounts of a ledger.

    Raises:
        InputError: the ledger is missing or damaged.
    """
    return _read(store.root / place / "accounts.parquet")


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def write_ledger(store: Store, night: date, tables: Mapping[str, pa.Table]) -> str:
    """Write the tables of a ledger; give its place from the root of the store.

    Raises:
        InputError: the disk is full, or cannot be written to.
    """
    with told(store.ledgers):
        place = _write(store, night, tables)
    return str(place.relative_to(store.root))


def _write(store: Store, night: date, tables: Mapping[str, pa.Table]) -> Path:
    fresh = Path(tempfile.mkdtemp(prefix=".", dir=store.ledgers))
    try:
        for name in TABLES:
            pq.write_table(tables[name], fresh / f"{name}.parquet", compression="zstd")
        place = store.ledgers / f"night={night}-{name_ledger(fresh)}"
        settle(fresh)
        put_piece(fresh, place, intact=place.exists() and is_intact(place))
        flush(store.ledgers)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return place


def is_intact(place: Path) -> bool:
    """Tell whether a ledger has the files that its name is made from."""
    try:
        return place.name.endswith(f"-{name_ledger(place)}")
    except OSError:
        return False


def name_ledger(folder: Path) -> str:
    """Give what the name of a ledger ends with; it is made from the content of its files.

    Ledgers of earlier versions have fewer of them.
    """
    digest = hashlib.sha256()
    for name in TABLES:
        path = folder / f"{name}.parquet"
        if path.exists():
            digest.update(f"{name} {hash_file(path)}\n".encode())
    return digest.hexdigest()[:16]
