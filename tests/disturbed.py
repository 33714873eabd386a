"""A world of four nights that are killed, stopped or fail, and the stores of an undisturbed history."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from clustergraph.nights.night import nightly
from clustergraph.simulation.generate import simulate
from tests.stores import copy

if TYPE_CHECKING:
    from pathlib import Path

START = date(2026, 2, 2)
NIGHTS = 4
# What is derived, and behaviour, add queries to a night, and nothing to what it writes.
LEAN = {
    "derive": {"ip_prefix": "", "asn": ""},
    "behaviour": {"synchrony": False, "handover": False, "pivot": False},
}


def at(number: int) -> date:
    """Give the date of a night."""
    return START + timedelta(days=number)


def make_world(folder: Path) -> Path:
    """Make a world of four nights, with a wrong delivery of night 1."""
    simulate(folder, accounts=1_500, nights=NIGHTS, evasion=0.4, seed=11)
    zero, one = (pq.read_table(folder / "events" / f"dt={at(n)}", partitioning=None) for n in (0, 1))
    (folder / "lean.toml").write_text(
        "".join(
            f"[{section}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
            for section, keys in LEAN.items()
        )
    )
    (folder / "wrong").mkdir()
    # Rows are missing, and others are of the night before.
    pq.write_table(one.slice(0, one.num_rows * 2 // 3), folder / "wrong" / "x.parquet")
    pq.write_table(zero.slice(0, 40), folder / "wrong" / "y.parquet")
    return folder


def arguments(world: Path, store: Path, number: int, *more: object) -> list[object]:
    """Give the command of a night."""
    return [
        "nightly", world / "events" / f"dt={at(number)}", "--store", store, "--date", at(number),
        "--accounts", world / "accounts.parquet", "--threads", 1, "--quiet",
        "--config", world / "lean.toml", *more,
    ]  # fmt: skip


def run_night(world: Path, store: Path, number: int, events: str = "", **options: Any) -> None:
    """Run a night in this process."""
    given = world / (events or f"events/dt={at(number)}")
    nightly(
        given, store=store, night=at(number), accounts=world / "accounts.parquet", threads=1, config=LEAN,
        **options,
    )  # fmt: skip


def make_stores(world: Path, folder: Path) -> list[Path]:
    """Make the undisturbed stores after each of the nights."""
    after: list[Path] = []
    for number in range(NIGHTS):
        store = copy(after[-1], folder / str(number)) if after else folder / str(number) / "store"
        run_night(world, store, number)
        after.append(store)
    return after


def make_wrong(world: Path, stores: list[Path], folder: Path) -> Path:
    """Make a store that took in the wrong delivery of night 1."""
    store = copy(stores[0], folder)
    run_night(world, store, 1, "wrong")
    return store
