"""A file that one process at a time has open; the lock ends with the process, however it ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO
from weakref import WeakSet

_LOCKED_BYTE = 2**31 - 2  # beyond what is written, for on Windows nobody may read it meanwhile

_open_files: WeakSet[BinaryIO] = WeakSet()


def open_locked(path: Path, name: str) -> BinaryIO:
    """Open a file for reading and appending, unbuffered, and lock it until it is closed.

    Parameters
    ----------
    path : Path
        The file; made where there is none.
    name : str
        What to call it in errors.

    Returns
    -------
    file
        The open file.

    Raises
    ------
    BlockingIOError
        If it is open here or in another process.
    OSError
        If it cannot be opened, is no regular file, or its directory does not exist.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{name} is a directory; name a file.")
    if path.exists() and not path.is_file():
        raise OSError(f"{name} is a device or a pipe; name a file.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{name}: there is no directory '{path.parent}'; make it first.")
    file = open(path, "a+b", buffering=0)  # noqa: SIM115
    try:
        _lock(file)
    except (BlockingIOError, PermissionError) as error:
        file.close()
        raise BlockingIOError(
            f"{name} is in use by another search; wait for its end, or name another file."
        ) from error
    _open_files.add(file)
    return file


if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        file.seek(_LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _close_inherited() -> None:
        """Let go, in a forked worker, of files whose locks would live on with it."""
        for file in list(_open_files):
            file.close()

    os.register_at_fork(after_in_child=_close_inherited)
