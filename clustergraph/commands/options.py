"""What the commands share: options, and how they print."""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from clustergraph.figures import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

_WIDTH = 100  # columns where there is no terminal


@dataclass
class Switches:
    """What holds for the whole command line, whatever the command.

    Attributes:
        debug: whether errors show their traceback.
        stopped_by: number of the signal that asked the process to end, if one did.
        json_log: whether errors are told as lines of JSON.
    """

    debug: bool = False
    stopped_by: int | None = None
    json_log: bool = False


def _note_debug(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Switches).debug = True


def note_log_format(context: click.Context, _: click.Parameter, value: str) -> str:
    """Have errors told in the format of the log."""
    context.ensure_object(Switches).json_log = value == "json"
    return value


def debug_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--debug`` to a command."""
    words = "Show the traceback of an error."
    return click.option("--debug", is_flag=True, expose_value=False, callback=_note_debug, help=words)(
        command
    )


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json`` to a command, as the argument ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--store`` to a command that needs a store that is there."""
    return click.option("--store", metavar="DIR", required=True, help="Folder of the store.")(command)


def show(what: RenderableType) -> None:
    """Print on standard output, as wide as the terminal or ``COLUMNS`` says."""
    from rich.console import Console

    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may know less than traffic has
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH
    Console(width=width, highlight=False, emoji=False).print(what)


def print_json(document: Any) -> None:
    """Print one JSON document on standard output; what is no number is null."""
    click.echo(json.dumps(_plain(document), indent=2, allow_nan=False))


def discard_output() -> None:
    """Write to standard output no more: whoever read it has gone, or its disk is full."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_error_line(words: str) -> None:
    """Print one line on standard error, whatever is in ``words``."""
    click.echo(f"clustergraph: {printable(' '.join(words.split()), 2000)}", err=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value
