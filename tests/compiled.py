"""Compiles what a run and a night compile, and keeps it for whoever runs next."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import clustergraph as cg
from clustergraph.nights.night import nightly
from clustergraph.simulation.generate import simulate


def main() -> None:
    """Run a small world as a whole and as a night, and explain its first cluster."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        simulate(folder, accounts=1_500, nights=1, evasion=0.4, seed=11)
        accounts = folder / "accounts.parquet"
        cg.run(folder / "events", accounts=accounts, out=folder / "run")
        cg.explain(cg.open_run(folder / "run"), 1)
        nightly(folder / "events", store=folder / "store", night=date(2026, 2, 2), accounts=accounts)


if __name__ == "__main__":
    main()
