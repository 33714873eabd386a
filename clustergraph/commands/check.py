"""``clustergraph check``: whether a store is whole."""

from __future__ import annotations

from pathlib import Path

import click

from clustergraph.commands.options import debug_option, json_option, print_json, store_option
from clustergraph.errors import InputError


@click.command()
@store_option
@json_option
@debug_option
def check(store: str, as_json: bool) -> None:
    """Check every published night of a store.

    It reads the files of all nights, compares them with what was noted when they were published, and prints a
    line for each problem. It changes nothing. What looks wrong while a job is at work is looked at again
    after its end.
    """
    from clustergraph.figures import printable, say_plural
    from clustergraph.store.store import open_store
    from clustergraph.upkeep.checking import check_store

    found = check_store(open_store(Path(store).absolute()))
    nights = say_plural(found.nights, "night")
    if as_json:
        print_json(found.to_dict())
    else:
        for words in (*map(str, found.problems), *(f"note: {one}" for one in found.notes)):
            click.echo(printable(words, 2000))
        if not found.problems:
            click.echo(f"{nights} checked: all files are there, unchanged, and agree with each other.")
    if found.problems:
        raise InputError(f"{store}: {say_plural(len(found.problems), 'problem')} in {nights}")
