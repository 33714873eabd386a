"""Every way in which an input can be bad, by the whole command: what it says and what it leaves behind."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from clustergraph.artefacts.runs import open_run
from clustergraph.simulation import simulate
from tests.commands import Ended, call, finish, snapshot, start
from tests.forks import fork
from tests.small_run import write_run

NOON = datetime(2026, 3, 1, 12)
BIG = "x" * 10_000_000


def write(path: Path, data: pa.Table | bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(data, pa.Table):
        pq.write_table(data, path)
    else:
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def events(rows: int = 100, **columns: Any) -> pa.Table:
    """A table of clean events, with some columns put in place of its own, or left out where None."""
    table = {
        "account_id": [f"a{i % 50}" for i in range(rows)],
        "ip": [f"192.0.2.{i % 20}" for i in range(rows)],
        "timestamp": [NOON + timedelta(minutes=i) for i in range(rows)],
        "exchanges": [1] * rows,
    }
    return pa.table({name: column for name, column in {**table, **columns}.items() if column is not None})


def some(bad: Any, good: Any, rows: int = 100) -> list[Any]:
    """A column in which rows 8 to 37 are bad."""
    return [bad if 7 <= i < 37 else good for i in range(rows)]


def cut(folder: Path, table: pa.Table) -> None:
    path = write(folder / "cut.parquet", table)
    path.write_bytes(path.read_bytes()[:-100])


def not_utf8(rows: int) -> pa.Table:
    """A table of text that is not UTF-8, as broken writers of Parquet make it."""
    ids = pa.array([b"\xff"] * rows, pa.binary())
    return events(rows, account_id=pa.Array.from_buffers(pa.string(), rows, ids.buffers()))


# Name -> what to make in the folder of the input, which may give the inputs and options to use instead of
# that folder, and the words that have to be in the message.
Case = tuple[Callable[[Path], list[str] | Any], list[str]]
FILES: dict[str, Case] = {
    "a missing file": (lambda d: [f"{d}/none.parquet"], ["{d}/none.parquet", "no such file"]),
    "a glob without a match": (lambda d: [f"{d}/*.parquet"], ["{d}/*.parquet", "nothing matches"]),
    "a name that is too long": (lambda d: [f"{d}/{'x' * 300}.csv"], ["File name too long"]),
    "an empty folder": (lambda d: None, ["{d}", "is empty", "expected .parquet"]),
    "a folder of other files": (
        lambda d: write(d / "notes.txt", "hello"),
        ["{d}", "1 other files, such as {d}/notes.txt", "expected .parquet"],
    ),
    "a pipe": (lambda d: os.mkfifo(d / "x.csv"), ["{d}/x.csv", "expected a file"]),
    "a truncated file": (lambda d: cut(d, events()), ["{d}/cut.parquet", "cut short"]),
    "a file that is not Parquet": (
        lambda d: write(d / "x.parquet", "account_id,ip\na,1\n"),
        ["{d}/x.parquet", "Parquet was expected"],
    ),
    "an empty file": (lambda d: write(d / "x.parquet", b""), ["{d}/x.parquet", "is empty"]),
    "text in Parquet that is not UTF-8": (
        lambda d: write(d / "x.parquet", not_utf8(9)),
        ["{d}/x.parquet", "UTF8"],
    ),
    "a column missing": (
        lambda d: write(d / "x.parquet", events(account_id=None, acount_id=["a"] * 100)),
        ["{d}/x.parquet", "required column 'account_id' is missing", "did you mean 'acount_id'"],
    ),
    "a value missing": (
        lambda d: [str(write(d / "x.parquet", events(ip=None, kind=["ip"] * 100)))],
        ["{d}/x.parquet", "no signal column", "kind and value"],
    ),
    "ids of the wrong type": (
        lambda d: write(d / "x.parquet", events(account_id=list(range(100)))),
        ["{d}/x.parquet", "column 'account_id' is int64; expected text"],
    ),
    "times of the wrong type": (
        lambda d: write(d / "x.parquet", events(timestamp=["noon"] * 100)),
        ["{d}/x.parquet", "column 'timestamp' is string; expected a timestamp"],
    ),
    "counts of the wrong type": (
        lambda d: write(d / "x.parquet", events(exchanges=[0.5] * 100)),
        ["{d}/x.parquet", "column 'exchanges' is double; expected a whole number"],
    ),
    "no signal column": (
        lambda d: [str(write(d / "x.parquet", events(ip=None, divice_id=["d"] * 100)))],
        ["{d}/x.parquet", "no signal column", "payment_fingerprint", "did you mean 'divice_id'"],
    ),
    "types in conflict": (
        lambda d: write(d / "x.parquet", events(ip=[7] * 100)),
        ["{d}/x.parquet", "column 'ip' is int64; expected text, as in {d}/good.parquet"],
    ),
    "both shapes": (
        lambda d: write(d / "x.parquet", events(kind=["ip"] * 100, value=["1"] * 100)),
        ["{d}/x.parquet", "both shapes"],
    ),
    "the wrong delimiter": (
        lambda d: write(d / "x.csv", "account_id;ip\na;1\n"),
        ["{d}/x.csv", "separated by semicolons", "expected commas"],
    ),
    "UTF-16": (lambda d: write(d / "x.csv", "account_id,ip\na,1\n".encode("utf-16")), ["expected UTF-8"]),
    "a stray quote": (
        lambda d: write(d / "x.csv", 'account_id,ip\na,1\na,"2\na,3\n'),
        ["{d}/x.csv: line 3", "write quotes inside a value twice"],
    ),
    "lines that end in different ways": (
        lambda d: write(d / "x.csv", "account_id,ip\na,1\na,1\r\na,2\n"),
        ["{d}/x.csv: lines end in different ways", "expected"],
    ),
    "sums that overflow": (
        lambda d: write(d / "x.parquet", events(2000, exchanges=[2**53] * 2000)),
        ["'exchanges' adds up to", "64 bits"],
    ),
}
ROWS: dict[str, Case] = {
    "null account ids": (
        lambda d: write(d / "x.parquet", events(account_id=some(None, "a"))),
        ["account_id: empty in 30, first in {d}/x.parquet row 8"],
    ),
    "empty account ids": (
        lambda d: write(d / "x.parquet", events(account_id=some("", "a"))),
        ["account_id: empty in 30, first in {d}/x.parquet row 8"],
    ),
    "negative counts": (
        lambda d: write(d / "x.parquet", events(exchanges=some(-5, 5))),
        ["exchanges: negative in 30, first in {d}/x.parquet row 8 ('-5')"],
    ),
    "overflowing counts": (
        lambda d: write(d / "x.parquet", events(input_tokens=some(2**62, 5))),
        ["input_tokens: over 2^53 in 30, first in {d}/x.parquet row 8"],
    ),
    "counts over 64 bits": (
        lambda d: write(
            d / "x.csv", "account_id,ip,exchanges\n" + "a,1,1\n" * 7 + "a,1,99999999999999999999\n" * 3
        ),
        ["exchanges: over 2^53 in 3, first in {d}/x.csv row 8 ('99999999999999999999')"],
    ),
    "times in 1970": (
        lambda d: write(d / "x.parquet", events(timestamp=some(datetime(1970, 1, 1), NOON))),
        ["timestamp: outside 2000 to 2100 in 30, first in {d}/x.parquet row 8 ('1970-01-01"],
    ),
    "times in 2300": (
        lambda d: write(d / "x.parquet", events(timestamp=some(datetime(2300, 1, 1), NOON))),
        ["timestamp: outside 2000 to 2100 in 30, first in {d}/x.parquet row 8 ('2300-01-01"],
    ),
    "times that are none": (
        lambda d: write(d / "x.csv", "account_id,ip,timestamp\na,1,2026-03-01\na,1,yesterday\n"),
        ["timestamp: not an ISO time in 1, first in {d}/x.csv row 2 ('yesterday')"],
    ),
    "values of 10 MB": (
        lambda d: write(d / "x.parquet", events(5, ip=["1", "1", BIG, BIG, "2"])),
        ["ip: over 64 KiB in 2, first in {d}/x.parquet row 3 ('xxx"],
    ),
    "lines of 10 MB": (
        lambda d: write(d / "x.csv", f"account_id,ip\na,1\na,{BIG}\n"),
        ["line: over 2 MB in 1, first in {d}/x.csv line 3"],
    ),
    "lines that are not UTF-8": (
        lambda d: write(d / "x.csv", b"account_id,ip\na,1\n\xff,1\n"),
        ["line: not UTF-8 in 1, first in {d}/x.csv line 3"],
    ),
    "lines of JSON that are cut": (
        lambda d: write(d / "x.jsonl", '{"account_id": "a", "ip": "1"}\n{"account_id": "a",\n'),
        ["line: not a JSON object in UTF-8 in 1, first in {d}/x.jsonl line 2"],
    ),
}
TABLES: dict[str, Case] = {
    "no volumes": (lambda d: [f"{d}/good.parquet", "--volumes", f"{d}/none.csv"], ["{d}/none.csv"]),
    "two columns of volumes": (
        lambda d: [f"{d}/good.parquet", "--volumes", str(write(d / "v.csv", "account_id,x,y\na,1,2\n"))],
        ["{d}/v.csv", "exactly one numeric column; found x, y"],
    ),
    "an account in two rows": (
        lambda d: [f"{d}/good.parquet", "--accounts", str(write(d / "a.csv", "account_id\na\na\n"))],
        ["{d}/a.csv", "account_id 'a' is in 2 rows; expected one"],
    ),
    "hubs without a value": (
        lambda d: [f"{d}/good.parquet", "--known-hubs", str(write(d / "h.csv", "address\n1\n"))],
        ["{d}/h.csv", "required column 'value' is missing"],
    ),
}


def check_refusal(done: Ended, words: list[str], **names: Path) -> None:
    """Check that a command was refused with one line that has the words."""
    assert done.code == 3, done.err
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert done.err.startswith("clustergraph: error: ")
    for word in words:
        assert word.format(**names) in done.err


def refuse(tmp_path: Path, case: Case) -> None:
    """Check that an input is refused, with an earlier run in the way and without, and nothing changes."""
    make, words = case
    given = tmp_path / "given"
    if case in TABLES.values() or "as in" in words[-1]:
        write(given / "good.parquet", events())
    given.mkdir(exist_ok=True)
    made = make(given)
    inputs = made if isinstance(made, list) else [str(given)]
    for place in ("new", "deep/er", "earlier"):
        if place == "earlier":
            write_run(tmp_path / place)
        before = snapshot(tmp_path)
        done = call("run", *inputs, "--out", tmp_path / place, "--quiet")
        check_refusal(done, words, d=given)
        assert snapshot(tmp_path) == before


@pytest.mark.parametrize("case", FILES)
def test_a_bad_file_is_refused(tmp_path: Path, case: str) -> None:
    refuse(tmp_path, FILES[case])


@pytest.mark.parametrize("case", ROWS)
def test_too_many_bad_rows_are_refused(tmp_path: Path, case: str) -> None:
    refuse(tmp_path, ROWS[case])


@pytest.mark.parametrize("case", TABLES)
def test_a_bad_table_beside_is_refused(tmp_path: Path, case: str) -> None:
    refuse(tmp_path, TABLES[case])


@pytest.mark.parametrize("case", ["a truncated file", "a file that is not Parquet", "an empty file"])
def test_a_bad_file_among_good_ones(tmp_path: Path, case: str) -> None:
    make, words = FILES[case]
    for number in range(3):
        write(tmp_path / "given" / f"{number}.parquet", events())
    make(tmp_path / "given")
    done = call("run", tmp_path / "given", "--out", tmp_path / "out", "--quiet")
    check_refusal(done, words, d=tmp_path / "given")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_listed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "given" / "open" / "x.parquet", events())
    closed = tmp_path / "given" / "shut"
    closed.mkdir()
    scandir = os.scandir

    def refused(path: Any = ".") -> Any:
        if str(path) == str(closed):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    done = call("run", tmp_path / "given", "--out", tmp_path / "out", "--quiet")
    check_refusal(done, [f"{closed}: cannot be opened: Permission denied"])


def test_links_to_folders_are_read_once(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "x.parquet", events())
    given = tmp_path / "given"
    given.mkdir()
    (given / "a").symlink_to(tmp_path / "elsewhere")
    (given / "b").symlink_to(tmp_path / "elsewhere")
    (given / "round").symlink_to(given)
    assert call("run", given, "--out", tmp_path / "out", "--quiet").code == 0
    files = read_manifest(tmp_path / "out")["input"]["files"]
    assert [one["path"] for one in files] == [str(given / "a" / "x.parquet")]


# Rows that are set aside


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """The events of a made-up world, without the columns that do not matter here."""
    folder = tmp_path_factory.mktemp("bad") / "world"
    simulate(folder, accounts=500, seed=3)
    table = pq.read_table(folder / "events" / "dt=2026-02-02" / "part-0.parquet", partitioning=None)
    return table.select(
        ["account_id", "timestamp", "payment_fingerprint", "ip", "device_id", "exchanges", "input_tokens"]
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return found


def hashes(folder: Path) -> dict[str, str]:
    return {name: one["sha256"] for name, one in read_manifest(folder)["artefacts"].items()}


FAULTS: dict[str, dict[str, Any]] = {
    "account_id: empty": {"account_id": ""},
    "exchanges: negative": {"exchanges": -7},
    "exchanges: over 2^53": {"exchanges": 2**60},
    "input_tokens: over 2^53": {"input_tokens": 2**63 - 1},
    "timestamp: outside 2000 to 2100": {"timestamp": datetime(2300, 1, 1, tzinfo=UTC)},
    "ip: over 64 KiB": {"ip": BIG[:70_000]},
    "device_id: over 64 KiB": {"device_id": BIG[:1_900_000]},
}


def faulty(traffic: pa.Table) -> list[dict[str, Any]]:
    """The rows of the traffic, and after the tenth one row of each fault."""
    rows: list[dict[str, Any]] = traffic.to_pylist()
    return rows[:10] + [rows[0] | change for change in FAULTS.values()] + rows[10:]


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_json(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, default=str) + "\n" for row in rows).encode()


def save(folder: Path, ending: str, rows: list[dict[str, Any]], schema: pa.Schema) -> Path:
    forms: dict[str, Callable[[], Any]] = {
        "parquet": lambda: pa.Table.from_pylist(rows, schema),
        "csv": lambda: as_csv(rows),
        "jsonl": lambda: as_json(rows),
    }
    return write(folder / f"x.{ending}", forms[ending]())


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_bad_rows_are_set_aside_and_told(tmp_path: Path, traffic: pa.Table, ending: str) -> None:
    clean = save(tmp_path / "clean", ending, traffic.to_pylist(), traffic.schema)
    mixed = save(tmp_path / "mixed", ending, faulty(traffic), traffic.schema)
    extra = 0
    if ending != "parquet":
        bad = {"csv": [b"\xff,,,,,,\n", b"too,few\n"], "jsonl": [b"{\xff}\n", b'{"account_id":\n']}[ending]
        mixed.write_bytes(mixed.read_bytes() + b"".join(bad))
        extra = len(bad)
    for path in (clean, mixed):
        done = call("run", path, "--out", tmp_path / path.parent.name / "out", "--quiet")
        assert (done.code, done.err) == (0, "")
    told = read_manifest(tmp_path / "mixed" / "out")["input"]
    for number, (reason, change) in enumerate(FAULTS.items()):
        assert told["rejected"][reason]["count"] == 1
        (example,) = told["rejected"][reason]["examples"]
        column, value = next(iter(change.items()))
        assert (example["file"], example["row"], example["column"]) == (str(mixed), 11 + number, column)
        assert (example["value"] or "").startswith(str(value)[:19])
        assert len(example["value"] or "") <= 80
    assert sum(one["count"] for one in told["rejected"].values()) == len(FAULTS) + extra
    assert told["rows"] == traffic.num_rows + len(FAULTS) + extra
    assert told["files"][0]["rows"] == told["rows"]
    assert told["degraded"] is False
    assert hashes(tmp_path / "mixed" / "out") == hashes(tmp_path / "clean" / "out")
    assert open_run(tmp_path / "mixed" / "out").clusters.num_rows > 0


def test_many_bad_rows_make_a_run_degraded(tmp_path: Path, traffic: pa.Table) -> None:
    rows = traffic.to_pylist()
    bad = [row | {"account_id": None} for row in rows[: len(rows) // 10]]
    path = save(tmp_path, "parquet", rows + bad, traffic.schema)
    done = call("run", path, "--out", tmp_path / "out", "--quiet")
    assert done.code == 0
    assert "Degraded" in done.err
    assert read_manifest(tmp_path / "out")["input"]["degraded"] is True


def test_local_times_and_times_in_utc(tmp_path: Path, traffic: pa.Table) -> None:
    moments = traffic["timestamp"]
    place = traffic.schema.get_field_index("timestamp")
    forms = {
        "utc": (moments, "all times have an offset and were converted to UTC"),
        "paris": (
            moments.cast(pa.timestamp("us", "Europe/Paris")),
            "all times have an offset and were converted to UTC",
        ),
        "naive": (moments.cast(pa.timestamp("us")), "no time has an offset; all were taken as UTC"),
    }
    for name, (column, said) in forms.items():
        path = write(tmp_path / f"{name}.parquet", traffic.set_column(place, "timestamp", column))
        assert call("run", path, "--out", tmp_path / name, "--quiet").code == 0
        assert read_manifest(tmp_path / name)["input"]["times"] == said
        assert hashes(tmp_path / name) == hashes(tmp_path / "utc")
    offsets = [one.astimezone().isoformat() for one in moments.to_pylist()]
    east = [
        (one + timedelta(hours=9)).replace(tzinfo=None).isoformat() + "+09:00" for one in moments.to_pylist()
    ]
    mixed = [east[i] if i % 2 else offsets[i].removesuffix("+00:00") for i in range(len(east))]
    rows = traffic.set_column(place, "timestamp", pa.array(mixed)).to_pylist()
    path = write(tmp_path / "mixed.csv", as_csv(rows))
    assert call("run", path, "--out", tmp_path / "mixed", "--quiet").code == 0
    assert "times without one were taken as UTC" in read_manifest(tmp_path / "mixed")["input"]["times"]
    assert hashes(tmp_path / "mixed") == hashes(tmp_path / "utc")


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path, traffic: pa.Table) -> None:
    text = as_csv(traffic.to_pylist())
    for name, data in (("plain", text), ("marked", b"\xef\xbb\xbf" + text)):
        path = write(tmp_path / f"{name}.csv", data)
        assert call("run", path, "--out", tmp_path / name, "--quiet").code == 0
    assert hashes(tmp_path / "marked") == hashes(tmp_path / "plain")


def test_an_id_that_looks_like_a_number_stays_as_it_is(tmp_path: Path, traffic: pa.Table) -> None:
    ids = pc.binary_join_element_wise("00", pc.utf8_slice_codeunits(traffic["account_id"], 5), " ", "")
    path = write(tmp_path / "x.csv", as_csv(traffic.set_column(0, "account_id", ids).to_pylist()))
    assert call("run", path, "--out", tmp_path / "out", "--quiet").code == 0
    members = set(open_run(tmp_path / "out").members["account_id"].to_pylist())
    assert members
    assert members <= set(ids.to_pylist())


# The output folder


@pytest.mark.parametrize("way", ["--quiet", "--dry-run"])
@pytest.mark.parametrize("kind", ["other files", "a file", "a link", "below a file", "too long", "not UTF-8"])
def test_an_output_that_is_no_run_is_left_alone(tmp_path: Path, kind: str, way: str) -> None:
    given = write(tmp_path / "given" / "x.parquet", events())
    out, words = tmp_path / "out", "is not a folder"
    if kind == "other files":
        write(out / "thesis.tex", "years of work")
        words = "is a folder with something else than a run"
    elif kind == "a file":
        write(out, "years of work")
    elif kind == "a link":
        out.symlink_to(write_run(tmp_path / "run"))
    elif kind == "below a file":
        out = write(tmp_path / "file", "") / "deep" / "out"
    elif kind == "too long":
        out, words = tmp_path / ("x" * 300), "cannot be written: File name too long"
    else:
        out, words = tmp_path / "out\udcff", "the name is not UTF-8"
    before = snapshot(tmp_path)
    done = call("run", given, "--out", out, way)
    check_refusal(done, [words])
    assert snapshot(tmp_path) == before


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    given = write(tmp_path / "x.parquet", events())
    (tmp_path / "out").mkdir()
    assert call("run", given, "--out", tmp_path / "out", "--quiet").code == 0
    assert (tmp_path / "out" / "run.json").is_file()


def test_a_dry_run_writes_nothing_anywhere(tmp_path: Path, traffic: pa.Table) -> None:
    given = save(tmp_path / "given", "csv", traffic.to_pylist(), traffic.schema)
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    home.mkdir()
    scratch.mkdir()
    write_run(tmp_path / "earlier")
    before = snapshot(tmp_path)
    for out in ("new", "earlier"):
        process = start("run", given, "--out", tmp_path / out, "--dry-run", HOME=home, TMPDIR=scratch)
        done = finish(process)
        assert done.code == 0, done.err
        assert "Nothing was written" in done.out
        assert snapshot(tmp_path) == before


# The disk

LIMIT = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))\n"
# What is done just before the artefacts are written.
AT_WRITING = """
from clustergraph import pipeline
publish = pipeline.publish
def late(tables, manifest, out, working):
    {what}
    return publish(tables, manifest, out, working)
