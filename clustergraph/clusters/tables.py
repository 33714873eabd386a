"""The artefacts of a run, put together as :mod:`clustergraph.artefacts.schema` describes them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from clustergraph.artefacts.schema import ACTIVITY, CLUSTERS, EVIDENCE, LINKS, MEMBERS, fill_schema
from clustergraph.clusters.legitimacy import join_reasons
from clustergraph.extraction.parts import PARTS
from clustergraph.projection.significance import find_p_values, find_q_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from clustergraph.clusters.division import Coverage
    from clustergraph.clusters.legitimacy import Explained
    from clustergraph.extraction.points import Extraction
    from clustergraph.membership.members import Membership

_MEASURES = ("exchanges", "input_tokens", "output_tokens")
# Above this share of known hubs a cluster's reason says so.
_MOSTLY_HUBS = 0.5


@dataclass(frozen=True)
class Ranked:
    """Clusters in order of rank.

    Attributes:
        membership: labels are ranks from 0, -1 for no cluster.
        ids: id of each cluster.
        volume: extraction volume of each account (float64).
        extraction: how much the traffic of each account looks like extraction.
        explained: what explains each cluster.
        coverage: how its members share the fillings of templates, of each cluster.
    """

    membership: Membership
    ids: Sequence[str]
    volume: NDArray[np.float64]
    extraction: Extraction
    explained: Explained
    coverage: Sequence[Coverage | None]

    @property
    def accounts(self) -> pa.Table:
        """All accounts, a row each."""
        return self.membership.ties.incidence.accounts

    @property
    def members(self) -> NDArray[np.intp]:
        """Clustered accounts, by cluster and then by number."""
        labels = self.membership.labels
        clustered = np.flatnonzero(labels >= 0)
        return clustered[np.argsort(labels[clustered], kind="stable")]

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Which ties lie inside a cluster."""
        labels, pairs = self.membership.labels, self.membership.ties.pairs
        return np.asarray((labels[pairs.source] >= 0) & (labels[pairs.source] == labels[pairs.target]))


def clusters_table(ranked: Ranked, evidence: pa.Table) -> pa.Table:
    """Make ``clusters.parquet``: a row per cluster, ordered by rank."""
    count = len(ranked.ids)
    members, labels, pairs = ranked.members, ranked.membership.labels, ranked.membership.ties.pairs
    cluster = labels[members]
    size = np.bincount(cluster, minlength=count)
    inside = ranked.inside
    ties = np.bincount(labels[pairs.source[inside]], minlength=count)
    bits = np.bincount(labels[pairs.source[inside]], weights=pairs.bits[inside], minlength=count)
    possible = size * (size - 1) / 2
    hub_share = _hub_share(evidence, count)
    chosen = ranked.accounts.take(pa.array(members))
    strength = np.array(_float_sums(ranked.membership.odds[members], size), np.float64)
    expected = ranked.membership.ties.chance.expect(strength)
    columns: dict[str, Any] = {
        "cluster_id": list(ranked.ids),
        "rank": np.arange(1, count + 1),
        "accounts": size,
        **{name: _sums(chosen[name], cluster, count) for name in _MEASURES},
        "extraction_volume": _float_sums(ranked.volume[members], size),
        "first_seen": _extremes(chosen["first_seen"], size, np.minimum),
        "last_seen": _extremes(chosen["last_seen"], size, np.maximum),
        "families": _families(evidence, ranked),
        "density": ties / np.maximum(possible, 1),
        "cohesion_bits": bits / np.maximum(ties, 1),
        "p_value": find_p_values(expected),
        "q_value": find_q_values(strength, expected),
        **_mean_extraction(ranked, chosen, size),
        "coverage_p_value": [one and one.p_value for one in ranked.coverage],
        "coverage_overlap": [one and one.overlap for one in ranked.coverage],
        "known_hub_share": hub_share,
        "verified_accounts": ranked.explained.verified,
        "explained_by": ranked.explained.code,
        "reason": [
            join_reasons(said, _say_hubs(share))
            for said, share in zip(ranked.explained.reason, hub_share, strict=True)
        ],
    }
    return fill_schema(CLUSTERS, columns, count)


def members_table(ranked: Ranked) -> pa.Table:
    """Make ``members.parquet``: a row per clustered account, by rank and account id."""
    members, pairs = ranked.members, ranked.membership.ties.pairs
    inside, accounts = ranked.inside, len(ranked.membership.labels)
    ties = np.bincount(pairs.source[inside], minlength=accounts) + np.bincount(
        pairs.target[inside], minlength=accounts
    )
    chosen = ranked.accounts.take(pa.array(members))
    columns: dict[str, Any] = {
        "cluster_id": _ids(ranked, ranked.membership.labels[members]),
        "account_id": chosen["account_id"],
        **{name: chosen[name] for name in _MEASURES},
        "extraction_volume": ranked.volume[members],
        **{name: _known(values[members]) for name, values in _name_extraction(ranked.extraction).items()},
        "ties": ties[members],
        "bits": ranked.membership.bits[members],
        "confidence": ranked.membership.confidence[members],
    }
    return fill_schema(MEMBERS, columns, len(members))


