"""A run put together by hand: two clusters, the second of them hostile text."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from clustergraph.artefacts.runs import Run
from clustergraph.artefacts.schema import ARTEFACTS

FIRST, SECOND = "caaaaaaaa11111111", "caaaaaaab22222222"
HOSTILE = "\x1b[2J[red]<script>alert(1)</script>\u202e\n:smile:"
MANIFEST: dict[str, Any] = {
    "version": "0.1.0",
    "seed": 0,
    "input": {
        "degraded": False,
        "kinds": {"payment_fingerprint": "payment", "ip": "network", "prompt_template": "content"},
        "thresholds": {"tie_bits": 5.0, "member_bits": 2.0},
    },
}


def _time(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 2, day, hour, tzinfo=UTC)


def _cluster(cluster_id: str, rank: int, accounts: int, volume: int, **more: Any) -> dict[str, Any]:
    return {
        "cluster_id": cluster_id, "rank": rank, "accounts": accounts, "exchanges": volume,
        "input_tokens": 10 * volume, "output_tokens": 20 * volume, "extraction_volume": float(volume),
        "first_seen": _time(2), "last_seen": _time(3), "families": ["payment", "network"],
        "density": 1.0, "cohesion_bits": 20.0, **more,
    }  # fmt: skip


def _member(
    cluster_id: str, account_id: str, exchanges: int, bits: float, confidence: float
) -> dict[str, Any]:
    return {
        "cluster_id": cluster_id, "account_id": account_id, "exchanges": exchanges,
        "input_tokens": 10 * exchanges, "output_tokens": 20 * exchanges,
        "extraction_volume": float(exchanges), "ties": 2, "bits": bits, "confidence": confidence,
    }  # fmt: skip


def _evidence(
    cluster_id: str, kind: str, value: str, family: str, accounts: int, bits: float
) -> dict[str, Any]:
    return {
        "cluster_id": cluster_id, "kind": kind, "value": value, "family": family, "accounts": accounts,
        "accounts_everywhere": accounts + 1, "bits": bits,
    }  # fmt: skip


def _tie(source: str, target: str) -> dict[str, Any]:
    return {"source": source, "target": target, "bits": 20.0, "shared": 2, "families": 2}


def _account(account_id: str, cluster_id: str | None, slots: list[int]) -> dict[str, Any]:
    return {
        "account_id": account_id, "cluster_id": cluster_id, "exchanges": 10, "first_seen": _time(2),
        "last_seen": _time(3), "slots": slots,
    }  # fmt: skip


def _signal(number: int, kind: str, value: str, accounts: int, slots: int) -> dict[str, Any]:
    return {
        "kind": kind, "value": value, "accounts": accounts, "stratum": number, "stratum_slots": slots,
        "cell": number, "chance": accounts * (accounts - 1) / slots**2, "weight": 1.0, "unnatural": False,
    }  # fmt: skip


ROWS: dict[str, list[dict[str, Any]]] = {
    "clusters": [
        _cluster(FIRST, 1, 3, 1_234_567),
        _cluster(SECOND, 2, 3, 300, last_seen=_time(2), reason=HOSTILE, families=[HOSTILE]),
    ],
    "members": [
        _member(FIRST, "a1", 1_234_000, 40.0, 1.0),
        _member(FIRST, "a2", 500, 30.0, 0.9),
        _member(FIRST, "a3", 67, 35.0, 0.5),
        _member(SECOND, HOSTILE, 100, 40.0, 1.0),
        _member(SECOND, "b2", 100, 40.0, 1.0),
        _member(SECOND, "b3", 100, 40.0, 1.0),
    ],
    "evidence": [
        _evidence(FIRST, "payment_fingerprint", "card", "payment", 3, 45.0),
        _evidence(FIRST, "ip", "192.0.2.1", "network", 2, 15.0),
        _evidence(SECOND, "prompt_template", HOSTILE, "content", 3, 60.0),
    ],
    "links": [
        {"cluster_id": FIRST, "account_id": name, "kind": "payment_fingerprint", "value": "card",
         "exchanges": 5, "first_seen": _time(2), "last_seen": _time(3)}
        for name in ("a1", "a2", "a3")
    ],
    "activity": [{"cluster_id": FIRST, "account_id": "a1", "hour": _time(2, 5), "exchanges": 9}],
    "templates": [],
    "ties": [
        _tie("a1", "a2"), _tie("a1", "a3"), _tie("a2", "a3"), _tie("a3", "z"),
        _tie("b2", "b3"),
    ],
    "accounts": [
        _account("a1", FIRST, [1, 1, 0]), _account("a2", FIRST, [1, 1, 0]), _account("a3", FIRST, [1, 0, 0]),
        _account("b2", SECOND, [0, 0, 1]), _account("b3", SECOND, [0, 0, 1]), _account("z", None, [1, 1, 0]),
        _account(HOSTILE, SECOND, [0, 0, 1]),
    ],
    "signals": [
        _signal(0, "ip", "192.0.2.1", 3, 100), _signal(1, "prompt_template", HOSTILE, 3, 100),
        _signal(2, "payment_fingerprint", "card", 4, 100),
    ],
    "incidence": [
        {"signal": signal, "account": account, "slots": 1}
        for signal, accounts in enumerate([(0, 1, 5), (3, 4, 6), (0, 1, 2, 5)]) for account in accounts
    ],
    "holding": [],
}  # fmt: skip


def make_tables(*, empty: bool = False) -> dict[str, pa.Table]:
    return {
        name: pa.Table.from_pylist([] if empty else ROWS[name], schema) for name, schema in ARTEFACTS.items()
    }


def make_run(*, empty: bool = False) -> Run:
    return Run.from_tables(make_tables(empty=empty), MANIFEST)


def write_run(folder: Path, *, empty: bool = False) -> Path:
    folder.mkdir(parents=True)
    for name, table in make_tables(empty=empty).items():
        pq.write_table(table, folder / f"{name}.parquet")
    (folder / "run.json").write_text(json.dumps(MANIFEST))
    return folder
