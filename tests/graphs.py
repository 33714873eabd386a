"""Made-up incidences for tests, and what a tie should be worth by plain numpy."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from clustergraph.incidence.links import Incidence, link

if TYPE_CHECKING:
    from clustergraph.engines.duckdb import DuckDBEngine


def sightings_table(rows) -> pa.Table:
    """Make a table of (account_id, kind, value)."""
    account, kind, value = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table(
        {
            "account_id": pa.array(account, pa.string()),
            "kind": pa.array(kind, pa.string()),
            "value": pa.array(value, pa.string()),
        }
    )


def random_rows(seed: int, accounts: int = 60, kinds: int = 2, values: int = 25, rows: int = 400):
    """Draw sightings with a heavy head: some signals are held by many accounts."""
    rng = np.random.default_rng(seed)
    picks = (values * rng.random(rows) ** 2).astype(int)
    return [
        (f"a{a:03d}", f"k{k}", f"v{v}")
        for a, k, v in zip(rng.integers(0, accounts, rows), rng.integers(0, kinds, rows), picks, strict=True)
    ]


def link_rows(rows, engine: DuckDBEngine, **options) -> Incidence:
    """Link rows without going through a file."""
    engine.load("raw", sightings_table(rows))
    engine.view(
        "sightings",
        "SELECT *, NULL::TIMESTAMP AS timestamp, 1::BIGINT AS exchanges, 0::BIGINT AS input_tokens,"
        " 0::BIGINT AS output_tokens FROM raw",
    )
    engine.view("exchanges", "SELECT * EXCLUDE (value) FROM sightings")
    kinds = tuple(sorted({kind for _, kind, _ in rows}))
    return link(
        SimpleNamespace(
            engine=engine,
            kinds=kinds,
            families={kind: kind for kind in kinds},
            has_time=False,
            shape="sightings",
            measures=frozenset(),
        ),
        **options,
    )


def brute_force_bits(rows, hubs: dict | None = None) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Evidence of all pairs: scipy's sparse product per cell, and the formula in plain numpy.

    ``hubs`` maps (kind, value) to a weight; weight 0 takes the signal out altogether.
    """
    pairs = sorted(set(rows))
    ids = sorted({account for account, _, _ in pairs})
    pairs = [pair for pair in pairs if (hubs or {}).get(pair[1:], 1.0) > 0]
    number = {account: i for i, account in enumerate(ids)}
    bits = np.zeros((len(ids), len(ids)))
    shared = np.zeros_like(bits)
    for kind in sorted({kind for _, kind, _ in pairs}):
        signals: dict[str, list[int]] = {}
        for account, _, value in (pair for pair in pairs if pair[1] == kind):
            signals.setdefault(value, []).append(number[account])
        slots = sum(len(holders) for holders in signals.values())
        degree = np.zeros(len(ids))
        for holders in signals.values():
            degree[holders] += 1
        cells: dict[tuple[int, bool], list[str]] = {}
        for value, holders in signals.items():
            if len(holders) > 1:
                hub = (kind, value) in (hubs or {})
                cells.setdefault((len(holders).bit_length() - 1, hub), []).append(value)
        for (_, hub), values in cells.items():
            matrix = sp.lil_array((len(ids), len(values)))
            for column, value in enumerate(values):
                matrix[signals[value], column] = 1
            x = (matrix.tocsr() @ matrix.tocsr().T).toarray()
            rate = sum(len(signals[v]) * (len(signals[v]) - 1) for v in values) / slots**2
            expected = np.outer(degree, degree) * rate
            with np.errstate(divide="ignore", invalid="ignore"):
                gain = x * np.log2(x / expected) - (x - expected) * np.log2(np.e)
            weight = (hubs or {})[(kind, values[0])] if hub else 1.0
            bits += weight * np.where((x > 0) & (x > expected), gain, 0.0)
            shared += x
    return ids, bits, shared
