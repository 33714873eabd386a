"""Long prompts: what they have in common with others is their template, whatever stands between.

A *shingle* is five tokens in a row (Broder 1997). It is common if `LEAST_PROMPTS` prompts have it. A
passage that fills a slot has next to no common shingles, however long it is, so it cannot drown a short
instruction. The least `SKETCH` hashes of a prompt's common shingles are its sketch, from which the
resemblance of two prompts is estimated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from clustergraph.templates.tokens import MOST_TOKENS, chain, mix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.templates.parallel import Parallel
    from clustergraph.templates.tokens import Tokens

SHINGLE = 5  # tokens
LEAST_PROMPTS = 8
LEAST_SHINGLES = 4  # of a template; fewer are idiom
SKETCH = 48

_SEED, _32, _ODD = np.uint64(0x3147), np.uint64(32), np.uint64(0x9E3779B97F4A7C15)


class Sketches(NamedTuple):
    """Sketches of prompts, one after the other.

    Attributes:
        values: least hashes of each prompt's common shingles, in order (uint32).
        start: of each prompt's, and the end of the last one's (int64).
        shingles: common shingles of each prompt, those that are not in the sketch included (int32).
        codes: a hash of each sketch (uint64).
        common: where the tokens are, whether the shingle that begins there is common (bool).
    """

    values: NDArray[np.uint32]
    start: NDArray[np.int64]
    shingles: NDArray[np.int32]
    codes: NDArray[np.uint64]
    common: NDArray[np.bool_]


@njit(cache=True, nogil=True, error_model="numpy")
def _hash_shingles(
    hashes: NDArray[np.uint64], start: NDArray[np.int64], length: NDArray[np.int32], longer_than: int,
    low: int, high: int, shingles: NDArray[np.uint32],
) -> None:  # fmt: skip
    """Write the hashes of the shingles where the tokens that they begin with are."""
    for row in range(low, high):
        n = length[row]
        if n > longer_than:
            for i in range(start[row], start[row] + n - SHINGLE + 1):
                h = np.uint64(0)
                for k in range(SHINGLE):
                    h = (h + hashes[i + k]) * _ODD
                shingles[i] = np.uint32(mix(h) >> _32)


@njit(cache=True, nogil=True, error_model="numpy")
def _count(
    shingles: NDArray[np.uint32], start: NDArray[np.int64], length: NDArray[np.int32], longer_than: int,
    table: NDArray[np.uint8], part: int, parts: int,
) -> None:  # fmt: skip
    """Count the shingles that fall into one part of the table, up to what matters."""
    mask = np.uint32(len(table) - 1)
    low, high = np.uint32(len(table) * part // parts), np.uint32(len(table) * (part + 1) // parts - 1)
    for row in range(len(length)):
        n = length[row]
        if n <= longer_than:
            continue
        for i in range(start[row], start[row] + n - SHINGLE + 1):
            cell = shingles[i] & mask
            if low <= cell <= high:
                table[cell] = min(table[cell] + 1, LEAST_PROMPTS)


@njit(cache=True, nogil=True, error_model="numpy")
def _sketch(
    shingles: NDArray[np.uint32], table: NDArray[np.uint8], common: NDArray[np.uint32],
    is_common: NDArray[np.bool_], out: NDArray[np.uint32],
) -> tuple[int, int, np.uint64]:  # fmt: skip
    """Write a prompt's sketch; give its length, the number of common shingles and its hash."""
    mask = np.uint32(len(table) - 1)
    found = 0
    for i, h in enumerate(shingles):
        common[found] = h
        is_common[i] = table[h & mask] >= LEAST_PROMPTS
        found += is_common[i]  # without a branch, reads of the table overlap
    if found < LEAST_SHINGLES:
        return 0, 0, np.uint64(0)
    values = np.sort(common[:found])
    kept, different, code = 0, 0, _SEED
    for i in range(found):
        if i == 0 or values[i] != values[i - 1]:
            different += 1
            if kept < SKETCH:
                out[kept] = values[i]
                code = chain(code, np.uint64(values[i]))
                kept += 1
    return kept, different, mix(code + np.uint64(different))


@njit(cache=True, nogil=True, error_model="numpy")
def _sketch_rows(
    shingles: NDArray[np.uint32], start: NDArray[np.int64], length: NDArray[np.int32], longer_than: int,
    table: NDArray[np.uint8], low: int, high: int, values: NDArray[np.uint32], kept: NDArray[np.int64],
    different: NDArray[np.int32], codes: NDArray[np.uint64], is_common: NDArray[np.bool_],
) -> None:  # fmt: skip
    common = np.empty(MOST_TOKENS + 1, np.uint32)
    for row in range(low, high):
        n = length[row]
        kept[row], different[row], codes[row] = 0, 0, 0
        if n > longer_than:
            own = slice(start[row], start[row] + n - SHINGLE + 1)
            kept[row], different[row], codes[row] = _sketch(
                shingles[own], table, common, is_common[own], values[row]
            )


def count_shingles(tokens: Tokens, longer_than: int, table: NDArray[np.uint8], run: Parallel) -> None:
    """Count the shingles of some prompts.

    Args:
        tokens: of the prompts.
        longer_than: tokens of prompts that are passed over; `SHINGLE` or more.
        table: a power of two of counts, 2^32 at most, which stop at `LEAST_PROMPTS`.
        run: threads; each has a part of the table for itself.
    """
    shingles = _shingles(tokens, longer_than, run)
    run.each(
        lambda part, parts: _count(shingles, tokens.start, tokens.length, longer_than, table, part, parts)
    )


def make_common(table: NDArray[np.uint8], shingles: NDArray[np.uint32]) -> None:
    """Have shingles of known templates be common, whoever has them."""
    table[shingles & np.uint32(len(table) - 1)] = LEAST_PROMPTS


def sketch_prompts(tokens: Tokens, longer_than: int, table: NDArray[np.uint8], run: Parallel) -> Sketches:
    """Sketch what each prompt has in common with others; prompts with less than a template have an empty one.

    Args:
        tokens: of the prompts.
        longer_than: tokens of prompts that are passed over; `SHINGLE` or more.
        table: after :func:`count_shingles` of all prompts.
        run: threads.
    """
    shingles, rows = _shingles(tokens, longer_than, run), len(tokens.length)
    values, kept = np.empty((rows, SKETCH), np.uint32), np.empty(rows, np.int64)
    different, codes = np.empty(rows, np.int32), np.empty(rows, np.uint64)
    common = np.empty(len(tokens.hashes), np.bool_)
    run(
        rows,
        lambda low, high: _sketch_rows(
            shingles,
            tokens.start,
            tokens.length,
            longer_than,
            table,
            low,
            high,
            values,
            kept,
            different,
            codes,
            common,
        ),
    )
    chosen = np.arange(SKETCH) < kept[:, None]
    return Sketches(values[chosen], np.concatenate([[0], np.cumsum(kept)]), different, codes, common)


def _shingles(tokens: Tokens, longer_than: int, run: Parallel) -> NDArray[np.uint32]:
    hashes, start, length, _ = tokens
    shingles = np.empty(len(hashes), np.uint32)
    run(
        len(length),
        lambda low, high: _hash_shingles(hashes, start, length, longer_than, low, high, shingles),
    )
    return shingles
