"""The log of decisions as a table."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from clustergraph.artefacts.schema import DECISION_LOG, fill_schema
from clustergraph.decisions.log import read_log
from clustergraph.decisions.standing import find_in_force
from clustergraph.disk.durable import replace_table
from clustergraph.disk.faults import told
from clustergraph.store.store import open_store

if TYPE_CHECKING:
    import pyarrow as pa


def list_decisions(store: str | Path) -> pa.Table:
    """Give all decisions of a store, those that were replaced or taken back included.

    Args:
        store: folder of the store.

    Returns:
        The columns of ``schema.DECISION_LOG``, in the order in which they were made.

    Raises:
        InputError: the folder is no store, or the log is damaged.
    """
    entries = read_log(open_store(Path(store).absolute())).entries
    in_force = {one.number for one in find_in_force(entries)}
    rows = [
        {
            **asdict(one),
            "decided_at": datetime.fromisoformat(one.decided_at),
            "in_force": one.number in in_force,
        }
        for one in entries
    ]
    columns = {name: [row[name] for row in rows] for name in DECISION_LOG.names}
    return fill_schema(DECISION_LOG, columns, len(rows))


def export_decisions(store: str | Path, path: str | Path) -> pa.Table:
    """Write all decisions of a store as Parquet; give them as :func:`list_decisions` does.

    Raises:
        InputError: as for :func:`list_decisions`, or the file cannot be written.
    """
    table, target = list_decisions(store), Path(path).absolute()
    with told(target):
        replace_table(table, target)
    return table
