"""``clustergraph run``: the main job."""

from __future__ import annotations

import sys
from typing import Any

import click

from clustergraph.commands.job_options import job_options
from clustergraph.commands.options import debug_option, discard_output, print_error_line, show


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("--out", metavar="DIR", help="Folder to write the run to; a run that is there is replaced.")
@click.option("--dry-run", is_flag=True, help="Read, check and estimate; write nothing.")
@job_options
@debug_option
def run(
    inputs: tuple[str, ...],
    out: str | None,
    dry_run: bool,
    config: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Find clusters of coordinated accounts in INPUT and rank them.

    INPUT is a file, a folder or a glob of Parquet, CSV or JSON lines (plain, .gz or .zst), of events or of
    sightings.
    """
    if out is None and not dry_run:
        raise click.UsageError("Missing option '--out': the folder to write the run to (or use --dry-run).")
    from clustergraph import pipeline
    from clustergraph.config import read_config
    from clustergraph.jobs import INJECTED, STAGES
    from clustergraph.presentation.display import DEGRADED, show_estimate, show_ranking
    from clustergraph.progress import choose_progress

    settings = read_config(config, STAGES, INJECTED) if config else None
    options |= {"config": settings, "progress": choose_progress(quiet=quiet)}
    if dry_run:
        show(show_estimate(pipeline.estimate(inputs, out=out, **options)))
        return
    found = pipeline.run(inputs, out=out, **options)
    try:
        if not quiet:
            show(show_ranking(found))
            sys.stdout.flush()
        elif found.manifest["input"]["degraded"]:
            print_error_line(f"warning: {DEGRADED}")
    except (OSError, SystemExit):  # the run is there, whether or not anybody reads the table of it
        discard_output()
