"""Nights in a row: do campaigns keep their ids, and are their new accounts named when they come?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from tests.bench.markdown import Table
from tests.evaluate.setting import Bound, Setting, bounds_table
from tests.evaluate.steadiness import count_steady

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pandas as pd

    from tests.evaluate.trials import Trials

ACCOUNTS, NIGHTS, EVASION = 100_000, 30, 0.5
# A campaign is there to be found on nights on which so many of its active accounts share signals.
_LEAST_ACTIVE = 3
# Holders of a signal that a stranger could have by chance.
_COMMON = 50
_SHARED = f"""
WITH seen AS (
    SELECT DISTINCT account_id, kind, value, dt
    FROM (
        UNPIVOT (SELECT account_id, payment_fingerprint, ip, device_id, prompt_template, dt FROM events)
        ON payment_fingerprint, ip, device_id, prompt_template INTO NAME kind VALUE value
    )
),
rare AS (SELECT kind, value FROM seen GROUP BY ALL HAVING count(DISTINCT account_id) BETWEEN 2 AND {_COMMON}),
held AS (
    SELECT s.account_id, s.kind, s.value, t."group", min(s.dt) AS since
    FROM seen s JOIN rare USING (kind, value) JOIN truth t USING (account_id)
    WHERE t.cohort = 'campaign' GROUP BY ALL
)
"""
_WANTED, _STEADY = 0.95, 0.999
_TWO, _MEMBERS = "that share two signals or more", "that are members that night"
# Campaign accounts by night: seen that night, and sharing a rare signal with another that was seen before.
_ACTIVE = (
    _SHARED
    + """
SELECT a."group", a.dt, count(DISTINCT a.account_id) AS accounts
FROM (SELECT DISTINCT account_id, dt, t."group" FROM seen JOIN truth t USING (account_id)
      WHERE t.cohort = 'campaign') a
JOIN held h ON h.account_id = a.account_id AND h.since <= a.dt
JOIN held o ON o.kind = h.kind AND o.value = h.value AND o."group" = h."group"
           AND o.account_id <> h.account_id AND o.since <= a.dt
GROUP BY ALL
"""
)
# Accounts of campaigns that came after their campaign's first ban, and how many rare signals of it they
# shared on their first night.
_REPLACEMENTS = (
    _SHARED
    + """,
came AS (SELECT account_id, min(dt) AS dt FROM seen GROUP BY account_id),
bans AS (
    SELECT t."group", min(CAST(a.banned_at AS DATE)) AS first_ban
    FROM accounts a JOIN truth t USING (account_id)
    WHERE t.cohort = 'campaign' AND a.banned_at IS NOT NULL GROUP BY ALL
)
SELECT c.account_id, t."group", c.dt,
       (SELECT count(DISTINCT (h.kind, h.value)) FROM held h JOIN held o USING (kind, value, "group")
        WHERE h.account_id = c.account_id AND o.account_id <> c.account_id AND h.since = c.dt
          AND o.since <= c.dt) AS shared
