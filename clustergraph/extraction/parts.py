"""The parts of the extraction score: what is measured of an account, and how far it looks like extraction.

Each part is a readable quantity on a ramp between two bounds. It is drawn towards 1/2, which says nothing, by
as much as ``PRIOR`` observations that say nothing would: one exchange makes no extractor.

=======================  =============================================================  =======  =======
part                     quantity                                                       0 at     1 at
=======================  =============================================================  =======  =======
reasoning_elicitation    share of exchanges whose prompt asks for reasoning             0.05     0.5
template_concentration   effective number of templates, 2 ** entropy of exchanges       32       4
task_narrowness          spread of tokens an exchange, in octaves                       2        0.5
round_the_clock          share of active hours in the quietest six hours of the day     0.05     0.2
output_ratio             tokens out per token in                                        1        4
no_conversation          share of exchanges that are alone in their conversation        0.5      0.95
=======================  =============================================================  =======  =======

Effective numbers and ratios are put on the ramp by their logarithms. The spread is the root of the mean
variance of log2 of input and output tokens, over rows of one exchange. A day that is used evenly has a
quarter of its active hours in any six; people who sleep leave six nearly empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clustergraph.artefacts.schema import EXTRACTION_PARTS
from clustergraph.sightings.traits import FINENESS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

PARTS = EXTRACTION_PARTS
PRIOR = 20.0  # observations
_QUIETEST, _HOURS = 6, 24


@dataclass(frozen=True)
class Measures:
    """What is counted of some accounts, a row each.

    Attributes:
        traits: ``prompted``, ``eliciting``, ``known`` (exchanges whose conversation is known), ``alone`` (of
            them, such as are alone in it), ``singles`` and the sums of octaves of ``sightings.traits``; all
            int64.
        template_exchanges: exchanges with any template (int64).
        templates: effective number of templates, 1 where there is none (float64).
        hours: distinct hours with traffic, by the hour of the day: a row of 24 (int64).
        input_tokens: of the account (int64).
        output_tokens: of the account (int64).
        exchanges: of the account (int64).
    """

    traits: Mapping[str, NDArray[np.int64]]
    template_exchanges: NDArray[np.int64]
    templates: NDArray[np.float64]
    hours: NDArray[np.int64]
    input_tokens: NDArray[np.int64]
    output_tokens: NDArray[np.int64]
    exchanges: NDArray[np.int64]


def measure_parts(found: Measures) -> dict[str, NDArray[np.float64]]:
    """Give each part by its name, from 0 (ordinary) to 1 (extraction), NaN where nothing is known of it."""
    traits, hours = found.traits, found.hours.sum(axis=1)
    counted = (found.input_tokens > 0) & (found.output_tokens > 0)
    ratio = np.where(counted, found.output_tokens, 1) / np.where(counted, found.input_tokens, 1)
    return {
        "reasoning_elicitation": _draw(
            _climb(_divide(traits["eliciting"], traits["prompted"]), 0.05, 0.5), traits["prompted"]
        ),
        "template_concentration": _draw(
            _climb(np.log2(found.templates), np.log2(32), np.log2(4)), found.template_exchanges
        ),
        "task_narrowness": _draw(_climb(measure_spread(traits), 2.0, 0.5), traits["singles"]),
        "round_the_clock": _draw(_climb(_divide(find_quietest(found.hours), hours), 0.05, 0.2), hours),
        "output_ratio": _draw(_climb(np.log2(ratio), 0.0, 2.0), np.where(counted, found.exchanges, 0)),
        "no_conversation": _draw(
            _climb(_divide(traits["alone"], traits["known"]), 0.5, 0.95), traits["known"]
        ),
    }


def measure_spread(traits: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float64]:
    """Measure the spread of tokens an exchange in octaves, 0 where there is no more than one exchange."""
    count = np.maximum(traits["singles"], 1).astype(np.float64)
    variance = np.zeros(len(count))
    for name in ("input_octaves", "output_octaves"):
        mean = traits[name] / count
        variance += np.maximum(traits[f"{name}_squared"] / count - mean * mean, 0.0)
    # Of few exchanges the spread is underrated: a sample's variance is that of the whole less one part of n.
    unbiased = count / np.maximum(count - 1.0, 1.0)
    return np.asarray(np.sqrt(variance / 2.0 * unbiased) / FINENESS)


def find_quietest(hours: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the active hours in the six hours of the day, one after another, that have fewest.

    Args:
        hours: a row of 24 counts per account.
    """
    wrapped = np.concatenate([hours, hours[:, : _QUIETEST - 1]], axis=1)
    until = np.concatenate([np.zeros((len(hours), 1), np.int64), np.cumsum(wrapped, axis=1)], axis=1)
    sums = until[:, _QUIETEST:] - until[:, :_HOURS]
    return np.asarray(sums.min(axis=1, initial=np.iinfo(np.int64).max))


def count_effective(accounts: int, holders: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Give the exchanges of each account with templates, and 2 ** the entropy of how they are shared out.

    Args:
        accounts: how many.
        holders: ``account`` and ``exchanges`` of each template of each account, in the order of both.
    """
    account = holders["account"].to_numpy().astype(np.int64)
    exchanges = holders["exchanges"].to_numpy().astype(np.int64)
    total = np.zeros(accounts, np.int64)
    np.add.at(total, account, exchanges)
    share = exchanges / np.maximum(total[account], 1)
    bits = -share * np.log2(np.where(share > 0, share, 1.0))
    return total, np.exp2(np.bincount(account, weights=bits, minlength=accounts))


def _climb(
    value: NDArray[np.float64], zero: float | np.float64, one: float | np.float64
) -> NDArray[np.float64]:
    """Put a quantity on the ramp from where it is 0 to where it is 1."""
    return np.asarray(np.clip((value - zero) / (one - zero), 0.0, 1.0))


def _divide(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(part / np.maximum(whole, 1))


def _draw(part: NDArray[np.float64], observations: NDArray[np.int64]) -> NDArray[np.float64]:
    """Draw a part towards 1/2 by ``PRIOR`` observations; NaN where there is none."""
    drawn = (part * observations + 0.5 * PRIOR) / (observations + PRIOR)
    return np.where(observations > 0, drawn, np.nan)
