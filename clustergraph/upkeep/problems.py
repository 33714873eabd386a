"""What is found wrong in a store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """Something in a store that is not as it was published.

    Attributes:
        file: or folder, from the root of the store.
        words: what is wrong and what was expected.
    """

    file: str
    words: str

    def __str__(self) -> str:
        return f"{self.file}: {self.words}"
