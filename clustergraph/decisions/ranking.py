"""Clusters that were cleared rank behind all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def rank_behind(tables: Mapping[str, pa.Table], cluster_ids: Collection[str]) -> dict[str, pa.Table]:
    """Put some clusters behind all others, each part in the order that it has.

    Args:
        tables: artefacts, in the order of the ranks; those without a ``cluster_id`` stay as they are.
        cluster_ids: of the clusters to put behind.
    """
    behind = pa.array(sorted(cluster_ids), pa.string())
    moved = {name: _move(table, behind) for name, table in tables.items()}
    clusters = moved["clusters"]
    place = clusters.column_names.index("rank")
    ranks = pa.array(range(1, clusters.num_rows + 1), pa.int64())
    moved["clusters"] = clusters.set_column(place, clusters.schema.field(place), ranks)
    return moved


def _move(table: pa.Table, behind: pa.Array) -> pa.Table:
    if "cluster_id" not in table.column_names:
        return table
    last = pc.is_in(table["cluster_id"], behind)
    if not pc.any(last).as_py():
        return table
    return pa.concat_tables([table.filter(pc.invert(last)), table.filter(last)]).combine_chunks()
