"""Which accounts belong together, and how surely: communities of ties, and who looks like their members."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from clustergraph.communities.assignment import Assigner
from clustergraph.communities.detection import find_communities
from clustergraph.communities.leiden import Leiden, LeidenEngine, Objective
from clustergraph.communities.profiles import describe_background
from clustergraph.incidence.natural_degrees import find_unnatural_signals
from clustergraph.membership.confidence import measure_confidence, measure_stability
from clustergraph.membership.operations import find_cells, join_cells
from clustergraph.membership.seeds import add_seeds

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    from clustergraph.projection.ties import Ties

# What has come together has more in common with the rest than its parts had.
_PASSES = 8


@dataclass(frozen=True)
class Membership:
    """Clusters of accounts; all arrays have a value per account.

    Attributes:
        ties: what was partitioned.
        labels: cluster, numbered in the order of first accounts; -1 for none (int32).
        bits: evidence that the account is of its cluster, 0 for none (float64).
        odds: log2 of the odds that it is, -inf for none (float64).
        confidence: how surely the account belongs, 0 to 1 (float64).
        unnatural: signals that clusters were started from, since more accounts have them than is natural for
            their kind (int32).
    """

    ties: Ties
    labels: NDArray[np.int32]
    bits: NDArray[np.float64]
    odds: NDArray[np.float64]
    confidence: NDArray[np.float64]
    unnatural: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return int(self.labels.max(initial=-1)) + 1

    def to_pandas(self) -> pd.DataFrame:
        """Give ``account_id``, ``cluster``, ``bits`` and ``confidence`` of the clustered accounts."""
        import pandas as pd

        members = np.flatnonzero(self.labels >= 0)
        ids = self.ties.incidence.accounts["account_id"].take(members)
        return pd.DataFrame(
            {
                "account_id": ids.to_pandas(),
                "cluster": self.labels[members],
                "bits": self.bits[members],
                "confidence": self.confidence[members],
            }
        )


def partition(
    ties: Ties,
    *,
    engine: LeidenEngine = "igraph",
    objective: Objective = "modularity",
    resolution: float = 1.0,
    min_accounts: int = 3,
    lone_signals: bool = True,
    second_pass: bool = True,
    samples: int = 6,
    seed: int = 0,
    threads: int = 1,
    progress: Callable[[float, str], None] | None = None,
) -> Membership:
    """Partition the tied accounts into clusters, and tell how sure each member is.

    Args:
        ties: what :func:`clustergraph.project` gives.
        engine: ``igraph`` or ``leidenalg``.
        objective: ``modularity`` or ``CPM``.
        resolution: higher gives smaller clusters; for CPM the least mean bits inside.
        min_accounts: least size of a cluster.
        lone_signals: start clusters also from a single signal (a card, a device) that more accounts have
            than is natural for its kind.
        second_pass: join clusters of one operation that only weak signals tie.
        samples: perturbed copies of the ties that confidence is measured on.
        seed: of the order in which vertices are visited, and of the perturbations.
        threads: processors to use.
        progress: told the share of the work that is done, and what is being done.

    Returns:
        Clusters all of whose members belong with odds of at least ``2 ** ties.thresholds.member_bits``.
    """
    say = progress or (lambda _share, _what: None)
    graph, pairs = ties.incidence.graph, ties.pairs
    leiden = Leiden(engine, objective, resolution, seed)
    say(0.0, "communities")
    labels = find_communities(graph.accounts, pairs, leiden, min_accounts=min_accounts)
    lone = find_unnatural_signals(ties.incidence) if lone_signals else np.zeros(0, np.int32)
    labels = add_seeds(graph, labels, lone, min_accounts=min_accounts)
    say(1 / (2 + samples), "members")
    background = describe_background(graph, unnatural=lone)
    assigner = Assigner(graph, background, min_accounts=min_accounts, threads=threads)
    member_bits = ties.thresholds.member_bits
    found = assigner.assign(labels, member_bits=member_bits)
    cells = find_cells(found.labels)
    for _ in range(_PASSES if second_pass else 0):
        joined = join_cells(ties.incidence, found.labels, leiden, cells, threads=threads)
        if joined.max(initial=-1) == found.labels.max(initial=-1):
            break
        found = assigner.assign(joined, member_bits=member_bits)
    stability = measure_stability(
        found.labels, pairs, leiden, samples=samples,
        progress=lambda share: say((2 + share * samples) / (2 + samples), "confidence"),
    )  # fmt: skip
    confidence = measure_confidence(found.odds, stability)
    return Membership(ties, found.labels, found.bits, found.odds, confidence, lone)
