"""Do clusters of planted groups in which nothing changed keep their ids?"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def count_steady(
    members: pd.DataFrame, volume: pd.DataFrame, truth: pd.Series[Any]
) -> tuple[int, list[tuple[str, str]]]:
    """Count the steps from one night to the next in which nobody joined a planted group that was found.

    Args:
        members: ``dt``, ``cluster_id`` and ``account_id`` of all nights.
        volume: ``dt`` and ``account_id`` of all that was seen.
        truth: planted group by account, empty for none.

    Returns:
        The steps in which a cluster was mostly of the group on both nights, and those in which its id
        changed, as group and night.
    """
    main = _find_main_clusters(members, truth)
    came = volume.assign(group=volume["account_id"].map(truth).fillna(""))
    first = came[came["group"] != ""].groupby(["group", "account_id"])["dt"].min()
    news = set(zip(first.index.get_level_values("group"), first, strict=True))
    steps, changed = 0, []
    for before, night in pairwise(sorted(volume["dt"].unique())):
        both = main.get(before, {}).keys() & main.get(night, {}).keys()
        steady = sorted(group for group in both if (group, night) not in news)
        steps += len(steady)
        changed += [(group, night) for group in steady if main[before][group] != main[night][group]]
    return steps, changed


def _find_main_clusters(members: pd.DataFrame, truth: pd.Series[Any]) -> dict[str, dict[str, str]]:
    """Give by night and group the cluster that has most of the group, of those that are mostly of it."""
    known = members.assign(group=members["account_id"].map(truth).fillna(""))
    size = known.groupby(["dt", "cluster_id"]).size().rename("size").reset_index()
    found = known[known["group"] != ""].groupby(["dt", "cluster_id", "group"]).size().rename("count")
    found = found.reset_index().merge(size, on=["dt", "cluster_id"])
    found = found[2 * found["count"] > found["size"]]
    found = found.sort_values(["count", "cluster_id"], ascending=[False, True])
    main: dict[str, dict[str, str]] = {}
    for row in found.drop_duplicates(["dt", "group"]).itertuples():
        main.setdefault(str(row.dt), {})[str(row.group)] = str(row.cluster_id)
    return main
