"""What keeps a store in order round a night: what was left is tidied up, and a rebuild is finished."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from clustergraph.artefacts.publishing import sweep
from clustergraph.errors import ClustergraphError, UsageError
from clustergraph.guardrails import NAMES
from clustergraph.nights.publication import publish_night
from clustergraph.nights.task import Fresh
from clustergraph.store.increments import Increment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from clustergraph.nights.task import Task
    from clustergraph.store.store import Store

_LET_IN = {"by": "rebuild", "reason": "run again after an earlier night, from the rows that the store has"}


@contextmanager
def tidied(store: Store) -> Iterator[None]:
    """Begin without what a killed process left behind, and leave nothing of a night that fails."""
    store.prepare()
    for folder in (store.runs, store.root):
        sweep(folder)
    try:
        yield
    except BaseException:
        with suppress(ClustergraphError):  # the next start tries again
            store.clean()
        raise


def check_order(store: Store, night: date, *, rebuild: bool) -> list[date]:
    """Give the later nights that have to be rebuilt.

    Raises:
        UsageError: there are some, and it was not asked for; or the night has lost what it went on from.
    """
    later = [one for one in store.nights() if one > night]
    if later and not rebuild:
        raise UsageError(
            f"{night} is before the last night of the store, {later[-1]}; --rebuild runs it and the "
            f"{len(later)} after it again"
        )
    if store.pruned() is not None and not any(one < night for one in store.nights()):
        raise UsageError(
            f"{night} cannot be run any more: the nights before it were pruned, and with them rows of its "
            "window and the ids of its clusters"
        )
    return later


@contextmanager
def rebuilding(store: Store, night: date) -> Iterator[None]:
    """Mark that a night and those after it are being rebuilt; not so if the night is refused."""
    before = store.manifest(night) if night in store.nights() else None
    store.mark_rebuild(night)
    try:
        yield
    except ClustergraphError:
        if (store.manifest(night) if night in store.nights() else None) == before:
            store.mark_change(night)  # all that is left to do is to clean up
        raise


def finish_rebuild(task: Task, *, after: date | None = None) -> None:
    """Publish the nights of a rebuild again from what the store has of their rows, and clean up.

    No guardrail stops them; run.json says which did not hold.

    Args:
        task: the job and its store.
        after: a night of it that is published again already.
    """
    store = task.store
    first = store.to_rebuild()
    if first is not None:
        # These rows were let in before; to stop half way would leave nights that contradict each other.
        again = replace(task, accepted=dict.fromkeys(NAMES, _LET_IN))
        for night in store.nights():
            if night >= first and night != after:
                kept = store.manifest(night)["store"]
                taken_in = [Increment.from_dict(one) for one in kept["taken_in"]]
                publish_night(again, night, Fresh(taken_in, kept["input"]))
    store.clean()
    if first is not None:
        store.mark_rebuild(None)
