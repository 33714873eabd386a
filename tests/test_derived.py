"""Signals derived from the columns of events: the default ones, and expressions of the configuration."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustergraph.engines.duckdb import DuckDBEngine
from clustergraph.errors import UsageError
from clustergraph.sightings.derived import DEFAULT_EXPRESSIONS, DERIVED_SIGNALS
from clustergraph.sightings.reading import DEFAULT_FAMILIES, read

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ["parquet", "csv", "jsonl"]
CREATED = 1_772_366_400_000_000  # 2026-03-01 12:00:00 UTC
UTC = pa.timestamp("us", "UTC")


def write(path: Path, table: pa.Table) -> Path:
    if path.suffix == ".csv":
        pa.csv.write_csv(table, path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    else:
        pq.write_table(table, path)
    return path


def derive(
    engine: DuckDBEngine, folder: Path, columns: dict[str, Any], *, suffix: str = "parquet", **options: Any
) -> dict[str, list[tuple[str, str]]]:
    """Read a table and give kind -> (account, value), without the kinds of plain columns."""
    rows = len(next(iter(columns.values())))
    table = pa.table({"account_id": [f"a{n}" for n in range(rows)], **columns})
    read([write(folder / f"x.{suffix}", table)], engine=engine, **options)
    found: dict[str, list[tuple[str, str]]] = {}
    for row in engine.fetch("SELECT kind, account_id, value FROM sightings ORDER BY ALL").to_pylist():
        if row["kind"] not in columns or row["kind"] in DEFAULT_EXPRESSIONS:
            found.setdefault(row["kind"], []).append((row["account_id"], row["value"]))
    return found


def test_declared_columns_are_those_that_the_expressions_name(engine):
    for one in DERIVED_SIGNALS:
        named = {".".join(parts) for parts in engine.list_columns(one.expression)}
        assert set(one.names) == named, one.kind
        assert DEFAULT_FAMILIES[one.kind] == one.family


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:0:1::5", "2001:db8::/48"),
        ("2001:DB8:A:1:2:3:4:5", "2001:db8:a::/48"),
        ("::1", "::/48"),
        ("0:1::", "0:1::/48"),
        ("192.0.2.256", None),
        ("192.0.2.1:443", None),
        ("192.0.2", None),
        ("beef::cafe::/64", None),
        ("::/64::/64", None),
        ("localhost", None),
    ],
)
def test_addresses_have_prefixes_and_nothing_else_has(engine, tmp_path, address, prefix):
    found = derive(engine, tmp_path, {"ip": [address]})
    assert found.get("ip_prefix", []) == ([] if prefix is None else [("a0", prefix)])


@settings(max_examples=5, deadline=None)
@given(st.lists(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), min_size=50, max_size=50))
def test_prefixes_are_those_of_the_standard_library(tmp_path_factory, addresses):
    folder = tmp_path_factory.mktemp("prefixes")
    with DuckDBEngine(folder, threads=1) as engine:
        found = dict(derive(engine, folder, {"ip": [str(one) for one in addresses]})["ip_prefix"])
    for number, one in enumerate(addresses):
        mapped = one.ipv4_mapped if isinstance(one, ipaddress.IPv6Address) else None
        length = 24 if mapped or one.version == 4 else 48
        expected = ipaddress.ip_network(f"{mapped or one}/{length}", strict=False)
        assert found[f"a{number}"] == str(expected)


@pytest.mark.parametrize(
    ("email", "domain", "pattern"),
    [
        ("John.Smith1984+x@Mail.Example", "mail.example", "a4.a5d4+a1"),
        ("q7@x@y.example", "y.example", "a1d1@a1"),
        ("jürgen@x.example", "x.example", "a6"),
        ("nobody", None, None),
        ("@x.example", None, None),
        ("a@", None, None),
    ],
)
def test_addresses_of_mail_become_domain_and_pattern(engine, tmp_path, email, domain, pattern):
    found = derive(engine, tmp_path, {"email": [email]})
    assert found.get("email_domain", []) == ([] if domain is None else [("a0", domain)])
    assert found.get("email_pattern", []) == ([] if pattern is None else [("a0", pattern)])


REQUEST = {
    "model": ["m-1", "m-1", None],
    "temperature": [0.7, 1.0, None],
    "top_p": [1.0, None, None],
    "max_tokens": [4096, None, None],
    "stop": ['["END", "STOP"]', "END", None],
    "tools": ['[{"name": "f"}]', None, None],
    "client_library": [None, "kit/1.10", "kit/1.10"],
    "user_agent": ["x" * 50, "curl/8", "curl/8"],
}


def digest(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()[:12]


TOOLS = digest('[{"name":"f"}]')
SHAPES = [
    (
        "a0",
        'temperature=0.7 top_p=1 max_tokens=4096 stop=["END","STOP"]'
        f" tools={TOOLS} client={digest('x' * 50)}",
    ),
    ("a1", "temperature=1 stop=END client=kit/1.10"),
]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_request_has_one_shape_in_all_formats(engine, tmp_path, suffix):
    found = derive(engine, tmp_path, REQUEST, suffix=suffix)
    assert found["request_shape"] == SHAPES


def test_lists_and_numbers_of_parquet_are_those_of_text(engine, tmp_path):
    typed = REQUEST | {
        "stop": [["END", "STOP"], None, None],
        "temperature": pa.array([0.7, 1.0, None], pa.float32()),
        "max_tokens": [4096.0, None, None],
    }
    found = derive(engine, tmp_path, typed)
    assert found["request_shape"] == [SHAPES[0], ("a1", SHAPES[1][1].replace(" stop=END", ""))]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_card_has_its_first_digits_and_country(engine, tmp_path, suffix):
    columns = {"card_bin": ["424242", "007", None, "424242"], "card_country": ["de", None, "DE", "DE"]}
    found = derive(engine, tmp_path, columns, suffix=suffix)
    assert found == {"card_bin": [("a0", "424242 DE"), ("a1", "007"), ("a3", "424242 DE")]}


def accounts(**columns: Any) -> pa.Table:
    empty = {"created_at": pa.nulls(3, pa.timestamp("us")), "email": pa.nulls(3, pa.string()),
             "asn": pa.nulls(3, pa.string())}  # fmt: skip
    return pa.table({"account_id": ["a0", "a1", "a2"], **empty, **columns})


def test_sign_ups_have_the_hour_and_the_account_s_network(engine, tmp_path):
    created = pa.array([CREATED, CREATED + 10**9, None], pa.timestamp("us"))
    found = derive(
        engine,
        tmp_path,
        {"asn": ["64500", "64501", "64502"], "timestamp": pa.array([CREATED + 2 * 10**9] * 3, UTC)},
        accounts=accounts(created_at=created, asn=["7", None, "9"]),
    )
    assert found["signup_burst"] == [("a0", "2026-03-01 12:00 AS 7"), ("a1", "2026-03-01 12:00 AS 64501")]
    assert found["asn"] == [("a0", "64500"), ("a1", "64501"), ("a2", "64502")]


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_sign_up_is_in_the_network_of_its_hour_and_in_no_later_one(engine, tmp_path, suffix):
    """An account signs up once, wherever it works from later: else each network would make one hour count."""
    seconds = [-1, 0, 3_600, 3_601]
    columns = {
        "asn": [f"6450{n}" for n in range(4)],
        "timestamp": pa.array([CREATED + 10**6 * one for one in seconds], UTC),
    }
    known = pa.table(
        {"account_id": [f"a{n}" for n in range(4)], "created_at": pa.array([CREATED] * 4, pa.timestamp("us"))}
    )
    known = known.append_column("email", pa.nulls(4, pa.string())).append_column(
        "asn", pa.nulls(4, pa.string())
    )
    found = derive(engine, tmp_path, columns, suffix=suffix, accounts=known)
    assert found["signup_burst"] == [("a1", "2026-03-01 12:00 AS 64501"), ("a2", "2026-03-01 12:00 AS 64502")]


def test_a_row_s_own_column_goes_over_the_account_s(engine, tmp_path):
    found = derive(
        engine, tmp_path, {"email": ["x@row.example", None, ""]},
        accounts=accounts(email=["y@table.example", "y@table.example", None]),
    )  # fmt: skip
    assert found["email_domain"] == [("a0", "row.example"), ("a1", "table.example")]


def test_the_table_of_accounts_alone_makes_signals(engine, tmp_path):
    found = derive(
        engine,
        tmp_path,
        {"exchanges": [1, 2, 3]},
        accounts=accounts(email=["a@x.example", None, "b@x.example"]),
    )
    assert found["email_domain"] == [("a0", "x.example"), ("a2", "x.example")]


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_expression_makes_a_kind(engine, tmp_path, suffix):
    columns = {"ip": ["192.0.2.1", "192.0.2.2", None], "team": ["x", "", None], "risk": [1.5, 2.0, None]}
    mine = {"squad": "upper(team)", "level": "round(CAST(risk AS DOUBLE))", "ip_prefix": ""}
    found = derive(engine, tmp_path, columns, suffix=suffix, derive=mine)
    assert found == {"squad": [("a0", "X")], "level": [("a0", "2.0"), ("a1", "2.0")]}


def test_long_values_are_hashed(engine, tmp_path):
    found = derive(engine, tmp_path, {"ip": ["192.0.2.1"]}, derive={"long": "repeat(ip, 10000)"})
    assert len(found["long"][0][1]) == 32


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("upper(tema)", "no column 'tema'; did you mean 'team'"),
        ("prompt || team", "names 'prompt', and no value is ever made of raw prompts"),
        ("upper(PROMPT)", "raw prompts"),
        ("max(team)", r"max\(\) is an aggregate"),
        ("row_number() OVER ()", "a window function is not allowed"),
        ("(SELECT 1)", "a subquery is not allowed"),
        ("team) FROM read_csv('/etc/passwd') WHERE (true", "expected one expression"),
        ("unnest([team])", "a table function"),
        ("team || now()", "does not depend on the row alone"),
        ("team || age(timestamp)", "does not depend on the row alone"),
        ("team || random()", "does not depend on the row alone"),
        ("lowr(team)", "there is no function lowr; did you mean lower"),
        ("team ||", "syntax error"),
        ("'constant'", "names no column"),
        ("team.x", "team.x is no column"),
        ("accounts.email", "no --accounts is given"),
        ("banned_at", r"a table of accounts \(--accounts\) has it"),
        ("CAST(team AS INTEGER)", "Could not convert"),
        ("team + 1", "Could not convert|No function matches"),
    ],
)
def test_a_wrong_expression_is_refused_where_it_stands(engine, tmp_path, sql, words):
    columns = {"ip": ["192.0.2.1"], "team": ["x"], "prompt": ["say it"]}
    with pytest.raises(UsageError, match=rf"^\[derive\] mine: .*({words})"):
        derive(engine, tmp_path, columns, derive={"mine": sql})


def test_a_kind_is_given_once(engine, tmp_path):
    assert "asn" not in derive(
        engine, tmp_path, {"ip": ["192.0.2.1"], "asn": ["64500"]}, signals={"ip": "ip", "asn": "asn"}
    ) or engine.fetch("SELECT count(*) AS n FROM sightings WHERE kind = 'asn'")["n"].to_pylist() == [1]


def test_a_kind_of_a_column_cannot_be_derived(engine, tmp_path):
    with pytest.raises(UsageError, match=r"\[derive\] ip: the column 'ip' gives this kind already"):
        derive(engine, tmp_path, {"ip": ["192.0.2.1"]}, derive={"ip": "upper(ip)"})


def test_sightings_derive_nothing_and_say_so(engine, tmp_path):
    table = pa.table({"account_id": ["a"], "kind": ["ip"], "value": ["192.0.2.1"], "email": ["a@x.example"]})
    path = write(tmp_path / "x.parquet", table)
    assert read([path], engine=engine).kinds == ("ip",)
    with pytest.raises(UsageError, match="the input is of sightings"):
        read([path], engine=engine, derive={"mine": "upper(email)"})
