"""The incidence of the bipartite graph: which account has which signal, how often and when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from clustergraph.engines.sql import literal
from clustergraph.errors import InputError
from clustergraph.incidence.biadjacency import Biadjacency, Strata, find_places, rows_from_holders
from clustergraph.incidence.evidence import MAX_FAMILIES, Cells
from clustergraph.incidence.fading import fade_columns, inherit_half_lives
from clustergraph.incidence.observed import check_windows, observe
from clustergraph.incidence.strata import find_local_kinds, place_columns, slots_query, stratify
from clustergraph.incidence.windows import fetch_uses, load_meetings, number_windows
from clustergraph.sightings.nesting import number_nests

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from clustergraph.engines.interface import Engine
    from clustergraph.sightings.reading import Sightings

# One row per account and signal, both as 64-bit hashes: grouping integers takes a fraction of the time and
# memory that grouping strings does. The strings of whatever is reported are fetched, and checked, later.
_INCIDENCE = """
SELECT {account} AS account, {kind} AS kind_number, {value} AS value, {measures}, {places}
FROM observed GROUP BY 1, 2, 3
"""
_ACCOUNT_NAMES = """
SELECT {account} AS account, min(account_id) AS account_id, max(account_id) AS other
FROM exchanges GROUP BY account
"""
_BY_KIND = """
SELECT i.account, i.kind_number, count(*) AS signals, count(h.kind_number) AS hubs,
       sum(exchanges)::BIGINT AS exchanges,
       sum(input_tokens)::BIGINT AS input_tokens, sum(output_tokens)::BIGINT AS output_tokens,
       min(first_seen) AS first_seen, max(last_seen) AS last_seen
FROM incidence i LEFT JOIN known_hubs h ON h.kind_number = i.kind_number AND h.value = i.value
GROUP BY i.account, i.kind_number
"""
# Where kinds have windows, a use without a time is in no incidence, but its exchanges count.
_BY_ACCOUNT_AND_KIND = "SELECT {account} AS account, kind, {measures} FROM sightings GROUP BY account, kind"
_BY_ACCOUNT = "SELECT {account} AS account, '' AS kind, {measures} FROM exchanges GROUP BY account"
# Long sightings repeat an exchange for each kind, so the largest sum by kind is an account's volume.
_ACCOUNT_VOLUMES = """
SELECT account, max(exchanges) AS exchanges, max(input_tokens) AS input_tokens,
       max(output_tokens) AS output_tokens, min(first_seen) AS first_seen, max(last_seen) AS last_seen
FROM {volumes} GROUP BY account
"""
_NUMBERED_ACCOUNTS = """
SELECT (row_number() OVER (ORDER BY n.account_id) - 1)::INTEGER AS account, n.account AS hash, n.account_id,
       n.other, coalesce(v.exchanges, 0) AS exchanges, coalesce(v.input_tokens, 0) AS input_tokens,
       coalesce(v.output_tokens, 0) AS output_tokens, v.first_seen, v.last_seen
FROM account_names n LEFT JOIN account_volumes v ON v.account = n.account
"""
_FETCH_ACCOUNTS = """
SELECT account_id, exchanges, input_tokens, output_tokens, first_seen, last_seen
FROM accounts ORDER BY account
"""
_ACCOUNT_COLLISION = "SELECT account_id, other FROM accounts WHERE account_id <> other LIMIT 1"

_SIGNALS = """
SELECT i.kind_number, i.value, count(*)::INTEGER AS accounts, bool_or(h.kind_number IS NOT NULL) AS hub,
       {pairs} AS pairs, min(i.place) AS place, max(i.other_place) AS other_place,
       min(i.region) AS region, max(i.other_region) AS other_region, {fade}
FROM incidence i LEFT JOIN known_hubs h ON h.kind_number = i.kind_number AND h.value = i.value
{meetings} {ages}
GROUP BY i.kind_number, i.value
"""
_CELLS = """
SELECT stratum, hub, fade, band, sum(pairs)::BIGINT AS pairs
FROM signal_strata WHERE accounts > 1 GROUP BY stratum, hub, fade, band ORDER BY stratum, hub, fade, band
"""
_NUMBERED_SIGNALS = """
SELECT (row_number() OVER (ORDER BY c.cell, s.accounts, s.value) - 1)::INTEGER AS signal,
       s.kind_number, s.value AS hash, s.accounts, s.hub, c.cell
