"""What is in a folder that is to be sent: its files and folders, found once, in the order of `items`. Reads no content.

The list is kept in columns, at about 100 bytes an entry, so that a folder of a million files can be sent.
"""

from __future__ import annotations

import os
import stat
from array import array
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from esframework import limits
from esframework.errors import SourceRefused
from esframework.filesystem.entrance import ByPath, Entrance

_LONGEST_TIME = 2**63 - 1


@dataclass(slots=True)
class Listing:
    """Files and folders in their order. The files of folder `i` are those from `first_of(i)` up to `ends[i]`."""

    folders: list[str] = field(default_factory=list)
    ends: array[int] = field(default_factory=lambda: array("q"))
    names: list[str] = field(default_factory=list)
    sizes: array[int] = field(default_factory=lambda: array("q"))
    times: array[int] = field(default_factory=lambda: array("q"))
    executables: bytearray = field(default_factory=bytearray)
    left_out: int = 0

    def first_of(self, folder: int) -> int:
        """The index of a folder's first file, if it has any."""
        return self.ends[folder - 1] if folder else 0

    def find(self, path: str) -> tuple[int, int] | None:
        """The indices of a file's folder and of the file; None when it is not in the list."""
        parent, slash, name = path.rpartition("/")
        if parent not in self.folders or (slash and not parent):
            return None
        folder = self.folders.index(parent)
        end = self.ends[folder]
        file = bisect_left(self.names, name, self.first_of(folder), end)
        return (folder, file) if file < end and self.names[file] == name else None

    def add(self, name: str, size: int, modified_at: int, mode: int) -> None:
        """One more file of the folder that was added last."""
        self.names.append(name)
        self.sizes.append(size)
        self.times.append(max(-_LONGEST_TIME, min(modified_at, _LONGEST_TIME)))
        self.executables.append(bool(mode & stat.S_IXUSR))


def list_file(found: os.stat_result) -> Listing:
    """A single file: a folder that nobody is told of, with a file that has no name."""
    listing = Listing(folders=[""])
    listing.add("", found.st_size, found.st_mtime_ns, found.st_mode)
    listing.ends.append(1)
    return listing


def list_folder(
    root: str, follow_links: bool, cancelled: Callable[[], bool], entrance: Entrance | None = None
) -> Listing:
    """All that is in a folder, entered by its path unless otherwise. Raises OSError, and SourceRefused for what cannot
    be sent, or when cancelled."""
    walk = _Walk(root, follow_links, cancelled, entrance or ByPath(Path(root)))
    waiting: list[tuple[str, Any]] = [("", None)]
    while waiting:
        path, around = waiting.pop()
        place = f"{root}/{path}" if path else root
        if follow_links:
            around = _with_itself(place, around)
        folders = walk.visit(path, place)
        prefix = f"{path}/" if path else ""
        waiting.extend((prefix + name, around) for name in sorted(folders, reverse=True))
    return walk.listing


class _Walk:
    """One look at a folder, folder by folder."""

    def __init__(self, root: str, follow_links: bool, cancelled: Callable[[], bool], entrance: Entrance) -> None:
        self.listing = Listing()
        self._entrance = entrance
        self._root = root
        self._follow_links = follow_links
        self._cancelled = cancelled
        self._room = limits.MAX_ENTRIES_OF_A_TREE

    def visit(self, path: str, place: str) -> list[str]:
        """Add one folder and the files in it; returns the names of the folders in it."""
        follow = self._follow_links
        files: list[tuple[str, int, int, int]] = []
        folders: list[str] = []
        descriptor = self._entrance.open_folder(path)
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=follow):
                        found = entry.stat(follow_symlinks=follow)
                        files.append((entry.name, found.st_size, found.st_mtime_ns, found.st_mode))
                    elif entry.is_dir(follow_symlinks=follow):
                        folders.append(entry.name)
                    else:
                        self._leave_out(entry, place)
                    self._check(entry.name, place)
        finally:
            os.close(descriptor)
        files.sort()
        self.listing.folders.append(path)
        for file in files:
            self.listing.add(*file)
        self.listing.ends.append(len(self.listing.names))
        return folders

    def _leave_out(self, entry: os.DirEntry[str], place: str) -> None:
        """A link that is not followed, a socket, a pipe or a device; raises OSError for a link that leads nowhere."""
        if self._follow_links and entry.is_symlink():
            os.stat(f"{place}/{entry.name}")
        self.listing.left_out += 1

    def _check(self, name: str, place: str) -> None:
        if not name.isascii():
            check_name(name, place)
        self._room -= 1
        if self._room <= 0:
            raise SourceRefused(
                f"{self._root!r} holds more than {limits.MAX_ENTRIES_OF_A_TREE} files and folders;"
                " send an archive of it, or the folders in it one by one"
            )
        if self._cancelled():
            raise SourceRefused(f"looking for what is in {self._root!r} was given up, as asked")


def check_name(name: str, place: str) -> None:
    """Raises SourceRefused for a name that no other system could be told."""
    try:
        name.encode()
    except UnicodeEncodeError:
        spelled = os.fsencode(name)
        raise SourceRefused(f"{spelled!r} in {place!r} is no name in Unicode; rename it, or leave it out") from None


def _with_itself(place: str, around: Any) -> Any:
    """The folders around a folder, as a chain, and itself; raises SourceRefused when it is one of them, by a link."""
    found = os.stat(place)
    identity = (found.st_dev, found.st_ino)
    above = around
    while above is not None:
        if above[0] == identity:
            raise SourceRefused(f"{place!r} leads to a folder that it is in; remove that link, or follow no links")
        above = above[1]
    return identity, around
