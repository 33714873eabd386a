"""What became of each cluster: born, continued, grew, shrank, merged, split, dormant, returned or died."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from clustergraph.identity.matching import find_overlaps, match

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from clustergraph.identity.matching import Overlaps

# A change of fewer members than this share is no growth and no decline.
_CHANGE = 0.1
# A cluster is said to come from another one from which this share of either came.
_ORIGIN = 0.1
# Most of a cluster: what holds that went on in another one, or that one came from.
_MOST = 0.5


@dataclass(frozen=True)
class Identity:
    """A cluster that is known by a lasting id.

    Attributes:
        cluster_id: its id.
        born: the night it was first found, as an ISO date.
        last_night: the last night it was found.
        dormant: nights with data since then.
        accounts: members on that night.
        volume: extraction volume on that night.
        explained: whether legitimate sharing explained it on that night.
    """

    cluster_id: str
    born: str
    last_night: str
    dormant: int
    accounts: int
    volume: float
    explained: bool


@dataclass(frozen=True)
class Event:
    """What became of one cluster in one night; the fields are those of ``lineage.parquet``."""

    cluster_id: str
    event: str
    from_ids: list[str]
    into_ids: list[str]
    overlap: float
    accounts_joined: int
    accounts_left: int
    volume_change: float


@dataclass(frozen=True)
class Tonight:
    """Tonight's clusters by number, and their members; ``now`` to ``present`` are parallel, one an account.

    Attributes:
        night: the date.
        account_ids: of the accounts that are in a cluster, or were.
        now: cluster of tonight, -1 for none.
        before: number of the identity that the account was last in, -1 for none.
        earlier: number of the one that it was in before that, -1 for none.
        weight: of the account tonight.
        weight_before: of the account when it was last in a cluster.
        present: whether it was a member on the last night that its identity was found.
        volume: extraction volume of each cluster.
        explained: whether legitimate sharing explains it.
    """

    night: date
    account_ids: NDArray[np.object_]
    now: NDArray[np.int64]
    before: NDArray[np.int64]
    earlier: NDArray[np.int64]
    weight: NDArray[np.float64]
    weight_before: NDArray[np.float64]
    present: NDArray[np.bool_]
    volume: NDArray[np.float64]
    explained: NDArray[np.bool_]


@dataclass(frozen=True)
class Lineage:
    """The ids of tonight's clusters, what became of all, and who is known from now on."""

    cluster_ids: list[str]
    events: list[Event]
    identities: list[Identity]


def trace(tonight: Tonight, known: Sequence[Identity], *, memory: int) -> Lineage:
    """Give tonight's clusters their ids and tell what became of those of earlier nights.

    Args:
        tonight: clusters and members.
        known: identities of earlier nights, by number.
        memory: nights with data after which a cluster that was not found again is dead.
    """
    clusters = len(tonight.volume)
    overlaps, matched = _match(tonight, known)
    size = np.bincount(tonight.now[tonight.now >= 0], minlength=clusters)
    names = _name(tonight, clusters)
    ids = [known[old].cluster_id if old >= 0 else names[c] for c, old in enumerate(matched.tolist())]
    heirs = _find_heirs(overlaps)
    view = _compare(tonight, overlaps, matched, heirs, len(known))
    events = [_tell_living(c, ids[c], view, tonight, known) for c in range(clusters)]
    identities = [
        Identity(
            ids[c], known[old].born if old >= 0 else str(tonight.night), str(tonight.night), 0, int(size[c]),
            float(tonight.volume[c]), bool(tonight.explained[c]),
        )
        for c, old in enumerate(matched.tolist())
    ]  # fmt: skip
    for number in np.setdiff1d(np.arange(len(known)), matched).tolist():
        into = [ids[heirs[number]]] if number in heirs else []
        event, left = _tell_gone(known[number], into, memory)
        events += [event] if event else []
        identities += [left] if left else []
    events.sort(key=lambda event: event.cluster_id)
    identities.sort(key=lambda identity: identity.cluster_id)
    return Lineage(ids, events, identities)


def _match(tonight: Tonight, known: Sequence[Identity]) -> tuple[Overlaps, NDArray[np.int64]]:
    """Match by the clusters that accounts were last in; then what is left by those that they were in before.

    So a cluster that was taken for a part of another one, and is not any more, is again what it was.
    """
    clusters = len(tonight.volume)
    weights = tonight.weight, tonight.weight_before
    overlaps = find_overlaps(tonight.now, tonight.before, *weights)
    matched = match(overlaps, clusters)
    asleep = np.array([one.dormant > 0 for one in known] + [False])
    asleep[matched[matched >= 0]] = False
    unmatched = np.append(matched < 0, False)
    now = np.where(unmatched[tonight.now], tonight.now, -1)
    again = match(
        find_overlaps(now, np.where(asleep[tonight.earlier], tonight.earlier, -1), *weights), clusters
    )
    if (again < 0).all():
        return overlaps, matched
    matched = np.where(again >= 0, again, matched)
    returned = (tonight.earlier >= 0) & (np.append(again, -2)[tonight.now] == tonight.earlier)
    before = np.where(returned, tonight.earlier, tonight.before)
    return find_overlaps(tonight.now, before, *weights), matched


