"""The same input gives the same bytes, however its rows lie, however many threads look at them."""

import gzip
import json
from collections.abc import Callable
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from clustergraph.artefacts.runs import open_run
from clustergraph.artefacts.schema import ARTEFACTS
from clustergraph.simulation import simulate
from tests.commands import call, finish, start
from tests.forks import fork

SIGNALS = {
    "payment_fingerprint": "payment_fingerprint",
    "ip": "ip",
    "device_id": "device_id",
    "prompt_template": "true_template",
}
MEASURES = ("timestamp", "exchanges", "input_tokens", "output_tokens")
Shapes = dict[str, pa.Table]


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Shapes:
    """The events of a made-up world over two nights, prompts as text, and the same as sightings."""
    folder = tmp_path_factory.mktemp("repeatability") / "world"
    simulate(folder, accounts=3_000, nights=2, seed=5, prompts=True)
    events = ds.dataset(folder / "events").to_table()
    numbered = [f"e{i // 2 if i % 50 == 1 else i}" for i in range(len(events))]  # one in 50 is in two rows
    events = events.append_column("event_id", pa.array(numbered))
    parts = [
        pa.table(
            {
                "account_id": events["account_id"],
                "kind": pa.repeat(pa.scalar(kind), len(events)),
                "value": events[column],
                **{measure: events[measure] for measure in MEASURES},
            }
        ).filter(pc.is_valid(events[column]))
        for kind, column in SIGNALS.items()
    ]
    return {"events": events.drop_columns(["true_template"]), "sightings": pa.concat_tables(parts)}


def shuffled(table: pa.Table, seed: int) -> pa.Table:
    return table.take(np.random.default_rng(seed).permutation(len(table)))


