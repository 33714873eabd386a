"""The pipeline that a good engineer writes in a day, to compare with.

DuckDB joins the sightings with themselves, signals of more than 200 accounts left out; a shared signal of
``d`` among ``N`` accounts is worth ``log2(N / d)`` bits; pairs of 16 bits or more are ties; leidenalg finds
communities of the tied accounts; those of at least three accounts are ranked by their sightings.

python -m tests.bench.day_pipeline SIGHTINGS.parquet OUT_FOLDER [THREADS]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import duckdb
import igraph
import leidenalg
import numpy as np
import pyarrow as pa

HUB, LEAST_BITS, LEAST_ACCOUNTS = 200, 16.0, 3

_NUMBERS = """
CREATE TABLE accounts AS
SELECT (row_number() OVER (ORDER BY account_id) - 1)::INTEGER AS account, account_id, count(*) AS sightings
FROM read_parquet(?) GROUP BY account_id
"""
_LINKS = """
CREATE TABLE links AS
SELECT DISTINCT a.account, hash(s.kind, s.value) AS signal
FROM read_parquet(?) s JOIN accounts a USING (account_id)
"""
_SIGNALS = """
CREATE TABLE signals AS
SELECT signal, log2((SELECT count(*) FROM accounts) / count(*)) AS bits
FROM links GROUP BY signal HAVING count(*) BETWEEN 2 AND {hub}
"""
_TIES = """
CREATE TABLE ties AS
SELECT a.account AS source, b.account AS target, sum(s.bits) AS bits, count(*) AS shared
FROM links a JOIN signals s USING (signal) JOIN links b USING (signal)
WHERE a.account < b.account
GROUP BY ALL HAVING sum(s.bits) >= {bits}
"""
_CLUSTERS = """
COPY (
    SELECT row_number() OVER (ORDER BY volume DESC, accounts DESC, cluster) AS rank, *
    FROM (SELECT cluster, count(*) AS accounts, sum(sightings) AS volume
          FROM members JOIN accounts USING (account) GROUP BY cluster HAVING count(*) >= {accounts})
    ORDER BY rank
) TO '{out}/clusters.parquet'
"""
_MEMBERS = """
COPY (SELECT cluster, account_id, sightings FROM members JOIN accounts USING (account)
      JOIN read_parquet('{out}/clusters.parquet') USING (cluster) ORDER BY rank, account_id)
TO '{out}/members.parquet'
"""
_ALL_TIES = """
COPY (SELECT s.account_id AS source, t.account_id AS target, bits, shared
      FROM ties JOIN accounts s ON s.account = source JOIN accounts t ON t.account = target)
TO '{out}/ties.parquet'
"""


def main(path: str, out: Path, threads: int) -> None:
    """Run it and leave ``clusters``, ``members`` and ``ties`` in ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    config: dict[str, Any] = {
        "threads": threads,
        "temp_directory": str(out / "spill"),
        "preserve_insertion_order": False,
    }
    database = out / "day.duckdb"
    with duckdb.connect(str(database), config=config) as connection:
        connection.execute(_NUMBERS, [path])
        connection.execute(_LINKS, [path])
        connection.execute(_SIGNALS.format(hub=HUB))
        connection.execute(_TIES.format(bits=LEAST_BITS))
        connection.register("members", _communities(connection))
        for sql in (_CLUSTERS, _MEMBERS, _ALL_TIES):
            connection.execute(sql.format(out=out, accounts=LEAST_ACCOUNTS))
    database.unlink()


def _communities(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    ties = connection.execute("SELECT source, target, bits FROM ties ORDER BY source, target").fetchnumpy()
    tied, ends = np.unique(np.concatenate([ties["source"], ties["target"]]), return_inverse=True)
    source, target = np.split(ends, 2)
    graph = igraph.Graph(n=len(tied), edges=list(zip(source.tolist(), target.tolist(), strict=True)))
    found = leidenalg.find_partition(
        graph, leidenalg.ModularityVertexPartition, weights=ties["bits"].tolist(), n_iterations=2, seed=0
    )
    return pa.table({"account": pa.array(tied), "cluster": pa.array(found.membership, pa.int32())})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 2)
