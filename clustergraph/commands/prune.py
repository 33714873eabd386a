"""``clustergraph prune``: remove old nights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from clustergraph.commands.options import debug_option, store_option

if TYPE_CHECKING:
    from clustergraph.upkeep.pruning import Pruned


@click.command()
@click.option(
    "--keep", metavar="N", type=click.IntRange(min=1), required=True, help="Keep the last N nights."
)
@store_option
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option("--wait", is_flag=True, help="Wait for another job on the store to end.")
@debug_option
def prune(keep: int, store: str, dry_run: bool, wait: bool) -> None:
    """Remove all nights of a store but the last ones.

    With them go the increments and ledgers that no night that is kept names. The first night that is kept
    cannot be run again afterwards.
    """
    from clustergraph.store.store import open_store
    from clustergraph.upkeep.pruning import prune as prune_store

    done = prune_store(open_store(Path(store).absolute()), keep, dry_run=dry_run, wait=wait)
    click.echo(f"{'would remove' if dry_run else 'removed'} {_say(done)}")


def _say(done: Pruned) -> str:
    from clustergraph.figures import say_bytes, say_plural

    if not (done.nights or done.increments or done.ledgers):
        return "nothing"
    ends = sorted({done.nights[0], done.nights[-1]}) if done.nights else []
    between = f" ({' to '.join(map(str, ends))})" if ends else ""
    return (
        f"{say_plural(len(done.nights), 'night')}{between}, {say_plural(len(done.increments), 'increment')} "
        f"and {say_plural(len(done.ledgers), 'ledger')}: {say_bytes(done.bytes)}"
    )
