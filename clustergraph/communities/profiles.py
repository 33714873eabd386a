"""What the members of a cluster have in common, and how much each account looks like one of them.

A cluster is described by how its members' signals are distributed. A *slot* (one signal of an account) of a
member is drawn, with a probability that differs from member to member, from what the cluster has, and else
from what everybody has. So for an account with slots ``s``, the likelihood ratio of being a member against
being anybody is, in each family,

    sum over shares r of  W(r) * product over slots s of  ((1 - r) + r * q(s) / p(s))

with ``q(s)`` the share of the members' slots that hold the signal (without the account's own, where it is a
member), ``p(s)`` the share of everybody else's, and ``W`` the distribution of the shares over the members,
found by expectation-maximisation: the Fellegi and Sunter (1969) weights of agreement *and* disagreement,
learned cluster by cluster and family by family. A family in which nobody shares anything says nothing; one in
which nearly all members do speaks against an account that does not.

Kinds that are nested in each other (an address in its prefix) say one thing, so they are not multiplied. Each
of them, a *level*, is weighed by itself, with shares of its own, and a member is known by one level: with the
likelihood ratio ``L_l`` at level ``l``, the nest gives

    sum over levels l that the account was seen at of  V(l) L_l  /  sum over the same of  V(l)

where ``V``, how often members are known by a level, is found as ``W`` is. This is never more than the
strongest level gives. Where members share cards, a card of one's own speaks against an account, though its
bank is theirs.

Signals of a place are weighed among the signals of that place, as far as others are seen there: an exit
that a town shares is no evidence among neighbours. Where hardly anybody else is seen, as in the networks
that an operator rents for itself, they are weighed over the whole world.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from clustergraph.incidence.natural_degrees import EXPECTED

if TYPE_CHECKING:
    from clustergraph.incidence.biadjacency import Biadjacency
    from clustergraph.sightings.nesting import Nests

SHARES = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 0.95])
_ITERATIONS = 15
# Slots of others at which a place's own distribution counts as much as the world's.
_HALF_KNOWN = 100.0
# A signal has to make an account this many bits likelier to be a member for its holders to be looked at.
_TELLING_BITS = 3.0
# What a telling signal can add at another share than the highest.
_SLACK_BITS = 0.1
# A ratio above this is as good as certain, and keeps products within what a float holds.
_MOST_BITS = 60.0


class Background(NamedTuple):
    """What everybody has, as compiled code takes it.

    Attributes:
        indptr: rows of the biadjacency, with ``indices`` and ``slots``.
        indices: signal numbers.
        slots: signals of the signal's stratum that the account has.
        start: holders of signal ``s`` are ``holders[start[s]:start[s + 1]]``.
        holders: account numbers, -1 for an empty slot.
        degree: holders of each signal.
        stratum: of each signal.
        kind: of each signal.
        weight: what a bit of each signal counts.
        unseen: other holders that each signal may have beside those that were seen.
        stratum_slots: slots of each stratum.
        kind_slots: slots of each kind.
        account_slots: signals of each kind that each account has.
        aspect: of each kind; an aspect is what is weighed by itself: the kinds of a family that are in no
            nest, or one level of a nest.
        family: of each aspect.
        nest: of each aspect, -1 for none; the levels of a nest follow each other.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    slots: NDArray[np.int32]
    start: NDArray[np.int64]
    holders: NDArray[np.int32]
    degree: NDArray[np.int32]
    stratum: NDArray[np.int32]
    kind: NDArray[np.int32]
    weight: NDArray[np.float64]
    unseen: NDArray[np.float64]
    stratum_slots: NDArray[np.float64]
    kind_slots: NDArray[np.float64]
    account_slots: NDArray[np.int32]
    aspect: NDArray[np.int32]
    family: NDArray[np.int32]
    nest: NDArray[np.int32]


class Scratch(NamedTuple):
    """Room for one cluster at a time; everything is as it was when :func:`weigh` returns."""

    position: NDArray[np.int32]  # of a signal in the tables of the cluster, -1 for none
    stratum_slots: NDArray[np.float64]
    last_seen: NDArray[np.int32]
    place: NDArray[np.int32]  # of an account among members and candidates, -1 for none
    gain: NDArray[np.float64]


