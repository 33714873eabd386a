"""Everything that explanations of clusters rest on, measured for all clusters at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from clustergraph.clusters.belonging import find_belonging
from clustergraph.clusters.grouping import Groups
from clustergraph.clusters.growth import count_in_one_week, is_burst, measure_quartiles
from clustergraph.clusters.registry import Registry
from clustergraph.clusters.sharing import RECORDED_FAMILIES, find_holdings, measure_sharing
from clustergraph.clusters.usual_volume import (
    compare,
    compare_organizations,
    is_alike,
    log_volumes,
    measure_usual,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.clusters.attribution import Attribution
    from clustergraph.clusters.belonging import Belonging
    from clustergraph.clusters.sharing import Sharing
    from clustergraph.clusters.usual_volume import Compared
    from clustergraph.membership.members import Membership

# With fewer dates, or fewer accounts of verified organisations, there is nothing to compare with.
_LEAST_ACCOUNTS = 100
# Thousands of clusters are compared with people: at three standard errors, chance alone would refuse a few.
_DEVIATIONS_OF_MANY = 4.0
# Dates are alike where at least twenty have quartiles nearer than a quarter of the range of all accounts.
_LEAST_DATED, _LEAST_RANGE = 20, 0.25
# Where one organisation in twenty took most of its seats in one week, that is how organisations begin.
_USUAL_BURSTS, _LEAST_ORGANIZATIONS = 0.05, 10


@dataclass(frozen=True)
class Growth:
    """When the members of each cluster were created.

    Attributes:
        dated: members whose time of creation is known (intp).
        most: of these, members from the fullest week (intp).
        burst: half of them or more are from one week, which is rare among all accounts.
        organization_burst: the same, and it is rare among organisations, too.
        alike: their times are nearer to each other than those of all accounts are.
    """

    dated: NDArray[np.intp]
    most: NDArray[np.intp]
    burst: NDArray[np.bool_]
    organization_burst: NDArray[np.bool_]
    alike: NDArray[np.bool_]


@dataclass(frozen=True)
class Facts:
    """What is known of each cluster; what needs a table of accounts is None without one.

    Attributes:
        size: members (intp).
        sharing: what they share.
        has_persons: whether the input has cards or devices at all.
        with_people: their volumes beside those of accounts in no cluster; None if these are too few.
        with_staff: their volumes beside those of accounts of verified organisations; None if too few.
        with_organizations: their volumes beside those of organisations, or of people where these are too few.
        alike: their volumes are more alike than those of accounts in no cluster.
        growth: when they were created; None if that is not known of enough accounts.
        belonging: the verified organisation that they are of.
        names: organisations by number.
    """

    size: NDArray[np.intp]
    sharing: Sharing
    has_persons: bool
    with_people: Compared | None
    with_staff: Compared | None
    with_organizations: Compared | None
    alike: NDArray[np.bool_]
    growth: Growth | None
    belonging: Belonging | None
    names: pa.Array


def gather_facts(
    membership: Membership,
    attribution: Attribution,
    volume: NDArray[np.float64],
    accounts: pa.Table | None = None,
) -> Facts:
    """Gather the facts of all clusters.

    Args:
        membership: the clusters.
        attribution: bits of the signals of its clusters, by the same cluster numbers.
        volume: of every account.
        accounts: ``account_id`` and any of ``organization_id`` and ``created_at``.
    """
    incidence = membership.ties.incidence
    families = {incidence.sightings.families[kind] for kind in incidence.sightings.kinds}
    groups = Groups.from_labels(membership.labels, membership.clusters)
    holdings = find_holdings(incidence, groups)
    free = membership.labels < 0
    logs = log_volumes(volume, free)
    usual = measure_usual(volume, logs, free)
    with_people = compare(groups, volume, logs, usual, _DEVIATIONS_OF_MANY)
    growth = belonging = staff = with_organizations = None
    names = pa.array([], pa.string())
    if accounts is not None:
        known = Registry.from_table(incidence.accounts["account_id"], accounts)
        names, verified = known.names, known.organization >= 0
        growth = measure_growth(groups, known, free)
        belonging = find_belonging(groups, known.organization, volume, holdings)
        enough = np.count_nonzero(verified) >= _LEAST_ACCOUNTS
        staff = measure_usual(volume, logs, verified) if enough else None
        with_organizations = compare_organizations(groups, volume, known.organization, len(names))
    return Facts(
        size=groups.size,
        sharing=measure_sharing(incidence, groups, holdings, attribution),
        has_persons=bool(families & RECORDED_FAMILIES),
        with_people=with_people,
        with_staff=compare(groups, volume, logs, staff),
        with_organizations=with_organizations or with_people,
        alike=is_alike(groups, logs, usual),
        growth=growth,
        belonging=belonging,
        names=names,
    )


def measure_growth(groups: Groups, known: Registry, free: NDArray[np.bool_]) -> Growth | None:
    """Measure when the members of each cluster were created, beside the accounts in no cluster.

    Returns:
        None where too few of the latter have a date.
    """
    others = known.created[free & known.dated]
    if len(others) < _LEAST_ACCOUNTS:
        return None
    nobody = np.zeros(len(others), np.intp)
    usual = float(count_in_one_week(nobody, others, 1)[0]) / len(others)
    all_range = float(measure_quartiles(nobody, others, 1)[0])
    has = known.dated[groups.members]
    count, group, created = len(groups.size), groups.group[has], known.created[groups.members[has]]
    dated, most = groups.count(has), count_in_one_week(group, created, count)
    burst = is_burst(most, dated, usual)
    near = measure_quartiles(group, created, count) < _LEAST_RANGE * all_range
    return Growth(
        dated=dated,
        most=most,
        burst=burst,
        organization_burst=burst & (not _organizations_burst(known, usual)),
        alike=(dated >= _LEAST_DATED) & near,
    )


def _organizations_burst(known: Registry, usual: float) -> bool:
    """Tell whether taking most of the seats in one week is usual among organisations."""
    chosen = (known.organization >= 0) & known.dated
    organization, count = known.organization[chosen], len(known.names)
    dated = np.bincount(organization, minlength=count)
    burst = is_burst(count_in_one_week(organization, known.created[chosen], count), dated, usual)
    several = np.count_nonzero(dated > 1)
    # One of them may be the very organisation that is in question.
    others = np.count_nonzero(burst) - 1
    return bool(several >= _LEAST_ORGANIZATIONS and others > _USUAL_BURSTS * several)
