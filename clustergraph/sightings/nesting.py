"""Nested kinds: an address lies in a prefix and a prefix in a network, so sharing one is sharing the others.

Kinds that are nested in each other, directly or not, make a *nest*, and each of them is a *level* of it. A
coarser level says nothing that a finer one does not say as well, so of the levels of a nest one counts: the
strongest. Two finer kinds may lie in one coarser kind; of all these one counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clustergraph.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

DEFAULT_NESTED = {
    "ip": "ip_prefix",
    "ip_prefix": "asn",
    "payment_fingerprint": "card_bin",
    "synchrony": "handover",  # many moments are both, and to keep the same hours is one fact
}  # finer kind -> the coarser one that it lies in


@dataclass(frozen=True)
class Nests:
    """The nests as numbers.

    Attributes:
        level: of each kind, -1 for a kind in no nest (int32). The levels of a nest follow each other, the
            finest first.
        nest: of each level (int32).
    """

    level: NDArray[np.int32]
    nest: NDArray[np.int32]

    def find_strongest(self, bits: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which levels count, by their bits: the strongest of each nest, the finest of equals."""
        counts = np.zeros(len(self.nest), bool)
        for nest in np.unique(self.nest):
            levels = np.flatnonzero(self.nest == nest)
            counts[levels[np.argmax(bits[levels])]] = True
        return counts


def check_nested(nested: Mapping[str, str]) -> None:
    """Refuse kinds that lie in each other in a circle.

    Args:
        nested: finer kind -> coarser kind; an empty name for none.

    Raises:
        UsageError: with the names of the kinds.
    """
    for finer in nested:
        chain = [finer]
        while coarser := nested.get(chain[-1], ""):
            if coarser in chain:
                circle = " = ".join([*chain[chain.index(coarser) :], coarser])
                raise UsageError(
                    f"configuration: [nested] {circle} is a circle; take one of these away, say with "
                    f'{coarser} = ""'
                )
            chain.append(coarser)


def nest_kinds(
    kinds: Collection[str], families: Mapping[str, str], nested: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Nest the kinds that were observed, each in the nearest coarser kind that was.

    Args:
        kinds: that were observed.
        families: kind -> family, of all of them.
        nested: finer kind -> coarser kind, over the defaults; an empty name takes a default away.

    Raises:
        UsageError: kinds lie in each other in a circle, or are of different families.
    """
    nested = DEFAULT_NESTED | dict(nested or {})
    check_nested(nested)
    found = {}
    for finer in sorted(kinds):
        coarser = nested.get(finer, "")
        while coarser and coarser not in kinds:
            coarser = nested.get(coarser, "")
        if not coarser:
            continue
        found[finer] = coarser
        if families[finer] != families[coarser]:
            raise UsageError(
                f"configuration: {finer} is nested in {coarser}, but their families are "
                f"{families[finer]!r} and {families[coarser]!r}; give both one family under [families], or "
                f'take this away with {finer} = "" under [nested]'
            )
    return found


def number_nests(nested: Mapping[str, str], kinds: Sequence[str]) -> Nests:
    """Number the nests of kinds, and their levels.

    Args:
        nested: what :func:`nest_kinds` gives.
        kinds: that were observed, sorted; a kind's place is its number.
    """
    paths = {}
    for kind in kinds:
        path = [kind]
        while path[-1] in nested:
            path.append(nested[path[-1]])
        paths[kind] = path
    inside = [kind for kind in kinds if kind in nested or kind in nested.values()]
    inside.sort(key=lambda kind: (paths[kind][-1], -len(paths[kind]), kind))
    roots = [paths[kind][-1] for kind in inside]
    level = [inside.index(kind) if kind in inside else -1 for kind in kinds]
    nest = [sorted(set(roots)).index(root) for root in roots]
    return Nests(np.array(level, np.int32), np.array(nest, np.int32))
