"""How explanations look in a notebook: small tables of HTML, in which traffic stays text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustergraph.artefacts.notebook import sentence, table
from clustergraph.figures import say_count, say_share
from clustergraph.investigation import phrases

if TYPE_CHECKING:
    from clustergraph.investigation.account import AccountExplanation
    from clustergraph.investigation.affinity import Affinity
    from clustergraph.investigation.explanation import Explanation
    from clustergraph.investigation.finding import Found
    from clustergraph.investigation.pair import PairExplanation
    from clustergraph.investigation.signal import SignalExplanation


def explanation_html(found: Explanation) -> str:
    """Give the evidence with what becomes of the cluster without it, bridges, and what is missing."""
    removals = {one.signals[0]: phrases.say_removal(one) for one in found.removals}
    rows = [
        (
            one.kind, one.value, f"{one.accounts:,} of {one.accounts_everywhere:,}", f"{one.bits:,.0f}",
            say_share(one.share), removals.get((one.kind, one.value), ""),
        )
        for one in found.evidence
    ]  # fmt: skip
    figures = f"{found.accounts:,} accounts, {found.exchanges:,} exchanges"
    said = f"Cluster {found.cluster_id}, rank {found.rank}: {figures}"
    fillings = phrases.say_fillings(found.accounts, found.coverage_p_value, found.coverage_overlap)
    asked = [
        (one.value, f"{one.accounts:,} of {one.accounts_everywhere:,}", one.text) for one in found.wordings
    ]
    parts = [
        sentence(said),
        *([sentence(found.reason)] if found.reason else []),
        table(("kind", "value", "holders in it", "bits", "share", "without it"), rows, found.signals),
        *([table(("template", "holders in it", "what they ask"), asked)] if asked else []),
        sentence(f"Smallest set that breaks it: {phrases.say_breaking(found)}"),
        table(("bridge", "connects"), [(one.account_id, phrases.say_bridge(one)) for one in found.bridges]),
        *([sentence(f"Fillings of templates: {fillings}")] if fillings else []),
        *(sentence(f"Missing: {one}") for one in found.missing),
    ]
    return "".join(parts)


def account_html(found: AccountExplanation) -> str:
    """Give where an account is and why, its nearest other cluster, and who is like it."""
    parts = [sentence(f"Account {found.account_id}: {found.exchanges:,} exchanges"), sentence(found.verdict)]
    if found.own is not None:
        parts.append(_affinity(found.own, "shares with its cluster"))
    if found.nearest is not None:
        parts.append(sentence(f"Nearest other cluster: {phrases.say_affinity(found.nearest)}"))
        parts.append(_affinity(found.nearest, f"shares with {found.nearest.cluster_id}"))
    rows = [
        (one.account_id, one.cluster_id or "-", f"{one.bits:,.1f}", "tied" if one.tied else "not tied")
        for one in found.alike
    ]
    return "".join([*parts, table(("most alike", "cluster", "bits", ""), rows)])


def pair_html(found: PairExplanation) -> str:
    """Give what two accounts share."""
    rows = [
        (one.kind, one.value, say_count(one.accounts_everywhere), f"{one.bits:,.1f}") for one in found.signals
    ]
    return sentence(phrases.say_pair(found)) + table(("kind", "value", "holders", "bits"), rows)


def signal_html(found: SignalExplanation) -> str:
    """Give who has a signal."""
    rows = [
        (str(one.rank), one.cluster_id, f"{one.members:,} of {one.accounts:,}", f"{one.bits:,.0f}")
        for one in found.clusters
    ]
    said = sentence(f"{found.kind} {found.value}: {phrases.say_signal(found)}")
    return said + table(("rank", "cluster", "members", "bits"), rows)


def found_html(found: Found) -> str:
    """Give everything that a text names."""
    account = account_html(found.account) if found.account is not None else ""
    return account + "".join(signal_html(one) for one in found.signals)


def _affinity(one: Affinity, heading: str) -> str:
    rows = [
        (signal.kind, signal.value, f"{signal.members:,} of {one.accounts:,}", f"{signal.bits:+,.1f}")
        for signal in one.signals
    ]
    return sentence(f"By family: {phrases.say_families(one)}") + table((heading, "", "members", "bits"), rows)
