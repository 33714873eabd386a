import gzip
import json
import random
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clustergraph.engines.duckdb import DuckDBEngine
from clustergraph.errors import InputError
from clustergraph.sightings.addresses import normalise
from clustergraph.sightings.derived import DEFAULT_EXPRESSIONS
from clustergraph.sightings.reading import read
from clustergraph.sightings.side_tables import read_accounts, read_known_hubs, read_volumes

NOON = datetime(2026, 3, 1, 12)


@pytest.fixture
def engine(tmp_path_factory):
    with DuckDBEngine(tmp_path_factory.mktemp("scratch"), threads=2) as engine:
        yield engine


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(data, pa.Table):
        pq.write_table(data, path)
    elif isinstance(data, bytes):
        path.write_bytes(data)
    else:
        path.write_bytes(data.encode())
    return path


DERIVED = ", ".join(f"'{kind}'" for kind in DEFAULT_EXPRESSIONS)  # these are looked at in test_derived.py


def rows(engine, relation="sightings", columns="* EXCLUDE (last_seen)"):
    """Give the rows of the kinds that are columns of the input."""
    found = engine.fetch(f"SELECT {columns} FROM {relation} WHERE kind NOT IN ({DERIVED})").to_pylist()
    return sorted((tuple(row.values()) for row in found), key=repr)


def values(engine):
    return rows(engine, columns="account_id, kind, value")


def events(n=1000, **columns):
    """A table of clean events, with some columns put in place of its own."""
    table = {
        "account_id": [f"a{i % 50}" for i in range(n)],
        "ip": [f"192.0.2.{i % 200}" for i in range(n)],
        "timestamp": [NOON + timedelta(minutes=i) for i in range(n)],
        "exchanges": [1] * n,
    }
    return pa.table({name: column for name, column in {**table, **columns}.items() if column is not None})


def csv_of(n=1000, *, extra=""):
    return "account_id,ip\n" + "".join(f"a{i % 50},192.0.2.{i % 200}\n" for i in range(n)) + extra


# Both shapes


def test_events_become_a_row_per_signal_observed(engine, tmp_path):
    table = pa.table(
        {
            "account_id": ["a", "b", "c"],
            "timestamp": [NOON, None, NOON],
            "ip": ["192.0.2.1", "", None],
            "device_id": ["d", "d", None],
            "exchanges": [3, None, 5],
            "input_tokens": pa.array([7, 8, 9], pa.int32()),
            "unused": [1.5, 2.5, 3.5],
        }
    )
    found = read([write(tmp_path / "x.parquet", table)], engine=engine)
    assert rows(engine) == [
        ("a", "device_id", "d", NOON, 3, 7, 0, None),
        ("a", "ip", "192.0.2.1", NOON, 3, 7, 0, None),
        ("b", "device_id", "d", None, 1, 8, 0, None),
    ]
    assert rows(engine, "exchanges") == [
        ("a", "", NOON, 3, 7, 0, None),
        ("b", "", None, 1, 8, 0, None),
        ("c", "", NOON, 5, 9, 0, None),
    ]
    assert (found.shape, found.kinds, found.rows, found.has_time) == (
        "events",
        ("device_id", "ip", "ip_prefix"),
        3,
        True,
    )
    assert found.families == {"device_id": "device", "ip": "network", "ip_prefix": "network"}
    assert (found.rejected, found.degraded, found.duplicates) == ({}, False, 0)


def test_rows_keep_the_place_where_they_were_seen(engine, tmp_path):
    table = pa.table({"account_id": ["a", "b", "c"], "ip": ["1", "2", "3"], "asn": ["AS1", "", None]})
    found = read([write(tmp_path / "x.parquet", table)], engine=engine)
    expected = [("a", "AS1"), ("b", None), ("c", None)]
    assert found.has_place
    assert rows(engine, columns="account_id, place") == expected
    assert rows(engine, "exchanges", columns="account_id, place") == expected


