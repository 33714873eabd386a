"""The full size of the disclosure, and a campaign that is rare in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.markdown import Table, gigabytes
from tests.evaluate.bounds import campaigns_table, common_bounds, innocents_table
from tests.evaluate.judging import FIRST_RANKS
from tests.evaluate.setting import EVASIONS, Bound, Setting, bounds_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.evaluate.outcome import Outcome
    from tests.evaluate.trials import Trials

FULL = 1_000_000
FEW = 2_000
MOST_BYTES, LEAST_CAMPAIGN = 2.5e9, 0.95


def full(trials: Trials, setting: Setting) -> Iterator[Table]:
    """Run at full size: quality as at the usual one, seconds, and memory."""
    size = setting.size(FULL)
    found = {
        f"evasion {evasion}, seed {setting.seeds[0]}": trials.run(
            {"accounts": size, "evasion": evasion, "seed": setting.seeds[0]}
        )
        for evasion in EVASIONS
    }
    yield campaigns_table(f"Campaigns among {size:,} accounts", found)
    yield innocents_table(f"Everybody else among {size:,} accounts", found)
    outcomes = list(found.values())
    peak = max(outcome.taken.peak_bytes for outcome in outcomes if outcome.taken)
    wanted = f"at most {gigabytes(MOST_BYTES)} GB from events on disk to ranked clusters"
    memory = Bound(wanted, f"{gigabytes(peak)} GB", peak <= MOST_BYTES)
    yield bounds_table(f"Bounds on {size:,} accounts", [*common_bounds(outcomes), memory])


def sparse(trials: Trials, setting: Setting) -> Iterator[Table]:
    """Run where campaigns are few among many: who stands in the first ranks?"""
    size, few = setting.size(FULL), setting.scale(FEW, FULL, least=100)
    found = {
        f"evasion {evasion}, seed {setting.seeds[0]}": trials.run(
            {"accounts": size, "evasion": evasion, "seed": setting.seeds[0], "campaign_accounts": few}
        )
        for evasion in EVASIONS
    }
    title = f"{few:,} campaign accounts among {size:,}"
    yield campaigns_table(f"Campaigns, {title}", found)
    yield innocents_table(f"Everybody else, {title}", found)
    shares = {world: _campaign_share(outcome) for world, outcome in found.items()}
    header = ("world", f"accounts in unexplained clusters of the first {FIRST_RANKS}", "share of campaigns")
    rows = [(world, f"{accounts:,}", f"{part:.1%}") for world, (accounts, part) in shares.items()]
    yield Table(f"The first {FIRST_RANKS} ranks, {title}", header, rows)
    worst = min(part for _, part in shares.values())
    wanted = f"at least {LEAST_CAMPAIGN:.0%} of them of campaigns"
    yield bounds_table(f"Bound, {title}", [Bound(wanted, f"{worst:.1%}", worst >= LEAST_CAMPAIGN)])


def _campaign_share(outcome: Outcome) -> tuple[int, float]:
    """Count accounts in unexplained clusters of the first ranks; give the share that is of campaigns."""
    clusters = outcome.clusters
    first = clusters[(clusters["rank"] <= FIRST_RANKS) & clusters["explained_by"].isna()]
    members = outcome.members[outcome.members["rank"].isin(first["rank"])]
    return len(members), float((members["kind"] == "campaign").mean()) if len(members) else 0.0
