"""What the members of each cluster share, by what it says of them: a place, a wording, or a person.

Addresses and mail domains say where accounts are, templates and the shapes of requests what they use; both
may be those of a campus or a popular tool. A card or a device is a person's. What a signal of another family
says is not known: sharing it speaks against a place or a tool as a card does, but it does not make a
household.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from clustergraph.incidence.evidence import LOG2_E

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.clusters.attribution import Attribution
    from clustergraph.clusters.grouping import Groups
    from clustergraph.incidence.links import Incidence

NONE, PLACE, WORDING, PERSON, UNKNOWN = -1, 0, 1, 2, 3
_ROLES = {
    "network": PLACE, "identity": PLACE, "content": WORDING, "client": WORDING, "lengths": WORDING,
    "payment": PERSON, "device": PERSON,
}  # fmt: skip
RECORDED_FAMILIES = frozenset(family for family, role in _ROLES.items() if role == PERSON)
# A household: so many members may have cards and devices in common.
HOUSEHOLD = 5
# A signal counts as shared in a cluster if it has more holders there than its popularity gives: so many bits,
# about one in thirty. Where few have it anywhere nobody shares it by chance, however large the cluster.
_BEYOND_CHANCE_BITS = 5.0
_FEW_HOLDERS = 100


@dataclass(frozen=True)
class Holdings:
    """Which member has which shared signal; a node is a signal in a cluster.

    Attributes:
        member: position in :attr:`Groups.members`, a row per member and signal (intp).
        node: of the row (intp).
        cluster: of each node (intp).
        signal: of each node (intp), rising within a cluster.
        holders: members of the cluster that have the node's signal (intp).
        everywhere: all accounts that have it (float64).
        role: ``PLACE``, ``WORDING``, ``PERSON``, ``UNKNOWN`` or ``NONE`` of each node (int8).
        counts: nodes that are shared by more than chance.
    """

    member: NDArray[np.intp]
    node: NDArray[np.intp]
    cluster: NDArray[np.intp]
    signal: NDArray[np.intp]
    holders: NDArray[np.intp]
    everywhere: NDArray[np.float64]
    role: NDArray[np.int8]
    counts: NDArray[np.bool_]

    def rows_of(self, *roles: int) -> NDArray[np.bool_]:
        """Choose the rows whose signal is of one of some roles and shared by more than chance."""
        return np.asarray((self.counts & np.isin(self.role, roles))[self.node])


@dataclass(frozen=True)
class Sharing:
    """What the members of each cluster share, in accounts.

    Attributes:
        place: members that share an address (intp).
        wording: members that share a template (intp).
        card: members that share a card or a device with another member (intp).
        person: members that share a card, a device or an unknown signal with another member (intp).
        crowded: members of sets of more than ``HOUSEHOLD`` that these join (intp).
        recorded: members with a card or a device on record (intp).
        inside: share of the holders of its templates that are members, each template weighted by its bits;
            NaN where templates hold nothing (float64).
    """

    place: NDArray[np.intp]
    wording: NDArray[np.intp]
    card: NDArray[np.intp]
    person: NDArray[np.intp]
    crowded: NDArray[np.intp]
    recorded: NDArray[np.intp]
    inside: NDArray[np.float64]


def find_holdings(incidence: Incidence, groups: Groups) -> Holdings:
    """List the signals that at least two members of a cluster have, and who has them.

    With ``h`` holders among the ``n`` members, and ``d`` among all ``N`` accounts, popularity alone gives
    ``lambda = n d / N`` holders; ``h`` is more than chance if the log-likelihood ratio of a Poisson variable
    is (see :mod:`clustergraph.incidence.evidence`).
    """
    graph = incidence.graph
    begin, length = graph.indptr[groups.members], np.diff(graph.indptr)[groups.members]
    member = np.repeat(np.arange(len(groups.members)), length)
    within = np.arange(len(member)) - np.repeat(np.cumsum(length) - length, length)
    signal = graph.indices[begin[member] + within].astype(np.int64)
    signals = len(graph.signal_degree)
    keys, node, holders = np.unique(
        groups.group[member] * signals + signal, return_inverse=True, return_counts=True
    )
    shared = holders > 1
    number = np.cumsum(shared) - 1
    kept = shared[node]
    cluster, of = np.divmod(keys[shared], max(signals, 1))
    holders, everywhere = holders[shared], graph.signal_degree[of].astype(np.float64)
    chance = groups.size[cluster] * everywhere / max(graph.accounts, 1)
    bits = holders * np.log2(holders / chance) - (holders - chance) * LOG2_E
    role = _roles(incidence)[of]
    counts = ((holders > chance) & (bits >= _BEYOND_CHANCE_BITS)) | (
        (role >= PERSON) & (everywhere <= _FEW_HOLDERS)
    )
    return Holdings(member[kept], number[node[kept]], cluster, of, holders, everywhere, role, counts)


def _roles(incidence: Incidence) -> NDArray[np.int8]:
    """Give the role of each signal.

    What a finer kind is nested in is nobody's own: a bank is not a card. Where both are known, the finer one
    tells what persons share.
    """
    sightings = incidence.sightings
    by_kind = np.array([_ROLES.get(sightings.families[kind], UNKNOWN) for kind in sightings.kinds], np.int8)
    coarser = np.isin(sightings.kinds, list(sightings.nested.values()))
    by_kind[coarser & (by_kind >= PERSON)] = NONE
    kind = incidence.signals["kind_number"].to_numpy()
    return np.asarray(by_kind[kind] if len(kind) else np.zeros(0, np.int8))


def measure_sharing(
    incidence: Incidence, groups: Groups, holdings: Holdings, attribution: Attribution
) -> Sharing:
    """Count what the members of each cluster share."""
    return Sharing(
        place=_count_holders(groups, holdings, PLACE),
        wording=_count_holders(groups, holdings, WORDING),
        card=_count_holders(groups, holdings, PERSON),
        person=_count_holders(groups, holdings, PERSON, UNKNOWN),
        crowded=groups.count(_joined(groups, holdings) > HOUSEHOLD),
        recorded=groups.count(_is_recorded(incidence)[groups.members]),
        inside=_share_inside(len(groups.size), holdings, attribution),
    )


def _count_holders(groups: Groups, holdings: Holdings, *roles: int) -> NDArray[np.intp]:
    holds = np.zeros(len(groups.members), bool)
    holds[holdings.member[holdings.rows_of(*roles)]] = True
    return groups.count(holds)


def _joined(groups: Groups, holdings: Holdings) -> NDArray[np.intp]:
    """Count for each member the members that cards and devices join it with, itself included."""
    rows = np.flatnonzero(holdings.rows_of(PERSON, UNKNOWN))
    members, nodes = len(groups.members), len(holdings.cluster)
    edges = (np.ones(len(rows), np.int8), (holdings.member[rows], members + holdings.node[rows]))
    graph = coo_array(edges, shape=(members + nodes, members + nodes))
    part = connected_components(graph, directed=False)[1][:members]
    return np.asarray(np.bincount(part, minlength=1)[part] if members else np.zeros(0, np.intp))


def _is_recorded(incidence: Incidence) -> NDArray[np.bool_]:
    """Tell for every account whether it was seen with a card or a device, shared or not."""
    sightings = incidence.sightings
    kinds = [n for n, kind in enumerate(sightings.kinds) if sightings.families[kind] in RECORDED_FAMILIES]
    strata = incidence.graph.strata
    of_kind = np.repeat(np.isin(strata.kind, kinds), np.diff(strata.start))
    recorded = np.zeros(incidence.graph.accounts, bool)
    recorded[strata.account[of_kind]] = True
    return recorded


def _share_inside(count: int, holdings: Holdings, attribution: Attribution) -> NDArray[np.float64]:
    """Average over a cluster's templates, by their bits, the share of their holders that are members."""
    signals = int(holdings.signal.max(initial=0)) + 1
    keys = holdings.cluster * signals + holdings.signal
    wanted = attribution.cluster.astype(np.int64) * signals + attribution.signal
    at = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    found = np.flatnonzero(attribution.signal < signals)
    found = found[keys[at[found]] == wanted[found]] if len(keys) else found[:0]
    node, bits = at[found], attribution.bits[found]
    wording = holdings.role[node] == WORDING
    node, bits = node[wording], bits[wording]
    cluster = holdings.cluster[node]
    total = np.bincount(cluster, weights=bits, minlength=count)
    share = np.bincount(
        cluster, weights=bits * holdings.holders[node] / holdings.everywhere[node], minlength=count
    )
    with np.errstate(invalid="ignore"):
        return np.asarray(share / total)
