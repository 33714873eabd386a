"""The different sketches of long prompts, each kept once, and the templates that they make up."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from clustergraph.templates.leaders import follow
from clustergraph.templates.shingles import SKETCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.templates.known import Known
    from clustergraph.templates.shingles import Sketches

# Sketches that are collected before doubles are looked for.
_PATIENCE = 500_000


class Groups(NamedTuple):
    """Sketches and their templates.

    Attributes:
        codes: of the sketches, sorted.
        template: number of each sketch's template.
        shingles: sketches of the templates that are new, one after the other.
        start: of each, and the end of the last one.
        fresh: numbers of these templates.
    """

    codes: NDArray[np.uint64]
    template: NDArray[np.uint64]
    shingles: NDArray[np.uint32]
    start: NDArray[np.int64]
    fresh: NDArray[np.uint64]


class _Part(NamedTuple):
    values: NDArray[np.uint32]
    size: NDArray[np.int64]
    shingles: NDArray[np.int32]
    codes: NDArray[np.uint64]


class Sketchbook:
    """Collects sketches."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []
        self._kept = self._held = 0

    def add(self, found: Sketches) -> None:
        """Keep the sketches of some prompts; empty ones have the code 0."""
        part = _Part(found.values, np.diff(found.start), found.shingles, found.codes)
        self._parts.append(_drop_doubles(part, np.flatnonzero(found.codes)))
        self._held += len(self._parts[-1].codes)
        if self._held > 2 * self._kept + _PATIENCE:
            self._join()

    def group(self, known: Known) -> Groups:
        """Group all sketches; known templates lead before any other."""
        self._join()
        values, size, shingles, codes = self._parts[0]
        # Those that have most in common with others lead.
        order = np.lexsort((codes, -shingles))
        own, own_start = _take(values, np.cumsum(size) - size, size, order)
        led = np.flatnonzero(np.diff(known.start))
        start = np.concatenate([np.append(0, known.start[led + 1]), known.start[-1] + own_start[1:]])
        leader = follow(np.concatenate([known.shingles, own]), start, len(led), SKETCH)[len(led) :]
        names = np.concatenate([known.template[led], codes[order]])
        template = np.empty_like(codes)
        template[order] = names[leader]
        fresh = np.unique(leader[leader >= len(led)]) - len(led)
        kept, kept_start = _take(own, own_start[:-1], np.diff(own_start), fresh)
        return Groups(codes, template, kept, kept_start, codes[order][fresh])

    def _join(self) -> None:
        """Make one part of all, sorted by code, without doubles."""
        columns = [np.concatenate(column) for column in zip(_NOTHING, *self._parts, strict=True)]
        part = _Part(*columns)
        self._parts = [_drop_doubles(part, np.arange(len(part.codes)))]
        self._kept = self._held = len(self._parts[0].codes)


_NOTHING = _Part(np.empty(0, np.uint32), np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.uint64))


def _drop_doubles(part: _Part, chosen: NDArray[np.int64]) -> _Part:
    """Keep one sketch of each code among those chosen, sorted by code."""
    codes, first = np.unique(part.codes[chosen], return_index=True)
    order = chosen[first]
    values, start = _take(part.values, np.cumsum(part.size) - part.size, part.size, order)
    return _Part(values, np.diff(start), part.shingles[order], codes)


def _take(
    values: NDArray[np.uint32], start: NDArray[np.int64], size: NDArray[np.int64], order: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Give the sketches in another order: values, and where each begins and the last one ends."""
    taken = size[order]
    begins = np.concatenate([[0], np.cumsum(taken)])
    place = np.arange(begins[-1]) + np.repeat(start[order] - begins[:-1], taken)
    return values[place], begins
