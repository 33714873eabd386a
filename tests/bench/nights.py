"""What a night costs when there are many behind it: the same traffic, before and after more nights."""

from __future__ import annotations

import shutil
import statistics
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import duckdb

from clustergraph.simulation import simulate
from tests.bench.markdown import Table, gigabytes, seconds
from tests.bench.places import bench_folder
from tests.bench.processes import Taken, measure

if TYPE_CHECKING:
    from pathlib import Path

# Nights of the world, which come again and again; the nights compared are at the same place among them.
_CYCLE = 5
_EARLY, _LATE = 35, 60
_FIRST = date(2026, 2, 2)
# With a tenth of the accounts new each time, more than half of the window's may come to be in clusters.
_ACCEPTED = ("--accept", "clustered", "--by", "bench", "--reason", "made-up accounts that come again")
_AGAIN = """
COPY (
    SELECT * REPLACE ("timestamp" + INTERVAL ({days}) DAY AS "timestamp",
                      CASE WHEN hash(account_id) % 10 = 0 THEN account_id || '-{days}' ELSE account_id END
                      AS account_id),
           '{night}-' || row_number() OVER () AS event_id
    FROM '{source}'
) TO '{target}'
"""


@dataclass(frozen=True)
class _Nights:
    """A store, and the world whose nights it takes."""

    world: Path
    store: Path
    threads: int

    def run(self, number: int, store: Path) -> Taken:
        """Run a night whose rows are the only ones on disk; its number counts from 1."""
        night = _FIRST + timedelta(days=number - 1)
        source = self.world / "events" / f"dt={_FIRST + timedelta(days=(number - 1) % _CYCLE)}"
        rows = self.world / "tonight.parquet"
        days = number - 1 - (number - 1) % _CYCLE
        with duckdb.connect() as connection:
            connection.execute(
                _AGAIN.format(days=days, night=night, source=f"{source}/*.parquet", target=rows)
            )
        command = [
            sys.executable, "-m", "clustergraph", "nightly", str(rows), "--store", str(store), "--date",
            str(night), "--accounts", str(self.world / "accounts.parquet"), "--threads", str(self.threads),
            "--quiet", *_ACCEPTED,
        ]  # fmt: skip
        try:
            return measure(command)
        finally:
            rows.unlink()

    def keep(self, number: int) -> Path:
        """Keep the store as it is before a night."""
        kept = self.store.with_name(f"before-{number}")
        shutil.copytree(self.store, kept, symlinks=True)
        return kept

    def run_on_copy(self, number: int, kept: Path) -> Taken:
        """Run a night on a copy of what was kept."""
        copy = kept.with_name("copy")
        shutil.copytree(kept, copy, symlinks=True)
        try:
            return self.run(number, copy)
        finally:
            shutil.rmtree(copy)


def bench_nights(*, accounts: int, rounds: int, threads: int) -> list[Table]:
    """Run night 35 and night 60 in turn, ``rounds`` times each, on copies of one store."""
    folder = bench_folder() / "nights"
    shutil.rmtree(folder, ignore_errors=True)
    nights = _Nights(folder / "world", folder / "store", threads)
    simulate(nights.world, accounts=accounts, nights=_CYCLE, evasion=0.5)
    kept = {}
    for number in range(1, _LATE):
        nights.run(number, nights.store)
        if number + 1 in (_EARLY, _LATE):
            kept[number + 1] = nights.keep(number + 1)
    taken: dict[int, list[Taken]] = {_EARLY: [], _LATE: []}
    for _ in range(rounds):
        for number, found in taken.items():
            found.append(nights.run_on_copy(number, kept[number]))
    size = {number: _size(path) for number, path in kept.items()}
    shutil.rmtree(folder)
    return [_tell(taken, size, accounts, rounds, threads)]


def _tell(
    taken: dict[int, list[Taken]], size: dict[int, int], accounts: int, rounds: int, threads: int
) -> Table:
    columns = ("seconds", "worked")
    middle = {
        (number, name): statistics.median(getattr(one, name) for one in found)
        for number, found in taken.items()
        for name in columns
    }
    rows = [
        (
            f"{number}", *(seconds(middle[number, name]) for name in columns),
            gigabytes(max(one.peak_bytes for one in found)), gigabytes(size[number]),
        )
        for number, found in taken.items()
    ]  # fmt: skip
    ratios = (f"{middle[_LATE, name] / middle[_EARLY, name]:.2f}" for name in columns)
    rows.append(("ratio", *ratios, "", ""))
    return Table(
        f"Nights: {accounts:,} accounts, {threads} threads, median of {rounds} in turn",
        ("night", "seconds", "of processors", "peak memory, GB", "store before it, GB"),
        rows,
        f"The same {_CYCLE} nights of traffic come again and again, with dates and event ids of their own, "
        "and with a tenth of the accounts new each time. "
        "While a night runs, no other night's rows are on disk.",
    )


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
