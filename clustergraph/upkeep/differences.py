"""What differs between the clusters of two nights."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from clustergraph.upkeep.nights import find_night, read_columns

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import pyarrow as pa

    from clustergraph.store.store import Store

NEW, GONE, GREW, SHRANK, CHANGED, SAME = "new", "gone", "grew", "shrank", "changed", "same"
# In the order in which they are told.
KINDS = (NEW, GONE, GREW, SHRANK, CHANGED)
_Figures = tuple[float, str | None]  # volume and decision of a cluster on one night
_NONE: _Figures = (0.0, None)


@dataclass(frozen=True)
class Change:
    """A cluster that has other members on the second night than on the first.

    Attributes:
        cluster_id: its id.
        change: ``new``, ``gone``, ``grew``, ``shrank``, or ``changed`` (as many members, but others).
        accounts_before: members on the first night, 0 if it is new.
        accounts_after: members on the second night, 0 if it is gone.
        volume_before: extraction volume on the first night.
        volume_after: extraction volume on the second night.
        accounts_joined: members of the second night that were not of the first.
        accounts_left: members of the first night that are not of the second.
        decision_before: what was decided on it and held on the first night, None for nothing.
        decision_after: what did on the second.
    """

    cluster_id: str
    change: str
    accounts_before: int
    accounts_after: int
    volume_before: float
    volume_after: float
    accounts_joined: int
    accounts_left: int
    decision_before: str | None
    decision_after: str | None


@dataclass(frozen=True)
class Difference:
    """What differs between two nights.

    Attributes:
        before: the first night.
        after: the second night.
        changes: those of one kind together, the largest change of volume first.
        totals: clusters of either night and of each kind of change, accounts and volume of either night, and
            accounts that joined any cluster, left all, or moved from one to another.
    """

    before: date
    after: date
    changes: tuple[Change, ...]
    totals: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        nights = {"before": str(self.before), "after": str(self.after)}
        return {**nights, "totals": dict(self.totals), "changes": [asdict(one) for one in self.changes]}


def compare_nights(store: Store, first: str, second: str) -> Difference:
    """Compare the clusters of two nights by their ids and members.

    Args:
        store: that has the nights.
        first: a date, or ``latest``.
        second: likewise.

    Raises:
        UsageError: one of the nights is not published.
        InputError: an artefact cannot be read.
    """
    before, after = find_night(store, first), find_night(store, second)
    clusters = [_read_clusters(store, night) for night in (before, after)]
    members = [
        read_columns(store, night, "members", ["account_id", "cluster_id"]) for night in (before, after)
    ]
    sizes = [Counter(table["cluster_id"].to_pylist()) for table in members]
    stayed = _count_stayed(members[0], members[1])
    found = [
        _judge(
            one, (sizes[0][one], sizes[1][one]), stayed[one],
            (clusters[0].get(one, _NONE), clusters[1].get(one, _NONE)),
        )
        for one in sorted({*clusters[0], *clusters[1]})
    ]  # fmt: skip
    kinds = Counter(one.change for one in found)
    changes = sorted((one for one in found if one.change != SAME), key=_place)
    both = members[0].join(members[1].select(["account_id"]), "account_id", join_type="inner").num_rows
    totals = {
        "clusters_before": len(clusters[0]),
        "clusters_after": len(clusters[1]),
        **{kind: kinds[kind] for kind in (*KINDS, SAME)},
        "accounts_before": members[0].num_rows,
        "accounts_after": members[1].num_rows,
        "accounts_joined": members[1].num_rows - both,
        "accounts_left": members[0].num_rows - both,
        "accounts_moved": both - stayed.total(),
        "volume_before": sum(volume for volume, _ in clusters[0].values()),
        "volume_after": sum(volume for volume, _ in clusters[1].values()),
    }
    return Difference(before, after, tuple(changes), totals)


def _read_clusters(store: Store, night: date) -> dict[str, _Figures]:
    names = ["cluster_id", "extraction_volume"]
    table = read_columns(store, night, "clusters", names, later=["decision"])
    rows = zip(*(table[name].to_pylist() for name in (*names, "decision")), strict=True)
    return {one: (volume, decision) for one, volume, decision in rows}


def _count_stayed(before: pa.Table, after: pa.Table) -> Counter[str]:
    """Count for each cluster the accounts that are members of it on both nights."""
    both = before.join(after, ["account_id", "cluster_id"], join_type="inner")
    return Counter(both["cluster_id"].to_pylist())


def _judge(
    cluster_id: str, accounts: tuple[int, int], stayed: int, figures: tuple[_Figures, _Figures]
) -> Change:
    before, after = accounts
    if not before or not after:
        change = GONE if before else NEW
    elif before != after:
        change = GREW if after > before else SHRANK
    else:
        change = SAME if stayed == after else CHANGED
    (volume, decision), (volume_after, decision_after) = figures
    return Change(
        cluster_id, change, before, after, volume, volume_after, after - stayed, before - stayed, decision,
        decision_after,
    )  # fmt: skip


def _place(change: Change) -> tuple[int, float, str]:
    return KINDS.index(change.change), -abs(change.volume_after - change.volume_before), change.cluster_id
