"""The rows of each cluster, taken out of a table once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clustergraph.artefacts.ties import TIE_COLUMNS, read_ties

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clustergraph.artefacts.runs import Run


def split_by_cluster(table: pa.Table, ids: Sequence[str]) -> dict[str, pa.Table]:
    """Give for each of some clusters its rows of a table with a ``cluster_id``, in their order."""
    place = pc.index_in(table["cluster_id"], value_set=pa.array(ids, pa.string()))
    return _split(table, place, ids)


def split_ties(run: Run, ids: Sequence[str]) -> dict[str, pa.Table]:
    """Give for each of some clusters the ties between its members, accounts coded; all are read once."""
    table = read_ties(run)
    members = run.members
    place = pc.index_in(members["cluster_id"], value_set=pa.array(ids, pa.string()))
    of_source, of_target = (
        _place_coded(table[end], members["account_id"].combine_chunks(), place.combine_chunks())
        for end in TIE_COLUMNS[:2]
    )
    inside = pc.if_else(pc.equal(of_source, of_target), of_source, pa.scalar(None, pa.int32()))
    found = _split(table, inside, ids)
    return {one: _code_anew(ties) for one, ties in found.items()}


def _place_coded(column: pa.ChunkedArray, account_id: pa.Array, place: pa.Array) -> pa.ChunkedArray:
    """Give the cluster of each account of a coded column, null where it is in none."""
    chunks = [
        place.take(pc.index_in(one.dictionary, value_set=account_id)).take(one.indices)
        for one in column.chunks
    ]
    return pa.chunked_array(chunks, pa.int32())


def _code_anew(ties: pa.Table) -> pa.Table:
    """Leave out of the codes all accounts that are not there."""
    for end in TIE_COLUMNS[:2]:
        column = ties[end].cast(pa.string()).dictionary_encode()
        ties = ties.set_column(ties.column_names.index(end), end, column)
    return ties


def _split(table: pa.Table, place: pa.ChunkedArray, ids: Sequence[str]) -> dict[str, pa.Table]:
    """Give for each of some clusters its rows, in their order; ``place`` is of a row's cluster in ``ids``."""
    kept = table.filter(pc.is_valid(place))
    number = pc.drop_null(place).to_numpy()
    kept = kept.take(pa.array(np.argsort(number, kind="stable")))
    ends = np.cumsum(np.bincount(number, minlength=len(ids))).tolist()
    starts = [0, *ends[:-1]]
    return {one: kept.slice(a, b - a) for one, a, b in zip(ids, starts, ends, strict=False)}
