"""Commands that answer one question load pandas only where a frame is asked for."""

from __future__ import annotations

import subprocess
import sys

ASK = """
import gc, sys
from clustergraph.commands.quick import answer_quickly
with answer_quickly():
    import pyarrow as pa
    import pyarrow.compute as pc
    column = pa.array(["a", None])
    assert pc.equal(column, "a").to_pylist() == [True, None]
    assert "pandas" not in sys.modules
    assert not gc.isenabled()
assert gc.isenabled()
import pandas
assert pa.table({"a": column}).to_pandas()["a"].tolist()[0] == "a"
assert pa.array(pandas.Series(["x"])).to_pylist() == ["x"]
"""


def test_pandas_is_loaded_when_a_frame_is_asked_for():
    asked = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr
