"""Numbers and untrusted text in the form in which people read them."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_UNITS = ("bytes", "KB", "MB", "GB", "TB")
# Control, format (bidirectional marks, zero width), surrogate, private, line and paragraph separators: all
# can move the cursor, change what is around them, or hide.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def say_count(number: float) -> str:
    """Write a count with separators.

    >>> say_count(1234567), say_count(12.5)
    ('1,234,567', '12.5')
    """
    whole = round(number)
    return f"{whole:,}" if whole == number or abs(number) >= 1000 else f"{number:,.4g}"


def say_bytes(number: float) -> str:
    """Write a number of bytes in decimal units.

    >>> say_bytes(2_500_000_000), say_bytes(17)
    ('2.5 GB', '17 bytes')
    """
    size, unit = float(number), 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 or size >= 99.5 else f"{size:.2g} {_UNITS[unit]}"


def say_seconds(number: float) -> str:
    """Write a time in seconds, minutes or hours.

    >>> say_seconds(0.234), say_seconds(75), say_seconds(7260)
    ('0.2 s', '1 min 15 s', '2 h 1 min')
    """
    if number < 9.95:
        return f"{number:.1f} s"
    whole = round(number)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def say_share(share: float) -> str:
    """Write a share as a percentage that is never rounded to all or nothing.

    >>> say_share(0.5), say_share(0.0001), say_share(0.9999), say_share(1.0)
    ('50%', '<1%', '>99%', '100%')
    """
    if 0 < share < 0.005:
        return "<1%"
    if 0.995 <= share < 1:
        return ">99%"
    return f"{share:.0%}"


def say_plural(count: int, noun: str) -> str:
    """Write a count of things.

    >>> say_plural(1, "cluster"), say_plural(1200, "account")
    ('1 cluster', '1,200 accounts')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def say_days(first: datetime | None, last: datetime | None) -> str:
    """Write the UTC days from the first to the last time as shortly as is clear, or a dash.

    >>> from datetime import datetime
    >>> say_days(datetime(2026, 2, 2, 3), datetime(2026, 2, 2, 8)), say_days(None, None)
    ('2 Feb 2026', '-')
    >>> say_days(datetime(2026, 2, 2), datetime(2026, 3, 1))
    '2 Feb - 1 Mar 2026'
    """
    if first is None or last is None:
        return "-"
    end = f"{last.day} {last:%b %Y}"
    if first.date() == last.date():
        return end
    return f"{first.day} {first:%b}{f' {first.year}' if first.year != last.year else ''} - {end}"


def printable(text: str, longest: int = 200) -> str:
    r"""Make text from traffic safe to print: what is not seen is written as its code, what is long is cut.

    >>> print(printable("a\x1b[31mb\n"))
    a\x1b[31mb\x0a
    >>> printable("abcdefgh", longest=4)
    'abc…'
    """
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(_code(mark) if unicodedata.category(mark) in _UNSEEN else mark for mark in cut)


def _code(mark: str) -> str:
    number = ord(mark)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