pipeline.publish = late
"""


@pytest.fixture(scope="module")
def long_values(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file of 24 MB, which reading keeps in the scratch folder."""
    path = tmp_path_factory.mktemp("long") / "x.csv"
    lines = (f"a{i % 997},{i * 7919 % 100_003:0200d}\n" for i in range(120_000))
    path.write_text("account_id,ip\n" + "".join(lines))
    return path


def check_full_disk(done: Ended, words: str, tmp_path: Path, before: dict[str, Any]) -> None:
    check_refusal(done, [words])
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("place", ["new", "earlier"])
def test_a_file_too_large_while_reading(tmp_path: Path, long_values: Path, place: str) -> None:
    write_run(tmp_path / "earlier")
    before = snapshot(tmp_path)
    limits = LIMIT.format(size=2_000_000)
    options = ("--out", tmp_path / place, "--quiet", "--memory-limit", "60MB", "--threads", 1)
    done = finish(start("run", long_values, *options, before=limits))
    check_full_disk(done, f"no room left for scratch files in {tmp_path}", tmp_path, before)


@pytest.mark.parametrize("place", ["new", "earlier"])
def test_a_file_too_large_while_writing(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, traffic: pa.Table, place: str
) -> None:
    given = save(tmp_path_factory.mktemp("given"), "parquet", traffic.to_pylist(), traffic.schema)
    write_run(tmp_path / "earlier")
    before = snapshot(tmp_path)
    late = AT_WRITING.format(what="import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))")
    done = fork("run", given, "--out", tmp_path / place, "--quiet", before=late).finish()
    words = f"{tmp_path / place}: cannot be written: File too large; nothing was changed"
    check_full_disk(done, words, tmp_path, before)


