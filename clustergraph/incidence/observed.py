"""What accounts are linked by: the sightings as they were read, and what is made of them for linking."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clustergraph.engines.interface import Engine


def observe(engine: Engine) -> None:
    """Name `observed`, with the columns of `sightings`: all that accounts are linked by.

    Linking and what comes after it ask this relation for signals and their values.
    """
    engine.view("observed", "SELECT * FROM sightings")
