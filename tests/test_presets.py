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
SHAPE = "model=gpt-4 temperature=0.7 max_tokens=100"
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
        ("email_pattern", "a3d1@mail.example"),
    },
    "ecs": {
        ("ip", "192.0.2.7"),
        ("ip_prefix", "192.0.2.0/24"),
        ("asn", "64500"),
        ("email_domain", "mail.example"),
        ("email_pattern", "a3d1@mail.example"),
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
