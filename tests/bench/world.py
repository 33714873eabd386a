"""A large table of sightings for timing: heavy-tailed hubs, most accounts innocent, some in dense rings.

At 1,000,000 accounts: 12.5 million sightings, one signal in 100,000 accounts, 24,000 more accounts in 40
rings. Rings and hubs grow with the world, so true ties grow linearly with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.bench.places import bench_folder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

KINDS = ("ip", "payment_fingerprint", "prompt_template", "device_id")
RING_SHARE = 0.024
ACCOUNTS_PER_RING = 25_000  # of the world, not of the ring
HUB_SHARE = 0.15
PAYERS = 0.6
# Of a kind that everybody has: sightings an account, values an account.
BACKGROUND = {0: (6.0, 3.0), 2: (4.0, 2.0), 3: (1.5, 1.4)}
# Of a ring: sightings an account, values in the ring's pool.
RING = {0: (8.0, 200), 1: (1.0, 60), 2: (5.0, 30), 3: (2.0, 150)}

Part = tuple["NDArray[np.int8]", "NDArray[np.int64]", "NDArray[np.int64]"]


def world_file(accounts: int) -> Path:
    """Give the file of the world of that size; it is made where it does not exist yet."""
    path = bench_folder() / f"sightings-{accounts}.parquet"
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        pq.write_table(make_world(accounts), unfinished, compression="zstd")
        unfinished.replace(path)
    return path


def make_world(accounts: int) -> pa.Table:
    """Make a world: ``account_id``, ``kind`` and ``value``, in random order, the same for the same size."""
    rng = np.random.default_rng(0)
    parts = [
        _background(0, accounts, rng),
        _payments(accounts, rng),
        *(_background(kind, accounts, rng) for kind in (2, 3)),
        *_rings(accounts, rng),
    ]
    kind, account, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = rng.permutation(len(kind))
    kind, account, value = kind[order], account[order], value[order]
    ids = np.char.add("acct-", np.char.zfill(account.astype(str), 8))
    return pa.table(
        {
            "account_id": pa.array(ids),
            "kind": pa.array(KINDS).take(pa.array(kind)),
            "value": pa.array(value.astype(str)),
        }
    )


def _part(kind: int, account: NDArray[np.int64], value: NDArray[np.int64]) -> Part:
    return np.full(len(account), kind, np.int8), account, value


def _background(kind: int, accounts: int, rng: np.random.Generator) -> Part:
    """Draw a kind's sightings: mostly values of few holders, and a heavy head of hubs."""
    mean, values_per_account = BACKGROUND[kind]
    values, hubs = int(values_per_account * accounts), max(5, accounts // 200)
    account = np.repeat(np.arange(accounts), rng.poisson(mean, accounts))
    value = (values * rng.random(len(account))).astype(np.int64)
    hub = rng.random(len(account)) < HUB_SHARE
    value[hub] = np.minimum((hubs * rng.random(int(hub.sum())) ** 4).astype(np.int64), values - 1)
    return _part(kind, account, value)


def _payments(accounts: int, rng: np.random.Generator) -> Part:
    """Give most accounts a card, and every thirtieth card two holders."""
    payer = np.flatnonzero(rng.random(accounts) < PAYERS)
    return _part(1, payer, (payer * 0.97).astype(np.int64))


def _rings(accounts: int, rng: np.random.Generator) -> list[Part]:
    """Make the rings: their accounts draw each kind from a small pool of the ring's own."""
    members = int(RING_SHARE * accounts)
    ring = rng.integers(0, max(1, accounts // ACCOUNTS_PER_RING), members)
    parts = []
    for kind, (mean, pool) in RING.items():
        account = np.repeat(np.arange(members), rng.poisson(mean, members))
        value = 10**12 + ring[account] * 10_000_000 + (pool * rng.random(len(account))).astype(np.int64)
        parts.append(_part(kind, accounts + account, value))
    return parts
