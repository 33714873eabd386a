"""The compact incidence of days: what a night brought in of each day, and the window that they make up.

A night's rows are folded by the day that they are of: sightings by account, kind, value and place,
exchanges by account, kind, place and hour, traits by account and conversation, and what accounts do over
time (`sightings.activity`). Later stages ask for no more than sums, first and last times, hours and minutes,
and for every time of use of kinds with a window of co-occurrence, so sightings of those are folded by time
as well. So a window of folded rows gives to the byte what the rows themselves would give. Where a kind gets
its window later, what was folded before has one time of a day, account, value and place: the first.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from clustergraph.disk.durable import FOLDER_MODE, flush, hash_file, make_private, put_piece, settle
from clustergraph.disk.faults import told
from clustergraph.engines.sql import literal
from clustergraph.errors import InputError, UsageError
from clustergraph.sightings.activity import LENGTHS, MINUTES, MODELS, fold_activity, unite_activity
from clustergraph.sightings.layouts import COUNTS
from clustergraph.sightings.nesting import nest_kinds
from clustergraph.sightings.reading import Sightings
from clustergraph.sightings.traits import FOLDED, TRAITS, open_traits

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from clustergraph.engines.interface import Engine
    from clustergraph.store.store import Store

# Days back that the store can take rows of.
LATEST = 31
_SUMS = ", ".join(f"sum({name})::BIGINT AS {name}" for name in COUNTS)
_TIMES = "min(first_seen) AS first_seen, max(last_seen) AS last_seen"
_DAYS = """
SELECT CAST(first_seen AS DATE) AS day, count(*) AS rows FROM exchanges GROUP BY day ORDER BY day
"""
_SIGHTINGS = f"""
SELECT account_id, kind, value, {_TIMES}, {_SUMS}, place
FROM {{relation}} WHERE CAST(first_seen AS DATE) = {{day}} AND kind = {{kind}}
GROUP BY account_id, kind, value, place{{time}} ORDER BY account_id, value, place NULLS FIRST{{time}}
"""
_EXCHANGES = f"""
SELECT account_id, kind, {_TIMES}, {_SUMS}, place
FROM exchanges WHERE CAST(first_seen AS DATE) = {{day}}
GROUP BY account_id, kind, place, date_trunc('hour', first_seen)
ORDER BY account_id, kind, place NULLS FIRST, first_seen
"""
# Templates that were found in the prompts of a night, of those that a day has.
FOUND_TEMPLATES = "templates"
_FOUND_THEN = """
SELECT DISTINCT value FROM {relation} WHERE CAST(first_seen AS DATE) = {day} AND kind = {kind}
"""
FILLINGS = "fillings"
_FILLED_THEN = """
SELECT account_id, day, template, filling, sum(uses)::BIGINT AS uses FROM fillings WHERE day = {day}
GROUP BY ALL ORDER BY account_id, template, filling
"""
_EVENTS = "SELECT DISTINCT event FROM counted_events WHERE day = {day} ORDER BY event"


@dataclass(frozen=True)
class Increment:
    """What one night brought in of one day.

    Attributes:
        day: that the rows are of, as an ISO date.
        night: that brought them.
        place: folder, from the root of the store.
        rows: that were folded.
        shape: `events` or `sightings`.
        kinds: of signals.
        has_place: whether the input could tell where a row was seen.
        has_events: whether it had event ids.
        sha256: of each file.
    """

    day: str
    night: str
    place: str
    rows: int
    shape: str
    kinds: tuple[str, ...]
    has_place: bool
    has_events: bool
    sha256: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return {**asdict(self), "kinds": list(self.kinds)}

    @property
    def has_traits(self) -> bool:
        """Whether it tells extraction from ordinary use; older stores do not."""
        return TRAITS in self.sha256

    @property
    def has_templates(self) -> bool:
        """Whether templates were found in prompts."""
        return FOUND_TEMPLATES in self.sha256

    @property
    def has_fillings(self) -> bool:
        """Whether it is known what filled their slots."""
        return FILLINGS in self.sha256

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Increment:
        """Make one of plain values."""
        return cls(**{**found, "kinds": tuple(found["kinds"])})


def fold(
    sightings: Sightings, store: Store, night: date, *, windowed: Collection[str] = ()
) -> list[Increment]:
    """Fold what a night brought in into the store, day by day.

    Args:
        sightings: the night's rows; `counted_events` of its engine is used where there is one.
        store: that takes them.
        night: their night.
        windowed: kinds of which every time of use is kept.

    Returns:
        An increment per day, in order. They are on disk, but count only when a run names them.

    Raises:
        InputError: the disk is full, or cannot be written to.
    """
    days = sightings.engine.fetch(_DAYS).to_pylist()
    with told(store.incidence):
        return [_fold_day(sightings, store, night, row["day"], row["rows"], windowed) for row in days]


def open_window(
    engine: Engine, increments: Sequence[Increment], store: Store, families: Mapping[str, str],
    nested: Mapping[str, str], templates: pa.Table,
) -> Sightings:  # fmt: skip
    """Make the relations `sightings`, `exchanges` and `traits` of a window, and `fillings` if any are known.

    Args:
        engine: to read with.
        increments: of the window, one at least.
        store: that has them.
        families: kind -> family.
        nested: finer kind -> the coarser one that it lies in, over the defaults; an empty name for none.
        templates: that are known (`templates.known.FOUND`).

    Raises:
        InputError: some are of events and others of sightings, or one is missing or damaged.
        UsageError: kinds are nested in a circle, or in kinds of another family.
    """
    for one in increments:
        damage = _find_damage(store.root / one.place, one.sha256)
        if damage:
            raise InputError(
                f"{damage}: is not as it was written; put it back from a backup, or run {one.night} again "
                "from its rows, with --rebuild if there are later nights"
            )
    shapes = sorted({one.shape for one in increments})
    if len(shapes) > 1:
        raise InputError(
            f"{store.root}: the nights of the window are of {' and of '.join(shapes)}; expected one shape"
        )
    for relation in ("sightings", "exchanges"):
        files = [str(store.root / one.place / f"{relation}.parquet") for one in increments]
        engine.scan(f"window_{relation}", files, file_format="parquet")
        engine.view(relation, f"SELECT * FROM window_{relation}")
    activity = _unite(engine, increments, store)
    filled = [str(store.root / one.place / f"{FILLINGS}.parquet") for one in increments if one.has_fillings]
    if filled:
        engine.scan("window_fillings", filled, file_format="parquet")
        engine.view("fillings", "SELECT * FROM window_fillings")
    open_traits(
        engine, [str(store.root / one.place / f"{TRAITS}.parquet") for one in increments if one.has_traits]
    )
    kinds = tuple(sorted({kind for one in increments for kind in one.kinds}))
    of_kind = {kind: families.get(kind, kind) for kind in kinds}
    return Sightings(
        engine=engine,
        shape="events" if shapes == ["events"] else "sightings",
        kinds=kinds,
        families=of_kind,
        nested=nest_kinds(kinds, of_kind, nested),
        has_time=True,
        has_place=any(one.has_place for one in increments),
        has_events=False,
        measures=frozenset(COUNTS),
        files=(),
        rows=sum(one.rows for one in increments),
        rejected={},
        duplicates=0,
        degraded=False,
        naive_times=False,
        times="the times of the nights' inputs, in UTC",
        templates=templates,
        activity=activity,
        has_fillings=bool(filled),
    )


def _unite(engine: Engine, increments: Sequence[Increment], store: Store) -> frozenset[str]:
    """Name what is known of activity; increments of an older store, or without the columns, know nothing."""
    found = set()
    for name in (MINUTES, MODELS, LENGTHS):
        files = [str(store.root / one.place / f"{name}.parquet") for one in increments if name in one.sha256]
        if files:
            unite_activity(engine, name, files)
            found.add(name)
    return frozenset(found)


def choose_window(
    increments: Sequence[Increment], night: date, *, nights: int = 30, late: int = 3
) -> list[Increment]:
    """Choose the increments of the last days with data, up to a night.

    Args:
        increments: of all days.
        night: the last day.
        nights: how many days with data.
        late: days back that a night's input may have rows of.

    Raises:
        UsageError: there are too few nights, or too many days.
    """
    if nights < 1 or not 0 <= late <= LATEST:
        raise UsageError(f"[window] nights must be 1 or more, and late from 0 to {LATEST}")
    days = sorted({one.day for one in increments if one.day <= str(night)})[-nights:]
    return [one for one in increments if one.day in set(days)]


def _fold_day(
    sightings: Sightings, store: Store, night: date, day: date, rows: int, windowed: Collection[str]
) -> Increment:
    folder = store.incidence / f"dt={day}"
    folder.mkdir(FOLDER_MODE, exist_ok=True)
    make_private(folder)
    flush(store.incidence)
    fresh = Path(tempfile.mkdtemp(prefix=".", dir=folder))
    try:
        has_events = _write_day(sightings, fresh, day, windowed)
        sha256 = {path.stem: hash_file(path) for path in sorted(fresh.iterdir())}
        digest = hashlib.sha256("".join(f"{name} {one}\n" for name, one in sha256.items()).encode())
        place = folder / f"night={night}-{digest.hexdigest()[:16]}"
        settle(fresh)
        put_piece(fresh, place, intact=place.exists() and not _find_damage(place, sha256))
        flush(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return Increment(
        str(day), str(night), str(place.relative_to(store.root)), rows, sightings.shape, sightings.kinds,
        sightings.has_place, has_events, sha256,
    )  # fmt: skip


def _find_damage(place: Path, sha256: Mapping[str, str]) -> Path | None:
    """Find a file that is missing or not as it was written."""
    for name, expected in sha256.items():
        path = place / f"{name}.parquet"
        if not path.is_file() or hash_file(path) != expected:
            return path
    return None


def _write_day(sightings: Sightings, folder: Path, day: date, windowed: Collection[str]) -> bool:
    """Write the files of a day; tell whether its events have ids."""
    engine, at = sightings.engine, f"DATE '{day}'"
    parts = (
        engine.fetch(
            _SIGHTINGS.format(
                relation=f"{sightings.named.get(kind, 'sightings')} s",
                day=at,
                kind=literal(kind),
                time=", s.first_seen" if kind in windowed else "",
            )
        )
        for kind in sightings.kinds
    )
    empty = engine.fetch(_SIGHTINGS.format(relation="sightings", day=at, kind="NULL", time=""))
    with pq.ParquetWriter(folder / "sightings.parquet", empty.schema, compression="zstd") as writer:
        for part in parts:
            writer.write_table(part.cast(empty.schema))
    _write(engine.fetch(_EXCHANGES.format(day=at)), folder / "exchanges.parquet")
    for name in sorted(sightings.activity):
        _write(engine.fetch(fold_activity(name, at)), folder / f"{name}.parquet")
    if sightings.shape == "events":
        _write(engine.fetch(FOLDED.format(day=at)), folder / f"{TRAITS}.parquet")
    templates = sightings.templates
    if templates.num_rows:
        kind = templates["kind"][0].as_py()  # they are all of one
        relation = sightings.named.get(kind, "sightings")
        seen = engine.fetch(_FOUND_THEN.format(relation=relation, day=at, kind=literal(kind)))["value"]
        of_day = templates.filter(pc.is_in(templates["template_id"], value_set=seen.combine_chunks()))
        _write(of_day, folder / f"{FOUND_TEMPLATES}.parquet")
    if sightings.has_fillings:
        _write(engine.fetch(_FILLED_THEN.format(day=at)), folder / f"{FILLINGS}.parquet")
    if not sightings.has_events:
        return False
    _write(engine.fetch(_EVENTS.format(day=at)), folder / "events.parquet")
    return True


def _write(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd")
