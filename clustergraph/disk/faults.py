"""Faults of a disk, told as something that a person can mend."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from clustergraph.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def told(place: Path) -> Iterator[None]:
    """Name the place, and what the system says of it, where something cannot be written.

    Args:
        place: that a person knows, not one of the hidden names beside it.

    Raises:
        InputError: in place of the system's error.
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"{place}: cannot be written: {reason(error)}") from error


def reason(error: OSError) -> str:
    """Say why in the system's words; what Parquet raises has a number, but words of its own."""
    return os.strerror(error.errno) if error.errno else str(error)
