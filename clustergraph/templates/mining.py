"""From prompts to templates, in two passes over batches of them.

The first pass counts, in tables of fixed size; the second gives every prompt a code. What is kept of a
prompt is its code, and of each group of long prompts one sketch, never its text. A template's id is made
from its content: from the words around its slots, or from the sketch of the prompt that has most in
common with the others. Templates that are known from earlier nights keep the ids that they have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from clustergraph.templates.fillings import hash_fillings
from clustergraph.templates.known import FOUND, Known, say_id
from clustergraph.templates.shingles import count_shingles, make_common, sketch_prompts
from clustergraph.templates.sketchbook import Sketchbook
from clustergraph.templates.slots import MOST_WORDS, add_fillers, hash_skeletons, open_slots
from clustergraph.templates.tokens import Tokens, tokenise_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.templates.parallel import Parallel
    from clustergraph.templates.sketchbook import Groups
    from clustergraph.templates.slots import Skeletons

# Cells of the tables: more than half as many as there can be surroundings of short prompts, or shingles.
_SLOT_CELLS, _MOST_SLOT_CELLS = 32, 1 << 29  # for each prompt, and at most
_BYTES_PER_SHINGLE_CELL, _MOST_SHINGLE_CELLS = 4, 1 << 30
_FEWEST_CELLS = 1 << 16
# Surroundings of its slots by which a template is known; it may have any number of them.
_MOST_SURROUNDINGS = 16
_PATIENCE = 4_000_000  # surroundings that are collected before doubles are looked for
NO_TEMPLATE = np.uint64(0)


class Assigned(NamedTuple):
    """What is said of each prompt of a batch.

    Attributes:
        codes: which :meth:`Miner.templates` turns into templates (uint64).
        fillings: hash of what fills its slots, `fillings.NO_FILLING` where nothing does (uint64).
    """

    codes: NDArray[np.uint64]
    fillings: NDArray[np.uint64]


class Miner:
    """Finds the templates of some prompts: every batch is observed, then every batch is assigned.

    Args:
        prompts: how many there are, roughly; the tables are sized by it.
        length: bytes of all of them.
        run: threads.
        known: templates that keep their ids, those preferred first (`known.FOUND`).
    """

    def __init__(self, prompts: int, length: int, run: Parallel, known: pa.Table | None = None) -> None:
        self._run, self._known = run, Known.from_table(known)
        self._fillers = np.zeros(_size(prompts * _SLOT_CELLS, _MOST_SLOT_CELLS), np.uint16)
        self._counts = np.zeros(_size(length // _BYTES_PER_SHINGLE_CELL, _MOST_SHINGLE_CELLS), np.uint8)
        self._sketches = Sketchbook()
        self._around = _Pairs(_MOST_SURROUNDINGS)  # code of a skeleton, what is around its slots
        self._owners = _Pairs(1)  # code of a skeleton, place of a known template with the same surroundings
        self._groups: Groups | None = None

    def observe(self, texts: pa.Array) -> None:
        """Count what a batch of prompts has; nulls count nothing."""
        tokens = self._tokenise(texts)
        add_fillers(tokens, self._fillers, self._run)
        count_shingles(tokens, MOST_WORDS, self._counts, self._run)

    def assign(self, texts: pa.Array) -> Assigned:
        """Give the prompts of a batch their codes, which :meth:`templates` turns into templates."""
        open_slots(self._fillers, self._known.surroundings)
        make_common(self._counts, self._known.shingles)
        tokens = self._tokenise(texts)
        skeletons = hash_skeletons(tokens, self._fillers, self._run)
        self._note_surroundings(skeletons)
        found = sketch_prompts(tokens, MOST_WORDS, self._counts, self._run)
        self._sketches.add(found)
        fillings = hash_fillings(tokens, skeletons, found, self._run)
        return Assigned(np.where(found.codes > 0, found.codes, skeletons.codes), fillings)

    def templates(self, codes: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Give the templates of codes, after all batches; `NO_TEMPLATE` where a prompt has no words."""
        self._groups = self._sketches.group(self._known)
        found = _look_up(codes, self._groups.codes, self._groups.template)
        owned, place = self._owners.all()
        return _look_up(found, owned, self._known.template[place.astype(np.int64)])

    def describe(self, templates: NDArray[np.uint64], kind: str) -> pa.Table:
        """Give what makes some templates known to the next night, their texts open (`known.FOUND`).

        Args:
            templates: numbers, sorted, after :meth:`templates`.
            kind: of the signals that they are.
        """
        assert self._groups is not None
        codes, around = self._around.all()
        owned, place = self._owners.all()
        names = _look_up(codes, owned, self._known.template[place.astype(np.int64)])
        order = np.lexsort((around, names))
        names, around = names[order], around[order]
        wanted = np.isin(names, templates)
        groups = self._groups
        columns = {
            "template_id": pa.array([say_id(one) for one in templates.tolist()], pa.string()),
            "kind": pa.repeat(pa.scalar(kind), len(templates)),
            "text": pa.nulls(len(templates), pa.string()),
            "surroundings": _make_lists(names[wanted], around[wanted], templates),
            "shingles": _make_lists(
                np.repeat(groups.fresh, np.diff(groups.start)), groups.shingles, templates
            ),
        }
        return pa.table(columns, FOUND)

    def _note_surroundings(self, found: Skeletons) -> None:
        codes = found.codes[found.rows]
        self._around.add(codes, found.surroundings)
        owner = self._known.owners(found.surroundings)
        self._owners.add(codes[owner >= 0], owner[owner >= 0].astype(np.uint64))

    def _tokenise(self, texts: pa.Array) -> Tokens:
        data, offsets = _text_buffers(texts)
        return tokenise_rows(data, offsets, self._run)


