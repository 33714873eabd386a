"""Templates of prompts: what makes one, and that nothing but the prompts decides."""

from __future__ import annotations

import random
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustergraph.templates.known import FOUND, REGISTRY, remember, say_id
from clustergraph.templates.leaders import LEAST_RESEMBLANCE, follow, resemblance
from clustergraph.templates.mining import Miner
from clustergraph.templates.parallel import Parallel
from clustergraph.templates.redaction import ACCOUNTS, LEAST_ACCOUNTS, redact
from clustergraph.templates.tokens import words_of
from tests.bench.grouping import group_by_template, pairwise_f1
from tests.bench.templates import campaign_prompts

WORDS = [f"{a}{b}{c}" for a in "bcdfgk" for b in "aeiou" for c in ("lo", "nt", "rim", "sta")]


def text(rng, words):
    return " ".join(rng.choice(WORDS) for _ in range(words))


def mine(batches, *, threads=2, known=None):
    """Give the templates of the prompts of all batches, and the miner."""
    size = sum(len(batch) for batch in batches), sum(len(one or "") for batch in batches for one in batch)
    with Parallel(threads) as run:
        miner = Miner(*size, run, known)
        for batch in batches:
            miner.observe(pa.array(batch, pa.string()))
        codes = [miner.assign(pa.array(batch, pa.string())).codes for batch in batches]
        return miner.templates(np.concatenate(codes)).tolist(), miner


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Sum up, in 3 steps:", ["Sum", "up", "in", None, "steps"]),
        ("at 19:29:09 on Mon Jul 22 2005, GMT", ["at", None, "on", None, "GMT"]),
        ("mail ada@example.org or see https://a.example/b?c=d now", ["mail", None, "or", "see", None, "now"]),
        ("open /etc/passwd or C:\\temp\\notes", ["open", None, "or", None]),
        ("use sk-live-9f8e7d and eu.west.example", ["use", None, "and", None]),
        ("key " + "q" * 25 + " ends", ["key", None, "ends"]),
        ("step-by-step, and/or not. Then", ["step", "by", "step", "and", "or", "not", "Then"]),
        ("may I march on Sunday?", ["may", "I", "march", "on", "Sunday"]),
        ("请解释3个步骤。好", ["请", "解", "释", None, "个", "步", "骤", "好"]),
        ("Größe\u00a0und\u2014Ähnliches", ["Größe", "und", "Ähnliches"]),
        ("", []),
    ],
)
def test_what_is_no_wording_is_a_slot(written, words):
    assert words_of(written) == words


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_words_are_parts_of_the_text_in_order(written):
    place = 0
    for word in words_of(written):
        if word is not None:
            place = written.index(word, place) + len(word)


def test_what_fills_a_slot_does_not_matter():
    rng = random.Random(1)
    head, tail = text(rng, 14), text(rng, 12)
    short = [f"write a poem about {one} for children" for one in WORDS[:40]]
    long = [f"{head} {text(rng, rng.randint(15, 400))} {tail}" for _ in range(40)]
    numbers = [f"send {n} euros to account {n * 7}, please" for n in range(40)]
    found = group_by_template([*short, *long, *numbers])
    assert len(set(found[:40])) == len(set(found[40:80])) == len(set(found[80:])) == 1
    assert len(set(found)) == 3


def test_few_words_in_one_place_are_no_slot():
    prompts = [f"session {word} for the user now" for word in ("opened", "closed")] * 50
    assert len(set(group_by_template(prompts))) == 2


def test_passages_have_no_template():
    rng = random.Random(2)
    prompts = [text(rng, 60) for _ in range(300)]
    assert len(set(group_by_template(prompts))) == 300


@pytest.mark.parametrize(("evasion", "least"), [(0.0, 0.999), (0.5, 0.9)])
def test_paraphrased_prompts_of_a_campaign_get_the_templates_they_were_made_from(evasion, least):
    prompts, true = campaign_prompts(evasion, accounts=2_000)
    assert pairwise_f1(group_by_template(prompts), true) >= least


@pytest.fixture(scope="module")
def prompts():
    made, _ = campaign_prompts(0.5, accounts=2_000)
    rng = random.Random(3)
    return [*made, *(f"how do I mend a {one} at home?" for one in WORDS), None, "", "42", text(rng, 90), "Hi"]


