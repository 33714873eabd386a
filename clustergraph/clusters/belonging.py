"""To which verified organisation the members of each cluster belong, and what the others do there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clustergraph.clusters.sharing import PERSON, UNKNOWN, WORDING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.clusters.grouping import Groups
    from clustergraph.clusters.sharing import Holdings

# Leased addresses put a neighbour into a large organisation.
_OUTSIDE = 0.02
# More neighbours are no objection if they share little but addresses with its members.
_NEIGHBOURS = 0.1


@dataclass(frozen=True)
class Belonging:
    """The organisation that most members of each cluster are of.

    Attributes:
        organization: its number, -1 where no member is of any (intp).
        inside: members of it (intp).
        verified: members of any organisation (intp).
        outside_volume: share of the cluster's volume that is of the other members (float64).
        involved: other members that share a card or a device with members of it, or a template that hardly
            anybody else uses (intp).
    """

    organization: NDArray[np.intp]
    inside: NDArray[np.intp]
    verified: NDArray[np.intp]
    outside_volume: NDArray[np.float64]
    involved: NDArray[np.intp]

    def is_whole(self, size: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Tell which clusters are of one organisation, but for a few whom leased addresses put there.

        Up to 2% of the members with up to 2% of the volume may be outside it, and up to 10% with up to 10%
        of the volume if they share neither cards, devices nor templates of its own with its members.
        """
        outside = np.maximum((size - self.inside) / np.maximum(size, 1), self.outside_volume)
        few = (outside <= _OUTSIDE) | ((outside <= _NEIGHBOURS) & (self.involved == 0))
        return np.asarray((self.organization >= 0) & few)


def find_belonging(
    groups: Groups, organization: NDArray[np.integer], volume: NDArray[np.float64], holdings: Holdings
) -> Belonging:
    """Find the organisation of each cluster; the lowest number where two have as many members.

    Args:
        groups: the clusters.
        organization: number of every account's organisation, -1 for none.
        volume: of every account.
        holdings: what members share.
    """
    own = organization[groups.members].astype(np.intp)
    count = len(groups.size)
    among = int(own.max(initial=0)) + 1
    pairs, members = np.unique((groups.group * among + own)[own >= 0], return_counts=True)
    cluster, of = np.divmod(pairs, among)
    order = np.lexsort((of, -members, cluster))
    which, first = np.unique(cluster[order], return_index=True)
    main = np.full(count, -1, np.intp)
    main[which] = of[order][first]
    inside = (own >= 0) & (own == main[groups.group])
    with np.errstate(invalid="ignore"):
        share = groups.total(np.where(inside, 0.0, volume[groups.members])) / groups.total(
            volume[groups.members]
        )
    return Belonging(
        organization=main,
        inside=groups.count(inside),
        verified=groups.count(own >= 0),
        outside_volume=np.nan_to_num(share, nan=0.0),
        involved=_count_involved(groups, inside, holdings),
    )


def _count_involved(groups: Groups, inside: NDArray[np.bool_], holdings: Holdings) -> NDArray[np.intp]:
    of_the_house = (holdings.holders > holdings.everywhere / 2)[holdings.node]
    rows = np.flatnonzero(holdings.rows_of(PERSON, UNKNOWN) | (holdings.rows_of(WORDING) & of_the_house))
    member, node = holdings.member[rows], holdings.node[rows]
    with_insiders = np.zeros(len(holdings.cluster), bool)
    with_insiders[node[inside[member]]] = True
    involved = np.zeros(len(groups.members), bool)
    involved[member[with_insiders[node] & ~inside[member]]] = True
    return groups.count(involved)
