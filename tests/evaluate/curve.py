"""The evasion curve: what is still found of operators who take more and more care."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tests.bench.markdown import Table
from tests.evaluate.bounds import OF_THE_BEST
from tests.evaluate.chart import draw_curve
from tests.evaluate.judging import volume_of, worst_f1

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.evaluate.setting import Setting
    from tests.evaluate.trials import Trials

STEPS = tuple(step / 10 for step in range(11))
MEASURES = ("recall", "precision", "volume")


def curve(trials: Trials, setting: Setting) -> Iterator[Table]:
    """Run on worlds of rising evasion; give the table and draw the chart."""
    figures, worst = measure_curve(trials, setting)
    title = f"{setting.size():,} accounts, {_say_seeds(setting)}"
    draw_curve(figures, worst, setting.chart, subtitle=f"Worlds of {title}")
    yield _table(figures, worst, f"The evasion curve: worlds of {title}")


def measure_curve(trials: Trials, setting: Setting) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Run on every world of the curve.

    Returns:
        A row per evasion, seed and campaign with ``recall``, ``precision`` and ``volume`` (found, as a
        multiple of the true one), and a row per evasion, seed and ``detector`` with its worst ``f1``.
    """
    figures, worst = [], []
    for evasion in STEPS:
        for seed in setting.seeds:
            world = {"accounts": setting.size(), "evasion": evasion, "seed": seed}
            outcome, simple = trials.run(world), trials.run_simple(world)
            for one in outcome.campaigns:
                name = one.group.removeprefix("campaign-")
                figures.append((evasion, seed, name, one.recall or 0.0, one.precision, volume_of(one)))
            worst += [
                (evasion, seed, "clustergraph", worst_f1(outcome)),
                (evasion, seed, "simple detector", worst_f1(simple)),
            ]
    return (
        pd.DataFrame(figures, columns=["evasion", "seed", "campaign", *MEASURES]),
        pd.DataFrame(worst, columns=["evasion", "seed", "detector", "f1"]),
    )


def _table(figures: pd.DataFrame, worst: pd.DataFrame, title: str) -> Table:
    means = figures.groupby(["evasion", "campaign"])[list(MEASURES)].mean()
    f1 = worst.groupby(["evasion", "detector"])["f1"].mean()
    campaigns = list(dict.fromkeys(figures["campaign"]))
    header = ["evasion"]
    for name in campaigns:
        header += [f"{name}: recall", "precision", "volume found"]
    rows = []
    for evasion in sorted(set(figures["evasion"])):
        row = [f"{evasion:.1f}"]
        for name in campaigns:
            row += [f"{figure:.2f}" for figure in means.loc[evasion, name]]
        rows.append([*row, *(f"{f1[evasion, name]:.2f}" for name in ("clustergraph", "simple detector"))])
    return Table(
        title, [*header, "F1 of the worst campaign", "of the simple detector"], rows,
        OF_THE_BEST,
    )  # fmt: skip


def _say_seeds(setting: Setting) -> str:
    seeds = setting.seeds
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"means of seeds {', '.join(map(str, seeds))}"
