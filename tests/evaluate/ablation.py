"""What each part of the evidence is worth: the defaults, and the defaults with one part off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.markdown import Table, per_thousand, share
from tests.evaluate.bounds import TOWNS
from tests.evaluate.hop import seen_f1
from tests.evaluate.judging import share_clustered, worst_f1
from tests.evaluate.setting import EVASIONS, Setting
from tests.evaluate.trials import find_unknown
from tests.evaluate.truth import PEOPLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.evaluate.trials import Config, Trials

# What is in each row, and the configuration that makes it; the first is what the others are held against.
ROWS: list[tuple[str, Config]] = [
    ("defaults", {}),
    ("chance over the whole world, not place by place", {"link": {"by_place": False}}),
    ("without the second pass", {"partition": {"second_pass": False}}),
    ("without lone signals", {"partition": {"lone_signals": False}}),
    ("even odds are enough for a member", {"project": {"member_bits": 0.0}}),
]


def ablation(trials: Trials, setting: Setting) -> Iterator[Table]:
    """Run every configuration on worlds with places and on Hop."""
    rows = [_row(name, config, trials, setting) for name, config in ROWS]
    campaigns = [f"F1 of the worst campaign at {evasion}" for evasion in EVASIONS]
    worlds = f"{setting.size():,} accounts in {_towns(setting)} towns, seed {setting.seeds[0]}"
    yield Table(
        f"What each part is worth: worlds of {worlds}",
        ("", *campaigns, "individuals clustered, of 1,000", "F1 on Hop"), rows,
        "Individuals are those of both worlds. Hop is the half of its groups that was looked at while "
        "developing.",
    )  # fmt: skip


def _row(name: str, config: Config, trials: Trials, setting: Setting) -> tuple[str, ...]:
    unknown = find_unknown(config)
    if unknown:
        return (f"{name} (left out: {unknown})", *["-"] * (len(EVASIONS) + 2))
    world = {"accounts": setting.size(), "seed": setting.seeds[0], "towns": _towns(setting)}
    found = [trials.run({**world, "evasion": evasion}, config) for evasion in EVASIONS]
    people = sum(share_clustered(outcome, *PEOPLE) for outcome in found) / len(found)
    hop = seen_f1(trials, config)
    return (
        name,
        *(share(worst_f1(one)) for one in found),
        per_thousand(people),
        "-" if hop is None else share(hop),
    )


def _towns(setting: Setting) -> int:
    return setting.scale(TOWNS, least=2)
