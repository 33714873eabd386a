"""An input that does not fit in memory, by the whole command, in a process whose memory is capped."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

import pytest

from clustergraph.artefacts.runs import open_run
from clustergraph.engines.duckdb import DuckDBEngine
from tests.commands import finish, start

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

ROWS = 7_000_000
GROUPS, MEMBERS = 20, 20
# The cap counts what is reserved, used or not: half of it by libraries that are only loaded.
CAP = 2_100_000_000
LIMITED, ROOMY = "200MB", "8GB"
# Not ru_maxrss: a child begins with its parent's.
BEFORE = f"""
import atexit, resource, sys
resource.setrlimit(resource.RLIMIT_DATA, ({CAP}, {CAP}))
def tell():
    most = open("/proc/self/status").read().split("VmHWM:")[1].split()[0]
    print("most memory", int(most) * 1024)
atexit.register(tell)
"""


@pytest.fixture(scope="module")
def sightings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Millions of long values that nobody shares, and some groups that share three signals each."""
    folder = tmp_path_factory.mktemp("memory")
    path = folder / "x.parquet"
    parts = [
        "SELECT 'account-' || (i % 30000) AS account_id, 'user_agent' AS kind,"
        " 'a long value, such as a header that nobody has cut short ' || lpad(i::VARCHAR, 60, '-') AS value"
        f" FROM range({ROWS}) t(i)"
    ]
    for kind in ("payment_fingerprint", "device_id", "prompt_template"):
        parts += [
            f"SELECT 'account-' || (i * 7), '{kind}', 'of a group ' || (i // {MEMBERS})"
            f" FROM range({GROUPS * MEMBERS}) t(i)",
            f"SELECT 'account-' || i, '{kind}', 'own ' || i FROM range(30000) t(i)",
        ]
    with DuckDBEngine(folder) as engine:
        engine.fetch(f"COPY ({' UNION ALL '.join(parts)}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    yield path
    path.unlink()


def start_run(sightings: Path, out: Path, limit: str) -> subprocess.Popen[str]:
    options = ("--out", out, "--memory-limit", limit, "--threads", 2, "--quiet")
    return start("run", sightings, *options, before=BEFORE, OPENBLAS_NUM_THREADS=1)


def watch_spilling(process: subprocess.Popen[str], folder: Path) -> int:
    """Give the most bytes that a process kept in spill files, until it ends."""
    most = 0
    while process.poll() is None:
        with contextlib.suppress(FileNotFoundError):  # they come and go
            spilt = folder.glob(".out.working-*/clustergraph-*/spill/*")
            most = max(most, sum(path.stat().st_size for path in spilt))
        time.sleep(0.02)
    return most


def test_an_input_that_does_not_fit_is_spilled(sightings: Path, tmp_path: Path) -> None:
    process = start_run(sightings, tmp_path / "out", LIMITED)
    spilled = watch_spilling(process, tmp_path)
    done = finish(process)
    assert (done.code, done.err) == (0, "")
    assert spilled > 50_000_000
    assert int(done.out.split()[-1]) < 750_000_000
    run = open_run(tmp_path / "out")
    assert run.manifest["input"]["rows"] == ROWS + 3 * (30_000 + GROUPS * MEMBERS)
    assert run.clusters["accounts"].to_pylist() == [MEMBERS] * GROUPS
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_without_the_limit_it_does_not_fit(sightings: Path, tmp_path: Path) -> None:
    """So the test above says something. Which allocation fails first, and what it says, is chance."""
    done = finish(start_run(sightings, tmp_path / "out", ROOMY))
    assert done.code == 1
    assert done.err.startswith("clustergraph: error: ")
    assert done.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
