"""How a tree that is read is entered: by its path, as its owner names it, or beneath a folder, following no link.

The second is for trees into which others may write: whoever puts a link in the place of a folder meanwhile leads nobody
out of it.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final, Protocol

from esframework.filesystem.beneath import OpenFolder

# A pipe that took a file's place must not hold up the thread; for files the flag means nothing.
READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


class Entrance(Protocol):
    """What reading needs; all raise what the system says."""

    def status(self) -> os.stat_result:
        """Of the file or folder that is read."""

    def open_file(self) -> int:
        """The descriptor of the file that is read."""

    def open_folder(self, path: str) -> int:
        """The descriptor of a folder in it; "" is itself."""


class ByPath:
    """By a path, which may lead over links."""

    def __init__(self, path: Path) -> None:
        self._path = os.fspath(path)

    def status(self) -> os.stat_result:
        """See `Entrance`."""
        return os.stat(self._path)

    def open_file(self) -> int:
        """See `Entrance`."""
        return os.open(self._path, READ)

    def open_folder(self, path: str) -> int:
        """See `Entrance`."""
        return os.open(f"{self._path}/{path}" if path else self._path, READ | os.O_DIRECTORY)


class Beneath:
    """Beneath a folder, name by name; raises ValueError for a path that is not below it."""

    def __init__(self, top: Path, path: Path) -> None:
        self._top = top
        self._names = path.relative_to(top).parts

    def status(self) -> os.stat_result:
        """See `Entrance`."""
        with OpenFolder.at(self._top) as top:
            if not self._names:
                return os.fstat(_descriptor_of(top))
            with top.folder(self._names[:-1]) as folder:
                return folder.status(self._names[-1])

    def open_file(self) -> int:
        """See `Entrance`."""
        with OpenFolder.at(self._top) as top, top.folder(self._names[:-1]) as folder:
            return folder.open_file(self._names[-1])

    def open_folder(self, path: str) -> int:
        """See `Entrance`."""
        inside = path.split("/") if path else []
        with OpenFolder.at(self._top) as top, top.folder([*self._names, *inside]) as folder:
            return os.dup(_descriptor_of(folder))


def _descriptor_of(folder: OpenFolder) -> int:
    if folder.descriptor is None:
        raise OSError(errno.ENOSYS, "this system opens no folders", str(folder.path))
    return folder.descriptor
