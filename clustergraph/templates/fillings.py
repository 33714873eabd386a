"""What fills the slots of a prompt, as one number: what is left when the words of its template are taken out.

Of a short prompt it is all that stands in its slots. A long prompt has words of its own beside them where it
was paraphrased: each such edit leaves a few words that no common shingle covers, while a passage leaves
many. So what counts of a long prompt is the longest run of words that nothing common covers, if it is as
long as a shingle; of that run the window with the least hash (Broder 1997), so that a word more or less at
its ends changes next to nothing. Without such a run it is what stands where numbers, names of files and
the like are, and without any of these all that is not covered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from clustergraph.templates.shingles import SHINGLE
from clustergraph.templates.tokens import SLOT, chain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.templates.parallel import Parallel
    from clustergraph.templates.shingles import Sketches
    from clustergraph.templates.slots import Skeletons
    from clustergraph.templates.tokens import Tokens

NO_FILLING = np.uint64(0)  # of a prompt without anything in its slots
_SEED, _GAP = np.uint64(0xF111), np.uint64(0x6A9)


@njit(cache=True, nogil=True, error_model="numpy")
def _hash_marked(values: NDArray[np.uint64], marked: NDArray[np.bool_]) -> np.uint64:
    """Hash the values that are marked, and where one run of them ends and another begins."""
    h, any_marked, gap = _SEED, False, False
    for i in range(len(values)):
        if marked[i]:
            if gap and any_marked:
                h = chain(h, _GAP)
            h, any_marked, gap = chain(h, values[i]), True, False
        else:
            gap = True
    return h if any_marked else NO_FILLING


@njit(cache=True, nogil=True, error_model="numpy")
def _find_longest(marked: NDArray[np.bool_]) -> tuple[int, int]:
    """Give where the longest run of what is marked begins and ends, the first of those of one length."""
    begin, end, since = 0, 0, 0
    for i in range(len(marked)):
        if not marked[i]:
            since = i + 1
        elif i + 1 - since > end - begin:
            begin, end = since, i + 1
    return begin, end


@njit(cache=True, nogil=True, error_model="numpy")
def _least_window(values: NDArray[np.uint64]) -> np.uint64:
    """Give the least hash of as many values in a row as a shingle has."""
    least = ~NO_FILLING
    for i in range(len(values) - SHINGLE + 1):
        h = _SEED
        for k in range(SHINGLE):
            h = chain(h, values[i + k])
        least = min(least, h)
    return least


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_long(
    hashes: NDArray[np.uint64], values: NDArray[np.uint64], common: NDArray[np.bool_],
    marked: NDArray[np.bool_],
) -> np.uint64:  # fmt: skip
    """Hash what fills the slots of a long prompt; ``marked`` is room for its tokens."""
    n = len(hashes)
    marked[:] = True
    for i in range(n - SHINGLE + 1):
        if common[i]:
            marked[i : i + SHINGLE] = False
    for i in range(n):
        marked[i] |= hashes[i] == SLOT
    begin, end = _find_longest(marked)
    if end - begin >= SHINGLE:
        return _least_window(values[begin:end])
    by_itself = hashes == SLOT
    found = _hash_marked(values, by_itself)
    return found if found != NO_FILLING else _hash_marked(values, marked)


@njit(cache=True, nogil=True, error_model="numpy")
def _hash_rows(
    hashes: NDArray[np.uint64], start: NDArray[np.int64], length: NDArray[np.int32],
    values: NDArray[np.uint64], filled: NDArray[np.bool_], common: NDArray[np.bool_],
    codes: NDArray[np.uint64], low: int, high: int, out: NDArray[np.uint64],
) -> None:  # fmt: skip
    for row in range(low, high):
        begin, end = start[row], start[row] + length[row]
        if codes[row]:
            out[row] = _fill_long(hashes[begin:end], values[begin:end], common[begin:end], filled[begin:end])
        else:
            out[row] = _hash_marked(values[begin:end], filled[begin:end])


def hash_fillings(
    tokens: Tokens, skeletons: Skeletons, sketches: Sketches, run: Parallel
) -> NDArray[np.uint64]:
    """Hash what fills the slots of some prompts; `NO_FILLING` where there is nothing.

    Args:
        tokens: of the prompts.
        skeletons: of the same prompts; what they say of long prompts is overwritten.
        sketches: of the same prompts.
        run: threads.
    """
    found = np.empty(len(tokens.length), np.uint64)
    run(
        len(found),
        lambda low, high: _hash_rows(
            *tokens, skeletons.filled, sketches.common, sketches.codes, low, high, found
        ),
    )
    return found
