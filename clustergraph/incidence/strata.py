"""Within what population chance is reckoned: the strata of signals.

People of one place share its carriers' exits and its habits. Reckoned over the whole world, that would
look like coordination; reckoned among the signals of the place, it is what chance gives. So signals of
the families `network` and `content` are put in strata by place (a country's carrier, a campus, a town),
as far as the input tells where rows were seen; signals that belong to no place, and all other kinds, have
a stratum a kind.

Signals of behaviour bring a place of their own, whatever the input tells of places: the hour of a moment,
within which its chance is reckoned. Such a stratum may be as small as it likes, since what is usual in other
hours says nothing about it.

Places lie in regions (networks in countries), where the input has both. What belongs to no place may belong
to a region; banks, mail providers and networks have customers all over a region, so signals of those kinds
are put in strata by region alone: to live in one country is one fact, whatever tells it. Those of no region
may be met by anybody, so their chance is reckoned among all signals of the kind: what is left without the
regions is too little to say what is usual; and a small region has a stratum of its own all the same.

The place of a signal is the only one where it was seen, or else the one that at least half of its holders
are at home in. An account is at home where most of its exchanges come from. The same holds for regions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from clustergraph.engines.sql import literal
from clustergraph.sightings.places import place_of, region_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from clustergraph.engines.interface import Engine
    from clustergraph.sightings.reading import Sightings

LOCAL_FAMILIES = frozenset({"network", "content"})
# Kinds whose signals are those of a region rather than of a place.
REGIONAL_KINDS = frozenset({"asn", "card_bin", "email_domain"})
# A place that is seen less often says nothing about what is usual there.
LEAST_SLOTS = 1_000
_PLACE, _REGION = "place", "region"

# Counts and places share a word, so that one maximum finds the commonest place, the higher number among
# equals.
_HOMES = """
SELECT account, (max(weight << 32 | home) & 4294967295)::UBIGINT AS home
FROM (
    SELECT {account} AS account, {number} AS home, least(sum(exchanges), 2147483647)::UBIGINT AS weight
    FROM exchanges WHERE {name} IS NOT NULL GROUP BY 1, 2
)
GROUP BY account
"""
_COMMONEST_HOMES = """
SELECT kind_number, value, max(holders << 32 | home)::UBIGINT AS commonest
FROM (
    SELECT i.kind_number, i.value, h.home, count(*)::UBIGINT AS holders
    FROM incidence i
    JOIN signal_hashes s
      ON s.kind_number = i.kind_number AND s.value = i.value AND s.{level} < s.other_{level}
    JOIN {level}_homes h ON h.account = i.account
    GROUP BY i.kind_number, i.value, h.home
)
GROUP BY kind_number, value
"""
_BELONGS = """
CASE WHEN s.{level} = s.other_{level} THEN s.{level}
     WHEN 2 * ({level}_commonest.commonest >> 32) >= s.accounts
     THEN {level}_commonest.commonest & 4294967295 END AS {level}
"""
_COMMONEST = """
LEFT JOIN {level}_commonest
  ON {level}_commonest.kind_number = s.kind_number AND {level}_commonest.value = s.value
"""
_SIGNAL_PLACES = """
SELECT s.kind_number, s.value, s.accounts, s.pairs, s.hub, s.fade, {belongs} FROM signal_hashes s {joins}
"""
# What has a stratum of its place is not counted for the region.
_STRATA = """
WITH placed AS (
    SELECT kind_number, place FROM signal_places
    WHERE place IS NOT NULL AND NOT hub AND (region IS NULL OR kind_number NOT IN ({regional}))
    GROUP BY kind_number, place
    HAVING sum(accounts) >= {least}
        OR kind_number IN (SELECT kind_number FROM kinds WHERE kind IN ({conditional}))
),
regional AS (
    SELECT kind_number, region AS place
    FROM signal_places LEFT JOIN (SELECT *, true AS has_place FROM placed) USING (kind_number, place)
    WHERE region IS NOT NULL AND NOT hub AND (has_place IS NULL OR kind_number IN ({regional}))
    GROUP BY kind_number, region
    HAVING sum(accounts) >= {least}
        OR kind_number IN ({regional})
)
SELECT (row_number() OVER (ORDER BY kind_number, level, place) - 1)::INTEGER AS stratum,
       kind_number, level, place,
       level > 0 AND kind_number IN ({regional}) AS inside
FROM (
    SELECT kind_number, 0 AS level, NULL::UBIGINT AS place FROM kinds
    UNION ALL SELECT kind_number, 1, place FROM regional
    UNION ALL SELECT kind_number, 2, place FROM placed
)
"""
_STRATIFIED = """
SELECT p.kind_number, p.value, p.accounts, p.pairs, p.hub, p.fade,
       floor(log2(1 + p.pairs / p.accounts))::INTEGER AS band,
       CASE WHEN r.inside THEN r.stratum ELSE coalesce(l.stratum, r.stratum, k.stratum) END AS stratum
FROM signal_places p
JOIN strata k ON k.kind_number = p.kind_number AND k.level = 0
LEFT JOIN strata r ON r.kind_number = p.kind_number AND r.level = 1 AND r.place = p.region
LEFT JOIN strata l ON l.kind_number = p.kind_number AND l.level = 2 AND l.place = p.place
"""
_ONE_A_KIND = """
SELECT kind_number::INTEGER AS stratum, kind_number, NULL::UBIGINT AS place, false AS inside FROM kinds
"""
_UNSTRATIFIED = """
SELECT kind_number, value, accounts, pairs, hub, fade,
       floor(log2(1 + pairs / accounts))::INTEGER AS band, kind_number::INTEGER AS stratum
