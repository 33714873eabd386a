"""Which decisions are in force, and which of them each account stands under.

The last decision on a cluster replaces those before it, until it is taken back. An account stands under the
last decision in force that confirmed or cleared a cluster which it was a member of: so decisions follow
accounts when clusters merge and split, and a later judgement on a part outweighs an earlier one on the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clustergraph.decisions.copies import read_copy
from clustergraph.decisions.log import UNDO, WATCH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from clustergraph.decisions.copies import Copy
    from clustergraph.decisions.log import Entry
    from clustergraph.store.store import Store


@dataclass(frozen=True)
class Standing:
    """The decisions in force and the accounts under them.

    Attributes:
        entries: in force, in the order in which they were made.
        copies: number of an entry -> what was known of its cluster.
        accounts: account -> number of the entry that it stands under.
    """

    entries: tuple[Entry, ...]
    copies: Mapping[int, Copy]
    accounts: Mapping[str, int]


def find_in_force(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Give the decisions that are neither replaced nor taken back, in the order in which they were made."""
    made: dict[str, list[Entry]] = {}
    for one in entries:
        of_cluster = made.setdefault(one.cluster_id, [])
        if one.decision == UNDO:
            made[one.cluster_id] = [earlier for earlier in of_cluster if earlier.number != one.undoes]
        else:
            of_cluster.append(one)
    return tuple(sorted((one[-1] for one in made.values() if one), key=lambda entry: entry.number))


def take_stand(store: Store, entries: Sequence[Entry]) -> Standing:
    """Read what the decisions in force were made on.

    Args:
        store: that has their copies.
        entries: of the log, in order, as far as they count.

    Raises:
        InputError: a copy is missing or damaged.
    """
    in_force = find_in_force(entries)
    copies = {one.number: read_copy(store, one) for one in in_force}
    accounts: dict[str, int] = {}
    for one in in_force:
        if one.decision != WATCH:
            accounts |= dict.fromkeys(copies[one.number].daily, one.number)
    return Standing(in_force, copies, accounts)
