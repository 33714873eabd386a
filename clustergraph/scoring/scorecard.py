"""The scorecard: everything that is measured of a run against known groups."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from clustergraph.scoring.agreement import Agreement
    from clustergraph.scoring.listing import CohortScore, Precision
    from clustergraph.scoring.matching import GroupScore
    from clustergraph.scoring.nights import NightScore

AGREEMENTS = ("bcubed", "pairs", "bcubed_grouped", "pairs_grouped")
PRECISIONS = ("precision_at", "precision_at_unexplained")


@dataclass(frozen=True)
class Counts:
    """What was compared.

    Attributes:
        clusters: of the run.
        clustered: accounts in them.
        unlisted: those of them that the truth does not list; they are in no group.
        listed: accounts of the truth.
        grouped: those of them that are in a group.
    """

    clusters: int
    clustered: int
    unlisted: int
    listed: int
    grouped: int


@dataclass(frozen=True, repr=False)
class Scorecard:
    """How well a run agrees with known groups.

    Attributes:
        counts: what was compared.
        groups: each group and its best cluster, groups of the largest true volume first.
        bcubed: B-cubed figures over the accounts of groups; see :mod:`clustergraph.scoring.agreement`.
        pairs: the same over pairs of accounts.
        bcubed_grouped: B-cubed figures that pass over accounts in no group.
        pairs_grouped: pairwise figures that pass over them.
        cohorts: name -> how many of its accounts were clustered, and stand in the first ranks.
        coordinated: the cohorts whose groups count as coordinated; None where all groups do.
        precision_at: number of ranks -> how much of them is coordinated.
        precision_at_unexplained: the same of the clusters in these ranks that nothing explains.
        runs: nights that there are runs of; none for a single run. What is above is of the last.
        nights: when each group first stood in the first 10 ranks; none for a single run.
        warnings: what a reader should know before believing the figures.
    """

    counts: Counts
    groups: tuple[GroupScore, ...]
    bcubed: Agreement
    pairs: Agreement
    bcubed_grouped: Agreement
    pairs_grouped: Agreement
    cohorts: Mapping[str, CohortScore]
    coordinated: tuple[str, ...] | None
    precision_at: Mapping[int, Precision]
    precision_at_unexplained: Mapping[int, Precision]
    runs: tuple[date, ...] = ()
    nights: tuple[NightScore, ...] = ()
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        f1 = "nothing to agree with" if self.bcubed.f1 is None else f"B-cubed F1 {self.bcubed.f1:.3f}"
        return f"<Scorecard: {self.counts.clusters:,} clusters, {len(self.groups):,} groups, {f1}>"

    def to_dict(self) -> dict[str, Any]:
        """Give everything but the warnings as plain values, as ``clustergraph score --json`` prints it."""
        plain: dict[str, Any] = {
            **asdict(self.counts),
            "groups": [asdict(one) for one in self.groups],
            **{name: asdict(getattr(self, name)) for name in AGREEMENTS},
            "cohorts": {name: _plain_cohort(one) for name, one in self.cohorts.items()},
            "coordinated": list(self.coordinated) if self.coordinated is not None else None,
        }
        for name in PRECISIONS:
            plain[name] = {str(ranks): asdict(one) for ranks, one in getattr(self, name).items()}
        if self.runs:
            plain["runs"] = [night.isoformat() for night in self.runs]
            plain["nights"] = [
                asdict(one) | {"first_night": one.first_night.isoformat() if one.first_night else None}
                for one in self.nights
            ]
        return plain


def _plain_cohort(cohort: CohortScore) -> dict[str, int]:
    tops = {f"top_{ranks}": accounts for ranks, accounts in cohort.top.items()}
    return {"accounts": cohort.accounts, "clustered": cohort.clustered, **tops}
