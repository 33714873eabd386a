"""What accounts are linked by: the sightings as they were read, and what is made of them for linking."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clustergraph.engines.interface import Engine

_COLUMNS = "account_id, kind, value, first_seen, last_seen, exchanges, input_tokens, output_tokens, place"


def observe(engine: Engine, *, behaviour: bool = False) -> None:
    """Name `observed`, with the columns of `sightings`: all that accounts are linked by.

    Linking and what comes after it ask this relation for signals and their values.

    Args:
        engine: that has the relations.
        behaviour: whether it has signals of behaviour.
    """
    made = f" UNION ALL SELECT {_COLUMNS} FROM behaviour" if behaviour else ""
    engine.view("observed", f"SELECT {_COLUMNS} FROM sightings{made}")
