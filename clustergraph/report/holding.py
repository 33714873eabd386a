"""What holds a cluster together, in the words of an explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clustergraph.errors import UsageError
from clustergraph.investigation.explanation import explain
from clustergraph.investigation.phrases import (
    say_breaking,
    say_bridge,
    say_coverage,
    say_removal,
)
from clustergraph.report.limits import cut

if TYPE_CHECKING:
    import pyarrow as pa

    from clustergraph.artefacts.runs import Run


def tell_holding(run: Run, cluster_id: str, ties: pa.Table) -> dict[str, Any] | None:
    """Tell what a cluster would be without each of its strongest signals, and which accounts bridge it.

    Args:
        run: that it is of.
        cluster_id: its id.
        ties: of the cluster, as :func:`clustergraph.report.slices.split_ties` gives them.

    Returns:
        ``removals`` (``kind``, ``value``, ``outcome``, ``words``), ``breaking`` in words, ``bridges``
        (``account_id``, ``words``) with ``bridges_in_all``, members that are ``untied``, ``coverage``
        (``family``, ``words``), and what is ``missing`` in words. None where the run does not say with what
        thresholds it was reckoned.
    """
    try:
        found = explain(run, cluster_id, ties=ties)
    except UsageError:  # the cluster is there, so it is that
        return None
    return {
        "removals": [
            {
                "kind": cut(one.signals[0][0]),
                "value": cut(one.signals[0][1]),
                "outcome": one.outcome,
                "words": say_removal(one),
            }
            for one in found.removals
        ],
        "breaking": cut(say_breaking(found)),
        "bridges": [{"account_id": cut(one.account_id), "words": say_bridge(one)} for one in found.bridges],
        "bridges_in_all": found.bridges_in_all,
        "untied": found.accounts - found.tied,
        "coverage": [{"family": cut(one.family), "words": say_coverage(one)} for one in found.coverage],
        "missing": [cut(one) for one in found.missing],
    }
