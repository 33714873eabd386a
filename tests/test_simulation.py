"""Made-up worlds: what is promised about their shape, their volumes and their truth."""

import hashlib
import ipaddress
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clustergraph.errors import UsageError
from clustergraph.simulation import World, simulate
from clustergraph.simulation.cohort import pool, together
from clustergraph.simulation.people import partition
from clustergraph.simulation.rhythm import campaign_curve, operated_life
from clustergraph.simulation.tally import GROUP_NIGHTS, Tally
from clustergraph.simulation.tokens import hex_strings, mint, scramble
from clustergraph.simulation.writing import EVENTS

SMALL = 2_000
SIGNALS = ("payment_fingerprint", "ip", "device_id", "prompt_template")


class Written:
    """A world on disk, to be asked in SQL with the tables e (events), a (accounts), t (truth)."""

    def __init__(self, directory: Path, **knobs: object) -> None:
        self.directory = directory
        self.world = simulate(directory, **knobs)
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        for name, files in (("e", "events/**/*.parquet"), ("a", "accounts.parquet"), ("t", "truth.parquet")):
            self.connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{directory / files}')")

    def ask(self, question: str) -> list[tuple]:
        return self.connection.execute(question).fetchall()

    def one(self, question: str) -> object:
        return self.ask(question)[0][0]


@pytest.fixture(scope="session")
def worlds(tmp_path_factory):
    made: dict[str, Written] = {}

    def get(**knobs: object) -> Written:
        key = repr(sorted(knobs.items()))
        if key not in made:
            made[key] = Written(tmp_path_factory.mktemp("world") / "w", **knobs)
        return made[key]

    return get


@pytest.fixture
def plain(worlds):
    return worlds(accounts=SMALL)


@pytest.fixture
def medium(worlds):
    return worlds(accounts=20_000)


@pytest.fixture
def nights(worlds):
    return worlds(accounts=SMALL, nights=15, seed=3)