def test_order_batches_and_threads_do_not_matter(prompts):
    found = dict(zip(prompts, mine([prompts])[0], strict=True))
    shuffled = random.Random(4).sample(prompts, len(prompts))
    for cut, threads in ((1, 1), (len(prompts) // 3, 2), (len(prompts) - 1, 5)):
        again, _ = mine([shuffled[:cut], shuffled[cut:]], threads=threads)
        assert dict(zip(shuffled, again, strict=True)) == found
    assert [found[one] for one in (None, "", "42")] == [0, 0, 0]
    assert found["Hi"] != 0


def known_after(prompts, *, nights=1):
    templates, miner = mine([prompts])
    return miner.describe(np.unique(np.array(templates, np.uint64)), "prompt_template")


def test_known_templates_keep_their_ids(prompts):
    made = [one for one in prompts if one]
    half = made[::2], made[1::2]
    first, _ = mine([half[0]])
    known = known_after(half[0])
    assert known.schema == FOUND
    second, _ = mine([half[1]], known=known)
    without, _ = mine([half[1]])
    mended = [f"how do I mend a {one} at home?" for one in WORDS]
    ids = {first[half[0].index(one)] for one in mended if one in half[0]}
    assert ids == {second[half[1].index(one)] for one in mended if one in half[1]}
    # Two words in one place make no slot by themselves, but they fill one that is known.
    few, _ = mine([["how do I mend a wheel at home?", "how do I mend a boat at home?"]], known=known)
    assert set(few) == ids
    kept = sum(one in set(first) for one in second)
    assert kept > sum(one in set(first) for one in without)
    assert kept > 0.9 * len(second)


def test_one_template_of_a_few_prompts_is_recognised_when_it_is_known():
    rng = random.Random(5)
    head = text(rng, 30)
    known = known_after([f"{head} {text(rng, 40)}" for _ in range(20)])
    template = {say_id(one) for one in mine([[f"{head} {text(rng, 40)}"]], known=known)[0]}
    assert template <= set(known["template_id"].to_pylist())
    assert not known["text"].is_valid().to_pylist()[0]


sets = st.sets(st.integers(0, 60), max_size=40).map(lambda s: np.array(sorted(s), np.uint32))


@settings(deadline=None)
@given(sets, sets)
def test_resemblance_of_whole_sets_is_the_jaccard_index(a, b):
    union = set(a.tolist()) | set(b.tolist())
    jaccard = len(set(a.tolist()) & set(b.tolist())) / len(union) if union else 0.0
    assert resemblance(a, b, 80) == pytest.approx(jaccard)


@settings(deadline=None, max_examples=50)
@given(st.lists(sets.filter(len), min_size=1, max_size=30), st.integers(0, 3))
def test_everyone_resembles_their_leader_and_leaders_follow_nobody(sketches, known):
    known = min(known, len(sketches))
    start = np.concatenate([[0], np.cumsum([len(one) for one in sketches])])
    leader = follow(np.concatenate(sketches), start, known, 80)
    assert leader[:known].tolist() == list(range(known))
    for number, of in enumerate(leader.tolist()):
        assert of <= number
        assert leader[of] == of
        if of != number:
            assert resemblance(sketches[number], sketches[of], 80) >= LEAST_RESEMBLANCE


def test_a_text_shows_what_enough_accounts_wrote():
    names = ["Amara Okafor", "Bruno Novak", "Chen Silva", "Dagny Kaya", "Elif Rossi", "Farid Castro"]
    prompts = [(f"Write to {name}, born 1999, about the plan", 1) for name in names]
    assert redact(prompts) == "Write to <*> born <*> about the plan"
    assert redact(prompts[: LEAST_ACCOUNTS - 1]) is None
    assert redact([("My secret is swordfish", 1)] + [("Nothing in common here", 1)] * 3) is None
    assert redact([("Tell me a joke", LEAST_ACCOUNTS)]) == "Tell me a joke"
    assert ACCOUNTS >= LEAST_ACCOUNTS


def test_a_registry_remembers_who_was_seen_when():
    def found(*rows):
        return pa.Table.from_pylist(
            [
                {"template_id": say_id(n), "kind": "k", "text": words, "surroundings": [n], "shingles": []}
                for n, words in rows
            ],
            FOUND,
        )

    one = remember(REGISTRY.empty_table(), found((7, None), (3, "b"), (7, None)), date(2026, 1, 1), days=10)
    assert one.schema == REGISTRY
    two = remember(one, found((9, "c"), (7, "a")), date(2026, 1, 8), days=10)
    rows = [(int(r["template_id"][4:], 16), r["text"], r["last_night"].day) for r in two.to_pylist()]
    assert rows == [(3, "b", 1), (7, "a", 8), (9, "c", 8)]
    three = remember(two, FOUND.empty_table(), date(2026, 1, 13), days=10)
    assert [int(one[4:], 16) for one in three["template_id"].to_pylist()] == [7, 9]
    assert three["first_night"].to_pylist() == [date(2026, 1, 1), date(2026, 1, 8)]
