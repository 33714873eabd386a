"""Pivots: accounts that move their traffic to a newly released model within the same few hours.

An account *pivots* to a model in the first hour from which on at least half of its exchanges of the next
24 hours are of the model, if it made enough exchanges with others before; so a pivot is known a day
later. People adopt a model over weeks, most on the first day and in waking hours. So a block of a few
hours is suspicious if at least twice as many accounts pivot in it as in any other block within a day of
it, those next to it aside. The first blocks after a release have none before them to compare with, and
are never suspicious: early adopters are no campaign.

A pivot is a single fact of an account, so the holders of such a block are where a cluster may start. A
pivot at any other time is a signal that the account has alone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from clustergraph.behaviour.rows import ALONE, MEASURES
from clustergraph.engines.sql import literal
from clustergraph.errors import UsageError
from clustergraph.incidence.evidence import poisson_bits
from clustergraph.sightings.activity import MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from clustergraph.engines.interface import Engine

PIVOT = "pivot"
# At least half of who pivots in a suspicious block would not have done so by nature.
_TIMES = 2.0
# One block in a million by chance: there are some hundred.
_BITS = 20.0
# Exchanges with other models before, and with the new one in the day after.
_LEAST_BEFORE, _LEAST_AFTER = 10, 3
_RELEASES = f"""
SELECT model, min(moment) AS released FROM {MODELS} GROUP BY model
HAVING min(moment) >= (SELECT min(moment) FROM {MODELS}) + INTERVAL 1 DAY ORDER BY model
"""
_PIVOTS = f"""
SELECT account_id, min(moment) AS moment
FROM (
    SELECT account_id, moment, fresh, sum(fresh) OVER next_day AS fresh_then,
           sum(exchanges) OVER next_day AS all_then, sum(exchanges - fresh) OVER earlier AS before
    FROM (
        SELECT account_id, moment, sum(exchanges) AS exchanges,
               coalesce(sum(exchanges) FILTER (WHERE model = {{model}}), 0) AS fresh
        FROM {MODELS} SEMI JOIN (SELECT account_id FROM {MODELS} WHERE model = {{model}}) USING (account_id)
        GROUP BY account_id, moment
    )
    WINDOW next_day AS (PARTITION BY account_id ORDER BY moment
                        RANGE BETWEEN CURRENT ROW AND INTERVAL 23 HOURS FOLLOWING),
           earlier AS (PARTITION BY account_id ORDER BY moment
                       RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL 1 HOUR PRECEDING)
)
WHERE moment BETWEEN {{released}} AND (SELECT max(moment) FROM {MODELS}) - INTERVAL 23 HOURS AND fresh > 0
  AND 2 * fresh_then >= all_then AND fresh_then >= {_LEAST_AFTER} AND before >= {_LEAST_BEFORE}
GROUP BY account_id
"""
_BLOCK = "(datediff('hour', {released}, moment) // {hours})::INTEGER"
_ROWS = f"""
SELECT account_id, '{PIVOT}' AS kind,
       coalesce(b.value, {ALONE.format(key="{model} || ' ' || account_id")}) AS value,
       moment AS first_seen, moment AS last_seen, {MEASURES}, {{model}} AS place
FROM pivots LEFT JOIN pivot_blocks b ON b.block = {{block}}
"""


def find_pivots(engine: Engine, *, releases: Mapping[str, str], hours: int) -> bool:
    """Make the relation `pivot_signals`, with the columns of `sightings`, if there is any suspicious block.

    Args:
        engine: with `model_hours`.
        releases: model -> ISO 8601 time, where no time is found from the data.
        hours: of a block.

    Returns:
        Whether there is any.

    Raises:
        UsageError: a time that is none.
    """
    found = []
    for number, (model, released) in enumerate(_list_releases(engine, releases)):
        parts = {"model": literal(model), "released": f"TIMESTAMP '{released:%Y-%m-%d %H:%M:%S}'"}
        engine.create("pivots", _PIVOTS.format(**parts))
        block = _BLOCK.format(released=parts["released"], hours=hours)
        counted = engine.fetch(f"SELECT {block} AS block, count(*) AS n FROM pivots GROUP BY 1")
        if not counted.num_rows:
            continue
        blocks = counted["block"].to_numpy()
        counts = np.zeros(int(blocks.max()) + 1, np.int64)
        counts[blocks] = counted["n"].to_numpy()
        suspicious = find_suspicious_blocks(counts, around=max(24 // hours, 2))
        if suspicious:
            _load_blocks(engine, suspicious, model, released, hours)
            engine.create(f"pivots_{number}", _ROWS.format(block=block, **parts))
            found.append(f"SELECT * FROM pivots_{number}")
    for relation in ("pivots", "pivot_blocks"):
        engine.drop(relation)
    if found:
        engine.view(f"{PIVOT}_signals", " UNION ALL ".join(found))
    return bool(found)


def find_suspicious_blocks(counts: NDArray[np.int64], *, around: int) -> list[tuple[int, int]]:
    """Find the blocks in which too many accounts pivot; blocks next to each other are one.

    Args:
        counts: accounts that pivot in each block from the release on.
        around: blocks of a day.

    Returns:
        First and last block of each.
    """
    found: list[tuple[int, int]] = []
    for block in range(2, len(counts)):
        others = np.concatenate(
            [counts[max(block - around, 0) : block - 1], counts[block + 2 : block + around + 1]]
        )
        usual = float(others.max()) + 1.0
        here = float(counts[block])
        if here < _TIMES * usual or poisson_bits(here, usual) < _BITS:
            continue
        if found and found[-1][1] == block - 1:
            found[-1] = (found[-1][0], block)
        else:
            found.append((block, block))
    return found


def _list_releases(engine: Engine, named: Mapping[str, str]) -> Sequence[tuple[str, datetime]]:
    given = {model: read_release(model, text) for model, text in named.items()}
    found = {row["model"]: row["released"] for row in engine.fetch(_RELEASES).to_pylist()}
    return sorted({**found, **given}.items())


def read_release(model: str, text: str) -> datetime:
    """Read the time of a release; one without an offset is UTC.

    Raises:
        UsageError: it is none, or not from 2000 to 2100.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or not re.match(r"20\d\d-", text):
        raise UsageError(
            f'[behaviour] releases: {model} must be a time such as "2026-02-20T12:00:00Z", not {text!r}'
        )
    return time.replace(tzinfo=None) if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)


def _load_blocks(
    engine: Engine, blocks: list[tuple[int, int]], model: str, released: datetime, hours: int
) -> None:
    rows = [
        {"block": one, "value": f"{model} {released + timedelta(hours=first * hours):%Y-%m-%dT%H:%M}"}
        for first, last in blocks
        for one in range(first, last + 1)
    ]
    engine.load("pivot_blocks", pa.Table.from_pylist(rows))
