"""What an engine gives back between queries."""

from __future__ import annotations

from pathlib import Path

import pytest

from clustergraph.engines.duckdb import DuckDBEngine


def resident() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) * 1024


@pytest.mark.parametrize("limit", ["1GB", None])
def test_a_rest_gives_back_memory_and_keeps_what_there_is(tmp_path, limit):
    with DuckDBEngine(tmp_path, 2, limit) as engine:
        setting = "SELECT current_setting('memory_limit') AS memory"
        before = engine.fetch(setting)
        engine.create("numbers", "SELECT range AS n, hash(range) AS h FROM range(30_000_000)")
        full = resident()
        engine.rest()
        if Path("/proc/self/status").exists():
            assert resident() < full - 50_000_000
        assert engine.fetch(setting).equals(before)
        assert engine.fetch("SELECT count(*) AS n FROM numbers")["n"].to_pylist() == [30_000_000]
