"""The life of one cluster, night by night."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from clustergraph.artefacts.runs import shorten_ids
from clustergraph.config import suggest
from clustergraph.errors import UsageError
from clustergraph.figures import printable
from clustergraph.upkeep.nights import list_nights, read_columns

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date

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


@dataclass(frozen=True)
class Life:
    """The nights of a cluster, from the first that the store still has to the last one or its death.

    Attributes:
        cluster_id: its id.
        stages: a night each, in order.
        short: id -> beginning that no other cluster of the store has, of all ids in the stages.
    """

    cluster_id: str
    stages: tuple[Stage, ...]
    short: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Give everything but the short ids as plain values."""
        return {"cluster_id": self.cluster_id, "nights": [asdict(one) for one in self.stages]}


def tell_life(store: Store, key: str) -> Life:
    """Tell the life of a cluster.

    Args:
        store: that has its nights.
        key: its id or the beginning of it.

    Raises:
        UsageError: no cluster of any night is meant, or several.
        InputError: an artefact of the store cannot be read.
    """
    nights = list_nights(store)
    found = {night: _read_ids(store, night) for night in nights}
    ids = set[str]().union(*found.values())
    cluster_id = _choose(key, ids)
    told = {night: _read_stage(store, night, cluster_id) for night in nights if cluster_id in found[night]}
    first, last = min(told), max(told)
    if told[last].event != _DIED:
        last = nights[-1]  # it is dormant up to now
    stages = tuple(told.get(one) or Stage(str(one), _DORMANT) for one in nights if first <= one <= last)
    named = {cluster_id, *(one for stage in stages for one in (*stage.from_ids, *stage.into_ids))}
    short = shorten_ids(ids | named)
    return Life(cluster_id, stages, {one: short[one] for one in sorted(named)})


def tell_lives(store: Store, ids: Collection[str], until: date) -> dict[str, tuple[Stage, ...]]:
    """Tell the lives of many clusters up to a night, each from the first night that the store still has.

    Args:
        store: that has the nights.
        ids: whole ids of clusters.
        until: the last night to look at.

    Raises:
        InputError: an artefact of the store cannot be read.
    """
    lives: dict[str, list[Stage]] = {one: [] for one in ids}
    for night in (one for one in list_nights(store) if one <= until and lives):
        told = _read_stages(store, night, ids)
        for cluster_id, stages in lives.items():
            if cluster_id in told:
                stages.append(told[cluster_id])
            elif stages and stages[-1].event != _DIED:
                stages.append(Stage(str(night), _DORMANT))
    return {one: tuple(stages) for one, stages in lives.items()}


def _read_ids(store: Store, night: date) -> set[str]:
    names = ("lineage", "clusters")
    return {one for name in names for one in read_columns(store, night, name, ["cluster_id"])[0].to_pylist()}


def _choose(key: str, ids: set[str]) -> str:
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
    raise UsageError(f"no night of the store has a cluster {said!r}{hint}")


def _read_stage(store: Store, night: date, cluster_id: str) -> Stage:
    return _read_stages(store, night, [cluster_id])[cluster_id]


def _read_stages(store: Store, night: date, ids: Collection[str]) -> dict[str, Stage]:
    """Read what a night has of some clusters; those of which it has nothing are left out."""
    lineage = read_columns(store, night, "lineage", ("cluster_id", *_LINEAGE), ids).to_pylist()
    clusters = read_columns(store, night, "clusters", ("cluster_id", *_CLUSTERS), ids).to_pylist()
    stages: dict[str, Stage] = {}
    for row in lineage:
        kin = {name: tuple(row[name] or ()) for name in ("from_ids", "into_ids")}
        cluster_id = row.pop("cluster_id")
        stages[cluster_id] = Stage(str(night), **(row | kin))
    for row in clusters:
        cluster_id = row.pop("cluster_id")
        stages[cluster_id] = replace(stages.get(cluster_id) or Stage(str(night), _DORMANT), **row)
    return stages
