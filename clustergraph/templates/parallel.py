"""Work on parts of the rows side by side: compiled loops let go of the interpreter's lock."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class Parallel:
    """Some threads; a context manager.

    Args:
        threads: how many.
    """

    def __init__(self, threads: int) -> None:
        self.threads = max(1, threads)
        self._pool = ThreadPoolExecutor(self.threads)

    def __call__(self, rows: int, work: Callable[[int, int], None]) -> None:
        """Call ``work`` with the first row and the row after the last of each part."""
        # More parts than threads, since rows are not alike.
        parts = min(rows, 4 * self.threads)
        bounds = [rows * part // parts for part in range(parts + 1)] if rows else []
        for _ in self._pool.map(work, bounds[:-1], bounds[1:]):
            pass

    def each(self, work: Callable[[int, int], None]) -> None:
        """Call ``work`` once a thread, with the number of the thread and of all threads."""
        for _ in self._pool.map(work, range(self.threads), [self.threads] * self.threads):
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()
