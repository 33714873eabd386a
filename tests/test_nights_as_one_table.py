"""The exports of all nights of a store read as one table, in the tools that people have."""

from __future__ import annotations

from datetime import date, timedelta
from glob import glob
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from clustergraph.artefacts.schema import NIGHTLY_ARTEFACTS
from clustergraph.nights.night import nightly
from clustergraph.simulation.generate import simulate

if TYPE_CHECKING:
    from pathlib import Path

START = date(2026, 2, 2)


def at(number: int) -> date:
    return START + timedelta(days=number)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """A night that finds nothing, one with a table of accounts, one without, and one without rows."""
    folder = tmp_path_factory.mktemp("nights")
    world, store = folder / "world", folder / "store"
    simulate(world, accounts=2_000, nights=3, evasion=0.3, seed=5)
    strangers = {"account_id": ["a", "b"], "payment_fingerprint": ["x", "y"], "timestamp": [f"{at(0)}"] * 2}
    pd.DataFrame(strangers).to_csv(folder / "strangers.csv", index=False)
    accounts = world / "accounts.parquet"
    nightly(folder / "strangers.csv", store=store, night=at(0), accounts=accounts)
    for number, known in ((1, accounts), (2, None)):
        nightly(world / "events" / f"dt={at(number)}", store=store, night=at(number), accounts=known)
    nightly([], store=store, night=at(3), allow_empty=True)
    return store


def each(store: Path, name: str) -> dict[str, pa.Table]:
    return {
        str(at(number)): pq.read_table(
            store / "runs" / f"dt={at(number)}" / f"{name}.parquet", partitioning=None
        )
        for number in range(4)
    }


@pytest.mark.parametrize("name", NIGHTLY_ARTEFACTS)
def test_types_and_order_of_columns_are_equal_in_all(store, name):
    nights = each(store, name)
    first = nights[str(at(0))].schema
    assert first.equals(NIGHTLY_ARTEFACTS[name])
    assert all(table.schema.equals(first, check_metadata=True) for table in nights.values())
    if name != "accounts":  # which are those of the input
        assert nights[str(at(0))].num_rows == 0
    if name not in ("regrowth", "decisions", "templates", "holding"):  # a small world has none
        assert nights[str(at(1))].num_rows > 0


@pytest.mark.parametrize("name", NIGHTLY_ARTEFACTS)
def test_they_read_as_one_table(store, name):
    nights = each(store, name)
    pattern = f"{store}/runs/*/{name}.parquet"
    whole = pa.concat_tables(nights.values())

    by_duckdb = duckdb.sql(f"FROM '{pattern}'")
    assert by_duckdb.columns == [*whole.column_names, "dt"]
    rows = dict(duckdb.sql("SELECT dt::VARCHAR, count(*) FROM by_duckdb GROUP BY dt").fetchall())
    assert rows == {night: table.num_rows for night, table in nights.items() if table.num_rows}
    assert duckdb.sql("SELECT * EXCLUDE dt FROM by_duckdb EXCEPT ALL FROM whole").fetchall() == []

    paths = sorted(glob(pattern))  # noqa: PTH207 (the pattern that DuckDB takes)
    by_pyarrow = ds.dataset(paths, partitioning="hive").to_table()
    assert by_pyarrow.select(whole.column_names).equals(whole)

    by_pandas = pd.read_parquet(paths, partitioning=None)
    pd.testing.assert_frame_equal(by_pandas, whole.to_pandas())
