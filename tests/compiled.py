"""Compiles what runs and nights compile, and keeps it for whoever runs next."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import clustergraph as cg
from clustergraph.nights.night import nightly
from clustergraph.simulation.generate import simulate

# Nothing is nested in anything else: what counts pairs is compiled once more.
FLAT = {"derive": {"ip_prefix": "", "asn": ""}}
TIMED = {"link": {"windows": {"ip": 60.0}}}


def main() -> None:
    """Run a small world of prompts whole and as a night, and explain its first cluster and a member of it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        events, accounts = folder / "events", folder / "accounts.parquet"
        simulate(folder, accounts=1_500, nights=1, evasion=0.4, prompts=True, seed=11)
        run = cg.run(events, accounts=accounts, config=TIMED)
        cg.explain(run, 1)
        cg.explain_account(run, run.members["account_id"][0].as_py())
        nightly(events, store=folder / "store", night=date(2026, 2, 2), accounts=accounts, config=FLAT)


if __name__ == "__main__":
    main()
