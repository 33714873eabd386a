"""Evaluate everything, or what is named, and print the tables for the README."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.places import ROOT, AbsentError, describe_commit
from tests.evaluate.ablation import ablation
from tests.evaluate.alone import alone
from tests.evaluate.bounds import bounds
from tests.evaluate.curve import curve
from tests.evaluate.deceptions import cells, lone, proxy, quiet
from tests.evaluate.hop import hop
from tests.evaluate.nights import nights
from tests.evaluate.prompts import prompts
from tests.evaluate.setting import Setting
from tests.evaluate.sizes import full, sparse
from tests.evaluate.trials import Trials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.bench.markdown import Table

SECTIONS: dict[str, Callable[[Trials, Setting], Iterator[Table]]] = {
    "bounds": bounds,
    "curve": curve,
    "full": full,
    "sparse": sparse,
    "proxy": proxy,
    "quiet": quiet,
    "cells": cells,
    "lone": lone,
    "prompts": prompts,
    "alone": alone,
    "hop": hop,
    "nights": nights,
    "ablation": ablation,
}
ALL = "all"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sections asked for, each table printed when it is done; give how many of them failed."""
    options = _parse(arguments)
    setting = Setting(options.seeds, options.chart, options.accounts)
    print(f"# Evaluated {datetime.now(UTC):%d %B %Y}, commit {describe_commit()}\n")
    print(
        f"{platform.system()} {platform.machine()}, {options.threads} threads, Python "
        f"{platform.python_version()}.\n"
    )
    failed = 0
    with Trials(_say, threads=options.threads, keep=options.keep) as trials:
        for name in options.names:
            try:
                for table in SECTIONS[name](trials, setting):
                    print(f"{table}\n", flush=True)
            except AbsentError as absent:
                print(f"**{name}: left out**, {absent}.\n", flush=True)
            except RuntimeError as error:  # one run that fails must not take hours of others with it
                failed += 1
                print(f"**{name}: failed**, {error}\n", flush=True)
    return failed


def _say(words: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {words}", file=sys.stderr, flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.evaluate", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="SECTION",
        help=f"of {', '.join(SECTIONS)} and {ALL}; {ALL} if none is given",
    )  # fmt: skip
    parser.add_argument(
        "--accounts",
        type=int,
        help="size of the worlds, decoys, towns and cells in proportion  [default: each section its own]",
    )
    parser.add_argument(
        "--seeds", type=_seeds, default=(7001, 7002), metavar="SEED,...",
        help="of the worlds; sections that need one world of a sort take the first  [default: 7001,7002]",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="processors of each run")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the worlds, and find them again  [default: removed]"
    )
    parser.add_argument(
        "--chart", type=Path, default=ROOT / "data" / "evasion.svg", metavar="FILE.svg",
        help="where the picture of the curve goes  [default: data/evasion.svg, which the README shows]",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in (*SECTIONS, ALL)]
    if unknown:
        parser.error(f"there is no {unknown[0]}; choose from {', '.join((*SECTIONS, ALL))}")
    if not options.names or ALL in options.names:
        options.names = list(SECTIONS)
    return options


def _seeds(text: str) -> tuple[int, ...]:
    return tuple(int(seed) for seed in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
