"""The extraction score: points for each part, which add up to the log-odds of a score from 0 to 1.

A part of 1 adds its points, in bits, to the log-odds that the traffic is extraction; a part of 0 takes them
off; 1/2 and what is not known do nothing. So with 4 points for reasoning that is asked for, it makes
extraction 16 times as likely as an even chance if all exchanges do so, and 16 times less likely if none does:

    score = 1 / (1 + 2 ** -bits),   bits = sum of points * (2 * part - 1) over the parts that are known

Points are set by people, or proposed from decisions (:mod:`clustergraph.upkeep.refitting`); nothing is
learned from made-up worlds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING

import numpy as np

from clustergraph.errors import UsageError
from clustergraph.extraction.counting import count_measures
from clustergraph.extraction.parts import PARTS, measure_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from clustergraph.membership.members import Membership


@dataclass(frozen=True)
class Extraction:
    """How much the traffic of accounts looks like extraction; a value per account, NaN where it is not known.

    Attributes:
        score: 0 to 1; NaN for accounts in no cluster, and where no part is known (float64).
        parts: name -> part, 0 to 1 (float64).
    """

    score: NDArray[np.float64]
    parts: Mapping[str, NDArray[np.float64]]

    def weigh(self, exchanges: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give exchanges weighted by the score; where that is not known they count whole."""
        return np.where(np.isnan(self.score), exchanges, exchanges * self.score)


def score_extraction(
    membership: Membership,
    *,
    reasoning_elicitation: float = 4.0,
    template_concentration: float = 0.5,
    task_narrowness: float = 0.5,
    round_the_clock: float = 1.0,
    output_ratio: float = 1.0,
    no_conversation: float = 1.0,
) -> Extraction:
    """Score how much the traffic of each account of a cluster looks like extraction.

    Args:
        membership: what :func:`clustergraph.partition` gives.
        reasoning_elicitation: points for prompts that ask for reasoning.
        template_concentration: points for a concentration on few templates.
        task_narrowness: points for exchanges of like length.
        round_the_clock: points for use at all hours.
        output_ratio: points for answers that are long beside their prompts.
        no_conversation: points for exchanges that no other one follows.

    Raises:
        UsageError: points below 0, or all of them 0.
    """
    points = {
        "reasoning_elicitation": reasoning_elicitation,
        "template_concentration": template_concentration,
        "task_narrowness": task_narrowness,
        "round_the_clock": round_the_clock,
        "output_ratio": output_ratio,
        "no_conversation": no_conversation,
    }
    check_points(points)
    members = np.flatnonzero(membership.labels >= 0)
    parts = measure_parts(count_measures(membership.ties.incidence, members))
    accounts = len(membership.labels)
    return Extraction(
        _spread(add_points(parts, points), members, accounts),
        {name: _spread(parts[name], members, accounts) for name in PARTS},
    )


DEFAULTS: Mapping[str, float] = {
    name: one.default for name, one in signature(score_extraction).parameters.items() if name in PARTS
}


def check_points(points: Mapping[str, float]) -> None:
    """Check that points can be added up.

    Raises:
        UsageError: points below 0, or all of them 0.
    """
    for name, one in points.items():
        if not (one >= 0 and math.isfinite(one)):
            raise UsageError(f"[extraction] {name} is {one:g}; points must be 0 or more")
    if not any(points.values()):
        raise UsageError("[extraction] all points are 0; give one part points at least")


def add_points(parts: Mapping[str, NDArray[np.float64]], points: Mapping[str, float]) -> NDArray[np.float64]:
    """Give the score of each account, NaN where no part with points is known.

    Args:
        parts: name -> 0 to 1, NaN where it is not known.
        points: name -> bits.
    """
    bits = np.zeros(len(next(iter(parts.values()))))
    known = np.zeros(len(bits), bool)
    for name in PARTS:  # in a fixed order, since sums of floats depend on it
        there = ~np.isnan(parts[name]) & (points[name] > 0)
        bits += np.where(there, points[name] * (2.0 * np.nan_to_num(parts[name], nan=0.5) - 1.0), 0.0)
        known |= there
    return np.where(known, 1.0 / (1.0 + np.exp2(np.clip(-bits, -1000.0, 1000.0))), np.nan)


def _spread(values: NDArray[np.float64], members: NDArray[np.intp], accounts: int) -> NDArray[np.float64]:
    """Give the values of members a place among all accounts, NaN for the others."""
    whole = np.full(accounts, np.nan)
    whole[members] = values
    return whole
