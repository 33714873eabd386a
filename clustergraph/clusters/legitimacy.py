"""Legitimate sharing: clusters that an organisation, a household, a tool or a place explains.

The first claim that fits a cluster decides. If an objection to it holds, the cluster stays unexplained and
the reason says why, so that no explanation is a shelter for volumes or growth that do not go with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clustergraph.clusters import claims

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from clustergraph.clusters.claims import Claim
    from clustergraph.clusters.facts import Facts

# From what is only inferred from small numbers to what a registry of organisations vouches for.
CODES = ("small_premises", "shared_tool", "shared_place", "organization")


@dataclass(frozen=True)
class Explained:
    """What explains each cluster, by its number.

    Attributes:
        code: one of :data:`CODES`, or None.
        reason: why, or why not although it looked like it; None if there is nothing to say.
        verified: members in any verified organisation; None without a table of accounts.
    """

    code: Sequence[str | None]
    reason: Sequence[str | None]
    verified: NDArray[np.intp] | None

    def strength(self, cluster: int) -> int:
        """Give how strong the explanation of a cluster is, 0 where there is none."""
        code = self.code[cluster]
        return 0 if code is None else CODES.index(code) + 1

    def take(self, clusters: NDArray[np.intp]) -> Explained:
        """Put clusters into another order."""
        verified = None if self.verified is None else self.verified[clusters]
        chosen = clusters.tolist()
        return Explained([self.code[c] for c in chosen], [self.reason[c] for c in chosen], verified)


def explain_sharing(facts: Facts) -> Explained:
    """Find the clusters that legitimate sharing explains; the first claim that fits decides each.

    Args:
        facts: of the clusters, as :func:`clustergraph.clusters.facts.gather_facts` gives them.
    """
    count = len(facts.size)
    code: list[str | None] = [None] * count
    reason: list[str | None] = [None] * count
    undecided = np.ones(count, bool)
    for claim in (
        claims.claim_organization(facts),
        claims.claim_small_premises(facts),
        claims.claim_shared_tool(facts),
        claims.claim_shared_place(facts),
    ):
        for cluster in np.flatnonzero(claim.fits & undecided).tolist():
            code[cluster], reason[cluster] = _decide(claim, cluster)
        undecided &= ~claim.fits
    remark = claims.remark_on_organization(facts)
    for cluster in np.flatnonzero(remark.fits).tolist():
        if code[cluster] is None:
            reason[cluster] = join_reasons(remark.say(cluster), reason[cluster])
    return Explained(code, reason, None if facts.belonging is None else facts.belonging.verified)


def join_reasons(*reasons: str | None) -> str | None:
    """Put what there is to say into one sentence.

    >>> join_reasons("one thing", None, "another")
    'one thing; another'
    """
    return "; ".join(reason for reason in reasons if reason) or None


def _decide(claim: Claim, cluster: int) -> tuple[str | None, str]:
    against = next((one for one in claim.objections if one.holds[cluster]), None)
    if against is not None:
        return None, f"{claim.say(cluster)}, but {against.say(cluster)}"
    return claim.code, f"{claim.say(cluster)}, and {claim.in_line(cluster)}"
