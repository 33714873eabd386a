"""The published nights of a store: which one is meant, and what its tables hold."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from clustergraph.errors import InputError, UsageError
from clustergraph.figures import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clustergraph.store.store import Store

_LAST = "latest"


def list_nights(store: Store) -> list[date]:
    """List the published nights, in order.

    Raises:
        UsageError: there is none.
    """
    nights = store.nights()
    if not nights:
        raise UsageError(f"{store.root}: no night is published yet; `clustergraph nightly` publishes one")
    return nights


def find_night(store: Store, words: str) -> date:
    """Find the night that is meant by a date or by ``latest``.

    Raises:
        UsageError: it is neither, or the night is not published.
    """
    nights = list_nights(store)
    if words == _LAST:
        return nights[-1]
    for night in nights:
        if words == str(night):
            return night
    between = f"the store has {len(nights):,} from {nights[0]} to {nights[-1]}"
    try:
        night = date.fromisoformat(words)
    except ValueError:
        said = printable(words, 80)
        raise UsageError(f"{said!r} is no night; give YYYY-MM-DD or {_LAST}; {between}") from None
    nearest = min(nights, key=lambda one: abs((one - night).days))
    raise UsageError(f"the night {night} is not published; the nearest one is {nearest}, {between}")


def read_columns(
    store: Store, night: date, name: str, columns: Sequence[str], clusters: list[str] | None = None,
    *, later: Sequence[str] = (),
) -> pa.Table:  # fmt: skip
    """Read columns of an artefact of a night, of all rows or of those of some clusters.

    Args:
        store: that has the night.
        night: its date.
        name: of the artefact.
        columns: to read.
        clusters: ids of the clusters whose rows to read, None for all.
        later: columns that nights of earlier versions have not; they are null there.

    Raises:
        InputError: it cannot be read, or lacks a column.
    """
    path = store.run(night) / f"{name}.parquet"
    only = None if clusters is None else pc.field("cluster_id").isin(pa.array(clusters, pa.string()))
    try:
        # partitioning=None: the run lies in dt=.../, which is no column of it.
        names = pq.read_schema(path).names
        missing = [column for column in columns if column not in names]
        if missing:
            raise InputError(f"{path}: has no column {missing[0]}; it is not of this version")
        there = [*columns, *(column for column in later if column in names)]
        table = pq.read_table(path, columns=there, filters=only, partitioning=None)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error
    for column in (one for one in later if one not in table.column_names):
        table = table.append_column(column, pa.nulls(table.num_rows, pa.string()))
    return table