FROM came c JOIN truth t USING (account_id) JOIN bans b USING ("group")
WHERE t.cohort = 'campaign' AND c.dt > CAST(b.first_ban AS VARCHAR)
"""
)


@dataclass(frozen=True)
class _Life:
    """What a store and a world say of the same nights."""

    active: pd.DataFrame  # group, dt, accounts
    replacements: pd.DataFrame  # account_id, group, dt, shared
    members: pd.DataFrame  # dt, cluster_id, account_id
    regrowth: pd.DataFrame  # dt, cluster_id, account_id
    truth: pd.Series[Any]  # group of each account
    volume: pd.DataFrame  # account_id, dt, exchanges


def nights(trials: Trials, setting: Setting) -> Iterator[Table]:
    """Run every night of a world with bans and replacements."""
    size = setting.size(ACCOUNTS)
    world = {"accounts": size, "nights": NIGHTS, "evasion": EVASION, "seed": setting.seeds[0]}
    folder, store = trials.run_nights(world)
    life = _read_life(folder, store)
    title = f"{NIGHTS} nights of {size:,} accounts, evasion {EVASION}, seed {setting.seeds[0]}"
    kept = _count_kept(life)
    rows = [(one["group"], f"{one['nights']}", f"{one['kept']}", one["cluster_id"] or "-") for one in kept]
    yield Table(
        f"Ids of campaigns, {title}", ("campaign", "nights there to be found", "with its id", "id"), rows
    )
    named = _judge_regrowth(life)
    yield Table(
        f"Regrowth, {title}", ("", "accounts", "named on their first night", "named at all"),
        [(name, f"{found['accounts']:,}", f"{found['at_once']:.1%}", f"{found['ever']:.1%}")
         for name, found in named["recall"].items()],
        f"Replacements are accounts of a campaign that came after its first ban; two signals are such as at "
        f"most {_COMMON} accounts have. Of what all replacements asked for, {named['before']:.1%} was before "
        "they were named, or of such as never were.",
    )  # fmt: skip
    steps, changed = count_steady(life.members, life.volume, life.truth)
    yield Table(
        f"Ids of groups that nobody joined, {title}", ("steps from night to night", "the id changed"),
        [(f"{steps:,}", f"{len(changed):,}")],
        "Groups of all kinds, of each the cluster that has most of it.",
    )  # fmt: skip
    yield bounds_table(f"Bounds on {title}", _bounds(kept, named, 1.0 - len(changed) / max(steps, 1)))


def _bounds(kept: Sequence[dict[str, Any]], named: dict[str, Any], steady: float) -> list[Bound]:
    worst = min(one["kept"] / max(one["nights"], 1) for one in kept)
    two, members = (named["recall"][name]["at_once"] for name in (_TWO, _MEMBERS))
    figures = [
        ("one id in at least 95% of the nights", worst),
        ("at least 95% of the replacements with evidence are named that night", members),
        ("at least 95% of those that share two signals are named that night", two),
        ("precision of the list at least 95%", named["precision"]),
    ]
    bounds = [Bound(words, f"{figure:.1%}", figure >= _WANTED) for words, figure in figures]
    words = "a cluster whose members did not change keeps its id (in 99.9% of the steps)"
    return [*bounds, Bound(words, f"{steady:.3%}", steady >= _STEADY)]


def _read_life(folder: Path, store: Path) -> _Life:
    with duckdb.connect() as connection:
        for name in ("truth", "accounts"):
            connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{folder}/{name}.parquet')")
        connection.execute(
            f"CREATE VIEW events AS SELECT * FROM read_parquet('{folder}/events/*/*.parquet',"
            " hive_partitioning = true, hive_types_autocast = false)"
        )
        tables = {
            name: connection.execute(
                f"SELECT dt, cluster_id, account_id FROM read_parquet('{store}/runs/dt=*/{name}.parquet',"
                " hive_partitioning = true, hive_types_autocast = false)"
            ).df()
            for name in ("members", "regrowth")
        }
        volume = "SELECT account_id, dt, sum(exchanges) AS exchanges FROM events GROUP BY ALL"
        truth = connection.execute('SELECT account_id, "group" FROM truth').df()
        return _Life(
            active=connection.execute(_ACTIVE).df(),
            replacements=connection.execute(_REPLACEMENTS).df(),
            members=tables["members"],
            regrowth=tables["regrowth"],
            truth=truth.set_index("account_id")["group"],
            volume=connection.execute(volume).df(),
        )


def _count_kept(life: _Life) -> list[dict[str, Any]]:
    """Count for each campaign the nights on which most of its clustered accounts have its id."""
    members = life.members.assign(group=life.members["account_id"].map(life.truth))
    found = []
    for group, active in life.active.groupby("group"):
        there = active.loc[active["accounts"] >= _LEAST_ACTIVE, "dt"]
        mine = members[(members["group"] == group) & members["dt"].isin(there)]
        ids = mine.groupby("dt")["cluster_id"].agg(lambda one: one.mode()[0])
        usual = ids.mode()[0] if len(ids) else None
        kept = int((ids == usual).sum())
        found.append({"group": group, "nights": len(there), "kept": kept, "cluster_id": usual})
    return found


def _judge_regrowth(life: _Life) -> dict[str, Any]:
    members = life.members.assign(group=life.members["account_id"].map(life.truth).fillna(""))
    main = members.groupby(["dt", "cluster_id"])["group"].agg(lambda one: one.mode()[0]).rename("main")
    named = life.regrowth.merge(main.reset_index(), on=["dt", "cluster_id"], how="left")
    right = named["account_id"].map(life.truth).fillna("") == named["main"].fillna("")
    first = life.regrowth.groupby("account_id")["dt"].min().rename("named")
    new = life.replacements.merge(first, left_on="account_id", right_index=True, how="left")
    of = members.rename(columns={"group": "of"})[["dt", "account_id", "cluster_id"]]
    new = new.merge(of, on=["dt", "account_id"], how="left")
    groups = {
        "all replacements": new,
        _TWO: new[new["shared"] >= 2],
        _MEMBERS: new[new["cluster_id"].notna()],
    }
    asked = life.volume.merge(new[["account_id", "named"]], on="account_id")
    before = asked[asked["named"].isna() | (asked["dt"] < asked["named"])]["exchanges"].sum()
    return {
        "precision": float(right.mean()) if len(right) else 1.0,
        "before": float(before / max(asked["exchanges"].sum(), 1)),
        "recall": {
            name: {
                "accounts": len(one),
                "at_once": float((one["named"] == one["dt"]).mean()) if len(one) else 1.0,
                "ever": float(one["named"].notna().mean()) if len(one) else 1.0,
            }
            for name, one in groups.items()
        },
    }
