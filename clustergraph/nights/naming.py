"""Give tonight's clusters the ids that last."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clustergraph.artefacts.schema import LINEAGE, fill_schema
from clustergraph.identity.lineage import Identity, Tonight, trace
from clustergraph.store.ledger import CLUSTERS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from numpy.typing import NDArray

    from clustergraph.engines.interface import Engine

_BEFORE = """
SELECT account_id, cluster_id, earlier_id, weight, CAST(member_night AS VARCHAR) AS member_night
FROM ledger_before WHERE cluster_id IS NOT NULL ORDER BY account_id
"""


@dataclass(frozen=True)
class Named:
    """Tonight's artefacts with lasting ids, their lineage, and the clusters that are known from now on."""

    tables: dict[str, pa.Table]
    lineage: pa.Table
    clusters: pa.Table


def name_clusters(
    engine: Engine, tables: Mapping[str, pa.Table], known: pa.Table, night: date, *, memory: int
) -> Named:
    """Match tonight's clusters with those that are known and name them.

    Args:
        engine: with `ledger_before`.
        tables: artefacts of a run, with ids of their own.
        known: clusters of the ledger.
        night: the date.
        memory: nights with data after which a cluster that was not found again is dead.
    """
    identities = [Identity(**row) for row in known.to_pylist()]
    old_ids = tables["clusters"]["cluster_id"]
    tonight = _compare(engine, tables, identities, night)
    lineage = trace(tonight, identities, memory=memory)
    new_ids = pa.array(lineage.cluster_ids, pa.string())
    renamed = {name: _rename(table, old_ids, new_ids) for name, table in tables.items()}
    columns = {name: [getattr(one, name) for one in lineage.events] for name in LINEAGE.names}
    return Named(
        renamed,
        fill_schema(LINEAGE, columns, len(lineage.events)),
        pa.Table.from_pylist([asdict(one) for one in lineage.identities], CLUSTERS),
    )


def weigh_members(members: pa.Table) -> pa.Table:
    """Give ``account_id``, ``cluster_id`` and ``weight`` of members: log of exchanges, times confidence."""
    return pa.table(
        {
            "account_id": members["account_id"],
            "cluster_id": members["cluster_id"],
            "weight": _weigh(members),
        }
    )


def _weigh(members: pa.Table) -> NDArray[np.float64]:
    exchanges = members["exchanges"].to_numpy()
    return np.asarray((1.0 + np.log2(1.0 + exchanges)) * members["confidence"].to_numpy())


def _compare(
    engine: Engine, tables: Mapping[str, pa.Table], identities: list[Identity], night: date
) -> Tonight:
    members, clusters = tables["members"], tables["clusters"]
    before = engine.fetch(_BEFORE)
    names = pa.array([one.cluster_id for one in identities], pa.string())
    number, earlier = (
        pc.fill_null(pc.index_in(before[name], names), -1).to_numpy().astype(np.int64)
        for name in ("cluster_id", "earlier_id")
    )
    last = np.array([one.last_night for one in identities] + [""], object)[number]
    present = np.array(before["member_night"].to_pylist(), object) == last
    ids = np.array(before["account_id"].to_pylist(), object)
    row = pc.index_in(members["account_id"], before["account_id"].combine_chunks())
    seen = pc.is_valid(row).to_numpy()
    at = pc.fill_null(row, 0).to_numpy()
    now = np.full(len(ids), -1, np.int64)
    weight = np.zeros(len(ids))
    cluster = pc.index_in(members["cluster_id"], clusters["cluster_id"].combine_chunks()).to_numpy()
    mine = _weigh(members)
    now[at[seen]], weight[at[seen]] = cluster[seen], mine[seen]
    newcomers = np.array(members["account_id"].to_pylist(), object)[~seen]
    none = np.full(len(newcomers), -1, np.int64)
    return Tonight(
        night=night,
        account_ids=np.concatenate([ids, newcomers]),
        now=np.concatenate([now, cluster[~seen].astype(np.int64)]),
        before=np.concatenate([number, none]),
        earlier=np.concatenate([earlier, none]),
        weight=np.concatenate([weight, mine[~seen]]),
        weight_before=np.concatenate([before["weight"].to_numpy(), np.zeros(len(none))]),
        present=np.concatenate([present, np.zeros(len(none), bool)]),
        volume=clusters["extraction_volume"].to_numpy(),
        explained=np.asarray(pc.is_valid(clusters["explained_by"]).to_numpy(zero_copy_only=False)),
    )


def _rename(table: pa.Table, old_ids: pa.ChunkedArray, new_ids: pa.Array) -> pa.Table:
    if "cluster_id" not in table.column_names:
        return table
    place = table.column_names.index("cluster_id")
    renamed = new_ids.take(pc.index_in(table["cluster_id"].combine_chunks(), old_ids.combine_chunks()))
    return table.set_column(place, table.schema.field(place), renamed)