def test_sightings_keep_kind_and_value(engine, tmp_path):
    table = pa.table({"account_id": ["a", "b", "b"], "kind": ["ip", "x", "x"], "value": ["1", "1", None]})
    found = read([write(tmp_path / "x.parquet", table)], engine=engine, families={"x": "odd"})
    assert values(engine) == [("a", "ip", "1"), ("b", "x", "1")]
    assert rows(engine, "exchanges") == [
        ("a", "ip", None, 1, 0, 0, None),
        ("b", "x", None, 1, 0, 0, None),
        ("b", "x", None, 1, 0, 0, None),
    ]
    assert (found.shape, found.has_time, found.families) == (
        "sightings",
        False,
        {"ip": "network", "x": "odd"},
    )


def test_columns_are_made_signals_by_name(engine, tmp_path):
    table = pa.table({"account_id": ["a"], "ip": ["1"], "egress": ["2"], 'user "agent': ["curl"]})
    path = write(tmp_path / "x.parquet", table)
    found = read([path], engine=engine, signals={"ip": "ip", "egress": "ip", 'user "agent': "user_agent"})
    assert values(engine) == [("a", "ip", "1"), ("a", "ip", "2"), ("a", "user_agent", "curl")]
    assert found.families == {"ip": "network", "user_agent": "device"}
    with pytest.raises(InputError, match=r"'egres' of the configuration; did you mean 'egress'"):
        read([path], engine=engine, signals={"ip": "ip", "egres": "ip"})


def test_files_are_joined_by_name(engine, tmp_path):
    write(tmp_path / "1.parquet", pa.table({"account_id": ["a"], "ip": ["1"]}))
    write(tmp_path / "2.parquet", pa.table({"other": [1], "device_id": ["d"], "account_id": ["b"]}))
    write(tmp_path / "3.parquet", pa.table({"account_id": ["c"], "ip": pa.nulls(1), "exchanges": [2]}))
    write(
        tmp_path / "4.parquet",
        pa.table({"ip": ["4"], "account_id": ["d"], "exchanges": pa.array([3], pa.int8())}),
    )
    write(tmp_path / "5.csv", "ip,account_id\n5,e\n")
    write(tmp_path / "6.jsonl", '{"account_id": "f", "device_id": "g"}\n')
    found = read([tmp_path], engine=engine)
    assert values(engine) == [
        ("a", "ip", "1"),
        ("b", "device_id", "d"),
        ("d", "ip", "4"),
        ("e", "ip", "5"),
        ("f", "device_id", "g"),
    ]
    assert [row[0] + str(row[3]) for row in rows(engine, "exchanges")] == ["a1", "b1", "c2", "d3", "e1", "f1"]
    assert found.files[0].path.endswith("1.parquet")
    assert [file.rows for file in found.files] == [1] * 6


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_hive_folders_are_columns(engine, tmp_path, ending):
    for kind in ("ip", "a%20b"):
        path = tmp_path / f"kind={kind}" / f"x.{ending}"
        table = pa.table({"account_id": ["a"], "value": ["007"]})
        text = {"csv": "account_id,value\na,007\n", "jsonl": '{"account_id": "a", "value": "007"}\n'}
        write(path, text.get(ending, table))
    assert read([tmp_path], engine=engine).kinds == ("a b", "ip")
    assert values(engine) == [("a", "a b", "007"), ("a", "ip", "007")]


def test_paths_are_taken_literally(engine, tmp_path):
    path = write(tmp_path / "it's [x]*?.csv", csv_of(3))
    assert read([path], engine=engine).rows == 3
    path = write(tmp_path / "it's [x]*?.parquet", events(3))
    assert read([path], engine=engine).rows == 3


def test_nothing_in_it_is_no_error(engine, tmp_path):
    found = read([write(tmp_path / "x.parquet", events(0))], engine=engine)
    assert (found.rows, found.degraded, rows(engine)) == (0, False, [])


