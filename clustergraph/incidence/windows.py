"""Kinds of signals with a window, from the engine: which uses were together, and when each account's were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from clustergraph.incidence.uses import Uses, count_meetings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from clustergraph.engines.interface import Engine

_USES = """
SELECT DISTINCT {account} AS account, {kind} AS kind_number, {value} AS value, epoch_us(first_seen) AS time
FROM episodes
"""
_SHARED_USES = """
SELECT u.kind_number, u.value, a.account, u.time
FROM uses u
JOIN accounts a ON a.hash = u.account
JOIN (SELECT kind_number, value FROM incidence GROUP BY ALL HAVING count(*) > 1) s
  ON s.kind_number = u.kind_number AND s.value = u.value
ORDER BY u.kind_number, u.value, u.time, a.account
"""
_NUMBERED_USES = """
SELECT s.signal, a.account, u.time
FROM uses u
JOIN accounts a ON a.hash = u.account
JOIN signals s ON s.kind_number = u.kind_number AND s.hash = u.value AND s.signal < {signals}
ORDER BY s.signal, a.account, u.time
"""


def load_meetings(engine: Engine, windows: NDArray[np.int64], parts: Mapping[str, str]) -> None:
    """Make `uses` (account, kind_number, value, time) and `meetings` (kind_number, value, pairs).

    ``pairs`` are those of :func:`clustergraph.incidence.uses.count_meetings`, for signals that at least two
    accounts have.

    Args:
        engine: with `episodes`, `accounts` and `incidence`.
        windows: of each kind by number (microseconds), -1 for none.
        parts: the expressions ``account``, ``kind`` and ``value`` over `episodes`.
    """
    engine.create("uses", _USES.format(**parts))
    found = engine.fetch(_SHARED_USES)
    kind, value = found["kind_number"].to_numpy(), found["value"].to_numpy()
    fresh = np.append(True, (kind[1:] != kind[:-1]) | (value[1:] != value[:-1]))[: len(kind)]
    first = np.flatnonzero(fresh)
    pairs = count_meetings(
        np.cumsum(fresh) - 1, found["account"].to_numpy(), found["time"].to_numpy(), windows[kind[first]]
    )
    table = found.select(["kind_number", "value"]).take(pa.array(first))
    engine.load("meetings", table.append_column("pairs", pa.array(pairs)))


def number_windows(windows: Mapping[str, int], kinds: Sequence[str]) -> NDArray[np.int64]:
    """Give the window of each kind by number (microseconds), -1 for none."""
    return np.array([windows.get(kind, -1) for kind in kinds], np.int64)


def fetch_uses(
    engine: Engine, windows: NDArray[np.int64], holders: NDArray[np.int32], degree: NDArray[np.int32]
) -> Uses:
    """Fetch when each holder of each signal used it.

    Args:
        engine: with `uses`, `accounts` and `signals`.
        windows: of each kind by number (microseconds), -1 for none.
        holders: account numbers of signal after signal, rising within one.
        degree: holders of each signal.
    """
    found = engine.fetch(_NUMBERED_USES.format(signals=len(degree)))
    used, slots = (
        signal.astype(np.int64) << 32 | account
        for signal, account in (
            (found["signal"].to_numpy(), found["account"].to_numpy()),
            (np.repeat(np.arange(len(degree)), degree), holders),
        )
    )
    start = np.searchsorted(used, np.append(slots, np.iinfo(np.int64).max))
    return Uses(windows, start.astype(np.int64), found["time"].to_numpy())
