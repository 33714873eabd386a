"""Clusters in the order in which a person should look at them, and everything that is said of them."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clustergraph.artefacts.runs import Run
from clustergraph.clusters.attribution import attribute
from clustergraph.clusters.division import find_divisions
from clustergraph.clusters.facts import gather_facts
from clustergraph.clusters.incidence_tables import accounts_table, incidence_table, signals_table
from clustergraph.clusters.legitimacy import Explained, explain_sharing
from clustergraph.clusters.prompted import list_templates
from clustergraph.clusters.tables import (
    Ranked,
    activity_table,
    clusters_table,
    evidence_table,
    links_table,
    members_table,
)
from clustergraph.errors import InputError
from clustergraph.extraction.points import score_extraction
from clustergraph.projection.ties import describe_evidence, ties_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from clustergraph.engines.interface import Engine
    from clustergraph.extraction.points import Extraction
    from clustergraph.membership.members import Membership


_SHARED = """
SELECT m.cluster, l.signal, count(*) AS accounts
FROM links l JOIN members m ON m.account = l.account
GROUP BY m.cluster, l.signal HAVING count(*) > 1
"""
_VALUES = """
SELECT n.signal, min(x.value) AS value, max(x.value) AS other
FROM observed x
JOIN (
    SELECT s.signal, k.kind, s.hash FROM signals s JOIN kinds k ON k.kind_number = s.kind_number
) n ON n.kind = x.kind AND n.hash = {value}
GROUP BY n.signal
"""
_COLLISION = "SELECT value, other FROM signal_values WHERE value <> other LIMIT 1"
_EVIDENCE = """
SELECT c.cluster, k.kind, v.value, c.accounts, s.accounts AS accounts_everywhere, s.hub,
       coalesce(b.bits, 0.0) AS bits
FROM shared c
JOIN signals s ON s.signal = c.signal
JOIN kinds k ON k.kind_number = s.kind_number
JOIN signal_values v ON v.signal = c.signal
LEFT JOIN signal_bits b ON b.cluster = c.cluster AND b.signal = c.signal
ORDER BY c.cluster, bits DESC, k.kind, v.value
"""
# Left to itself, the engine may join members and signals of a cluster first: a billion rows for a large one.
_LINKS = """
WITH held AS MATERIALIZED (
    SELECT m.cluster, l.* FROM links l JOIN members m ON m.account = l.account
)
SELECT h.cluster, h.account, k.kind, v.value, h.exchanges, h.first_seen, h.last_seen
FROM held h
JOIN shared c ON c.cluster = h.cluster AND c.signal = h.signal
JOIN signals s ON s.signal = h.signal
JOIN kinds k ON k.kind_number = s.kind_number
JOIN signal_values v ON v.signal = h.signal
ORDER BY h.cluster, h.account, k.kind, v.value
"""
_ACTIVITY = """
SELECT cluster, account, hour, max(exchanges) AS exchanges
FROM (
    SELECT m.cluster, m.account, x.kind, date_trunc('hour', x.first_seen) AS hour,
           sum(x.exchanges)::BIGINT AS exchanges
    FROM exchanges x JOIN accounts a ON a.hash = {account} JOIN members m ON m.account = a.account
    WHERE x.first_seen IS NOT NULL
    GROUP BY m.cluster, m.account, x.kind, hour
)
GROUP BY cluster, account, hour ORDER BY cluster, account, hour
"""


def rank(
    membership: Membership,
    *,
    volumes: pa.Table | None = None,
    accounts: pa.Table | None = None,
    extraction: Extraction | None = None,
    threads: int = 1,
    progress: Callable[[float, str], None] | None = None,
) -> Run:
    """Rank clusters by the combined extraction volume of their members, and gather what holds them.

    An account's extraction volume is its exchanges, weighted by its extraction score where it has one, or
    what ``volumes`` says of it. What is legitimate sharing is told by exchanges without weights, or by
    ``volumes``.

    Clusters that legitimate sharing explains come after all others, the strongest explanations last. Ties in
    volume are broken by size (larger first), then by id. Cluster numbers of ``membership`` give
    way to ids made from the members' ids, which no order of the input changes.

    Args:
        membership: what :func:`clustergraph.partition` gives.
        volumes: ``account_id`` and one numeric column to rank by instead of weighted exchanges.
        accounts: ``account_id`` and any of ``organization_id`` and ``created_at``, which tell what is
            legitimate sharing.
        extraction: what :func:`clustergraph.score_extraction` gives; with its own points if None.
        threads: processors to use.
        progress: told the share of the work that is done, and what is being done.

    Returns:
        All tables of :mod:`clustergraph.artefacts.schema`, with no more of a manifest than the kinds and the
        thresholds.

    Raises:
        InputError: two signals that accounts share are of one kind and have the same 64-bit hash.
    """
    say = progress or (lambda _share, _what: None)
    ties, incidence = membership.ties, membership.ties.incidence
    engine, sightings = incidence.sightings.engine, incidence.sightings
    extraction = extraction or score_extraction(membership)
    plain = _account_volumes(incidence.accounts, volumes)
    volume = plain if volumes is not None else extraction.weigh(plain)
    found = attribute(incidence.graph, ties.pairs, membership.labels, threads=threads)
    say(0.1, "explanations")
    explained = explain_sharing(gather_facts(membership, found, plain, accounts))
    order, ids = _order_clusters(membership, volume, explained)
    say(0.2, "evidence")
    place = np.argsort(order).astype(np.int32)
    labels = np.append(place, np.int32(-1))[membership.labels]
    _load_members(engine, labels)
    engine.load(
        "signal_bits", pa.table({"cluster": place[found.cluster], "signal": found.signal, "bits": found.bits})
    )
    engine.create("shared", _SHARED)
    _fetch_values(engine)
    evidence = engine.fetch(_EVIDENCE)
    say(0.6, "links")
    links = engine.fetch(_LINKS)
    say(0.8, "activity")
    activity = (
        engine.fetch(_ACTIVITY.format(account=engine.hash("x.account_id"))) if sightings.has_time else None
    )
    coverage = find_divisions(engine, len(ids)) if sightings.has_fillings else [None] * len(ids)
    ranked = Ranked(
        replace(membership, labels=labels), ids, volume, extraction, explained.take(order), coverage
    )
    return Run.from_tables(
        {
            "clusters": clusters_table(ranked, evidence),
            "members": members_table(ranked),
            "evidence": evidence_table(ranked, evidence),
            "links": links_table(ranked, links),
            "activity": activity_table(ranked, activity),
            "ties": ties_table(ties),
            "templates": list_templates(sightings),
            "accounts": accounts_table(incidence, labels, ids),
            "signals": signals_table(incidence, membership.unnatural),
            "incidence": incidence_table(incidence),
        },
        {"input": describe_evidence(ties)},
    )


def _account_volumes(accounts: pa.Table, volumes: pa.Table | None) -> NDArray[np.float64]:
    """Give each account's volume: its exchanges, or what ``volumes`` says (0 where it says nothing)."""
    if volumes is None:
        return np.asarray(accounts["exchanges"].to_numpy(), np.float64)
    column = next(name for name in volumes.column_names if name != "account_id")
    row = pc.index_in(accounts["account_id"], volumes["account_id"].combine_chunks())
    return np.asarray(pc.fill_null(pc.cast(volumes[column].take(row), pa.float64()), 0.0).to_numpy())


