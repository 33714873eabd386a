"""``clustergraph report``: a run as one HTML file."""

from __future__ import annotations

import click

from clustergraph.commands.options import debug_option


@click.command()
@click.argument("directory", metavar="DIR")
@click.option(
    "--out",
    metavar="FILE.html",
    default="report.html",
    show_default=True,
    help="File to write or to replace; not in DIR, which holds the run and nothing else.",
)
@click.option(
    "-n", "count", type=click.IntRange(1, 200), default=200, show_default=True, help="Most clusters."
)
@debug_option
def report(directory: str, out: str, count: int) -> None:
    """Write the run in DIR as one HTML file that works offline.

    It has the ranked list, to filter and to sort, with a verdict on each cluster and what speaks against it,
    and a page per cluster with its evidence, members, pictures and decisions. Of a night in a store it also
    tells the nights before. The file names accounts: it is readable for its owner and group alone.
    """
    from clustergraph.artefacts.runs import open_run
    from clustergraph.figures import printable, say_bytes
    from clustergraph.report.writing import write_report

    path = write_report(open_run(directory), out, clusters=count)
    click.echo(f"{printable(str(path))} ({say_bytes(path.stat().st_size)})")
