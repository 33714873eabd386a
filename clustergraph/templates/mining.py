"""From prompts to templates, in two passes over batches of them.

The first pass counts, in tables of fixed size; the second gives every prompt a code. What is kept of a prompt is
its code, and of each group of long prompts one sketch, never its text. A template's id is made from its content:
from the words around its slots, or from the sketch of the prompt that has most in common with the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from clustergraph.templates.leaders import follow
from clustergraph.templates.shingles import SKETCH, count_shingles, sketch_prompts
from clustergraph.templates.slots import MOST_WORDS, add_fillers, hash_skeletons
from clustergraph.templates.tokens import Tokens, tokenise_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.templates.parallel import Parallel

# Cells of the tables: more than half as many as there can be surroundings of short prompts, or shingles.
_SLOT_CELLS, _MOST_SLOT_CELLS = 16, 1 << 28  # for each prompt, and at most
_BYTES_PER_SHINGLE_CELL, _MOST_SHINGLE_CELLS = 4, 1 << 30
_FEWEST_CELLS = 1 << 16
NO_TEMPLATE = np.uint64(0)


class Miner:
    """Finds the templates of some prompts: every batch is observed, then every batch is assigned.

    Args:
        prompts: how many there are, roughly; the tables are sized by it.
        length: bytes of all of them.
        run: threads.
    """

    def __init__(self, prompts: int, length: int, run: Parallel) -> None:
        self._run = run
        self._fillers = np.zeros(_size(prompts * _SLOT_CELLS, _MOST_SLOT_CELLS), np.uint16)
        self._counts = np.zeros(_size(length // _BYTES_PER_SHINGLE_CELL, _MOST_SHINGLE_CELLS), np.uint8)
        self._sketches = _Sketchbook()

    def observe(self, texts: pa.Array) -> None:
        """Count what a batch of prompts has; nulls count nothing."""
        tokens = self._tokenise(texts)
        add_fillers(tokens, self._fillers, self._run)
        count_shingles(tokens, MOST_WORDS, self._counts, self._run)

    def assign(self, texts: pa.Array) -> NDArray[np.uint64]:
        """Give the prompts of a batch their codes, which :meth:`templates` turns into templates."""
        tokens = self._tokenise(texts)
        codes = hash_skeletons(tokens, self._fillers, self._run)
        found = sketch_prompts(tokens, MOST_WORDS, self._counts, self._run)
        self._sketches.add(found.values, found.start, found.shingles, found.codes)
        return np.where(found.codes > 0, found.codes, codes)

    def templates(self, codes: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Give the templates of codes, after all batches; `NO_TEMPLATE` where a prompt has no words."""
        known, template = self._sketches.lead()
        at = np.minimum(np.searchsorted(known, codes), max(len(known) - 1, 0))
        return np.where(known[at] == codes, template[at], codes) if len(known) else codes

    def _tokenise(self, texts: pa.Array) -> Tokens:
        data, offsets = text_buffers(texts)
        return tokenise_rows(data, offsets, self._run)


class _Sketchbook:
    """The different sketches of long prompts, with the number of prompts that have each."""

    def __init__(self) -> None:
        self._parts: list[
            tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int32], NDArray[np.uint64]]
        ] = []
        self._kept = 0  # sketches after the last time that doubles were dropped
        self._held = 0

    def add(
        self, values: NDArray[np.uint32], start: NDArray[np.int64], shingles: NDArray[np.int32],
        codes: NDArray[np.uint64],
    ) -> None:  # fmt: skip
        """Keep sketches; those that are empty have the code 0."""
        chosen = np.flatnonzero(codes)
        self._parts.append(_drop_doubles(values, np.diff(start), shingles, codes, chosen))
        self._held += len(self._parts[-1][3])
        if self._held > 2 * self._kept + 1_000_000:
            self._join()

    def lead(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Give the codes of all sketches, sorted, and the code of each one's leader."""
        if not self._parts:
            return np.empty(0, np.uint64), np.empty(0, np.uint64)
        self._join()
        values, size, shingles, codes = self._parts[0]
        order = np.lexsort((codes, -shingles))
        start = np.cumsum(size) - size
        leader = follow(*_take(values, start, size, order), 0, SKETCH)
        template = np.empty_like(codes)
        template[order] = codes[order][leader]
        return codes, template

    def _join(self) -> None:
        """Make one part of all, sorted by code, without doubles."""
        values, size, shingles, codes = (np.concatenate([part[i] for part in self._parts]) for i in range(4))
        self._parts = [_drop_doubles(values, size, shingles, codes, np.arange(len(codes)))]
        self._kept = self._held = len(self._parts[0][3])


def text_buffers(texts: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Give the bytes of texts and where each begins; a null is an empty text."""
    filled = texts.cast(pa.large_binary()).fill_null(b"")
    _, offsets, data = filled.buffers()
    begins = np.frombuffer(offsets, np.int64)[filled.offset : filled.offset + len(filled) + 1]
    return np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8), begins


def _size(cells: int, most: int) -> int:
    """Give the power of two from `_FEWEST_CELLS` to ``most`` that is not below a number of cells."""
    return int(min(most, max(_FEWEST_CELLS, 1 << max(0, cells - 1).bit_length())))


def _drop_doubles(
    values: NDArray[np.uint32], size: NDArray[np.int64], shingles: NDArray[np.int32],
    codes: NDArray[np.uint64], chosen: NDArray[np.int64],
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int32], NDArray[np.uint64]]:  # fmt: skip
    """Keep one sketch of each code among those chosen, sorted by code."""
    found, first = np.unique(codes[chosen], return_index=True)
    order = chosen[first]
    kept, start = _take(values, np.cumsum(size) - size, size, order)
    return kept, np.diff(start), shingles[order], found


def _take(
    values: NDArray[np.uint32], start: NDArray[np.int64], size: NDArray[np.int64], order: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Give the sketches in another order: values, and where each begins and the last one ends."""
    taken = size[order]
    begins = np.concatenate([[0], np.cumsum(taken)])
    place = np.arange(begins[-1]) + np.repeat(start[order] - begins[:-1], taken)
    return values[place], begins
