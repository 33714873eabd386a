"""What volume per account is usual, and which groups of accounts are out of line with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammainc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.clusters.grouping import Groups

# With fewer accounts nothing is called usual, and with fewer organisations none of them is.
_LEAST_ACCOUNTS = 30
_LEAST_ORGANIZATIONS = 10
# Three times and not less: who is in a cluster was seen more often than others, and so has more volume.
EXCESS = 3.0
_DEVIATIONS = 3.0
_MAD_TO_SIGMA = 1.4826
_TOP = 0.999
# Volumes are more alike than people's: half their spread or less, and not by chance in one run of 100.
_LEAST_SPREAD, _CHANCE_OF_SPREAD = 0.5, 1e-2


@dataclass(frozen=True)
class Usual:
    """The volumes of accounts that others are compared with, in logarithms of :func:`log_volumes`.

    Attributes:
        accounts: how many there are.
        middle: median of their logarithms.
        spread: standard deviation of their logarithms, from the median absolute deviation.
        top: volume that one account in a thousand exceeds.
    """

    accounts: int
    middle: float
    spread: float
    top: float


def log_volumes(volume: NDArray[np.float64], usual: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Give ``log(1 + volume / unit)``, the unit being a tenth of the median volume above 0 of usual accounts.

    So a volume in cents is judged as one in dollars, and an exchange more or less is nothing to speak of.
    """
    some = volume[usual & (volume > 0)]
    unit = float(np.median(some)) / 10 if len(some) else 1.0
    return np.asarray(np.log1p(volume / unit))


def measure_usual(
    volume: NDArray[np.float64], log_volume: NDArray[np.float64], chosen: NDArray[np.bool_]
) -> Usual | None:
    """Measure what is usual among the chosen accounts; None where they are too few.

    By the median, so that a loud minority does not make loudness usual.
    """
    if np.count_nonzero(chosen) < _LEAST_ACCOUNTS:
        return None
    logs = log_volume[chosen]
    middle = float(np.median(logs))
    # Where more than half have one volume, that deviation is 0 and says nothing of the others.
    spread = _MAD_TO_SIGMA * float(np.median(np.abs(logs - middle))) or float(logs.std())
    return Usual(len(logs), middle, spread, float(np.quantile(volume[chosen], _TOP)))


@dataclass(frozen=True)
class Compared:
    """How the volumes per account of groups compare with usual ones.

    Attributes:
        times: their volume per account, in times the usual one (float64).
        excessive: groups that are out of line.
        standard: whose volume per account is the usual one, in words.
    """

    times: NDArray[np.float64]
    excessive: NDArray[np.bool_]
    standard: str

    def either(self, other: Compared | None) -> Compared:
        """Let a group be in line that is in line with either comparison."""
        if other is None:
            return self
        times = np.where(self.excessive & ~other.excessive, other.times, self.times)
        return Compared(times, self.excessive & other.excessive, self.standard)


def compare(
    groups: Groups,
    volume: NDArray[np.float64],
    log_volume: NDArray[np.float64],
    usual: Usual | None,
    deviations: float = _DEVIATIONS,
) -> Compared | None:
    """Compare groups with usual accounts.

    A group is out of line if the geometric mean of its volumes is over three times the usual one and the mean
    logarithm over ``deviations`` standard errors above it; or if its arithmetic mean, which quiet members
    hide less, is more than 999 of 1,000 usual accounts have.

    Args:
        groups: to compare.
        volume: of every account.
        log_volume: of every account.
        usual: what to compare with.
        deviations: more where many groups are compared.

    Returns:
        None where there is nothing to compare with.
    """
    if usual is None:
        return None
    logs = groups.mean(log_volume[groups.members])
    with np.errstate(divide="ignore", invalid="ignore"):
        times = np.nan_to_num(np.expm1(logs) / np.expm1(usual.middle), nan=1.0, posinf=np.inf)
        far = np.nan_to_num((logs - usual.middle) * np.sqrt(groups.size) / usual.spread, posinf=np.inf)
    high = groups.mean(volume[groups.members]) > usual.top
    excessive = ((times > EXCESS) & (far > deviations)) | high
    return Compared(times, excessive, "the usual volume per account")


def is_alike(groups: Groups, log_volume: NDArray[np.float64], usual: Usual | None) -> NDArray[np.bool_]:
    """Tell which groups have volumes that are more alike than usual ones.

    The spread of their logarithms is less than half the usual one, and so little that it would come by
    chance to any of as many groups in one run of 100 (a chi-squared test of the variance, Bonferroni).
    """
    if usual is None or usual.spread <= 0.0:
        return np.zeros(len(groups.size), bool)
    ratio = groups.spread(log_volume[groups.members]) / usual.spread
    freedom = np.maximum(groups.size - 1, 1)
    chance = gammainc(freedom / 2, freedom * ratio**2 / 2)
    return np.asarray(
        (groups.size > 1) & (ratio < _LEAST_SPREAD) & (chance < _CHANCE_OF_SPREAD / max(len(groups.size), 1))
    )


def compare_organizations(
    groups: Groups, volume: NDArray[np.float64], organization: NDArray[np.integer], count: int
) -> Compared | None:
    """Compare groups with organisations: one mean volume per account with others.

    Out of line is over three times the median organisation and over three robust standard deviations (of
    the median absolute deviation) above it, in logarithms. One loud organisation moves neither much.

    Args:
        groups: to compare.
        volume: of every account.
        organization: number of every account's organisation, -1 for none.
        count: number of organisations.

    Returns:
        None where there are too few organisations.
    """
    known = organization >= 0
    if count < _LEAST_ORGANIZATIONS:
        return None
    size = np.bincount(organization[known], minlength=count)
    means = np.bincount(organization[known], weights=volume[known], minlength=count) / np.maximum(size, 1)
    means, own = means[size > 0], groups.mean(volume[groups.members])
    median = float(np.median(means))
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.maximum(means, median / 1000))
        deviation = _MAD_TO_SIGMA * float(np.median(np.abs(logs - np.log(median)))) if median > 0 else 0.0
        times = np.where(own > 0, own / median, 0.0) if median > 0 else np.where(own > 0, np.inf, 1.0)
        far = np.log(times) > _DEVIATIONS * deviation
    excessive = (times > EXCESS) & far
    return Compared(times, excessive, "the volume per account of the median organisation")
