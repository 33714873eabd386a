"""A night without news: everything is as it was the night before."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from clustergraph.artefacts.schema import LINEAGE, NIGHTLY_ARTEFACTS, REGROWTH, fill_schema
from clustergraph.decisions.log import name_entries
from clustergraph.errors import InputError
from clustergraph.identity.lineage import Event

if TYPE_CHECKING:
    from pathlib import Path

    from clustergraph.nights.task import Night
    from clustergraph.store.store import Store


def is_repeat(store: Store, night: Night) -> bool:
    """Tell whether nothing is new: no row that the night before had not, none less, and no decision.

    After a night of an earlier version, which has fewer artefacts, there is something new as well.
    """
    if night.base is None or night.entering or night.fresh.increments:
        return False
    base = night.base
    named = store.manifest(date.fromisoformat(base["night"]))["artefacts"]
    if any(f"{name}.parquet" not in named for name in NIGHTLY_ARTEFACTS):
        return False
    before = {one["place"] for one in base["increments"] if one["day"] in set(base["window"])}
    same = base.get("decisions") == name_entries(night.decisions)
    return same and {one.place for one in night.window} == before


def repeat_night(store: Store, night: Night) -> tuple[dict[str, pa.Table | Path], str, dict[str, Any]]:
    """Give the artefacts of the night before, the place of its ledger, and its facts.

    Its clusters all go on, and nobody is named again.

    Args:
        store: that has the night before.
        night: that repeats it.

    Raises:
        InputError: the night before is damaged.
    """
    assert night.base is not None
    before = date.fromisoformat(night.base["night"])
    folder = store.run(before)
    tables: dict[str, pa.Table | Path] = {name: folder / f"{name}.parquet" for name in NIGHTLY_ARTEFACTS}
    try:
        found = pq.read_table(tables["clusters"], columns=["cluster_id"], partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{tables['clusters']}: cannot be read: {error}") from error
    ids = sorted(found["cluster_id"].to_pylist())
    events = [asdict(Event(one, "continued", [one], [], 1.0, 0, 0, 0.0)) for one in ids]
    columns = {name: [event[name] for event in events] for name in LINEAGE.names}
    tables |= {"lineage": fill_schema(LINEAGE, columns, len(ids)), "regrowth": REGROWTH.empty_table()}
    return tables, str(night.ledger_before), dict(store.manifest(before)["input"])