# Text


def test_csv_is_text(engine, tmp_path):
    text = '\ufeffaccount_id,ip,note\r\n007,1.10,"a, ""b""\r\nc"\r\n Ab ,"",x\r\nnull,NaN,\r\n'
    read([write(tmp_path / "x.csv", text)], engine=engine)
    assert values(engine) == [("007", "ip", "1.10"), ("null", "ip", "NaN")]
    assert [row[0] for row in rows(engine, "exchanges")] == [" Ab ", "007", "null"]


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("2026-03-01 12:00:00", NOON),
        ("2026-03-01T12:00:00Z", NOON),
        ("2026-03-01T13:30:00+01:30", NOON),
        ("2026-03-01T07:00:00.5-0500", NOON + timedelta(seconds=0.5)),
        ("2026-03-01", NOON - timedelta(hours=12)),
        ("", None),
    ],
)
def test_times_are_brought_to_utc(engine, tmp_path, given, taken):
    found = read([write(tmp_path / "x.csv", f"account_id,ip,timestamp\na,1,{given}\n")], engine=engine)
    assert rows(engine, columns="first_seen") == [(taken,)]
    assert found.naive_times == (given in ("2026-03-01 12:00:00", "2026-03-01"))


def test_times_of_parquet_are_brought_to_utc(engine, tmp_path):
    zoned = pa.array([NOON - timedelta(hours=1)], pa.timestamp("us", "Europe/Paris"))
    read([write(tmp_path / "zoned.parquet", events(1, timestamp=zoned))], engine=engine)
    assert rows(engine, columns="first_seen") == [(NOON - timedelta(hours=1),)]
    for unit in ("s", "ms", "ns"):
        local = pa.array([NOON], pa.timestamp(unit))
        found = read([write(tmp_path / f"{unit}.parquet", events(1, timestamp=local))], engine=engine)
        assert rows(engine, columns="first_seen") == [(NOON,)]
    assert found.times == "no time has an offset; all were taken as UTC"
    found = read([tmp_path], engine=engine)
    assert "converted" in found.times
    assert "taken as UTC" in found.times


def test_whole_numbers_in_quotes_are_counts(engine, tmp_path):
    read([write(tmp_path / "x.jsonl", '{"account_id": "a", "ip": "1", "exchanges": "12"}\n')], engine=engine)
    assert rows(engine, columns="exchanges") == [(12,)]


def test_a_key_that_comes_late_in_a_file_is_read(engine, tmp_path):
    line = {
        "account_id": "b",
        "device_id": "d",
        "exchanges": 5,
        "timestamp": "2026-03-01T12:00:00Z",
        "event_id": "e",
    }
    text = '{"account_id": "a", "ip": "1"}\n' * 2000 + (json.dumps(line) + "\n") * 2
    found = read([write(tmp_path / "x.jsonl", text)], engine=engine)
    assert (found.kinds, found.has_time, found.duplicates) == (("device_id", "ip"), True, 1)
    assert rows(engine)[-1] == ("b", "device_id", "d", NOON, 5, 0, 0, None)
    assert "exchanges" in found.measures


# Faults of a row

BIG = "x" * (64 * 1024 + 1)


def nth(name, value, of=1000):
    """A clean event's columns but for one value in row 7."""
    return [value if i == 6 else clean for i, clean in enumerate(events(of)[name].to_pylist())]


ROW_FAULTS = {
    "account_id: empty": {"account_id": nth("account_id", "")},
    "account_id: over 64 KiB": {"account_id": nth("account_id", BIG)},
    "ip: over 64 KiB": {"ip": nth("ip", BIG)},
    "exchanges: negative": {"exchanges": nth("exchanges", -1)},
    "exchanges: over 2^53": {"exchanges": nth("exchanges", 2**63 - 1)},
    "input_tokens: over 2^53": {"input_tokens": pa.array(nth("exchanges", 2**64 - 1), pa.uint64())},
    "timestamp: outside 2000 to 2100": {"timestamp": nth("timestamp", datetime(1970, 1, 1))},
}


