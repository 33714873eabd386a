"""``clustergraph find``: where an account or a signal is, and why."""

from __future__ import annotations

import click

from clustergraph.commands.options import debug_option, json_option, print_json, show
from clustergraph.commands.quick import answer_quickly


@click.command()
@click.argument("directory", metavar="DIR")
@click.argument("text", metavar="ACCOUNT|SIGNAL")
@json_option
@debug_option
def find(directory: str, text: str, as_json: bool) -> None:
    """Find any account or signal of the run in DIR.

    For an account it says in which cluster it is and with what evidence, or why it is in none: how far below
    the bound, what it shares and with whom. For a signal it says who has it.

    ACCOUNT|SIGNAL is the id of an account, or a signal as KIND=VALUE or by its value alone. Signals that
    one account alone has are not in a run.
    """
    with answer_quickly():
        from clustergraph.artefacts.runs import open_run
        from clustergraph.investigation.finding import find as find_in_run

        found = find_in_run(open_run(directory), text)
        if as_json:
            print_json(found.to_dict())
            return
        from clustergraph.presentation.findings import show_found

        show(show_found(found))
