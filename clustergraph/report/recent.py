"""Volumes by day and week, and who was active, for a run that has no nights to tell them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

_WEEK = 7


def reckon_recent(activity: pa.Table, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Reckon the nightly figures that hourly activity gives.

    Days are those on which any clustered account was seen, in UTC.

    Args:
        activity: a row per member and hour, as ``activity.parquet``.
        ids: of the clusters to reckon for.

    Returns:
        ``exchanges_1d``, ``exchanges_7d``, ``accounts_active`` and ``accounts_new`` (None where the run has
        but one day) by cluster id; all None where there are no times.
    """
    if not activity.num_rows:
        return {one: dict.fromkeys(_NAMES) for one in ids}
    days = pc.unique(pc.floor_temporal(activity["hour"], unit="day")).sort().to_pylist()
    day, week = (_sum_since(activity, days[-count:][0]) for count in (1, _WEEK))
    fresh = _count_new(activity, days[-1]) if len(days) > 1 else None
    return {
        one: {
            "exchanges_1d": day.get(one, (0, 0))[0],
            "exchanges_7d": week.get(one, (0, 0))[0],
            "accounts_active": day.get(one, (0, 0))[1],
            "accounts_new": None if fresh is None else fresh.get(one, 0),
        }
        for one in ids
    }


_NAMES = ("exchanges_1d", "exchanges_7d", "accounts_active", "accounts_new")


def _sum_since(activity: pa.Table, since: datetime) -> dict[str, tuple[int, int]]:
    """Give exchanges and accounts of each cluster since a time."""
    recent = activity.filter(pc.greater_equal(activity["hour"], _time(since)))
    summed = recent.group_by("cluster_id").aggregate([("exchanges", "sum"), ("account_id", "count_distinct")])
    columns = ("cluster_id", "exchanges_sum", "account_id_count_distinct")
    return {one: (total, count) for one, total, count in zip(*_lists(summed, *columns), strict=True)}


def _count_new(activity: pa.Table, since: datetime) -> dict[str, int]:
    """Count the accounts of each cluster that were not seen before a time."""
    first = activity.group_by(["cluster_id", "account_id"]).aggregate([("hour", "min")])
    fresh = first.filter(pc.greater_equal(first["hour_min"], _time(since)))
    counted = fresh.group_by("cluster_id").aggregate([("account_id", "count")])
    return dict(zip(*_lists(counted, "cluster_id", "account_id_count"), strict=True))


def _lists(table: pa.Table, *names: str) -> tuple[list[Any], ...]:
    return tuple(table[name].to_pylist() for name in names)


def _time(when: datetime) -> pa.Scalar:
    return pa.scalar(when.astimezone(UTC), pa.timestamp("us", tz="UTC"))