class _Pairs:
    """Different pairs of a code and a value: the least values of each code.

    Args:
        most: values of a code.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._codes, self._values = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
        self._held = 0

    def add(self, codes: NDArray[np.uint64], values: NDArray[np.uint64]) -> None:
        self._codes.append(codes)
        self._values.append(values)
        self._held += len(codes)
        if self._held > 2 * len(self._codes[0]) + _PATIENCE:
            self.all()

    def all(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Give the pairs, sorted."""
        codes, values = np.concatenate(self._codes), np.concatenate(self._values)
        order = np.lexsort((values, codes))
        codes, values = codes[order], values[order]
        new = np.ones(len(codes), np.bool_)
        new[1:] = (codes[1:] != codes[:-1]) | (values[1:] != values[:-1])
        codes, values = codes[new], values[new]
        begin = np.searchsorted(codes, codes)
        least = np.arange(len(codes)) - begin < self._most
        self._codes, self._values = [codes[least]], [values[least]]
        self._held = len(self._codes[0])
        return self._codes[0], self._values[0]


def _text_buffers(texts: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Give the bytes of texts, to read only, and where each begins; a null is an empty text."""
    filled = texts.cast(pa.large_binary()).fill_null(b"")
    _, offsets, data = filled.buffers()
    begins = np.frombuffer(offsets, np.int64)[filled.offset : filled.offset + len(filled) + 1]
    # Arrow can give bytes of either kind, and code is compiled for each kind that it is called with.
    return np.frombuffer(memoryview(data or b"").toreadonly(), np.uint8), begins


def _size(cells: int, most: int) -> int:
    """Give the power of two from `_FEWEST_CELLS` to ``most`` that is not below a number of cells."""
    return int(min(most, max(_FEWEST_CELLS, 1 << max(0, cells - 1).bit_length())))


def _look_up(
    keys: NDArray[np.uint64], known: NDArray[np.uint64], values: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """Give the value of each key that is known (sorted), and the key itself where it is not."""
    if not len(known):
        return keys
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[at] == keys, values[at], keys)


def _make_lists(
    owner: NDArray[np.uint64], values: NDArray[np.unsignedinteger], owners: NDArray[np.uint64]
) -> pa.Array:
    """Make the list of each owner's values, in the order in which they come."""
    order = np.argsort(owner, kind="stable")
    owner, values = owner[order], values[order]
    begin, end = np.searchsorted(owner, owners), np.searchsorted(owner, owners, "right")
    size = end - begin
    start = np.concatenate([[0], np.cumsum(size)]).astype(np.int32)
    place = np.arange(start[-1]) + np.repeat(begin - start[:-1], size)
    return pa.ListArray.from_arrays(pa.array(start), pa.array(values[place]))
