"""The life of one cluster, night by night."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from clustergraph.artefacts.runs import shorten_ids
from clustergraph.config import suggest
from clustergraph.decisions.log import read_log
from clustergraph.errors import UsageError
from clustergraph.figures import printable
from clustergraph.upkeep.nights import list_nights, read_columns

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date

    from clustergraph.decisions.log import Entry
    from clustergraph.store.store import Store

_LINEAGE = ("event", "from_ids", "into_ids", "overlap", "accounts_joined", "accounts_left", "volume_change")
_CLUSTERS = ("rank", "accounts", "extraction_volume", "exchanges_1d", "accounts_banned")
_DORMANT, _DIED = "dormant", "died"


@dataclass(frozen=True)
class Stage:
    """One night of a cluster; the fields are those of ``lineage`` and ``clusters``.

    On a night on which it was not found, ``event`` is ``dormant`` or ``died`` and the figures of ``clusters``
    are None; so are those of ``lineage`` from the second dormant night on, which has no row.
    """

    night: str
    event: str
    from_ids: tuple[str, ...] = ()
    into_ids: tuple[str, ...] = ()
    overlap: float | None = None
    accounts_joined: int | None = None
    accounts_left: int | None = None
    volume_change: float | None = None
    rank: int | None = None
    accounts: int | None = None
    extraction_volume: float | None = None
    exchanges_1d: int | None = None
    accounts_banned: int | None = None
    decision: str | None = None


@dataclass(frozen=True)
class Life:
    """The nights of a cluster, from the first that the store still has to the last one or its death.

    Attributes:
        cluster_id: its id.
        stages: a night each, in order.
        decisions: entries of the log on it, in order.
        short: id -> beginning that no other cluster of the store has, of all ids in the stages.
    """

    cluster_id: str
    stages: tuple[Stage, ...]
    decisions: tuple[Entry, ...]
    short: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Give everything but the short ids as plain values."""
        return {
            "cluster_id": self.cluster_id,
            "nights": [asdict(one) for one in self.stages],
            "decisions": [asdict(one) for one in self.decisions],
        }


def tell_life(store: Store, key: str) -> Life:
    """Tell the life of a cluster.

    Args:
        store: that has its nights.
        key: its id or the beginning of it.

    Raises:
        UsageError: no cluster of any night is meant, or several.
        InputError: an artefact of the store, or its log of decisions, cannot be read.
    """
    nights = list_nights(store)
    found = {night: _read_ids(store, night) for night in nights}
    ids = set[str]().union(*found.values())
    cluster_id = choose_cluster(key, ids)
    told = {night: _read_stage(store, night, cluster_id) for night in nights if cluster_id in found[night]}
    first, last = min(told), max(told)
    if told[last].event != _DIED:
        last = nights[-1]  # it is dormant up to now
    stages = tuple(told.get(one) or Stage(str(one), _DORMANT) for one in nights if first <= one <= last)
    named = {cluster_id, *(one for stage in stages for one in (*stage.from_ids, *stage.into_ids))}
    short = shorten_ids(ids | named)
    decisions = tuple(one for one in read_log(store).entries if one.cluster_id == cluster_id)
    return Life(cluster_id, stages, decisions, {one: short[one] for one in sorted(named)})


def _read_ids(store: Store, night: date) -> set[str]:
    names = ("lineage", "clusters")
    return {one for name in names for one in read_columns(store, night, name, ["cluster_id"])[0].to_pylist()}


def choose_cluster(key: str, ids: Collection[str], nobody: str = "no night of the store has") -> str:
    """Choose the cluster that is meant.

    Args:
        key: its id or the beginning of it.
        ids: of the clusters that may be meant.
        nobody: what an error begins with if there is no such cluster.

    Raises:
        UsageError: no cluster is meant, or several.
    """
    if key in ids:
        return key
    near = sorted(one for one in ids if key and one.startswith(key))
    if len(near) == 1:
        return near[0]
    said = printable(key, 80)
    if near:
        listed = ", ".join(near[:3]) + (", ..." if len(near) > 3 else "")
        raise UsageError(
            f"{len(near):,} clusters have ids that begin with {said!r}: {listed}; give more of it"
        )
    known = sorted(ids)
    hint = suggest(key, known) or suggest(key, sorted({one[: len(key)] for one in known}))
    raise UsageError(f"{nobody} a cluster {said!r}{hint}")


def _read_stage(store: Store, night: date, cluster_id: str) -> Stage:
    lineage = read_columns(store, night, "lineage", _LINEAGE, cluster_id).to_pylist()
    clusters = read_columns(store, night, "clusters", _CLUSTERS, cluster_id, later=["decision"]).to_pylist()
    stage = Stage(str(night), _DORMANT)
    for row in lineage:
        ids = {name: tuple(row[name] or ()) for name in ("from_ids", "into_ids")}
        stage = replace(stage, **(row | ids))
    for row in clusters:
        stage = replace(stage, **row)
    return stage
