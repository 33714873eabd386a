"""What the whole run is held against: DuckDB's own count of accounts per signal.

python -m tests.bench.baseline SIGHTINGS.parquet [THREADS]
"""

from __future__ import annotations

import sys

import duckdb

COUNT = "SELECT kind, value, count(DISTINCT account_id) AS accounts FROM '{path}' GROUP BY kind, value"


def main(path: str, threads: int) -> None:
    """Count, and stream the result, which is the least that it can cost to have it."""
    with duckdb.connect(config={"threads": threads}) as connection:
        batches = connection.sql(COUNT.format(path=path)).to_arrow_reader()
        print(sum(batch.num_rows for batch in batches))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2)
