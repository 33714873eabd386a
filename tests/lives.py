"""A store of nights made by hand, in which one cluster falls dormant, returns, and ends in another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from clustergraph.artefacts.schema import LINEAGE, NIGHTLY_CLUSTERS, fill_schema
from clustergraph.store.store import Store, open_store
from tests.nights import run_folder

if TYPE_CHECKING:
    from pathlib import Path

A, B = "caaaaaaaaaaaaaaaa", "cbbbbbbbbbbbbbbbb"
LIVES = [
    [(A, "born", [], []), (B, "born", [], [])],
    [(A, "grew", [A], []), (B, "dormant", [], [])],
    [(A, "continued", [A], [])],
    [(A, "continued", [A], []), (B, "returned", [B], [])],
    [(A, "merged", [A, B], []), (B, "died", [], [A])],
    [(A, "continued", [A], [])],
]


def make_lives(root: Path) -> Store:
    """Write the nights; on night n (from 0) a cluster has 3 + n accounts and a volume of 100 (n + 1)."""
    (root / "store.json").write_text('{"format": 1}')
    for number, rows in enumerate(LIVES):
        run_folder(root, number).mkdir(parents=True)
        columns = dict(
            zip(("cluster_id", "event", "from_ids", "into_ids"), zip(*rows, strict=True), strict=True)
        )
        lineage = fill_schema(LINEAGE, {name: list(values) for name, values in columns.items()}, len(rows))
        pq.write_table(lineage, run_folder(root, number) / "lineage.parquet")
        found = [one for one, event, _, _ in rows if event not in ("dormant", "died")]
        figures = {
            "cluster_id": found, "rank": range(1, len(found) + 1), "accounts": [3 + number] * len(found),
            "extraction_volume": [100.0 * (number + 1)] * len(found),
        }  # fmt: skip
        clusters = fill_schema(NIGHTLY_CLUSTERS, figures, len(found))
        pq.write_table(clusters, run_folder(root, number) / "clusters.parquet")
    return open_store(root)
