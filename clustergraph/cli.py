"""The command line: its commands, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import signal
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

import click

from clustergraph.commands.check import check
from clustergraph.commands.decide import decide
from clustergraph.commands.decisions import decisions
from clustergraph.commands.diff import diff
from clustergraph.commands.explain import explain
from clustergraph.commands.export import export
from clustergraph.commands.find import find
from clustergraph.commands.history import history
from clustergraph.commands.nightly import nightly
from clustergraph.commands.options import Switches, debug_option, discard_output, print_error_line
from clustergraph.commands.prune import prune
from clustergraph.commands.report import report
from clustergraph.commands.run import run
from clustergraph.commands.score import score
from clustergraph.commands.simulate import simulate
from clustergraph.commands.top import top
from clustergraph.errors import ClustergraphError

if TYPE_CHECKING:
    from collections.abc import Sequence

UNFORESEEN = 1
STOPPED: dict[int, int] = {signal.SIGINT: UNFORESEEN, signal.SIGTERM: 128 + signal.SIGTERM}  # exit codes


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="clustergraph", message="%(prog)s %(version)s")
@debug_option
def commands() -> None:
    """Find clusters of coordinated accounts in the traffic of an AI provider."""


_COMMANDS = (
    run, nightly, history, diff, check, prune, decide, decisions, top, explain, find, export, report,
    simulate, score,
)  # fmt: skip
for _command in _COMMANDS:
    commands.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process with the exit code of the contract."""
    switches = Switches()

    def stop(number: int, _: object) -> NoReturn:
        switches.stopped_by = switches.stopped_by or number
        raise SystemExit  # unwinds the stack, so that unfinished folders are removed

    for number in STOPPED:
        signal.signal(number, stop)
    try:
        code = _run(arguments, switches)
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()  # whoever read it has seen enough
        code = UNFORESEEN
    sys.exit(code)


def _run(arguments: Sequence[str] | None, switches: Switches) -> int:
    """Run a command; give its exit code."""
    try:
        code = commands.main(arguments, prog_name="clustergraph", standalone_mode=False, obj=switches)
    except click.UsageError as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        raise
    except (Exception, SystemExit) as error:
        if switches.debug:
            traceback.print_exc()
        # Compiled code that is stopped raises what it likes.
        if switches.stopped_by is not None:
            _say(switches, f"stopped by {signal.Signals(switches.stopped_by).name}")
            return STOPPED[switches.stopped_by]
        if isinstance(error, SystemExit):  # click and rich end so where nobody reads their output
            raise
        return _tell(error, switches)
    return code if isinstance(code, int) else 0


def _tell(error: Exception, switches: Switches) -> int:
    """Say in one line what went wrong; give the exit code."""
    if isinstance(error, ClustergraphError):
        _say(switches, f"error: {error}")
        return error.exit_code
    if isinstance(error, click.ClickException):
        _say(switches, f"error: {error.format_message()}")
        return error.exit_code
    said = str(error) or "no message"
    _say(switches, f"error: {type(error).__name__}: {said} (unforeseen; --debug shows where)")
    return UNFORESEEN


def _say(switches: Switches, words: str) -> None:
    if switches.json_log:
        from clustergraph.progress import Records

        Records().tell("failed", message=words)
    else:
        print_error_line(words)
