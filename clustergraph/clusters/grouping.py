"""Clusters as groups of account numbers, as figures of all of them at once are computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Groups:
    """Some accounts, each in one group.

    Attributes:
        members: account numbers, by group and then by number.
        group: the group of each of them, never falling.
        size: members of each group.
    """

    members: NDArray[np.intp]
    group: NDArray[np.intp]
    size: NDArray[np.intp]

    @classmethod
    def from_labels(cls, labels: NDArray[np.integer], count: int) -> Groups:
        """Group accounts by their labels, 0 to ``count`` - 1; a negative label is in no group."""
        grouped = np.flatnonzero(labels >= 0)
        members = grouped[np.argsort(labels[grouped], kind="stable")]
        group = labels[members].astype(np.intp)
        return cls(members, group, np.bincount(group, minlength=count))

    def count(self, chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Count the members of each group that are chosen (a value per member)."""
        return np.bincount(self.group[chosen], minlength=len(self.size))

    def total(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Add up a value per member over each group."""
        weights = np.asarray(values, np.float64)
        return np.asarray(np.bincount(self.group, weights=weights, minlength=len(self.size)), np.float64)

    def mean(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Average a value per member over each group; 0 for an empty group."""
        return np.asarray(self.total(values) / np.maximum(self.size, 1))

    def spread(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Standard deviation (with n - 1) of a value per member in each group; 0 for fewer than two."""
        away = values - self.mean(values)[self.group]
        return np.asarray(np.sqrt(self.total(away**2) / np.maximum(self.size - 1, 1)))
