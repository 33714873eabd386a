"""What holds large clusters together, reckoned with the run: who asks for it waits for nothing.

It takes seconds for a cluster of tens of thousands of accounts, and it is the same whenever it is asked for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from clustergraph.artefacts.runs import Run
from clustergraph.artefacts.schema import HOLDING, fill_schema
from clustergraph.errors import InputError
from clustergraph.investigation.holding import Holding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

# Signals that a cluster is thought without, where nobody says how many.
SIGNALS = 10
# Accounts from which on nobody wants to wait. Such clusters are few, so they cost a run little.
LARGE = 1_000
# Where there are no ties, as around a lone signal, the commonest among the members.
STRONGEST_FIRST = [
    ("bits", "descending"), ("accounts", "descending"), ("kind", "ascending"), ("value", "ascending"),
]  # fmt: skip


def prepare_holding(
    tables: Mapping[str, pa.Table],
    manifest: Mapping[str, Any],
    progress: Callable[[float, str], None] | None = None,
) -> pa.Table:
    """Make ``holding``: a row per cluster of `LARGE` accounts or more.

    Args:
        tables: the other artefacts of a run.
        manifest: its ``input``, ``config`` and ``seed``.
        progress: told the share of the work that is done, and what is being done.
    """
    run = Run(manifest, None, dict(tables))
    clusters = tables["clusters"]
    large = clusters.filter(pc.greater_equal(clusters["accounts"], LARGE)).select(["cluster_id", "rank"])
    rows = large.to_pylist()
    found = []
    for number, row in enumerate(rows):
        if progress:
            progress(number / len(rows), f"cluster {row['rank']}")
        found.append(json.dumps(_reckon(run, **row).to_dict(), ensure_ascii=False))
    return fill_schema(HOLDING, {"cluster_id": large["cluster_id"], "holding": found}, len(rows))


def _reckon(run: Run, cluster_id: str, rank: int) -> Holding:
    from clustergraph.investigation.reckoning import find_holding  # not needed where no cluster is large

    evidence = run.evidence.filter(pc.equal(run.evidence["cluster_id"], cluster_id))
    return find_holding(run, rank - 1, evidence.sort_by(STRONGEST_FIRST), signals=SIGNALS)


def read_holding(run: Run, cluster_id: str) -> Holding | None:
    """Give what was reckoned with the run, None where it was not.

    Raises:
        InputError: the artefact is damaged.
    """
    table = run.holding
    found = table.filter(pc.equal(table["cluster_id"], cluster_id))["holding"].to_pylist()
    if not found:
        return None
    try:
        return Holding.from_dict(json.loads(found[0]))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{run.directory or 'the run'}: holding.parquet, cluster {cluster_id}, column holding: not what"
            f" this version writes ({error})"
        ) from error
