"""Figures of one outcome: how whole the campaigns are, and who stands where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.evaluate.truth import PEOPLE, VERIFIED

if TYPE_CHECKING:
    from clustergraph.scoring.matching import GroupScore
    from tests.evaluate.outcome import Outcome

FIRST_RANKS = 20
BEHIND = ("household", "club", "university", VERIFIED)  # what campaigns have to stand before


def f1_of(group: GroupScore) -> float:
    """Give the F1 of a group's best cluster; 0 where there is none."""
    return group.f1 or 0.0


def volume_of(group: GroupScore) -> float:
    """Give the volume found, strangers' included, as a multiple of the true one; 0 where nothing is found."""
    return (group.volume_found or 0.0) / group.volume_true if group.volume_true else 0.0


def worst_f1(outcome: Outcome) -> float:
    """Give the F1 of the campaign that is found worst; not a number where none was planted."""
    return min(map(f1_of, outcome.campaigns), default=float("nan"))


def stands_ahead(outcome: Outcome, group: GroupScore) -> bool:
    """Tell whether a group stands before all clusters of the kinds that campaigns have to stand before."""
    behind = outcome.clusters[outcome.clusters["kind"].isin(BEHIND)]["rank"]
    return group.rank is not None and bool((behind > group.rank).all())


def share_clustered(outcome: Outcome, *kinds: str) -> float:
    """Give the share of the accounts of some kinds that are in any cluster."""
    everybody = int(outcome.kinds.reindex(list(kinds)).sum())
    return int(outcome.members["kind"].isin(kinds).sum()) / max(everybody, 1)


def count_people_first(outcome: Outcome, ranks: int = FIRST_RANKS) -> int:
    """Count individuals, one by one, in the clusters of the first ranks."""
    first = outcome.members[outcome.members["rank"] <= ranks]
    return int(first["kind"].isin(PEOPLE).sum())


def count_clusters_first(outcome: Outcome, kind: str, ranks: int = FIRST_RANKS) -> tuple[int, int]:
    """Count clusters of mostly one kind in the first ranks; give also how many of them are explained."""
    first = outcome.clusters[(outcome.clusters["rank"] <= ranks) & (outcome.clusters["kind"] == kind)]
    return len(first), int(first["explained_by"].notna().sum())
