"""Locks that end with the process that holds them, however it ends."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def lock(path: Path, *, wait: bool) -> int | None:
    """Lock a file or folder until the handle is closed or the process ends.

    Args:
        path: that exists.
        wait: until another process lets go of it.

    Returns:
        The handle; None if it cannot be locked, because another process holds it or the file system has no
        locks.
    """
    try:
        return claim(path, wait=wait)
    except OSError:
        return None


def claim(path: Path, *, wait: bool) -> int | None:
    """Lock as :func:`lock` does; give None only if another process holds it.

    Raises:
        OSError: it cannot be opened, or the file system has no locks.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(handle)
        return None
    except BaseException:
        os.close(handle)
        raise
    return handle


def share(path: Path) -> int | None:
    """Wait for whoever has locked a file, and lock it together with others who share it.

    Args:
        path: of the file.

    Returns:
        The handle; None if there is no such file, it may not be read, or the file system has no locks.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
    except OSError:
        os.close(handle)
        return None
    except BaseException:
        os.close(handle)
        raise
    return handle
