"""The names that standards use for the columns of events, as data.

A name is a path: keys with dots between, which may be a flat name with dots in it, nested objects, or both.
Where there are several, the first that has a value counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Preset:
    """How a standard names the columns of events.

    Attributes:
        standard: its name.
        version: of the standard that the names are from.
        names: column of events -> paths.
    """

    standard: str
    version: str
    names: Mapping[str, tuple[str, ...]]


def _of_attributes(**names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Have attributes found by themselves, in an object `attributes`, and in ClickHouse's column."""
    places = ("", "attributes.", "SpanAttributes.")
    return {
        column: tuple(place + path for path in paths for place in places) for column, paths in names.items()
    }


_GEN_AI = {
    "model": ("gen_ai.request.model",),
    "temperature": ("gen_ai.request.temperature",),
    "top_p": ("gen_ai.request.top_p",),
    "max_tokens": ("gen_ai.request.max_tokens",),
    "stop": ("gen_ai.request.stop_sequences",),
    "input_tokens": ("gen_ai.usage.input_tokens",),
    "output_tokens": ("gen_ai.usage.output_tokens",),
}
_OTEL = _of_attributes(
    account_id=("user.id", "enduser.id"),
    ip=("client.address",),
    device_id=("device.id", "app.installation.id"),
    **_GEN_AI,
    tools=("gen_ai.tool.definitions",),
    user_agent=("user_agent.original",),
    country=("geo.country.iso_code",),
    email=("user.email",),
    conversation_id=("gen_ai.conversation.id",),
    event_id=("gen_ai.response.id",),
)
PRESETS = {
    "ecs": Preset(
        "Elastic Common Schema",
        "9.1.0",
        {
            "account_id": ("user.id",),
            "timestamp": ("@timestamp",),
            "ip": ("source.ip", "client.ip"),
            "device_id": ("device.id",),
            **_GEN_AI,
            "user_agent": ("user_agent.original",),
            "country": ("source.geo.country_iso_code", "client.geo.country_iso_code"),
            "asn": ("source.as.number", "client.as.number"),
            "email": ("user.email",),
            "event_id": ("event.id",),
        },
    ),
    "ocsf-api-activity": Preset(
        "Open Cybersecurity Schema Framework, API Activity (6003)",
        "1.8.0",
        {
            "account_id": ("actor.user.uid",),
            "timestamp": ("time", "time_dt"),
            "ip": ("src_endpoint.ip",),
            "device_id": ("src_endpoint.uid",),
            "user_agent": ("http_request.user_agent",),
            "country": ("src_endpoint.location.country",),
            "asn": ("src_endpoint.autonomous_system.number",),
            "email": ("actor.user.email_addr",),
            "event_id": ("metadata.uid",),
            "exchanges": ("count",),
        },
    ),
    "otel-genai": Preset(
        "OpenTelemetry semantic conventions for generative AI",
        "0.1.0",
        _OTEL
        | {
            "timestamp": (
                "startTimeUnixNano", "start_time_unix_nano", "start_time", "timeUnixNano", "Timestamp",
            ),
            "event_id": (*_OTEL["event_id"], "spanId", "span_id", "context.span_id", "SpanId"),
        },
    ),
}  # fmt: skip
