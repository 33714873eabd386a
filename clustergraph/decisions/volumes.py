"""How busy accounts are of late: what a clearance is measured by when volumes grow."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

# A week, since weekends are quieter; of days with data.
_DAYS = 7


def measure_daily(activity: pa.Table, days: Sequence[str], by: str) -> dict[str, float]:
    """Give the exchanges a day of accounts, or of clusters, over the last seven days with data.

    Args:
        activity: rows of ``activity.parquet``.
        days: with data, as ISO dates in order, one at least.
        by: ``account_id`` or ``cluster_id``.

    Returns:
        id -> exchanges a day, of those that were active.
    """
    recent = days[-_DAYS:]
    since = pa.scalar(datetime.fromisoformat(recent[0]).replace(tzinfo=UTC), pa.timestamp("us", tz="UTC"))
    late = activity.filter(pc.greater_equal(activity["hour"], since))
    # Whole numbers add up to the same in any order.
    sums = late.group_by(by).aggregate([("exchanges", "sum")])
    totals = zip(sums[by].to_pylist(), sums["exchanges_sum"].to_pylist(), strict=True)
    return {one: total / len(recent) for one, total in totals}