@pytest.mark.parametrize("reason", ROW_FAULTS)
@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_a_faulty_row_is_set_aside(engine, tmp_path, reason, ending):
    table = events(**ROW_FAULTS[reason])
    path = tmp_path / f"x.{ending}"
    if ending == "parquet":
        pq.write_table(table, path)
    elif ending == "csv":
        pacsv.write_csv(table, path)
    else:
        path.write_text("".join(json.dumps(row, default=str) + "\n" for row in table.to_pylist()))
    found = read([path], engine=engine)
    assert {reason: one.count for reason, one in found.rejected.items()} == {reason: 1}
    (example,) = found.rejected[reason].examples
    assert (example.file, example.row, example.column) == (str(path), 7, reason.split(":")[0])
    assert (found.rows, found.degraded) == (1000, False)
    assert len(rows(engine)) == len(rows(engine, "exchanges")) == 999


def test_a_null_account_and_a_far_future_are_set_aside(engine, tmp_path):
    late = events(
        timestamp=nth("timestamp", datetime(2300, 1, 1)), account_id=[None, *nth("account_id", "z")[1:]]
    )
    found = read([write(tmp_path / "x.parquet", late)], engine=engine)
    assert list(found.rejected) == ["account_id: empty", "timestamp: outside 2000 to 2100"]
    assert found.rejected["timestamp: outside 2000 to 2100"].examples[0].value == "2300-01-01 00:00:00"


def test_a_sighting_without_a_kind_is_set_aside(engine, tmp_path):
    table = pa.table({"account_id": ["a"] * 200, "kind": [None, *["ip"] * 199], "value": ["1"] * 200})
    found = read([write(tmp_path / "x.parquet", table)], engine=engine)
    assert found.rejected["kind: empty"].count == 1
    assert found.kinds == ("ip",)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"b\xff,1\n", "line: not UTF-8"),
        (b"b\n", "line: too few columns"),
        (b"b,1,2\n", "line: too many columns"),
        (b"b," + b"x" * 10_000_000 + b"\n", "line: over 2 MB"),
    ],
)
def test_a_line_of_csv_that_cannot_be_read_is_set_aside(engine, tmp_path, line, reason):
    path = write(tmp_path / "x.csv", csv_of().encode() + line + b"c,3\n")
    found = read([path], engine=engine)
    assert {reason: one.count for reason, one in found.rejected.items()} == {reason: 1}
    assert found.rejected[reason].examples[0].row == 1002
    assert found.rows == found.files[0].rows == 1002
    assert len(rows(engine)) == 1001


@pytest.mark.parametrize("line", ['b,"oops\n', 'b,"1"2\n'])
@pytest.mark.parametrize("size", [10, 1_000_000, 9_000_000])
def test_a_stray_quote_is_a_fault_of_the_file(engine, tmp_path, line, size):
    text = csv_of() + line + "c,3\n" * size
    with pytest.raises(InputError, match=r"x\.csv: line 1002: a quote that is not closed"):
        read([write(tmp_path / "x.csv", text)], engine=engine)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"account_id": "b\xff", "ip": "1"}', "line: not a JSON object in UTF-8"),
        (b'{"account_id": "b", "ip"', "line: not a JSON object in UTF-8"),
        (b"[1]", "line: not a JSON object in UTF-8"),
        (b'{"account_id": 12, "ip": "1"}', "account_id: not text in quotes"),
        (b'{"account_id": "b", "ip": {"v4": "1"}}', "ip: not text in quotes"),
        (b'{"account_id": "b", "ip": "1", "exchanges": 1.5}', "exchanges: not a whole number"),
        (b'{"account_id": "b", "ip": "1", "timestamp": 1772366400}', "timestamp: not an ISO time"),
        (b'{"account_id": "b", "ip": "' + b"x" * 10_000_000 + b'"}', "ip: over 64 KiB"),
    ],
)
def test_a_line_of_json_that_cannot_be_used_is_set_aside(engine, tmp_path, line, reason):
    good = b"".join(b'{"account_id": "a", "ip": "1"}\n' for _ in range(200))
    found = read([write(tmp_path / "x.jsonl", good + line + b"\n" + good)], engine=engine)
    assert {reason: one.count for reason, one in found.rejected.items()} == {reason: 1}
    assert found.rejected[reason].examples[0].row == 201
    assert (found.rows, len(rows(engine))) == (401, 400)


