"""Divided data sets: dealing against brute force, chance, planted divisions, and innocent people."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import combinations, permutations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from clustergraph.artefacts.runs import open_run
from clustergraph.clusters.division import (
    Coverage,
    Repeats,
    Uses,
    count_overlap,
    deal_accounts,
    deal_uses,
    weigh_division,
)
from clustergraph.engines.duckdb import DuckDBEngine
from clustergraph.investigation.explanation import explain
from clustergraph.report.verdict import judge
from clustergraph.sightings.reading import read
from clustergraph.templates.mining import Miner
from clustergraph.templates.parallel import Parallel
from tests.commands import call
from tests.nights import run_night, table
from tests.test_prompts import ASKED, NOON, TOWNS, rows_of, write
from tests.test_verdict import PLAIN


def uses_of(rows):
    """Count rows of (template, account, filling); fillings of different templates are different."""
    counted = sorted(Counter(rows).items())
    names = {name: n for n, name in enumerate(sorted({(row[0], row[2]) for row, _ in counted}))}
    templates = sorted({row[0] for row, _ in counted})
    columns = [(templates.index(t), account, names[t, filling], n) for (t, account, filling), n in counted]
    return Uses(*(np.array(column, np.int64) for column in zip(*columns, strict=True)))


def repeats(*accounts):
    counted = sorted(Counter(accounts).items())
    columns = zip(*[(uses, fillings, n) for (uses, fillings), n in counted], strict=True)
    return Repeats(*(np.array(column, np.int64) for column in columns))


def overlap(rows):
    return sum(a[0] == b[0] and a[2] == b[2] and a[1] != b[1] for a, b in combinations(rows, 2))


def deals(rows):
    """Give the rows of all ways to deal the accounts within each template."""
    found = [[]]
    for template in sorted({row[0] for row in rows}):
        of = [row for row in rows if row[0] == template]
        dealt = [
            [(template, account, row[2]) for account, row in zip(order, of, strict=True)]
            for order in permutations([row[1] for row in of])
        ]
        found = [[*one, *other] for one in found for other in dealt]
    return found


ROWS = st.lists(st.tuples(st.just(0), st.integers(0, 2), st.integers(0, 3)), min_size=2, max_size=6)
TWO_TEMPLATES = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 1)), min_size=2, max_size=6
)


@settings(max_examples=30, deadline=None)
@given(st.one_of(ROWS, TWO_TEMPLATES))
def test_dealing_agrees_with_all_permutations(rows):
    observed, expected = count_overlap(uses_of(rows))
    every = [overlap(dealt) for dealt in deals(rows)]
    assert observed == overlap(rows)
    assert expected == pytest.approx(np.mean(every))
    p = np.mean([one <= observed for one in every])
    draws = 2_000
    found = deal_uses(uses_of(rows), enough=draws + 1, draws=draws)
    assert found == pytest.approx(p, abs=4 * np.sqrt(0.25 / draws))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_accounts_are_dealt_as_all_choices_are(data):
    account = st.integers(1, 3).map(lambda fillings: (3, fillings))  # of one level
    own, others = (data.draw(st.lists(account, min_size=1, max_size=n)) for n in (3, 5))
    share = [1 - fillings / uses for uses, fillings in (*own, *others)]
    observed = sum(share[: len(own)])
    every = [sum(one) >= observed - 1e-9 for one in combinations(share, len(own))]
    draws = 2_000
    found = deal_accounts(repeats(*own), repeats(*others), enough=draws + 1, draws=draws)
    assert found == pytest.approx(np.mean(every), abs=4 * np.sqrt(0.25 / draws))


def drawn(rng, *, accounts=30, each=20, pool=400, templates=2):
    """Draw fillings from a pool that all accounts have."""
    return [
        (template, account, int(filling))
        for template in range(templates)
        for account in range(accounts)
        for filling in rng.integers(0, pool, each)
    ]


def test_chance_gives_p_values_that_are_uniform():
    found = [
        deal_uses(uses_of(drawn(np.random.default_rng(seed), accounts=8, pool=160)), enough=201, draws=200)
        for seed in range(120)
    ]
    assert kstest(found, "uniform").pvalue > 0.01


def test_drawing_may_end_early():
    uses = uses_of(drawn(np.random.default_rng(2), accounts=8, pool=160))
    assert deal_uses(uses) == pytest.approx(deal_uses(uses, enough=5_000, draws=4_999), rel=0.7)


OTHERS = repeats(*[(20, 20)] * 300, *[(20, 18)] * 30)


def own_of(rows):
    used, filled = Counter(row[1] for row in rows), Counter(row[1] for row in set(rows))
    return repeats(*[(used[one], filled[one]) for one in used])


def test_a_divided_data_set_is_found_and_repeats_in_common_are_none():
    divided = [(0, account, 100 * account + entry) for account in range(30) for entry in range(7)] * 3
    found = weigh_division(uses_of(divided), own_of(divided), OTHERS)
    assert found == Coverage(1e-4, 0.0)
    shared = drawn(np.random.default_rng(1))
    found = weigh_division(uses_of(shared), own_of(shared), OTHERS)
    assert found.p_value > 0.01
    assert found.overlap == pytest.approx(1.0, abs=0.1)


def test_who_repeats_as_everybody_does_has_divided_nothing():
    own = [(0, account, 100 * account + entry) for account in range(30) for entry in range(7)] * 3
    alike = repeats(*[(21, 7)] * 200)
    assert weigh_division(uses_of(own), own_of(own), alike).p_value == 1.0
    assert weigh_division(uses_of(own), own_of(own), repeats(*[(21, 21)] * 19)) is None


def test_fillings_that_are_used_once_tell_nothing():
    once = [(0, account, 100 * account + entry) for account in range(30) for entry in range(20)]
    assert weigh_division(uses_of(once), own_of(once), OTHERS) is None


def test_the_order_of_rows_changes_nothing():
    rows = drawn(np.random.default_rng(3))
    found = weigh_division(uses_of(rows), own_of(rows), OTHERS)
    assert found == weigh_division(uses_of(rows[::-1]), own_of(rows), OTHERS)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("divided")
    done = call("simulate", folder / "world", "--accounts", 1_500, "--prompts", "--divided", "--seed", 8)
    assert done.code == 0, done.err
    inputs = (folder / "world" / "events", "--accounts", folder / "world" / "accounts.parquet")
    assert call("run", *inputs, "--out", folder / "out", "--quiet").code == 0
    return folder


def main_kinds(folder, run):
    truth = pq.read_table(folder / "world" / "truth.parquet").to_pandas().set_index("account_id")["cohort"]
    members = run.members.to_pandas()
    kind = members["account_id"].map(truth).groupby(members["cluster_id"]).agg(lambda of: of.mode()[0])
    clusters = run.clusters.to_pandas().set_index("cluster_id")
    return clusters.assign(kind=kind)


def test_campaigns_that_divide_are_marked_and_nobody_else_is(world):
    run = open_run(world / "out")
    clusters = main_kinds(world, run)
    campaigns = clusters[clusters["kind"] == "campaign"].sort_values("accounts")
    told = campaigns.dropna(subset="coverage_p_value")
    assert campaigns.index[-1] in told.index
    assert len(told) >= 2  # the smallest asks for too little
    assert (told["coverage_p_value"] <= 0.001).all()
    assert (told["coverage_overlap"] < 0.1).all()
    others = clusters[clusters["kind"] != "campaign"]
    assert len(others) > 10
    assert not (others["coverage_p_value"] <= 0.001).any()
    found = explain(run, campaigns.index[-1])
    assert found.coverage_p_value == campaigns["coverage_p_value"].iloc[-1]
    said = call("explain", world / "out", campaigns.index[-1])
    assert "have divided a data set" in " ".join(said.out.split())
    assert "divided a data set" in found._repr_html_()


def test_a_night_tells_what_the_run_does(world):
    run_night(world / "world", world / "store", 0, accounts=None)
    names = ["accounts", "extraction_volume", "coverage_p_value", "coverage_overlap"]
    nightly = table(world / "store", 0, "clusters").select(names)
    assert call("run", world / "world" / "events", "--out", world / "plain", "--quiet").code == 0
    assert nightly.to_pylist() == open_run(world / "plain").clusters.select(names).to_pylist()
    assert call("check", "--store", world / "store").code == 0


def test_nights_fold_fillings_into_what_their_rows_have(tmp_path):
    store, kept = tmp_path / "store", []
    for night in range(2):
        path = write(tmp_path / "in" / f"{night}.parquet", rows_of(day=NOON + timedelta(days=night)))
        day = f"{NOON + timedelta(days=night):%Y-%m-%d}"
        assert call("nightly", path, "--store", store, "--date", day).code == 0
    names = ["account_id", "day", "template", "filling", "uses"]
    for path in store.rglob("fillings.parquet"):
        kept += pq.read_table(path, partitioning=None).select(names).to_pylist()
    with DuckDBEngine(tmp_path, threads=2) as engine:
        assert read([tmp_path / "in"], engine=engine).has_fillings
        rows = engine.fetch(f"SELECT {', '.join(names)} FROM fillings").to_pylist()
    assert sum(row["uses"] for row in rows) == 400
    asked = {row["prompt"] for night in range(2) for row in rows_of(day=NOON + timedelta(days=night))}
    assert len({row["filling"] for row in rows}) == len(asked)
    assert sorted(map(str, kept)) == sorted(map(str, rows))


def fillings_of(prompts):
    texts = pa.array(prompts)
    with Parallel(2) as run:
        miner = Miner(len(prompts), sum(map(len, prompts)), run)
        miner.observe(texts)
        return miner.assign(texts).fillings.tolist()


def test_a_filling_is_what_stands_in_the_slots():
    towns = fillings_of([ASKED.format(town) for town in TOWNS])
    assert len(set(towns)) == len(TOWNS)
    assert fillings_of([ASKED.format(town.upper()) for town in TOWNS]) == towns
    numbers = [f"what became of the order {n} that I sent back to you" for n in range(10, 40)]
    assert len(set(fillings_of(numbers))) == len(numbers)
    assert set(fillings_of(["no slot is in this at all"] * 9)) == {0}


def test_a_paraphrase_does_not_make_another_filling():
    rng = random.Random(4)
    wording = [f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(60)]
    names = [rng.sample(TOWNS, 30) for _ in range(40)]

    def prompt(passage, edit):
        said = [*wording[:edit], "otherwise", *wording[edit + 1 :]]
        return " ".join([*said[:30], *passage, *said[30:]])

    found = [fillings_of([prompt(one, edit) for one in names]) for edit in (5, 12, 50)]
    assert len(set(found[0])) == len(names)
    assert found[0] == found[1] == found[2]


def test_the_verdict_names_the_mark():
    sentence = (
        "Its 40 accounts share templates and 0.02 of the fillings that chance would give them in common"
    )
    marked = replace(PLAIN, coverage_p_value=1e-4, coverage_overlap=0.02)
    assert sentence in judge(marked).sentence
    assert "fillings" not in judge(replace(marked, coverage_overlap=0.9)).sentence
    assert "fillings" not in judge(replace(marked, coverage_p_value=0.2)).sentence
    explained = judge(replace(marked, explained_by="shared_tool", reason="a tool"))
    assert any(sentence in one for one in explained.against)
