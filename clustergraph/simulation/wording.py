"""What prompts are made of: words, and sentences with choices, and slots that every prompt fills anew.

``{Grade|Rate} the answer`` is one of two wordings; ``<passage>`` is filled for every row, ``<fixed>``
once for a template. The kinds of extraction are those of the public disclosure: reasoning that is asked
for step by step, the reasoning behind an answer imagined afterwards, grading by rubric, tasks for agents
with tools, data that is cleaned and labelled, and one expert role over and over.
"""

import tomllib
from importlib import resources

_FILE = resources.files("clustergraph.simulation").joinpath("wording.toml")
_TABLE = tomllib.loads(_FILE.read_text(encoding="utf-8"))

Words = tuple[str, ...]


def _words(name: str) -> Words:
    return tuple(_TABLE[name].split())


def _sentences(name: str) -> Words:
    return tuple(_TABLE[name])


NOUNS, ADJECTIVES, VERBS = _words("nouns"), _words("adjectives"), _words("verbs")
PREPOSITIONS, FILLERS = _words("prepositions"), _words("fillers")
FIRST_NAMES, LAST_NAMES = _words("first_names"), _words("last_names")
SYNONYMS: dict[str, str] = _TABLE["synonyms"]
# A campaign's prompt: who the model is to be, what it is to do, how to end, and what it gets to work on.
DOMAINS, OPENINGS, TASKS = _sentences("domains"), _sentences("openings"), _sentences("tasks")
CLOSINGS, INPUTS = _sentences("closings"), _sentences("inputs")
TOOL_RULES, EVERYDAY = _sentences("tool_rules"), _sentences("everyday")
# What people ask, and how often.
PEOPLE = (
    (EVERYDAY, 5),
    (_sentences("letters"), 2),
    (_sentences("essays"), 2),
    (_sentences("code"), 2),
)
