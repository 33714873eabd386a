"""What people see of one account, of two, and of a signal. Text from traffic stays text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from clustergraph.figures import printable, say_count, say_days, say_share
from clustergraph.investigation import phrases
from clustergraph.presentation.columns import Column, Columns, lay_out_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from clustergraph.investigation.account import AccountExplanation
    from clustergraph.investigation.affinity import Affinity, CommonSignal
    from clustergraph.investigation.finding import Found
    from clustergraph.investigation.pair import PairExplanation
    from clustergraph.investigation.signal import SignalExplanation

_SIGNALS = 10


def show_found(found: Found) -> RenderableType:
    """Lay out everything that a text names, one under the other."""
    parts: list[RenderableType] = [] if found.account is None else [show_account(found.account)]
    parts += [show_signal(one) for one in found.signals]
    if len(parts) > 1:
        said = f"{len(parts):,} things are called {printable(found.text, 80)!r}:\n"
        parts.insert(0, Text(said, style="yellow"))
    return Group(*parts)


def show_account(found: AccountExplanation) -> RenderableType:
    """Lay out where an account is and why, its nearest other cluster, and who is like it."""
    facts = [
        ("exchanges", say_count(found.exchanges)),
        ("seen", say_days(found.first_seen, found.last_seen)),
        ("signals", ", ".join(f"{count:,} {name}" for name, count in found.slots.items() if count) or "-"),
    ]
    if found.own is not None:
        facts.append(("ties", f"{found.ties or 0:,} inside the cluster"))
        facts.append(("confidence", say_share(found.confidence or 0.0)))
    parts: list[RenderableType] = [
        Text(f"Account {printable(found.account_id)}", style="bold"),
        Text(printable(found.verdict, 400)),
        Text(),
        lay_out_pairs(facts),
    ]
    if found.own is not None:
        parts += [_heading("Why it is in"), *_affinity(found.own)]
    if found.nearest is not None:
        other = "other " if found.own is not None else ""
        near = f"{found.nearest.cluster_id}, rank {found.nearest.rank}, {found.nearest.accounts:,} accounts"
        parts += [_heading(f"Nearest {other}cluster: {near}"), *_affinity(found.nearest)]
        if found.lacks:
            lacks = ", ".join(map(printable, found.lacks))
            parts.append(Text(f"\nSpeaks against it: {lacks} (its members share them, the account does not)"))
    return Group(*parts, _heading("Most alike"), Text(f"{phrases.say_alike(found)}\n"), _alike(found))


def _affinity(one: Affinity) -> list[RenderableType]:
    facts = [("evidence", phrases.say_affinity(one)), ("by family", phrases.say_families(one))]
    rows = one.signals[:_SIGNALS]
    more = len(one.signals) - len(rows)
    return [
        lay_out_pairs(facts),
        *_where(rows, Text(), _common(one, rows)),
        *_where(more, Text(f"and {more:,} more", style="dim")),
    ]


def _common(one: Affinity, signals: Sequence[CommonSignal]) -> Columns:
    holders = [f"{signal.members:,} of {one.accounts:,}" for signal in signals]
    return Columns([
        Column("kind", [signal.kind for signal in signals], least=8),
        Column("value", [signal.value for signal in signals], least=12),
        Column("members that have it", holders, "right"),
        Column("everywhere", [say_count(signal.accounts_everywhere) for signal in signals], "right", spare=1),
        Column("bits", [f"{signal.bits:+,.1f}" for signal in signals], "right"),
    ])  # fmt: skip


def _alike(found: AccountExplanation) -> Columns | Text:
    if not found.alike:
        return Text()
    tied = ["yes" if one.tied else "no" for one in found.alike]
    return Columns([
        Column("account", [one.account_id for one in found.alike], least=12),
        Column("cluster", [one.cluster_id or "-" for one in found.alike], least=9),
        Column("shared", [say_count(one.shared) for one in found.alike], "right"),
        Column("bits", [f"{one.bits:,.1f}" for one in found.alike], "right"),
        Column(f"tied (from {found.tie_bits:,.1f})", tied, spare=1),
    ])  # fmt: skip


def show_pair(found: PairExplanation) -> RenderableType:
    """Lay out every signal that two accounts share."""
    first, second = (printable(one) for one in found.account_ids)
    places = [
        (account, f"in cluster {cluster}" if cluster else "in no cluster")
        for account, cluster in zip(found.account_ids, found.cluster_ids, strict=True)
    ]
    table = Columns([
        Column("kind", [one.kind for one in found.signals], least=8),
        Column("value", [one.value for one in found.signals], least=12),
        Column("everywhere", [say_count(one.accounts_everywhere) for one in found.signals], "right"),
        Column(
            "by chance",
            ["-" if one.expected is None else f"{one.expected:.2g}" for one in found.signals],
            "right", spare=1,
        ),
        Column("bits", [f"{one.bits:,.1f}" for one in found.signals], "right"),
    ])  # fmt: skip
    return Group(
        Text(f"Accounts {first} and {second}", style="bold"),
        Text(phrases.say_pair(found)),
        Text(),
        lay_out_pairs(places),
        *_where(found.signals, Text(), table),
    )


def show_signal(found: SignalExplanation) -> RenderableType:
    """Lay out who has a signal."""
    title = Text(f"Signal {printable(found.kind)}={printable(found.value)}", style="bold")
    shown = found.clusters[:_SIGNALS]
    table = Columns([
        Column("#", [str(one.rank) for one in shown], "right", "dim"),
        Column("cluster", [one.cluster_id for one in shown], least=9),
        Column("members that have it", [f"{one.members:,} of {one.accounts:,}" for one in shown], "right"),
        Column("bits", [f"{one.bits:,.0f}" for one in shown], "right"),
    ])  # fmt: skip
    more = len(found.clusters) - len(shown)
    free = ", ".join(printable(one, 80) for one in found.some_unclustered)
    rest = found.unclustered - len(found.some_unclustered)
    return Group(
        title,
        Text(printable(phrases.say_signal(found), 400)),
        *_where(shown, Text(), table),
        *_where(more, Text(f"and {more:,} more", style="dim")),
        *_where(free, Text(f"In no cluster: {free}{f' and {rest:,} more' if rest else ''}")),
        Text(),
    )


def _where(there: object, *parts: RenderableType) -> tuple[RenderableType, ...]:
    """Give parts where there is something to show in them."""
    return parts if there else ()


def _heading(words: str) -> Text:
    return Text(f"\n{printable(words)}\n", style="bold")
