"""Events under the names of platforms: presets and [columns], of nested objects, in all formats."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import clustergraph as cg
from clustergraph.errors import InputError, UsageError
from clustergraph.sightings.presets import PRESETS
from clustergraph.sightings.reading import read

if TYPE_CHECKING:
    from pathlib import Path

    from clustergraph.engines.duckdb import DuckDBEngine

# 2026-03-01 12:00:00 UTC
SECONDS = 1_772_366_400
NOON = "2026-03-01 12:00:00"

OTEL = {
    "name": "chat gpt-4",
    "traceId": "5b8efff798038103d269b633813fc60c",
    "spanId": "eee19b7ec3c1b174",
    "startTimeUnixNano": str(SECONDS * 10**9),
    "attributes": {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4",
        "gen_ai.request.temperature": 0.7,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.stop_sequences": ["forest", "lived"],
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 80,
        "gen_ai.conversation.id": "conv_5j66",
        "client.address": "192.0.2.7",
        "user.id": "acct-1",
        "user_agent.original": "openai-python/1.2",
    },
}
OCSF = {
    "class_uid": 6003,
    "category_uid": 6,
    "activity_id": 1,
    "time": SECONDS * 1000,
    "metadata": {"uid": "evt-1", "version": "1.8.0"},
    "actor": {"user": {"uid": "acct-1", "email_addr": "kim7@mail.example"}},
    "src_endpoint": {
        "ip": "192.0.2.7",
        "autonomous_system": {"number": 64500, "name": "EXAMPLE"},
        "location": {"country": "NL"},
    },
    "http_request": {"user_agent": "openai-python/1.2"},
    "count": 3,
}
ECS = {
    "@timestamp": "2026-03-01T12:00:00.000Z",
    "event": {"id": "evt-1", "kind": "event"},
    "user": {"id": "acct-1", "email": "kim7@mail.example"},
    "source": {"ip": "192.0.2.7", "as": {"number": 64500}, "geo": {"country_iso_code": "NL"}},
    "user_agent": {"original": "openai-python/1.2"},
    "gen_ai": {
        "request": {"model": "gpt-4", "temperature": 0.7, "max_tokens": 100},
        "usage": {"input_tokens": 120, "output_tokens": 80},
    },
}
RECORDS = {"otel-genai": OTEL, "ocsf-api-activity": OCSF, "ecs": ECS}
SHAPE = "temperature=0.7 max_tokens=100"
EXPECTED = {
    "otel-genai": {
        ("ip", "192.0.2.7"),
        ("ip_prefix", "192.0.2.0/24"),
        ("request_shape", f'{SHAPE} stop=["forest","lived"] client=openai-python/1.2'),
    },
    "ocsf-api-activity": {
        ("ip", "192.0.2.7"),
        ("ip_prefix", "192.0.2.0/24"),
        ("asn", "64500"),
        ("email_domain", "mail.example"),
        ("email_pattern", "a3d1"),
    },
    "ecs": {
        ("ip", "192.0.2.7"),
        ("ip_prefix", "192.0.2.0/24"),
        ("asn", "64500"),
        ("email_domain", "mail.example"),
        ("email_pattern", "a3d1"),
        ("request_shape", f"{SHAPE} client=openai-python/1.2"),
    },
}


def flatten(record: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Give the values under flat names with dots."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        flat |= flatten(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value}
    return flat


def write(folder: Path, record: dict[str, Any], form: str) -> Path:
    if form == "nested JSON":
        path = folder / "nested.jsonl"
        path.write_text(json.dumps(record) + "\n")
    elif form == "flat JSON":
        path = folder / "flat.jsonl"
        path.write_text(json.dumps(flatten(record)) + "\n")
    elif form == "structs":
        path = folder / "structs.parquet"
        pq.write_table(pa.Table.from_pylist([record]), path)
    elif form == "flat Parquet":
        path = folder / "flat.parquet"
        pq.write_table(pa.Table.from_pylist([flatten(record)]), path)
    else:
        path = folder / "flat.csv"
        flat = flatten(record)
        values = (json.dumps(v) if isinstance(v, list) else str(v) for v in flat.values())
        quoted = ('"' + value.replace('"', '""') + '"' for value in values)
        path.write_text(",".join(flat) + "\n" + ",".join(quoted) + "\n")
    return path


def look(engine: DuckDBEngine) -> set[tuple[str, str]]:
    table = engine.fetch("SELECT kind, value FROM sightings")
    return set(zip(table["kind"].to_pylist(), table["value"].to_pylist(), strict=True))


@pytest.mark.parametrize("form", ["nested JSON", "flat JSON", "structs", "flat Parquet", "CSV"])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_record_of_a_standard_is_read(engine, tmp_path, preset, form):
    path = write(tmp_path, RECORDS[preset], form)
    found = read([path], engine=engine, preset=preset)
    assert look(engine) == EXPECTED[preset]
    rows = engine.fetch(
        "SELECT account_id, CAST(first_seen AS VARCHAR) AS t, exchanges, input_tokens FROM exchanges"
    )
    tokens = 0 if preset == "ocsf-api-activity" else 120
    exchanges = 3 if preset == "ocsf-api-activity" else 1
    assert rows.to_pylist() == [
        {"account_id": "acct-1", "t": NOON, "exchanges": exchanges, "input_tokens": tokens}
    ]
    assert found.has_events
    assert not found.rejected


def test_attributes_in_a_map_and_of_the_software_kit_are_read(engine, tmp_path):
    attributes = {key: str(value) for key, value in OTEL["attributes"].items() if not isinstance(value, list)}
    clickhouse = pa.table(
        {
            "Timestamp": pa.array([SECONDS * 10**9], pa.timestamp("ns")),
            "SpanId": ["eee19b7ec3c1b174"],
            "SpanAttributes": pa.array([list(attributes.items())], pa.map_(pa.string(), pa.string())),
        }
    )
    kit = {
        "context": {"span_id": "0xeee19b7ec3c1b175"},
        "start_time": "2026-03-01T12:00:00.000000Z",
        "attributes": OTEL["attributes"] | {"user.id": "acct-2"},
    }
    pq.write_table(clickhouse, tmp_path / "a.parquet")
    (tmp_path / "b.jsonl").write_text(json.dumps(kit))
    found = read([tmp_path / "a.parquet", tmp_path / "b.jsonl"], engine=engine, preset="otel-genai")
    rows = engine.fetch(
        "SELECT account_id, CAST(first_seen AS VARCHAR) AS t, input_tokens FROM exchanges ORDER BY 1"
    )
    assert rows.to_pylist() == [
        {"account_id": "acct-1", "t": NOON, "input_tokens": 120},
        {"account_id": "acct-2", "t": NOON, "input_tokens": 120},
    ]
    assert (found.kinds, found.rejected) == (("ip", "ip_prefix", "request_shape"), {})


@pytest.mark.parametrize("factor", [1, 10**3, 10**6, 10**9])
@pytest.mark.parametrize("form", ["nested JSON", "structs", "CSV"])
def test_times_since_the_epoch_are_read_in_any_unit(engine, tmp_path, factor, form):
    record = OCSF | {"time": SECONDS * factor}
    found = read([write(tmp_path, record, form)], engine=engine, preset="ocsf-api-activity")
    assert engine.fetch("SELECT CAST(first_seen AS VARCHAR) AS t FROM exchanges")["t"].to_pylist() == [NOON]
    assert not found.naive_times


def test_columns_of_the_configuration_go_over_a_preset(engine, tmp_path):
    path = write(tmp_path, ECS | {"team": {"owner": "acct-9"}}, "nested JSON")
    read([path], engine=engine, preset="ecs", column_names={"account_id": "team.owner"})
    assert engine.fetch("SELECT account_id FROM exchanges")["account_id"].to_pylist() == ["acct-9"]


def test_any_column_can_be_named_and_derived_from(engine, tmp_path):
    path = write(tmp_path, ECS, "structs")
    names = {"account_id": "user.id", "ip": "source.ip", "kind_of": "event.kind"}
    read([path], engine=engine, column_names=names, derive={"sort": "upper(kind_of)"})
    assert ("sort", "EVENT") in look(engine)


def test_of_two_names_the_first_with_a_value_counts(engine, tmp_path):
    lines = [
        {"user.id": "a", "enduser.id": "x", "client.address": "192.0.2.1"},
        {"user": {"id": None}, "enduser": {"id": "b"}, "client.address": "192.0.2.1"},
    ]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, lines)))
    pq.write_table(
        pa.table(
            {"user.id": [None, "c"], "enduser.id": ["d", "x"], "client.address": ["192.0.2.1", "192.0.2.1"]}
        ),
        tmp_path / "x.parquet",
    )
    read([tmp_path / "x.jsonl", tmp_path / "x.parquet"], engine=engine, preset="otel-genai")
    assert sorted(engine.fetch("SELECT account_id AS a FROM exchanges")["a"].to_pylist()) == [
        "a",
        "b",
        "c",
        "d",
    ]


def test_faults_name_the_column_of_the_input(engine, tmp_path):
    lines = [OCSF | {"metadata": {"uid": f"evt-{n}"}} for n in range(200)]
    lines[7] = lines[7] | {"time": "soon"}
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = read([tmp_path / "x.jsonl"], engine=engine, preset="ocsf-api-activity")
    (reason, rejected), *_ = found.rejected.items()
    assert (reason, rejected.count) == ("timestamp (time): not an ISO time", 1)
    assert [(one.column, one.row, one.value) for one in rejected.examples] == [("time", 8, "soon")]


@pytest.mark.parametrize(
    ("record", "options", "error", "words"),
    [
        (ECS, {"preset": "ocsf-api-activity"}, InputError, "has no 'actor.user.uid'.*found @timestamp"),
        (ECS, {"preset": "esc"}, UsageError, "no preset 'esc'; did you mean 'ecs'"),
        (
            ECS,
            {"preset": "ecs", "column_names": {"account_id": "user.idd"}},
            InputError,
            r"no file has 'user.idd', which \[columns\] names for 'account_id'; did you mean 'user.id'",
        ),
        (ECS, {"column_names": {"account_id": "user..id"}}, UsageError, r"account_id: 'user..id' is no"),
        (
            OCSF | {"count": [1]},
            {"preset": "ocsf-api-activity"},
            InputError,
            "cannot be used.*exchanges .count.: not a whole number",
        ),
    ],
)  # fmt: skip
def test_errors_name_what_the_input_has(engine, tmp_path, record, options, error, words):
    path = write(tmp_path, record, "structs")
    with pytest.raises(error, match=words):
        read([path], engine=engine, **options)


@pytest.mark.parametrize("form", ["nested JSON", "flat JSON", "structs", "flat Parquet", "CSV"])
def test_prompts_under_another_name_are_no_values(engine, tmp_path, form):
    record = ECS | {"request": {"body": "the raw words of PLANTED"}}
    path = write(tmp_path, record, form)
    names = {"prompt": "request.body"}
    for wanted in ("request", '"request.body"', "prompt"):
        with pytest.raises(UsageError, match=r"no column|raw prompts"):
            read(
                [path],
                engine=engine,
                preset="ecs",
                column_names=names,
                derive={"x": f"CAST({wanted} AS VARCHAR)"},
            )
    read([path], engine=engine, preset="ecs", column_names=names)
    assert not any("PLANTED" in value for _, value in look(engine))


def test_a_run_records_the_preset_and_its_version(tmp_path):
    path = write(tmp_path, ECS, "nested JSON")
    manifest = cg.run(path, preset="ecs").manifest
    assert manifest["preset"] == {
        "name": "ecs",
        "standard": "Elastic Common Schema",
        "version": PRESETS["ecs"].version,
    }
    assert manifest["config"]["read"]["preset"] == "ecs"
    assert cg.run("data/events.parquet", config={"read": {"max_rejected": 0.5}}).manifest["preset"] is None
