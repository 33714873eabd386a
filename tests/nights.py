"""Worlds of some nights, stores that take them in, and what the nights have published."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from clustergraph.nights.night import nightly
from tests.stores import copy

if TYPE_CHECKING:
    from pathlib import Path

    from clustergraph.artefacts.runs import Run

START = date(2026, 2, 2)


def at(number: int) -> date:
    """Give the date of a night."""
    return START + timedelta(days=number)


def events(world: Path, number: int) -> Path:
    return world / "events" / f"dt={at(number)}"


def run_night(world: Path, store: Path, number: int, **options: Any) -> Run:
    """Take a night of a world in; bans and organisations are known unless ``accounts`` says otherwise."""
    options = {"accounts": world / "accounts.parquet", "threads": 1} | options
    return nightly(events(world, number), store=store, night=at(number), **options)


def make_stores(world: Path, folder: Path, nights: int) -> list[Path]:
    """Make a store after each of some nights; who changes one does so in a copy."""
    after: list[Path] = []
    for number in range(nights):
        store = copy(after[-1], folder / str(number)) if after else folder / str(number) / "store"
        run_night(world, store, number)
        after.append(store)
    return after


def run_folder(store: Path, number: int) -> Path:
    return store / "runs" / f"dt={at(number)}"


def table(store: Path, number: int, name: str) -> pa.Table:
    return pq.read_table(run_folder(store, number) / f"{name}.parquet", partitioning=None)


def manifest(store: Path, number: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run_folder(store, number) / "run.json").read_text())
    return found
