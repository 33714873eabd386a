"""What only nights tell of clusters: earlier decisions, accounts that came after a ban, the nights before."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from clustergraph.report.slices import split_by_cluster
from clustergraph.store.store import Store
from clustergraph.upkeep.history import tell_lives

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from clustergraph.artefacts.runs import Run
    from clustergraph.upkeep.history import Life


@dataclass(frozen=True)
class Nights:
    """What is known beyond the run itself, by cluster; all is empty for a run that is no night's.

    Attributes:
        decisions: rows of ``decisions``, the latest last.
        regrowth: rows of ``regrowth``, those with most evidence first.
        lives: the nights up to this one.
    """

    decisions: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    regrowth: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    lives: Mapping[str, Life] = field(default_factory=dict)


def look_back(run: Run, ids: Sequence[str]) -> Nights:
    """Gather what the night of a run, and the store that it lies in, tell of some clusters.

    Raises:
        InputError: an artefact cannot be read.
    """
    decided_last = ("decided_at", "ascending")
    surest_first = ("bits", "descending")
    return Nights(
        _read_rows(run, "decisions", ids, decided_last, ("decision", "ascending")),
        _read_rows(run, "regrowth", ids, surest_first, ("account_id", "ascending")),
        _read_lives(run, ids),
    )


def night_of(run: Run) -> date | None:
    """Give the night of a run, None where it is no night's."""
    night = run.manifest.get("store", {}).get("night")
    return None if night is None else date.fromisoformat(night)


def store_of(run: Run) -> Store | None:
    """Give the store that a night's run lies in, None where it lies in none, as a copy does."""
    night = night_of(run)
    if night is None or run.directory is None:
        return None
    folder = run.directory.absolute()
    store = Store(folder.parents[1])
    return store if folder == store.run(night) else None


def _read_rows(
    run: Run, name: str, ids: Sequence[str], *order: tuple[str, str]
) -> dict[str, list[dict[str, Any]]]:
    table = run.nightly(name)
    if table is None:
        return {}
    return {one: rows.to_pylist() for one, rows in split_by_cluster(table.sort_by(list(order)), ids).items()}


def _read_lives(run: Run, ids: Sequence[str]) -> dict[str, Life]:
    store, night = store_of(run), night_of(run)
    if store is None or night is None:
        return {}
    return {life.cluster_id: life for life in tell_lives(store, ids, night)}
