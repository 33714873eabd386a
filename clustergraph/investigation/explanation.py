"""Why the accounts of a cluster are together: the evidence, what holds them, and what is missing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from clustergraph.extraction.parts import PARTS
from clustergraph.investigation.holding import SIGNALS, STRONGEST_FIRST
from clustergraph.investigation.notebook import explanation_html
from clustergraph.investigation.prepared import read_holding
from clustergraph.investigation.wording import Wording, list_wordings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    import pyarrow as pa

    from clustergraph.artefacts.runs import Cluster, Run
    from clustergraph.investigation.coverage import Coverage
    from clustergraph.investigation.holding import BreakingSet, Bridge, Holding, Removal

# Below this share of members that were there around one day, they came one after another.
_TOGETHER = 0.5
_WORDINGS = 5


@dataclass(frozen=True)
class SharedSignal:
    """A signal that holds a cluster together.

    Attributes:
        kind: of the signal.
        value: of the signal.
        family: of the kind.
        accounts: members that have it.
        accounts_everywhere: all accounts that have it.
        bits: its part of the evidence of the cluster's ties.
        share: of the bits of all the cluster's signals (0..1).
    """

    kind: str
    value: str
    family: str
    accounts: int
    accounts_everywhere: int
    bits: float
    share: float


@dataclass(frozen=True)
class Member:
    """An account of a cluster: its ties inside and their evidence, and how surely it belongs."""

    account_id: str
    exchanges: int
    ties: int
    bits: float
    confidence: float


@dataclass(frozen=True)
class ScorePart:
    """A part of the extraction score.

    Attributes:
        name: of the part.
        part: mean over the members by their exchanges, 0 to 1; None where nothing is known of it.
        points: that it counts.
        bits: what it adds to the log-odds of extraction, or takes off; None where it is not known.
    """

    name: str
    part: float | None
    points: float
    bits: float | None


@dataclass(frozen=True)
class Explanation:
    """What there is to say of a cluster.

    The figures are those of its row of ``clusters``.

    Attributes:
        extraction: parts of the extraction score and their points.
        bits: evidence of all its signals together.
        signals: their number.
        evidence: the strongest of them.
        rest_bits: evidence of the others.
        removals: what becomes of the cluster without each of the strongest.
        breaking: the smallest set of signals without which it breaks.
        bridges: accounts by which alone parts of it hang together, those that connect most first.
        bridges_in_all: their number.
        tied: accounts that have any tie inside; the others are members by likeness alone.
        coverage: what is observed of each family of signals.
        together: largest share of members that were all there around one day; None without times.
        missing: evidence that a campaign would have and this cluster has not, in words.
        central: members with most evidence inside.
        uncertain: members with least confidence.
        coverage_p_value: how likely chance divides what fills templates so between the members.
        coverage_overlap: fillings that they have in common, of what chance gives.
        wordings: what they ask: the strongest templates that were found in prompts.
    """

    cluster_id: str
    rank: int
    accounts: int
    exchanges: int
    input_tokens: int
    output_tokens: int
    extraction_volume: float
    extraction_score: float | None
    first_seen: datetime | None
    last_seen: datetime | None
    families: tuple[str, ...]
    density: float
    cohesion_bits: float
    verified_accounts: int | None
    explained_by: str | None
    reason: str | None
    extraction: tuple[ScorePart, ...]
    bits: float
    signals: int
    evidence: tuple[SharedSignal, ...]
    rest_bits: float
    removals: tuple[Removal, ...]
    breaking: BreakingSet
    bridges: tuple[Bridge, ...]
    bridges_in_all: int
    tied: int
    coverage: tuple[Coverage, ...]
    together: float | None
    missing: tuple[str, ...]
    central: tuple[Member, ...]
    uncertain: tuple[Member, ...]
    coverage_p_value: float | None = None
    coverage_overlap: float | None = None
    wordings: tuple[Wording, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values; times as ISO 8601 in UTC."""
        plain = asdict(self)
        plain["removals"] = [one.to_dict() for one in self.removals]
        plain["breaking"] = self.breaking.to_dict()
        return plain | {name: time.isoformat() for name, time in plain.items() if isinstance(time, datetime)}

    def _repr_html_(self) -> str:
        return explanation_html(self)