FROM signal_strata s
JOIN cells c ON c.stratum = s.stratum AND c.hub = s.hub AND c.fade = s.fade AND c.band = s.band
WHERE s.accounts > 1
"""
_FETCH_SIGNALS = "SELECT kind_number, accounts, hub, cell FROM signals ORDER BY signal"
_LINKS = """
SELECT a.account, s.signal, i.exchanges, i.input_tokens, i.output_tokens, i.first_seen, i.last_seen
FROM incidence i
JOIN accounts a ON a.hash = i.account
JOIN signals s ON s.kind_number = i.kind_number AND s.hash = i.value
"""
_NAMED_LINKS = """
SELECT a.account_id, v.kind, v.value, l.exchanges, l.input_tokens, l.output_tokens, l.first_seen, l.last_seen
FROM links l
JOIN accounts a ON a.account = l.account
JOIN signals s ON s.signal = l.signal
JOIN kinds k ON k.kind_number = s.kind_number
JOIN (SELECT kind, {value} AS hash, min(value) AS value FROM observed GROUP BY 1, 2) v
  ON v.kind = k.kind AND v.hash = s.hash
ORDER BY a.account_id, v.kind, v.value
"""
_HOLDERS = "SELECT account FROM links WHERE signal < {signals} ORDER BY signal, account"
_KNOWN_HUBS = """
SELECT DISTINCT k.kind_number, {value} AS value FROM hub_values h
JOIN kinds k ON h.kind IS NULL OR h.kind = k.kind
"""
_HUB_EPISODES = """
UNION SELECT k.kind_number, {value} AS value FROM hub_values h
JOIN episodes e ON e.plain = h.value AND coalesce(h.kind, e.kind) = e.kind JOIN kinds k ON k.kind = e.kind
"""
# Twice the pairs of accounts that may share a signal: all, but for kinds with windows.
_ALL = {"pairs": "count(*) * (count(*) - 1)", "meetings": ""}
_MET = {
    "pairs": f"coalesce(min(w.pairs), {_ALL['pairs']})",
    "meetings": "LEFT JOIN meetings w ON w.kind_number = i.kind_number AND w.value = i.value",
}


@dataclass(frozen=True)
class Incidence:
    """Accounts, the signals that at least two of them have, and who has which.

    Attributes:
        sightings: where it comes from; its engine holds the relations ``accounts`` (account, hash,
            account_id, ...), ``kinds`` (kind, kind_number), ``signals`` (signal, kind_number, hash, accounts,
            hub, cell) and ``links`` (account, signal, exchanges, input_tokens, output_tokens, first_seen,
            last_seen).
        accounts: a row per account, sorted by ``account_id``; the row is the account's number.
        signals: ``kind_number``, ``accounts`` (how many have it), ``hub`` and ``cell`` of each shared signal.
        graph: the same as numbers, without signals that count nothing.
    """

    sightings: Sightings
    accounts: pa.Table
    signals: pa.Table
    graph: Biadjacency

    def to_pandas(self) -> pd.DataFrame:
        """Give the incidence with its strings, a row per account and shared signal.

        Columns: ``account_id``, ``kind``, ``value``, ``exchanges``, ``input_tokens``, ``output_tokens``,
        ``first_seen`` and ``last_seen`` (UTC; NaT where the input has no times).
        """
        engine = self.sightings.engine
        frame: pd.DataFrame = engine.fetch(_NAMED_LINKS.format(value=engine.hash("value"))).to_pandas()
        return frame


def link(
    sightings: Sightings,
    *,
    known_hubs: pa.Table | None = None,
    known_hub_weight: float = 0.0,
    by_place: bool = True,
    half_lives: Mapping[str, float] | None = None,
    windows: Mapping[str, float] | None = None,
) -> Incidence:
    """Link accounts to the signals that they were seen with.

    Args:
        sightings: what :func:`clustergraph.read` gives.
        known_hubs: signals known to be public infrastructure: ``value`` and optionally ``kind``.
        known_hub_weight: what a bit of evidence counts that comes from a known hub, 0 to 1.
        by_place: reckon chance place by place for networks and content, where the input tells places.
        half_lives: kind -> nights with data after which a sighting counts half, also for the coarser kinds
            that it lies in; other kinds do not fade.
        windows: kind -> seconds within which two accounts have to use a signal to share it; other kinds are
            shared whenever they were used.

    Returns:
        The incidence of the bipartite graph.

    Raises:
        UsageError: a window or a half-life that is none.
        InputError: two account ids have the same 64-bit hash, or there are too many families of signals.
    """
    engine = sightings.engine
    kinds = sightings.kinds
    within = check_windows(windows or {}, kinds)
    observe(engine, within, behaviour=bool(sightings.behaviour))
    families = len({sightings.families[kind] for kind in kinds})
    if families > MAX_FAMILIES:
        raise InputError(
            f"kind: the signals are of {families} families, more than {MAX_FAMILIES}; put kinds that say the "
            "same thing of an account into one family, under [families] of the configuration"
        )
    engine.load(
        "kinds", pa.table({"kind": list(kinds), "kind_number": np.arange(len(kinds), dtype=np.int16)})
    )
    _load_known_hubs(engine, known_hubs, windowed=bool(within))
    local = find_local_kinds(sightings, by_place=by_place)
    parts = {
        "places": place_columns(engine, local),
        "account": engine.hash("account_id"),
        "kind": _number_kinds(kinds),
        "value": engine.hash("value"),
        "measures": _aggregate(sightings),
    }
    engine.create("incidence", _INCIDENCE.format(**parts))
    engine.create("account_names", _ACCOUNT_NAMES.format(**parts))
    engine.create("account_kinds", _BY_KIND)
    volumes = _find_volumes(sightings, parts, as_linked=not within and not sightings.behaviour)
    engine.create("account_volumes", _ACCOUNT_VOLUMES.format(volumes=volumes))
    engine.create("accounts", _NUMBERED_ACCOUNTS)
    engine.drop("account_names")
    engine.drop("account_volumes")
    _refuse_collisions(engine)
    accounts = engine.fetch(_FETCH_ACCOUNTS)
    half_lives = inherit_half_lives(half_lives or {}, sightings.nested)
    fade, ages = fade_columns(engine, kinds, half_lives, has_time=sightings.has_time)
    number = number_windows(within, kinds)
    if within:
        load_meetings(engine, number, parts)
    pairs = _MET if within else _ALL
    engine.create("signal_hashes", _SIGNALS.format(fade=fade, ages=ages, **pairs))
    stratify(engine, local, conditional=set(sightings.behaviour))
    query = slots_query(by_place=bool(local), hubs_count=known_hub_weight > 0.0)
    strata = _fetch_strata(sightings, query)
    cells = _number_cells(engine, strata, known_hub_weight)
    engine.create("signals", _NUMBERED_SIGNALS)
    for relation in ("signal_strata", "signal_hashes", "account_kinds"):
        engine.drop(relation)
    engine.create("links", _LINKS)
    engine.drop("incidence")
    signals = engine.fetch(_FETCH_SIGNALS)
    graph = _fetch_graph(engine, signals, strata, cells, accounts.num_rows, number if within else None)
    return Incidence(sightings, accounts, signals, graph)


def _find_volumes(sightings: Sightings, parts: Mapping[str, str], *, as_linked: bool) -> str:
    """Write what an account's volumes are the largest of; what is linked may be all that was read."""
    if sightings.shape == "sightings":
        return "account_kinds" if as_linked else f"({_BY_ACCOUNT_AND_KIND.format(**parts)})"
    return f"({_BY_ACCOUNT.format(**parts)})"


