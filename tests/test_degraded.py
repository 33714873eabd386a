"""An input of which many rows were set aside is marked in everything that comes of it."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

import clustergraph as cg
from clustergraph.artefacts.schema import ARTEFACTS


def write_rows(path, bad: int, rows: int = 200):
    lines = [f"a{n % 20},ip,10.0.0.{n % 7},{-1 if n < bad else 1}" for n in range(rows)]
    path.write_text("\n".join(["account_id,kind,value,exchanges", *lines]) + "\n")


@pytest.mark.parametrize(("bad", "degraded"), [(0, False), (2, False), (3, True), (40, True)])
def test_every_artefact_says_so(tmp_path, bad, degraded):
    write_rows(tmp_path / "rows.csv", bad)
    cg.run(tmp_path / "rows.csv", out=tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "run.json").read_text())
    assert manifest["input"]["degraded"] is degraded
    for name in ARTEFACTS:
        metadata = pq.read_schema(tmp_path / "out" / f"{name}.parquet").metadata
        assert (metadata.get(b"clustergraph.degraded") == b"true") is degraded
