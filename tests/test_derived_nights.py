"""Derived signals go through a store as they go through a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

import clustergraph as cg
from clustergraph.simulation.generate import simulate
from tests.nights import events, manifest, run_night, table

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = {
    "derive": {"client_of_model": "model || ' ' || user_agent"},
    "guardrails": {"clustered": 1.0, "largest": 1.0},
}


def add_emails(path: Path) -> None:
    """Give every account of a table an address of mail, and a network it came from."""
    known = pq.read_table(path)
    ids = known["account_id"].to_pylist()
    emails = pa.array([f"user{number % 97}@mail{number % 5}.example" for number in range(len(ids))])
    asn = pa.array([str(64500 + number % 7) for number in range(len(ids))])
    pq.write_table(known.append_column("email", emails).append_column("asn", asn), path)


def test_a_night_derives_what_a_run_over_its_window_derives(tmp_path):
    simulate(tmp_path / "world", accounts=1_000, nights=2, evasion=0.4, seed=11)
    accounts = tmp_path / "world" / "accounts.parquet"
    add_emails(accounts)
    for number in range(2):
        run_night(tmp_path / "world", tmp_path / "store", number, config=SETTINGS)
    inputs = [events(tmp_path / "world", number) for number in range(2)]
    run = cg.run(inputs, accounts=accounts, config=SETTINGS)
    kinds = manifest(tmp_path / "store", 1)["input"]["kinds"]
    assert run.manifest["input"]["kinds"] == kinds
    assert {"asn", "client_of_model", "email_domain", "email_pattern", "ip_prefix", "signup_burst"} < set(
        kinds
    )
    for name in ("signals", "accounts", "incidence"):
        one, other = run.tables[name], table(tmp_path / "store", 1, name)
        columns = [
            column for column in one.column_names if column != "cluster_id"
        ]  # ids are of a night's own
        assert one.select(columns).to_pylist() == other.select(columns).to_pylist(), name
