"""The text of a template, without what any few people wrote.

A word is shown if `LEAST_ACCOUNTS` accounts wrote it next to the same neighbour, in prompts of the same
template; all else is a slot. So what one account wrote is never shown, however often, and neither are
numbers, addresses, paths and keys, which are slots from the beginning.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from clustergraph.templates.tokens import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST_ACCOUNTS = 5
ACCOUNTS = 8  # whose prompts are compared
LONGEST = 4_000  # characters of a prompt that are looked at
SLOT = "<*>"
_EDGE = ""


def redact(prompts: Iterable[tuple[str, int]]) -> str | None:
    """Give the text of a template, None where nothing of it may be shown.

    Args:
        prompts: of one template, one of each account, with the number of accounts that sent it; the first is
            the one whose order of words is kept.
    """
    shown: list[str | None] = []
    common: Counter[tuple[str | None, str | None]] = Counter()
    for text, accounts in prompts:
        words = words_of(text)
        shown = shown or words
        for pair in set(_pairs(words)):
            common[pair] += accounts
    pairs = _pairs(shown)
    kept = [
        word
        if word is not None and (common[before] >= LEAST_ACCOUNTS or common[after] >= LEAST_ACCOUNTS)
        else None
        for word, before, after in zip(shown, pairs, pairs[1:], strict=False)
    ]
    if not any(kept):
        return None
    out: list[str] = []
    for word in kept:
        if word is not None or not out or out[-1] != SLOT:
            out.append(SLOT if word is None else word)
    return " ".join(out)


def _pairs(words: list[str | None]) -> list[tuple[str | None, str | None]]:
    """Give each two words in a row in lower case, from the edge before the first to that after the last."""
    lower = [_EDGE, *(None if word is None else word.lower() for word in words), _EDGE]
    return list(pairwise(lower))