def _number_kinds(kinds: Sequence[str]) -> str:
    """Write the number of a row's kind as an expression: a join would cost more than the few comparisons."""
    cases = " ".join(f"WHEN {literal(kind)} THEN {number}" for number, kind in enumerate(kinds))
    return f"(CASE kind {cases} END)::SMALLINT" if kinds else "0::SMALLINT"


def _aggregate(sightings: Sightings) -> str:
    """Write the aggregates of the measures; what the input lacks costs nothing to aggregate."""
    absent = {"exchanges": "count(*)", "input_tokens": "0", "output_tokens": "0"}
    parts = [
        f"{f'sum({name})' if name in sightings.measures else value}::BIGINT AS {name}"
        for name, value in absent.items()
    ]
    times = ("min(first_seen)", "max(last_seen)") if sightings.has_time else ("NULL", "NULL")
    names = ("first_seen", "last_seen")
    parts += [f"{time}::TIMESTAMP AS {name}" for time, name in zip(times, names, strict=True)]
    return ", ".join(parts)


def _load_known_hubs(engine: Engine, known_hubs: pa.Table | None, *, windowed: bool) -> None:
    """Load the hubs as (kind, hash of the value); a hub without a kind is one of every kind.

    All episodes of a hub are hubs.
    """
    columns = {"kind": pa.array([], pa.string()), "value": pa.array([], pa.string())}
    if known_hubs is not None:
        columns = {"value": known_hubs["value"].cast(pa.string())}
        given = "kind" in known_hubs.column_names
        columns["kind"] = (
            known_hubs["kind"].cast(pa.string()) if given else pa.nulls(len(known_hubs), pa.string())
        )
    engine.load("hub_values", pa.table(columns))
    sql = _KNOWN_HUBS.format(value=engine.hash("h.value"))
    if windowed:
        sql += _HUB_EPISODES.format(value=engine.hash("e.value"))
    engine.create("known_hubs", sql)
    engine.drop("hub_values")


