"""Check the log of decisions, what its entries were made on, and what the nights used of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustergraph.decisions.copies import find_fault, find_unnamed_copies
from clustergraph.decisions.log import find_log, find_loss, read_log
from clustergraph.errors import InputError
from clustergraph.upkeep.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clustergraph.store.store import Store
    from clustergraph.upkeep.published import Published


def check_decisions(store: Store, nights: Sequence[Published]) -> Iterator[Problem]:
    """Check that no entry was changed or lost, and that what each was made on is there."""
    path = find_log(store)
    place = str(path.relative_to(store.root))
    try:
        log = read_log(store)
    except InputError as error:
        yield Problem(place, str(error).removeprefix(f"{path}: "))
        return
    for night in nights:
        loss = find_loss(log, night.night, {"decisions": night.decisions})
        if loss:
            yield Problem(place, loss)
    for copy in sorted({one.copy for one in log.entries if one.copy}):
        fault = find_fault(store, copy)
        if fault:
            yield Problem(copy, fault)


def note_unfinished(store: Store) -> Iterator[str]:
    """Say what a process that was killed left: no problem, since nobody was told that it was done."""
    try:
        log = read_log(store)
    except InputError:
        return
    if log.torn:
        place = find_log(store).relative_to(store.root)
        yield f"{place}: ends with {log.torn:,} bytes of an entry that was not finished"
    for path in find_unnamed_copies(store, log):
        if not path.name.startswith("."):
            yield f"{path.relative_to(store.root)}: no decision names it"
