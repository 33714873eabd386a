"""Short prompts: a word is a slot where the same surroundings are seen with several others.

"Write a poem about autumn" has its slot at the end, because "Write a poem about ..." is seen with many
ends. So the surroundings of each word, and of each two words in a row, are hashed to two cells of a
table, which note the words that they were seen with as bits; `LEAST_FILLERS` bits in both make a slot.
This is the branching rule of log parsers (Makanju, Zincir-Heywood, Milios 2009), asked of both sides of a
word at once. Bits are added in any order to the same table, and what is collected has no more parts than
the table has cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from clustergraph.templates.tokens import SLOT, chain, mix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.templates.parallel import Parallel
    from clustergraph.templates.tokens import Tokens

MOST_WORDS = 24  # tokens of a short prompt
LEAST_FILLERS = 4  # different words in one place that make it a slot
LONGEST_FILLER = 2  # words
LEAST_AROUND = 2  # words that surroundings have at least
ALL_FILLERS = 0xFFFF

_SEED, _BACKWARD = np.uint64(0x5107), np.uint64(0xBAC4)
_1, _15, _32 = np.uint64(1), np.uint64(15), np.uint64(32)


class Skeletons(NamedTuple):
    """Prompts without their slots.

    Attributes:
        codes: a hash of each prompt's words; 0 where it has none (uint64).
        surroundings: hashes of what is around each slot that was found (uint64).
        rows: prompt of each of these (int64).
        filled: where the tokens are, whether they fill a slot (bool).
    """

    codes: NDArray[np.uint64]
    surroundings: NDArray[np.uint64]
    rows: NDArray[np.int64]
    filled: NDArray[np.bool_]


@njit(cache=True, nogil=True, error_model="numpy")
def _sides(
    tokens: NDArray[np.uint64], n: int, before: NDArray[np.uint64], after: NDArray[np.uint64],
    words: NDArray[np.int32],
) -> None:  # fmt: skip
    """Hash what is before and after each place of a prompt; count the words before it."""
    before[0], words[0] = _SEED, 0
    for i in range(n):
        before[i + 1] = chain(before[i], tokens[i])
        words[i + 1] = words[i] + (tokens[i] != SLOT)
    after[n] = _BACKWARD
    for i in range(n - 1, -1, -1):
        after[i] = chain(after[i + 1], tokens[i])


@njit(cache=True, nogil=True, error_model="numpy")
def _cells(surroundings: np.uint64, cells: int) -> tuple[int, int]:
    """Give the two cells of surroundings, one in each half of a table."""
    half = np.uint64(cells // 2)
    mask = half - _1
    return int(surroundings & mask), int(half + ((surroundings >> _32) & mask))


@njit(cache=True, nogil=True, error_model="numpy")
def _add_fillers(
    hashes: NDArray[np.uint64], start: NDArray[np.int64], length: NDArray[np.int32],
    table: NDArray[np.uint16], part: int, parts: int,
) -> None:  # fmt: skip
    """Note fillers in the cells of one part of the table."""
    before, after = np.empty(MOST_WORDS + 1, np.uint64), np.empty(MOST_WORDS + 1, np.uint64)
    words = np.empty(MOST_WORDS + 1, np.int32)
    low, high = len(table) * part // parts, len(table) * (part + 1) // parts
    for row in range(len(length)):
        n = length[row]
        if n > MOST_WORDS:
            continue
        tokens = hashes[start[row] : start[row] + n]
        _sides(tokens, n, before, after, words)
        for i in range(n):
            filler = np.uint64(0)
            for width in range(1, min(LONGEST_FILLER, n - i) + 1):
                filler = chain(filler, tokens[i + width - 1])
                if words[n] - (words[i + width] - words[i]) < LEAST_AROUND:
                    continue
                bit = np.uint16(1) << np.uint16(filler & _15)
                for cell in _cells(mix(before[i] + mix(after[i + width])), len(table)):
                    if low <= cell < high:
                        table[cell] |= bit


@njit(cache=True, nogil=True, error_model="numpy")
def _count_bits(x: int) -> int:
    count = 0
    while x:
        x &= x - 1
        count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _has_fillers(table: NDArray[np.uint16], surroundings: np.uint64) -> bool:
    first, second = _cells(surroundings, len(table))
    return _count_bits(table[first]) >= LEAST_FILLERS and _count_bits(table[second]) >= LEAST_FILLERS


@njit(cache=True, nogil=True, error_model="numpy")
def _find_skeleton(
    tokens: NDArray[np.uint64], n: int, table: NDArray[np.uint16], out: NDArray[np.uint64],
    before: NDArray[np.uint64], after: NDArray[np.uint64], words: NDArray[np.int32],
    around: NDArray[np.uint64], slot: NDArray[np.bool_],
) -> tuple[int, int]:  # fmt: skip
    """Write a prompt's tokens with its slots found, and what is around these; give both numbers.

    ``slot`` says at first which tokens are slots by themselves, and in the end which fill any.
    """
    by_itself = slot.copy()
    slot[:] = False
    _sides(tokens, n, before, after, words)
    found = 0
    for width in range(1, LONGEST_FILLER + 1):
        narrow = slot.copy()  # a wide filler of which a part is one already tells nothing new
        for i in range(n - width + 1):
            if words[n] - (words[i + width] - words[i]) < LEAST_AROUND or narrow[i : i + width].any():
                continue
            surroundings = mix(before[i] + mix(after[i + width]))
            if _has_fillers(table, surroundings):
                slot[i : i + width] = True
                around[found] = surroundings
                found += 1
    kept = 0
    for i in range(n):
        token = SLOT if slot[i] else tokens[i]
        if token == SLOT and kept and out[kept - 1] == SLOT:
            continue
        out[kept] = token
        kept += 1
    for i in range(n):
        slot[i] |= by_itself[i]
    return kept, found


@njit(cache=True, nogil=True, error_model="numpy")
def hash_tokens(tokens: NDArray[np.uint64], n: int) -> np.uint64:
    """Hash a sequence of tokens."""
    h = _SEED
    for i in range(n):
        h = chain(h, tokens[i])
    return h


@njit(cache=True, nogil=True, error_model="numpy")
def _hash_skeletons(
    hashes: NDArray[np.uint64], start: NDArray[np.int64], length: NDArray[np.int32],
    table: NDArray[np.uint16], low: int, high: int, codes: NDArray[np.uint64],
    around: NDArray[np.uint64], slots: NDArray[np.int64], filled: NDArray[np.bool_],
) -> None:  # fmt: skip
    before, after = np.empty(MOST_WORDS + 1, np.uint64), np.empty(MOST_WORDS + 1, np.uint64)
    words, out = np.empty(MOST_WORDS + 1, np.int32), np.empty(MOST_WORDS, np.uint64)
    for row in range(low, high):
        n, slots[row] = length[row], 0
        tokens, slot = hashes[start[row] : start[row] + n], filled[start[row] : start[row] + n]
        for i in range(n):
            slot[i] = tokens[i] == SLOT
        if n == 0 or (n == 1 and tokens[0] == SLOT):
            codes[row] = 0
        elif n <= MOST_WORDS:
            kept, slots[row] = _find_skeleton(tokens, n, table, out, before, after, words, around[row], slot)
            codes[row] = hash_tokens(out, kept)
        else:
            codes[row] = hash_tokens(tokens, n)


def add_fillers(tokens: Tokens, table: NDArray[np.uint16], run: Parallel) -> None:
    """Note which words the surroundings in some short prompts were seen with.

    Args:
        tokens: of the prompts; long ones are passed over.
        table: a power of two of cells, zero at first.
        run: threads; each has a part of the table for itself.
    """
    run.each(lambda part, parts: _add_fillers(*tokens[:3], table, part, parts))


@njit(cache=True, nogil=True, error_model="numpy")
def open_slots(table: NDArray[np.uint16], surroundings: NDArray[np.uint64]) -> None:
    """Have surroundings of known slots make slots, whatever is seen in them."""
    for one in surroundings:
        for cell in _cells(one, len(table)):
            table[cell] = ALL_FILLERS


def hash_skeletons(tokens: Tokens, table: NDArray[np.uint16], run: Parallel) -> Skeletons:
    """Hash each short prompt without its slots, and each long one as it is.

    Args:
        tokens: of the prompts.
        table: after :func:`add_fillers` of all prompts.
        run: threads.
    """
    rows = len(tokens.length)
    codes, slots = np.empty(rows, np.uint64), np.empty(rows, np.int64)
    around = np.empty((rows, LONGEST_FILLER * MOST_WORDS), np.uint64)
    filled = np.empty(len(tokens.hashes), np.bool_)
    run(
        rows,
        lambda low, high: _hash_skeletons(*tokens[:3], table, low, high, codes, around, slots, filled),
    )
    chosen = np.arange(around.shape[1]) < slots[:, None]
    return Skeletons(codes, around[chosen], np.repeat(np.arange(rows), slots), filled)