def _order_clusters(
    membership: Membership, volume: NDArray[np.float64], explained: Explained
) -> tuple[NDArray[np.intp], list[str]]:
    """Give the numbers of the clusters in the order of their ranks, and their ids in the same order."""
    members = np.flatnonzero(membership.labels >= 0)
    labels = membership.labels[members]
    sizes = np.bincount(labels, minlength=membership.clusters)
    # Summed with math.fsum: the sum of a cluster must not depend on the order of its members.
    order = np.argsort(labels, kind="stable")
    groups = np.split(members[order], np.cumsum(sizes)[:-1]) if len(sizes) else []
    totals = [math.fsum(volume[group]) for group in groups]
    account_id = membership.ties.incidence.accounts["account_id"].combine_chunks()
    ids = [cluster_id(account_id.take(pa.array(group)).to_pylist()) for group in groups]
    ranked = sorted(range(len(groups)), key=lambda c: (explained.strength(c), -totals[c], -sizes[c], ids[c]))
    return np.array(ranked, np.intp), [ids[c] for c in ranked]


def cluster_id(account_ids: Sequence[str]) -> str:
    """Make a cluster's id from its members' ids, in whatever order they come.

    >>> cluster_id(["b", "a"]) == cluster_id(["a", "b"])
    True
    """
    digest = hashlib.sha256()
    for account_id in sorted(account_ids):
        name = account_id.encode()
        digest.update(len(name).to_bytes(8, "little"))
        digest.update(name)
    return "c" + digest.hexdigest()[:16]


def _load_members(engine: Engine, labels: NDArray[np.int32]) -> None:
    members = np.flatnonzero(labels >= 0).astype(np.int32)
    engine.load("members", pa.table({"account": members, "cluster": labels[members]}))


def _fetch_values(engine: Engine) -> None:
    """Look up the strings of the signals, which until here were hashes."""
    engine.create("signal_values", _VALUES.format(value=engine.hash("x.value")))
    clash = engine.fetch(_COLLISION).to_pylist()
    if clash:
        raise InputError(
            f"value: {clash[0]['value']!r} and {clash[0]['other']!r} are of one kind and have the same "
            "64-bit hash; this happens once in a million inputs of this size. Prefix one of them and run "
            "again."
        )
