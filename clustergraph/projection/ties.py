"""The projection on accounts: ties between accounts that share more evidence than chance gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from clustergraph.artefacts.schema import TIES, fill_schema
from clustergraph.communities.leiden import Leiden
from clustergraph.errors import GuardrailError
from clustergraph.incidence.observed import SECOND, count_untimed
from clustergraph.projection.calibration import Thresholds, calibrate
from clustergraph.projection.prefix_join import PrefixIndex
from clustergraph.projection.tie_counts import ABOVE, TieCounts, count_steps

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from clustergraph.communities.pairs import Pairs
    from clustergraph.incidence.links import Incidence
    from clustergraph.projection.calibration import Calibration
    from clustergraph.projection.significance import ChanceStrength

# Share of the progress that calibration makes up, by measurement.
_CALIBRATION_SHARE = 0.5
# Peak memory that a kept tie takes on its way through Leiden, by measurement.
BYTES_PER_TIE = 250
_SAMPLED_ROWS = 2_000


@dataclass(frozen=True)
class Ties:
    """All pairs of accounts above the threshold, with their full evidence.

    Attributes:
        incidence: what was projected.
        pairs: the ties, by account number.
        thresholds: of ties and members, and the numbers behind them.
        chance: how strong chance makes clusters.
        counts: how many there are bit by bit, and how many chance gives.
        visits: candidate visits that finding them took.
    """

    incidence: Incidence
    pairs: Pairs
    thresholds: Thresholds
    chance: ChanceStrength
    counts: TieCounts
    visits: int

    def to_pandas(self) -> pd.DataFrame:
        """Give ``source``, ``target`` (account ids), ``bits``, ``shared`` and ``families``."""
        frame: pd.DataFrame = ties_table(self).to_pandas()
        return frame


def project(
    incidence: Incidence,
    *,
    max_chance_accounts: float = 0.001,
    max_chance_tied: float = 0.05,
    least_member_bits: float = 6.5,
    nulls: int = 4,
    accounts_per_null: int = 25_000,
    tie_bits: float | None = None,
    member_bits: float | None = None,
    max_visits: int = 20_000_000_000,
    max_ties: int = 100_000_000,
    min_accounts: int = 3,
    leiden: Leiden = Leiden(),
    seed: int = 0,
    threads: int = 1,
    progress: Callable[[float, str], None] | None = None,
) -> Ties:
    """Tie accounts that share more evidence than chance gives, exactly.

    Args:
        incidence: what :func:`clustergraph.link` gives.
        max_chance_accounts: share of accounts that may end in any cluster of shuffled data (upper 95%
            bound); sets ``member_bits``.
        max_chance_tied: share of accounts that chance may tie to any other; sets ``tie_bits``.
        least_member_bits: what ``member_bits`` is at least where it is found; 6.5 is odds of 90 to 1.
        nulls: shuffled copies to look at.
        accounts_per_null: accounts drawn from each copy.
        tie_bits: least bits of a tie, found from shuffled copies if not given.
        member_bits: least log2 of the odds that a member belongs to its cluster, found from shuffled
            copies if not given.
        max_visits: candidate visits that are worth paying for, about 10 million a second and thread.
        max_ties: ties that there is memory for, at about 250 bytes each.
        min_accounts: least size of a cluster, for the shuffled copies.
        leiden: how communities are looked for, for the shuffled copies.
        seed: of shuffling.
        threads: processors to use.
        progress: told the share of the work that is done, and what is being done.

    Returns:
        The ties, sorted by source and target.

    Raises:
        GuardrailError: the work would exceed ``max_visits``, or its result ``max_ties``.
    """
    graph = incidence.graph
    say = progress or (lambda _share, _what: None)
    calibration = calibrate(
        graph, max_chance_accounts=max_chance_accounts, max_chance_tied=max_chance_tied,
        least_member_bits=least_member_bits, nulls=nulls,
        accounts_per_null=accounts_per_null, tie_bits=tie_bits, member_bits=member_bits,
        min_accounts=min_accounts, leiden=leiden, seed=seed, threads=threads,
        progress=lambda share: say(share * _CALIBRATION_SHARE, "shuffled copies"),
    )  # fmt: skip
    index = PrefixIndex(graph, calibration.thresholds.tie_bits)
    _refuse_excess(index, max_visits, max_ties, seed, threads)
    pairs = index.join(
        threads=threads,
        progress=lambda share: say(_CALIBRATION_SHARE + share * (1 - _CALIBRATION_SHARE), "ties"),
    )
    counts = _count(calibration, pairs)
    return Ties(incidence, pairs, calibration.thresholds, calibration.chance, counts, index.visits)


def _count(calibration: Calibration, pairs: Pairs) -> TieCounts:
    """Put the ties that were found beside those that chance gives, behind what was estimated below."""
    below, tie_bits = calibration.below, calibration.thresholds.tie_bits
    return TieCounts(
        np.concatenate([below.bits, tie_bits + np.arange(ABOVE)]),
        np.concatenate([below.observed, count_steps(pairs.bits, tie_bits)]),
        np.concatenate([below.chance, calibration.chance_ties]),
    )


def ties_table(ties: Ties) -> pa.Table:
    """Make ``ties.parquet``: a row per kept pair of accounts, by source and target."""
    ids, pairs = ties.incidence.accounts["account_id"].combine_chunks(), ties.pairs
    columns = {
        "source": ids.take(pa.array(pairs.source)),
        "target": ids.take(pa.array(pairs.target)),
        "bits": pairs.bits,
        "shared": pairs.shared,
        "families": pairs.families,
    }
    return fill_schema(TIES, columns, len(pairs))


def describe_evidence(ties: Ties) -> dict[str, Any]:
    """Say what evidence is reckoned with, as run.json has it.

    Kinds with their families, and how they are nested; windows in seconds, and of these kinds the sightings
    without a time, which link nobody; thresholds.
    """
    sightings, uses = ties.incidence.sightings, ties.incidence.graph.uses
    windows = dict(zip(sightings.kinds, uses.window.tolist(), strict=True)) if uses else {}
    windows = {kind: window / SECOND for kind, window in windows.items() if window >= 0}
    return {
        "kinds": {kind: sightings.families[kind] for kind in sightings.kinds},
        "nested": dict(sightings.nested),
        "windows": windows,
        "without_time": count_untimed(sightings.engine, windows),
        "thresholds": ties.thresholds.to_dict(),
    }


def estimate_ties(index: PrefixIndex, *, seed: int = 0, threads: int = 1) -> int:
    """Estimate the number of ties from a sample of rows."""
    accounts = index.graph.accounts
    rows = np.random.default_rng(seed).permutation(accounts)[:_SAMPLED_ROWS].astype(np.int32)
    found = len(index.join_rows(rows, threads=threads))
    return round(found * accounts / max(len(rows), 1) / 2)


def _refuse_excess(index: PrefixIndex, max_visits: int, max_ties: int, seed: int, threads: int) -> None:
    """Refuse a join that would take too long or give too much, before it is paid for."""
    what = f"finding all ties of {index.min_bits:g} bits or more"
    mend = "raise [project] tie_bits, or name public infrastructure with --known-hubs"
    if index.visits > max_visits:
        raise GuardrailError(
            f"{what} takes {index.visits:,} visits, above [project] max_visits = {max_visits:,}: raise it, "
            f"{mend}"
        )
    ties = estimate_ties(index, seed=seed, threads=threads)
    if ties > max_ties:
        raise GuardrailError(
            f"{what} gives about {ties:,} ties ({ties * BYTES_PER_TIE / 1e9:.1f} GB of memory), above "
            f"[project] max_ties = {max_ties:,}: raise it where there is the memory, {mend}"
        )