def write(path: Path, table: pa.Table) -> None:
    """Write a table as what the name of the file says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ending = path.name.split(".", 1)[1]
    if ending == "parquet":
        pq.write_table(table, path, row_group_size=1_000)
        return
    if ending.startswith("csv"):
        sink = pa.BufferOutputStream()
        pacsv.write_csv(table, sink)
        data = sink.getvalue().to_pybytes()
    else:
        lines = [json.dumps(row, default=str) for row in table.to_pylist()]
        data = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(data) if ending.endswith(".gz") else data)


def in_one_file(folder: Path, table: pa.Table) -> None:
    write(folder / "all.parquet", table)


def in_many_files(folder: Path, table: pa.Table) -> None:
    """Cut into files of very different sizes, in folders."""
    cuts = [0, 1, 10, 500, 4_000, 4_001, len(table)]
    for number, (begin, end) in enumerate(pairwise(cuts)):
        write(folder / f"{number % 3}" / f"{9 - number}.parquet", table.slice(begin, end - begin))


def in_many_formats(folder: Path, table: pa.Table) -> None:
    """Cut into files of all formats, the columns in another order in each."""
    endings = ("csv", "parquet", "jsonl", "csv.gz", "jsonl.gz")
    size = len(table) // len(endings) + 1
    for number, ending in enumerate(endings):
        names = table.column_names[number:] + table.column_names[:number]
        write(folder / f"x.{ending}", table.slice(number * size, size).select(names))


def by_value(folder: Path, table: pa.Table) -> None:
    """Folders of Hive in place of a column, as a data lake has them."""
    name = "kind" if "kind" in table.column_names else "platform"
    for value in pc.unique(table[name]).to_pylist():
        rows = table.filter(pc.equal(table[name], value)).drop_columns([name])
        write(folder / f"{name}={value}" / "part-0.parquet", rows)


Layout = Callable[[Path, pa.Table], None]
# How the input lies, the seed it is shuffled by, threads and PYTHONHASHSEED, None for that of all forks.
WAYS: dict[str, tuple[Layout, int | None, int, int | None]] = {
    "as it is": (in_one_file, None, 1, None),
    "two threads, another seed of hashes": (in_one_file, None, 2, 1),
    "shuffled": (in_one_file, 1, 1, None),
    "shuffled and split": (in_many_files, 2, 2, 1),
    "shuffled, in other formats": (in_many_formats, 3, 1, None),
    "by value": (by_value, 4, 2, None),
}


def hashes(folder: Path) -> dict[str, str]:
    """The hashes in run.json, checked against the files."""
    said: dict[str, Any] = json.loads((folder / "run.json").read_text())["artefacts"]
    for name, one in said.items():
        assert one["sha256"] == sha256((folder / name).read_bytes()).hexdigest()
    assert set(said) == {f"{name}.parquet" for name in ARTEFACTS}
    return {name: one["sha256"] for name, one in said.items()}


def run_as_process(inputs: Path, out: Path, threads: int, hash_seed: int | None) -> dict[str, str]:
    command = ("run", inputs, "--out", out, "--threads", threads, "--quiet", "--seed", 7)
    forked = hash_seed is None
    done = fork(*command).finish() if forked else finish(start(*command, PYTHONHASHSEED=hash_seed))
    assert (done.code, done.err) == (0, "")
    return hashes(out)


@pytest.fixture(scope="module", params=["events", "sightings"])
def first(
    request: pytest.FixtureRequest, shapes: Shapes, tmp_path_factory: pytest.TempPathFactory
) -> tuple[pa.Table, dict[str, str]]:
    """A table, and the hashes of its artefacts when nothing is done to it."""
    folder = tmp_path_factory.mktemp(request.param)
    layout, _, threads, hash_seed = WAYS["as it is"]
    layout(folder / "given", shapes[request.param])
    found = run_as_process(folder / "given", folder / "out", threads, hash_seed)
    run = open_run(folder / "out")
    for name, table in run.tables.items():  # that two empty tables are alike says nothing
        # Sightings have no prompts, and of what holds clusters together test_prepared.py tells.
        without = name == "holding" or (name == "templates" and request.param == "sightings")
        assert table.num_rows == 0 if without else table.num_rows > 10, name
    return shapes[request.param], found


@pytest.mark.parametrize("way", list(WAYS)[1:])
def test_the_same_bytes(first: tuple[pa.Table, dict[str, str]], tmp_path: Path, way: str) -> None:
    table, expected = first
    layout, seed, threads, hash_seed = WAYS[way]
    layout(tmp_path / "given", table if seed is None else shuffled(table, seed))
    assert run_as_process(tmp_path / "given", tmp_path / "out", threads, hash_seed) == expected


def test_the_same_bytes_with_little_memory(first: tuple[pa.Table, dict[str, str]], tmp_path: Path) -> None:
    table, expected = first
    in_one_file(tmp_path / "given", shuffled(table, 9))
    options = ("--out", tmp_path / "out", "--memory-limit", "100MB", "--threads", 2, "--quiet", "--seed", 7)
    assert call("run", tmp_path / "given", *options).code == 0
    assert hashes(tmp_path / "out") == expected


def test_files_may_be_named_in_any_order_and_twice(shapes: Shapes, tmp_path: Path) -> None:
    in_many_files(tmp_path / "given", shapes["sightings"].slice(0, 9_000))
    files = sorted((tmp_path / "given").rglob("*.parquet"))
    found = []
    for number, inputs in enumerate((files, files[::-1], [tmp_path / "given", *files[:2]])):
        out = tmp_path / str(number)
        assert call("run", *inputs, "--out", out, "--quiet").code == 0
        found.append((hashes(out), json.loads((out / "run.json").read_text())["input"]))
    assert found[0] == found[1] == found[2]


def test_another_seed_may_differ_in_confidence_but_not_in_ids(shapes: Shapes, tmp_path: Path) -> None:
    """An id is made of the members' ids alone."""
    in_one_file(tmp_path / "given", shapes["events"])
    ids = []
    for seed in (0, 1):
        out = tmp_path / str(seed)
        assert call("run", tmp_path / "given", "--out", out, "--quiet", "--seed", seed).code == 0
        members = open_run(out).members.to_pylist()
        groups: dict[str, frozenset[str]] = {}
        for row in members:
            groups[row["cluster_id"]] = groups.get(row["cluster_id"], frozenset()) | {row["account_id"]}
        ids.append({group: name for name, group in groups.items()})
    both = ids[0].keys() & ids[1].keys()
    assert len(both) > 10
    assert all(ids[0][group] == ids[1][group] for group in both)
