"""The days whose rows belong to an input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True)
class Span:
    """Whole days in UTC; rows without a time, or with one outside, are set aside.

    Attributes:
        first: the first day.
        last: the last day.
    """

    first: date
    last: date

    def fault_cases(self) -> list[str]:
        """Write the cases of SQL that name the faults of a row's time."""
        return [
            "\"timestamp\" IS NULL THEN 'timestamp: empty'",
            f"\"timestamp\" < TIMESTAMP '{self.first}' THEN 'timestamp: before {self.first}, too late'",
            f"CAST(\"timestamp\" AS DATE) > DATE '{self.last}' THEN 'timestamp: after {self.last}'",
        ]

    def covers(self, first: date, last: date) -> bool:
        """Tell whether it has all days from ``first`` to ``last``."""
        return self.first <= first and last <= self.last
