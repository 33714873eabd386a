"""Write names and texts into SQL so that nothing in them is taken for SQL."""

from __future__ import annotations


def quote(name: str) -> str:
    """Write a column or relation's name.

    >>> print(quote('the "model" asked'))
    "the ""model"" asked"
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Write a text.

    >>> literal("o'clock")
    "'o''clock'"
    """
    return "'" + text.replace("'", "''") + "'"
