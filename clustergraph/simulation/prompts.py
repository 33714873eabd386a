"""The text of prompts: each template's code is a wording, each row fills its slots and may paraphrase it.

An operator who takes care paraphrases by small edits: with evasion e, each word of the wording is replaced by
another, left out, or followed by a filler in 0.2 e of the cases. People and tools paraphrase nothing; what is
theirs differs from row to row in its slots. So does what operators ask, unless they divide a data set: then
an account asks `REPETITION` times of each entry before it goes on, and nobody else asks of it.
"""

import random
import re
from collections.abc import Collection
from functools import lru_cache

import numpy as np
import pyarrow as pa

from clustergraph.simulation import wording
from clustergraph.simulation.tokens import Codes, Ints, mint, scramble
from clustergraph.simulation.world import World

_CHOICE, _SLOT = re.compile(r"\{([^{}]*)\}"), re.compile(r"<(\w+)>")
_TAG = np.uint64(40)  # bits below which a code counts the things of its purpose
EDITS = 0.2
REPETITION = 3  # uses of an entry on one night


def write_prompts(
    world: World, night: int, first: int, account: Ints, template: Codes, operators: Collection[str]
) -> pa.Array:
    """Write the prompts of some rows; null where a row has no template.

    Args:
        world: the world.
        night: of the rows.
        first: number of the first row in the night.
        account: number of each row's account.
        template: code of each row's template.
        operators: names of the cohorts that extract; their own templates ask for extraction.
    """
    extracts = _tags([f"{name}/{what}" for name in operators for what in ("variant", "paraphrase")])
    tools = _tags(["tool/prompt"])
    row = np.arange(first, first + template.size)
    dice = scramble(mint(f"prompt/{night}", row), world.seed)
    entry = scramble(_entries(night, first, account, template), world.seed) if world.divided else dice
    texts: list[str | None] = []
    for code, tag, seed, filling in zip(
        template.tolist(), (template >> _TAG).tolist(), dice.tolist(), entry.tolist(), strict=True
    ):
        if not code:
            texts.append(None)
            continue
        kind = "extraction" if tag in extracts else "tool" if tag in tools else "people"
        rng = random.Random(seed)
        skeleton = _skeleton(kind, code, world.seed)
        if kind == "extraction":
            skeleton = _paraphrase(skeleton, EDITS * world.evasion, rng)
            rng = random.Random(filling) if world.divided else rng
        texts.append(_fill(skeleton, rng))
    return pa.array(texts, pa.string())


def _entries(night: int, first: int, account: Ints, template: Codes) -> Codes:
    """Give the entry of the data set that each row asks of: the first row that asks of it."""
    order = np.lexsort((np.arange(account.size), template, account))
    new = np.ones(account.size, np.bool_)
    new[1:] = (np.diff(account[order]) != 0) | (template[order][1:] != template[order][:-1])
    place = np.arange(account.size)
    turn = place - np.maximum.accumulate(np.where(new, place, 0))
    entry = np.empty_like(place)
    entry[order] = order[place - turn % REPETITION]
    return mint(f"entry/{night}", first + entry)


def _tags(purposes: Collection[str]) -> set[int]:
    return {int(mint(purpose, 0) >> _TAG) for purpose in purposes}


@lru_cache(100_000)
def _skeleton(kind: str, code: int, seed: int) -> str:
    """Give the wording of a template, its slots open."""
    rng = random.Random(f"{seed}/{code}")
    if kind == "tool":
        rules = rng.sample(wording.TOOL_RULES[1:], 8)
        name = f"{_noun(rng).title()}{_noun(rng)}"
        parts = [wording.TOOL_RULES[0].replace("<tool>", name), *rules, "User: <everyday>"]
    elif kind == "extraction":
        opening = rng.choice(wording.OPENINGS).replace("<domain>", rng.choice(wording.DOMAINS))
        work = rng.sample(wording.TASKS, rng.randint(2, 4))
        parts = [opening, *work, *rng.sample(wording.CLOSINGS, rng.randint(1, 2))]
        parts.insert(rng.choice((1, len(parts), len(parts))), rng.choice(wording.INPUTS))
    else:
        banks, weights = [bank for bank, _ in wording.PEOPLE], [weight for _, weight in wording.PEOPLE]
        parts = [rng.choice(rng.choices(banks, weights)[0])]
    text = _CHOICE.sub(lambda found: rng.choice(found[1].split("|")), " ".join(parts))
    return re.sub("<fixed>", lambda _: _topic(rng), text)


def _paraphrase(text: str, rate: float, rng: random.Random) -> str:
    """Replace, leave out or pad words at a rate; slots stay."""
    if not rate:
        return text
    out = []
    for word in text.split(" "):
        if word.startswith("<") or rng.random() >= rate:
            out.append(word)
            continue
        edit = rng.randrange(3)
        if edit == 0:
            out.append(wording.SYNONYMS.get(word.lower(), rng.choice(wording.ADJECTIVES)))
        elif edit == 1:
            out += [word, rng.choice(wording.FILLERS)]
    return " ".join(out)


def _fill(text: str, rng: random.Random) -> str:
    return _SLOT.sub(lambda found: _FILLERS[found[1]](rng), text)


def _topic(rng: random.Random) -> str:
    return f"{rng.choice(wording.ADJECTIVES)} {_noun(rng)}"


def _noun(rng: random.Random) -> str:
    return rng.choice(wording.NOUNS)


def _verb(rng: random.Random) -> str:
    return rng.choice(wording.VERBS)


def _preposition(rng: random.Random) -> str:
    return rng.choice(wording.PREPOSITIONS)


def _name(rng: random.Random) -> str:
    return f"{rng.choice(wording.FIRST_NAMES)} {rng.choice(wording.LAST_NAMES)}"


def _number(rng: random.Random) -> str:
    return str(rng.randint(10, 9_999))


def _question(rng: random.Random) -> str:
    return (
        f"a {_topic(rng)} {_verb(rng)} {_number(rng)} times {_preposition(rng)} a"
        f" {_topic(rng)}, and {_name(rng)} {_verb(rng)} the {_noun(rng)}."
        f" How many {_noun(rng)}s are left, and what does the {_topic(rng)} have to do with it?"
    )


def _passage(rng: random.Random) -> str:
    count = 2 + int(rng.expovariate(0.2))
    return " ".join(
        f"{rng.choice(('The', 'A', 'Every', 'That', 'This'))} {_topic(rng)} {_verb(rng)}"
        f" {rng.choice(('the', 'a', 'no', 'its'))} {_noun(rng)} {_preposition(rng)}"
        f" {rng.choice(('the', 'a', 'our'))} {_topic(rng)}."
        for _ in range(min(count, 40))
    )


def _code(rng: random.Random) -> str:
    lines = [f"def {_verb(rng)}_{_noun(rng)}({_noun(rng)}):"]
    lines += [
        f"    {_noun(rng)} = {_noun(rng)}.{_verb(rng)}({_number(rng)})" for _ in range(rng.randint(2, 12))
    ]
    return "\n".join([*lines, f"    return {_noun(rng)}"])


def _everyday(rng: random.Random) -> str:
    text = _CHOICE.sub(lambda found: rng.choice(found[1].split("|")), rng.choice(wording.EVERYDAY))
    return re.sub("<fixed>", lambda _: _topic(rng), text)


_FILLERS = {
    "name": _name, "number": _number, "question": _question, "passage": _passage, "code": _code,
    "topic": _topic, "everyday": _everyday,
}  # fmt: skip
