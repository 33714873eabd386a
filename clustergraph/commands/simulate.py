"""``clustergraph simulate``: a made-up world of known truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from clustergraph.commands.options import debug_option

if TYPE_CHECKING:
    from datetime import datetime


@click.command()
@click.argument("directory", metavar="DIR")
@click.option("--accounts", type=int, help="Accounts in the world.")
@click.option("--nights", type=int, help="Days of traffic, a file of events each.")
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="First day, in UTC.")
@click.option("--evasion", type=float, help="How careful the operators of campaigns are, from 0 to 1.")
@click.option("--no-campaigns", is_flag=True, help="Leave all campaigns out.")
@click.option("--campaign-accounts", type=int, help="Accounts of the three campaigns together.")
@click.option(
    "--shared-proxy", is_flag=True, help="Put two campaigns and unrelated customers behind one proxy network."
)
@click.option("--decoys", type=int, help="Add loud free accounts, in gangs that ask for little.")
@click.option("--cells", type=int, help="Add groups of 5 to 8 accounts that are one operation.")
@click.option(
    "--borrowed", is_flag=True, help="Add a campaign as a verified start-up and one that looks like a campus."
)
@click.option("--towns", type=int, help="Let most people live in towns, each with its exits and habits.")
@click.option("--lone-card", type=int, help="Add accounts that share one card and nothing else.")
@click.option("--lone-exit", type=int, help="Add accounts that share one carrier address and nothing else.")
@click.option("--private-cards", is_flag=True, help="Give cards outside campaigns one or two holders.")
@click.option(
    "--own-infrastructure",
    is_flag=True,
    help="Give every account of a campaign a card, a home and devices of its own.",
)
@click.option("--prompts", is_flag=True, help="Write the text of prompts in place of prompt_template.")
@click.option(
    "--divided",
    is_flag=True,
    help="Let the accounts of a campaign divide a data set of slot values; needs --prompts.",
)
@click.option(
    "--only",
    metavar="NAME",
    help="In place of the three campaigns, put one whose accounts have one thing in common: prefix, asn, "
    "bin, email, signup, request, tokens, synchrony, handover, pivot or prompts; or some, as email+signup.",
)
@click.option(
    "--details", is_flag=True, help="Write mail addresses, request parameters, BINs and conversations, too."
)
@click.option("--sessions", is_flag=True, help="Let rows come in sessions of some minutes.")
@click.option("--seed", type=int, help="The same options and seed write the same bytes.")
@debug_option
def simulate(
    directory: str, no_campaigns: bool, private_cards: bool, **knobs: float | datetime | None
) -> None:
    """Write a made-up world of known truth.

    DIR gets events, a file a night, accounts.parquet, truth.parquet and group_nights.parquet.
    """
    from clustergraph import simulation
    from clustergraph.progress import choose_progress

    given = {name: value for name, value in knobs.items() if value is not None}
    with choose_progress().stage("simulate") as advance:
        simulation.simulate(
            directory,
            campaigns=not no_campaigns,
            shared_cards=not private_cards,
            progress=lambda message, done, steps: advance(done / steps, message),
            **given,
        )
