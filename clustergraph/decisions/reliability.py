"""How reliable each kind of signal has been, learned from the clusters that were confirmed or cleared.

Members of one cluster were judged together, so a cluster is one observation, however large it is. Shares of
clusters have Jeffreys' interval, that of a Beta(1/2, 1/2) prior (Brown, Cai and DasGupta 2001). Shares of
holders have the same at Kish's (1965) effective number of observations, ``(sum n)^2 / sum n^2`` over clusters
of ``n`` holders, as for clusters whose members always agree.

``bits`` tells how much a kind speaks for a campaign: log2 of how often confirmed clusters share signals of
the kind, over how often cleared ones do. The logarithm of a Beta(a, b) variable has the mean
psi(a) - psi(a + b) and the variance psi'(a) - psi'(a + b); the interval is that of a normal distribution.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from clustergraph.decisions.log import CLEARED, CONFIRMED, read_log
from clustergraph.decisions.standing import take_stand
from clustergraph.store.store import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clustergraph.decisions.copies import Copy

_COVERAGE, _DEVIATIONS = 0.95, 1.959964
RELIABILITY = pa.schema(
    [
        ("kind", pa.string()),
        ("confirmed_clusters", pa.int64()),  # in which at least two members share a signal of the kind
        ("cleared_clusters", pa.int64()),
        ("share", pa.float64()),  # of these clusters, those that were confirmed
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("confirmed_holders", pa.int64()),  # members who share a signal of the kind
        ("cleared_holders", pa.int64()),
        ("holders_share", pa.float64()),
        ("holders_low", pa.float64()),
        ("holders_high", pa.float64()),
        ("bits", pa.float64()),
        ("bits_low", pa.float64()),
        ("bits_high", pa.float64()),
        ("suggestion", pa.string()),
    ]
)


@dataclass(frozen=True)
class _Judged:
    """A cluster that was decided on: whether it was confirmed, and how many members share each kind."""

    confirmed: bool
    holders: Counter[str]


def measure_reliability(store: str | Path) -> pa.Table:
    """Measure how often signals of each kind were shared in confirmed and in cleared clusters.

    Decisions in force count, on the members and signals of their day. They are about clusters that were found
    and looked at: a kind that never makes a cluster is not judged. Nothing is changed by it; ``suggestion``
    says what to think about where the interval of ``bits`` does not have 0 in it.

    Args:
        store: folder of the store.

    Returns:
        A row per kind, in order: ``kind``; ``confirmed_clusters`` and ``cleared_clusters`` that share signals
        of the kind, the ``share`` of them that was confirmed with its 95% interval (``low``, ``high``); the
        same of their ``holders``; ``bits`` with its 95% interval; ``suggestion``, null for none.

    Raises:
        InputError: the folder is no store, or its log is damaged.
    """
    opened = open_store(Path(store).absolute())
    standing = take_stand(opened, read_log(opened).entries)
    judged = [
        _Judged(one.decision == CONFIRMED, _count_holders(standing.copies[one.number]))
        for one in standing.entries
        if one.decision in (CONFIRMED, CLEARED)
    ]
    kinds = sorted({kind for one in judged for kind in one.holders})
    return pa.Table.from_pylist([_measure(kind, judged) for kind in kinds], RELIABILITY)


def find_share(confirmed: float, cleared: float) -> tuple[float, float, float]:
    """Give a share and Jeffreys' 95% interval for it.

    Args:
        confirmed: observations in which something is so; they need not be whole.
        cleared: observations in which it is not.

    Returns:
        The share, its lower and its upper bound; the bounds are 0 or 1 where no observation is beyond them.
    """
    from scipy.stats import beta

    tail = (1.0 - _COVERAGE) / 2
    posterior = beta(confirmed + 0.5, cleared + 0.5)
    low = float(posterior.ppf(tail)) if confirmed > 0 else 0.0
    high = float(posterior.ppf(1.0 - tail)) if cleared > 0 else 1.0
    return confirmed / (confirmed + cleared), low, high


def find_bits(confirmed: int, of_confirmed: int, cleared: int, of_cleared: int) -> tuple[float, float, float]:
    """Give log2 of the rate among the confirmed over that among the cleared, and its 95% interval.

    Args:
        confirmed: clusters that were confirmed and share signals of the kind.
        of_confirmed: all that were confirmed.
        cleared: clusters that were cleared and share signals of the kind.
        of_cleared: all that were cleared.
    """
    above, below = _describe_log(confirmed, of_confirmed), _describe_log(cleared, of_cleared)
    bits = (above[0] - below[0]) / math.log(2)
    deviation = math.sqrt(above[1] + below[1]) / math.log(2)
    return bits, bits - _DEVIATIONS * deviation, bits + _DEVIATIONS * deviation


def _describe_log(count: int, of: int) -> tuple[float, float]:
    """Give mean and variance of the logarithm of a rate, after Jeffreys' prior."""
    from scipy.special import digamma, polygamma

    a, whole = count + 0.5, of + 1.0
    return float(digamma(a) - digamma(whole)), float(polygamma(1, a) - polygamma(1, whole))


def _count_holders(copy: Copy) -> Counter[str]:
    """Count the members that share a signal of each kind with another member."""
    pairs = set(zip(*(copy.links[name].to_pylist() for name in ("account_id", "kind")), strict=True))
    return Counter(kind for _, kind in pairs)


def _measure(kind: str, judged: Sequence[_Judged]) -> dict[str, Any]:
    sharing = [one for one in judged if one.holders[kind]]
    sizes = [one.holders[kind] for one in sharing]
    clusters = [sum(one.confirmed is word for one in sharing) for word in (True, False)]
    holders = [sum(one.holders[kind] for one in sharing if one.confirmed is word) for word in (True, False)]
    effective = sum(sizes) / sum(size * size for size in sizes)  # observations that a holder is worth
    all_confirmed = sum(one.confirmed for one in judged)
    bits = find_bits(clusters[0], all_confirmed, clusters[1], len(judged) - all_confirmed)
    of_clusters, of_holders = find_share(*clusters), find_share(*(effective * one for one in holders))
    names = ("share", "low", "high")
    return {
        "kind": kind,
        "confirmed_clusters": clusters[0],
        "cleared_clusters": clusters[1],
        **dict(zip(names, of_clusters, strict=True)),
        "confirmed_holders": holders[0],
        "cleared_holders": holders[1],
        **{f"holders_{name}": one for name, one in zip(names, of_holders, strict=True)},
        **dict(zip(("bits", "bits_low", "bits_high"), bits, strict=True)),
        "suggestion": _suggest(kind, *bits[1:]),
    }


def _suggest(kind: str, low: float, high: float) -> str | None:
    if low > 0:
        return f"sharing {kind} has spoken for a campaign; look first at clusters that share it"
    if high < 0:
        return (
            f"sharing {kind} has spoken against a campaign; compare a run without it under [signals], or "
            "with a half-life under [link] half_lives"
        )
    return None