# Mounts a small disk in a name space of its own, so that it goes with the process.
SMALL_DISK = """
disk=$1; earlier=$2; shift 2
mount -t tmpfs -o size=8m tmpfs "$disk" && cp -a "$earlier" "$disk/earlier" || exit 99
"$@"; code=$?
rm -f "$disk/ballast"; ls -A "$disk"; diff -r "$earlier" "$disk/earlier" || exit 98
exit $code
"""
FILL = """
import contextlib
    with contextlib.suppress(OSError), open(out.parent / "ballast", "wb", buffering=0) as ballast:
        while ballast.write(bytes(4096)): pass
"""


def start_on_small_disk(disk: Path, *arguments: object, before: str = "") -> Ended:
    share = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    probe = [*share, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if not shutil.which("unshare") or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a small disk")
    earlier = write_run(disk.parent / "before")
    wrapper = (*share, "sh", "-c", SMALL_DISK, "sh", disk, earlier)
    return finish(start(*arguments, before=before, wrapper=wrapper))


@pytest.mark.parametrize("place", ["new", "earlier"])
def test_a_full_disk_while_reading(tmp_path: Path, long_values: Path, place: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ("--out", disk / place, "--quiet", "--memory-limit", "60MB", "--threads", 1)
    done = start_on_small_disk(disk, "run", long_values, *options)
    check_refusal(done._replace(out=""), [f"no room left for scratch files in {disk}"])
    assert done.out == "earlier\n"


@pytest.mark.parametrize("place", ["new", "earlier"])
def test_a_full_disk_while_writing(tmp_path: Path, traffic: pa.Table, place: str) -> None:
    given = save(tmp_path / "given", "parquet", traffic.to_pylist(), traffic.schema)
    disk = tmp_path / "disk"
    disk.mkdir()
    late = AT_WRITING.format(what=FILL.strip())
    done = start_on_small_disk(disk, "run", given, "--out", disk / place, "--quiet", before=late)
    check_refusal(
        done._replace(out=""),
        [f"{disk / place}: cannot be written", "No space left on device; nothing was changed"],
    )
    assert done.out == "earlier\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_run_is_done_though_nobody_can_read_its_table(tmp_path: Path) -> None:
    given = write(tmp_path / "x.parquet", events())
    full = "import os\nos.dup2(os.open('/dev/full', os.O_WRONLY), 1)"
    assert fork("run", given, "--out", tmp_path / "out", before=full).finish().code == 0
    assert (tmp_path / "out" / "run.json").is_file()


# Signals

SIGNALS = [(signal.SIGTERM, 143), (signal.SIGINT, 1), (signal.SIGKILL, -9)]


def wait_until_at_work(process: subprocess.Popen[str], folder: Path) -> None:
    while not list(folder.glob(".out.working-*/clustergraph-*/scratch.duckdb")):
        assert process.poll() is None


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_in_the_middle_leaves_the_earlier_run(
    tmp_path: Path, long_values: Path, number: signal.Signals, code: int
) -> None:
    write_run(tmp_path / "out")
    before = snapshot(tmp_path)
    process = start("run", long_values, "--out", tmp_path / "out", "--quiet")
    wait_until_at_work(process, tmp_path)
    process.send_signal(number)
    done = finish(process)
    assert done.code == code
    if number != signal.SIGKILL:
        assert done.err == f"clustergraph: stopped by {number.name}\n"
        assert snapshot(tmp_path) == before
        return
    kept = {name: what for name, what in snapshot(tmp_path).items() if ".working-" not in name}
    assert kept == before
    assert list(tmp_path.glob(".out.working-*"))
    assert call("run", long_values, "--out", tmp_path / "out", "--quiet").code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert read_manifest(tmp_path / "out")["input"]["rows"] == 120_000


@pytest.mark.parametrize(
    ("number", "code", "place"),
    [(*SIGNALS[0], "write_table"), (*SIGNALS[0], "settle"), (*SIGNALS[1], "put"), (*SIGNALS[2], "put")],
)
def test_a_signal_while_writing_leaves_the_earlier_run(
    tmp_path: Path, number: signal.Signals, code: int, place: str
) -> None:
    given = write(tmp_path / "x.parquet", events())
    write_run(tmp_path / "out")
    before = snapshot(tmp_path)
    hook = f"""
import os
from clustergraph.artefacts import publishing
plain = publishing.{place}
def stopped(*arguments):
    os.kill(os.getpid(), {int(number)})
    return plain(*arguments)
publishing.{place} = stopped
"""
    done = fork("run", given, "--out", tmp_path / "out", "--quiet", before=hook).finish()
    assert done.code == code
    kept = {name: what for name, what in snapshot(tmp_path).items() if ".working-" not in name}
    assert kept == before
    assert bool(list(tmp_path.glob(".out.working-*"))) == (number == signal.SIGKILL)


def test_an_impatient_person_leaves_nothing_behind(tmp_path: Path) -> None:
    given = write(tmp_path / "x.parquet", events())
    hook = """
import os, shutil, signal
from clustergraph.artefacts import publishing
def stopped(*arguments): os.kill(os.getpid(), signal.SIGINT)
publishing.put = stopped
plain, times = shutil.rmtree, iter(range(9))
def again(*arguments, **options):
    if next(times) == 0: os.kill(os.getpid(), signal.SIGINT)
    return plain(*arguments, **options)
shutil.rmtree = again
"""
    done = fork("run", given, "--out", tmp_path / "out", "--quiet", before=hook).finish()
    assert (done.code, done.err) == (1, "clustergraph: stopped by SIGINT\n")
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]
