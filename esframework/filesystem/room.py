"""Whether a disk has room for what is to come."""

from __future__ import annotations

import errno
import os
import shutil
from typing import Final

from esframework.filesystem.beneath import OpenFolder

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when there is none: the disk, a quota, or the longest file that it permits."""


def check_room(folder: OpenFolder, needed: int) -> None:
    """Raises OSError with ENOSPC where the disk of a folder is known to have less than so many bytes."""
    usage = shutil.disk_usage(folder.path)
    if usage.total and usage.free < needed:
        text = f"{os.strerror(errno.ENOSPC)}: {needed} bytes are needed, {usage.free} are free"
        raise OSError(errno.ENOSPC, text, str(folder.path))
