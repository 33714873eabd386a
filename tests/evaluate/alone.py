"""Campaigns that leave one trace: is each found by it alone?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustergraph.simulation.world import TRACES, World
from tests.bench.markdown import Table, per_thousand, share
from tests.evaluate.judging import f1_of, share_clustered
from tests.evaluate.setting import Bound, Setting, bounds_table
from tests.evaluate.truth import PEOPLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.evaluate.outcome import Outcome
    from tests.evaluate.trials import Trials

USUAL, LARGE = 20_000, 100_000
NIGHTS = 7  # of worlds where time or the new model is the trace; others have one
OVER_NIGHTS = ("synchrony", "handover", "pivot")
TIMING = ("synchrony", "handover")
IN_PARTS = ("signup",)  # each burst is a group of its own: nothing ties one to another
# A school has mail of one domain and shape, and its people sign up, or try a new model, together: what these
# traces are worth shows where there are two.
PAIRS = ("email+signup", "email+handover", "email+pivot")
LEAST_F1, MOST_PEOPLE = 0.8, 0.001


def alone(trials: Trials, setting: Setting) -> Iterator[Table]:
    """Run on a world for each trace, and on larger ones for timing."""
    small, large = setting.size(USUAL), setting.size(LARGE)
    worlds = [(name, small) for name in (*TRACES, *PAIRS)]
    worlds += [(name, large) for name in TIMING if large != small]
    rows, bounds, people = [], [], 0.0
    for name, size in worlds:
        outcome = trials.run(
            {
                "accounts": size, "nights": _count_nights(name), "only": name,
                "seed": setting.seeds[0],
            }
        )  # fmt: skip
        campaign = outcome.groups[f"campaign-{name}"]
        parts, all_parts = _all_parts(outcome, campaign.group, campaign.accounts)
        found = all_parts if name in IN_PARTS else f1_of(campaign)
        clustered = share_clustered(outcome, *PEOPLE)
        people = max(people, clustered)
        label = f"{name}, {size:,}"
        rows.append(
            (label, f"{campaign.accounts:,}", share(f1_of(campaign)), str(campaign.rank or "-"), f"{parts:,}",
             share(all_parts), per_thousand(clustered))
        )  # fmt: skip
        wanted = f"{label}: F1 at least {LEAST_F1}" + (", all parts" if name in IN_PARTS else "")
        bounds.append(Bound(wanted, share(found), found >= LEAST_F1))
    header = ("trace and accounts in the world", "campaign", "F1", "rank", "parts", "F1 of all parts",
              "individuals clustered, of 1,000")  # fmt: skip
    yield Table(
        f"A campaign with one trace or two, seed {setting.seeds[0]}", header, rows,
        f"Evasion is the default. Worlds of {', '.join(OVER_NIGHTS)} have {NIGHTS} nights, others one. Parts "
        "are the clusters of mostly members of the campaign.",
    )  # fmt: skip
    bounds.append(
        Bound(f"at most {MOST_PEOPLE:.1%} of individuals clustered", f"{people:.3%}", people <= MOST_PEOPLE)
    )
    yield bounds_table("Bounds: a campaign with one trace", bounds)


def _count_nights(only: str) -> int:
    traces = World(only=only, nights=NIGHTS).traces
    return NIGHTS if set(traces) & set(OVER_NIGHTS) else 1


def _all_parts(outcome: Outcome, group: str, accounts: int) -> tuple[int, float]:
    """Count the clusters that are mostly of a group; give the F1 of all of them together."""
    mine = outcome.members["group"] == group
    rank = outcome.members["rank"]
    share_of = mine.groupby(rank).mean()
    parts = share_of[share_of > 0.5].index
    inside = rank.isin(parts)
    return len(parts), 2 * int((mine & inside).sum()) / (int(inside.sum()) + accounts)