def digests(directory: Path) -> dict[str, str]:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {str(p.relative_to(directory)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_same_seed_same_bytes(plain, tmp_path):
    simulate(tmp_path / "again", accounts=SMALL)
    assert digests(tmp_path / "again") == digests(plain.directory)


def test_another_seed_another_world(plain, worlds):
    other = worlds(accounts=SMALL, seed=1)
    shared = plain.one(f"SELECT count(*) FROM t JOIN '{other.directory}/truth.parquet' USING (account_id)")
    assert shared == 0


def test_files_and_schema(plain):
    assert set(digests(plain.directory)) == {
        "accounts.parquet",
        "events/dt=2026-02-02/part-0.parquet",
        "group_nights.parquet",
        "truth.parquet",
    }
    written = pq.read_schema(plain.directory / "events/dt=2026-02-02/part-0.parquet")
    assert written.equals(EVENTS)
    moment = pa.timestamp("us", tz="UTC")
    accounts = pq.read_schema(plain.directory / "accounts.parquet")
    assert dict(zip(accounts.names, accounts.types, strict=True)) == {
        "account_id": pa.string(),
        "created_at": moment,
        "status": pa.string(),
        "banned_at": moment,
        "organization_id": pa.string(),
        "pathway": pa.string(),
    }
    truth = pq.read_schema(plain.directory / "truth.parquet")
    assert truth.names == ["account_id", "cohort", "group", "infrastructure", "exchanges"]
    assert truth.types == [pa.string()] * 4 + [pa.int64()]


def test_truth_accounts_and_events_name_the_same_accounts(nights):
    assert nights.one("SELECT count(*) FROM t") == nights.one("SELECT count(DISTINCT account_id) FROM t")
    assert (
        nights.one(
            "SELECT count(*) FROM t FULL JOIN a USING (account_id) WHERE t.cohort IS NULL OR status IS NULL"
        )
        == 0
    )
    assert nights.one("SELECT count(*) FROM (SELECT account_id FROM e EXCEPT SELECT account_id FROM t)") == 0
    assert nights.one("SELECT count(*) FROM (SELECT account_id FROM t EXCEPT SELECT account_id FROM e)") < 10
    assert (
        nights.one('SELECT count(*) FROM t WHERE cohort IS NULL OR "group" IS NULL OR infrastructure IS NULL')
        == 0
    )


def test_truth_counts_the_exchanges_of_each_account(nights):
    wrong = nights.ask("""
        WITH seen AS (SELECT account_id, sum(exchanges) AS n FROM e GROUP BY 1)
        SELECT account_id FROM t LEFT JOIN seen USING (account_id) WHERE exchanges != coalesce(n, 0)
    """)
    assert wrong == []


def test_groups_are_counted_by_night(nights):
    written = nights.ask(f"FROM '{nights.directory}/group_nights.parquet'")
    assert written == nights.ask("""
        SELECT dt, "group", count(DISTINCT account_id), sum(e.exchanges)::BIGINT
        FROM e JOIN t USING (account_id) WHERE "group" != '' GROUP BY ALL ORDER BY ALL
    """)
    assert len({night for night, *_ in written}) == 15
    assert len({group for _, group, *_ in written}) > 40


def test_a_world_without_groups_has_no_group_nights():
    tally = Tally(pa.array(["", ""]))
    assert tally.group_nights().equals(GROUP_NIGHTS.empty_table())


def test_the_first_day_is_in_utc():
    naive, named = (World(start=datetime(2027, 3, 1, tzinfo=zone)) for zone in (None, UTC))
    assert naive == named
    with pytest.raises(UsageError, match="start is 1999-01-01; it must be from 2005 to 2095"):
        World(start=datetime(1999, 1, 1))


def test_every_account_is_seen_in_a_single_night(plain):
    assert (
        plain.one("SELECT count(DISTINCT account_id) FROM e") == SMALL == plain.one("SELECT count(*) FROM t")
    )


def test_sizes_of_cohorts(medium):
    sizes = dict(medium.ask("SELECT cohort, count(*) FROM t GROUP BY cohort"))
    assert sum(sizes.values()) == 20_000
    assert sizes["household"] >= 0.05 * 20_000
    assert sizes["tool"] == 2_400
    assert sizes["campaign"] == 400 + 30 + 64
    assert sizes["individual"] > 0.6 * 20_000
    groups = medium.ask('SELECT cohort, "group", count(*) FROM t WHERE "group" != \'\' GROUP BY ALL')
    assert {size for cohort, _, size in groups if cohort == "household"} <= {3, 4, 5, 6, 7}
    assert {cohort for cohort, _, _ in groups} == {
        "campaign", "household", "club", "enterprise", "university", "reseller",
    }  # fmt: skip
    assert (
        medium.one("SELECT count(*) FROM t WHERE cohort IN ('individual', 'tool') AND \"group\" != ''") == 0
    )


def test_the_disclosure_in_full():
    world = World(accounts=1_000_000)
    names = ("hydra", "pathways", "synchronised")
    assert sum(map(world.campaign_size, names)) == 24_000
    assert [world.campaign_exchanges(name) for name in names] == [13_000_000, 3_400_000, 150_000]
    assert sum(map(World(accounts=1_000_000, campaign_accounts=2_000).campaign_size, names)) in range(
        1_999, 2_003
    )
    assert World(accounts=SMALL).campaign_size("synchronised") == 30


@pytest.mark.parametrize("evasion", [0.0, 0.3, 1.0])
def test_volumes_of_campaigns_follow_the_disclosure(worlds, evasion):
    written = worlds(accounts=20_000, evasion=evasion)
    volumes = dict(
        written.ask("""
            SELECT "group", sum(e.exchanges)::BIGINT FROM e JOIN t USING (account_id)
            WHERE cohort = 'campaign' GROUP BY 1
        """)
    )
    assert volumes == {
        "campaign-hydra": 260_000,
        "campaign-pathways": 68_000,
        "campaign-synchronised": 3_000,
    }
    assert written.one("SELECT min(exchanges) FROM e") >= 1


def sharing(written: Written, group: str = "campaign-hydra") -> dict[str, float]:
    """For each kind, the share of a group's rows whose signal several members have and nobody else."""
    found = {}
    for kind in SIGNALS:
        found[kind] = written.one(f"""
            WITH m AS (
                SELECT e.account_id, {kind} v, "group" = '{group}' AS inside FROM e JOIN t USING (account_id)
            ), held AS (
                SELECT v, count(DISTINCT account_id) FILTER (inside) members,
                    count(DISTINCT account_id) FILTER (NOT inside) others
                FROM m WHERE v IS NOT NULL GROUP BY v
            )
            SELECT avg((members >= 2 AND others = 0)::INT) FROM m JOIN held USING (v) WHERE inside
        """)
    return found


def test_evasion_leaves_less_and_less_shared_but_never_nothing(worlds):
    levels = [sharing(worlds(accounts=20_000, evasion=e)) for e in (0.0, 0.3, 0.7, 1.0)]
    for kind in SIGNALS:
        shares = [level[kind] for level in levels]
        assert shares == sorted(shares, reverse=True), kind
        assert shares[0] > 0.5, kind
    assert levels[-1]["payment_fingerprint"] == 0
    assert levels[-1]["ip"] > 0.05
    assert levels[-1]["prompt_template"] > 0.05


def test_operators_stand_behind_homes_of_real_people(worlds):
    def homes(evasion):
        return worlds(accounts=20_000, evasion=evasion).one("""
            WITH s AS (SELECT DISTINCT cohort = 'campaign' AS c, ip FROM e JOIN t USING (account_id))
            SELECT count(*) FROM s x JOIN s y USING (ip) WHERE x.c AND NOT y.c
        """)

    assert homes(0.7) > 3 * homes(0.3) / 2 > homes(0.0) * 10


def test_no_campaigns(worlds):
    written = worlds(accounts=SMALL, campaigns=False)
    assert written.one("SELECT count(*) FROM t") == SMALL
    assert {cohort for (cohort,) in written.ask("SELECT DISTINCT cohort FROM t")} == {
        "individual", "household", "tool", "club", "enterprise", "university", "reseller",
    }  # fmt: skip
    assert written.one("SELECT count(*) FROM t WHERE infrastructure LIKE 'proxy%'") == 0


def test_what_comes_on_top_leaves_the_rest_alone(plain, worlds):
    extra = worlds(accounts=SMALL, decoys=300, cells=20, borrowed=True, lone_card=40, lone_exit=40)
    for table, file in (("e", "events/**/*.parquet"), ("t", "truth.parquet"), ("a", "accounts.parquet")):
        path = extra.directory / file
        assert plain.one(f"SELECT count(*) FROM (FROM {table} EXCEPT FROM read_parquet('{path}'))") == 0
    sizes = dict(
        extra.ask("SELECT \"group\", count(*) FROM t WHERE cohort IN ('campaign', 'cell') GROUP BY 1")
    )
    assert sizes["campaign-startup"] == sizes["campaign-campus"] == 30
    assert 100 <= sizes["operation-cells"] <= 160
    assert extra.one("SELECT count(DISTINCT infrastructure) FROM t WHERE cohort = 'cell'") == 20
    assert extra.one("SELECT count(*) FROM t WHERE cohort = 'decoy'") == 300
    cards = "SELECT count(payment_fingerprint) FROM e JOIN t USING (account_id) WHERE cohort = 'decoy'"
    assert extra.one(cards) == 0
    startup = "FROM a JOIN t USING (account_id) WHERE \"group\" = 'campaign-startup'"
    assert extra.one(f"SELECT count(DISTINCT organization_id) {startup}") == 1
    assert 0 < extra.one(f"SELECT count(*) - count(organization_id) {startup}") < 15


def test_lone_groups_share_one_thing(worlds):
    written = worlds(accounts=SMALL, lone_card=40, lone_exit=40, shared_cards=False, campaigns=False)
    for cohort, shared in (("lone_card", "payment_fingerprint"), ("lone_exit", "ip")):
        for kind in SIGNALS:
            most = written.one(f"""
                SELECT max(n) FROM (SELECT count(DISTINCT account_id) n FROM e JOIN t USING (account_id)
                WHERE cohort = '{cohort}' AND {kind} IS NOT NULL GROUP BY {kind})
            """)
            assert most >= 30 if kind == shared else most <= 2, (cohort, kind)
    holders = written.one("""
        SELECT max(n) FROM (SELECT count(DISTINCT account_id) n FROM e JOIN t USING (account_id)
        WHERE cohort != 'lone_card' AND payment_fingerprint IS NOT NULL GROUP BY payment_fingerprint)
    """)
    assert holders == 2


def test_shared_proxy_serves_two_campaigns_and_customers(worlds):
    written = worlds(accounts=20_000, shared_proxy=True)
    assert written.one("SELECT count(*) FROM t") == 20_000
    behind = dict(
        written.ask("SELECT \"group\", count(*) FROM t WHERE infrastructure = 'proxy-00000' GROUP BY 1")
    )
    assert behind == {"campaign-hydra": 240, "campaign-twin": 160, "": 100}
    exits = """
        SELECT count(*) FROM (
            SELECT ip FROM e JOIN t USING (account_id) WHERE infrastructure = 'proxy-00000'
            GROUP BY ip HAVING count(DISTINCT "group") = 3)
    """
    assert written.one(exits) > 10


def test_towns_share_exits_and_habits(worlds):
    written = worlds(accounts=SMALL, towns=8, campaigns=False)
    assert written.one("SELECT count(DISTINCT infrastructure) FROM t WHERE infrastructure LIKE 'town-%'") == 8
    for kind in ("ip", "prompt_template"):
        local = written.one(f"""
            SELECT count(*) FROM (SELECT {kind} FROM e JOIN t USING (account_id) WHERE infrastructure != ''
            GROUP BY {kind} HAVING count(DISTINCT account_id) >= 5 AND count(DISTINCT infrastructure) = 1)
        """)
        assert local > 8 * 5, kind


def test_days_have_a_rhythm(nights):
    hours = nights.ask("""
        SELECT hour(timestamp), count(*) FROM e JOIN t USING (account_id)
        WHERE cohort = 'enterprise' AND dt = '2026-02-03' GROUP BY 1 ORDER BY 1
    """)
    by_hour = [rows for _, rows in hours]
    assert max(by_hour) > 3 * min(by_hour)
    office, home = (
        dict(
            nights.ask(f"""
            SELECT dayofweek(dt) IN (0, 6), count(*) / count(DISTINCT dt) FROM e JOIN t USING (account_id)
            WHERE cohort = '{cohort}' GROUP BY 1
        """)
        )
        for cohort in ("enterprise", "individual")
    )
    assert office[True] < 0.5 * office[False]
    assert home[True] > 0.8 * home[False]


def test_the_synchronised_campaign_works_in_bursts(worlds):
    def busiest(evasion):
        written = worlds(accounts=20_000, evasion=evasion)
        return written.one("""
            SELECT sum(n) / any_value(total) FROM (
                SELECT count(*) n, sum(count(*)) OVER () total FROM e JOIN t USING (account_id)
                WHERE "group" = 'campaign-synchronised'
                GROUP BY epoch(timestamp)::BIGINT // 900 ORDER BY n DESC LIMIT 12)
        """)

    assert busiest(0.0) > 0.7 > busiest(0.7)


def test_no_event_outside_its_day_or_its_account_s_life(nights):
    assert nights.one("SELECT count(*) FROM e WHERE timestamp::DATE != dt") == 0
    assert nights.one("SELECT count(DISTINCT dt) FROM e") == 15
    lives = "FROM e JOIN a USING (account_id)"
    assert nights.one(f"SELECT count(*) {lives} WHERE timestamp < created_at OR timestamp >= banned_at") == 0
    assert nights.one("SELECT count(*) FROM a WHERE (status = 'banned') != (banned_at IS NOT NULL)") == 0


def test_campaigns_start_grow_pause_and_replace(nights):
    days = nights.ask("""
        SELECT "group", list(DISTINCT dt::VARCHAR ORDER BY dt::VARCHAR) FROM e JOIN t USING (account_id)
        WHERE cohort = 'campaign' GROUP BY 1 ORDER BY 1
    """)
    starts = [seen[0] for _, seen in days]
    assert starts[0] < starts[1] < starts[2]
    for group, seen in days:
        gaps = np.diff(np.array(seen, "datetime64[D]")).astype(int)
        assert 3 <= gaps.max() <= 6, group
    banned, late = nights.ask("""
        SELECT count(*) FILTER (status = 'banned'), count(*) FILTER (created_at > '2026-02-05')
        FROM a JOIN t USING (account_id) WHERE cohort = 'campaign'
    """)[0]
    assert banned > 10
    assert late > 10


def test_campaigns_pivot_to_the_new_model_at_once(nights):
    release = nights.world.day(nights.world.release).date()
    campaign_rows = "FROM e JOIN t USING (account_id) WHERE cohort = 'campaign'"
    shares = dict(
        nights.ask(f"""
            SELECT cohort = 'campaign', avg((model = 'atlas-5')::INT) FROM e JOIN t USING (account_id)
            WHERE dt = (SELECT min(dt) {campaign_rows} AND dt >= '{release}') GROUP BY 1
        """)
    )
    assert shares[True] > 0.4 > 2 * shares[False]
    assert nights.one(f"SELECT count(*) FROM e WHERE model = 'atlas-5' AND dt < '{release}'") == 0


def test_values_look_real(plain):
    for (ip,) in plain.ask("SELECT DISTINCT ip FROM e WHERE ip IS NOT NULL"):
        assert ipaddress.ip_address(ip).is_global, ip
    assert plain.one("SELECT count(*) FROM e WHERE ip LIKE '%:%'") > 100
    assert (
        plain.one(
            "SELECT count(*) FROM e WHERE (ip IS NULL) != (asn IS NULL) OR (ip IS NULL) != (country IS NULL)"
        )
        == 0
    )
    assert (
        plain.one(
            "SELECT count(*) FROM e WHERE NOT regexp_full_match(payment_fingerprint, 'card_[0-9a-f]{16}')"
        )
        == 0
    )
    assert (
        plain.one("SELECT max(countries) FROM (SELECT count(DISTINCT country) countries FROM e GROUP BY asn)")
        == 1
    )
    assert plain.one("SELECT count(*) FROM e WHERE output_tokens < 0 OR input_tokens < 0") == 0


def test_neither_ids_nor_order_betray_a_cohort(medium):
    inside = [row[0] for row in medium.ask("SELECT cohort = 'campaign' FROM t")]
    place = np.flatnonzero(inside) / len(inside)
    assert abs(place.mean() - 0.5) < 0.05
    assert abs(np.quantile(place, 0.1) - 0.1) < 0.05


def test_organisations(medium):
    by_cohort = dict(
        medium.ask("""
        SELECT cohort, count(organization_id) / count(*) FROM a JOIN t USING (account_id) GROUP BY 1
    """)
    )
    assert by_cohort["enterprise"] > 0.8
    assert by_cohort["reseller"] > 0.5
    assert (
        by_cohort["campaign"]
        == by_cohort["household"]
        == by_cohort["individual"]
        == by_cohort["university"]
        == 0
    )
    assert (
        medium.one(
            'SELECT max(n) FROM (SELECT count(DISTINCT "group") n FROM a JOIN t USING (account_id) '
            "WHERE organization_id IS NOT NULL GROUP BY organization_id)"
        )
        == 1
    )


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"accounts": 10}, "accounts is 10"),
        ({"nights": 0}, "nights is 0"),
        ({"evasion": 1.5}, "evasion is 1.5"),
        ({"evasion": float("nan")}, "evasion is nan"),
        ({"campaign_accounts": 3}, "campaign_accounts is 3"),
        ({"accounts": 2_000, "campaign_accounts": 1_900}, "lower campaign_accounts"),
    ],
)
def test_knobs_out_of_range(tmp_path, knobs, message):
    with pytest.raises(UsageError, match=message):
        simulate(tmp_path / "w", **knobs)
    assert not (tmp_path / "w").exists()


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="not an empty folder"):
        simulate(tmp_path, accounts=SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_progress_is_reported(tmp_path):
    heard = []
    simulate(tmp_path / "w", accounts=500, nights=2, progress=lambda *step: heard.append(step))
    assert heard[0] == ("accounts", 0, 3)
    assert heard[-1] == ("done", 3, 3)


def test_codes_and_their_strings():
    codes = np.array([0, 1, 2**64 - 1, 0x0123456789ABCDEF], np.uint64)
    assert hex_strings("x_", codes).to_pylist() == [f"x_{int(code):016x}" for code in codes]
    assert hex_strings("x_", codes, 8).to_pylist() == [f"x_{int(code) % 2**32:08x}" for code in codes]
    assert np.unique(scramble(mint("a", np.arange(100_000)), 7)).size == 100_000
    assert not np.intersect1d(mint("a", np.arange(1_000)), mint("b", np.arange(1_000))).size


def test_pools():
    left = pool(np.array([1, 0, 2]), np.array([10, 11, 12], np.uint64))
    right = pool(np.array([0, 0, 1]), np.array([13], np.uint64))
    both = together(left, right)
    assert both.sizes.tolist() == [1, 0, 3]
    owners = np.array([0, 1, 2, 2, 2])
    assert both.pick(owners, np.array([0.9, 0.5, 0.0, 0.5, 0.9])).tolist() == [10, 0, 11, 12, 13]


@pytest.mark.parametrize("accounts", [3, 4, 7, 100, 1_001])
def test_partition_holds_everyone(accounts):
    sizes = partition(np.random.default_rng(0), accounts, 3, 5)
    assert sizes.sum() == accounts
    assert sizes.min() >= 3


def test_lives_of_operated_accounts():
    world = World(nights=30, seed=5)
    curve, quiet = campaign_curve(world, "x", 0.2)
    assert not any(curve[:6])
    assert 2 <= len(quiet) <= 5
    life = operated_life(world, 1_000, curve, 0.04, "x")
    assert life.join.min() == 6
    assert not set(life.join.tolist()) & quiet
    at_work = [int(((life.join <= night) & (night < life.leave)).sum()) for night in range(30)]
    assert at_work[6] < 0.5 * max(at_work)
    assert at_work[-1] > 0.8 * max(at_work)