def explain(
    run: Run, cluster_id: str | int, *, signals: int = SIGNALS, members: int = 5,
    ties: pa.Table | Future[pa.Table] | None = None,
) -> Explanation:  # fmt: skip
    """Explain why the accounts of a cluster are together.

    Args:
        run: what :func:`clustergraph.run` or :func:`clustergraph.open_run` gives.
        cluster_id: id, beginning of an id, or rank of the cluster.
        signals: most signals to list, and to think the cluster without.
        members: most central and least certain members to list.
        ties: those inside the cluster, as :class:`clustergraph.investigation.counterfactual.Standing` takes
            them, for whoever explains many clusters and reads the ties of all once, or begins to early.

    Raises:
        UsageError: there is no such cluster, or several; or the run does not say with what it was reckoned.
    """
    cluster = run.cluster(cluster_id)
    row, accounts = cluster.row, cluster.table("members")
    evidence = cluster.table("evidence").sort_by(STRONGEST_FIRST)
    total = float(pc.sum(evidence["bits"], min_count=0).as_py())
    strongest = _strongest(evidence, signals, total)
    holding = _find_holding(cluster, evidence, signals, ties)
    return Explanation(
        **{
            name: row[name] for name in Explanation.__dataclass_fields__ if name in row and name != "families"
        },
        families=tuple(row["families"] or ()),
        extraction=list_parts(row, run.manifest),
        bits=total,
        signals=evidence.num_rows,
        evidence=strongest,
        rest_bits=total - sum(one.bits for one in strongest),
        **{name: getattr(holding, name) for name in holding.__dataclass_fields__},
        missing=_say_missing(holding.coverage, holding.together),
        central=_members(accounts, members, ("bits", "descending")),
        uncertain=_members(accounts, members, ("confidence", "ascending"), ("bits", "ascending")),
        wordings=list_wordings(run, evidence, _WORDINGS),
    )


def _find_holding(
    cluster: Cluster, evidence: pa.Table, signals: int, ties: pa.Table | Future[pa.Table] | None
) -> Holding:
    """Give what was reckoned with the run, or reckon it."""
    found = read_holding(cluster.run, cluster.cluster_id) if signals == SIGNALS else None
    if found is not None:
        return found
    from clustergraph.investigation.reckoning import find_holding  # compiled code takes a while to load

    return find_holding(cluster.run, cluster.row["rank"] - 1, evidence, signals=signals, ties=ties)


def list_parts(row: Mapping[str, Any], manifest: Mapping[str, Any]) -> tuple[ScorePart, ...]:
    """List the parts of a cluster's extraction score; none where the run does not say its points.

    Args:
        row: of ``clusters``.
        manifest: of the run.
    """
    points = manifest.get("config", {}).get("extraction") or {}
    parts = [(name, row.get(name), float(points[name])) for name in PARTS if name in points]
    return tuple(
        ScorePart(name, part, one, None if part is None else one * (2.0 * part - 1.0))
        for name, part, one in parts
    )


def _say_missing(coverage: tuple[Coverage, ...], together: float | None) -> tuple[str, ...]:
    said = [one.missing for one in coverage if one.missing]
    if together is not None and together < _TOGETHER:
        said.append(f"not there together: at most {together:.0%} of the accounts were active around one day")
    return tuple(said)


def _strongest(evidence: pa.Table, count: int, total: float) -> tuple[SharedSignal, ...]:
    rows = evidence.slice(0, count).to_pylist()
    return tuple(
        SharedSignal(
            **{name: row[name] for name in SharedSignal.__dataclass_fields__ if name in row},
            share=row["bits"] / total if total > 0 else 0.0,
        )
        for row in rows
    )


def _members(accounts: pa.Table, count: int, *order: tuple[str, str]) -> tuple[Member, ...]:
    rows = accounts.sort_by([*order, ("account_id", "ascending")]).slice(0, count)
    return tuple(Member(**row) for row in rows.select(list(Member.__dataclass_fields__)).to_pylist())
