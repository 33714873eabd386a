"""Whole commands in processes that are forked from one that has loaded everything, to be killed by the dozen.

Loading the libraries takes longer than most of what is interrupted. What runs is the same.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from clustergraph.cli import main
from tests.commands import Ended

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["tests.loaded"])


class Fork:
    """A command at work in a process of its own."""

    def __init__(self, process: ForkServerProcess, folder: tempfile.TemporaryDirectory[str]):
        self._process, self._folder = process, folder

    def wait(self, seconds: float) -> None:
        """Wait until it ends.

        Raises:
            subprocess.TimeoutExpired: it does not within so many seconds.
        """
        self._process.join(seconds)
        if self._process.is_alive():
            raise subprocess.TimeoutExpired("a fork", seconds)

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()

    def finish(self, seconds: float = 120) -> Ended:
        """Wait until it ends, and give what it said."""
        try:
            self.wait(seconds)
        finally:
            self.kill()
        code = self._process.exitcode
        self._process.close()
        with self._folder as folder:
            out, err = ((Path(folder) / name).read_text() for name in ("out", "err"))
        return Ended(code, out, err)


def fork(*arguments: object, before: str = "") -> Fork:
    """Start a command; ``before`` is what Python is to do first."""
    folder = tempfile.TemporaryDirectory()
    given = [str(one) for one in arguments]
    process = SERVER.Process(target=_work, args=(given, before, folder.name))
    process.start()
    return Fork(process, folder)


def _work(arguments: list[str], before: str, folder: str) -> None:
    for number, name in ((1, "out"), (2, "err")):
        handle = os.open(Path(folder) / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(handle, number)
        os.close(handle)
    atexit._clear()  # what was registered before is of the process that forked
    exec(before, {"__name__": "before"})
    try:
        main(arguments)
    finally:
        atexit._run_exitfuncs()
