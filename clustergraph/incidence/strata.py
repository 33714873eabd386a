"""Within what population chance is reckoned: the strata of signals.

People of one place share its carriers' exits and its habits. Reckoned over the whole world, that would
look like coordination; reckoned among the signals of the place, it is what chance gives. So signals of
the families `network` and `content` are put in strata by place (a country's carrier, a campus, a town),
as far as the input tells where rows were seen; signals that belong to no place, and all other kinds, have
a stratum a kind.

The place of a signal is the only one where it was seen, or else the one that at least half of its holders
are at home in. An account is at home where most of its exchanges come from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustergraph.engines.sql import literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from clustergraph.engines.interface import Engine

LOCAL_FAMILIES = frozenset({"network", "content"})
# A place that is seen less often says nothing about what is usual there.
LEAST_SLOTS = 1_000

# Counts and places share a word, so that one maximum finds the commonest place, the higher number among
# equals.
_HOMES = """
SELECT account, (max(weight << 32 | place) & 4294967295)::UBIGINT AS place
FROM (
    SELECT {account} AS account, {place} AS place, least(sum(exchanges), 2147483647)::UBIGINT AS weight
    FROM exchanges WHERE place IS NOT NULL GROUP BY 1, 2
)
GROUP BY account
"""
_COMMONEST_HOMES = """
SELECT kind_number, value, max(holders << 32 | place)::UBIGINT AS commonest
FROM (
    SELECT i.kind_number, i.value, h.place, count(*)::UBIGINT AS holders
    FROM incidence i
    JOIN signal_hashes s ON s.kind_number = i.kind_number AND s.value = i.value AND s.place < s.other_place
    JOIN homes h ON h.account = i.account
    GROUP BY i.kind_number, i.value, h.place
)
GROUP BY kind_number, value
"""
_SIGNAL_PLACES = """
SELECT s.kind_number, s.value, s.accounts, s.pairs, s.hub, s.fade,
       CASE WHEN s.place = s.other_place THEN s.place
            WHEN 2 * (c.commonest >> 32) >= s.accounts THEN c.commonest & 4294967295 END AS place
FROM signal_hashes s
LEFT JOIN commonest_homes c ON c.kind_number = s.kind_number AND c.value = s.value
"""
_STRATA = """
SELECT (row_number() OVER (ORDER BY kind_number, place NULLS FIRST) - 1)::INTEGER AS stratum,
       kind_number, place
FROM (
    SELECT kind_number, NULL::UBIGINT AS place FROM kinds
    UNION ALL
    SELECT kind_number, place FROM signal_places
    WHERE place IS NOT NULL AND NOT hub GROUP BY kind_number, place HAVING sum(accounts) >= {least}
)
"""
_STRATIFIED = """
SELECT p.kind_number, p.value, p.accounts, p.pairs, p.hub, p.fade,
       floor(log2(1 + p.pairs / p.accounts))::INTEGER AS band, coalesce(l.stratum, k.stratum) AS stratum
FROM signal_places p
JOIN strata k ON k.kind_number = p.kind_number AND k.place IS NULL
LEFT JOIN strata l ON l.kind_number = p.kind_number AND l.place = p.place
"""
_ONE_A_KIND = "SELECT kind_number::INTEGER AS stratum, kind_number FROM kinds"
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
WHERE {counted} GROUP BY s.stratum, a.account ORDER BY s.stratum, a.account
"""
_SLOTS_BY_KIND = """
SELECT i.kind_number::INTEGER AS stratum, a.account, (i.signals - {left_out})::INTEGER AS slots
FROM account_kinds i JOIN accounts a ON a.hash = i.account
WHERE i.signals > {left_out} ORDER BY stratum, a.account
"""


def place_columns(
    engine: Engine, families: Mapping[str, str], kinds: Sequence[str], *, by_place: bool
) -> str:
    """Write the aggregates that tell where a signal was seen, as the incidence needs them."""
    local = [kind for kind in kinds if families[kind] in LOCAL_FAMILIES]
    if not by_place or not local:
        return "NULL::UBIGINT AS place, NULL::UBIGINT AS other_place"
    known = f"kind IN ({', '.join(map(literal, local))}) AND place IS NOT NULL"
    place = f"CASE WHEN {known} THEN {_number_place(engine)} END"
    return f"min({place}) AS place, max({place}) AS other_place"


def stratify(engine: Engine, *, by_place: bool) -> None:
    """Make `signal_strata` and `strata` (stratum, kind_number).

    `signal_strata` has kind_number, value, accounts, pairs, hub, fade, band and stratum of each signal. Needs
    the relations `incidence`, `signal_hashes` and `kinds` of :mod:`clustergraph.incidence.links`.
    """
    if not by_place:
        engine.create("strata", _ONE_A_KIND)
        engine.view("signal_strata", _UNSTRATIFIED)
        return
    engine.create("homes", _HOMES.format(account=engine.hash("account_id"), place=_number_place(engine)))
    engine.create("commonest_homes", _COMMONEST_HOMES)
    engine.create("signal_places", _SIGNAL_PLACES)
    engine.drop("homes")
    engine.drop("commonest_homes")
    engine.create("strata", _STRATA.format(least=LEAST_SLOTS))
    engine.create("signal_strata", _STRATIFIED)
    engine.drop("signal_places")


def slots_query(*, by_place: bool, hubs_count: bool) -> str:
    """Write the query of each account's signals in each stratum (stratum, account, slots), sorted."""
    if by_place:
        return _SLOTS.format(counted="true" if hubs_count else "NOT s.hub")
    return _SLOTS_BY_KIND.format(left_out="0" if hubs_count else "i.hubs")


def _number_place(engine: Engine) -> str:
    """Write a place as a number under 2^32; two places that meet in one number are taken for one."""
    return f"({engine.hash('place')} & 4294967295)"