def evidence_table(ranked: Ranked, evidence: pa.Table) -> pa.Table:
    """Make ``evidence.parquet``: a row per cluster and shared signal, strongest first."""
    families = ranked.membership.ties.incidence.sightings.families
    columns = {name: evidence[name] for name in EVIDENCE.names if name in evidence.column_names}
    columns["cluster_id"] = _ids(ranked, evidence["cluster"].to_numpy())
    columns["family"] = [families[kind] for kind in evidence["kind"].to_pylist()]
    return fill_schema(EVIDENCE, columns, len(evidence))


def links_table(ranked: Ranked, links: pa.Table) -> pa.Table:
    """Make ``links.parquet``: a row per member and signal that its cluster shares."""
    return fill_schema(LINKS, _named(ranked, links), len(links))


def activity_table(ranked: Ranked, activity: pa.Table | None) -> pa.Table:
    """Make ``activity.parquet``: a row per member and hour; empty where there are no times."""
    if activity is None:
        return ACTIVITY.empty_table()
    return fill_schema(ACTIVITY, _named(ranked, activity), len(activity))


def _name_extraction(extraction: Extraction) -> dict[str, NDArray[np.float64]]:
    """Give the columns of the extraction score and of its parts."""
    return {"extraction_score": extraction.score, **{name: extraction.parts[name] for name in PARTS}}


def _mean_extraction(ranked: Ranked, chosen: pa.Table, size: NDArray[np.intp]) -> dict[str, pa.Array]:
    """Give the means over the members for which each is known, weighted by their exchanges."""
    exchanges = chosen["exchanges"].to_numpy().astype(np.float64)
    columns = {}
    for name, values in _name_extraction(ranked.extraction).items():
        mine = values[ranked.members]
        weight = np.where(np.isnan(mine), 0.0, exchanges)
        sums = _float_sums(np.nan_to_num(mine) * weight, size)
        totals = _float_sums(weight, size)
        means = [part / whole if whole > 0 else math.nan for part, whole in zip(sums, totals, strict=True)]
        columns[name] = _known(np.array(means, np.float64))
    return columns


def _known(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))


def _ids(ranked: Ranked, clusters: NDArray[np.integer]) -> pa.Array:
    return pa.array(ranked.ids, pa.string()).take(pa.array(clusters))


def _named(ranked: Ranked, table: pa.Table) -> dict[str, Any]:
    columns: dict[str, Any] = {name: table[name] for name in table.column_names}
    columns["cluster_id"] = _ids(ranked, table["cluster"].to_numpy())
    columns["account_id"] = (
        ranked.accounts["account_id"].combine_chunks().take(table["account"].combine_chunks())
    )
    return columns


def _sums(values: pa.ChunkedArray, groups: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    totals = np.zeros(count, np.int64)
    np.add.at(totals, groups, values.to_numpy())
    return totals


def _split(values: NDArray[Any], size: NDArray[np.intp]) -> list[NDArray[Any]]:
    return np.split(values, np.cumsum(size)[:-1]) if len(size) else []


def _float_sums(values: NDArray[np.float64], size: NDArray[np.intp]) -> list[float]:
    return [math.fsum(part) for part in _split(values, size)]


def _extremes(values: pa.ChunkedArray, size: NDArray[np.intp], extreme: np.ufunc) -> pa.Array:
    """Reduce each cluster's times; clusters without any time get null."""
    times = values.cast(pa.timestamp("us")).to_numpy()
    reduced = [
        extreme.reduce(part[~np.isnat(part)]) if (~np.isnat(part)).any() else None
        for part in _split(times, size)
    ]
    return pa.array(reduced, pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))


def _families(evidence: pa.Table, ranked: Ranked) -> list[list[str]]:
    """List each cluster's families of signals by their bits, strongest first."""
    families = ranked.membership.ties.incidence.sightings.families
    totals: list[dict[str, float]] = [{} for _ in ranked.ids]
    for cluster, kind, bits in zip(
        evidence["cluster"].to_pylist(),
        evidence["kind"].to_pylist(),
        evidence["bits"].to_pylist(),
        strict=True,
    ):
        if bits > 0:
            family = families[kind]
            totals[cluster][family] = totals[cluster].get(family, 0.0) + bits
    return [sorted(total, key=lambda family: (-total[family], family)) for total in totals]


def _hub_share(evidence: pa.Table, count: int) -> NDArray[np.float64]:
    """Share of a cluster's memberships in shared signals that are those of known hubs."""
    cluster, held = evidence["cluster"].to_numpy(), evidence["accounts"].to_numpy().astype(np.float64)
    hub = evidence["hub"].to_numpy(zero_copy_only=False).astype(np.float64)
    total = np.bincount(cluster, weights=held, minlength=count)
    return np.asarray(np.bincount(cluster, weights=held * hub, minlength=count) / np.maximum(total, 1.0))


def _say_hubs(hub_share: float) -> str | None:
    if hub_share > _MOSTLY_HUBS:
        return f"{hub_share:.0%} of what its members share is known public infrastructure"
    return None
