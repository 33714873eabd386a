"""What holds large clusters together, reckoned with the run: who asks for it waits for nothing.

It takes seconds for a cluster of tens of thousands of accounts, and it is the same whenever it is asked for.
So it is no loss where it is missing, or was written by another version: then it is reckoned when it is asked
for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from clustergraph.artefacts.runs import Run
from clustergraph.artefacts.schema import HOLDING, LARGE, fill_schema, mark_degraded
from clustergraph.artefacts.ties import read_ties
from clustergraph.investigation.holding import SIGNALS, STRONGEST_FIRST, Holding

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from clustergraph.jobs import Job

# Of what is written; another number, or other signals, is reckoned anew.
_FORMAT = {"format": 1, "signals": SIGNALS}


def prepare_holding(job: Job, tables: Mapping[str, pa.Table], facts: Mapping[str, Any]) -> pa.Table:
    """Make ``holding``: a row per cluster of `LARGE` accounts or more.

    Args:
        job: settings.
        tables: the other artefacts of a run.
        facts: of its input, as run.json has them.
    """
    run = Run({"input": facts, "config": job.settings, "seed": job.seed}, None, dict(tables))
    large = run.clusters.filter(pc.greater_equal(run.clusters["accounts"], LARGE))
    with job.progress.stage("explain") as advance:
        found: list[str] = []
        for row in large.to_pylist():
            advance(len(found) / large.num_rows, f"cluster {row['rank']}")
            found.append(_reckon(run, row, job.threads))
    table = fill_schema(HOLDING, {"cluster_id": large["cluster_id"], "holding": found}, large.num_rows)
    return mark_degraded({"holding": table})["holding"] if facts["degraded"] else table


def _reckon(run: Run, row: Mapping[str, Any], threads: int) -> str:
    from clustergraph.investigation.reckoning import find_holding  # compiled, and seldom needed

    evidence = run.evidence.filter(pc.equal(run.evidence["cluster_id"], row["cluster_id"]))
    found = find_holding(
        run, row["rank"] - 1, evidence.sort_by(STRONGEST_FIRST), signals=SIGNALS,
        ties=run.once("ties", read_ties), threads=threads,
    )  # fmt: skip
    return json.dumps(_FORMAT | {"holding": found.to_dict()}, ensure_ascii=False)


def read_holding(run: Run, cluster_id: str) -> Holding | None:
    """Give what was reckoned with the run, None where it was not, or was written in another way."""
    table = run.holding
    for text in table.filter(pc.equal(table["cluster_id"], cluster_id))["holding"].to_pylist():
        try:
            plain = json.loads(text)
            if {name: plain[name] for name in _FORMAT} == _FORMAT:
                return Holding.from_dict(plain["holding"])
        except (ValueError, KeyError, TypeError):
            return None
    return None
