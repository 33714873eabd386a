"""Find accounts and signals by what a person types, and what is near to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clustergraph.errors import UsageError
from clustergraph.figures import printable
from clustergraph.sightings.addresses import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from clustergraph.investigation.world import World

_SUGGESTED = 3
_LEAST_LETTERS = 3


def require_account(world: World, account_id: str) -> int:
    """Give the number of an account.

    Raises:
        UsageError: the input has no such account; the message names what is near.
    """
    number = world.number(account_id)
    if number < 0:
        near = suggest(account_id, world.account_id)
        raise UsageError(f"there is no account {printable(account_id, 80)!r} in this run{say_near(near)}")
    return number


def match_signals(world: World, text: str) -> NDArray[np.int64]:
    """Find the shared signals that ``kind=value``, or a value alone, names.

    An address is looked for in the form in which the reader keeps it, too.
    """
    kind, _, rest = text.partition("=")
    found = [world.find_value(value) for value in _spell(text)]
    if kind in world.kinds:
        number = world.kinds.index(kind)
        for value in _spell(rest):
            signals = world.find_value(value)
            found.append(signals[world.kind[signals] == number])
    return np.unique(np.concatenate(found))


def suggest(text: str, names: pa.Array) -> list[str]:
    """Give up to three names that hold the text, whatever its case, or that begin as it does."""
    wanted = text.strip()
    if len(wanted) < _LEAST_LETTERS:
        return []
    held = names.filter(pc.match_substring(names, wanted, ignore_case=True)).slice(0, _SUGGESTED)
    found: list[str] = held.to_pylist()
    if found:
        return found
    for length in range(len(wanted) - 1, max(len(wanted) // 2, _LEAST_LETTERS) - 1, -1):
        begins = names.filter(pc.starts_with(names, wanted[:length])).slice(0, _SUGGESTED)
        if len(begins):
            begun: list[str] = begins.to_pylist()
            return begun
    return []


def say_near(near: Iterable[str]) -> str:
    """Say what is near as the end of a message."""
    said = ", ".join(repr(printable(one, 80)) for one in near)
    return f"; near it are {said}" if said else ""


def _spell(value: str) -> list[str]:
    """Give the spellings under which a value may be on record."""
    return sorted({value, normalise(value)})
