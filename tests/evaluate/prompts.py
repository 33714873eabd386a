"""Campaigns that share nothing but paraphrased prompts, and data sets that they divide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.markdown import Table, share
from tests.evaluate.judging import f1_of, worst_f1
from tests.evaluate.setting import Bound, Setting, bounds_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.evaluate.outcome import Outcome
    from tests.evaluate.trials import Trials

EVASIONS = (0.0, 0.3, 0.5)
PROMPT_WORLD = 20_000
LEAST_F1, MOST_P = 0.9, 0.001


def prompts(trials: Trials, setting: Setting) -> Iterator[Table]:
    """Find campaigns by their wording alone, and tell whether they divide what they ask."""
    rows, f1s = [], []
    marked: dict[bool, list[tuple[int, ...]]] = {True: [], False: []}
    for divided in (False, True):
        for evasion in EVASIONS:
            for seed in setting.seeds:
                outcome = trials.run(
                    {
                        "accounts": setting.size(PROMPT_WORLD), "evasion": evasion, "seed": seed,
                        "own_infrastructure": True, "prompts": True, "divided": divided,
                    }
                )  # fmt: skip
                marked[divided].append(_count_marked(outcome))
                if not divided:
                    figures = [share(f1_of(one)) for one in outcome.campaigns]
                    rows.append((f"evasion {evasion}, seed {seed}", *figures))
                    f1s.append(worst_f1(outcome))
    names = [one.group.removeprefix("campaign-") for one in outcome.campaigns]
    title = f"Campaigns by paraphrased prompts alone, {setting.size(PROMPT_WORLD):,} accounts"
    yield Table(title, ("world", *(f"{name}: F1" for name in names)), rows)
    yield _table(marked)
    strangers = sum(one[-1] for found in marked.values() for one in found)
    once = sum(one[1] for one in marked[False])
    told, found = (sum(one[place] for one in marked[True]) for place in (0, 1))
    bounds = [
        Bound(f"F1 of each campaign at least {LEAST_F1}", share(min(f1s)), min(f1s) >= LEAST_F1),
        Bound("who divides a data set is marked", f"{found} of {told} that repeat enough", found == told),
        Bound("a campaign that divides none is not marked", f"{once}", once == 0),
        Bound("no other cluster is marked", f"{strangers}", strangers == 0),
    ]
    yield bounds_table(f"Bounds: {title[0].lower()}{title[1:]}", bounds)


def _count_marked(outcome: Outcome) -> tuple[int, int, int, int]:
    """Count clusters of campaigns that have a p-value of coverage, those marked, and the same of others."""
    counts: list[int] = []
    of_campaign = outcome.clusters["kind"] == "campaign"
    for clusters in (outcome.clusters[of_campaign], outcome.clusters[~of_campaign]):
        p_value = clusters["coverage_p_value"]
        counts += [int(p_value.notna().sum()), int((p_value <= MOST_P).sum())]
    return counts[0], counts[1], counts[2], counts[3]


def _table(marked: dict[bool, list[tuple[int, ...]]]) -> Table:
    header = ("campaigns", "their clusters with a p-value", "marked", "other clusters with one", "marked")
    rows = [
        (name, *(f"{sum(counts):,}" for counts in zip(*marked[divided], strict=True)))
        for divided, name in ((False, "ask all of anything"), (True, "divide a data set"))
    ]
    return Table(
        "Divided data sets in these worlds, and in as many where campaigns divide one", header, rows,
        f"Marked: a p-value of {MOST_P} at most.",
    )  # fmt: skip
