"""``clustergraph decisions``: what was decided so far, and what can be learned from it."""

from __future__ import annotations

from pathlib import Path

import click

from clustergraph.commands.options import debug_option, json_option, print_json, show, store_option


@click.command()
@store_option
@click.option("--out", metavar="FILE", help="Write all decisions as Parquet, too.")
@click.option("--reliability", is_flag=True, help="Tell how reliable each kind of signal has been.")
@click.option("--points", is_flag=True, help="Fit the points of the extraction score to what was decided.")
@json_option
@debug_option
def decisions(store: str, out: str | None, reliability: bool, points: bool, as_json: bool) -> None:
    """List all decisions of a store, in the order in which they were made.

    With --reliability it tells how often signals of each kind were shared in clusters that were confirmed,
    and how often in cleared ones, with 95% intervals in which a cluster counts as one observation. With
    --points it proposes points for the extraction score that tell confirmed clusters from cleared ones, and
    says how their scores would change. Nothing is changed by that.
    """
    from clustergraph.decisions.export import export_decisions, list_decisions

    found = export_decisions(store, out) if out else list_decisions(store)
    kinds = None
    if reliability:
        from clustergraph.decisions.reliability import measure_reliability

        kinds = measure_reliability(Path(store))
    refit = None
    if points:
        from clustergraph.upkeep.refitting import refit_points

        refit = refit_points(Path(store))
    if as_json:
        learned: dict[str, object] = {} if kinds is None else {"reliability": kinds.to_pylist()}
        learned |= {} if refit is None else {"points": refit.to_dict()}
        print_json({"decisions": found.to_pylist(), **learned})
        return
    from clustergraph.presentation.decided import show_decisions, show_refit, show_reliability

    show(show_decisions(found))
    if kinds is not None:
        show(show_reliability(kinds))
    if refit is not None:
        show(show_refit(refit))
