"""A quick start for commands that answer one question and end."""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Refusing:
    """A finder of modules that does not find one, though it is installed."""

    def __init__(self, name: str) -> None:
        self.name = name

    def find_spec(self, name: str, *_: object) -> None:
        if name == self.name:
            raise ModuleNotFoundError(f"{name} is not wanted yet", name=name)


@contextmanager
def answer_quickly() -> Iterator[None]:
    """Save a third of the time that loading libraries takes.

    Whatever array it makes first, pyarrow asks whether it is one of pandas, and loads pandas to know. Here
    none is: it is told so, and loads pandas when a frame is asked for. Garbage is collected by count of
    references alone, for what is loaded is not garbage.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        if "pandas" not in sys.modules:
            _put_off_pandas()
        yield
    finally:
        if collecting:
            gc.enable()


def _put_off_pandas() -> None:
    import pyarrow as pa

    refusing = _Refusing("pandas")
    sys.meta_path.insert(0, refusing)
    try:
        pa.array([None])  # pyarrow remembers what it found when it asked first
    finally:
        sys.meta_path.remove(refusing)
