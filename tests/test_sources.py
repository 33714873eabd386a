import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clustergraph.errors import InputError
from clustergraph.sightings.sources import find

ROWS = pa.table({"account_id": ["a", "b"], "ip": ["192.0.2.1", None]})
CSV = "account_id,ip\na,192.0.2.1\nb,\n"
JSON = '{"account_id": "a", "ip": "192.0.2.1"}\n{"account_id": "b"}\n'


def compress(data: bytes, codec: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


def write_parquet(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(ROWS, path)
    return path


def names(sources) -> list[str]:
    return [Path(source.path).name for source in sources]


def test_file_folder_and_glob_give_each_file_once(tmp_path):
    write_parquet(tmp_path / "day" / "b.parquet")
    write_parquet(tmp_path / "day" / "a.parquet")
    (tmp_path / "day" / "c.csv").write_text(CSV)
    (tmp_path / "day" / "_SUCCESS").touch()
    (tmp_path / "day" / ".hidden.parquet").touch()
    (tmp_path / "day" / "README.md").write_text("read me")
    found = find([tmp_path, tmp_path / "day" / "a.parquet", str(tmp_path / "**" / "*.parquet")])
    assert names(found) == ["a.parquet", "b.parquet", "c.csv"]
    assert [source.rows for source in found] == [2, 2, None]
    assert found[0].bytes == (tmp_path / "day" / "a.parquet").stat().st_size


def test_a_name_with_wildcards_is_a_file_first(tmp_path):
    write_parquet(tmp_path / "a[1].parquet")
    assert names(find([tmp_path / "a[1].parquet"])) == ["a[1].parquet"]


def test_a_glob_of_folders_reads_what_is_in_them(tmp_path):
    write_parquet(tmp_path / "dt=1" / "x.parquet")
    write_parquet(tmp_path / "dt=2" / "y.parquet")
    assert names(find([tmp_path / "dt=*"])) == ["x.parquet", "y.parquet"]


def test_hive_folders_are_decoded(tmp_path):
    write_parquet(tmp_path / "kind=a%20b" / "country=__HIVE_DEFAULT_PARTITION__" / "x.parquet")
    assert find([tmp_path])[0].hive == {"kind": "a b", "country": None}


@pytest.mark.parametrize(
    ("name", "data", "form"),
    [
        ("x.csv", CSV.encode(), ("csv", "")),
        ("x.CSV.GZ", gzip.compress(CSV.encode(), mtime=0), ("csv", "gzip")),
        ("x.csv.zst", compress(CSV.encode(), "zstd"), ("csv", "zstd")),
        ("x.tsv", CSV.replace(",", "\t").encode(), ("csv", "")),
        ("x.jsonl", JSON.encode(), ("json", "")),
        ("x.ndjson.gz", gzip.compress(JSON.encode(), mtime=0), ("json", "gzip")),
        ("x.json.zst", compress(JSON.encode(), "zstd"), ("json", "zstd")),
        ("bom.csv", b"\xef\xbb\xbf" + CSV.encode(), ("csv", "")),
        ("bom.jsonl", b"\xef\xbb\xbf" + JSON.encode(), ("json", "")),
    ],
)
def test_formats_are_told_by_name(tmp_path, name, data, form):
    (tmp_path / name).write_bytes(data)
    (source,) = find([tmp_path / name])
    assert (source.format, source.compression) == form
    assert list(source.columns) == ["account_id", "ip"]


def test_parquet_types_are_told(tmp_path):
    table = pa.table(
        {
            "text": pa.array(["a"]).dictionary_encode(),
            "large": pa.array(["a"], pa.large_string()),
            "whole": pa.array([1], pa.uint8()),
            "real": [1.0],
            "local": pa.array([0], pa.timestamp("ms")),
            "zoned": pa.array([0], pa.timestamp("us", "Europe/Paris")),
            "day": pa.array([0], pa.date32()),
            "nothing": pa.nulls(1),
            "many": [["a"]],
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    assert list(find([tmp_path / "x.parquet"])[0].columns.values())[:-1] == [
        "text", "text", "integer", "number", "time", "zoned time", "time", "null",
    ]  # fmt: skip


PARQUET = b"PAR1" + b"x" * 100

WRONG = {
    "cut.parquet": (PARQUET, "damaged or cut short"),
    "text.parquet": (b"hello " * 20, "Parquet was expected"),
    "empty.parquet": (b"", "is empty"),
    "parquet.csv": (PARQUET, "is Parquet; by its name, plain text"),
    "gzip.csv": (gzip.compress(CSV.encode(), mtime=0), "is gzip"),
    "plain.csv.gz": (CSV.encode(), "does not start as gzip does"),
    "plain.jsonl.zst": (JSON.encode(), "zstd was expected"),
    "cut.csv.zst": (compress(CSV.encode() * 1000, "zstd")[:-20], "damaged or cut short"),
    "utf16.csv": (CSV.encode("utf-16"), "UTF-16"),
    "empty.csv": (b"", "header line"),
    "semicolons.csv": (CSV.replace(",", ";").encode(), "semicolons"),
    "tabs.csv": (CSV.replace(",", "\t").encode(), r"tabs.*\.tsv"),
    "bars.csv": (CSV.replace(",", "|").encode(), "bars"),
    "doubled.csv": (b"account_id,ip,ip\n", "'ip' more than once"),
    "array.json": (json.dumps([{"account_id": "a"}]).encode(), "one object a line"),
    "prose.jsonl": (b"this is not JSON\nnor is this\n", "no line is a JSON object"),
    "notes.txt": (b"hello", "cannot tell the format"),
    "x.parquet.gz": (gzip.compress(PARQUET, mtime=0), "cannot tell the format"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_is_not_what_its_name_says(tmp_path, name):
    data, message = WRONG[name]
    write_parquet(tmp_path / "good.parquet")
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=message) as error:
        find([tmp_path / "good.parquet", tmp_path / name])
    assert name in str(error.value)


def test_what_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"no such file or folder: .*nowhere"):
        find([tmp_path / "nowhere.parquet"])
    with pytest.raises(InputError, match="nothing matches"):
        find([tmp_path / "*.parquet"])
    with pytest.raises(InputError, match="it is empty"):
        find([tmp_path])
    (tmp_path / "README.md").touch()
    with pytest.raises(InputError, match=r"1 other files, such as .*README\.md"):
        find([tmp_path])
    with pytest.raises(InputError, match="matches no file that can be read"):
        find([tmp_path / "*.md"])
    with pytest.raises(InputError, match="no input"):
        find([])


def test_an_empty_jsonl_is_a_quiet_hour(tmp_path):
    (tmp_path / "x.jsonl").touch()
    assert find([tmp_path / "x.jsonl"])[0].columns == {}
