"""Groups and clusters given as dictionaries, in the form in which agreement is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clustergraph.scoring.overlaps import Overlaps, count_overlaps

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping


def count_labels(groups: Mapping[str, Hashable], clusters: Mapping[str, Hashable]) -> Overlaps:
    """Count what groups and clusters have in common, from those of each account that has one."""
    place = {name: number for number, name in enumerate(dict.fromkeys(groups.values()))}
    rank = {name: number for number, name in enumerate(dict.fromkeys(clusters.values()))}
    group = np.array([place[name] for name in groups.values()], np.int64)
    cluster = np.array([rank[clusters[one]] if one in clusters else -1 for one in groups], np.int64)
    sizes = np.bincount([rank[name] for name in clusters.values()], minlength=len(rank)).astype(np.int64)
    return count_overlaps(group, cluster, len(place), sizes)
