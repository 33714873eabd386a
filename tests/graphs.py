"""Made-up incidences for tests, and by plain Python what their strata and ties should be."""

from __future__ import annotations

from collections import Counter, defaultdict
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from clustergraph.incidence.links import Incidence, link

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clustergraph.engines.duckdb import DuckDBEngine

RELATIONS = ("accounts", "signals", "links", "kinds", "known_hubs", "cells", "strata")


def sightings_table(rows) -> pa.Table:
    """Make a table of (account_id, kind, value), and place where rows have a fourth entry."""
    names = ("account_id", "kind", "value", "place")[: len(rows[0]) if rows else 3]
    columns = zip(*rows, strict=True) if rows else ((),) * 3
    return pa.table(
        {name: pa.array(column, pa.string()) for name, column in zip(names, columns, strict=True)}
    )


def random_rows(seed: int, accounts: int = 60, kinds: int = 2, values: int = 25, rows: int = 400):
    """Draw sightings with a heavy head: some signals are held by many accounts."""
    rng = np.random.default_rng(seed)
    picks = (values * rng.random(rows) ** 2).astype(int)
    return [
        (f"a{a:03d}", f"k{k}", f"v{v}")
        for a, k, v in zip(rng.integers(0, accounts, rows), rng.integers(0, kinds, rows), picks, strict=True)
    ]


def placed_rows(seed: int, accounts: int = 60, places: int = 4, values: int = 25, rows: int = 400):
    """Draw sightings in places; most of an account's are at its home, and some places are not known."""
    rng = np.random.default_rng(seed)
    home = rng.integers(0, places, accounts)
    found = []
    for account, kind, value in random_rows(seed, accounts, 3, values, rows):
        place = home[int(account[1:])] if rng.random() < 0.8 else rng.integers(0, places)
        of_place = rng.random() < 0.5
        name = None if rng.random() < 0.1 else f"p{place}"
        found.append((account, kind, f"{place}-{value}" if of_place else value, name))
    return found


LOCAL = {"k0": "network", "k1": "content"}  # of the kinds of placed_rows, k2 belongs to no place


def link_rows(
    rows, engine: DuckDBEngine, *, families: Mapping[str, str] | None = None,
    nested: Mapping[str, str] | None = None, **options,
) -> Incidence:  # fmt: skip
    """Link rows without going through a file; a kind without a family is a family of its own."""
    for relation in RELATIONS:
        engine.drop(relation)
    table = sightings_table(rows)
    has_place = "place" in table.column_names
    engine.load("raw", table)
    engine.view(
        "sightings",
        f"SELECT *{'' if has_place else ', NULL::VARCHAR AS place'}, NULL::TIMESTAMP AS first_seen,"
        " NULL::TIMESTAMP AS last_seen,"
        " 1::BIGINT AS exchanges, 0::BIGINT AS input_tokens, 0::BIGINT AS output_tokens FROM raw",
    )
    engine.view("exchanges", "SELECT * EXCLUDE (value) FROM sightings")
    kinds = tuple(sorted({row[1] for row in rows}))
    return link(
        SimpleNamespace(
            engine=engine,
            kinds=kinds,
            families={kind: (families or {}).get(kind, kind) for kind in kinds},
            nested=nested or {},
            has_time=False,
            has_place=has_place,
            shape="sightings",
            measures=frozenset(),
            behaviour={},
        ),
        **options,
    )


def number_places(engine: DuckDBEngine, places) -> dict[str, int]:
    """Number places as the engine does, which decides among equally common ones."""
    engine.load("some_places", pa.table({"place": pa.array(sorted(places), pa.string())}))
    found = engine.fetch(f"SELECT place, ({engine.hash('place')} & 4294967295) AS number FROM some_places")
    return dict(zip(found["place"].to_pylist(), found["number"].to_pylist(), strict=True))


