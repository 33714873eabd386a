"""``clustergraph run``: the main job."""

from __future__ import annotations

import re
import sys
from typing import Any

import click

from clustergraph.commands.options import debug_option, discard_output, print_error_line, show

_SIZE = re.compile(r"\d+(\.\d+)?\s*([KMGT]i?B|[KMGT])", re.IGNORECASE)


class Size(click.ParamType[str]):
    """An amount of memory, such as 2GB or 500MiB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the amount and give it with its whole unit."""
        text = str(value).strip()
        if not _SIZE.fullmatch(text) or not re.search("[1-9]", text):
            self.fail(f"{text!r} is not an amount of memory; write it like 2GB or 500MB", param, ctx)
        return text if text[-1] in "bB" else f"{text}B"


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("--out", metavar="DIR", help="Folder to write the run to; a run that is there is replaced.")
@click.option("--dry-run", is_flag=True, help="Read, check and estimate; write nothing.")
@click.option("--accounts", metavar="FILE", help="What is known of accounts: status, organisation, ...")
@click.option("--volumes", metavar="FILE", help="Volume of each account, to rank by in place of exchanges.")
@click.option("--known-hubs", metavar="FILE", help="Signals that are known to be public infrastructure.")
@click.option("--config", metavar="FILE.toml", help="Settings, a section per stage.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of all chance.")
@click.option("--threads", type=click.IntRange(min=1), help="Processors to use.  [default: all]")
@click.option(
    "--memory-limit", type=Size(), help="Memory for reading and grouping, like 2GB; more goes to disk."
)
@click.option("--quiet", is_flag=True, help="Show neither progress nor the result; errors are still shown.")
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
