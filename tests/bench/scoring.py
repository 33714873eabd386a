"""How well clusters agree with groups that people know: B-cubed (Bagga and Baldwin 1998)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping


@dataclass(frozen=True)
class Score:
    """B-cubed figures, all in 0..1.

    Attributes:
        precision: mean share of an account's cluster that is of its group.
        recall: mean share of an account's group that is in its cluster.
    """

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def bcubed(
    groups: Mapping[str, Hashable], clusters: Mapping[str, Hashable], *, outsiders_are_errors: bool = False
) -> Score:
    """Score clusters over the accounts of ``groups``; an account in no cluster is one of its own.

    For account ``i`` of group ``g`` in cluster ``c``, precision is ``|c and g| / |c|`` and recall is
    ``|c and g| / |g|``; both are averaged over the accounts of ``groups``, and over nobody else.

    Outsiders are clustered accounts in no group. They are ignored: ``|c|`` counts accounts of ``groups``
    only. Or they are errors: ``|c|`` counts everybody in the cluster, so that each outsider who shares a
    cluster with ``i`` is a wrong member of it. Outsiders among themselves cost nothing either way.

    Args:
        groups: account -> group.
        clusters: account -> cluster, of the clustered accounts.
        outsiders_are_errors: count outsiders in the size of a cluster.
    """
    of_group = Counter(groups.values())
    both = Counter((clusters[a], group) for a, group in groups.items() if a in clusters)
    of_cluster = Counter(
        cluster for account, cluster in clusters.items() if outsiders_are_errors or account in groups
    )
    precision = recall = 0.0
    for account, group in groups.items():
        cluster = clusters.get(account)
        common = both[cluster, group] if account in clusters else 1
        precision += common / (of_cluster[cluster] if account in clusters else 1)
        recall += common / of_group[group]
    return Score(precision / max(len(groups), 1), recall / max(len(groups), 1))
