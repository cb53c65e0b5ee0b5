"""Giving a file or folder a name that must be free, and letting two change names. Knows nothing of what is in them."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any, Final

_LINUX_NOREPLACE: Final = 1
_LINUX_EXCHANGE: Final = 2
_MACOS_EXCHANGE: Final = 2
_MACOS_NOREPLACE: Final = 4
_UNABLE: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM})
"""What a system or file system says that cannot do it."""

Place = tuple[int | None, str]
"""A name in an open folder, or a whole path where the system opens no folders."""


def rename_to_free(source: Place, target: Place) -> None:
    """Rename a file or folder, unless the new name is taken.

    Nobody who takes the name at the same moment loses what is there. Where the file system can do no better, the name
    shows something empty for a moment.

    :raises FileExistsError: it is taken; nothing has changed.
    :raises OSError: whatever else the system says.
    """
    if os.name == "nt":
        os.rename(source[1], target[1])
        return
    if _special(source, target, _LINUX_NOREPLACE, _MACOS_NOREPLACE):
        return
    _rename_over_placeholder(source, target)


def exchange(one: Place, other: Place) -> bool:
    """Let two files or folders change names in one step; False where that cannot be, and nothing has changed.

    :raises OSError: whatever else the system says.
    """
    return os.name != "nt" and _special(one, other, _LINUX_EXCHANGE, _MACOS_EXCHANGE)


def _rename_over_placeholder(source: Place, target: Place) -> None:
    is_folder = stat.S_ISDIR(os.stat(source[1], dir_fd=source[0], follow_symlinks=False).st_mode)
    if is_folder:
        os.mkdir(target[1], dir_fd=target[0])
    else:
        os.close(os.open(target[1], os.O_CREAT | os.O_EXCL | os.O_WRONLY, dir_fd=target[0]))
    try:
        os.rename(source[1], target[1], src_dir_fd=source[0], dst_dir_fd=target[0])
    except BaseException:
        # What somebody has put into it meanwhile is theirs, and stays.
        with suppress(OSError):
            (os.rmdir if is_folder else os.unlink)(target[1], dir_fd=target[0])
        raise


def _special(source: Place, target: Place, linux: int, macos: int) -> bool:
    found = _system_call()
    if found is None:
        return False
    call, here = found
    flags = macos if sys.platform == "darwin" else linux
    place = [part for folder, name in (source, target) for part in (here if folder is None else folder, _raw(name))]
    if call(*place, flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNABLE:
        return False
    raise OSError(number, os.strerror(number), source[1], None, target[1])


def _raw(name: str) -> bytes:
    return os.fsencode(name)


@cache
def _system_call() -> tuple[Callable[..., Any], int] | None:
    """`renameat2` or what macOS calls it, with the number that means the current folder."""
    name, here = ("renameatx_np", -2) if sys.platform == "darwin" else ("renameat2", -100)
    try:
        call = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (AttributeError, OSError):
        return None
    call.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    call.restype = ctypes.c_int
    return call, here
