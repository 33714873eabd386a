"""Arrays that grow inside compiled code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True, nogil=True, error_model="numpy")
def grown(array: NDArray[Any], room: int) -> NDArray[Any]:
    """Copy ``array`` into one of ``room`` places; the new places are undefined."""
    larger = np.empty(room, array.dtype)
    larger[: len(array)] = array
    return larger
