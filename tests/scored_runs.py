"""Runs put together from nothing but their clusters, and the truth about them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from clustergraph.artefacts.runs import Run
from clustergraph.artefacts.schema import ARTEFACTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def make_tables(clusters: Sequence[str], **columns: Sequence[Any]) -> dict[str, pa.Table]:
    """Make the tables of a run.

    Args:
        clusters: names of the accounts of each, by rank, in one text: ``"a b c"``.
        columns: values of columns of ``clusters``, by rank.
    """
    tables = {name: schema.empty_table() for name, schema in ARTEFACTS.items()}
    split = [one.split() for one in clusters]
    rows = [
        {"cluster_id": f"c{rank:08d}", "rank": rank, "accounts": len(accounts), "exchanges": 0}
        for rank, accounts in enumerate(split, 1)
    ]
    for name, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    members = [
        {"cluster_id": row["cluster_id"], "account_id": account}
        for row, accounts in zip(rows, split, strict=True)
        for account in accounts
    ]
    tables["clusters"] = pa.Table.from_pylist(rows, ARTEFACTS["clusters"])
    tables["members"] = pa.Table.from_pylist(members, ARTEFACTS["members"])
    return tables


def make_run(clusters: Sequence[str], **columns: Sequence[Any]) -> Run:
    return Run.from_tables(make_tables(clusters, **columns), {})


def write_run(folder: Path, clusters: Sequence[str], **columns: Sequence[Any]) -> Path:
    folder.mkdir(parents=True)
    for name, table in make_tables(clusters, **columns).items():
        pq.write_table(table, folder / f"{name}.parquet")
    (folder / "run.json").write_text(json.dumps({"version": "0", "input": {}}))
    return folder


def make_truth(groups: Mapping[str, str], **columns: Mapping[str, Any]) -> pa.Table:
    """Make a truth of the accounts of each group, in one text; ``""`` is no group.

    Args:
        groups: group -> its accounts.
        columns: further columns, by account; null where an account is not among them.
    """
    accounts = [(account, group) for group, names in groups.items() for account in names.split()]
    found: dict[str, Any] = {
        "account_id": [account for account, _ in accounts],
        "group": [group for _, group in accounts],
    }
    for name, values in columns.items():
        found[name] = [values.get(account) for account, _ in accounts]
    return pa.table(found)