def test_times_that_cannot_be_read_are_set_aside(engine, tmp_path):
    text = "account_id,ip,timestamp\n" + "a,1,2026-03-01\n" * 300 + "b,1,01/03/2026\nb,1,1772366400\n"
    found = read([write(tmp_path / "x.csv", text)], engine=engine)
    one = found.rejected["timestamp: not an ISO time"]
    assert [(example.row, example.value) for example in one.examples] == [
        (301, "01/03/2026"),
        (302, "1772366400"),
    ]


def test_how_many_rows_set_aside_are_too_many(engine, tmp_path):
    def share(bad):
        ids = [None if i < bad else "a" for i in range(1000)]
        return write(tmp_path / "x.parquet", events(account_id=ids))

    assert not read([share(10)], engine=engine).degraded
    assert read([share(11)], engine=engine).degraded
    assert not read([share(11)], engine=engine, max_rejected=0.05).degraded
    assert read([share(200)], engine=engine).degraded
    with pytest.raises(InputError, match=r"201 of 1,000 rows .* account_id: empty in 201, first in .* row 1"):
        read([share(201)], engine=engine)


def test_sums_that_overflow_are_refused(engine, tmp_path):
    path = write(tmp_path / "x.parquet", events(2000, exchanges=[2**53] * 2000))
    with pytest.raises(InputError, match="'exchanges' adds up to"):
        read([path], engine=engine)


# Faults of a file

FILE_FAULTS = {
    "no account id": (
        [pa.table({"acount_id": ["a"], "ip": ["1"]})],
        r"'account_id' is missing.*mean 'acount_id'",
    ),
    "no signal": (
        [pa.table({"account_id": ["a"], "divice_id": ["1"]})],
        "no signal column.*mean 'divice_id'",
    ),
    "only a kind": ([pa.table({"account_id": ["a"], "kind": ["ip"]})], "no signal column"),
    "numbers for ids": ([pa.table({"account_id": [1], "ip": ["1"]})], "'account_id' is int64; expected text"),
    "a number for a signal": ([pa.table({"account_id": ["a"], "ip": [1]})], "'ip' is int64; expected text"),
    "text for counts": ([events(1, exchanges=["1"])], "'exchanges' is string; expected a whole number"),
    "fractions for counts": ([events(1, exchanges=[1.0])], "'exchanges' is double"),
    "text for times": ([events(1, timestamp=["2026-03-01"])], "'timestamp' is string; expected a timestamp"),
    "conflicting types": ([events(1), events(1, ip=[7])], r"1\.parquet.*'ip' is int64.*as in .*0\.parquet"),
    "conflicting context": ([events(1, model=["m"]), events(1, model=[7])], "'model' is int64"),
    "both shapes": ([events(1, kind=["ip"], value=["1"])], "columns of both shapes"),
    "two shapes": (
        [events(1), pa.table({"account_id": ["a"], "kind": ["ip"], "value": ["1"]})],
        r"1\.parquet holds sightings.*0\.parquet events",
    ),
    "one without an account id": (
        [events(1), pa.table({"ip": ["1"]})],
        r"1\.parquet: required column 'account_id'",
    ),
}