def _refuse_collisions(engine: Engine) -> None:
    clash = engine.fetch(_ACCOUNT_COLLISION).to_pylist()
    if clash:
        raise InputError(
            f"account_id: {clash[0]['account_id']!r} and {clash[0]['other']!r} have the same 64-bit hash; "
            "this happens once in a million inputs of this size. Prefix one of them and run again."
        )


def _fetch_strata(sightings: Sightings, query: str) -> Strata:
    """Fetch how many signals of each stratum each account has."""
    engine, kinds = sightings.engine, sightings.kinds
    known = engine.fetch("SELECT kind_number, inside FROM strata ORDER BY stratum")
    kind, inner = (known[name].to_numpy(zero_copy_only=False) for name in ("kind_number", "inside"))
    found = engine.fetch(query)
    start = np.searchsorted(found["stratum"].to_numpy(), np.arange(len(kind) + 1))
    account, slots = (found[name].to_numpy().astype(np.int32) for name in ("account", "slots"))
    families = sorted({sightings.families[name] for name in kinds})
    family_of_kind = np.array([families.index(sightings.families[name]) for name in kinds], np.int32)
    nests = number_nests(sightings.nested, kinds)
    return Strata(
        kind.astype(np.int32), family_of_kind[kind], start.astype(np.int64), account, slots, nests,
        inner if inner.any() else np.zeros(0, np.bool_),
    )  # fmt: skip


def _number_cells(engine: Engine, strata: Strata, known_hub_weight: float) -> Cells:
    """Find the cells of evidence, number them from the rarest, and tell the engine their numbers.

    Cells that count nothing come last, and are not among those returned.
    """
    found = engine.fetch(_CELLS)
    stratum = found["stratum"].to_numpy().astype(np.int32)
    hub = np.array(found["hub"].to_pylist(), bool)
    weight = np.where(hub, known_hub_weight, 1.0) * np.exp2(-found["fade"].to_numpy() / 2)
    slots = strata.total.astype(np.float64)[stratum]
    rate = found["pairs"].to_numpy().astype(np.float64) / np.maximum(slots, 1.0) ** 2
    counts = weight > 0.0
    # Small signals first: what the tail of a row saves are the visits of its signals' other holders.
    band = found["band"].to_numpy().astype(np.int32)
    order = np.lexsort((np.arange(len(stratum)), rate, band, ~counts))
    rank = np.empty(len(stratum), np.int32)
    rank[order] = np.arange(len(stratum), dtype=np.int32)
    engine.load("cells", found.append_column("cell", pa.array(rank)))
    order = order[counts[order]]
    return Cells(stratum[order], strata.family[stratum[order]], band[order], rate[order], weight[order])


def _fetch_graph(
    engine: Engine, signals: pa.Table, strata: Strata, cells: Cells, accounts: int,
    windows: NDArray[np.int64] | None,
) -> Biadjacency:  # fmt: skip
    cell = signals["cell"].to_numpy().astype(np.int32)
    counted = int(np.searchsorted(cell, len(cells.rate)))
    cell = cell[:counted]
    degree = signals["accounts"].to_numpy()[:counted].astype(np.int32)
    holders = engine.fetch(_HOLDERS.format(signals=counted))["account"].to_numpy()
    rows = rows_from_holders(holders, degree, cells.stratum[cell], strata, accounts)
    graph = Biadjacency(*rows, cell, degree, cells, strata)
    if windows is None:
        return graph
    uses = fetch_uses(engine, windows, holders, degree)
    return replace(graph, uses=uses, place=find_places(holders, graph.indptr))
