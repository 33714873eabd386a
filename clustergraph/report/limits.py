"""How much of a run goes into a report, so that the file stays small; the page says what was left out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from hashlib import sha256

MOST_BYTES = 12_000_000  # of the pages of all clusters; the rest of the file takes two million
_LONGEST = 300


@dataclass(frozen=True)
class Limits:
    """What a page has at most.

    Attributes:
        members: rows of the table of members.
        signals: rows of the table of evidence.
        nodes: accounts and signals of the graph.
        newcomers: rows of the table of regrowth.
        nights: rows of the history.
    """

    members: int = 5000
    signals: int = 500
    nodes: int = 1000
    newcomers: int = 500
    nights: int = 120

    def lower(self) -> Limits:
        """Give limits of half the size, down to ten of each."""
        return replace(self, **{name: max(value // 2, 10) for name, value in asdict(self).items()})


def cut(text: str) -> str:
    """Cut text that is too long for a page; different texts stay different.

    >>> cut("short")
    'short'
    """
    if len(text) <= _LONGEST:
        return text
    mark = sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{text[:_LONGEST]}… (cut from {len(text):,} characters, SHA-256 {mark}…)"
