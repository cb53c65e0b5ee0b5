"""Reading a file, or a folder with all that is in it, for sending: what is there, and then its items in their order.

Blocking: its methods are called in a thread (`FileWorker`), one at a time. Knows no wire and no receiver.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from esframework import limits
from esframework.errors import SourceChanged, SourceRefused
from esframework.filesystem.digests import TreeDigest
from esframework.filesystem.entrance import READ, Beneath, ByPath, Entrance
from esframework.filesystem.items import FileItem, FolderItem, Item, Position
from esframework.filesystem.listing import Listing, check_name, list_file, list_folder

_NONE = -1
_SEQUENTIAL_FROM = 1024 * 1024
"""Bytes from which on the system is told that a file is read from end to end: below, it has read it all anyway."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What is to be sent. Sizes in bytes; `modified_at` in nanoseconds UTC, of a folder its newest file's, 0 without
    any; `folders` with the folder itself; `left_out` counts links, sockets, pipes and devices."""

    name: str
    is_folder: bool
    size: int
    files: int
    folders: int
    modified_at: int
    is_executable: bool
    left_out: int


class TreeReader:
    """One file or folder that is sent.

    Symbolic links in a folder are left out, or followed with `follow_links`; the path itself may be a link, as whoever
    sends has named it. With `beneath`, a folder that it must be in, no link is followed below that. What is sent of a
    file is as long as it was at the survey: bytes that come later are not in it.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, follow_links: bool = False, beneath: Path | None = None
    ) -> None:
        self.path = _absolute(Path(path))
        self._entrance: Entrance = ByPath(self.path) if beneath is None else Beneath(beneath.absolute(), self.path)
        self._follow_links = follow_links
        self._root = os.fspath(self.path)
        self._listing = Listing()
        self._is_folder = False
        self._digest: TreeDigest | None = None
        self._file_descriptor = _NONE
        self._folder_descriptor = _NONE
        self._rewind()

    def survey(self, cancelled: Callable[[], bool] = lambda: False) -> Survey:
        """Look once at everything, and keep the list; `cancelled` is asked before each folder.

        Raises OSError with the path it is about; SourceRefused for what is neither file nor folder, a name that is no
        Unicode, a link to be followed that leads to a folder around it, more than `limits.MAX_ENTRIES_OF_A_TREE`
        entries, and when cancelled.
        """
        check_name(self.path.name, os.fspath(self.path.parent))
        found = self._entrance.status()
        self._is_folder = stat.S_ISDIR(found.st_mode)
        if self._is_folder:
            listing = list_folder(self._root, self._follow_links, cancelled, self._entrance)
        elif stat.S_ISREG(found.st_mode):
            listing = list_file(found)
        else:
            raise SourceRefused(f"{self._root!r} is neither a file nor a folder")
        self._listing = listing
        self._rewind()
        return Survey(
            name=self.path.name,
            is_folder=self._is_folder,
            size=sum(listing.sizes),
            files=len(listing.names),
            folders=len(listing.folders) if self._is_folder else 0,
            modified_at=max(listing.times, default=0),
            is_executable=not self._is_folder and bool(listing.executables[0]),
            left_out=listing.left_out,
        )

    def start(self, algorithm: str | None) -> None:
        """Read from the beginning; None: without a digest. Raises what `TreeDigest` does."""
        self._digest = TreeDigest(algorithm) if algorithm is not None else None
        self._rewind()

    def resume(self, position: Position, algorithm: str | None, cancelled: Callable[[], bool]) -> bytes | None:
        """Read on behind a position; returns the digest of all up to it, b"" without an algorithm.

        None when there is no such position here, or when cancelled: then `start` comes next, or nothing. Folders after
        the position's file are read, again if the receiver had them. Raises what `read` does.
        """
        self.start(algorithm)
        if position == Position():
            return self.digest()
        listing = self._listing
        target = listing.find(position.path)
        if target is None or not self._is_at(target[1], position):
            return None
        if self._digest is None:
            self._folder, self._file = target
            self._offset = position.offset
            return b""
        items: list[Item] = []
        while (self._file, self._offset) != (target[1], position.offset):
            if cancelled():
                return None
            left = position.offset - self._offset if self._file == target[1] else limits.VERIFYING_SLICE
            self._step(items, min(left, limits.VERIFYING_SLICE))
            items.clear()
        return self.digest()

    def read(self, budget: int) -> list[Item]:
        """The next items, with at most `budget` bytes of content and `limits.ITEMS_AT_A_TIME` files and folders.

        [] at the end. A file is cut only where it alone is longer than the budget. Raises OSError with the path,
        SourceChanged when a file has become shorter than it was.
        """
        items: list[Item] = []
        left = budget
        while left > 0 and len(items) < 2 * limits.ITEMS_AT_A_TIME:
            if left < budget and self._rest_of_file() > left:
                break
            if not self._step(items, left):
                break
            content = items[-1]
            if isinstance(content, bytes):
                left -= len(content)
        return items

    def digest(self) -> bytes:
        """Of everything read so far; b"" without one."""
        return b"" if self._digest is None else self._digest.digest()

    def close(self) -> None:
        """Nothing is read any more; calling it again is harmless."""
        self._close_file()
        self._close_folder()

    def _rewind(self) -> None:
        self.close()
        self._folder = -1 if self._is_folder else 0
        self._file = -1
        self._offset = 0

    def _rest_of_file(self) -> int:
        """Bytes that are missing of the file that is read now, or would be next."""
        listing = self._listing
        if self._file >= 0 and self._offset < listing.sizes[self._file]:
            return listing.sizes[self._file] - self._offset
        return listing.sizes[self._file + 1] if self._file + 1 < len(listing.sizes) else 0

    def _step(self, items: list[Item], most: int) -> bool:
        """Add what comes next: a folder, a file, or at most `most` bytes; False at the end."""
        listing = self._listing
        following = self._file + 1
        if self._file >= 0 and self._offset < listing.sizes[self._file]:
            items.append(self._piece(most))
        elif self._folder >= 0 and following < listing.ends[self._folder]:
            items.append(self._begin_file(following))
        elif self._folder + 1 < len(listing.folders):
            items.append(self._begin_folder())
        else:
            return False
        return True

    def _begin_folder(self) -> FolderItem:
        self._close_folder()
        self._folder += 1
        path = self._listing.folders[self._folder]
        if self._digest is not None:
            self._digest.folder(path)
        return FolderItem(path)

    def _begin_file(self, file: int) -> FileItem:
        listing = self._listing
        self._file = file
        self._offset = 0
        path, size = self._path_of(file), listing.sizes[file]
        if self._digest is not None:
            self._digest.file(path, size)
        return FileItem(path, size, listing.times[file], bool(listing.executables[file]))

    def _piece(self, most: int) -> bytes:
        size = self._listing.sizes[self._file]
        wanted = min(most, size - self._offset)
        try:
            if self._file_descriptor == _NONE:
                self._open(size)
            data = os.pread(self._file_descriptor, wanted, self._offset)
            if not data:
                raise SourceChanged(self._place(), size, min(os.fstat(self._file_descriptor).st_size, self._offset))
        except OSError as error:
            # Below a folder's descriptor the system knows a name only, and of an open file not even that.
            raise OSError(error.errno, error.strerror, self._place()) from None
        self._offset += len(data)
        if self._offset == size:
            self._close_file()
        if self._digest is not None:
            self._digest.content(data)
        return data

    def _open(self, size: int) -> None:
        """Open the file that began last, by its folder: a path of many names is looked up once for all in it."""
        if not self._is_folder:
            self._file_descriptor = self._entrance.open_file()
        else:
            if self._folder_descriptor == _NONE:
                self._folder_descriptor = self._entrance.open_folder(self._listing.folders[self._folder])
            flags = READ if self._follow_links else READ | os.O_NOFOLLOW
            name = self._listing.names[self._file]
            self._file_descriptor = os.open(name, flags, dir_fd=self._folder_descriptor)
        if size >= _SEQUENTIAL_FROM and sys.platform != "darwin":
            os.posix_fadvise(self._file_descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)

    def _path_of(self, file: int) -> str:
        folder, name = self._listing.folders[self._folder], self._listing.names[file]
        return f"{folder}/{name}" if folder else name

    def _place(self) -> str:
        return f"{self._root}/{self._path_of(self._file)}" if self._is_folder else self._root

    def _is_at(self, file: int, position: Position) -> bool:
        """Whether so many bytes before the file, and in it, make the position's total."""
        sizes = self._listing.sizes
        return 0 <= position.offset <= sizes[file] and sum(sizes[:file]) + position.offset == position.received

    def _close_file(self) -> None:
        if self._file_descriptor != _NONE:
            os.close(self._file_descriptor)
            self._file_descriptor = _NONE

    def _close_folder(self) -> None:
        if self._folder_descriptor != _NONE:
            os.close(self._folder_descriptor)
            self._folder_descriptor = _NONE


def _absolute(path: Path) -> Path:
    """A path that stays the same when the process changes its folder, and that ends with a name."""
    return path.resolve() if path.name in ("", "..") else path.absolute()
