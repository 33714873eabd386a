"""The extraction score: what is counted of accounts, parts on their ramps, points, and what they give."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import clustergraph as cg
from clustergraph.config import resolve
from clustergraph.engines.duckdb import DuckDBEngine
from clustergraph.errors import UsageError
from clustergraph.extraction.counting import count_measures
from clustergraph.extraction.parts import PARTS, find_quietest, measure_parts
from clustergraph.extraction.points import DEFAULTS, add_points, check_points
from clustergraph.jobs import INJECTED, STAGES
from clustergraph.sightings.elicitation import elicits
from clustergraph.store.increments import fold, open_window
from clustergraph.store.store import open_store
from clustergraph.templates.known import FOUND
from tests.nights import at

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 2, 2)
REASONING = [
    "Think out loud before you answer: which of the two bridges is longer?",
    "Explain your solution step by step, and justify each of them.",
    "Show me all of your reasoning, then the answer.",
    "Imagine the internal reasoning behind the completed response and write it down.",
    "Reconstruct the thought process that led to this answer: 42.",
    "Grade the response from 1 to 10 by the rubric below.",
    "Use this rubric to score the two essays.",
    "Put your chain of thought into <think> tags.",
    "Return a JSON object with the keys question, rationale, answer.",
    "Erkläre die Lösung Schritt für Schritt.",
    "Explique votre raisonnement étape par étape.",
    "Piensa en voz alta y responde.",
    "Объясни решение шаг за шагом.",
    "请一步一步地思考。",
    "答えの前に段階的に考えてください。",
]
ORDINARY = [
    "Explain how a lathe works.",
    "Can you explain the reason for this error?",
    "What is the reasoning test that banks use in interviews?",
    "Write a letter to my landlord about the step in front of the door.",
    "I was thinking out of the box, is that an idiom?",
    "Give me directions to assemble the shelf step by step.",
    "Rate this film, would you?",
    "Was ist der nächste Schritt für meinen Antrag?",
    "Answer in the language of the user and keep answers short unless asked for more.",
    "My script breaks when the list is empty. What is wrong? def think(answer): return answer",
]


def measure(tmp_path: Path, rows: list[dict[str, Any]], **options: Any) -> dict[str, dict[str, float]]:
    """Give the parts of each account of some events; everybody has one card."""
    path = tmp_path / "events.parquet"
    cards = [{"payment_fingerprint": "card", **row} for row in rows]
    names = sorted({name for row in cards for name in row})
    pq.write_table(pa.Table.from_pylist([{name: row.get(name) for name in names} for row in cards]), path)
    with DuckDBEngine(tmp_path, threads=2) as engine:
        incidence = cg.link(cg.read([path], engine=engine, **options))
        found = measure_parts(count_measures(incidence, np.arange(incidence.accounts.num_rows)))
    ids = incidence.accounts["account_id"].to_pylist()
    return {one: {name: found[name][place] for name in PARTS} for place, one in enumerate(ids)}


def row(account: str, hour: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"account_id": account, "timestamp": START + timedelta(hours=hour), **more}


def drawn(part: float, observations: int) -> Any:
    return pytest.approx((part * observations + 10) / (observations + 20))


@pytest.mark.parametrize(("prompts", "expected"), [(REASONING, True), (ORDINARY, False)])
def test_prompts_that_ask_for_reasoning_are_told(tmp_path, prompts, expected):
    with DuckDBEngine(tmp_path, threads=1) as engine:
        engine.load("asked", pa.table({"prompt": prompts}))
        found = engine.fetch(f"SELECT prompt, {elicits(engine, 'prompt')} AS told FROM asked").to_pylist()
    assert [one["prompt"] for one in found if one["told"] is not expected] == []


def test_parts_by_hand(tmp_path):
    rows = []
    for n in range(40):
        rows += [
            # As a campaign: reasoning in three of four, one template, like lengths, all hours, alone.
            row("campaign", n * 3, prompt_template="t", input_tokens=200, output_tokens=800,
                prompt=REASONING[0] if n % 4 else ORDINARY[0], conversation_id=f"c{n}"),
            # As a person: nothing of it; short answers in office hours, in two conversations.
            row("person", 24 * (n // 8) + 9 + n % 8, prompt_template=f"p{n}", input_tokens=8 ** (1 + n % 4),
                output_tokens=4 ** (n % 4), prompt=ORDINARY[n % 4], conversation_id=f"p{n % 2}"),
        ]  # fmt: skip
    # A roll-up: its mean tells nothing of lengths, and its exchanges are of one conversation.
    rows.append(row("rolled", exchanges=30, input_tokens=30, output_tokens=60, conversation_id="r"))
    found = measure(tmp_path, rows)
    campaign, person, rolled = found["campaign"], found["person"], found["rolled"]
    for name in ("reasoning_elicitation", "template_concentration", "task_narrowness", "round_the_clock"):
        assert campaign[name] == drawn(1.0, 40), name
        assert person[name] == drawn(0.0, 40), name
    assert campaign["output_ratio"] == drawn(1.0, 40)
    assert campaign["no_conversation"] == drawn(1.0, 40)
    assert person["output_ratio"] == drawn(0.0, 40)
    assert person["no_conversation"] == drawn(0.0, 40)
    assert rolled["output_ratio"] == drawn(0.5, 30)
    assert rolled["no_conversation"] == drawn(0.0, 30)
    assert rolled["round_the_clock"] == drawn(0.0, 1)
    unknown = ("reasoning_elicitation", "template_concentration", "task_narrowness")
    assert all(np.isnan(rolled[name]) for name in unknown)


def test_what_the_input_has_not_is_not_known(tmp_path):
    found = measure(tmp_path, [{"account_id": "a"}, {"account_id": "b"}])
    assert all(np.isnan(part) for one in found.values() for part in one.values())


def test_prompts_beside_templates_tell_as_well(tmp_path):
    asked = [row("a", prompt_template="t", prompt=one) for one in REASONING]
    given = measure(tmp_path, [*asked, row("b", prompt_template="t")])
    assert given["a"]["reasoning_elicitation"] == drawn(1.0, len(REASONING))
    assert np.isnan(given["b"]["reasoning_elicitation"])
    assert given["a"]["template_concentration"] == drawn(1.0, len(REASONING))


def test_a_configuration_has_patterns_of_its_own(tmp_path):
    asked = [row("a", prompt="tell me of BRIDGES"), row("b", prompt=REASONING[0])]
    found = measure(tmp_path, asked, elicitation={"bridges": "of bridge"})
    assert found["a"]["reasoning_elicitation"] == drawn(1.0, 1)
    assert found["b"]["reasoning_elicitation"] == drawn(0.0, 1)
    for wrong in ({}, {"open": "(of"}):
        with pytest.raises(UsageError, match=r"\[read\] elicitation"):
            measure(tmp_path, asked, elicitation=wrong)


def test_neither_order_nor_files_change_what_is_counted(tmp_path):
    rng = random.Random(3)
    rows = [
        row(f"a{rng.randrange(5)}", rng.randrange(60), prompt_template=f"t{rng.randrange(9)}",
            prompt=rng.choice(REASONING + ORDINARY), conversation_id=f"c{rng.randrange(30)}",
            input_tokens=rng.randrange(900), output_tokens=rng.randrange(900))
        for _ in range(400)
    ]  # fmt: skip
    before = measure(tmp_path, rows)
    rng.shuffle(rows)
    assert measure(tmp_path, rows) == before


def test_late_rows_of_a_conversation_come_together_in_a_store(tmp_path):
    rng = random.Random(5)
    rows = [
        row(f"a{n % 12}", rng.randrange(24), prompt=rng.choice(REASONING + ORDINARY),
            conversation_id=f"c{n // 3}", input_tokens=rng.randrange(1, 900),
            output_tokens=rng.randrange(1, 900), payment_fingerprint="card")
        for n in range(240)
    ]  # fmt: skip
    tomorrow = [one | {"timestamp": one["timestamp"] + timedelta(days=1)} for one in rows[120:]]
    nights = [[one for n, one in enumerate(rows) if n % 5], rows[::5] + tomorrow]
    (tmp_path / "store.json").write_text('{"format": 1}')
    store = open_store(tmp_path)
    store.incidence.mkdir()
    increments = []
    for number, part in enumerate(nights):
        pq.write_table(pa.Table.from_pylist(part), tmp_path / f"{number}.parquet")
        with DuckDBEngine(tmp_path, threads=2) as engine:
            increments += fold(cg.read([tmp_path / f"{number}.parquet"], engine=engine), store, at(number))
    assert len(increments) == 3
    with DuckDBEngine(tmp_path, threads=2) as engine:
        window = open_window(engine, increments, store, {}, {}, FOUND.empty_table())
        stored = measure_parts(count_measures(cg.link(window), np.arange(12)))
    expected = measure(tmp_path, [one for part in nights for one in part])
    assert all(0 < one["no_conversation"] < 1 for one in expected.values())
    for place, one in enumerate(sorted(expected)):
        assert {name: stored[name][place] for name in PARTS} == expected[one]
    without = [replace(one, sha256={"exchanges": one.sha256["exchanges"]}) for one in increments]
    with DuckDBEngine(tmp_path, threads=2) as engine:  # as a store of an earlier version has it
        window = open_window(engine, without, store, {}, {}, FOUND.empty_table())
        older = measure_parts(count_measures(cg.link(window), np.arange(12)))
    assert all(np.isnan(older[name]).all() for name in ("reasoning_elicitation", "no_conversation"))
    assert (older["round_the_clock"] == stored["round_the_clock"]).all()


part = st.one_of(st.just(float("nan")), st.floats(0, 1))
points = st.dictionaries(st.sampled_from(PARTS), st.floats(0, 20), min_size=1).map(
    lambda some: dict.fromkeys(PARTS, 0.0) | some
)


@given(st.fixed_dictionaries(dict.fromkeys(PARTS, part)), points, st.sampled_from(PARTS), st.floats(0, 1))
def test_a_score_grows_with_each_part(found, points, name, more):
    columns = {one: np.array([value]) for one, value in found.items()}
    (before,) = add_points(columns, points)
    assert np.isnan(before) == all(np.isnan(found[one]) or points[one] == 0 for one in PARTS)
    assert np.isnan(before) or 0.0 <= before <= 1.0
    if not np.isnan(found[name]) and not np.isnan(before):
        (after,) = add_points(columns | {name: np.array([max(more, found[name])])}, points)
        assert after >= before


@given(st.fixed_dictionaries(dict.fromkeys(PARTS, part)), points, st.sampled_from(PARTS), points)
def test_points_of_unknown_parts_do_not_matter(found, points, name, others):
    columns = {one: np.array([value]) for one, value in found.items()} | {name: np.array([np.nan])}
    assert add_points(columns, points) == pytest.approx(
        add_points(columns, points | {name: others[name]}), nan_ok=True
    )


def test_one_exchange_makes_no_extractor(tmp_path):
    found = measure(
        tmp_path, [row("a", prompt=REASONING[0], input_tokens=1, output_tokens=99, conversation_id="c")]
    )
    (score,) = add_points({name: np.array([found["a"][name]]) for name in PARTS}, DEFAULTS)
    assert 0.4 < score < 0.6


@given(st.lists(st.lists(st.integers(0, 9), min_size=24, max_size=24), max_size=4))
def test_the_quietest_hours_are_found(hours):
    counts = np.array(hours, np.int64).reshape(-1, 24)
    expected = [min(sum((one + one)[at : at + 6]) for at in range(24)) for one in hours]
    assert find_quietest(counts).tolist() == expected


@pytest.mark.parametrize(
    ("given", "said"),
    [({"output_ratio": -1}, "output_ratio is -1"), (dict.fromkeys(PARTS, 0), "all points are 0")],
)
def test_points_that_are_none_are_refused(given, said):
    settings = resolve(STAGES, {"extraction": given}, INJECTED)["extraction"]
    with pytest.raises(UsageError, match=said):
        check_points(settings)
    with pytest.raises(UsageError, match="must be a number"):
        resolve(STAGES, {"extraction": {"output_ratio": "much"}}, INJECTED)
