"""``clustergraph explain``: why the accounts of a cluster are together."""

from __future__ import annotations

import click

from clustergraph.commands.options import debug_option, json_option, print_json, show


@click.command()
@click.argument("directory", metavar="DIR")
@click.argument("cluster_id", metavar="CLUSTER_ID")
@json_option
@debug_option
def explain(directory: str, cluster_id: str, as_json: bool) -> None:
    """Explain why the accounts of a cluster are together.

    It shows the evidence, the centre and the edge of a cluster of the run in DIR.

    CLUSTER_ID is its id, the beginning of its id, or its rank.
    """
    from clustergraph.artefacts.runs import open_run
    from clustergraph.presentation.explanation import explain as explain_cluster

    found = explain_cluster(open_run(directory), cluster_id)
    if as_json:
        print_json(found.to_dict())
        return
    from clustergraph.presentation.display import show_explanation

    show(show_explanation(found))
