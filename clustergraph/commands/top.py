"""``clustergraph top``: the ranked list of a run."""

from __future__ import annotations

import click

from clustergraph.commands.options import debug_option, json_option, print_json, show


@click.command()
@click.argument("directory", metavar="DIR")
@click.option("-n", "count", type=click.IntRange(min=1), default=20, show_default=True, help="Most clusters.")
@json_option
@debug_option
def top(directory: str, count: int, as_json: bool) -> None:
    """List the first clusters of the run in DIR."""
    from clustergraph.artefacts.runs import open_run

    found = open_run(directory)
    if as_json:
        clusters = found.clusters.slice(0, count).to_pylist()
        print_json({"clusters_in_all": found.clusters.num_rows, "clusters": clusters})
        return
    from clustergraph.presentation.display import show_ranking

    show(show_ranking(found, count))
