"""Who stands in the first ranks of the list that people read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from clustergraph.scoring.overlaps import Standing
    from clustergraph.scoring.truth import Truth

TOPS = (10, 20, 50)
# Cohorts of the made-up worlds whose groups are coordinated by an operator.
COORDINATED = ("campaign", "decoy", "cell")
GROUPED, UNGROUPED = "grouped", "ungrouped"  # stand for cohorts where the truth has none


@dataclass(frozen=True)
class CohortScore:
    """How many accounts of a cohort were clustered, and how many stand in the first ranks.

    Attributes:
        accounts: all that the truth lists.
        clustered: those in any cluster.
        top: number of ranks -> those in a cluster of these ranks.
    """

    accounts: int
    clustered: int
    top: Mapping[int, int]


@dataclass(frozen=True)
class Precision:
    """How much of the first ranks is coordinated; None where there is nothing in them.

    Attributes:
        accounts: share of the accounts in the clusters of these ranks.
        clusters: share of these clusters, those with more than half of their accounts.
    """

    accounts: float | None
    clusters: float | None


def count_cohorts(truth: Truth, standing: Standing) -> dict[str, CohortScore]:
    """Count each cohort's accounts; by whether they are in a group, where the truth has no cohorts."""
    cohort = np.where(truth.group >= 0, 0, 1) if truth.cohort is None else truth.cohort
    names = (GROUPED, UNGROUPED) if truth.cohort is None else truth.cohorts

    def count(chosen: NDArray[np.bool_]) -> list[int]:
        return [int(number) for number in np.bincount(cohort[chosen], minlength=len(names))]

    clustered = standing.cluster >= 0
    everyone, found = count(np.ones(len(cohort), np.bool_)), count(clustered)
    top = {ranks: count(clustered & (standing.cluster < ranks)) for ranks in TOPS}
    return {
        name: CohortScore(everyone[place], found[place], {ranks: top[ranks][place] for ranks in TOPS})
        for place, name in enumerate(names)
    }


def find_coordinated(truth: Truth, cohorts: Collection[str]) -> NDArray[np.bool_]:
    """Say which accounts are in a group and of one of these cohorts, or of any where none are known."""
    grouped = truth.group >= 0
    if truth.cohort is None:
        return grouped
    places = [place for place, name in enumerate(truth.cohorts) if name in cohorts]
    return np.asarray(grouped & np.isin(truth.cohort, places))


def measure_precision(
    standing: Standing, coordinated: NDArray[np.bool_], counted: NDArray[np.bool_]
) -> dict[int, Precision]:
    """Measure how much of the first 10, 20 and 50 ranks is coordinated.

    Args:
        standing: of the accounts.
        coordinated: which of them are.
        counted: which clusters are looked at; the others keep their ranks.
    """
    found = standing.cluster[coordinated]
    right = np.bincount(found[found >= 0], minlength=len(standing.sizes))
    majority = 2 * right > standing.sizes
    precision = {}
    for ranks in TOPS:
        chosen = np.flatnonzero(counted[:ranks])
        accounts = int(standing.sizes[chosen].sum())
        precision[ranks] = Precision(
            int(right[chosen].sum()) / accounts if accounts else None,
            float(majority[chosen].mean()) if len(chosen) else None,
        )
    return precision
