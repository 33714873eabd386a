"""What people see on a terminal: the ranked list, one cluster, an estimate. Text from traffic stays text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Group
from rich.text import Text

from clustergraph.figures import printable, say_bytes, say_count, say_days, say_plural, say_share
from clustergraph.investigation import phrases
from clustergraph.presentation.columns import Column, Columns, draw_bar, lay_out_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import RenderableType

    from clustergraph.artefacts.runs import Run
    from clustergraph.investigation.explanation import Explanation, Member, SharedSignal
    from clustergraph.investigation.wording import Wording
    from clustergraph.pipeline import Estimate

NOTHING_FOUND = "No cluster was found: no group of accounts shares more than chance gives."
DEGRADED = "Degraded: so many rows were set aside that clusters may be missing; run.json says which rows."
_BRIDGES = 3
_BAR = "cyan"
_WARNING = "yellow"
_EXPLAINED = "green"


def show_ranking(run: Run, limit: int = 20) -> RenderableType:
    """Lay out the first ``limit`` clusters and a line about all of them."""
    rows = run.clusters.slice(0, limit).to_pylist()
    warnings = [Text(DEGRADED, style=_WARNING)] if run.manifest.get("input", {}).get("degraded") else []
    # Why a cluster is explained away is said by `explain`; here a word in its row is enough.
    warnings += [
        Text(f"#{row['rank']}: {printable(row['reason'], 400)}", style=_WARNING)
        for row in rows
        if row["reason"] and not row["explained_by"]
    ]
    warnings += [Text(line, style=_WARNING) for line in _say_come_back(run, rows)]
    if not rows:
        return Group(Text(NOTHING_FOUND), *warnings)
    return Group(Columns(_ranking(run, rows)), Text(), *warnings, Text(_summary(run, len(rows)), style="dim"))


def _ranking(run: Run, rows: Sequence[Mapping[str, Any]]) -> list[Column]:
    short, strongest = run.short_ids(), _find_strongest(run, rows)
    volumes = [row["extraction_volume"] for row in rows]
    most = max(*volumes, 0.0)
    bars = [draw_bar(0.0, volume / most, 8) if most > 0 else "" for volume in volumes]
    # The rank is by exchanges weighted by their score, or by --volumes: then both are shown.
    by_volume = any(row["extraction_volume"] != row["exchanges"] for row in rows)
    score = Column("score", [_say_score(row["extraction_score"]) for row in rows], "right")
    scored = any(row["extraction_score"] is not None for row in rows)
    explained = [(row["explained_by"] or "").replace("_", " ") for row in rows]
    decisions = [row.get("decision") or "" for row in rows]  # nights have it
    volume = Column("volume", [say_count(one) for one in volumes], "right")
    return [
        Column("#", [str(row["rank"]) for row in rows], "right", "dim"),
        Column("cluster", [short[row["cluster_id"]] for row in rows], style="bold"),
        Column("accounts", [say_count(row["accounts"]) for row in rows], "right"),
        Column("exchanges", [say_count(row["exchanges"]) for row in rows], "right"),
        *([score] if scored else []),
        *([volume] if by_volume else []),
        Column("", bars, style=_BAR, spare=2),
        Column("held together by", [", ".join(row["families"] or ()) for row in rows], least=24),
        *([Column("explained by", explained, least=14)] if any(explained) else []),
        *([Column("decision", decisions)] if any(decisions) else []),
        Column("bits/tie", [f"{row['cohesion_bits']:,.0f}" for row in rows], "right", spare=1),
        Column("seen", [say_days(row["first_seen"], row["last_seen"]) for row in rows], spare=3),
        Column("strongest signal", [strongest.get(row["cluster_id"], "") for row in rows], least=24, spare=4),
    ]


def _say_score(score: float | None) -> str:
    return "-" if score is None else f"{score:.2f}"


def _say_come_back(run: Run, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say which decisions on clusters do not hold any more, and what has changed."""
    rank = {row["cluster_id"]: row["rank"] for row in rows}
    return [
        f"#{rank[one['cluster_id']]}: {one['decision']} on {one['night']} by {printable(one['decided_by'])}, "
        f"which does not hold any more: {printable(one['note'] or '', 400)}"
        for one in run.decisions.to_pylist()
        if one["cluster_id"] in rank and not one["holds"]
    ]


