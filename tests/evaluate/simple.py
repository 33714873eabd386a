"""The simple detector that a world has to be too hard for.

Sharing a signal that ``d`` of ``N`` accounts have is worth ``log2(N / d)`` bits; two accounts that share 22
bits or more, from at least two families of signals, are tied; connected components are its clusters. No
signal is left out, however many accounts have it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd
from numba import njit
from scipy.sparse import csr_array

from clustergraph.sightings.layouts import DEFAULT_SIGNALS
from clustergraph.sightings.reading import DEFAULT_FAMILIES

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LEAST_BITS, LEAST_FAMILIES, LEAST_ACCOUNTS = 22.0, 2, 2

_SIGHTINGS = """
SELECT DISTINCT account_id, {kind} AS value FROM read_parquet('{events}/*/*.parquet') WHERE {kind} IS NOT NULL
"""


def find_simple_clusters(events: Path) -> pd.DataFrame:
    """Find the clusters of a folder of events.

    Returns:
        ``account_id`` and ``cluster_id`` of the accounts in components of at least two.
    """
    sightings = _read(events)
    accounts, ids = pd.factorize(sightings["account_id"], sort=True)
    signals = sightings.groupby(["kind", "value"], sort=True).ngroup().to_numpy()
    degree = np.bincount(signals)
    family = np.zeros(len(degree), np.int64)
    family[signals] = pd.factorize(sightings["kind"].map(DEFAULT_FAMILIES))[0]
    has = csr_array((np.ones(len(signals), bool), (accounts, signals)), shape=(len(ids), len(degree)))
    held = has.T.tocsr()
    roots = _components(
        has.indptr, has.indices, held.indptr, held.indices, np.log2(len(ids) / degree), 1 << family,
        LEAST_BITS, LEAST_FAMILIES,
    )  # fmt: skip
    found = pd.DataFrame({"account_id": ids, "cluster_id": roots})
    return found[found.groupby("cluster_id")["account_id"].transform("size") >= LEAST_ACCOUNTS]


def _read(events: Path) -> pd.DataFrame:
    with duckdb.connect() as connection:
        parts = [
            connection.execute(_SIGHTINGS.format(kind=column, events=events)).df().assign(kind=kind)
            for column, kind in DEFAULT_SIGNALS.items()
        ]
    return pd.concat(parts, ignore_index=True)


@njit(cache=True)
def _components(
    indptr: NDArray[np.int32], indices: NDArray[np.int32], held_indptr: NDArray[np.int32],
    held_indices: NDArray[np.int32], bits: NDArray[np.float64], family: NDArray[np.int64],
    least_bits: float, least_families: int,
) -> NDArray[np.int64]:  # fmt: skip
    """Look at every pair that shares anything, an account at a time; join those with enough evidence."""
    accounts = len(indptr) - 1
    root = np.arange(accounts)
    total, seen = np.zeros(accounts), np.zeros(accounts, np.int64)
    for account in range(accounts):
        met = [account]
        for signal in indices[indptr[account] : indptr[account + 1]]:
            for other in held_indices[held_indptr[signal] : held_indptr[signal + 1]]:
                if other >= account:
                    continue
                if seen[other] == 0:
                    met.append(other)
                total[other] += bits[signal]
                seen[other] |= family[signal]
        for other in met:
            several = 0
            while seen[other]:
                several += seen[other] & 1
                seen[other] >>= 1
            if total[other] >= least_bits and several >= least_families:
                root[_find(root, account)] = _find(root, other)
            total[other] = 0.0
    for account in range(accounts):
        root[account] = _find(root, account)
    return root


@njit(cache=True)
def _find(root: NDArray[np.int64], account: int) -> int:
    while root[account] != account:
        root[account] = root[root[account]]
        account = root[account]
    return account
