"""Rows of events as codes and numbers, before anything is written."""

from dataclasses import dataclass, fields

import numpy as np

from clustergraph.simulation.tokens import Codes, Floats, Ints

MODELS = ("atlas-4-mini", "atlas-4", "atlas-4-pro", "atlas-5")
NEWEST = 3


@dataclass(frozen=True, eq=False)
class Rows:
    """Columns of events: codes of signals (0: not observed), numbers for the rest.

    The last three are there in worlds with details only.
    """

    account: Ints
    second: Floats  # of the UTC day
    card: Codes
    address: Codes
    device: Codes
    template: Codes
    model: Ints
    agent: Ints
    exchanges: Ints
    input_tokens: Ints
    output_tokens: Ints
    bank: Ints | None = None  # number of the card's BIN, -1 without a card
    request: Codes | None = None
    conversation: Codes | None = None


def joined(parts: list[Rows]) -> Rows:
    """The rows of several parts in the order of time."""
    names = [f.name for f in fields(Rows) if getattr(parts[0], f.name) is not None]
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    order = np.argsort(columns["second"], kind="stable")
    return Rows(**{name: column[order] for name, column in columns.items()})