def describe_background(
    graph: Biadjacency,
    account_slots: NDArray[np.int32] | None = None,
    *,
    unnatural: NDArray[np.int32] | None = None,
) -> Background:
    """Collect what :func:`weigh` needs of a graph.

    Args:
        graph: the incidence as numbers.
        account_slots: what ``graph.strata.slots_by_kind`` gives, if it is known.
        unnatural: signals that have more holders than is natural for their kind.
    """
    cells, strata = graph.cells, graph.strata
    start, holders = graph.holders
    if account_slots is None:
        account_slots = strata.slots_by_kind(graph.accounts)
    family = np.zeros(account_slots.shape[1], np.int32)
    family[strata.kind] = strata.family
    stratum = cells.stratum[graph.signal_cell]
    # Any signal may have one more holder by chance (Laplace), but one that chance does not explain has none.
    unseen = np.ones(len(stratum))
    if unnatural is not None:
        unseen[unnatural] = EXPECTED
    return Background(
        graph.indptr, graph.indices, graph.slots, start, holders, graph.signal_degree, stratum,
        strata.kind[stratum], cells.weight[graph.signal_cell], unseen, strata.total.astype(np.float64),
        account_slots.sum(axis=0, dtype=np.int64).astype(np.float64), account_slots,
        *find_aspects(family, strata.nests),
    )  # fmt: skip


