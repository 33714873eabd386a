"""Read a file of prompts and find their templates: `python -m tests.bench.read_prompts FILE THREADS`."""

from __future__ import annotations

import sys

from clustergraph.engines.duckdb import DuckDBEngine
from clustergraph.jobs import MEMORY_LIMIT
from clustergraph.sightings.reading import read
from tests.bench.places import bench_folder


def main(source: str, threads: str) -> None:
    """Read as ``clustergraph run`` does, up to the sightings."""
    with DuckDBEngine(bench_folder(), int(threads), MEMORY_LIMIT) as engine:
        read([source], engine=engine, threads=int(threads))


if __name__ == "__main__":
    main(*sys.argv[1:])
