"""Find clusters of coordinated accounts on an AI provider's API.

>>> import clustergraph as cg                                   # doctest: +SKIP
>>> found = cg.run("traffic/", out="runs/tonight")              # doctest: +SKIP

or stage by stage, each a function of what the one before gave:

>>> sightings = cg.read(["traffic/"], engine=cg.DuckDBEngine(".")) # doctest: +SKIP
>>> incidence = cg.link(sightings)                              # doctest: +SKIP
>>> ties = cg.project(incidence)                                # doctest: +SKIP
>>> membership = cg.partition(ties)                             # doctest: +SKIP
>>> found = cg.rank(membership)                                 # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clustergraph import charts
    from clustergraph.artefacts.runs import Run, open_run
    from clustergraph.behaviour.observing import observe_behaviour
    from clustergraph.clusters.ranking import rank
    from clustergraph.decisions.export import list_decisions
    from clustergraph.decisions.reliability import measure_reliability
    from clustergraph.engines.duckdb import DuckDBEngine
    from clustergraph.extraction.points import score_extraction
    from clustergraph.incidence.cooccurrence import count_together
    from clustergraph.incidence.links import link
    from clustergraph.investigation.account import explain_account
    from clustergraph.investigation.explanation import explain
    from clustergraph.investigation.finding import find
    from clustergraph.investigation.pair import explain_pair
    from clustergraph.membership.members import partition
    from clustergraph.nights.night import nightly
    from clustergraph.pipeline import estimate, run
    from clustergraph.projection.ties import project
    from clustergraph.report.writing import write_report
    from clustergraph.scoring.comparison import score
    from clustergraph.sightings.reading import read
    from clustergraph.upkeep.deciding import decide
    from clustergraph.upkeep.refitting import refit_points

# Loaded when first used, so that the command line answers at once.
_HOMES = {
    "DuckDBEngine": "clustergraph.engines.duckdb",
    "Run": "clustergraph.artefacts.runs",
    "count_together": "clustergraph.incidence.cooccurrence",
    "decide": "clustergraph.upkeep.deciding",
    "estimate": "clustergraph.pipeline",
    "explain": "clustergraph.investigation.explanation",
    "explain_account": "clustergraph.investigation.account",
    "explain_pair": "clustergraph.investigation.pair",
    "find": "clustergraph.investigation.finding",
    "link": "clustergraph.incidence.links",
    "list_decisions": "clustergraph.decisions.export",
    "measure_reliability": "clustergraph.decisions.reliability",
    "nightly": "clustergraph.nights.night",
    "observe_behaviour": "clustergraph.behaviour.observing",
    "open_run": "clustergraph.artefacts.runs",
    "partition": "clustergraph.membership.members",
    "project": "clustergraph.projection.ties",
    "rank": "clustergraph.clusters.ranking",
    "read": "clustergraph.sightings.reading",
    "refit_points": "clustergraph.upkeep.refitting",
    "run": "clustergraph.pipeline",
    "score": "clustergraph.scoring.comparison",
    "score_extraction": "clustergraph.extraction.points",
    "write_report": "clustergraph.report.writing",
}
__all__ = [
    "DuckDBEngine", "Run", "charts", "count_together", "decide", "estimate", "explain", "explain_account",
    "explain_pair", "find", "link", "list_decisions", "measure_reliability", "nightly",
    "observe_behaviour", "open_run",
    "partition", "project", "rank", "read", "refit_points", "run", "score", "score_extraction",
    "write_report",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "charts":
        return import_module("clustergraph.charts")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
