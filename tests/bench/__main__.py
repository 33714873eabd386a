"""Measure everything, or what is named, and print the tables for the README."""

from __future__ import annotations

import argparse
import os
import platform
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from tests.bench.confidence import bench_confidence
from tests.bench.growth import bench_growth
from tests.bench.hop import bench_hop
from tests.bench.investigation import bench_investigation
from tests.bench.nights import bench_nights
from tests.bench.places import AbsentError, bench_folder, describe_commit
from tests.bench.shuffles import bench_shuffles
from tests.bench.speed import bench_speed
from tests.bench.templates import bench_templates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.bench.markdown import Table

NAMES = ("speed", "growth", "hop", "shuffles", "confidence", "nights", "investigation", "templates")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benches asked for, one after the other, each table printed when it is done."""
    options = _parse(arguments)
    print(f"# Measured {datetime.now(UTC):%d %B %Y}, commit {describe_commit()}\n")
    print(
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python "
        f"{platform.python_version()}; made-up inputs are in {bench_folder()}.\n"
    )
    for name, bench in _benches(options).items():
        if name not in (options.names or NAMES):
            continue
        try:
            for table in bench():
                print(f"{table}\n", flush=True)
        except AbsentError as absent:
            print(f"**{name}: left out**, {absent}.\n", flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all if none is given"
    )
    parser.add_argument("--accounts", type=int, default=1_000_000, help="size of the world of speed")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[100_000, 300_000, 1_000_000, 3_000_000],
        help="sizes of the worlds of growth",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each, but for growth")
    parser.add_argument("--without-day", action="store_true", help="leave out the pipeline of a day")
    parser.add_argument("--growth-rounds", type=int, default=1, help="repetitions of growth")
    parser.add_argument("--shuffles", type=int, default=20, help="fresh shuffles of each input and way")
    parser.add_argument("--worlds", type=int, default=100_000, help="largest made-up world of confidence")
    parser.add_argument("--night-accounts", type=int, default=100_000, help="size of the world of nights")
    parser.add_argument(
        "--investigated", type=int, default=470_000, help="size of the world of investigation"
    )
    parser.add_argument(
        "--prompts",
        type=int,
        nargs="+",
        default=[1_000_000, 3_000_000, 10_000_000],
        help="sizes of templates",
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"there is no {unknown[0]}; choose from {', '.join(NAMES)}")
    return options


def _benches(options: argparse.Namespace) -> dict[str, Callable[[], list[Table]]]:
    threads = options.threads
    return {
        "speed": partial(
            bench_speed, accounts=options.accounts, rounds=options.rounds, threads=threads,
            day=not options.without_day,
        ),
        "growth": partial(
            bench_growth, sizes=options.sizes, rounds=options.growth_rounds, threads=threads
        ),
        "hop": partial(bench_hop, threads=threads),
        "shuffles": partial(bench_shuffles, count=options.shuffles, threads=threads),
        "confidence": partial(bench_confidence, threads=threads, most_accounts=options.worlds),
        "nights": partial(
            bench_nights, accounts=options.night_accounts, rounds=options.rounds, threads=threads
        ),
        "investigation": partial(
            bench_investigation, accounts=options.investigated, rounds=options.rounds, threads=threads
        ),
        "templates": partial(bench_templates, sizes=options.prompts, threads=threads),
    }  # fmt: skip


if __name__ == "__main__":
    main()