@pytest.mark.parametrize("case", FILE_FAULTS)
def test_a_faulty_file_is_named(engine, tmp_path, case):
    tables, message = FILE_FAULTS[case]
    for number, table in enumerate(tables):
        write(tmp_path / f"{number}.parquet", table)
    with pytest.raises(InputError, match=message):
        read([tmp_path], engine=engine)


@pytest.mark.parametrize("ending", ["csv.gz", "csv.zst", "jsonl.gz", "jsonl.zst", "parquet"])
def test_a_truncated_file_among_good_ones(engine, tmp_path, ending):
    write(tmp_path / "good.parquet", events(5))
    codec = {"gz": "gzip", "zst": "zstd"}.get(ending.split(".")[-1])
    rng = random.Random(1)
    text = "account_id,ip\n" + "".join(f"a{rng.random()},{rng.random()}\n" for _ in range(20_000))
    if ending.startswith("jsonl"):
        text = "".join(
            json.dumps({"account_id": f"a{rng.random()}", "ip": "1"}) + "\n" for _ in range(20_000)
        )
    path = tmp_path / f"cut.{ending}"
    if codec:
        with pa.CompressedOutputStream(str(path), codec) as stream:
            stream.write(text.encode())
    else:
        pq.write_table(events(), path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError, match="cut"):
        read([tmp_path], engine=engine)


def test_a_damaged_page_is_a_fault_of_the_file(engine, tmp_path):
    path = write(
        tmp_path / "x.parquet", events(5000, ip=[random.Random(i).random().hex() for i in range(5000)])
    )
    data = bytearray(path.read_bytes())
    for place in range(1000, len(data) - 5000, 97):
        data[place] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match=r"cannot be read|damaged"):
        read([path], engine=engine)


def test_numbers_for_ids_in_json_are_refused(engine, tmp_path):
    path = write(tmp_path / "x.jsonl", '{"account_id": 12, "ip": "1"}\n' * 3)
    with pytest.raises(InputError, match="account_id: not text in quotes in 3"):
        read([path], engine=engine)


# Duplicates and addresses


@pytest.mark.parametrize("turn", [1, -1])
def test_an_event_id_counts_once_whatever_the_order(engine, tmp_path, turn):
    table = events(
        7,
        event_id=["e1", "e2", "e1", None, None, "", "e1"],
        account_id=["b", "c", "a", "d", "d", "d", "a"],
        ip=["1", "2", "3", "4", "4", "4", "2"],
    )
    order = list(range(7))[::turn]
    write(tmp_path / "1.parquet", table.take(order[:4]))
    write(tmp_path / "2.parquet", table.take(order[4:]))
    found = read([tmp_path], engine=engine)
    assert found.duplicates == 2
    assert [row[:3] for row in values(engine)] == [
        ("a", "ip", "2"), ("c", "ip", "2"), ("d", "ip", "4"), ("d", "ip", "4"), ("d", "ip", "4"),
    ]  # fmt: skip
    assert len(rows(engine, "exchanges")) == 5


def test_a_faulty_row_does_not_stand_for_its_event(engine, tmp_path):
    ids = [f"e{i}" for i in range(998)] + ["twice", "twice"]
    accounts = ["a"] * 998 + ["", "b"]
    read([write(tmp_path / "x.parquet", events(event_id=ids, account_id=accounts))], engine=engine)
    assert len(rows(engine, "exchanges")) == 999


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:0DB8:0000:0000:ffff::", "2001:db8::/64"),
        ("2001:db8:0:7:1:2:3:4", "2001:db8:0:7::/64"),
        ("2001:db8::/64", "2001:db8::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"),
        ("::1", "::/64"),
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:443", "192.0.2.1:443"),
        ("not:an:address", "not:an:address"),
        ("2001:db8::1\x00", "2001:db8::1\x00"),
    ],
)
def test_one_form_for_an_address(address, form):
    assert normalise(address) == form


