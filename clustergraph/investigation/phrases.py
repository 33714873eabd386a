"""Findings in words, the same on a terminal and in a notebook; who shows them makes traffic safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustergraph.figures import say_plural, say_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clustergraph.investigation.account import AccountExplanation
    from clustergraph.investigation.affinity import Affinity
    from clustergraph.investigation.coverage import Coverage
    from clustergraph.investigation.explanation import Explanation
    from clustergraph.investigation.holding import Bridge, Removal
    from clustergraph.investigation.pair import PairExplanation
    from clustergraph.investigation.signal import SignalExplanation

# A mark: how unlikely chance has to make it, and how little overlap has to be left.
_UNLIKELY, _HARDLY = 0.001, 0.5
_SIZES = 4
_NAMED = 5


def say_removal(removal: Removal) -> str:
    """Say what becomes of a cluster without some signals."""
    lost = f"loses {say_plural(removal.lost, 'account')}"
    if removal.outcome == "dissolved":
        return "dissolves"
    if removal.outcome == "split":
        words = f"splits into {len(removal.parts):,} parts ({_list_sizes(removal.parts)})"
        return f"{words} and {lost}" if removal.lost else words
    return lost if removal.lost else "stays whole"


def say_signals(removal: Removal) -> str:
    """Name the signals of a removal, the first few of many."""
    named = [f"{kind} {value}" for kind, value in removal.signals[:_NAMED]]
    more = len(removal.signals) - len(named)
    return ", ".join(named) + (f" and {more:,} more" if more else "")


def say_breaking(found: Explanation) -> str:
    """Say which signals a cluster cannot do without, or that none were found."""
    breaking = found.breaking
    if breaking.removal is None:
        if not breaking.held_without:
            return "no set of signals was found without which it breaks"
        return f"it holds without its {breaking.held_without:,} strongest signals, all of them together"
    removal, count = breaking.removal, len(breaking.removal.signals)
    size = say_plural(count, "signal")
    bound = f"{size} and no fewer" if breaking.exact else f"at most {size}, at least {breaking.at_least:,}"
    return f"{bound}: without {say_signals(removal)} it {say_removal(removal)}"


def say_division(accounts: int, p_value: float | None, overlap: float | None) -> str | None:
    """Say that the accounts of a cluster have divided a data set, None where they have not.

    >>> say_division(212, 0.4, 0.98) is None
    True

    Args:
        accounts: members.
        p_value: of its coverage, None where nothing can be said.
        overlap: fillings that members have in common, of what chance gives.
    """
    if p_value is None or overlap is None or p_value > _UNLIKELY or overlap > _HARDLY:
        return None
    return (
        f"its {accounts:,} accounts share templates and {overlap:.2g} of the fillings that chance would give "
        "them in common: they have divided a data set"
    )


def say_fillings(accounts: int, p_value: float | None, overlap: float | None) -> str | None:
    """Say what is known of the fillings that the accounts of a cluster have in common, None if nothing is."""
    if p_value is None or overlap is None:
        return None
    said = say_division(accounts, p_value, overlap)
    figures = f"{overlap:.2g} of what chance would give (p-value {p_value:.2g})"
    return f"{said} (p-value {p_value:.2g})" if said else f"members have {figures} in common"


def say_bridge(bridge: Bridge) -> str:
    """Say what an account alone connects."""
    return f"{say_plural(bridge.apart, 'account')} to the rest ({_list_sizes(bridge.parts)})"


def say_coverage(one: Coverage) -> str:
    """Say how many members have a family, and how many share it."""
    if not one.observed:
        return f"not observed (of all accounts {say_share(one.usual)})"
    return (
        f"{say_share(one.observed / one.accounts)} have one (of all accounts {say_share(one.usual)}), "
        f"{say_share(one.sharing / one.accounts)} share one"
    )


def say_affinity(one: Affinity) -> str:
    """Say how far an account is from being a member of a cluster."""
    side = "above" if one.above >= 0 else "below"
    return (
        f"{one.bits:,.1f} bits, {abs(one.above):,.1f} {side} the {one.needed:,.1f} that a member of this "
        "cluster needs"
    )


def say_families(one: Affinity) -> str:
    """Say what each family adds to or takes from an account's evidence."""
    parts = sorted(one.families.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {bits:+,.1f}" for name, bits in parts) or "-"


def say_alike(found: AccountExplanation) -> str:
    """Say how many share anything with an account, and how many of them were looked at."""
    if not found.sharing:
        return "nobody shares a signal that counts with it"
    said = f"{say_plural(found.sharing, 'account')} share a signal with it"
    if found.compared == found.sharing:
        return said
    return f"{said}; the {found.compared:,} with its rarest were compared"


def say_pair(found: PairExplanation) -> str:
    """Say whether two accounts are tied."""
    if not found.signals:
        return "They share no signal"
    words = "tied" if found.tied else "not tied"
    return (
        f"They share {say_plural(len(found.signals), 'signal')}: {found.bits:,.1f} bits of evidence, "
        f"{words} (a tie needs {found.tie_bits:,.1f})"
    )


def say_signal(found: SignalExplanation) -> str:
    """Say who has a signal, and what sharing it is worth."""
    clusters = len(found.clusters)
    held = f"{say_plural(found.accounts, 'account')} have it: {found.accounts - found.unclustered:,} in "
    said = [f"{held}{say_plural(clusters, 'cluster')}, {found.unclustered:,} in none"]
    if found.weight == 0.0:
        said.append("it is known public infrastructure, and counts nothing")
    else:
        said.append(f"sharing it is worth {found.worth:,.1f} bits at most")
    if found.unnatural:
        said.append("more accounts have it than is natural for its kind")
    return "; ".join(said)


def _list_sizes(sizes: Sequence[int]) -> str:
    shown = ", ".join(f"{one:,}" for one in sizes[:_SIZES])
    return f"{shown}, ..." if len(sizes) > _SIZES else shown