def homes_by_hand(exchanges, number: Mapping[str, int]) -> dict[str, str]:
    """Give where most exchanges of each account come from, of rows (account_id, place, exchanges)."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for account, place, count in exchanges:
        if place is not None:
            counts[account][place] += count
    return {account: max(of, key=lambda p: (of[p], number[p])) for account, of in counts.items()}


def strata_by_hand(
    rows, home: Mapping[str, str], local_kinds, number: Mapping[str, int], *, least: int, hubs=()
) -> dict[tuple[str, str], tuple[str, str | None]]:
    """Give the stratum (kind, place) of each signal (kind, value); the place is None where it has none.

    Args:
        rows: (account_id, kind, value, place).
        home: of accounts.
        local_kinds: whose signals belong to places.
        number: of each place; the higher wins among equally common ones.
        least: slots that a stratum of a place has.
        hubs: signals that make no stratum.
    """
    holders, seen_in = defaultdict(set), defaultdict(set)
    for account, kind, value, place in rows:
        holders[kind, value].add(account)
        if place is not None:
            seen_in[kind, value].add(place)

    def place_of(signal) -> str | None:
        if signal[0] not in local_kinds or not seen_in[signal]:
            return None
        if len(seen_in[signal]) == 1:
            return next(iter(seen_in[signal]))
        homes = Counter(home[account] for account in holders[signal] if account in home)
        commonest = max(homes, key=lambda p: (homes[p], number[p]))
        return commonest if 2 * homes[commonest] >= len(holders[signal]) else None

    strata = {signal: (signal[0], place_of(signal)) for signal in holders}
    slots = Counter()
    for signal, stratum in strata.items():
        if signal not in hubs:
            slots[stratum] += len(holders[signal])
    return {signal: s if slots[s] >= least else (s[0], None) for signal, s in strata.items()}


def brute_force_bits(
    rows, hubs: dict | None = None, stratum_of: Callable | None = None
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Evidence of all pairs: scipy's sparse product per cell, and the formula in plain numpy.

    ``hubs`` maps (kind, value) to a weight; weight 0 takes the signal out altogether. ``stratum_of`` tells
    the stratum of (kind, value), its kind where it is not given.
    """
    pairs = sorted({row[:3] for row in rows})
    ids = sorted({account for account, _, _ in pairs})
    pairs = [pair for pair in pairs if (hubs or {}).get(pair[1:], 1.0) > 0]
    number = {account: i for i, account in enumerate(ids)}
    bits = np.zeros((len(ids), len(ids)))
    shared = np.zeros_like(bits)
    strata: dict = defaultdict(lambda: defaultdict(list))
    for account, kind, value in pairs:
        stratum = stratum_of((kind, value)) if stratum_of else kind
        strata[stratum][kind, value].append(number[account])
    for signals in strata.values():
        slots = sum(len(holders) for holders in signals.values())
        degree = np.zeros(len(ids))
        for holders in signals.values():
            degree[holders] += 1
        cells: dict = defaultdict(list)
        for signal, holders in signals.items():
            if len(holders) > 1:
                cells[len(holders).bit_length() - 1, signal in (hubs or {})].append(signal)
        for (_, hub), chosen in cells.items():
            matrix = sp.lil_array((len(ids), len(chosen)))
            for column, signal in enumerate(chosen):
                matrix[signals[signal], column] = 1
            x = (matrix.tocsr() @ matrix.tocsr().T).toarray()
            rate = sum(len(signals[s]) * (len(signals[s]) - 1) for s in chosen) / slots**2
            expected = np.outer(degree, degree) * rate
            with np.errstate(divide="ignore", invalid="ignore"):
                gain = x * np.log2(x / expected) - (x - expected) * np.log2(np.e)
            weight = (hubs or {})[chosen[0]] if hub else 1.0
            bits += weight * np.where((x > 0) & (x > expected), gain, 0.0)
            shared += x
    return ids, bits, shared
