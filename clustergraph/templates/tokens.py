"""From the bytes of a prompt to numbers: a hash for each word, and one mark for what is surely no wording.

Words are runs of letters, in lower case where they are ASCII; Chinese, Japanese and Korean characters are
words of their own. Words that are joined by ``.``, ``/``, ``@`` and their like make a compound. A
compound is a slot where it has a digit (numbers, dates, versions, keys) or is an e-mail address, a URL, a
path, a name of a host or a word that is longer than words are. Names of months and days next to a number
are part of a date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.templates.parallel import Parallel

SLOT = np.uint64(0)
# Tokens of a prompt that are looked at: half of them from its beginning, half from its end.
MOST_TOKENS = 512
LONGEST_WORD = 24  # bytes

_SEPARATOR, _LETTER, _DIGIT, _JOINER, _IDEOGRAPH = 0, 1, 2, 3, 4
_FNV_OFFSET, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_M1, _M2, _GOLDEN = (
    np.uint64(0xBF58476D1CE4E5B9),
    np.uint64(0x94D049BB133111EB),
    np.uint64(0x9E3779B97F4A7C15),
)
_SLASH, _BACKSLASH, _TILDE, _AT, _DOT = 47, 92, 126, 64, 46
_1, _S27, _S30, _S31 = np.uint64(1), np.uint64(27), np.uint64(30), np.uint64(31)


def _classes() -> NDArray[np.uint8]:
    """Say what each byte is where it stands alone; bytes over 127 are looked at more closely."""
    found = np.zeros(256, np.uint8)
    found[[*range(65, 91), *range(97, 123), ord("_"), *range(128, 256)]] = _LETTER
    found[48:58] = _DIGIT
    found[[ord(one) for one in ".:/@\\~%+&?#$-"]] = _JOINER
    return found


CLASSES = _classes()
LOWER = np.arange(256, dtype=np.uint8)
LOWER[65:91] += 32
ENDS_PATH = np.zeros(256, np.bool_)
ENDS_PATH[[*range(33), *b",;()[]{}<>\"'`|"]] = True


class Tokens(NamedTuple):
    """The tokens of some prompts.

    Attributes:
        hashes: of all tokens, `SLOT` for what is no wording; prompt after prompt, with gaps (uint64).
        start: of each prompt's tokens (int64).
        length: number of each prompt's tokens (int32).
        values: where the hashes are, what is written there: numbers, addresses and the like, too (uint64).
    """

    hashes: NDArray[np.uint64]
    start: NDArray[np.int64]
    length: NDArray[np.int32]
    values: NDArray[np.uint64]


@njit(cache=True, nogil=True, error_model="numpy")
def mix(h: np.uint64) -> np.uint64:
    """Scramble 64 bits one to one (the finaliser of SplitMix64)."""
    h = (h ^ (h >> _S30)) * _M1
    h = (h ^ (h >> _S27)) * _M2
    return h ^ (h >> _S31)


@njit(cache=True, nogil=True, error_model="numpy")
def chain(h: np.uint64, token: np.uint64) -> np.uint64:
    """Give the hash of a sequence that is one token longer; the order of tokens matters."""
    return mix((h ^ token) + _GOLDEN)


@njit(cache=True, nogil=True, error_model="numpy")
def _class_at(data: NDArray[np.uint8], i: int, end: int) -> tuple[int, int]:
    """Give the class of the character at a byte, and how many bytes to go on by."""
    byte = data[i]
    if byte < 128:
        return CLASSES[byte], 1
    following = data[i + 1] if i + 1 < end else 0
    # General punctuation, full-width forms, CJK punctuation.
    punctuates = (byte == 0xE2 and following in (0x80, 0x81)) or (byte == 0xEF and following in (0xBC, 0xBD))
    if punctuates or (byte == 0xE3 and following == 0x80):
        return _SEPARATOR, 3
    if 0xE3 <= byte <= 0xED:
        return _IDEOGRAPH, 3
    if byte in (0xC2, 0xF0):  # no-break space, guillemets and the like; emoji
        return _SEPARATOR, 2 if byte == 0xC2 else 4
    return _LETTER, 1  # of another alphabet, or what follows in one


@njit(cache=True, nogil=True, error_model="numpy")
def _read_word(data: NDArray[np.uint8], begin: int, end: int) -> tuple[int, np.uint64, bool]:
    """Give where a word ends, its hash, which is never `SLOT`, and whether it is no wording by itself."""
    i, h, is_slot = begin, _FNV_OFFSET, False
    while i < end:
        byte = data[i]
        what = CLASSES[byte] if byte < 128 else _class_at(data, i, end)[0]
        if what == _DIGIT:
            is_slot = True
        elif what != _LETTER:
            break
        h = (h ^ np.uint64(LOWER[byte])) * _FNV_PRIME
        i += 1
    if i - begin > LONGEST_WORD and data[begin] < 128:
        is_slot = True
    return i, mix(h) | _1, is_slot


@njit(cache=True, nogil=True, error_model="numpy")
def _read_joiners(data: NDArray[np.uint8], begin: int, end: int) -> tuple[int, int, bool]:
    """Give where what may join words ends, its slashes, and whether there is an @ in it."""
    i, slashes, at = begin, 0, False
    while i < end and CLASSES[data[i]] == _JOINER:
        if data[i] in (_SLASH, _BACKSLASH):
            slashes += 1
        elif data[i] == _AT:
            at = True
        i += 1
    return i, slashes, at


def _date_words() -> NDArray[np.uint64]:
    months = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ]
    days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    words = [*months, *days, *(one[:3] for one in (*months, *days)), "sept", "tues", "thur", "thurs"]
    parts = [np.frombuffer(word.encode(), np.uint8) for word in words]
    return np.array(sorted({int(_read_word(part, 0, len(part))[1]) for part in parts}), np.uint64)


DATE_WORDS = _date_words()


@njit(cache=True, nogil=True, error_model="numpy")
def _is_date_word(token: np.uint64) -> bool:
    at = np.searchsorted(DATE_WORDS, token)
    return bool(at < len(DATE_WORDS) and DATE_WORDS[at] == token)


@njit(cache=True, nogil=True, error_model="numpy")
def _merge_slots(
    tokens: NDArray[np.uint64], begins: NDArray[np.int32], ends: NDArray[np.int32], n: int
) -> int:
    """Take months and days beside a slot into it, and make one of slots in a row; give the number left."""
    for i in range(n - 2, -1, -1):
        if tokens[i + 1] == SLOT and tokens[i] != SLOT and _is_date_word(tokens[i]):
            tokens[i] = SLOT
    kept = 0
    for i in range(n):
        token = tokens[i]
        if kept and tokens[kept - 1] == SLOT and (token == SLOT or _is_date_word(token)):
            ends[kept - 1] = ends[i]
            continue
        tokens[kept], begins[kept], ends[kept] = token, begins[i], ends[i]
        kept += 1
    return kept


@njit(cache=True, nogil=True, error_model="numpy")
def _read_compound(
    data: NDArray[np.uint8], begin: int, i: int, end: int, tokens: NDArray[np.uint64],
    begins: NDArray[np.int32], ends: NDArray[np.int32], n: int,
) -> tuple[int, int]:  # fmt: skip
    """Write the words of a compound, or one slot, after n tokens; give the tokens then, and where it ends."""
    first, since = n, i
    slashes = 1 if i > begin and data[i - 1] in (_SLASH, _BACKSLASH, _TILDE) else 0
    dots, is_slot = 0, False
    while True:
        stop, token, odd = _read_word(data, i, end)
        tokens[n], begins[n], ends[n] = token, i - begin, stop - begin
        n += 1
        i, more, at = _read_joiners(data, stop, end)
        is_slot |= odd
        if i in (stop, end) or _class_at(data, i, end)[0] not in (_LETTER, _DIGIT):
            break
        slashes += more
        dots += i == stop + 1 and data[stop] == _DOT
        is_slot |= at
    if slashes >= 2:  # the query of a URL, and whatever else is in a path
        while i < end and not ENDS_PATH[data[i]]:
            i += 1
        stop = i
    if is_slot or dots >= 2 or slashes >= 2:
        n = first + 1
        tokens[first], begins[first], ends[first] = SLOT, since - begin, stop - begin
    return n, i


@njit(cache=True, nogil=True, error_model="numpy")
def tokenise(
    data: NDArray[np.uint8], begin: int, end: int, tokens: NDArray[np.uint64], begins: NDArray[np.int32],
    ends: NDArray[np.int32],
) -> int:  # fmt: skip
    """Write the tokens of one text and the bytes that each of them covers.

    Args:
        data: bytes in UTF-8.
        begin: first byte of the text.
        end: first byte after it.
        tokens: room for (end - begin) // 2 + 2 hashes.
        begins: room for the first byte of each token, from the beginning of the text.
        ends: room for the first byte after each token.

    Returns:
        The number of tokens.
    """
    n, i = 0, begin
    while i < end:
        what, width = _class_at(data, i, end)
        if what == _IDEOGRAPH:
            stop = min(i + width, end)
            h = _FNV_OFFSET
            for k in range(i, stop):
                h = (h ^ np.uint64(data[k])) * _FNV_PRIME
            tokens[n], begins[n], ends[n] = mix(h) | _1, i - begin, stop - begin
            n, i = n + 1, stop
        elif what in (_LETTER, _DIGIT):
            n, i = _read_compound(data, begin, i, end, tokens, begins, ends, n)
        else:
            i += width
    return _merge_slots(tokens, begins, ends, n)


@njit(cache=True, nogil=True, error_model="numpy")
def _hash_bytes(data: NDArray[np.uint8], begin: int, end: int) -> np.uint64:
    """Hash what is written somewhere, in lower case."""
    h = _FNV_OFFSET
    for i in range(begin, end):
        h = (h ^ np.uint64(LOWER[data[i]])) * _FNV_PRIME
    return mix(h) | _1


@njit(cache=True, nogil=True, error_model="numpy")
def _tokenise_rows(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], low: int, high: int, hashes: NDArray[np.uint64],
    start: NDArray[np.int64], length: NDArray[np.int32], values: NDArray[np.uint64],
) -> None:  # fmt: skip
    longest = 0
    for row in range(low, high):
        longest = max(longest, offsets[row + 1] - offsets[row])
    room = longest // 2 + 2
    tokens, begins, ends = np.empty(room, np.uint64), np.empty(room, np.int32), np.empty(room, np.int32)
    for row in range(low, high):
        n = tokenise(data, offsets[row], offsets[row + 1], tokens, begins, ends)
        kept = min(n, MOST_TOKENS)
        head = kept if n == kept else MOST_TOKENS // 2
        for i in range(kept):
            at = i if i < head else n - kept + i
            token = tokens[at]
            hashes[start[row] + i] = token
            if token == SLOT:
                token = _hash_bytes(data, offsets[row] + begins[at], offsets[row] + ends[at])
            values[start[row] + i] = token
        length[row] = kept


def tokenise_rows(data: NDArray[np.uint8], offsets: NDArray[np.int64], run: Parallel) -> Tokens:
    """Give the tokens of many texts.

    Args:
        data: bytes in UTF-8, text after text.
        offsets: where each text begins, and where the last one ends.
        run: what works on parts of the rows side by side.
    """
    rows = len(offsets) - 1
    room = np.minimum(np.diff(offsets) // 2 + 2, MOST_TOKENS)
    start = np.cumsum(room) - room
    hashes, length = np.empty(int(room.sum()), np.uint64), np.empty(rows, np.int32)
    values = np.empty_like(hashes)
    run(rows, lambda low, high: _tokenise_rows(data, offsets, low, high, hashes, start, length, values))
    return Tokens(hashes, start, length, values)


def words_of(text: str) -> list[str | None]:
    """Give the words of a text as they are written there, None for what is no wording."""
    raw = text.encode()
    data = np.frombuffer(raw, np.uint8)
    room = len(data) // 2 + 2
    tokens, begins, ends = np.empty(room, np.uint64), np.empty(room, np.int32), np.empty(room, np.int32)
    n = tokenise(data, 0, len(data), tokens, begins, ends)
    return [
        None if tokens[i] == SLOT else raw[begins[i] : ends[i]].decode(errors="replace") for i in range(n)
    ]
