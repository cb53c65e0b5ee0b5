"""Who is at work on a file or folder: a lock that other processes see, and that goes with the process that holds it."""

from __future__ import annotations

import errno
import sys

if sys.platform != "win32":
    import fcntl

_TAKEN = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES})


def lock(descriptor: int | None) -> bool:
    """Lock what is open there until the descriptor is closed; False when somebody else has it.

    Where the system or the file system knows no such locks, or no descriptor for a folder, everybody gets one.
    """
    if sys.platform == "win32" or descriptor is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _TAKEN
    return True
