"""The rows of each cluster, taken out of a table once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence


def split_by_cluster(table: pa.Table, ids: Sequence[str]) -> dict[str, pa.Table]:
    """Give for each of some clusters its rows of a table with a ``cluster_id``, in their order."""
    place = pc.index_in(table["cluster_id"], value_set=pa.array(ids, pa.string()))
    kept = table.filter(pc.is_valid(place))
    number = pc.drop_null(place).to_numpy()
    kept = kept.take(pa.array(np.argsort(number, kind="stable")))
    ends = np.cumsum(np.bincount(number, minlength=len(ids))).tolist()
    starts = [0, *ends[:-1]]
    return {one: kept.slice(a, b - a) for one, a, b in zip(ids, starts, ends, strict=False)}
