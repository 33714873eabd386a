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
    from collections.abc import Collection, Mapping, Sequence
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
    ids = _read_ids(store, nights)
    return _tell(store, nights, ids, [choose_cluster(key, ids)])[0]


def tell_lives(store: Store, cluster_ids: Collection[str], until: date | None = None) -> list[Life]:
    """Tell the lives of several clusters at once.

    Args:
        store: that has their nights.
        cluster_ids: whole ids; those that no night has are passed over.
        until: the last night to look at, None for the last one there is.

    Raises:
        UsageError: no night is published.
        InputError: an artefact of the store, or its log of decisions, cannot be read.
    """
    nights = [one for one in list_nights(store) if until is None or one <= until]
    ids = _read_ids(store, nights)
    return _tell(store, nights, ids, [one for one in cluster_ids if one in ids])


def _tell(store: Store, nights: Sequence[date], ids: set[str], cluster_ids: list[str]) -> list[Life]:
    found = {night: _read_stages(store, night, cluster_ids) for night in nights}
    lives = {one: _fill(found, one) for one in cluster_ids}
    named = {
        one: {one, *(kin for stage in stages for kin in (*stage.from_ids, *stage.into_ids))}
        for one, stages in lives.items()
    }
    short = shorten_ids(ids.union(*named.values()))
    log = read_log(store).entries
    return [
        Life(
            one, stages, tuple(entry for entry in log if entry.cluster_id == one),
            {kin: short[kin] for kin in sorted(named[one])},
        )
        for one, stages in lives.items()
    ]  # fmt: skip


def _fill(found: Mapping[date, Mapping[str, Stage]], cluster_id: str) -> tuple[Stage, ...]:
    """Give the stages of a cluster, with the nights between them that say nothing of it."""
    told = {night: stages[cluster_id] for night, stages in found.items() if cluster_id in stages}
    first, last = min(told), max(told)
    if told[last].event != _DIED:
        last = max(found)  # it is dormant up to now
    return tuple(told.get(one) or Stage(str(one), _DORMANT) for one in found if first <= one <= last)


def _read_ids(store: Store, nights: Sequence[date]) -> set[str]:
    tables = [
        read_columns(store, night, name, ["cluster_id"])
        for night in nights
        for name in ("lineage", "clusters")
    ]
    return {one for table in tables for one in table[0].to_pylist()}


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


def _read_stages(store: Store, night: date, cluster_ids: list[str]) -> dict[str, Stage]:
    """Read what a night has of some clusters; those that it does not name are left out."""
    lineage = read_columns(store, night, "lineage", ("cluster_id", *_LINEAGE), cluster_ids)
    clusters = read_columns(
        store, night, "clusters", ("cluster_id", *_CLUSTERS), cluster_ids, later=["decision"]
    )
    stages: dict[str, Stage] = {}
    for row in (*lineage.to_pylist(), *clusters.to_pylist()):
        cluster_id = row.pop("cluster_id")
        ids = {key: tuple(row[key] or ()) for key in ("from_ids", "into_ids") if key in row}
        stage = stages.get(cluster_id) or Stage(str(night), _DORMANT)
        stages[cluster_id] = replace(stage, **(row | ids))
    return stages
