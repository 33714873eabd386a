"""The options that the jobs share: what goes with the input, and how to work."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

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


_OPTIONS = [
    click.option("--accounts", metavar="FILE", help="What is known of accounts: status, organisation, ..."),
    click.option(
        "--volumes", metavar="FILE", help="Volume of each account, to rank by in place of exchanges."
    ),
    click.option("--known-hubs", metavar="FILE", help="Signals that are known to be public infrastructure."),
    click.option("--config", metavar="FILE.toml", help="Settings, a section per stage."),
    click.option(
        "--preset",
        type=click.Choice(["ecs", "ocsf-api-activity", "otel-genai"]),
        help="Names that INPUT has.",
    ),
    click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of all chance."
    ),
    click.option("--threads", type=click.IntRange(min=1), help="Processors to use.  [default: all]"),
    click.option(
        "--memory-limit", type=Size(), help="Memory for reading and grouping, like 2GB; more goes to disk."
    ),
    click.option(
        "--quiet", is_flag=True, help="Show neither progress nor the result; errors are still shown."
    ),
]


def job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every job to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
