"""Look at every row once, in one aggregate, to learn whether closer looks are needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clustergraph.engines.sql import quote
from clustergraph.errors import InputError
from clustergraph.sightings.faults import EARLIEST, LARGEST, LATEST, LONGEST
from clustergraph.sightings.layouts import ADDRESS, CONVERSATION, COUNTS, MODEL, PROMPT

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from clustergraph.engines.interface import Engine
    from clustergraph.sightings.layouts import Shape
    from clustergraph.sightings.spans import Span

OVERFLOW = 2.0**63


@dataclass(frozen=True)
class Columns:
    """The columns of the input that matter, by its shape.

    Attributes:
        shape: of the input.
        signals: column -> kind, for events.
        present: all names of columns that some file has.
        place: column of events that tells where a row was seen, None where the input has none.
        region: column of events that tells in which region that was, None where the input has none.
        span: days that rows have to be of, None where they may be of any.
        prompt: whether the column `prompt` is to be read.
        conversation: whether the column `conversation_id` is.
        derived: columns of events that signals are derived from.
    """

    shape: Shape
    signals: Mapping[str, str]
    present: Collection[str]
    place: str | None = None
    region: str | None = None
    span: Span | None = None
    prompt: bool = False
    conversation: bool = False
    derived: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """Give the columns in which signals are, those of places, of models, conversations, and prompts."""
        if self.shape == "sightings":
            return ("kind", "value")
        places = (name for name in (self.place, self.region) if name is not None)
        apart = tuple(dict.fromkeys(name for name in places if name not in self.signals))
        more = {MODEL: self.model, CONVERSATION: self.conversation, PROMPT: self.prompt}
        known = (*self.signals, *apart)
        return (*known, *(name for name, read in more.items() if read and name not in known))

    @property
    def model(self) -> bool:
        """Tell whether the input says which model made the exchanges."""
        return self.shape == "events" and MODEL in self.present

    @property
    def ids(self) -> tuple[str, ...]:
        """Give the column of event ids, where the input has one."""
        return ("event_id",) if self.shape == "events" and "event_id" in self.present else ()

    @property
    def wanted(self) -> tuple[str, ...]:
        """Give all columns to read, in order."""
        first = ("account_id", *self.ids, *self.texts)
        others = (name for name in self.derived if name not in first)
        return (*first, *others, "timestamp", *COUNTS)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Give the columns of events that hold addresses."""
        of_signals = [name for name, kind in self.signals.items() if kind == ADDRESS]
        return (*of_signals, *({ADDRESS} & set(self.derived) - set(of_signals)))


@dataclass(frozen=True)
class Survey:
    """What one look at all rows found.

    Attributes:
        suspicious: whether any row has a fault that its values show.
        blank: whether any sighting has a null or empty value.
        colons: whether any address has a colon.
        kinds: of which any signal was observed, sorted.
        has_time: whether any row has a time.
        totals: count -> its sum over all rows.
    """

    suspicious: bool
    blank: bool
    colons: bool
    kinds: tuple[str, ...]
    has_time: bool
    totals: Mapping[str, float]


def survey(engine: Engine, relation: str, columns: Columns) -> Survey:
    """Survey the rows of a relation.

    Args:
        engine: that has it.
        relation: with the wanted columns.
        columns: of the input.
    """
    long = columns.shape == "sightings"
    parts = ["count(*) AS n", "count(account_id) AS named"]
    parts += [f"{word}(strlen(account_id)) AS account_{word}" for word in ("min", "max")]
    parts += [f"max(strlen({quote(name)})) AS {quote('longest_' + name)}" for name in columns.texts]
    if "timestamp" in columns.present:
        parts += [f'{word}("timestamp") AS time_{word}' for word in ("min", "max", "count")]
    counts = [name for name in COUNTS if name in columns.present]
    parts += [f"{word}({name}) AS {name}_{word}" for name in counts for word in ("min", "max")]
    parts += [f"CAST(sum({name}) AS DOUBLE) AS {name}_sum" for name in counts]
    if long:
        parts += ["count(value) AS observed", "min(strlen(value)) AS shortest", "kind"]
    parts.append(f"count(*) FILTER (WHERE {_colons(columns)}) AS colons")
    by_kind = " GROUP BY kind" if long else ""
    rows = engine.fetch(f"SELECT {', '.join(parts)} FROM {relation}{by_kind}").to_pylist()
    if long:
        kinds = {row["kind"] or "" for row in rows if row["longest_value"]}
    else:
        kinds = {kind for name, kind in columns.signals.items() if rows[0][f"longest_{name}"]}
    return Survey(
        suspicious=any(_suspicious(row, columns, counts) for row in rows),
        blank=not long or any(row["observed"] < row["n"] or row["shortest"] == 0 for row in rows),
        colons=any(row["colons"] for row in rows),
        kinds=tuple(sorted(kinds)),
        has_time=any(row.get("time_max") is not None for row in rows),
        totals={name: sum(row[f"{name}_sum"] or 0.0 for row in rows) for name in counts},
    )


def check_totals(totals: Mapping[str, float]) -> None:
    """Check that sums over all rows fit in 64 bits.

    Raises:
        InputError: one of them does not.
    """
    for name, total in totals.items():
        if total >= OVERFLOW:
            raise InputError(
                f"column {name!r} adds up to {total:.3g} over all rows, more than 64 bits hold;"
                f" expected counts of real exchanges: look for rows near {LARGEST:,}"
            )


def _colons(columns: Columns) -> str:
    if columns.shape == "sightings":
        return "kind = 'ip' AND contains(value, ':')"
    return " OR ".join(f"contains({quote(name)}, ':')" for name in columns.addresses) or "false"


def _suspicious(row: Mapping[str, Any], columns: Columns, counts: Collection[str]) -> bool:
    if not row["n"]:
        return False
    if row["named"] < row["n"] or row["account_min"] == 0 or row["account_max"] > LONGEST:
        return True
    if columns.shape == "sightings" and not row["kind"]:
        return True
    if any((row[f"longest_{name}"] or 0) > LONGEST for name in columns.texts):
        return True
    if any(row[f"{name}_min"] < 0 or row[f"{name}_max"] > LARGEST for name in counts):
        return True
    return _strange_times(row, columns)


def _strange_times(row: Mapping[str, Any], columns: Columns) -> bool:
    first, last = row.get("time_min"), row.get("time_max")
    if first is None or last is None:
        return columns.span is not None
    if _outside(first, last):
        return True
    span = columns.span
    return span is not None and (row["time_count"] < row["n"] or not span.covers(first.date(), last.date()))


def _outside(first: datetime, last: datetime) -> bool:
    return first.isoformat() < EARLIEST or last.isoformat() > LATEST + "T00:00:00"
