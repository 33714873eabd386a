"""Whole processes, measured from outside."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.places import ROOT, bench_folder
from tests.bench.world import world_file

if TYPE_CHECKING:
    from collections.abc import Sequence

LAUNCHER = Path(__file__).with_name("launcher.py")
_KIBIBYTE = 1024


@dataclass(frozen=True)
class Taken:
    """What one process took.

    Attributes:
        seconds: on the clock, from its start to its end.
        peak_bytes: the most memory that it held.
        stages: seconds of each stage, of those that tell.
        worked: seconds that processors worked for it, which others at work disturb least.
    """

    seconds: float
    peak_bytes: int
    stages: dict[str, float] = field(default_factory=dict)
    worked: float = 0.0


def measure(command: Sequence[str]) -> Taken:
    """Run a command to its end; a RuntimeError shows what it said where it fails."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(LAUNCHER), *command],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    *said, figures = done.stderr.splitlines()
    code, seconds, kibibytes, worked = figures.split()
    if code != "0":
        raise RuntimeError(f"{' '.join(command)} ended with {code}:\n" + "\n".join(said))
    return Taken(float(seconds), int(kibibytes) * _KIBIBYTE, worked=float(worked))


def measure_job(source: Path, out: Path, threads: int, **options: Path | None) -> Taken:
    """Measure ``clustergraph run``, stages included.

    Args:
        source: the input.
        out: folder of the run, written anew.
        threads: processors to use.
        **options: files, by the names of the command's options; None leaves one out.
    """
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "clustergraph", "run", str(source), "--out", str(out), "--quiet"]
    for name, path in options.items():
        command += [f"--{name.replace('_', '-')}", str(path)] if path else []
    taken = measure([*command, "--threads", str(threads)])
    manifest = json.loads((out / "run.json").read_text())
    return Taken(
        taken.seconds, taken.peak_bytes, {s["stage"]: float(s["seconds"]) for s in manifest["stages"]}
    )


def measure_run(source: Path, threads: int) -> Taken:
    """Measure ``clustergraph run`` with its defaults and leave nothing behind."""
    out = bench_folder() / "run"
    taken = measure_job(source, out, threads)
    shutil.rmtree(out)
    return taken


def measure_group_by(source: Path, threads: int) -> Taken:
    """Measure DuckDB's count of accounts per signal."""
    return measure([sys.executable, "-m", "tests.bench.baseline", str(source), str(threads)])


def measure_day_pipeline(source: Path, threads: int) -> Taken:
    """Measure the pipeline of a day."""
    out = bench_folder() / "day"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "tests.bench.day_pipeline", str(source), str(out), str(threads)]
    taken = measure(command)
    shutil.rmtree(out)
    return taken


def warm_up(threads: int) -> None:
    """Compile everything once, so that what is measured finds it in numba's cache."""
    measure_run(world_file(3_000), threads)


def median(taken: Sequence[Taken]) -> Taken:
    """Give the median seconds, in all and of each stage, and the largest peak."""
    return Taken(
        statistics.median(t.seconds for t in taken),
        max(t.peak_bytes for t in taken),
        {stage: statistics.median(t.stages[stage] for t in taken) for stage in taken[0].stages},
    )
