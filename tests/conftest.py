"""Fixtures that several files of tests use."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from clustergraph.engines.duckdb import DuckDBEngine

# Where a test does not say how many examples it takes; machines are too noisy for deadlines.
settings.register_profile("suite", max_examples=50, deadline=None)
settings.load_profile("suite")

REAL = Path(__file__).parent.parent.parent / "shared" / "data"


@pytest.fixture
def engine(tmp_path):
    with DuckDBEngine(tmp_path, threads=2) as opened:
        yield opened


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data beside the checkout; tests that need it are skipped without it."""
    if not REAL.is_dir():
        pytest.skip("the real data is not beside this checkout")
    return REAL


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Print tables as wide as where there is no terminal, whatever runs the tests says."""
    monkeypatch.delenv("COLUMNS", raising=False)
