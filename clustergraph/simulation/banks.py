"""Cards: the banks of each country, and the issuer's number (BIN) that each card begins with.

A country has BINs in proportion to its customers, six hundred in all, in use by Zipf's law. Six cards in a
hundred are from another country than their holder.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from clustergraph.simulation.addresses import COUNTRY_CODES, WEIGHTS
from clustergraph.simulation.cohort import Pool, ragged
from clustergraph.simulation.tokens import Codes, Floats, Ints, mint, scramble

BINS: Ints = np.maximum(8, np.round(600 * WEIGHTS)).astype(np.int64)  # of each country
_FIRST: Ints = np.cumsum(BINS) - BINS
_ALL = int(BINS.sum())
_FOREIGN = 0.06


def _numbers() -> Ints:
    """Six digits each, of the two large schemes, no number twice."""
    order = np.argsort(scramble(mint("bank", np.arange(200_000))), kind="stable")[:_ALL]
    return order + 400_000


_NUMBER = pa.array([str(number) for number in _numbers().tolist()])
_COUNTRY = pa.array([COUNTRY_CODES[country] for country in np.repeat(np.arange(BINS.size), BINS)])


class Cards(NamedTuple):
    """The BIN of each card of a cohort: codes of cards in order, and numbers of their BINs."""

    codes: Codes
    banks: Ints

    def of(self, cards: Codes) -> Ints:
        """The BIN of each card that a row was paid with; -1 without one."""
        if not self.codes.size:
            return np.full(cards.size, -1)
        at = np.minimum(np.searchsorted(self.codes, cards), self.codes.size - 1)
        return np.where(cards != 0, self.banks[at], -1)


def banks_of(country: Ints, dice: Floats) -> Ints:
    """A BIN of each country: the first ones are in most hands."""
    return np.asarray(_FIRST[country] + (BINS[country] ** dice).astype(np.int64) - 1, np.int64)


def rare_banks(country: int, count: int, rng: np.random.Generator) -> Ints:
    """Some BINs of a country that few of its people have."""
    half = int(BINS[country]) // 2
    return np.asarray(_FIRST[country] + half + rng.permutation(int(BINS[country]) - half)[:count], np.int64)


def issue(cards: Pool, country: Ints, seed: int) -> Cards:
    """Give every card of a cohort a BIN, mostly of the country of the first account that holds it."""
    owner = ragged(cards.sizes)[0]
    codes, first = np.unique(cards.values[cards.starts[owner] + ragged(cards.sizes)[1]], return_index=True)
    dice = scramble(codes, seed)
    part = [
        ((dice >> np.uint64(shift)) % np.uint64(1 << 20)).astype(np.float64) / (1 << 20)
        for shift in (0, 20, 40)
    ]
    elsewhere = np.minimum(np.searchsorted(np.cumsum(WEIGHTS), part[1]), WEIGHTS.size - 1)
    issuer = np.where(part[0] < _FOREIGN, elsewhere, country[owner[first]])
    return Cards(codes, banks_of(issuer, part[2]))


def bank_columns(banks: Ints) -> tuple[pa.Array, pa.Array]:
    """BINs and the countries of their issuers; null without a card."""
    number = pa.array(banks, mask=banks < 0)
    return _NUMBER.take(number), _COUNTRY.take(number)
