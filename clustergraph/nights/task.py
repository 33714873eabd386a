"""What the nights of one job have in common, and what is known of one night before it is analysed."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clustergraph.artefacts.publishing import working_folder
from clustergraph.engines.duckdb import DuckDBEngine
from clustergraph.store.increments import Increment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from clustergraph.decisions.log import Entry
    from clustergraph.jobs import Job
    from clustergraph.store.store import Store


@dataclass(frozen=True)
class Given:
    """The small tables of a job, as paths."""

    accounts: str | Path | None
    volumes: str | Path | None
    known_hubs: str | Path | None


@dataclass(frozen=True)
class Task:
    """One job on a store.

    Attributes:
        job: its settings.
        store: that it is on.
        given: the small tables.
        accepted: name of a guardrail -> who let its breach through (``by``) and why (``reason``).
    """

    job: Job
    store: Store
    given: Given
    accepted: Mapping[str, Mapping[str, str]]

    @contextmanager
    def open_engine(self) -> Iterator[DuckDBEngine]:
        """Open an engine with a folder of its own, which is gone afterwards."""
        with (
            working_folder(self.store.root / "scratch") as folder,
            DuckDBEngine(folder, self.job.threads, self.job.memory_limit) as engine,
        ):
            yield engine

    def left_before(self, night: date) -> dict[str, Any] | None:
        """Give what the run.json of the night before says of the store, None for the first night."""
        before = [one for one in self.store.nights() if one < night]
        return dict(self.store.manifest(before[-1])["store"]) if before else None


@dataclass(frozen=True)
class Fresh:
    """What came in: increments, and what run.json says of the rows."""

    increments: list[Increment]
    facts: dict[str, Any]


@dataclass(frozen=True)
class Night:
    """What is known of a night before it is analysed.

    Attributes:
        date: of the night.
        fresh: what came in.
        base: what the run.json of the night before says of the store, None for the first night.
        window: the increments that make it up.
        decisions: entries of the log that count: made on earlier nights.
    """

    date: date
    fresh: Fresh
    base: Mapping[str, Any] | None
    window: Sequence[Increment]
    decisions: Sequence[Entry]

    @property
    def days(self) -> list[str]:
        """The days of the window, as ISO dates in order."""
        return sorted({one.day for one in self.window})

    @property
    def entering(self) -> list[Increment]:
        """Increments that count from tonight on: what came in but early rows, and early ones of before."""
        base = self.base or {}
        waited = [
            Increment.from_dict(one) for one in base.get("increments", []) if one["day"] > base["night"]
        ]
        return [one for one in (*waited, *self.fresh.increments) if one.day <= str(self.date)]

    @property
    def ledger_before(self) -> str | None:
        """Place of the ledger after the night before."""
        return None if self.base is None else str(self.base["ledger"])
