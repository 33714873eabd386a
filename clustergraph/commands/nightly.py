"""``clustergraph nightly``: the job of every night."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

import click

from clustergraph.commands.job_options import job_options
from clustergraph.commands.options import (
    debug_option,
    discard_output,
    note_log_format,
    print_error_line,
    show,
)

if TYPE_CHECKING:
    from datetime import datetime


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1)
@click.option("--store", metavar="DIR", required=True, help="Folder of the store; made where there is none.")
@click.option(
    "--date",
    "night",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    metavar="YYYY-MM-DD",
    help="Night that INPUT is of.",
)
@job_options
@click.option("--allow-empty", is_flag=True, help="Take a night without rows for what it is.")
@click.option("--rebuild", is_flag=True, help="Run a night before the last again, and all nights after it.")
@click.option("--wait", is_flag=True, help="Wait for another job on the store to end.")
@click.option(
    "--accept",
    metavar="NAME",
    multiple=True,
    help="Let a breach of this guardrail through; may be given again.",
)
@click.option("--by", metavar="NAME", default=getpass.getuser, help="Who lets it through.  [default: you]")
@click.option("--reason", metavar="TEXT", help="Why; needed with --accept.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    callback=note_log_format,
    help="Lines for people, or a line of JSON an event and no table.",
)
@debug_option
def nightly(
    inputs: tuple[str, ...],
    night: datetime,
    config: str | None,
    quiet: bool,
    accept: tuple[str, ...],
    by: str,
    reason: str | None,
    log_format: str,
    **options: Any,
) -> None:
    """Take a night's events into a store and publish its clusters.

    INPUT is a file, a folder or a glob of Parquet, CSV or JSON lines, as for `run`, with the night's rows and
    rows of the last nights that came in late. The store publishes runs/dt=YYYY-MM-DD with all artefacts, and
    runs/latest leads to the last of them. Clusters keep their ids from night to night.
    """
    if accept and not (reason or "").strip():
        raise click.UsageError("Missing option '--reason': why the breach is let through.")
    from clustergraph.config import read_config
    from clustergraph.jobs import INJECTED, STAGES
    from clustergraph.nights.night import nightly as run_night
    from clustergraph.presentation.display import DEGRADED, show_ranking
    from clustergraph.progress import choose_progress

    progress = choose_progress(quiet=quiet, log_format=log_format)
    found = run_night(
        inputs,
        night=night.date(),
        config=read_config(config, STAGES, INJECTED) if config else None,
        progress=progress,
        accepted={name: {"by": by, "reason": reason or ""} for name in accept},
        **options,
    )
    try:
        if log_format == "text" and not quiet:
            show(show_ranking(found))
        elif log_format == "text" and found.manifest["input"]["degraded"]:
            print_error_line(f"warning: {DEGRADED}")
    except (OSError, SystemExit):  # the run is there, whether or not anybody reads the table of it
        discard_output()
