"""What a night's run.json says belongs to it, and which pieces of a store no night names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clustergraph.errors import InputError
from clustergraph.store.increments import Increment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from pathlib import Path

    from clustergraph.store.store import Store


@dataclass(frozen=True)
class Published:
    """A published night, as its run.json has it.

    Attributes:
        night: its date.
        after: the night that it went on from, as an ISO date; None for the first of a store.
        artefacts: file -> its ``rows``, ``bytes`` and ``sha256``.
        nights: days with data that its window may have.
        window: days that it has, as ISO dates.
        increments: of the window, and those that wait for their night.
        taken_in: increments that the night brought.
        ledger: place of the ledger, from the root of the store.
        places: of everything in the store that the night names.
        decisions: how many entries of the log of decisions it used, and their SHA-256; None if it knew none.
    """

    night: date
    after: str | None
    artefacts: Mapping[str, Mapping[str, Any]]
    nights: int
    window: tuple[str, ...]
    increments: tuple[Increment, ...]
    taken_in: tuple[Increment, ...]
    ledger: str
    places: frozenset[str]
    decisions: Mapping[str, object] | None


def read_published(store: Store, night: date) -> Published:
    """Read what a night says of itself.

    Raises:
        InputError: its run.json cannot be read, or lacks something.
    """
    manifest = store.manifest(night)
    try:
        about = manifest["store"]
        increments = tuple(Increment.from_dict(one) for one in about["increments"])
        taken_in = tuple(Increment.from_dict(one) for one in about["taken_in"])
        ledger = str(about["ledger"])
        places = {ledger, *about["pieces"], *(one.place for one in (*increments, *taken_in))}
        return Published(
            night, about["after"], {name: dict(said) for name, said in manifest["artefacts"].items()},
            int(manifest["config"]["window"]["nights"]), tuple(about["window"]), increments, taken_in, ledger,
            frozenset(places), about.get("decisions"),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        path = store.run(night) / "run.json"
        raise InputError(f"{path}: does not say all that a night's does ({what})") from error


def find_unnamed(store: Store, nights: Iterable[Published]) -> tuple[list[Path], list[Path]]:
    """Find what none of some nights names, hidden folders included.

    Returns:
        Folders among the increments, and among the ledgers; both in order.
    """
    named = {place for one in nights for place in one.places}
    days = [day for day in _list(store.incidence) if day.name.startswith("dt=")]
    increments = [piece for day in days for piece in _list(day)]
    found = [
        [piece for piece in pieces if str(piece.relative_to(store.root)) not in named]
        for pieces in (increments, _list(store.ledgers))
    ]
    return found[0], found[1]


def _list(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
