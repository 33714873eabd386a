"""``clustergraph explain``: why the accounts of a cluster are together, or why one of them is in it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import click

from clustergraph.commands.options import debug_option, json_option, print_json, show
from clustergraph.commands.quick import answer_quickly
from clustergraph.errors import UsageError

if TYPE_CHECKING:
    from clustergraph.artefacts.runs import Run


@click.command()
@click.argument("directory", metavar="DIR")
@click.argument("cluster_id", metavar="CLUSTER_ID")
@click.option("--account", metavar="ID", help="Explain one account and the cluster nearest to it instead.")
@click.option("--pair", metavar="A B", nargs=2, help="List every signal that two accounts share instead.")
@json_option
@debug_option
def explain(
    directory: str, cluster_id: str, account: str | None, pair: tuple[str, str] | None, as_json: bool
) -> None:
    """Explain why the accounts of a cluster are together.

    It shows the evidence of a cluster of the run in DIR, what becomes of it without its strongest signals,
    what evidence is missing, its bridges, its centre and its edge.

    CLUSTER_ID is its id, the beginning of its id, or its rank. With --account or --pair one account of the
    cluster at least must be named; `find` answers for any other.
    """
    if account is not None and pair:
        raise UsageError("--account and --pair exclude each other")
    with answer_quickly():
        from clustergraph.artefacts.runs import open_run

        run = open_run(directory)
        whole = account is None and not pair
        found, view = (
            _explain_cluster(run, cluster_id) if whole else _explain_accounts(run, cluster_id, account, pair)
        )
        if as_json:
            print_json(found.to_dict())
        else:
            show(view(found))


def _explain_cluster(run: Run, cluster_id: str) -> Any:
    """Give the explanation of a cluster, and what shows it."""
    from clustergraph.artefacts.ties import read_ties

    cluster = run.cluster(cluster_id)
    prepared = cluster.cluster_id in run.holding["cluster_id"].to_pylist()
    with ThreadPoolExecutor(1) as pool:
        # While compiled code is loaded.
        ties = None if prepared else pool.submit(read_ties, run)
        from clustergraph.investigation.explanation import explain as explain_cluster
        from clustergraph.presentation.display import show_explanation

        return explain_cluster(run, cluster.cluster_id, ties=ties), show_explanation


def _explain_accounts(run: Run, cluster_id: str, account: str | None, pair: tuple[str, str] | None) -> Any:
    """Give the explanation of one account or two of a cluster, and what shows it."""
    from clustergraph.presentation.findings import show_account, show_pair

    cluster = run.cluster(cluster_id).cluster_id
    found: Any
    view: Any
    if account is not None:
        from clustergraph.investigation.account import explain_account

        found = explain_account(run, account)
        inside, view = [found.cluster_id], show_account
    else:
        from clustergraph.investigation.pair import explain_pair

        assert pair is not None
        found = explain_pair(run, *pair)
        inside, view = list(found.cluster_ids), show_pair
    if cluster not in inside:
        raise UsageError(f"that is not of cluster {cluster}; `clustergraph find` answers for any account")
    return found, view
