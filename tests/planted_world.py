"""Sightings of people who share only what is common, and of a few groups that are planted among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("payment_fingerprint", "ip", "device_id", "prompt_template")
PEOPLE = 3_000
# Two halves, each with its own exits, devices and templates; one card for both.
HALVES = {"left": 10, "right": 8}
CARD = ("payment_fingerprint", "the card")
Rows = list[tuple[str, str, str]]


def people(rng: np.random.Generator) -> Rows:
    """Everybody has a card, a device and addresses, and some of the popular templates."""
    rows: Rows = []
    for number in range(PEOPLE):
        name = f"person-{number:04}"
        rows.append((name, "payment_fingerprint", f"card-{number:04}"))
        rows.append((name, "device_id", f"device-{number:04}"))
        rows += [(name, "ip", f"exit-{one}") for one in rng.choice(900, 2, replace=False)]
        rows += [(name, "prompt_template", f"popular-{one}") for one in rng.choice(300, 2, replace=False)]
    return rows


def halves() -> Rows:
    """Accounts of two halves, which only the card connects, strongly enough to be one cluster with it."""
    rows: Rows = []
    for half, size in HALVES.items():
        for number in range(size):
            name = f"{half}-{number:02}"
            rows.append((name, *CARD))
            rows += [(name, "ip", f"{half} exit"), (name, "device_id", f"{half} device {number // 5}")]
            rows += [(name, "prompt_template", f"{half} template {one}") for one in range(2)]
    return rows


def on_one_card(size: int = 40) -> Rows:
    """Accounts that have a card in common and nothing else."""
    return [
        row
        for number in range(size)
        for row in (
            (f"card-only-{number:02}", "payment_fingerprint", "lone card"),
            (f"card-only-{number:02}", "device_id", f"own device {number}"),
            (f"card-only-{number:02}", "ip", f"own exit {number}"),
        )
    ]


def ring(size: int = 12) -> Rows:
    """Accounts that share much of many kinds: no signal alone holds them."""
    return [
        row
        for number in range(size)
        for row in (
            *((f"ring-{number:02}", "ip", f"ring exit {one}") for one in range(3)),
            *((f"ring-{number:02}", "prompt_template", f"ring template {one}") for one in range(3)),
            (f"ring-{number:02}", "device_id", f"ring device {number // 4}"),
            (f"ring-{number:02}", "payment_fingerprint", f"ring card {number // 6}"),
        )
    ]


def all_rows(seed: int = 5) -> Rows:
    return [*people(np.random.default_rng(seed)), *halves(), *on_one_card(), *ring()]


def write(rows: Rows, path: Path, without: set[tuple[str, str]] | None = None) -> Path:
    kept = [row for row in rows if row[1:] not in (without or set())]
    account, kind, value = zip(*kept, strict=True)
    pq.write_table(pa.table({"account_id": account, "kind": kind, "value": value}), path)
    return path
