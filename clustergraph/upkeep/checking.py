"""Check every published night of a store: that nothing is lost, changed, or contradicts itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from clustergraph.errors import InputError
from clustergraph.store.store import keep_still
from clustergraph.upkeep.artefacts import check_artefacts
from clustergraph.upkeep.decided import check_decisions, note_unfinished
from clustergraph.upkeep.identities import check_identities
from clustergraph.upkeep.pieces import check_increments, check_ledgers, check_modes, check_windows
from clustergraph.upkeep.problems import Problem
from clustergraph.upkeep.published import Published, find_unnamed, read_published

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clustergraph.store.store import Store


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        nights: that were checked.
        problems: what is wrong.
        notes: what is unfinished or left over, but right.
    """

    nights: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        problems = [asdict(one) for one in self.problems]
        return {"nights": self.nights, "problems": problems, "notes": list(self.notes)}


def check_store(store: Store) -> Checked:
    """Check a store; nothing is written.

    What looks wrong may be a job at work, which exchanges a night, say. So, where there is a problem, the
    store is looked at again while no job is: after the end of one that is at work, and none begins meanwhile.

    Raises:
        InputError: the folder is no store of this version.
    """
    found = _look(store)
    if not found.problems:
        return found
    with keep_still(store):
        return _look(store)


def _look(store: Store) -> Checked:
    rebuilding = store.to_rebuild()
    nights = store.nights()
    published, problems = _read_all(store)
    for one in published:
        problems += check_artefacts(store, one)
    problems += check_increments(store, published)
    problems += check_ledgers(store, published)
    # Nights after the first of a rebuild may go on from what was there before.
    firm = [one for one in published if rebuilding is None or one.night <= rebuilding]
    for row in _split(store, firm):
        problems += [Problem(f"{_place(store, one)}/run.json", words) for one, words in check_windows(row)]
    problems += check_decisions(store, published)
    problems += check_identities(store, [one.night for one in published], rebuilding)
    problems += _check_latest(store)
    problems += check_modes(store.root)
    notes = [f"{path}: left by a process that is at work or was killed" for path in _find_hidden(store)]
    notes += note_unfinished(store)
    if rebuilding is not None:
        notes.append(f"a rebuild from {rebuilding} is not finished; the next night finishes it")
    if len(published) == len(nights):  # or else it cannot be told what is named
        unnamed = [path for found in find_unnamed(store, published) for path in found]
        visible = [path.relative_to(store.root) for path in unnamed if not path.name.startswith(".")]
        notes += [f"{path}: no published night names it" for path in visible]
    return Checked(len(nights), tuple(problems), tuple(notes))


def _read_all(store: Store) -> tuple[list[Published], list[Problem]]:
    published, problems = list[Published](), list[Problem]()
    for night in store.nights():
        try:
            published.append(read_published(store, night))
        except InputError as error:
            path = store.run(night) / "run.json"
            words = str(error).removeprefix(f"{path}: ")
            problems.append(Problem(str(path.relative_to(store.root)), f"{words}; expected that of a night"))
    return published, problems


def _split(store: Store, published: list[Published]) -> Iterator[list[Published]]:
    """Split nights where one between them could not be read."""
    row = list[Published]()
    readable = {one.night: one for one in published}
    for night in store.nights():
        if night in readable:
            row.append(readable[night])
        elif row:
            yield row
            row = []
    if row:
        yield row


def _check_latest(store: Store) -> Iterator[Problem]:
    nights, found = store.nights(), store.pointed_to()
    if nights and found != nights[-1]:
        words = f"leads to {found}" if found else "leads to no night"
        place = str(store.latest.relative_to(store.root))
        yield Problem(place, f"{words}; expected {nights[-1]}; the next night or prune mends it")


def _find_hidden(store: Store) -> list[Path]:
    """Find what is unfinished, from the root of the store."""
    days = [path for path in store.incidence.glob("dt=*") if path.is_dir()]
    folders = [store.root, store.runs, store.ledgers, store.decisions, *sorted(days)]
    found = [path for folder in folders if folder.is_dir() for path in sorted(folder.glob(".*"))]
    return [path.relative_to(store.root) for path in found]


def _place(store: Store, one: Published) -> Path:
    return store.run(one.night).relative_to(store.root)