def find_aspects(
    family: NDArray[np.int32], nests: Nests
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Find what is weighed by itself: the kinds of a family that are in no nest, and each level of a nest.

    Args:
        family: of each kind.
        nests: which kinds are nested in each other.

    Returns:
        ``aspect``, ``family`` and ``nest`` of a :class:`Background`.
    """
    families = int(family.max(initial=-1)) + 1
    level = nests.level[: len(family)]
    aspect = np.where(level < 0, family, families + level).astype(np.int32)
    of_level = np.zeros(len(nests.nest), np.int32)
    of_level[level[level >= 0]] = family[level >= 0]
    alone = np.arange(families, dtype=np.int32)
    return aspect, np.concatenate([alone, of_level]), np.concatenate([np.full_like(alone, -1), nests.nest])


def make_scratch(graph: Biadjacency) -> Scratch:
    """Make room for :func:`weigh` on this graph."""
    return Scratch(
        np.full(len(graph.signal_cell), -1, np.int32),
        np.zeros(len(graph.strata.kind)),
        np.full(len(graph.strata.kind), -1, np.int32),
        np.full(graph.accounts, -1, np.int32),
        np.zeros(graph.accounts),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def weigh(
    background: Background, scratch: Scratch, members: NDArray[np.int32], needed: float, most: float
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Weigh who looks like the members of a cluster.

    Args:
        background: what everybody has.
        scratch: room.
        members: account numbers, two at least.
        needed: bits without which an account that is no member is not looked at.
        most: bits that one family can add.

    Returns:
        Accounts (the members in their order, then others), and for each of them the bits of all families.
    """
    signals, counts, slots = _count(background, scratch, members)
    ratio = _rate_signals(background, scratch, members, signals, counts, slots)
    inside, outside = _tabulate(background, signals, ratio[:, 0]), _tabulate(background, signals, ratio[:, 1])
    accounts = _find_candidates(background, scratch, members, signals, outside, needed)
    aspects = len(background.family)
    likelihood = np.empty((len(members), aspects, len(SHARES)))
    for i in range(len(members)):
        _sum_likelihood(background, scratch, members[i], inside, likelihood[i])
    weights = _find_shares(background, members, likelihood)
    levels = _find_levels(background, members, likelihood, weights)
    bits, families = np.empty(len(accounts)), np.empty(np.max(background.family) + 1)
    one = np.empty((aspects, len(SHARES)))
    for i in range(len(accounts)):
        if i < len(members):
            one[:] = likelihood[i]
        else:
            _sum_likelihood(background, scratch, accounts[i], outside, one)
        _weigh_families(background, accounts[i], one, weights, levels, most, families)
        bits[i] = families.sum()
    _clear(background, scratch, signals)
    return accounts, bits


@njit(cache=True, nogil=True, error_model="numpy")
def weigh_one(
    background: Background, scratch: Scratch, members: NDArray[np.int32], account: int, most: float
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """Weigh how much one account, a member or not, looks like the members of a cluster, and by what.

    Args:
        background: what everybody has.
        scratch: room.
        members: account numbers, two at least.
        account: its number.
        most: bits that one family can add.

    Returns:
        Bits of each family, which add up to what :func:`weigh` gives (0 where none of it was observed);
        then, in parallel, the account's signals that others of the members have, how many of the others
        have each, and log2 of how much commoner it is among their slots than among everybody else's.
    """
    signals, counts, slots = _count(background, scratch, members)
    ratio = _rate_signals(background, scratch, members, signals, counts, slots)
    inside = _tabulate(background, signals, ratio[:, 0])
    aspects = len(background.family)
    likelihood = np.empty((len(members), aspects, len(SHARES)))
    one = np.empty((aspects, len(SHARES)))
    is_member = False
    for i in range(len(members)):
        _sum_likelihood(background, scratch, members[i], inside, likelihood[i])
        if members[i] == account:
            is_member = True
            one[:] = likelihood[i]
    if not is_member:
        outside = _tabulate(background, signals, ratio[:, 1])
        _sum_likelihood(background, scratch, account, outside, one)
    weights = _find_shares(background, members, likelihood)
    levels = _find_levels(background, members, likelihood, weights)
    bits = np.empty(np.max(background.family) + 1)
    _weigh_families(background, account, one, weights, levels, most, bits)
    room = background.indptr[account + 1] - background.indptr[account]
    shared, holders, told = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room)
    size = 0
    for p in range(background.indptr[account], background.indptr[account + 1]):
        s = background.indices[p]
        i = scratch.position[s]
        others = counts[i] - is_member if i >= 0 else 0
        if others > 0:
            shared[size], holders[size] = s, others
            told[size] = background.weight[s] * np.log2(ratio[i, 0 if is_member else 1])
            size += 1
    _clear(background, scratch, signals)
    return bits, shared[:size].copy(), holders[:size].copy(), told[:size].copy()


@njit(cache=True, nogil=True, error_model="numpy")
def _clear(background: Background, scratch: Scratch, signals: NDArray[np.int32]) -> None:
    for s in signals:
        scratch.position[s] = -1
        scratch.stratum_slots[background.stratum[s]] = 0.0
        scratch.last_seen[background.stratum[s]] = -1


@njit(cache=True, nogil=True, error_model="numpy")
def _count(
    background: Background, scratch: Scratch, members: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """Count the members' signals: which, how many members have each, and slots by kind and by stratum."""
    room = 0
    for a in members:
        room += background.indptr[a + 1] - background.indptr[a]
    signals, counts = np.empty(room, np.int32), np.zeros(room, np.int32)
    slots = np.zeros(len(background.kind_slots))
    size = 0
    for a in members:
        slots += background.account_slots[a]
        for p in range(background.indptr[a], background.indptr[a + 1]):
            s = background.indices[p]
            if scratch.position[s] < 0:
                scratch.position[s] = size
                signals[size] = s
                size += 1
            counts[scratch.position[s]] += 1
            stratum = background.stratum[s]
            if scratch.last_seen[stratum] != a:
                scratch.last_seen[stratum] = a
                scratch.stratum_slots[stratum] += background.slots[p]
    return signals[:size], counts[:size], slots


@njit(cache=True, nogil=True, error_model="numpy")
def _rate_signals(
    background: Background,
    scratch: Scratch,
    members: NDArray[np.int32],
    signals: NDArray[np.int32],
    counts: NDArray[np.int32],
    slots: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Give q / p of each signal, for members and for others."""
    ratios = np.zeros((len(signals), 2))
    others = (len(members) - 1) / len(members)  # a member is weighed by what the other members have
    for i in range(len(signals)):
        s = signals[i]
        kind, stratum = background.kind[s], background.stratum[s]
        elsewhere = background.degree[s] - counts[i]
        known = max(background.stratum_slots[stratum] - scratch.stratum_slots[stratum], 0.0)
        world = background.kind_slots[kind] - slots[kind]
        trust = known / (known + _HALF_KNOWN)
        of_world, of_place = slots[kind], scratch.stratum_slots[stratum]
        for side in range(2):
            held = counts[i] - 1 + side
            left = max(elsewhere - side, 0)
            scale = others if side == 0 else 1.0
            left = left + background.unseen[s]
            if held > 0:
                in_world = np.log2(held / (of_world * scale) * (world + 1.0) / left)
                in_place = np.log2(held / (of_place * scale) * (known + 1.0) / left)
                ratios[i, side] = 2.0 ** min(trust * in_place + (1.0 - trust) * in_world, _MOST_BITS)
    return ratios


@njit(cache=True, nogil=True, error_model="numpy")
def _tabulate(
    background: Background, signals: NDArray[np.int32], ratio: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give log2((1 - r) + r q / p) of each signal at each share r."""
    table = np.empty((len(signals), len(SHARES)))
    for i in range(len(signals)):
        for j in range(len(SHARES)):
            table[i, j] = background.weight[signals[i]] * np.log2(1.0 - SHARES[j] + SHARES[j] * ratio[i])
    return table


@njit(cache=True, nogil=True, error_model="numpy")
def _find_candidates(
    background: Background,
    scratch: Scratch,
    members: NDArray[np.int32],
    signals: NDArray[np.int32],
    outside: NDArray[np.float64],
    needed: float,
) -> NDArray[np.int32]:
    """List the members, then the others whose telling signals alone could be enough, by number."""
    telling = np.flatnonzero(outside[:, len(SHARES) - 1] >= _TELLING_BITS)
    room = len(members)
    for t in telling:
        room += background.degree[signals[t]]
    accounts = np.empty(room, np.int32)
    accounts[: len(members)] = members
    for i in range(len(members)):
        scratch.place[members[i]] = i
    size = len(members)
    for t in telling:
        size = _gather(background, scratch, signals[t], outside[t, len(SHARES) - 1], accounts, size)
    kept = len(members)
    for i in range(size):
        a = accounts[i]
        if i >= len(members) and scratch.gain[a] >= needed:
            accounts[kept] = a
            kept += 1
        scratch.place[a] = -1
        scratch.gain[a] = 0.0
    accounts[len(members) : kept].sort()
    return accounts[:kept].copy()


@njit(cache=True, nogil=True, error_model="numpy")
def _gather(
    background: Background, scratch: Scratch, signal: int, bits: float, accounts: NDArray[np.int32], size: int
) -> int:
    """Add the bits of a signal to its holders, and those that are new to the list; give its length."""
    for q in range(background.start[signal], background.start[signal + 1]):
        a = background.holders[q]
        if a < 0:
            continue
        if scratch.place[a] < 0:
            scratch.place[a] = size
            accounts[size] = a
            size += 1
        # The highest share gives a telling signal all but a small part of what any share could.
        scratch.gain[a] += bits + _SLACK_BITS
    return size


@njit(cache=True, nogil=True, error_model="numpy")
def _sum_likelihood(
    background: Background,
    scratch: Scratch,
    account: int,
    table: NDArray[np.float64],
    likelihood: NDArray[np.float64],
) -> None:
    """Sum log2 likelihood ratios of the account's slots, by aspect and share."""
    likelihood[:] = 0.0
    alone = np.log2(1.0 - SHARES)
    for kind in range(len(background.kind_slots)):
        slots = background.account_slots[account, kind]
        for j in range(len(SHARES)):
            likelihood[background.aspect[kind], j] += slots * alone[j]
    for p in range(background.indptr[account], background.indptr[account + 1]):
        s = background.indices[p]
        i = scratch.position[s]
        if i >= 0:
            aspect = background.aspect[background.kind[s]]
            for j in range(len(SHARES)):
                likelihood[aspect, j] += table[i, j] - alone[j]


@njit(cache=True, nogil=True, error_model="numpy")
def _observed(background: Background, account: int, aspect: int) -> bool:
    for kind in range(len(background.kind_slots)):
        if background.aspect[kind] == aspect and background.account_slots[account, kind] > 0:
            return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def _find_shares(
    background: Background, members: NDArray[np.int32], likelihood: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Find how the shares are distributed over the members, aspect by aspect (expectation-maximisation)."""
    aspects = likelihood.shape[1]
    weights = np.full((aspects, len(SHARES)), 1.0 / len(SHARES))
    ratio, part = np.empty((len(members), len(SHARES))), np.empty(len(SHARES))
    for aspect in range(aspects):
        seen = 0
        for i in range(len(members)):
            if _observed(background, members[i], aspect):
                ratio[seen] = 2.0 ** (likelihood[i, aspect] - likelihood[i, aspect].max())
                seen += 1
        for _ in range(_ITERATIONS):
            # Half an account without an opinion keeps every share possible.
            total = np.full(len(SHARES), 0.5 / len(SHARES))
            for i in range(seen):
                whole = 0.0
                for j in range(len(SHARES)):
                    part[j] = weights[aspect, j] * ratio[i, j]
                    whole += part[j]
                for j in range(len(SHARES)):
                    total[j] += part[j] / whole
            weights[aspect] = total / (seen + 0.5)
    return weights


@njit(cache=True, nogil=True, error_model="numpy")
def _find_levels(
    background: Background,
    members: NDArray[np.int32],
    likelihood: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Find how many members are known by each level of a nest (expectation-maximisation), 1 for no level."""
    levels = np.ones(len(background.nest))
    for nest in range(background.nest.max() + 1):
        aspects = np.flatnonzero(background.nest == nest)
        ratio = np.zeros((len(members), len(aspects)))
        seen = 0
        for i in range(len(members)):
            top = -np.inf
            for j in range(len(aspects)):
                ratio[seen, j] = -np.inf
                if _observed(background, members[i], aspects[j]):
                    ratio[seen, j] = _mean(likelihood[i, aspects[j]], weights[aspects[j]])
                    top = max(top, ratio[seen, j])
            if top > -np.inf:
                ratio[seen] = 2.0 ** (ratio[seen] - top)
                seen += 1
        share = np.full(len(aspects), 1.0 / len(aspects))
        for _ in range(_ITERATIONS):
            total = np.full(len(aspects), 0.5 / len(aspects))
            for i in range(seen):
                part = share * ratio[i]
                total += part / part.sum()
            share = total / (seen + 0.5)
        levels[aspects] = share
    return levels


@njit(cache=True, nogil=True, error_model="numpy")
def _weigh_families(
    background: Background,
    account: int,
    likelihood: NDArray[np.float64],
    weights: NDArray[np.float64],
    levels: NDArray[np.float64],
    most: float,
    bits: NDArray[np.float64],
) -> None:
    """Fill ``bits`` of each family, 0 where none of it was observed."""
    bits[:] = 0.0
    aspect, aspects = 0, len(background.family)
    while aspect < aspects:
        # What is weighed by itself, or all levels of a nest: their mean by the levels' weights.
        family, nest = background.family[aspect], background.nest[aspect]
        top, whole, part = -np.inf, 0.0, 0.0
        while True:
            if _observed(background, account, aspect):
                one = _mean(likelihood[aspect], weights[aspect])
                if one > top:
                    part *= 2.0 ** (top - one)
                    top = one
                part += levels[aspect] * 2.0 ** (one - top)
                whole += levels[aspect]
            aspect += 1
            if nest < 0 or aspect == aspects or background.nest[aspect] != nest:
                break
        if whole > 0.0:
            bits[family] += top + np.log2(part / whole)
    for family in range(len(bits)):
        bits[family] = min(bits[family], most)


@njit(cache=True, nogil=True, error_model="numpy")
def _mean(likelihood: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Give log2 of the mean likelihood ratio over the shares."""
    top = likelihood.max()
    return float(top + np.log2((weights * 2.0 ** (likelihood - top)).sum()))
