"""Figures of one outcome: how whole a planted group is, and who stands where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.evaluate.truth import PEOPLE, VERIFIED

if TYPE_CHECKING:
    from tests.evaluate.outcome import Outcome

FIRST_RANKS = 20
BEHIND = ("household", "club", "university", VERIFIED)  # what campaigns have to stand before


@dataclass(frozen=True)
class Whole:
    """The cluster that a planted group is best found as; zeros where no member is in any.

    Attributes:
        group: its name.
        accounts: of the group.
        rank: of the cluster; None where there is none.
        precision: share of the cluster that is of the group.
        recall: share of the group that is in the cluster.
        volume_found: exchanges of the whole cluster.
        volume_true: exchanges of the group.
    """

    group: str
    accounts: int
    rank: int | None
    precision: float
    recall: float
    volume_found: float
    volume_true: int

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    @property
    def volume_ratio(self) -> float:
        """Volume found, as a multiple of the true one."""
        return self.volume_found / self.volume_true if self.volume_true else 0.0


def find_whole(outcome: Outcome, group: str) -> Whole:
    """Find the cluster with the highest F1 for a group, the first by rank among equals."""
    accounts, volume = (int(figure) for figure in outcome.groups.loc[group])
    inside = outcome.members[outcome.members["group"] == group].groupby("rank").size()
    best = Whole(group, accounts, None, 0.0, 0.0, 0.0, volume)
    clusters = outcome.clusters.set_index("rank")
    for rank, common in sorted(inside.items()):
        size, found = clusters.loc[rank, "accounts"], float(clusters.loc[rank, "volume"])
        one = Whole(group, accounts, int(rank), float(common / size), common / accounts, found, volume)
        best = one if one.f1 > best.f1 else best
    return best


def find_campaigns(outcome: Outcome) -> list[Whole]:
    """Find every planted campaign."""
    return [find_whole(outcome, name) for name in outcome.campaigns]


def worst_f1(outcome: Outcome) -> float:
    """Give the F1 of the campaign that is found worst; not a number where none was planted."""
    return min((one.f1 for one in find_campaigns(outcome)), default=float("nan"))


def stands_ahead(outcome: Outcome, campaign: Whole) -> bool:
    """Tell whether a campaign stands before all clusters of the kinds that it has to stand before."""
    behind = outcome.clusters[outcome.clusters["kind"].isin(BEHIND)]["rank"]
    return campaign.rank is not None and bool((behind > campaign.rank).all())


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