def _find_strongest(run: Run, rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Say for each cluster which signal gives most of its evidence."""
    wanted = pa.array([row["cluster_id"] for row in rows], pa.string())
    evidence = run.evidence.filter(pc.is_in(run.evidence["cluster_id"], value_set=wanted))
    order = [("bits", "ascending"), ("kind", "descending"), ("value", "descending")]
    best = {row["cluster_id"]: row for row in evidence.sort_by(order).to_pylist()}
    return {
        name: f"{row['accounts']:,} of {row['accounts_everywhere']:,} have {row['kind']} {row['value']}"
        for name, row in best.items()
    }


def _summary(run: Run, shown: int) -> str:
    clusters = run.clusters.num_rows
    exchanges = sum(run.clusters["exchanges"].to_pylist())
    found = f"{say_plural(clusters, 'cluster')} of {say_plural(run.members.num_rows, 'account')}"
    parts = [found, say_plural(exchanges, "exchange")]
    explained = clusters - run.clusters["explained_by"].null_count
    if explained:
        parts.append(f"{explained:,} explained")
    if shown < clusters:
        parts.append(f"the first {shown:,} are shown" if shown > 1 else "the first is shown")
    return " · ".join(parts)


def show_explanation(found: Explanation) -> RenderableType:
    """Lay out an explanation: figures, a waterfall of the evidence, the centre and the edge."""
    title = Text.assemble((f"Cluster {printable(found.cluster_id)}", "bold"), f"  rank {found.rank}")
    evidence = f"Evidence: {found.bits:,.0f} bits from {say_plural(found.signals, 'shared signal')}"
    return Group(
        title,
        *([_reason(found)] if found.reason else []),
        Text(),
        lay_out_pairs(_facts(found)),
        *(_heading(evidence), _waterfall(found)),
        *_wordings(found),
        *(_heading("What holds it together"), *_holding(found)),
        *_extraction(found),
        _heading("What is observed"),
        lay_out_pairs(_coverage(found)),
        *_missing(found),
        *(_heading("Most central members"), _members(found.central)),
        *(_heading("Least certain members"), _members(found.uncertain)),
    )


def _reason(found: Explanation) -> Text:
    """Say why a cluster is explained away, or what speaks for and against that."""
    words = printable(found.reason or "", 2000)
    if found.explained_by:
        return Text(f"Explained: {words}", style=_EXPLAINED)
    return Text(words, style=_WARNING)


def _heading(words: str) -> Text:
    return Text(f"\n{words}\n", style="bold")


def _facts(found: Explanation) -> list[tuple[str, str]]:
    by_volume = found.extraction_volume != found.exchanges
    return [
        ("accounts", say_count(found.accounts)),
        ("exchanges", say_count(found.exchanges)),
        *([("volume", say_count(found.extraction_volume))] if by_volume else []),
        ("tokens", f"{say_count(found.input_tokens)} in, {say_count(found.output_tokens)} out"),
        ("seen", say_days(found.first_seen, found.last_seen)),
        ("held together by", ", ".join(found.families) or "-"),
        ("density", f"{say_share(found.density)} of all pairs are tied"),
        ("cohesion", f"{found.cohesion_bits:,.1f} bits a tie on average"),
        *([("verified", _say_verified(found))] if found.verified_accounts is not None else []),
        *([("explained by", found.explained_by.replace("_", " "))] if found.explained_by else []),
    ]


def _say_verified(found: Explanation) -> str:
    return f"{found.verified_accounts:,} of {found.accounts:,} accounts are of a verified organisation"


def _waterfall(found: Explanation) -> Columns:
    """Draw each signal's bits from where the one above it ended, and the rest in one line."""
    starts = [sum(one.share for one in found.evidence[:place]) for place in range(len(found.evidence) + 1)]
    rows = [
        (
            one.kind, one.value, f"{one.bits:,.0f}", say_share(one.share),
            draw_bar(start, start + one.share, 20), _say_holders(one),
        )
        for one, start in zip(found.evidence, starts, strict=False)
    ]  # fmt: skip
    others = found.signals - len(found.evidence)
    if others:
        share = max(1.0 - starts[-1], 0.0)
        words = f"{others:,} more" if rows else say_plural(others, "signal")
        rows.append(
            ("", words, f"{share * found.bits:,.0f}", say_share(share), draw_bar(starts[-1], 1.0, 20), "")
        )
    kinds, values, bits, shares, bars, holders = zip(*rows, strict=True) if rows else ((),) * 6
    return Columns([
        Column("kind", kinds, least=8),
        Column("value", values, least=12),
        Column("bits", bits, "right"),
        Column("share", shares, "right"),
        Column("", bars, style=_BAR, spare=1),
        Column("holders in it", holders, "right"),
    ])  # fmt: skip


def _wordings(found: Explanation) -> list[RenderableType]:
    """Show what the members ask, as far as it may be shown."""
    if not found.wordings:
        return []
    return [
        _heading("What they ask (<*> is whatever differs, or was written by few)"),
        Columns([
            Column("template", [one.value for one in found.wordings], least=8, spare=2),
            Column("holders in it", [_say_holders(one) for one in found.wordings], "right", spare=1),
            Column("text", [one.text for one in found.wordings], least=40),
        ]),
    ]  # fmt: skip


def _say_holders(one: SharedSignal | Wording) -> str:
    return f"{one.accounts:,} of {one.accounts_everywhere:,}"


def _holding(found: Explanation) -> list[RenderableType]:
    """Say what becomes of the cluster without its strongest signals, and who alone connects parts of it."""
    parts: list[RenderableType] = []
    changed = [one for one in found.removals if one.outcome != "whole"]
    if changed:
        parts += [
            Columns([
                Column("without", [phrases.say_signals(one) for one in changed], least=20),
                Column("it", [phrases.say_removal(one) for one in changed], least=24),
                Column("ties left", [say_count(one.ties) for one in changed], "right", spare=1),
            ]),
            Text(),
        ]  # fmt: skip
    facts = []
    same = len(found.removals) - len(changed)
    if same:
        other = f"the other {same:,} of " if changed else ""
        facts.append(
            ("stays whole", f"without any one of {other}its {len(found.removals):,} strongest signals")
        )
    facts.append(("what breaks it", phrases.say_breaking(found)))
    alone = found.accounts - found.tied
    if alone:
        facts.append(
            ("without ties", f"{say_plural(alone, 'account')}: members since they look like the others")
        )
    facts.append(("bridges", "none: whoever is taken away, the ties of the others stay connected"))
    if found.bridges:
        shown = len(found.bridges)
        words = f"the first {shown:,} of {found.bridges_in_all:,}: " if found.bridges_in_all > shown else ""
        named = [f"{one.account_id} connects {phrases.say_bridge(one)}" for one in found.bridges[:_BRIDGES]]
        facts[-1] = ("bridges", words + "; ".join(named))
    return [*parts, lay_out_pairs(facts)]


def _extraction(found: Explanation) -> list[RenderableType]:
    """Say how much the traffic looks like extraction, part by part."""
    if found.extraction_score is None:
        return []
    known = [one for one in found.extraction if one.part is not None]
    unknown = [one.name.replace("_", " ") for one in found.extraction if one.part is None]
    return [
        _heading(f"Looks like extraction: score {_say_score(found.extraction_score)}"),
        Columns([
            Column("part", [one.name.replace("_", " ") for one in known], least=12),
            Column("mean", [f"{one.part:.2f}" for one in known], "right"),
            Column("points", [f"{one.points:g}" for one in known], "right"),
            Column("bits", [f"{one.bits:+.1f}" for one in known], "right"),
        ]),
        *([Text(f"\nNot known: {', '.join(unknown)}", style="dim")] if unknown else []),
    ]  # fmt: skip


def _coverage(found: Explanation) -> list[tuple[str, str]]:
    facts = [(one.family, phrases.say_coverage(one)) for one in found.coverage]
    fillings = phrases.say_fillings(found.accounts, found.coverage_p_value, found.coverage_overlap)
    if fillings:
        facts.append(("fillings", fillings))
    if found.together is not None:
        facts.append(("together", f"{say_share(found.together)} of the accounts were there around one day"))
    return facts


def _missing(found: Explanation) -> list[Text]:
    return [Text(f"Missing: {printable(one, 400)}", style=_WARNING) for one in found.missing]


def _members(members: Sequence[Member]) -> Columns:
    return Columns([
        Column("account", [one.account_id for one in members], least=12),
        Column("exchanges", [say_count(one.exchanges) for one in members], "right"),
        Column("ties", [say_count(one.ties) for one in members], "right"),
        Column("bits", [f"{one.bits:,.0f}" for one in members], "right"),
        Column("confidence", [say_share(one.confidence) for one in members], "right"),
    ])  # fmt: skip


def show_estimate(found: Estimate) -> RenderableType:
    """Lay out what a run would read and cost."""
    read = sum(file["bytes"] for file in found.files)
    pairs = [
        ("files", f"{len(found.files):,} ({say_bytes(read)})"),
        ("rows", f"{found.rows:,}"),
        ("rows set aside", f"{sum(found.rejected.values()):,}"),
        *((f"  {reason}", f"{rows:,}") for reason, rows in found.rejected.items()),
        ("accounts", f"{found.accounts:,}"),
        ("columns", ", ".join(getattr(found, "columns", ()))),
        ("kinds of signals", ", ".join(found.kinds)),
        ("shared signals", f"{found.signals:,}"),
        ("links to them", f"{found.links:,}"),
        ("pairs to look at", f"{found.visits:,} (for ties of {found.tie_bits:g} bits or more)"),
        ("peak memory", f"about {say_bytes(found.memory_bytes)}"),
        ("scratch disk", f"about {say_bytes(found.disk_bytes)}"),
    ]
    return Group(
        lay_out_pairs([pair for pair in pairs if pair[1]]), Text("\nNothing was written.", style="dim")
    )
