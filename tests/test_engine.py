import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from clustergraph.engines.duckdb import DuckDBEngine, _explain
from clustergraph.errors import ClustergraphError, InputError, UsageError

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
START = """
import sys
from clustergraph.engines.duckdb import DuckDBEngine
from clustergraph.errors import ClustergraphError
"""


@pytest.fixture
def engine(tmp_path):
    with DuckDBEngine(tmp_path, threads=2) as engine:
        yield engine


def python(code, *arguments, **options):
    command = [sys.executable, "-c", START + code, *map(str, arguments)]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=-1, stderr=-1, text=True, **options)


def test_verbs(engine):
    engine.load("given", pa.table({"x": [3, 1, 2]}))
    engine.view("seen", "SELECT x + 1 AS y FROM given")
    engine.create("kept", "SELECT y FROM seen WHERE y > 2")
    assert engine.fetch("SELECT y FROM kept ORDER BY y").to_pydict() == {"y": [3, 4]}
    engine.load("given", pa.table({"x": [9]}))
    assert engine.fetch("SELECT y FROM seen").to_pydict() == {"y": [10]}
    assert engine.fetch("SELECT y FROM kept ORDER BY y").to_pydict() == {"y": [3, 4]}
    engine.view("kept", "SELECT 1 AS one")
    engine.create("kept", "SELECT 2 AS two")
    engine.load("kept", pa.table({"three": [3]}))
    assert engine.fetch("SELECT * FROM kept").to_pydict() == {"three": [3]}
    for name in ("seen", "kept", "nothing"):
        engine.drop(name)
    with pytest.raises(Exception, match="kept"):
        engine.fetch("SELECT * FROM kept")


def test_names_are_no_python_variables(engine):
    table = pa.table({"x": [1]})
    with pytest.raises(Exception, match="table"):
        engine.fetch('SELECT * FROM "table"')
    assert table.num_rows == 1


def test_hashes_have_64_bits_and_rows_their_order(engine):
    engine.create("numbers", f"SELECT {engine.hash('i::VARCHAR')} AS h FROM range(1000000) t(i)")
    hashes = engine.fetch("SELECT h FROM numbers ORDER BY h")["h"]
    assert hashes.type == pa.uint64()
    assert hashes.to_numpy().tolist() == sorted(hashes.to_numpy().tolist())
    assert hashes[-1].as_py() > 2**63


def test_nothing_is_left_behind(tmp_path):
    with DuckDBEngine(tmp_path) as engine:
        engine.create("kept", "SELECT * FROM range(1000000)")
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []
    engine.close()


def test_nothing_is_left_behind_by_an_error(tmp_path):
    with pytest.raises(RuntimeError), DuckDBEngine(tmp_path):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_settings_that_make_no_sense(tmp_path):
    with pytest.raises(UsageError, match=r"memory_limit=lots"):
        DuckDBEngine(tmp_path, memory_limit="lots")
    with pytest.raises(UsageError, match="threads=0"):
        DuckDBEngine(tmp_path, threads=0)
    with pytest.raises(ClustergraphError, match=r"scratch files in .*nowhere"):
        DuckDBEngine(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_too_little_memory_is_said_clearly(tmp_path):
    with (
        DuckDBEngine(tmp_path, threads=1, memory_limit="20MB") as engine,
        pytest.raises(UsageError, match="memory limit is too small: raise it, to at least 125MB per thread"),
    ):
        engine.fetch("SELECT list(i) FROM range(30000000) t(i)")


FILL = """
with DuckDBEngine(sys.argv[1], threads=1, memory_limit="60MB") as engine:
    engine.create("big", "SELECT hash(i) h, hash(i + 1)::VARCHAR v FROM range(100000000) t(i) ORDER BY h")
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs limits on files")
def test_a_full_disk_is_said_clearly(tmp_path):
    code = (
        """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000_000, 30_000_000))
try:
"""
        + FILL.replace("\n", "\n    ")
        + """
except ClustergraphError as error:
    print(type(error).__name__, error)
"""
    )
    out, err = python(code, tmp_path).communicate(timeout=60)
    assert out.startswith("InputError no room left for scratch files in " + str(tmp_path)), err
    assert list(tmp_path.iterdir()) == []


def test_every_way_to_say_that_the_disk_is_full(tmp_path):
    for error in (
        duckdb.IOException("IO Error: Could not write all bytes to file: wanted=262144 wrote=8192"),
        duckdb.IOException('IO Error: Could not write file "x": No space left on device'),
        duckdb.OutOfMemoryException(
            "failed to offload: limit was set by the 'max_temp_directory_size' setting"
        ),
    ):
        assert str(tmp_path) in str(_explain(error, tmp_path))
    assert isinstance(
        _explain(duckdb.IOException("IO Error: Unexpected end of GZIP stream: x"), tmp_path), InputError
    )
    wrong = duckdb.BinderException("no such column")
    assert _explain(wrong, tmp_path) is wrong


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_leaves_nothing_behind(tmp_path, number):
    code = (
        """
import signal
def stop(number, frame):
    raise SystemExit(128 + number)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background starts with it ignored
"""
        + FILL
    )
    process = python(code, tmp_path)
    deadline = time.monotonic() + 20
    while not list(tmp_path.glob("*/scratch.duckdb")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    assert process.poll() is None
    start = time.monotonic()
    process.send_signal(number)
    process.communicate(timeout=120)
    assert time.monotonic() - start < 10
    assert process.returncode != 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_input_that_does_not_fit_in_memory(tmp_path):
    """Without a limit the process grows to 1.5 GB; its cap counts what is reserved, used or not."""
    code = """
import resource
from clustergraph.sightings.reading import read
resource.setrlimit(resource.RLIMIT_DATA, (2_500_000_000, 2_500_000_000))
with DuckDBEngine(sys.argv[1], threads=2, memory_limit="200MB") as engine:
    found = read([sys.argv[2]], engine=engine)
    engine.create("incidence", "SELECT account_id, kind, value, count(*) n FROM sightings GROUP BY ALL")
    print(found.rows, engine.fetch("SELECT count(*) n FROM incidence")["n"][0])
    # Not ru_maxrss: a child begins with its parent's.
    print(int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) // 1024)
"""
    with DuckDBEngine(tmp_path) as engine:
        engine.fetch(
            "COPY (SELECT 'account-' || hash(i) AS account_id, 'ip' AS kind,"
            " 'a long value ' || hash(i // 2) AS value"
            f" FROM range(8000000) t(i)) TO '{tmp_path / 'x.parquet'}' (FORMAT parquet)"
        )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    out, err = python(code, scratch, tmp_path / "x.parquet").communicate(timeout=120)
    assert out.split()[:2] == ["8000000", "8000000"], err
    assert int(out.split()[2]) < 500
    assert list(scratch.iterdir()) == []
