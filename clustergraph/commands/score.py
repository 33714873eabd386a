"""``clustergraph score``: how well the clusters of a run agree with known groups."""

from __future__ import annotations

import click

from clustergraph.commands.options import debug_option, json_option, print_error_line, print_json, show


@click.command()
@click.argument("directory", metavar="DIR")
@click.argument("truth", metavar="TRUTH.parquet")
@click.option(
    "-n", "count", type=click.IntRange(min=1), default=30, show_default=True, help="Most groups to show."
)
@click.option("--all", "everything", is_flag=True, help="Show all groups.")
@click.option(
    "--nights",
    metavar="FILE",
    help="Exchanges of each group by night (dt, group, exchanges), for the runs of several nights."
    "  [default: group_nights.parquet beside TRUTH.parquet]",
)
@click.option(
    "--coordinated",
    metavar="COHORT",
    multiple=True,
    help="Cohort whose groups count as coordinated; may be given again."
    "  [default: campaign, decoy and cell; all groups where there are no cohorts]",
)
@json_option
@debug_option
def score(
    directory: str,
    truth: str,
    count: int,
    everything: bool,
    nights: str | None,
    coordinated: tuple[str, ...],
    as_json: bool,
) -> None:
    """Score the run in DIR against the groups in TRUTH.parquet.

    DIR is a run, or holds the runs of several nights (dt=YYYY-MM-DD or runs/dt=YYYY-MM-DD): then the last is
    scored, with how long each group went on before it stood in the first 10 ranks.

    TRUTH.parquet is a table (Parquet, CSV or JSON lines) with account_id and group, where an empty group is
    none, and optionally cohort and exchanges.
    """
    from clustergraph.scoring.comparison import score as compare

    card = compare(directory, truth, nights=nights, coordinated=coordinated or None)
    for words in card.warnings:
        print_error_line(f"warning: {words}")
    if as_json:
        print_json(card.to_dict())
        return
    from clustergraph.scoring.display import show_scorecard

    show(show_scorecard(card, None if everything else count))
