"""The job of a night: fold what is new into the store, analyse the window, and publish what is found."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clustergraph.artefacts.runs import Run
from clustergraph.errors import UsageError
from clustergraph.guardrails import NAMES
from clustergraph.jobs import set_up
from clustergraph.nights.intake import take_in
from clustergraph.nights.publication import publish_night
from clustergraph.nights.rebuilding import check_order, finish_rebuild, rebuilding, tidied
from clustergraph.nights.task import Given, Task
from clustergraph.store.store import hold, open_store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from clustergraph.jobs import Job
    from clustergraph.progress import Progress


def nightly(
    inputs: str | Path | Sequence[str | Path],
    *,
    store: str | Path,
    night: date,
    accounts: str | Path | None = None,
    volumes: str | Path | None = None,
    known_hubs: str | Path | None = None,
    config: Mapping[str, Mapping[str, Any]] | None = None,
    preset: str | None = None,
    seed: int = 0,
    threads: int | None = None,
    memory_limit: str | None = None,
    progress: Progress | None = None,
    allow_empty: bool = False,
    rebuild: bool = False,
    wait: bool = False,
    accepted: Mapping[str, Mapping[str, str]] | None = None,
) -> Run:
    """Take a night's events into a store and publish the clusters of its window.

    Args:
        inputs: files, folders or globs of the night's events or sightings; none for a night without.
        store: folder of the store; it is made where there is none.
        night: the date.
        accounts: table of what is known of accounts: who is banned, who is of a verified organisation.
        volumes: table of the volume to rank by.
        known_hubs: table of signals that are public infrastructure.
        config: section -> key -> value, as in a configuration file.
        preset: standard whose names the input has: `ecs`, `ocsf-api-activity` or `otel-genai`.
        seed: of everything that is drawn at random.
        threads: processors to use, all if not given.
        memory_limit: of the engine that reads and groups.
        progress: what shows how far the job is; silent if not given.
        allow_empty: take a night without rows for what it is.
        rebuild: run a night before the last again, and all nights after it from what the store has of them.
        wait: for another job on the store to end.
        accepted: name of a guardrail -> who let its breach through (``by``) and why (``reason``).

    Returns:
        The run of the night, or of the last night that was rebuilt.

    Raises:
        UsageError: the configuration is wrong, or the night is before the last one or in the future.
        InputError: the input or the store is wrong, or the disk is full.
        GuardrailError: a figure is out of bounds, or another job holds the store.
    """
    job = set_up(config, seed, threads, memory_limit, progress, preset)
    paths = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    _check_arguments(night, accepted or {})
    opened = open_store(Path(store).absolute(), create=True)
    task = Task(job, opened, Given(accounts, volumes, known_hubs), accepted or {})
    with hold(opened, wait=wait), tidied(opened):
        finish_rebuild(task)
        later = check_order(opened, night, rebuild=rebuild)
        if later:
            opened.mark_change(night)
        fresh = take_in(task, night, paths, allow_empty=allow_empty)
        with rebuilding(opened, night) if later else nullcontext():
            publish_night(task, night, fresh)
        finish_rebuild(task, after=night)
        last = (later or [night])[-1]
        found = Run(opened.manifest(last), opened.run(last))
        job.progress.tell(
            "done", night=str(last), rows=fresh.facts["rows"], clusters=found.clusters.num_rows,
            accounts=found.members.num_rows, seconds=_add_up(job),
        )  # fmt: skip
        return found


def _check_arguments(night: date, accepted: Mapping[str, Mapping[str, str]]) -> None:
    today = datetime.now(UTC).date()
    if night > today + timedelta(days=1):  # somewhere it is tomorrow already
        raise UsageError(f"{night} is in the future; today is {today}")
    unknown = [name for name in accepted if name not in NAMES]
    if unknown:
        raise UsageError(f"there is no guardrail {unknown[0]!r} to accept; there are {', '.join(NAMES)}")


def _add_up(job: Job) -> float:
    return round(sum(float(stage["seconds"]) for stage in job.progress.timings()), 3)
