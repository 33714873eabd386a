"""Who is who in a made-up world, and how much everybody really asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

VERIFIED = "verified organisation"
OPERATED = ("campaign", "cell", "decoy")
PEOPLE = ("individual", "tool")  # who shares with nobody but by chance, families and clubs aside

_TRUTH = """
SELECT account_id, cohort, "group", infrastructure, organization_id IS NOT NULL AS verified,
       coalesce(volume, 0)::BIGINT AS volume
FROM read_parquet('{folder}/truth.parquet') truth
JOIN read_parquet('{folder}/accounts.parquet') accounts USING (account_id)
LEFT JOIN (SELECT account_id, sum(exchanges) AS volume FROM read_parquet('{folder}/events/*/*.parquet')
           GROUP BY account_id) asked USING (account_id)
ORDER BY account_id
"""


def read_truth(folder: Path) -> pd.DataFrame:
    """Read a made-up world's truth.

    Args:
        folder: of the world.

    Returns:
        ``account_id``, ``cohort``, ``group`` (empty: none), ``infrastructure``, ``verified`` (has an
        ``organization_id``), ``volume`` in exchanges, counted from the events, and ``kind``: what an account
        is to an investigator. That is its cohort, but ``verified organisation`` for accounts of one that no
        operator borrowed.
    """
    with duckdb.connect() as connection:
        truth = connection.execute(_TRUTH.format(folder=folder)).df()
    innocent = truth["verified"] & ~truth["cohort"].isin(OPERATED)
    truth["kind"] = truth["cohort"].where(~innocent, VERIFIED)
    return truth
