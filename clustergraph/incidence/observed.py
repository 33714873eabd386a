"""What accounts are linked by: the sightings as they were read, and what is made of them for linking.

A signal of a kind with a window is shared only by accounts that used it within so many seconds. So each
value of such a kind is cut into *episodes*: runs of uses, by all accounts, of which each follows the one
before within the window. Nobody used it together across two episodes, so an episode is a signal of its own,
and the cut loses nothing. It is called by its value and its beginning: ``v @ 2026-02-02T10:05:03Z``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clustergraph.engines.sql import literal
from clustergraph.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from clustergraph.engines.interface import Engine

SECOND = 1_000_000
_EPISODE = re.compile(r" @ [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z\Z")
_LONGEST = 100 * 365.25 * 86_400  # seconds
_COLUMNS = "first_seen, last_seen, exchanges, input_tokens, output_tokens, place"
_BEGINS = f"""
SELECT account_id, kind, value, {_COLUMNS}, CASE kind {{windows}} END::BIGINT AS patience,
       epoch_us(first_seen) - lag(epoch_us(first_seen)) OVER of_value AS gap
FROM ({{all}}) WHERE kind IN ({{kinds}}) AND first_seen IS NOT NULL
WINDOW of_value AS (PARTITION BY kind, value ORDER BY first_seen)
"""
# The frame of the maximum includes all uses of one time, whichever of them comes first.
_EPISODES = f"""
SELECT account_id, kind, value AS plain, {_COLUMNS},
       value || ' @ ' || strftime(begin, '%Y-%m-%dT%H:%M:%S')
       || CASE WHEN epoch_us(begin) % {SECOND} = 0 THEN 'Z' ELSE strftime(begin, '.%fZ') END AS value
FROM (
    SELECT *, max(CASE WHEN gap IS NULL OR gap > patience THEN first_seen END)
              OVER (PARTITION BY kind, value ORDER BY first_seen) AS begin
    FROM ({_BEGINS})
)
"""
_OBSERVED = f"""
SELECT account_id, kind, value, {_COLUMNS} FROM ({{all}}) WHERE kind NOT IN ({{kinds}})
UNION ALL SELECT account_id, kind, value, {_COLUMNS} FROM episodes
"""
_UNTIMED = """
SELECT kind, count(*) AS uses FROM sightings WHERE kind IN ({kinds}) AND first_seen IS NULL
GROUP BY kind ORDER BY kind
"""


def observe(engine: Engine, windows: Mapping[str, int] | None = None) -> None:
    """Name `observed`, with the columns of `sightings`: all that accounts are linked by.

    Linking and what comes after it ask this relation for signals and their values. Where kinds have windows,
    their uses are in `episodes` as well: the same columns, and ``plain``, the value without the episode. Uses
    of such kinds without a time are in neither.

    Args:
        engine: with `sightings`.
        windows: kind -> microseconds.
    """
    everything = "SELECT * FROM sightings"
    if not windows:
        engine.view("observed", everything)
        return
    parts = {
        "all": everything,
        "kinds": ", ".join(map(literal, windows)),
        "windows": " ".join(f"WHEN {literal(kind)} THEN {window}" for kind, window in windows.items()),
    }
    engine.create("episodes", _EPISODES.format(**parts))
    engine.view("observed", _OBSERVED.format(**parts))


def check_windows(windows: Mapping[str, float], kinds: Collection[str]) -> dict[str, int]:
    """Give the windows of those kinds that were seen, in microseconds.

    Args:
        windows: kind -> seconds.
        kinds: that were seen.

    Raises:
        UsageError: a window that is below 0 or above 100 years.
    """
    wrong = [kind for kind, seconds in windows.items() if not 0 <= seconds <= _LONGEST]
    if wrong:
        raise UsageError(
            f"[link] windows: {wrong[0]} must be from 0 seconds to 100 years, not {windows[wrong[0]]!r}"
        )
    return {kind: round(windows[kind] * SECOND) for kind in sorted(windows) if kind in kinds}


def strip_episode(value: str) -> str:
    """Give the value that an episode is of; any other value as it is.

    >>> strip_episode("v @ 2026-02-02T10:05:03Z")
    'v'
    """
    return _EPISODE.sub("", value)


def count_untimed(engine: Engine, kinds: Collection[str]) -> dict[str, int]:
    """Count the sightings of kinds with a window that have no time, and so link nobody."""
    if not kinds:
        return {}
    found = engine.fetch(_UNTIMED.format(kinds=", ".join(map(literal, kinds))))
    return dict(zip(found["kind"].to_pylist(), found["uses"].to_pylist(), strict=True))
