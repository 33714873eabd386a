"""``clustergraph simulate``: a made-up world of known truth."""

from __future__ import annotations

import click

from clustergraph.commands.options import debug_option


@click.command()
@click.argument("directory", metavar="DIR")
@click.option("--accounts", type=int, help="Accounts in the world.")
@click.option("--nights", type=int, help="Days of traffic, a file of events each.")
@click.option("--evasion", type=float, help="How careful the operators of campaigns are, from 0 to 1.")
@click.option("--no-campaigns", is_flag=True, help="Leave all campaigns out.")
@click.option("--seed", type=int, help="The same options and seed write the same bytes.")
@debug_option
def simulate(directory: str, no_campaigns: bool, **knobs: float | None) -> None:
    """Write a made-up world of known truth.

    DIR gets events, a file a night, accounts.parquet and truth.parquet.
    """
    from clustergraph import simulation
    from clustergraph.progress import choose_progress

    given = {name: value for name, value in knobs.items() if value is not None}
    with choose_progress().stage("simulate") as advance:
        simulation.simulate(
            directory,
            campaigns=not no_campaigns,
            progress=lambda message, done, steps: advance(done / steps, message),
            **given,
        )
