"""``clustergraph export``: a cluster as a graph for other tools."""

from __future__ import annotations

from pathlib import Path

import click

from clustergraph.commands.options import debug_option


@click.command()
@click.argument("directory", metavar="DIR")
@click.argument("cluster_id", metavar="CLUSTER_ID")
@click.option(
    "--out",
    metavar="FILE",
    required=True,
    help="File to write, .graphml or .gexf; an earlier one is replaced.",
)
@click.option("--bipartite", is_flag=True, help="Write accounts and the signals that they share.")
@debug_option
def export(directory: str, cluster_id: str, out: str, bipartite: bool) -> None:
    """Write a cluster of the run in DIR as a graph that Gephi, networkx and others read.

    The graph has the accounts of the cluster and their ties, or with --bipartite its accounts and the signals
    that at least two of them have.

    CLUSTER_ID is its id, the beginning of its id, or its rank.
    """
    from clustergraph.artefacts.interchange import check_format
    from clustergraph.artefacts.runs import open_run

    check_format(Path(out))
    open_run(directory).cluster(cluster_id).export(out, bipartite=bipartite)
