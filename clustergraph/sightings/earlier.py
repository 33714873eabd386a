"""What earlier nights know that a night's reading has to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa


@dataclass(frozen=True)
class Earlier:
    """What was read before.

    Attributes:
        events: Parquet files of `event`, the MD5 of event ids that were counted before.
        templates: that keep their ids (`templates.known.FOUND`).
    """

    events: Sequence[str] = ()
    templates: pa.Table | None = None
