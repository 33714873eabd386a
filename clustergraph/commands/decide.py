"""``clustergraph decide``: what a person decided on a cluster."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clustergraph.commands.options import debug_option, json_option, print_json, store_option

if TYPE_CHECKING:
    from clustergraph.decisions.log import Entry


@click.command()
@click.argument("cluster", metavar="CLUSTER", required=False)
@click.argument("decision", metavar="confirmed|cleared|watch|undo", required=False)
@store_option
@click.option("--by", metavar="NAME", help="Who decides; needed with CLUSTER.")
@click.option("--reason", metavar="TEXT", help="Why; needed with CLUSTER.")
@click.option("--decisions", metavar="FILE", help="Export all decisions of the store as Parquet.")
@click.option("--wait", is_flag=True, help="Wait for another job on the store to end.")
@json_option
@debug_option
def decide(
    cluster: str | None,
    decision: str | None,
    store: str,
    by: str | None,
    reason: str | None,
    decisions: str | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Decide on a cluster of a store, or take a decision back.

    A decision (confirmed|cleared|watch|undo) is appended to the log of the store, with what is known of the
    cluster on that day, and counts from the next night on. `confirmed`: its accounts are remembered like
    banned ones, and new ones that look like them are named in regrowth.parquet. `cleared`: it ranks behind
    all others, as long as it does not change beyond the bounds under [decisions] of the configuration.
    `watch` is shown and changes nothing. `undo` takes the last decision on it back.

    CLUSTER is its id or the beginning of its id. With --decisions it can be left out.
    """
    if cluster is None and decisions is None:
        raise click.UsageError("Missing argument 'CLUSTER', or option '--decisions'.")
    entry = None
    if cluster is not None:
        entry = _decide(cluster, decision, store, by, reason, wait=wait)
    if decisions is not None:
        from clustergraph.decisions.export import export_decisions

        export_decisions(store, decisions)
    if as_json:
        print_json({"entry": None if entry is None else asdict(entry), "decisions": decisions})
    elif entry is not None:
        click.echo(_say(entry))


def _decide(
    cluster: str, decision: str | None, store: str, by: str | None, reason: str | None, *, wait: bool
) -> Entry:
    if decision is None:
        raise click.UsageError("Missing argument 'confirmed|cleared|watch|undo'.")
    for option, given in (("--by", by), ("--reason", reason)):
        if given is None:
            raise click.UsageError(f"Missing option '{option}'.")
    from clustergraph.upkeep.deciding import decide as decide_on

    return decide_on(Path(store), cluster, decision, by=by or "", reason=reason or "", wait=wait)


def _say(entry: Entry) -> str:
    from clustergraph.figures import printable, say_plural

    by = printable(entry.decided_by)
    if entry.undoes is not None:
        return f"{entry.number}: {entry.cluster_id}: decision {entry.undoes} is taken back, by {by}"
    accounts = say_plural(entry.accounts or 0, "account")
    return (
        f"{entry.number}: {entry.cluster_id} ({accounts} on {entry.found_on}): {entry.decision}, by {by}; "
        "it counts from the next night on"
    )
