"""Remove old nights, and what of the store only they need."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clustergraph.artefacts.publishing import working_folder
from clustergraph.disk.durable import flush
from clustergraph.errors import GuardrailError, InputError, UsageError
from clustergraph.store.store import hold
from clustergraph.upkeep.published import find_unnamed, read_published

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from clustergraph.store.store import Store


@dataclass(frozen=True)
class Pruned:
    """What was removed, or would be.

    Attributes:
        nights: whose runs, in order.
        increments: folders of daily incidence, unfinished ones included.
        ledgers: folders of ledgers, likewise.
        bytes: of all their files.
    """

    nights: tuple[date, ...]
    increments: tuple[Path, ...]
    ledgers: tuple[Path, ...]
    bytes: int


def prune(store: Store, keep: int, *, dry_run: bool = False, wait: bool = False) -> Pruned:
    """Remove all nights but the last ones, and the increments and ledgers that no night names then.

    A process that is killed meanwhile leaves a whole store; the next start removes what it had begun to.

    Args:
        store: to prune.
        keep: nights to keep, one at least.
        dry_run: change nothing; no lock is taken then, and a job at work may make it differ.
        wait: for another job on the store to end.

    Raises:
        UsageError: no night would be left.
        GuardrailError: another job holds the store, or a rebuild is not finished.
        InputError: what the nights to keep name cannot be told, or the disk refuses; no night is lost that
            was to be kept.
    """
    if keep < 1:
        raise UsageError(
            f"{keep} nights to keep; the last night at least has to stay, for the next goes on from it"
        )
    if dry_run:
        return _plan(store, keep)
    with hold(store, wait=wait):
        plan = _plan(store, keep)
        try:
            _remove(store, plan)
        except OSError as error:
            raise InputError(
                f"{error.filename or store.root}: cannot be removed: {error.strerror}"
            ) from error
        return plan


def _plan(store: Store, keep: int) -> Pruned:
    rebuilding = store.to_rebuild()
    if rebuilding is not None:
        raise GuardrailError(
            f"{store.root}: the rebuild from {rebuilding} is not finished and needs the nights before; "
            "the next `clustergraph nightly` finishes it"
        )
    nights = store.nights()
    kept = [read_published(store, night) for night in nights[-keep:]]
    old = nights[: len(nights) - len(kept)]
    increments, ledgers = find_unnamed(store, kept)
    paths = [*(store.run(night) for night in old), *increments, *ledgers]
    return Pruned(tuple(old), tuple(increments), tuple(ledgers), sum(_measure(path) for path in paths))


def _remove(store: Store, plan: Pruned) -> None:
    """Remove runs, the oldest first, then what only they named: a night never lacks what it names."""
    if plan.nights:
        store.mark_pruned(plan.nights[-1])
    # The next night clears this folder away, too, if this process is killed.
    with working_folder(store.root / "scratch") as working:
        _move([store.run(night) for night in plan.nights], working)
        if plan.nights:
            flush(store.runs)
        _move([*plan.increments, *plan.ledgers], working)
        for day in store.incidence.glob("dt=*"):
            with contextlib.suppress(OSError):  # a night that is kept has something of that day
                day.rmdir()
    store.point_to_latest()


def _move(paths: Sequence[Path], working: Path) -> None:
    """Take each folder away by one rename; all in it goes with the working folder."""
    for path in paths:
        path.rename(working / f"{path.parent.name}-{path.name}")


def _measure(path: Path) -> int:
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(one.stat().st_size for one in files)