FROM signal_hashes
"""
_SLOTS = """
SELECT s.stratum, a.account, count(*)::INTEGER AS slots
FROM incidence i
JOIN signal_strata s ON s.kind_number = i.kind_number AND s.value = i.value
JOIN accounts a ON a.hash = i.account
WHERE {counted} AND s.stratum NOT IN (
    SELECT stratum FROM strata
    WHERE level = 0 AND kind_number IN (SELECT kind_number FROM strata WHERE inside)
)
GROUP BY s.stratum, a.account
UNION ALL
SELECT k.stratum, a.account, (i.signals - {left_out})::INTEGER AS slots
FROM account_kinds i
JOIN accounts a ON a.hash = i.account
JOIN strata k ON k.kind_number = i.kind_number AND k.level = 0
WHERE i.signals > {left_out} AND i.kind_number IN (SELECT kind_number FROM strata WHERE inside)
ORDER BY 1, 2
"""
_SLOTS_BY_KIND = """
SELECT i.kind_number::INTEGER AS stratum, a.account, (i.signals - {left_out})::INTEGER AS slots
FROM account_kinds i JOIN accounts a ON a.hash = i.account
WHERE i.signals > {left_out} ORDER BY stratum, a.account
"""


class Local(NamedTuple):
    """The kinds whose signals are in strata by place, and those whose signals are in strata by region."""

    placed: list[str]
    regional: list[str]

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self.placed or self.regional)


def find_local_kinds(sightings: Sightings, *, by_place: bool) -> Local:
    """Find the kinds whose signals are in strata by place and by region.

    Args:
        sightings: with their kinds.
        by_place: whether chance is to be reckoned place by place, and region by region.
    """
    placed, regional = [], []
    for kind in sightings.kinds:
        local = by_place and sightings.has_place and sightings.families[kind] in LOCAL_FAMILIES
        if kind in sightings.behaviour or local:
            placed.append(kind)
        if by_place and sightings.has_place and (local or kind in REGIONAL_KINDS):
            regional.append(kind)
    return Local(placed, regional)


def place_columns(engine: Engine, local: Local) -> str:
    """Write the aggregates that tell where a signal was seen, as the incidence needs them."""
    columns = []
    for level, kinds in ((_PLACE, local.placed), (_REGION, local.regional)):
        number = "NULL::UBIGINT"
        if kinds:
            known = f"kind IN ({', '.join(map(literal, kinds))}) AND {_NAMES[level]} IS NOT NULL"
            number = f"CASE WHEN {known} THEN {_number(engine, level)} END"
            columns += [f"min({number}) AS {level}", f"max({number}) AS other_{level}"]
        else:
            columns += [f"{number} AS {level}", f"{number} AS other_{level}"]
    return ", ".join(columns)


def stratify(engine: Engine, local: Local, *, conditional: Collection[str] = ()) -> None:
    """Make `signal_strata` and `strata` (stratum, kind_number).

    `signal_strata` has kind_number, value, accounts, pairs, hub, fade, band and stratum of each signal. Needs
    the relations `incidence`, `signal_hashes` and `kinds` of :mod:`clustergraph.incidence.links`.

    Args:
        engine: that has them.
        local: kinds whose signals are in strata by place and by region.
        conditional: those of them whose strata may be of any size.
    """
    if not local:
        engine.create("strata", _ONE_A_KIND)
        engine.view("signal_strata", _UNSTRATIFIED)
        return
    belongs, joins = [], []
    for level, kinds in ((_PLACE, local.placed), (_REGION, local.regional)):
        if not kinds:
            belongs.append(f"NULL::UBIGINT AS {level}")
            continue
        parts = {"account": engine.hash("account_id"), "number": _number(engine, level), "level": level}
        engine.create(f"{level}_homes", _HOMES.format(name=_NAMES[level], **parts))
        engine.create(f"{level}_commonest", _COMMONEST_HOMES.format(**parts))
        belongs.append(_BELONGS.format(**parts))
        joins.append(_COMMONEST.format(**parts))
    engine.create("signal_places", _SIGNAL_PLACES.format(belongs=", ".join(belongs), joins=" ".join(joins)))
    named = ", ".join(map(literal, sorted(conditional)))
    words = ", ".join(map(literal, sorted(REGIONAL_KINDS)))
    regional = f"SELECT kind_number FROM kinds WHERE kind IN ({words})"
    engine.create("strata", _STRATA.format(least=LEAST_SLOTS, conditional=named or "NULL", regional=regional))
    engine.create("signal_strata", _STRATIFIED)
    engine.drop("signal_places")
    for level in (_PLACE, _REGION):
        engine.drop(f"{level}_homes")
        engine.drop(f"{level}_commonest")


def slots_query(*, by_place: bool, hubs_count: bool) -> str:
    """Write the query of each account's signals in each stratum (stratum, account, slots), sorted."""
    if by_place:
        return _SLOTS.format(
            counted="true" if hubs_count else "NOT s.hub", left_out="0" if hubs_count else "i.hubs"
        )
    return _SLOTS_BY_KIND.format(left_out="0" if hubs_count else "i.hubs")


_NAMES = {_PLACE: place_of("place"), _REGION: region_of("place")}


def _number(engine: Engine, level: str) -> str:
    """Write a place as a number under 2^32; two places that meet in one number are taken for one."""
    return f"({engine.hash(_NAMES[level])} & 4294967295)"
