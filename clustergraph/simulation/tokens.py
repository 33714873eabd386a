"""Opaque values: 64-bit codes for signals, and their strings, made a million at a time."""

import zlib
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Codes: TypeAlias = npt.NDArray[np.uint64]
Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]

NOTHING = np.uint64(0)  # the code of a signal that was not observed

_HEX4 = np.frombuffer("".join(f"{i:04x}" for i in range(65536)).encode(), np.uint32)


def scramble(codes: Codes, key: int = 0) -> Codes:
    """Send 64-bit codes to 64-bit codes, one to one, as if at random (the finaliser of SplitMix64)."""
    with np.errstate(over="ignore"):
        z = codes + np.uint64((0x9E3779B97F4A7C15 * (key + 1)) % 2**64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def mint(purpose: str, index: Ints | int) -> Codes:
    """Codes for the numbered things of one purpose; those of two purposes never meet.

    Args:
        purpose: what is numbered, such as `household/card`.
        index: numbers from 0 to 2**40 - 1.
    """
    tag = np.uint64((zlib.crc32(purpose.encode()) & 0xFFFFFF) << 40)
    return np.asarray(tag + np.uint64(1) + np.asarray(index).astype(np.uint64), np.uint64)


def hex_strings(prefix: str, codes: Codes, digits: int = 16) -> pa.Array:
    """The strings `prefix` + lower 4, 8, 12 or 16 hexadecimal digits of each code; null for NOTHING."""
    n, width = codes.size, len(prefix) + digits
    groups = digits // 4
    text = np.empty((n, width), np.uint8)
    text[:, : len(prefix)] = np.frombuffer(prefix.encode(), np.uint8)
    for group in range(groups):
        shift = np.uint64(16 * (groups - 1 - group))
        quads = _HEX4[(codes >> shift) & np.uint64(0xFFFF)]
        at = len(prefix) + 4 * group
        text[:, at : at + 4] = quads.view(np.uint8).reshape(n, 4)
    offsets = np.arange(0, (n + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(text))


def numbered(label: str, numbers: Ints) -> pa.Array:
    """Names such as `club-00012`; empty where the number is negative.

    A label without a trailing hyphen stands for itself, whatever the number.
    """
    names = [
        label + f"{i:05d}" if label.endswith("-") else label for i in range(int(numbers.max(initial=-1)) + 1)
    ]
    return pa.array([*names, ""], pa.string()).take(pa.array(np.where(numbers < 0, len(names), numbers)))
