"""Sightings with times, linked without going through a file, and by plain Python what they should give."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import combinations
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from clustergraph.incidence.links import Incidence, link
from tests.graphs import RELATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clustergraph.engines.duckdb import DuckDBEngine

START = datetime(2026, 2, 2, tzinfo=UTC)


def timed_table(rows) -> pa.Table:
    """Make sightings of rows (account_id, kind, value, seconds from the start or None)."""
    times = [None if row[3] is None else START + timedelta(seconds=row[3]) for row in rows]
    columns = {
        name: pa.array([row[i] for row in rows], pa.string())
        for i, name in enumerate(("account_id", "kind", "value"))
    }
    return pa.table({**columns, "timestamp": pa.array(times, pa.timestamp("us", tz="UTC"))})


def link_timed(rows, engine: DuckDBEngine, windows: Mapping[str, float] | None, **options) -> Incidence:
    """Link rows; every kind is a family of its own."""
    for relation in (*RELATIONS, "episodes", "uses", "meetings"):
        engine.drop(relation)
    engine.load("raw", timed_table(rows))
    engine.view(
        "sightings",
        'SELECT account_id, kind, value, "timestamp"::TIMESTAMP AS first_seen,'
        ' "timestamp"::TIMESTAMP AS last_seen, 1::BIGINT AS exchanges, 0::BIGINT AS input_tokens,'
        " 0::BIGINT AS output_tokens, NULL::VARCHAR AS place FROM raw",
    )
    engine.view("exchanges", "SELECT * EXCLUDE (value) FROM sightings")
    kinds = tuple(sorted({row[1] for row in rows}))
    read = SimpleNamespace(
        engine=engine, kinds=kinds, families={kind: kind for kind in kinds}, has_time=True, has_place=False,
        shape="sightings", measures=frozenset(), nested={}, behaviour={},
    )  # fmt: skip
    return link(read, windows=windows, **options)


def cut_by_hand(rows, windows: Mapping[str, float]) -> dict[str, dict[tuple, dict[str, set]]]:
    """Give kind -> signal -> account -> times; a signal is (value,), or (value, begin) with a window."""
    times = defaultdict(list)
    for account, kind, value, second in rows:
        if kind not in windows or second is not None:
            times[kind, value].append((second, account))
    signals: dict = defaultdict(lambda: defaultdict(lambda: defaultdict(set)))
    for (kind, value), uses in times.items():
        begin = before = None
        for second, account in sorted(uses) if kind in windows else uses:
            if kind in windows and (before is None or second - before > windows[kind]):
                begin = second
            before = second
            signals[kind][value, begin][account].add(second)
    return signals


def met(one: set, other: set, window: float | None) -> bool:
    """Tell whether two accounts share a signal that they used at these times."""
    return window is None or any(abs(s - t) <= window for s in one for t in other)


def brute_force(rows, windows: Mapping[str, float]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Give account ids, bits and shared signals of all pairs, by the formulas alone."""
    ids = sorted({row[0] for row in rows})
    number = {account: i for i, account in enumerate(ids)}
    bits, shared = np.zeros((2, len(ids), len(ids)))
    for kind, signals in cut_by_hand(rows, windows).items():
        degree = np.zeros(len(ids))
        for holders in signals.values():
            degree[[number[one] for one in holders]] += 1
        cells: dict = defaultdict(lambda: [0, np.zeros((len(ids), len(ids)))])
        for holders in signals.values():
            pairs = [
                sorted((number[a], number[b]))
                for a, b in combinations(holders, 2)
                if met(holders[a], holders[b], windows.get(kind))
            ]
            cell = cells[int(np.floor(np.log2(1 + 2 * len(pairs) / len(holders))))]
            cell[0] += 2 * len(pairs)
            for a, b in pairs:
                cell[1][a, b] += 1
        for pairs, x in cells.values():
            expected = np.outer(degree, degree) * pairs / degree.sum() ** 2
            with np.errstate(divide="ignore", invalid="ignore"):
                gain = x * np.log2(x / expected) - (x - expected) * np.log2(np.e)
            bits += np.where((x > 0) & (x > expected), gain, 0.0)
            shared += x
    return ids, bits, shared


def count_by_hand(rows, kind: str, window: float) -> list[tuple[str, str, int, int]]:
    """Give source, target, values used together and pairs of uses together, sorted."""
    values, uses = defaultdict(set), defaultdict(int)
    of_kind = [row for row in rows if row[1] == kind and row[3] is not None]
    for one, other in combinations(of_kind, 2):
        if one[2] == other[2] and one[0] != other[0] and abs(one[3] - other[3]) <= window:
            pair = tuple(sorted((one[0], other[0])))
            values[pair].add(one[2])
            uses[pair] += 1
    return [(*pair, len(values[pair]), uses[pair]) for pair in sorted(values)]
