"""A run to report on, with everything that a night can have; its second cluster is nothing but attacks."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from clustergraph.artefacts.schema import NIGHTLY_ARTEFACTS

if TYPE_CHECKING:
    from pathlib import Path

PLAIN, HOSTILE, SMALL = "c1111111aaaaaaaaa", "c2222222bbbbbbbbb", "c3333333ccccccccc"
ATTACKS = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    '"><img src=x onerror=alert(3)>',
    "<!--<script>",
    "javascript:alert(4)",
    '=HYPERLINK("http://attack.invalid","click")',
    "+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "-2+3",
    "\t=1+1",
    "{{ 7 * 7 }}",
    "__proto__",
    'a,"b"\r\nc',
    "\u202egpj.exe\u2028\x1b[31m",
    "\uff1d1+1",
    "long " + "x" * 5000,
]
NIGHT = "2026-02-04"
# A configuration names kinds and families; attacks in it would be the operator's own.
KINDS = {"payment_fingerprint": "payment", "ip": "network", "device_id": "device"}
KINDS |= dict.fromkeys(ATTACKS, ATTACKS[2])


def _time(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 2, 1, tzinfo=UTC) + timedelta(days=day - 1, hours=hour)


def _cluster(cluster_id: str, rank: int, accounts: int, volume: int, **more: Any) -> dict[str, Any]:
    return {
        "cluster_id": cluster_id, "rank": rank, "accounts": accounts, "exchanges": volume,
        "input_tokens": volume, "output_tokens": volume, "extraction_volume": float(volume),
        "first_seen": _time(2), "last_seen": _time(4, 9), "families": ["payment", "network"], "density": 0.5,
        "cohesion_bits": 30.0,
        "p_value": 1e-9, "q_value": 1e-9, "known_hub_share": 0.0,
        "verified_accounts": 0,
        "exchanges_1d": volume // 10, "exchanges_7d": volume // 2, "exchanges_lifetime": 2 * volume,
        "accounts_active": accounts // 2, "accounts_banned": 1, "accounts_new": 2, **more,
    }  # fmt: skip


def _share(cluster_id: str, accounts: list[str], signals: list[tuple[str, str, str]]) -> dict[str, list[Any]]:
    """Make what members that all share some signals have in each table."""
    return {
        "members": [
            {"cluster_id": cluster_id, "account_id": account, "exchanges": 1000 - place, "input_tokens": 1,
             "output_tokens": 1, "extraction_volume": 1000.0 - place, "ties": 2, "bits": 50.0 - place / 10,
             "confidence": 0.3 if place % 7 == 6 else 0.99}
            for place, account in enumerate(accounts)
        ],
        "evidence": [
            {"cluster_id": cluster_id, "kind": kind, "value": value, "family": family,
             "accounts": len(accounts), "accounts_everywhere": len(accounts) + place, "bits": 90.0 - place}
            for place, (kind, value, family) in enumerate(signals)
        ],
        "links": [
            {"cluster_id": cluster_id, "account_id": account, "kind": kind, "value": value, "exchanges": 1,
             "first_seen": _time(2), "last_seen": _time(3)}
            for account in sorted(accounts)
            for kind, value, _ in sorted(signals)
        ],
        "activity": [
            {"cluster_id": cluster_id, "account_id": account, "hour": _time(2 + hour % 3, hour),
             "exchanges": 5}
            for account in sorted(accounts) for hour in range(4)
        ],
        "ties": [
            {"source": source, "target": target, "bits": 30.0, "shared": 2, "families": 2}
            for source in accounts for target in accounts if source < target
        ],
    }  # fmt: skip


def make_tables() -> dict[str, pa.Table]:
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in NIGHTLY_ARTEFACTS}
    rows["clusters"] = [
        _cluster(PLAIN, 1, 120, 60_000),
        _cluster(
            HOSTILE, 2, len(ATTACKS), 9_000, reason=ATTACKS[0], families=[ATTACKS[2], "network"],
            verified_accounts=None, accounts_banned=None,
        ),
        _cluster(
            SMALL, 3, 3, 30, explained_by="small_premises", reason="its 3 members share a card",
            families=["payment"],
        ),
    ]  # fmt: skip
    cards = [("payment_fingerprint", f"card-{number}", "payment") for number in range(30)]
    attacks = [(attack, attack, ATTACKS[2]) for attack in ATTACKS]
    for one in (
        _share(
            PLAIN, [f"acct-{number:03}" for number in range(120)], [*cards, ("ip", "192.0.2.1", "network")]
        ),
        _share(HOSTILE, ATTACKS, [*attacks, ("ip", "192.0.2.2", "network")]),
        _share(SMALL, ["ann", "bo", "cy"], [("payment_fingerprint", "card", "payment")]),
    ):
        for name, found in one.items():
            rows[name] += found
    rows |= _make_incidence(rows)
    rows["lineage"] = [
        {"cluster_id": one, "event": "grew", "from_ids": [one], "into_ids": [], "overlap": 0.9,
         "accounts_joined": 2, "accounts_left": 0, "volume_change": 10.0}
        for one in (PLAIN, HOSTILE, SMALL)
    ]  # fmt: skip
    rows["regrowth"] = [
        {"account_id": ATTACKS[0], "cluster_id": PLAIN, "bits": 33.0, "evidence": [f"ip={ATTACKS[5]}"],
         "nights_since_ban": 2}
    ]  # fmt: skip
    rows["templates"] = [
        {"kind": one, "value": one, "text": f"Tell me of <*>: {one}", "accounts": len(ATTACKS),
         "exchanges": 9, "first_seen": _time(2)}
        for one in ATTACKS
    ]  # fmt: skip
    decided = {"decided_at": _time(3, 10), "night": "2026-02-03"}
    rows["decisions"] = [
        {"cluster_id": HOSTILE, "decision": "cleared", "decided_by": ATTACKS[0], "reason": ATTACKS[5],
         "holds": False, "note": ATTACKS[1], **decided},
        {"cluster_id": SMALL, "decision": "cleared", "decided_by": "ann", "reason": "a flat", "holds": True,
         "note": None, **decided},
    ]  # fmt: skip
    return {name: pa.Table.from_pylist(rows[name], schema) for name, schema in NIGHTLY_ARTEFACTS.items()}


def _make_incidence(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Make the incidence of the whole input, which here has no accounts but members."""
    of_cluster = {row["account_id"]: row["cluster_id"] for row in rows["members"]}
    accounts, kinds = sorted(of_cluster), list(KINDS)
    held = {(row["kind"], row["value"], row["account_id"]) for row in rows["links"]}
    slots = Counter((kind, account) for kind, _, account in held)
    degree = Counter((kind, value) for kind, value, _ in held)
    signals = sorted(degree, key=lambda signal: (kinds.index(signal[0]), signal[1]))
    cells = sorted({(kinds.index(signal[0]), count) for signal, count in degree.items()})
    total = Counter(kind for kind, _, _ in held)
    return {
        "accounts": [
            {"account_id": one, "cluster_id": of_cluster[one], "exchanges": 1, "first_seen": _time(2),
             "last_seen": _time(4), "slots": [slots[kind, one] for kind in kinds]}
            for one in accounts
        ],
        "signals": [
            {"kind": kind, "value": value, "accounts": degree[kind, value], "stratum": kinds.index(kind),
             "stratum_slots": total[kind], "cell": cells.index((kinds.index(kind), degree[kind, value])),
             "chance": 1e-6, "weight": 1.0, "unnatural": False}
            for kind, value in signals
        ],
        "incidence": [
            {"signal": signals.index((kind, value)), "account": accounts.index(account),
             "slots": slots[kind, account]}
            for kind, value, account in sorted(
                held, key=lambda link: (signals.index(link[:2]), accounts.index(link[2]))
            )
        ],
    }  # fmt: skip


def write_night(store: Path, *nights: str) -> Path:
    """Write the same night of a store under some dates; give the folder of the last one."""
    tables = make_tables()
    store.mkdir()
    (store / "store.json").write_text('{"format": 1}')
    for night in nights:
        folder = store / "runs" / f"dt={night}"
        folder.mkdir(parents=True)
        for name, table in tables.items():
            pq.write_table(table, folder / f"{name}.parquet")
        known = {
            "accounts": 5000,
            "kinds": KINDS,
            "degraded": False,
            "thresholds": {"tie_bits": 20.0, "member_bits": 6.5},
        }
        manifest = {"version": "0.1.0", "seed": 0, "input": known, "store": {"night": night}}
        (folder / "run.json").write_text(json.dumps(manifest))
    return folder
