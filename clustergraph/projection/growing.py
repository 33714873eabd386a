"""Arrays that grow inside compiled code."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def grown(array, room):  # type: ignore[no-untyped-def]
    """Copy ``array`` into one of ``room`` places; the new places are undefined."""
    larger = np.empty(room, array.dtype)
    larger[: len(array)] = array
    return larger
