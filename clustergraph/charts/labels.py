"""Names from traffic as labels: printable, short, and still different from each other."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from clustergraph.figures import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

TOOLTIP = 200  # characters of a value that are worth reading


def shorten(text: str, longest: int) -> str:
    r"""Make text from traffic printable and leave out its middle where it is long.

    >>> shorten("abcdefghij", 7), shorten("\x1b[2J", 20)
    ('abcd…ij', '\\x1b[2J')
    """
    shown = printable(text, len(text))
    if len(shown) <= longest:
        return shown
    tail = (longest - 1) // 3
    return f"{shown[: longest - 1 - tail]}…{shown[-tail:] if tail else ''}"


def label_all(names: Iterable[str], longest: int) -> list[str]:
    """Shorten names, and number those that look alike then, so that no two labels are the same.

    >>> label_all(["one", "abcdefgh1xy", "abcdefgh2xy"], 8)
    ['one', 'abcde…xy', 'abcde…xy (2)']
    """
    seen: Counter[str] = Counter()
    labels: list[str] = []
    taken: set[str] = set()
    for name in names:
        label = shorten(name, longest)
        seen[label] += 1
        number = seen[label]
        one = label if number == 1 else f"{label} ({number})"
        while one in taken:
            number += 1
            one = f"{label} ({number})"
        taken.add(one)
        labels.append(one)
    return labels
