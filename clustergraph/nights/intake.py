"""Read what a night brings and fold it into the store, day by day."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from clustergraph.analysis import describe_input
from clustergraph.errors import InputError, UsageError
from clustergraph.nights.task import Fresh
from clustergraph.sightings.earlier import Earlier
from clustergraph.sightings.reading import read
from clustergraph.sightings.side_tables import read_accounts
from clustergraph.sightings.spans import Span
from clustergraph.store.increments import fold
from clustergraph.store.ledger import read_templates

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from clustergraph.nights.task import Task

# Rows of the next day may come in early; they wait for their night.
_EARLY = timedelta(days=1)
_NO_ROWS = "the night has no rows; if that is right, run it again with --allow-empty"


def take_in(task: Task, night: date, paths: Sequence[str | Path], *, allow_empty: bool) -> Fresh:
    """Read the night's rows and fold them into increments.

    Args:
        task: the job and its store.
        night: the date.
        paths: of the rows; none where there are none.
        allow_empty: take a night without rows for what it is.

    Raises:
        UsageError: no path, where that is not allowed.
        InputError: the input is wrong, or there are no rows where that is not allowed.
    """
    if not paths or (allow_empty and not any(map(_may_have_rows, paths))):
        if not allow_empty:
            raise UsageError(f"no INPUT: {_NO_ROWS}")
        return Fresh([], {"files": [], "rows": 0, "rejected": {}, "duplicates": 0, "degraded": False})
    job, store = task.job, task.store
    span = Span(night - timedelta(days=job.settings["window"]["late"]), night + _EARLY)
    known = read_templates(store, (task.left_before(night) or {}).get("ledger"))
    with task.open_engine() as engine, job.progress.stage("read") as advance:
        given = task.given.accounts
        sightings = read(
            paths, engine=engine, signals=job.settings["signals"], families=job.settings["families"],
            nested=job.settings["nested"], derive=job.settings["derive"],
            accounts=read_accounts(given, engine) if given else None, column_names=job.settings["columns"],
            span=span, earlier=Earlier(_list_events(task, night, span), known),
            threads=job.threads, progress=lambda what: advance(None, what), **job.settings["read"],
        )  # fmt: skip
        aside = sum(found.count for found in sightings.rejected.values())
        job.progress.tell("read", rows=sightings.rows, rejected=aside, duplicates=sightings.duplicates)
        windowed = job.settings["link"]["windows"] or {}
        increments = fold(sightings, store, night, windowed=windowed)
        if not increments and not allow_empty:
            raise InputError(f"{paths[0]}: {_NO_ROWS}")
        return Fresh(increments, describe_input(sightings))


def _may_have_rows(path: str | Path) -> bool:
    """Tell whether it is anything but a folder without files; of what is missing the reader complains."""
    folder = Path(path)
    return not folder.is_dir() or any(one.is_file() for one in folder.rglob("*"))


def _list_events(task: Task, night: date, span: Span) -> list[str]:
    """List the files with the ids of events that may come in once more.

    Where a night is rebuilt, nights after it may have brought some of its events: there they stay.
    """
    store = task.store
    known = list((task.left_before(night) or {}).get("increments", []))
    for later in (one for one in store.nights() if one > night):
        known += store.manifest(later)["store"]["taken_in"]
    places = {
        one["place"] for one in known if one["has_events"] and str(span.first) <= one["day"] <= str(span.last)
    }
    return [str(store.root / place / "events.parquet") for place in sorted(places)]