@given(st.ip_addresses(v=6))
def test_all_ways_to_write_an_address_are_one(address):
    assert normalise(str(address)) == normalise(address.exploded) == normalise(str(address).upper())
    assert normalise(normalise(str(address))) == normalise(str(address))


@pytest.mark.parametrize("shape", ["events", "sightings"])
def test_addresses_alone_are_brought_to_one_form(engine, tmp_path, shape):
    ips, other = ["2001:DB8::1", "2001:db8:0::2", "192.0.2.1", "::ffff:192.0.2.1"], "2001:db8::1"
    table = pa.table({"account_id": list("abcd"), "ip": ips, "device_id": [other] * 4})
    if shape == "sightings":
        table = pa.table(
            {
                "account_id": list("abcd") * 2,
                "kind": ["ip"] * 4 + ["device_id"] * 4,
                "value": ips + [other] * 4,
            }
        )
    read([write(tmp_path / "x.parquet", table)], engine=engine)
    assert values(engine) == [
        ("a", "device_id", other),
        ("a", "ip", "2001:db8::/64"),
        ("b", "device_id", other),
        ("b", "ip", "2001:db8::/64"),
        ("c", "device_id", other),
        ("c", "ip", "192.0.2.1"),
        ("d", "device_id", other),
        ("d", "ip", "192.0.2.1"),
    ]


def test_many_addresses_go_through_in_parts(engine, tmp_path, monkeypatch):
    monkeypatch.setattr("clustergraph.sightings.addresses.PART", 7)
    ips = [f"2001:db8:0:{i % 40:x}::{i:x}" for i in range(100)]
    read([write(tmp_path / "x.parquet", events(100, ip=ips))], engine=engine)
    assert {row[2] for row in values(engine)} == {normalise(ip) for ip in ips}
    assert len(values(engine)) == 100


# Round trips

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=6)
ROW = st.fixed_dictionaries(
    {
        "account_id": TEXT | st.sampled_from(["a", "b", " a", "007"]),
        "ip": st.none() | TEXT | st.sampled_from(["2001:db8::1", "2001:DB8::2"]),
        "device_id": st.none() | TEXT | st.just('quo"te,\nline'),
        "event_id": st.none() | st.sampled_from(["e1", "e2", "e3"]),
        "timestamp": st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)),
        "exchanges": st.none() | st.integers(0, 2**53),
        "output_tokens": st.integers(0, 10),
    }
)
SCHEMA = pa.schema(
    {
        **dict.fromkeys(("account_id", "ip", "device_id", "event_id"), pa.string()),
        "timestamp": pa.timestamp("us"),
        **dict.fromkeys(("exchanges", "output_tokens"), pa.int64()),
    }
)


def write_part(path, table):
    ending = path.name.split(".", 1)[1]
    sink = pa.BufferOutputStream()
    if ending == "parquet":
        pq.write_table(table, sink)
    elif ending.startswith("csv"):
        pacsv.write_csv(table, sink)
    else:
        lines = [json.dumps(row, default=str) for row in table.to_pylist()]
        sink.write(("\n".join(lines) + "\n").encode() if lines else b"")
    data = sink.getvalue().to_pybytes()
    if ending.endswith(".gz"):
        data = gzip.compress(data)
    elif ending.endswith(".zst"):
        packed = pa.BufferOutputStream()
        with pa.CompressedOutputStream(packed, "zstd") as stream:
            stream.write(data)
        data = packed.getvalue().to_pybytes()
    path.write_bytes(data)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(ROW, min_size=1, max_size=12),
    endings=st.lists(
        st.sampled_from(["parquet", "csv", "csv.gz", "csv.zst", "jsonl", "ndjson.gz", "json.zst"]),
        min_size=1,
        max_size=3,
    ),
    shuffle=st.randoms(use_true_random=False),
)
def test_the_same_rows_in_any_format_order_and_split(engine, tmp_path_factory, events, endings, shuffle):
    one, many = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("many")
    write_part(one / "x.parquet", pa.Table.from_pylist(events, SCHEMA))
    read([one], engine=engine)
    expected = rows(engine), rows(engine, "exchanges")
    shuffle.shuffle(events)
    for number, ending in enumerate(endings):
        part = pa.Table.from_pylist(events[number :: len(endings)], SCHEMA)
        write_part(many / f"{number}.{ending}", part)
    read([many], engine=engine)
    assert (rows(engine), rows(engine, "exchanges")) == expected


