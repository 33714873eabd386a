"""What old sightings count: the half-lives of kinds, on the data's own clock.

A sighting of which the last was ``t`` nights with data ago counts ``2 ** (-t / h)`` for a kind with half-life
``h``, and a bit of evidence from a signal counts what the sightings of its holders count on average. It is
rounded to half powers of two, so that signals of one weight stay together in the cells of evidence.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from clustergraph.engines.sql import literal
from clustergraph.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from clustergraph.engines.interface import Engine

# Whole numbers add up to the same in any order.
_UNIT = 1 << 20
# Half powers of two: the least weight is 2 ** -10.
_MOST = 20
_AGES = """
SELECT day, (row_number() OVER (ORDER BY day DESC) - 1)::INTEGER AS age
FROM (SELECT DISTINCT CAST(last_seen AS DATE) AS day FROM exchanges WHERE last_seen IS NOT NULL)
"""


def inherit_half_lives(half_lives: Mapping[str, float], nested: Mapping[str, str]) -> dict[str, float]:
    """Give coarser kinds the half-life of what lies in them, the longest of several, if they have none.

    Otherwise the coarser level, which does not fade, would count in place of the finer one that did.

    Args:
        half_lives: kind -> nights.
        nested: finer kind -> the coarser one that it lies in; no circle.
    """
    finer: dict[str, list[str]] = {}
    for kind, coarser in nested.items():
        finer.setdefault(coarser, []).append(kind)

    def find(kind: str) -> float:
        return half_lives.get(kind, max((find(one) for one in finer.get(kind, [])), default=math.inf))

    found = {kind: find(kind) for kind in finer}
    return {**{kind: nights for kind, nights in found.items() if nights < math.inf}, **half_lives}


def fade_columns(
    engine: Engine, kinds: Sequence[str], half_lives: Mapping[str, float], *, has_time: bool
) -> tuple[str, str]:
    """Write the aggregate that tells how far a signal has faded, and the join that it needs.

    Args:
        engine: with `exchanges`.
        kinds: of signals, by number.
        half_lives: kind -> nights with data after which a sighting counts half.
        has_time: whether the input has times.

    Returns:
        SQL over `incidence` as ``i``: of the whole number ``fade``, half powers of two that are lost; and of
        the join.

    Raises:
        UsageError: a half-life that is no positive number.
    """
    wrong = [kind for kind, nights in half_lives.items() if not nights > 0]
    if wrong:
        raise UsageError(f"[link] half_lives: {wrong[0]} must be over 0 nights")
    known = [(number, half_lives[kind]) for number, kind in enumerate(kinds) if kind in half_lives]
    if not known or not has_time:
        return "0::SMALLINT AS fade", ""
    engine.create("ages", _AGES)
    cases = " ".join(f"WHEN {number} THEN {literal(str(nights))}::DOUBLE" for number, nights in known)
    weight = f"round({_UNIT} * pow(2.0, -coalesce(d.age / (CASE i.kind_number {cases} END), 0.0)))"
    mean = f"sum({weight}::BIGINT)::DOUBLE / count(*) / {_UNIT}"
    fade = f"least(greatest(round(-2 * log2(greatest({mean}, 1e-9))), 0), {_MOST})::SMALLINT AS fade"
    return fade, "LEFT JOIN ages d ON d.day = CAST(i.last_seen AS DATE)"
