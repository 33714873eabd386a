"""Runs of one cluster each, made of who has which signal and who is at work when, for what draws them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from clustergraph.artefacts.runs import Run
from clustergraph.artefacts.schema import ARTEFACTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from clustergraph.artefacts.runs import Cluster

CLUSTER = "c0123456789abcdef"
START = datetime(2026, 2, 2, tzinfo=UTC)
FAMILIES = {"card": "payment", "ip": "network"}


def make_cluster(
    links: Iterable[tuple[str, str, str]],
    activity: Sequence[tuple[str, int, int]] = (),
    *,
    cluster_id: str = CLUSTER,
    mix: Any = None,
) -> Cluster:
    """Make a cluster.

    Args:
        links: (account, kind, value), each once.
        activity: (account, hour, exchanges), hours from the start.
        cluster_id: its id.
        mix: puts the rows of each table in another order, if it is given.
    """
    links = list(links)
    holders = Counter((kind, value) for _, kind, value in links)
    degree = Counter(account for account, _, _ in links)
    own = {"cluster_id": cluster_id}
    rows: dict[str, list[dict[str, Any]]] = {
        "clusters": [{
            **own, "rank": 1, "accounts": len(degree), "exchanges": 10, "extraction_volume": 10.0,
            "first_seen": START, "last_seen": START, "families": ["payment"], "density": 1.0,
            "cohesion_bits": 9.0,
        }],
        "members": [
            {**own, "account_id": account, "exchanges": 5, "ties": 2, "bits": float(count), "confidence": 0.9}
            for account, count in degree.items()
        ],
        "evidence": [
            {
                **own, "kind": kind, "value": value, "family": FAMILIES.get(kind, kind), "accounts": count,
                "accounts_everywhere": count + 1, "bits": float(count),
            }
            for (kind, value), count in holders.items()
        ],
        "links": [
            {**own, "account_id": account, "kind": kind, "value": value, "exchanges": 5, "first_seen": START}
            for account, kind, value in links
        ],
        "activity": [
            {**own, "account_id": account, "hour": START + timedelta(hours=hour), "exchanges": exchanges}
            for account, hour, exchanges in activity
        ],
        "ties": [],
    }  # fmt: skip
    if mix is not None:
        for some in rows.values():
            mix(some)
    tables = {name: pa.Table.from_pylist(rows[name], schema) for name, schema in ARTEFACTS.items()}
    return Run.from_tables(tables, {}).cluster(cluster_id)


def make_blocks(blocks: int, accounts: int, signals: int) -> list[tuple[str, str, str]]:
    """Give the links of blocks in which every account has every signal, and none of another block's."""
    return [
        (f"a{block}-{account:03d}", "ip", f"s{block}-{signal:03d}")
        for block in range(blocks)
        for account in range(accounts)
        for signal in range(signals)
    ]


def find_rows(chart: Any, *columns: str) -> list[dict[str, Any]]:
    """Give the rows of that data of a chart which has these columns, and of no other."""
    data = [rows for rows in chart.to_dict()["datasets"].values() if rows and set(columns) <= set(rows[0])]
    assert len(data) == 1
    return list(data[0])
