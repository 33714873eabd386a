"""Which rows a chart shows where there are too many, and an order in which alike ones stand together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import pdist

if TYPE_CHECKING:
    from numpy.typing import NDArray


def space_evenly(count: int, most: int) -> NDArray[np.int64]:
    """Pick at most ``most`` of ``count`` places, as evenly spaced as can be, from the first on."""
    if count <= most:
        return np.arange(count)
    return np.arange(most) * count // most


def order_alike(rows: NDArray[np.float64]) -> NDArray[np.int64]:
    """Order rows so that neighbours are as alike as can be.

    Rows are clustered by average linkage of their cosine distances, and the leaves of the tree put in the
    order with the least sum of distances between neighbours (Bar-Joseph, Gifford, Jaakkola 2001). The end
    with the larger rows comes first. The order of ``rows`` decides between equals.

    Args:
        rows: of numbers of 0 or more, n by m.

    Returns:
        Places of the rows, from top to bottom (int64).
    """
    if len(rows) < 3:
        return np.arange(len(rows))
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    # Euclidean distance of unit rows: a monotone function of the cosine, that empty rows have too.
    apart = pdist(rows / np.where(length > 0.0, length, 1.0))
    order = leaves_list(optimal_leaf_ordering(linkage(apart, "average"), apart)).astype(np.int64)
    weight = rows.sum(axis=1)[order]
    half = len(order) // 2
    return order[::-1] if weight[:half].sum() < weight[-half:].sum() else order
