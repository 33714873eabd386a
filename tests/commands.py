"""Whole commands, in this process or in one of their own, and what folders hold before and after."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from clustergraph.cli import STOPPED, main

ROOT = Path(__file__).parent.parent
MAIN = "\nimport sys\nfrom clustergraph.cli import main\nmain(sys.argv[1:])\n"


class Ended(NamedTuple):
    """How a command ended and what it said."""

    code: Any
    out: str
    err: str


def call(*arguments: object) -> Ended:
    """Run a command in this process."""
    handlers = {number: signal.getsignal(number) for number in STOPPED}
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main([str(one) for one in arguments])
    except SystemExit as end:
        return Ended(end.code, out.getvalue(), err.getvalue())
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def start(
    *arguments: object, before: str = "", wrapper: tuple[object, ...] = (), stdin: int | None = None,
    **environment: object,
) -> subprocess.Popen[str]:  # fmt: skip
    """Start a command in a process of its own; ``before`` is what Python is to do in it first."""
    python = [sys.executable, "-c", before + MAIN] if before else [sys.executable, "-m", "clustergraph"]
    return subprocess.Popen(
        [str(one) for one in (*wrapper, *python, *arguments)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | {name: str(one) for name, one in environment.items()},
    )


def finish(process: subprocess.Popen[str], seconds: float = 120) -> Ended:
    """Wait until a process ends."""
    with process:
        out, err = process.communicate(timeout=seconds)
    return Ended(process.returncode, out, err)


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Give mode and bytes of everything below a folder, hidden or not."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    }
