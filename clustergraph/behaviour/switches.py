"""Synchrony and hand-over: accounts that begin, or stop, in the same minutes, beyond what hours explain.

An account *switches* on in a minute if it was silent for a while before, and off if it is silent for a
while after. `synchrony` is switching on at a burst of such moments. `handover` is beginning or ending a
shift, a spell of activity that is no single moment, where more accounts than usual begin one and more end
one, so that one account's stop and the next one's start meet: a lecture that begins is no hand-over. Every
other moment of an hour in which there is a burst is a signal that the account has alone: it counts among
what the account could have shared. The place of a moment is its hour, within which its chance is reckoned.

What lies before and after a UTC day is not looked at, so that days can be folded one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from clustergraph.behaviour.bursts import DAY, HOUR, find_bursts, find_popular_minutes
from clustergraph.behaviour.rows import ALONE, MEASURES
from clustergraph.engines.sql import literal
from clustergraph.sightings.activity import MINUTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from clustergraph.engines.interface import Engine

SYNCHRONY, HANDOVER = "synchrony", "handover"
_SWITCHES = f"""
WITH active AS (
    SELECT account_id, datediff('day', {{first}}, moment)::INTEGER AS day,
           (60 * hour(moment) + minute(moment))::INTEGER AS minute
    FROM {MINUTES}
), ends AS (
    SELECT account_id, day, minute,
           coalesce(minute - lag(minute) OVER around > {{pause}}, true) AS starts,
           coalesce(lead(minute) OVER around - minute > {{pause}}, true) AS stops
    FROM active
    WINDOW around AS (PARTITION BY account_id, day ORDER BY minute)
), spells AS (
    SELECT *, lead(minute, 1, minute) OVER around - minute AS ahead,
           minute - lag(minute, 1, minute) OVER around AS behind
    FROM ends WHERE starts OR stops
    WINDOW around AS (PARTITION BY account_id, day ORDER BY minute)
)
-- Of a spell its first and last minute are left, or one minute that is both.
SELECT account_id, day, minute, starts,
       starts AND NOT stops AND ahead >= {{least}} AS begins,
       stops AND NOT starts AND behind >= {{least}} AS ends
FROM spells
WHERE minute BETWEEN {{pause}} AND {DAY - 1} - {{pause}}
"""
_COUNTS = "SELECT day, minute, count(*) AS accounts FROM switches WHERE {way} GROUP BY day, minute"
_SAID = "strftime({first} + to_days(s.day) + to_minutes({minute}), '%Y-%m-%dT%H:%M')"
# An account may begin and stop in one burst.
_ROWS = f"""
SELECT account_id, {{kind}} AS kind, value, min(moment) AS first_seen, max(moment) AS last_seen, {MEASURES},
       min(place) AS place
FROM (
    SELECT s.account_id, {{first}} + to_days(s.day) + to_minutes(s.minute) AS moment,
           coalesce({_SAID.format(first="{first}", minute="b.start")},
                    {ALONE.format(key="concat_ws(' ', s.account_id, s.day, s.minute)")}) AS value,
           ({{first}} + to_days(s.day) + to_hours(h.hour))::VARCHAR AS place
    FROM switches s
    LEFT JOIN bursts b ON b.day = s.day AND b.minute = s.minute
    JOIN burst_hours h ON h.day = s.day AND h.hour = coalesce(b.start, s.minute) // {HOUR}
    JOIN minutes_of_hour m ON m.minute = s.minute % {HOUR} AND NOT m.popular
    WHERE ({{way}})
)
GROUP BY account_id, value
"""
_WAYS = {SYNCHRONY: ("starts",), HANDOVER: ("begins", "ends")}


def find_moments(
    engine: Engine, least_bits: Mapping[str, float], *, pause: int, resolution: int, most_pairs: float
) -> list[str]:
    """Make a relation of signals, with the columns of `sightings`, of each of the kinds that has any.

    Args:
        engine: with `active_minutes`.
        least_bits: that make a burst, of each kind to look for, of `synchrony` and `handover`.
        pause: minutes of silence before an account is taken to switch on, and after it switched off.
        resolution: minutes in which switches meet.
        most_pairs: of accounts that meet in all bursts of a kind.

    Returns:
        The kinds found; the relation of one is its name with `_signals`.
    """
    span = engine.fetch(f"SELECT min(moment) AS first, max(moment) AS last FROM {MINUTES}").to_pylist()[0]
    if span["first"] is None or not least_bits:
        return []
    first, days = span["first"].date(), (span["last"].date() - span["first"].date()).days + 1
    at = f"TIMESTAMP '{first}'"
    engine.create("switches", _SWITCHES.format(pause=pause, first=at, least=resolution))
    known = np.zeros(DAY, bool)
    known[pause : DAY - pause] = True
    found = []
    for kind in least_bits:
        ways = [_count(engine, way, days) for way in _WAYS[kind]]
        popular = find_popular_minutes(np.sum(ways, axis=0), known)
        bursts = find_bursts(
            ways, known & ~np.tile(popular, DAY // HOUR), width=resolution, least_bits=least_bits[kind],
            most_pairs=most_pairs,
        )  # fmt: skip
        if bursts:
            _load(engine, bursts, popular, resolution)
            sql = _ROWS.format(kind=literal(kind), way=" OR ".join(_WAYS[kind]), first=at)
            engine.create(f"{kind}_signals", sql)
            found.append(kind)
    for relation in ("switches", "bursts", "burst_hours", "minutes_of_hour"):
        engine.drop(relation)
    return found


def _count(engine: Engine, way: str, days: int) -> NDArray[np.int64]:
    found = engine.fetch(_COUNTS.format(way=way))
    counts = np.zeros((days, DAY), np.int64)
    counts[found["day"].to_numpy(), found["minute"].to_numpy()] = found["accounts"].to_numpy()
    return counts


def _load(engine: Engine, bursts: list[tuple[int, int]], popular: NDArray[np.bool_], resolution: int) -> None:
    """Load `bursts`, a row per minute of each, `burst_hours` and `minutes_of_hour`."""
    day, start = (np.repeat(np.array(one, np.int32), resolution) for one in zip(*bursts, strict=True))
    minute = start + np.tile(np.arange(resolution, dtype=np.int32), len(bursts))
    engine.load("bursts", pa.table({"day": day, "start": start, "minute": minute}))
    hours = sorted({(one, minute // HOUR) for one, minute in bursts})
    days, numbers = (list(one) for one in zip(*hours, strict=True))
    engine.load("burst_hours", pa.table({"day": days, "hour": numbers}))
    engine.load("minutes_of_hour", pa.table({"minute": np.arange(HOUR), "popular": popular}))
