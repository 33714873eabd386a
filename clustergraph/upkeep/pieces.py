"""Check what nights name outside of their runs: increments, ledgers and the window; and who may read it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from clustergraph.disk.durable import hash_file
from clustergraph.store.increments import Increment, choose_window
from clustergraph.store.ledger import TABLES, is_intact
from clustergraph.upkeep.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clustergraph.store.store import Store
    from clustergraph.upkeep.published import Published

_OTHERS = 0o007


def check_increments(store: Store, nights: Sequence[Published]) -> Iterator[Problem]:
    """Check that each increment that some night names is there, with the files that it had."""
    named = {one.place: one for night in nights for one in (*night.taken_in, *night.increments)}
    for place, one in sorted(named.items()):
        if not (store.root / place).is_dir():
            yield Problem(place, f"is missing; expected the rows of {one.day} from the night {one.night}")
            continue
        for name, expected in one.sha256.items():
            path = store.root / place / f"{name}.parquet"
            found = hash_file(path) if path.is_file() else None
            if found is None:
                yield Problem(f"{place}/{path.name}", "is missing; run.json names it")
            elif found != expected:
                words = f"has SHA-256 {found}; expected {expected}, as run.json says"
                yield Problem(f"{place}/{path.name}", words)


def check_ledgers(store: Store, nights: Sequence[Published]) -> Iterator[Problem]:
    """Check that the ledger of each night is there, and as its name says."""
    for place in sorted({night.ledger for night in nights}):
        folder = store.root / place
        if is_intact(folder):
            continue
        missing = [name for name in TABLES if not (folder / f"{name}.parquet").is_file()]
        for name in missing:
            yield Problem(f"{place}/{name}.parquet", "is missing; expected the ledger of a published night")
        if not missing:
            yield Problem(place, "has files of another content; expected those that its name is made from")


def check_windows(nights: Sequence[Published]) -> Iterator[tuple[Published, str]]:
    """Check that each night goes on from the one before, and its window is of the last days with data.

    Args:
        nights: that follow each other, in order; of the first, its own increments are looked at alone.

    Returns:
        Nights and what is wrong with them.
    """
    before: Published | None = None
    for night in nights:
        if before and night.after != str(before.night):
            words = f"goes on from {night.after}, but the night before is {before.night}"
            yield night, f"{words}; runs between were removed by hand, or added"
        known = [*before.increments, *night.taken_in] if before else list(night.increments)
        window = choose_window(known, night.night, nights=night.nights)
        named = [one for one in night.increments if one.day <= str(night.night)]
        expected = tuple(sorted({one.day for one in window}))
        if night.window != expected:
            yield night, f"has a window of {_say(night.window)}; expected {_say(expected)}"
        elif missing := _lacking(named, window):
            yield night, f"lacks {', '.join(missing)} in `increments`; expected all of its window"
        elif added := _lacking(window, named):
            yield night, f"has {', '.join(added)} in `increments`; expected none but those of its window"
        before = night


def check_modes(root: Path) -> Iterator[Problem]:
    """Check that nothing in a store is for others than its owner and group."""
    for place, folders, files in os.walk(root):
        # What is hidden is unfinished and for its owner alone, whatever the modes in it.
        hidden = [name for name in folders if name.startswith(".")]
        folders[:] = sorted(set(folders) - set(hidden))
        for path in sorted(Path(place) / name for name in (".", *hidden, *files)):
            mode = stat.S_IMODE(path.lstat().st_mode)
            if mode & _OTHERS and not path.is_symlink():
                words = f"has mode {mode:o}; expected nothing for others ({mode & ~_OTHERS:o})"
                yield Problem(str(path.relative_to(root)), words)


def _lacking(there: Sequence[Increment], wanted: Sequence[Increment]) -> list[str]:
    return sorted({one.place for one in wanted} - {one.place for one in there})


def _say(days: Sequence[str]) -> str:
    """Say which days, by the first, the last and their number where they are many."""
    return ", ".join(days) if len(days) <= 4 else f"{len(days)} days from {days[0]} to {days[-1]}"
