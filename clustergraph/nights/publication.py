"""Publish a night: choose its window, have it analysed or repeated, and say what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clustergraph.artefacts.publishing import publish, working_folder
from clustergraph.decisions.log import find_log, find_loss, name_entries, read_log
from clustergraph.errors import InputError
from clustergraph.jobs import make_manifest
from clustergraph.nights.repeat import is_repeat, repeat_night
from clustergraph.nights.task import Night
from clustergraph.nights.window import analyse_window
from clustergraph.store.increments import Increment, choose_window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

    import pyarrow as pa

    from clustergraph.decisions.log import Entry
    from clustergraph.nights.task import Fresh, Task
    from clustergraph.store.store import Store

# Nights with rows whose input a night's is compared with.
_COMPARED = 7


def publish_night(task: Task, date: date, fresh: Fresh) -> None:
    """Analyse the window of a night and publish its run.

    Args:
        task: the job and its store.
        date: of the night.
        fresh: what came in.

    Raises:
        InputError: the store has no rows up to the night, or is damaged, or the disk is full.
        GuardrailError: a figure is out of bounds.
    """
    job, store = task.job, task.store
    base = task.left_before(date)
    known = _list_increments(base)
    window = choose_window([*known, *fresh.increments], date, **job.settings["window"])
    night = Night(date, fresh, base, window, _find_decisions(store, date))
    with working_folder(store.run(date)) as working:
        tables, ledger, facts = _find_clusters(task, night)
        with job.progress.stage("write"):
            manifest = {**make_manifest(job, facts), "store": _describe(night, ledger)}
            publish(tables, manifest, store.run(date), working)
    store.point_to_latest()


def _find_clusters(task: Task, night: Night) -> tuple[Mapping[str, pa.Table | Path], str, Mapping[str, Any]]:
    """Give the artefacts of a night, the place of its ledger, and its facts."""
    if is_repeat(task.store, night):
        return repeat_night(task.store, night)
    if not night.window:
        raise InputError(f"{night.date}: the store has no rows of this night or before")
    return analyse_window(task, night)


def _find_decisions(store: Store, date: date) -> Sequence[Entry]:
    """Give the entries of the log that count on a night, after a look whether any were lost."""
    log, nights = read_log(store), store.nights()
    loss = find_loss(log, nights[-1], store.manifest(nights[-1])["store"]) if nights else None
    if loss:
        raise InputError(f"{find_log(store)}: {loss}")
    return log.before(date)


def _list_increments(base: Mapping[str, Any] | None) -> list[Increment]:
    return [Increment.from_dict(one) for one in (base or {}).get("increments", [])]


def _describe(night: Night, ledger: str) -> dict[str, Any]:
    """Say what of the store a night is made of, as run.json has it."""
    base, fresh = night.base, night.fresh
    later = [one for one in (*_list_increments(base), *fresh.increments) if one.day > str(night.date)]
    rows = [*(base or {}).get("rows_before", []), *([fresh.facts["rows"]] if fresh.facts["rows"] else [])]
    return {
        "night": str(night.date),
        "after": None if base is None else base["night"],
        "window": night.days,
        "touched": sorted({one.day for one in fresh.increments}),
        "input": fresh.facts,
        "taken_in": [one.to_dict() for one in fresh.increments],
        "increments": [one.to_dict() for one in (*night.window, *later)],
        "ledger": ledger,
        "pieces": [*(one.place for one in fresh.increments), ledger],
        "decisions": name_entries(night.decisions),
        "rows_before": rows[-_COMPARED:],
    }
