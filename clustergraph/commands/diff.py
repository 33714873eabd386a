"""``clustergraph diff``: what differs between two nights."""

from __future__ import annotations

from pathlib import Path

import click

from clustergraph.commands.options import debug_option, json_option, print_json, show, store_option


@click.command()
@click.argument("first", metavar="NIGHT1")
@click.argument("second", metavar="NIGHT2")
@store_option
@json_option
@debug_option
def diff(first: str, second: str, store: str, as_json: bool) -> None:
    """Tell which clusters differ between two nights of a store.

    It shows those that are new or gone on NIGHT2, and those that have more, fewer or other members than on
    NIGHT1. NIGHT1 and NIGHT2 are dates (YYYY-MM-DD) or `latest`, the last night.
    """
    from clustergraph.store.store import open_store
    from clustergraph.upkeep.differences import compare_nights

    found = compare_nights(open_store(Path(store).absolute()), first, second)
    if as_json:
        print_json(found.to_dict())
        return
    from clustergraph.presentation.change import show_difference

    show(show_difference(found))
