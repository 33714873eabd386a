"""How far a run has come, and what each stage took: bars on a terminal, lines elsewhere, or silence."""

from __future__ import annotations

import json
import resource
import sys
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

import rich.progress
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from clustergraph.figures import say_bytes, say_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Advance(Protocol):
    """Tells how far a stage has come; may be called from any thread."""

    def __call__(self, share: float | None = None, message: str = "") -> None:
        """Tell the share of the work that is done (0..1, None where unknown) and what is being done."""


class Progress:
    """Records what each stage takes, and shows nothing; others show it too.

    >>> progress = Progress()
    >>> with progress.stage("project") as advance:
    ...     advance(0.5, "shuffled copy 1 of 2")
    >>> [timing["stage"] for timing in progress.timings()]
    ['project']
    """

    def __init__(self) -> None:
        self._timings: list[dict[str, Any]] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[Advance]:
        """Time the block as a stage; stages follow each other, they are not nested."""
        started = time.monotonic()
        self._begin(name)
        succeeded = False
        try:
            yield self._advance
            succeeded = True
        finally:
            seconds = round(time.monotonic() - started, 3)
            self._timings.append({"stage": name, "seconds": seconds, "peak_memory_bytes": peak_memory()})
            self._end(self._timings[-1], succeeded=succeeded)

    def tell(self, event: str, **figures: Any) -> None:
        """Tell that something has happened, with its figures; for logs."""

    def timings(self) -> list[dict[str, Any]]:
        """Give ``stage``, ``seconds`` and ``peak_memory_bytes`` of each stage so far, in order.

        Peak memory is the most that the process held from its start to the end of the stage.
        """
        return [dict(timing) for timing in self._timings]

    def _begin(self, name: str) -> None:
        """Show that a stage begins."""

    def _advance(self, share: float | None = None, message: str = "") -> None:
        """Show how far it is."""

    def _end(self, timing: Mapping[str, Any], *, succeeded: bool) -> None:
        """Show that it ends."""


class Lines(Progress):
    """A line when a stage is done, and now and then while it takes long; for logs."""

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        every: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Write to ``stream``, at most one line of progress in ``every`` seconds."""
        super().__init__()
        self._stream = sys.stderr if stream is None else stream
        self._every, self._clock = every, clock
        self._lock = threading.Lock()
        self._name, self._started, self._shown = "", 0.0, 0.0

    def _begin(self, name: str) -> None:
        self._name = name
        self._started = self._shown = self._clock()

    def _advance(self, share: float | None = None, message: str = "") -> None:
        with self._lock:
            now = self._clock()
            if now - self._shown < self._every:
                return
            self._shown = now
            parts = [message] if message else []
            if share is not None and 0 < share < 1:
                left = (now - self._started) * (1 - share) / share
                parts = [f"{share:.0%}", *parts, f"about {say_seconds(left)} left"]
            self._write(", ".join(parts) or "working")

    def _end(self, timing: Mapping[str, Any], *, succeeded: bool) -> None:
        word = "done in" if succeeded else "ended after"
        took, peak = say_seconds(timing["seconds"]), say_bytes(timing["peak_memory_bytes"])
        self._write(f"{word} {took}, peak memory {peak}")

    def _write(self, words: str) -> None:
        _write_line(self._stream, f"{self._name}: {words}")


class Records(Progress):
    """A line of JSON for every event, for schedulers and collectors of logs.

    Every line has `time` (UTC), `run` (the same in all lines of a run) and `event`: `began` and `ended` with
    `stage`, whose end has `seconds` and `peak_memory_bytes`, or what :meth:`tell` is told.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to ``stream``, standard error by default."""
        super().__init__()
        self._stream = sys.stderr if stream is None else stream

    def tell(self, event: str, **figures: Any) -> None:
        """Write a line."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        _write_line(self._stream, json.dumps({"time": now, "run": name_run(), "event": event, **figures}))

    def _begin(self, name: str) -> None:
        self.tell("began", stage=name)

    def _end(self, timing: Mapping[str, Any], *, succeeded: bool) -> None:
        self.tell("ended", **timing, succeeded=succeeded)


class Bars(Progress):
    """A bar per stage, with the time left; for terminals."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Draw on ``stream``, standard error by default."""
        super().__init__()
        self._stream = sys.stderr if stream is None else stream
        self._bar: rich.progress.Progress | None = None

    def _begin(self, name: str) -> None:
        self._bar = rich.progress.Progress(
            TextColumn("{task.fields[stage]:<10}", style="bold", markup=False),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.description}", style="dim", markup=False),
            console=Console(file=self._stream),
        )
        self._bar.add_task("", total=None, stage=name)
        self._bar.start()

    def _advance(self, share: float | None = None, message: str = "") -> None:
        if self._bar is None:
            return
        task = self._bar.tasks[0]
        total = task.total if share is None else 1.0
        self._bar.update(task.id, total=total, completed=share, description=message or None)

    def _end(self, timing: Mapping[str, Any], *, succeeded: bool) -> None:
        if self._bar is None:
            return
        if succeeded:
            done = f"peak memory {say_bytes(timing['peak_memory_bytes'])}"
            self._bar.update(self._bar.tasks[0].id, total=1.0, completed=1.0, description=done)
        self._bar.stop()
        self._bar = None


def choose_progress(
    stream: TextIO | None = None, *, quiet: bool = False, log_format: str = "text"
) -> Progress:
    """Choose bars for a terminal, lines for anything else, silence for ``quiet``, records for ``json``."""
    stream = sys.stderr if stream is None else stream
    if log_format == "json":
        return Records(stream)
    if quiet:
        return Progress()
    return Bars(stream) if stream.isatty() else Lines(stream)


@cache
def name_run() -> str:
    """Give what the log calls this process, which does one run."""
    return uuid.uuid4().hex[:12]


def _write_line(stream: TextIO, line: str) -> None:
    with suppress(BrokenPipeError):  # nobody reads the log any more, which is no reason to end the run
        stream.write(line + "\n")
        stream.flush()


def peak_memory() -> int:
    """Give the most memory that this process has held so far (bytes)."""
    # A child of a large process starts with its parent's ru_maxrss; Linux also tells its own.
    status = Path("/proc/self/status")
    if status.is_file():
        lines = status.read_text(encoding="ascii", errors="replace").splitlines()
        own = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
        if own:
            return int(own[0]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
