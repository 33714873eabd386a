"""``clustergraph history``: the life of one cluster."""

from __future__ import annotations

from pathlib import Path

import click

from clustergraph.commands.options import debug_option, json_option, print_json, show, store_option


@click.command()
@click.argument("cluster", metavar="CLUSTER")
@store_option
@json_option
@debug_option
def history(cluster: str, store: str, as_json: bool) -> None:
    """Tell the life of a cluster, night by night.

    It shows what became of the cluster on each published night, with its figures and where its members came
    from or went.

    CLUSTER is its id or the beginning of its id.
    """
    from clustergraph.store.store import open_store
    from clustergraph.upkeep.history import tell_life

    life = tell_life(open_store(Path(store).absolute()), cluster)
    if as_json:
        print_json(life.to_dict())
        return
    from clustergraph.presentation.life import show_life

    show(show_life(life))