def make_id(night: date, account_ids: Sequence[str]) -> str:
    """Make a lasting id from the night of birth and the members at birth, in whatever order they come."""
    digest = hashlib.sha256(str(night).encode())
    for account_id in sorted(account_ids):
        name = account_id.encode()
        digest.update(len(name).to_bytes(8, "little"))
        digest.update(name)
    return "c" + digest.hexdigest()[:16]


def _name(tonight: Tonight, clusters: int) -> list[str]:
    order = np.flatnonzero(tonight.now >= 0)
    order = order[np.argsort(tonight.now[order], kind="stable")]
    ends = np.searchsorted(tonight.now[order], np.arange(clusters + 1))
    members = tonight.account_ids[order].tolist()
    return [make_id(tonight.night, members[ends[c] : ends[c + 1]]) for c in range(clusters)]


def _find_heirs(overlaps: Overlaps) -> dict[int, int]:
    """Find for each identity the cluster of tonight that has most of it, if one has."""
    rows = np.flatnonzero(overlaps.of_before >= _MOST)
    rows = rows[np.argsort(overlaps.weight[rows], kind="stable")]  # of two halves the last, heavier one stays
    return dict(zip(overlaps.before[rows].tolist(), overlaps.now[rows].tolist(), strict=True))


@dataclass(frozen=True)
class _View:
    """Tonight against before, by cluster of tonight."""

    overlaps: Overlaps
    matched: NDArray[np.int64]
    going_on: frozenset[int]  # identities that a cluster of tonight goes on as
    heirs: dict[int, int]
    size: NDArray[np.int64]
    stayed: NDArray[np.int64]  # members who were members on the last night
    members_before: NDArray[np.int64]  # of each identity on its last night


def _compare(
    tonight: Tonight, overlaps: Overlaps, matched: NDArray[np.int64], heirs: dict[int, int], known: int
) -> _View:
    clusters, now, before = len(matched), tonight.now, tonight.before
    both = (now >= 0) & tonight.present
    old = np.append(matched, -2)[now]
    same = both & ((old == before) & (before >= 0) | (old == tonight.earlier) & (old >= 0))
    return _View(
        overlaps,
        matched,
        frozenset(matched[matched >= 0].tolist()),
        heirs,
        np.bincount(now[now >= 0], minlength=clusters),
        np.bincount(now[same], minlength=clusters),
        np.bincount(before[(before >= 0) & tonight.present], minlength=known),
    )


def _tell_living(
    cluster: int, cluster_id: str, view: _View, tonight: Tonight, known: Sequence[Identity]
) -> Event:
    overlaps, old = view.overlaps, int(view.matched[cluster])
    first, end = np.searchsorted(overlaps.now, [cluster, cluster + 1])
    rows = np.arange(first, end)
    share = np.maximum(overlaps.of_now[rows], overlaps.of_before[rows])
    rows = rows[(share >= _ORIGIN) | (overlaps.before[rows] == old)]
    rows = rows[np.argsort(-overlaps.weight[rows], kind="stable")]
    origins = overlaps.before[rows].tolist()
    from_ids = [known[origin].cluster_id for origin in origins]
    volume, size = float(tonight.volume[cluster]), int(view.size[cluster])
    if old < 0:
        event = "split" if view.going_on.intersection(origins) else "born"
        return Event(cluster_id, event, from_ids, [], 0.0, size, 0, volume)
    gone = [o for o in origins if o not in view.going_on and view.heirs.get(o) == cluster]
    stayed, was = int(view.stayed[cluster]), known[old]
    joined, left = size - stayed, int(view.members_before[old]) - stayed
    similarity = float(overlaps.similarity[rows[origins.index(old)]])
    return Event(
        cluster_id, _choose_event(was, joined, left, merged=bool(gone)), from_ids, [], similarity, joined,
        left, volume - was.volume,
    )  # fmt: skip


def _choose_event(was: Identity, joined: int, left: int, *, merged: bool) -> str:
    if was.dormant:
        return "returned"
    if merged:
        return "merged"
    change = (joined - left) / max(was.accounts, 1)
    if change > _CHANGE:
        return "grew"
    return "shrank" if change < -_CHANGE else "continued"


def _tell_gone(was: Identity, into: list[str], memory: int) -> tuple[Event | None, Identity | None]:
    """Tell what became of an identity that none of tonight's clusters goes on as."""
    dormant = was.dormant + 1
    if dormant > memory:
        return Event(was.cluster_id, "died", [], into, 0.0, 0, 0, 0.0), None
    now = replace(was, dormant=dormant)
    if was.dormant and not into:
        return None, now
    left, volume = (0, 0.0) if was.dormant else (was.accounts, -was.volume)
    return Event(was.cluster_id, "dormant", [], into, 0.0, 0, left, volume), now
