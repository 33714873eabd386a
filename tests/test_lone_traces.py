"""A campaign whose accounts have one thing in common is found by it, and people go free.

What needs time or a new model is in test_behaviour.py, prompts are in test_prompts.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import clustergraph as cg
from clustergraph.simulation.generate import simulate

if TYPE_CHECKING:
    from pathlib import Path

START = pd.Timestamp("2026-02-02", tz="UTC")
PROVIDERS = [f"mail{number}.example" for number in range(8)]
PEOPLE, MEMBERS = 20_000, 80


def judge(run: cg.Run, truth: pd.Series) -> tuple[float, int]:
    """Give F1 of the cluster that has most of the campaign, and how many individuals are in clusters.

    Args:
        run: of a world.
        truth: cohort by account.
    """
    members = run.members.to_pandas()
    members["cohort"] = truth.reindex(members["account_id"]).to_numpy()
    hits = members["cohort"].eq("campaign").groupby(members["cluster_id"]).agg(["sum", "size"])
    f1 = 2 * hits["sum"] / (hits["size"] + truth.eq("campaign").sum())
    return float(f1.max()) if len(f1) else 0.0, int(members["cohort"].eq("individual").sum())


@pytest.mark.parametrize(
    ("trace", "least"),
    # Mail and sign-ups are like those of a school or a company where these are, so they are found together.
    [("prefix", 0.95), ("asn", 0.95), ("bin", 0.95), ("request", 0.95), ("email+signup", 0.8)],
)
def test_a_campaign_is_found_among_organisations(tmp_path: Path, trace: str, least: float) -> None:
    simulate(tmp_path, accounts=8_000, only=trace, campaign_accounts=100, evasion=0.3, seed=5)
    truth = pq.read_table(tmp_path / "truth.parquet").to_pandas().set_index("account_id")["cohort"]
    found = cg.run(tmp_path / "events", accounts=tmp_path / "accounts.parquet")
    f1, named = judge(found, truth)
    assert f1 >= least
    assert named <= 0.001 * truth.eq("individual").sum()


def mail(rng: np.random.Generator, accounts: int) -> list[str]:
    """Make addresses at large providers and, three in ten, at domains of a few accounts each."""
    provider = rng.choice(len(PROVIDERS), accounts, p=[0.4, 0.2, 0.12, 0.1, 0.08, 0.05, 0.03, 0.02])
    own = rng.integers(0, accounts // 10, accounts)
    domains = np.where(
        rng.random(accounts) < 0.3,
        [f"own{number}.example" for number in own],
        np.array(PROVIDERS)[provider],
    )
    words, numbers = rng.integers(4, 14, accounts), rng.integers(0, 5, accounts)
    return [
        f"{'a' * word}{number:x}{'7' * digits}@{domain}"
        for number, (word, digits, domain) in enumerate(zip(words, numbers, domains, strict=True))
    ]


def crowd(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Make events, accounts and truth of people, `MEMBERS` of whom are a campaign with nothing in common."""
    accounts = PEOPLE + MEMBERS
    ids = np.array([f"account-{number:05d}" for number in rng.permutation(accounts)])
    events = pd.DataFrame(
        {
            "account_id": np.repeat(ids, 3),
            "timestamp": START + pd.to_timedelta(rng.integers(0, 86_400, 3 * accounts), unit="s"),
            "device_id": np.repeat(ids, 3),
        }
    )
    known = pd.DataFrame(
        {
            "account_id": ids,
            "created_at": START - pd.to_timedelta(rng.integers(0, 700 * 86_400, accounts), unit="s"),
            "asn": [f"AS{number}" for number in np.minimum(rng.zipf(1.6, accounts), 400)],
            "email": mail(rng, accounts),
        }
    )
    cohort = np.repeat(["individual", "campaign"], [PEOPLE, MEMBERS])
    return events, known, pd.Series(cohort, ids)


def run(folder: Path, events: pd.DataFrame, known: pd.DataFrame) -> cg.Run:
    events.to_parquet(folder / "events.parquet")
    known.to_parquet(folder / "accounts.parquet")
    pq.write_table(pa.table({"value": PROVIDERS}), folder / "hubs.parquet")
    return cg.run(
        folder / "events.parquet",
        accounts=folder / "accounts.parquet",
        known_hubs=folder / "hubs.parquet",
    )


def sign_up_within_an_hour(known: pd.DataFrame, rng: np.random.Generator) -> None:
    hour = START - pd.Timedelta("20D 3h")
    known.loc[PEOPLE:, "created_at"] = hour + pd.to_timedelta(rng.integers(0, 3_600, MEMBERS), unit="s")
    known.loc[PEOPLE:, "asn"] = "AS77"


def have_mail_at_one_domain(known: pd.DataFrame, rng: np.random.Generator) -> None:
    local = known["email"].str.split("@").str[0][PEOPLE:]
    known.loc[PEOPLE:, "email"] = rng.permutation(local) + "@throwaway.example"


@pytest.mark.parametrize("leave_trace", [sign_up_within_an_hour, have_mail_at_one_domain, None])
def test_a_campaign_is_found_among_people(tmp_path: Path, leave_trace) -> None:
    rng = np.random.default_rng(3)
    events, known, truth = crowd(rng)
    if leave_trace:
        leave_trace(known, rng)
    f1, named = judge(run(tmp_path, events, known), truth)
    assert f1 == 0.0 if leave_trace is None else f1 >= 0.95
    assert named == 0