# The small tables beside


def test_accounts(engine, tmp_path):
    path = write(
        tmp_path / "x.csv", "account_id,status,created_at\nb,,2026-03-01T13:00:00+01:00\na,banned,\n"
    )
    table = read_accounts(path, engine)
    assert table.column_names == [
        "account_id",
        "created_at",
        "status",
        "banned_at",
        "organization_id",
        "pathway",
        "email",
        "asn",
    ]
    assert table["account_id"].to_pylist() == ["a", "b"]
    assert table["created_at"].to_pylist() == [None, NOON]
    assert table["status"].to_pylist() == ["banned", None]


def test_volumes(engine, tmp_path):
    table = read_volumes(
        write(
            tmp_path / "x.parquet",
            pa.table({"account_id": ["b", "a"], "usd": [1.5, None], "note": ["x", "y"]}),
        ),
        engine,
    )
    assert table.to_pydict() == {"account_id": ["a", "b"], "usd": [0.0, 1.5]}
    assert table.schema.field("usd").type == pa.float64()
    table = read_volumes(write(tmp_path / "x.csv", "account_id,exchanges\na,7\n"), engine)
    assert table.to_pydict() == {"account_id": ["a"], "exchanges": [7.0]}


def test_known_hubs(engine, tmp_path):
    table = read_known_hubs(write(tmp_path / "x.csv", "value,kind\n1,ip\n1,ip\n1,\n"), engine)
    assert table.to_pylist() == [{"value": "1", "kind": None}, {"value": "1", "kind": "ip"}]
    table = read_known_hubs(write(tmp_path / "x.jsonl", '{"value": "1"}\n'), engine)
    assert table.to_pylist() == [{"value": "1", "kind": None}]


@pytest.mark.parametrize(
    ("reader", "text", "message"),
    [
        (read_accounts, "acount_id\na\n", "mean 'acount_id'"),
        (read_accounts, "account_id,status\na,x\na,y\n", "'a' is in 2 rows"),
        (read_accounts, "account_id,status\n,x\n", "'account_id' has 1 rows"),
        (read_accounts, "account_id,created_at\na,yesterday\n", "'created_at' has 1 rows with 'yesterday'"),
        (read_accounts, "account_id,status\na\n", "too few columns in 1 lines, first in line 2"),
        (read_volumes, "account_id\na\n", "exactly one numeric column; found none"),
        (read_volumes, "account_id,x,y\na,1,2\n", "exactly one numeric column; found x, y"),
        (read_volumes, "account_id,x\na,-1\n", "expected a number >= 0"),
        (read_volumes, "account_id,x\na,much\n", "'x' has 1 rows with 'much'"),
        (read_volumes, "account_id,x\na,inf\n", "expected a number >= 0"),
        (read_known_hubs, "address\n1\n", "'value' is missing"),
        (read_known_hubs, "value,kind\n,ip\n", "'value' has 1 rows"),
    ],
)
def test_a_small_table_is_right_or_refused(engine, tmp_path, reader, text, message):
    with pytest.raises(InputError, match=message):
        reader(write(tmp_path / "x.csv", text), engine)


def test_small_tables_of_the_wrong_type(engine, tmp_path):
    with pytest.raises(InputError, match="'account_id' is int64"):
        read_accounts(write(tmp_path / "x.parquet", pa.table({"account_id": [1]})), engine)
    with pytest.raises(InputError, match="no such file"):
        read_accounts(tmp_path / "nowhere.parquet", engine)
