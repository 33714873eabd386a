"""Where the bench finds real data, which version it measures, and where it keeps what it makes."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
REAL = ROOT.parent / "shared" / "data"
SAMPLE = ROOT / "data" / "events.parquet"


class AbsentError(Exception):
    """Something that a part of the bench needs is not there; the message says what."""


def find_hop() -> Path:
    """Give the folder of the Hop data, which stands beside the checkout."""
    hop = REAL / "hop"
    if not hop.is_dir():
        raise AbsentError(f"the Hop data is not in ../{REAL.relative_to(ROOT.parent)}/hop")
    return hop


def find_sample() -> Path:
    """Give the sample of events that is part of the project."""
    if not SAMPLE.is_file():
        raise AbsentError(f"there is no {SAMPLE.relative_to(ROOT)}")
    return SAMPLE


def bench_folder() -> Path:
    """Give the folder of made-up inputs, kept between runs; CLUSTERGRAPH_BENCH names another one."""
    folder = Path(os.environ.get("CLUSTERGRAPH_BENCH") or Path(tempfile.gettempdir()) / "clustergraph-bench")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def describe_commit() -> str:
    """Give the commit of the checkout, and whether there is more than it has."""
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty=, changed since"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return said.stdout.strip()
