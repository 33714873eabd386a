"""Worlds with a campaign of one trace: it is there, nothing else is; the worlds of before are as before."""

from __future__ import annotations

import hashlib

import duckdb
import pyarrow.parquet as pq
import pytest

from clustergraph.errors import UsageError
from clustergraph.simulation import World, simulate
from clustergraph.simulation.emails import unique
from clustergraph.simulation.sessions import TEAMS, day_of
from clustergraph.simulation.world import TRACES
from tests.commands import snapshot

SMALL = {"accounts": 2_000, "seed": 3}
MEMBERS = 100
OWN = ("payment_fingerprint", "ip", "device_id")
SHAPE = (
    "concat_ws('|', "
    + ", ".join(
        f"coalesce({name}, '-')"
        for name in ("temperature", "top_p", "max_tokens", "stop", "tools", "client_library")
    )
    + ")"
)
LENGTHS = (
    "(round(8 * log2(1 + input_tokens / exchanges)) || '/' || round(8 * log2(1 + output_tokens / exchanges)))"
)
# Each trace as an expression over events and what is known of their accounts.
SIGNS = {
    "prefix": "CASE WHEN ip NOT LIKE '%:%' THEN regexp_replace(ip, '[0-9]+$', '') END",
    "asn": "asn",
    "bin": "card_bin",
    "email": "split_part(email, '@', 2)",
    "signup": "strftime(created_at, '%d%m%Y') || sign_up_asn",
    "request": SHAPE,
    "tokens": LENGTHS,
    "synchrony": "epoch(timestamp)::BIGINT // 300",
    "pivot": "CASE WHEN model = 'atlas-5' THEN epoch(min(timestamp) FILTER (model = 'atlas-5') OVER "
             "(PARTITION BY account_id))::BIGINT // 7200 END",
    "prompts": "true_template",
}  # fmt: skip
# Columns of worlds as they were before there were traces, by knobs.
BEFORE = (
    (
        {"nights": 6, "seed": 11, "decoys": 20, "cells": 4, "borrowed": True, "towns": 2, "lone_card": 5,
         "lone_exit": 5},
        "48dfdc9798550a3e271f8250277ea3050274f8a5c816426241b33aa56c0a3d82",
    ),
    (
        {"nights": 1, "shared_proxy": True, "evasion": 0.7, "prompts": True, "own_infrastructure": True},
        "3032275ec92cac3adb0e1524b4c4c0e6bf9847514393fffc84eb8d59ac960911",
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Give a folder with a world of a trace, made once."""
    folder = tmp_path_factory.mktemp("traces")

    def get(name):
        if not (folder / name).exists():
            nights = 7 if name in ("synchrony", "handover", "pivot") else 1
            simulate(folder / name, only=name, nights=nights, **SMALL)
        return folder / name

    return get


def ask(folder, question):
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, files in (("e", "events/**/*.parquet"), ("a", "accounts.parquet"), ("t", "truth.parquet")):
            connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{folder / files}')")
        connection.execute("""
            CREATE VIEW w AS SELECT e.*, email, created_at, a.asn AS sign_up_asn,
                cohort = 'campaign' AS inside FROM e JOIN a USING (account_id) JOIN t USING (account_id)
        """)
        return connection.execute(question).fetchall()


def common(folder, sign, least):
    """Give the share of the campaign that has a value in common, most of whose holders are its own.

    At least so many of its accounts must have a value for it to count.
    """
    return ask(folder, f"""
        WITH had AS (
            SELECT DISTINCT account_id, inside, value FROM (SELECT account_id, inside, {sign} AS value FROM w)
            WHERE value IS NOT NULL
        ), held AS (
            SELECT value, count(*) FILTER (inside) AS members, count(*) FILTER (NOT inside) AS others
            FROM had GROUP BY value
        )
        SELECT count(DISTINCT account_id) / {MEMBERS} FROM had JOIN held USING (value)
        WHERE inside AND members >= {least} AND members > 2 * others
    """)[0][0]  # fmt: skip


def content(folder):
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.parquet")):
        table = pq.read_table(path, partitioning=None)
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(repr(table.schema.names).encode() + repr(table.to_pydict()).encode())
    return digest.hexdigest()


@pytest.mark.parametrize(("knobs", "expected"), BEFORE)
def test_worlds_of_before_are_as_before(tmp_path, knobs, expected):
    simulate(tmp_path / "w", accounts=600, **knobs)
    assert content(tmp_path / "w") == expected


@pytest.mark.parametrize("name", SIGNS)
def test_the_trace_is_there_and_no_other(world, name):
    folder = world(name)
    assert ask(folder, "SELECT \"group\", count(*) FROM t WHERE cohort = 'campaign' GROUP BY 1") == [
        (f"campaign-{name}", MEMBERS)
    ]
    assert common(folder, SIGNS[name], 4) >= 0.6
    # What follows from it: a /24 is in one network, and those who move within hours are at work in them.
    implied = {"prefix": {"asn"}, "pivot": {"synchrony"}}.get(name, set())
    for other in SIGNS.keys() - {name, "prompts"} - implied:
        assert common(folder, SIGNS[other], 6) <= 0.1, other


def test_a_campaign_has_several_traces(tmp_path):
    simulate(tmp_path / "w", only="email+signup", **SMALL)
    assert common(tmp_path / "w", SIGNS["email"], 4) >= 0.6
    assert common(tmp_path / "w", SIGNS["signup"], 4) >= 0.6
    assert common(tmp_path / "w", SIGNS["bin"], 4) <= 0.1
    # Who is careful about one is not careful about the other for that.
    both = common(tmp_path / "w", f"CASE WHEN email LIKE '%box.example' THEN {SIGNS['signup']} END", 4)
    assert both < common(tmp_path / "w", SIGNS["signup"], 4) - 0.02
    assert World(only="prompts+pivot", nights=7).prompts
    assert World(only="prompts+pivot", nights=7).release == World(only="pivot", nights=7).release


@pytest.mark.parametrize("name", TRACES)
def test_cards_addresses_and_devices_are_their_own(world, name):
    for kind in OWN:
        most, shared = ask(world(name), f"""
            SELECT max(members), avg((members > 1)::INT) FROM (
                SELECT count(DISTINCT account_id) AS members FROM e JOIN t USING (account_id)
                WHERE cohort = 'campaign' AND {kind} IS NOT NULL GROUP BY {kind})
        """)[0]  # fmt: skip
        # Exits of carriers and VPNs are anybody's, to the campaign's as to others.
        assert (most <= 8 and shared < 0.12) if kind == "ip" else most == 1, kind


def test_teams_take_turns(world):
    evenings = ask(world("handover"), """
        SELECT account_id, min(epoch(timestamp)), count(*) FROM e JOIN t USING (account_id)
        WHERE cohort = 'campaign' GROUP BY account_id
    """)  # fmt: skip
    assert len(evenings) > 0.9 * MEMBERS
    day = day_of(World(only="handover", nights=7, **SMALL), "handover", 3)
    assert (day.team[1:] != day.team[:-1]).all()
    assert set(day.team.tolist()) == set(range(TEAMS))
    idle = day.begin[1:] - day.end[:-1]
    assert 0 <= idle.min() <= idle.max() <= 120
    length = day.end - day.begin
    assert 1_200 <= length.min() <= length.max() <= 2_400
    assert day.begin.size > 40
    # The accounts at work in the middle of a shift are an eighth of the campaign or little more.
    at_work = ask(world("handover"), f"""
        SELECT count(DISTINCT account_id) FROM e JOIN t USING (account_id) WHERE cohort = 'campaign'
        AND epoch(timestamp) - epoch(DATE '2026-02-05') BETWEEN {day.begin[20]} AND {day.end[20]}
    """)[0][0]  # fmt: skip
    assert MEMBERS / TEAMS / 2 <= at_work <= 3 * MEMBERS / TEAMS


def test_moments_are_new_every_day():
    made = World(only="synchrony", nights=7, **SMALL)
    days = [day_of(made, "synchrony", night).begin for night in range(7)]
    assert all(6 <= day.size <= 10 for day in days)
    assert len({float(day[0]) for day in days}) == 7


@pytest.mark.parametrize("name", ["prefix", "bin", "email", "signup", "request", "tokens", "synchrony"])
def test_care_thins_the_trace_out(world, tmp_path, name):
    def rows(folder):
        return ask(folder, f"""
            WITH r AS (SELECT account_id, inside, {SIGNS[name]} AS value FROM w),
            ours AS (SELECT value FROM r GROUP BY value
                     HAVING count(DISTINCT account_id) FILTER (inside) > 7
                        AND count(DISTINCT account_id) < 1.5 * count(DISTINCT account_id) FILTER (inside))
            SELECT avg((coalesce(value IN (FROM ours), FALSE))::INT) FROM r WHERE inside
        """)[0][0]  # fmt: skip

    simulate(tmp_path / "w", only=name, evasion=1.0, **SMALL)
    assert 0.15 < rows(tmp_path / "w") < 0.85 * rows(world(name))


def test_details_leave_the_other_columns_as_they_are(tmp_path):
    simulate(tmp_path / "plain", accounts=600, nights=2)
    simulate(tmp_path / "detailed", accounts=600, nights=2, details=True)
    for name in ("events", "accounts.parquet", "truth.parquet", "group_nights.parquet"):
        plain, detailed = (pq.read_table(tmp_path / one / name) for one in ("plain", "detailed"))
        assert detailed.select(plain.column_names).equals(plain)
    events = pq.read_table(tmp_path / "detailed" / "events")
    for name in ("temperature", "top_p", "max_tokens", "stop", "tools", "client_library", "card_bin",
                 "card_country", "conversation_id"):  # fmt: skip
        assert events.schema.field(name).type == "string"
        assert 0 < events[name].null_count < len(events) or name == "conversation_id"
    accounts = pq.read_table(tmp_path / "detailed" / "accounts.parquet")
    assert len(set(accounts["email"].to_pylist())) == len(accounts)
    assert accounts["asn"].null_count == 0


def test_a_card_has_one_bin_and_people_pay_at_home(world):
    bins, home = ask(world("asn"), """
        SELECT max(bins), avg(home) FROM (
            SELECT count(DISTINCT card_bin) AS bins, avg((card_country = country)::INT) AS home
            FROM e WHERE payment_fingerprint IS NOT NULL GROUP BY payment_fingerprint)
    """)[0]  # fmt: skip
    assert bins == 1
    assert home > 0.75


def test_people_come_in_sessions(tmp_path):
    def close(**knobs):
        folder = tmp_path / "-".join(["w", *knobs])
        simulate(folder, accounts=600, details=True, campaigns=False, **knobs)
        return ask(folder, """
            SELECT avg((gap < 300)::INT) FROM (SELECT epoch(timestamp) - lag(epoch(timestamp)) OVER
            (PARTITION BY account_id ORDER BY timestamp) AS gap FROM e) WHERE gap IS NOT NULL
        """)[0][0]  # fmt: skip

    assert close(sessions=True) > 0.5 > 5 * close()


def test_a_conversation_is_one_account_s(world):
    most = ask(world("bin"), """
        SELECT max(accounts) FROM
        (SELECT count(DISTINCT account_id) AS accounts FROM e GROUP BY conversation_id)
    """)  # fmt: skip
    assert most == [(1,)]


@pytest.mark.parametrize("name", ["email", "handover"])
def test_same_knobs_same_bytes(world, tmp_path, name):
    simulate(tmp_path / "again", only=name, nights=7 if name == "handover" else 1, **SMALL)
    assert snapshot(tmp_path / "again") == snapshot(world(name))


def test_addresses_taken_get_a_number():
    assert unique(["a@x.example", "b@x.example", "a@x.example", "a@x.example"]) == [
        "a@x.example", "b@x.example", "a.2@x.example", "a.3@x.example",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"only": "luck"}, "only is luck; it must be one of prefix, asn, bin, "),
        ({"only": "bin+luck"}, "only is bin.luck; it must be one of prefix, asn, bin, .*, or some of them"),
        ({"only": "bin+bin"}, "only is bin.bin; each trace can be had once"),
        ({"only": "synchrony+handover"}, "of handover, pivot, synchrony one can be had"),
        ({"only": "prefix+asn"}, "of asn, prefix one can be had"),
        ({"only": "pivot"}, "only pivot takes 5 nights or more"),
        ({"only": "bin", "campaigns": False}, "only bin and campaigns=False do not go together"),
        ({"only": "bin", "shared_proxy": True}, "only bin and shared_proxy do not go together"),
        ({"only": "bin", "towns": 3}, "only bin and towns do not go together"),
        ({"only": "bin", "campaign_accounts": 1_900, "accounts": 2_000}, "lower campaign_accounts"),
    ],
)
def test_knobs_that_do_not_fit(knobs, message):
    with pytest.raises(UsageError, match=message):
        World(**knobs)


def test_the_campaign_is_as_large_as_asked():
    assert World(only="bin").lone_campaign_size() == 200
    assert World(only="bin", accounts=1_000).lone_campaign_size() == 50
    assert World(only="bin", campaign_accounts=33).lone_campaign_size() == 33
    assert World().lone_campaign_size() == 0
