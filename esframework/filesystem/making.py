"""Files and folders of a part as they begin, and one file as it fills. Knows no journal, and not when all is whole.

What a peer calls them goes through the path rule; they are made beneath folders that are open, so no link is followed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from esframework.errors import PathClash, WrongTree
from esframework.filesystem import parts
from esframework.filesystem.beneath import OpenFolder
from esframework.filesystem.items import FileItem
from esframework.filesystem.journals import Partial
from esframework.filesystem.locks import lock
from esframework.filesystem.paths import local_parts, shown

_PIECES_AT_ONCE: Final = 512
"""Half of what systems take in one call."""
_SYNCED_AT_ONCE: Final = 8
"""Files of a folder that wait for the disk together: a journal takes them in one go. 3000 small files took 5.6 s alone,
0.4 s by four."""
_FILE: Final = 0o666
_PROGRAM: Final = 0o777
"""What the umask forbids of these is taken away by the system."""


class FileInMaking:
    """One file of which not all is here: `offset` bytes of those that `item` says."""

    def __init__(self, item: FileItem, descriptor: int, folder: Path, name: str, offset: int = 0) -> None:
        self.item = item
        self.offset = offset
        self._descriptor = descriptor
        self._folder = folder
        self._name = name

    def add(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Write the next bytes. Raises OSError with the file's path; `offset` then still says what is written."""
        try:
            for first in range(0, len(pieces), _PIECES_AT_ONCE):
                self._write(list(pieces[first : first + _PIECES_AT_ONCE]))
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._folder / self._name)) from None

    def cut(self, size: int) -> None:
        """Give up what is behind `size` bytes."""
        os.ftruncate(self._descriptor, size)
        self.offset = size

    def finish(self) -> None:
        """All is here: give it its time."""
        if self.item.modified_at > 0:
            where = self._descriptor if os.utime in os.supports_fd else self._folder / self._name
            os.utime(where, ns=(self.item.modified_at, self.item.modified_at))

    def _write(self, pieces: list[bytes | memoryview]) -> None:
        while pieces:
            if hasattr(os, "writev"):
                written = os.writev(self._descriptor, pieces)
            else:
                written = os.write(self._descriptor, pieces[0])
            self.offset += written
            while pieces and written >= len(pieces[0]):
                written -= len(pieces.pop(0))
            if written:
                pieces[0] = memoryview(pieces[0])[written:]


class Maker(Protocol):
    """A part that is a file, or one that is a folder. Its methods raise OSError, and WrongTree for what cannot be."""

    is_ordered: bool

    def begin_folder(self, path: str) -> None:
        """Make the next folder."""

    def begin_file(self, item: FileItem) -> FileInMaking:
        """Make the next file; the one before is whole."""

    def finish_file(self, file: FileInMaking) -> None:
        """All of it is here."""

    def reopen(self, item: FileItem, offset: int) -> FileInMaking:
        """The file that began last, to go on with it. What comes next comes after it."""

    def go_on_behind(self, path: str) -> None:
        """What comes next comes after this file."""

    def is_untouched(self) -> bool:
        """Whether the part still is what has its name."""

    def sync(self) -> None:
        """Let all of it reach the disk."""

    def close(self) -> None:
        """Harmless twice."""


class FileMaker:
    """A part that is one file, whose path is empty."""

    is_ordered = True

    def __init__(self, parent: OpenFolder, partial: Partial, descriptor: int | None = None) -> None:
        """Make the part, or take an open one."""
        self._parent = parent
        self._name = partial.part.name
        self._size = partial.identity.size
        self._has_begun = descriptor is not None
        self._descriptor = self._create(_FILE) if descriptor is None else descriptor

    def begin_folder(self, path: str) -> None:
        raise WrongTree(f"a single file was offered, and a folder '{shown(path)}' came")

    def begin_file(self, item: FileItem) -> FileInMaking:
        if self._has_begun or item.path or item.size != self._size:
            raise WrongTree(
                f"a single file of {self._size} bytes was offered, and a file '{shown(item.path)}' of {item.size} came"
            )
        self._has_begun = True
        if item.is_executable:
            # Only when a file is made does the system apply the umask; nothing is in this one yet.
            self._parent.remove(self._name)
            self.close()
            self._descriptor = self._create(_PROGRAM)
        return FileInMaking(item, self._descriptor, self._parent.path, self._name)

    def finish_file(self, file: FileInMaking) -> None:
        file.finish()

    def reopen(self, item: FileItem, offset: int) -> FileInMaking:
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        return FileInMaking(item, self._descriptor, self._parent.path, self._name, offset)

    def go_on_behind(self, path: str) -> None:
        """Nothing comes next."""

    def is_untouched(self) -> bool:
        return parts.is_same(self._parent, self._name, self._descriptor)

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _create(self, mode: int) -> int:
        descriptor = self._parent.create_file(self._name, mode=mode)
        lock(descriptor)
        return descriptor


class FolderMaker:
    """A part that is a folder with all that is in it.

    :ivar is_ordered: so far everything came in the canonical order.
    """

    def __init__(self, parent: OpenFolder, partial: Partial, root: OpenFolder | None = None) -> None:
        """Make the part, or take an open one."""
        self.is_ordered = partial.is_ordered
        self._parent = parent
        self._name = partial.part.name
        self._is_foreign = not partial.is_ours
        if root is None:
            parent.make_folder(self._name)
            root = parent.folder([self._name])
            lock(root.descriptor)
        self._root = root
        # The folder that began last, the one that is open, and the descriptor of the file that fills.
        self._begun: tuple[str, ...] = ()
        self._last_name = ""
        self._names: tuple[str, ...] = ()
        self._folder = root
        self._descriptor = -1

    def begin_folder(self, path: str) -> None:
        if not path:
            return
        names = self._parts(path)
        self.is_ordered &= names > self._begun
        self._begun, self._last_name = names, ""
        folder = self._enter(names[:-1])
        try:
            folder.make_folder(names[-1])
        except FileExistsError:
            # Foreign senders that go on tell again in which folder they are.
            if not self._is_foreign:
                raise _clash(path) from None
            self._enter(names)

    def begin_file(self, item: FileItem) -> FileInMaking:
        names = self._parts(item.path)
        folder, name = names[:-1], names[-1]
        self.is_ordered &= folder == self._begun and name > self._last_name
        self._begun, self._last_name = folder, name
        where = self._enter(folder)
        try:
            self._descriptor = where.create_file(name, mode=_PROGRAM if item.is_executable else _FILE)
        except FileExistsError:
            raise _clash(item.path) from None
        return FileInMaking(item, self._descriptor, where.path, name)

    def finish_file(self, file: FileInMaking) -> None:
        file.finish()
        self._close_file()

    def reopen(self, item: FileItem, offset: int) -> FileInMaking:
        self.go_on_behind(item.path)
        names = self._parts(item.path)
        where = self._enter(names[:-1])
        self._descriptor = where.open_file(names[-1], os.O_RDWR)
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        return FileInMaking(item, self._descriptor, where.path, names[-1], offset)

    def go_on_behind(self, path: str) -> None:
        names = self._parts(path)
        self._begun, self._last_name = names[:-1], names[-1]

    def is_untouched(self) -> bool:
        return parts.is_same(self._parent, self._name, self._root.descriptor)

    def sync(self) -> None:
        # One after the other each would wait for a commit of the file system of its own.
        with ThreadPoolExecutor(_SYNCED_AT_ONCE, "esframework-sync") as threads:
            _sync(self._root, threads)

    def close(self) -> None:
        self._close_file()
        self._leave()
        self._root.close()

    def _parts(self, path: str) -> tuple[str, ...]:
        return local_parts(path, backslash_separates=self._is_foreign)

    def _enter(self, names: tuple[str, ...]) -> OpenFolder:
        """The folder of these names, which stays open until another is entered."""
        if names == self._names:
            return self._folder
        known = len(self._names)
        start, rest = (self._folder, names[known:]) if names[:known] == self._names else (self._root, names)
        try:
            folder = start.folder(rest)
        except FileNotFoundError:
            folder = self._make_way(names)
        self._leave()
        self._names, self._folder = names, folder
        return folder

    def _make_way(self, names: tuple[str, ...]) -> OpenFolder:
        """Folders that nobody has begun. Foreign senders may leave that out; or the part is gone."""
        if not self.is_untouched():
            raise FileNotFoundError(errno.ENOENT, "it was removed while it was being received", str(self._root.path))
        if not self._is_foreign:
            raise WrongTree(f"something in a folder '{shown('/'.join(names))}' came before the folder")
        self.is_ordered = False
        folder = self._root.folder()
        for name in names:
            with folder:
                with suppress(FileExistsError):
                    folder.make_folder(name)
                folder = folder.folder([name])
        return folder

    def _leave(self) -> None:
        if self._folder is not self._root:
            self._folder.close()
        self._names, self._folder = (), self._root

    def _close_file(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _clash(path: str) -> PathClash:
    return PathClash(
        f"'{shown(path)}' is there already: another entry of the folder that is received is the same one on this file"
        " system (upper and lower case, or two spellings of one letter), or somebody has put it there"
    )


def _sync(folder: OpenFolder, threads: ThreadPoolExecutor) -> None:
    files = []
    for entry in folder.entries():
        if entry.is_dir(follow_symlinks=False):
            with folder.folder([entry.name]) as below:
                _sync(below, threads)
        elif entry.is_file(follow_symlinks=False):
            files.append(entry.name)
    syncing = [threads.submit(_sync_files, folder, files[first::_SYNCED_AT_ONCE]) for first in range(_SYNCED_AT_ONCE)]
    # All have ended before the folder may be closed, and before an error is raised.
    wait(syncing)
    for each in syncing:
        each.result()
    if folder.descriptor is not None:
        os.fsync(folder.descriptor)


def _sync_files(folder: OpenFolder, names: Sequence[str]) -> None:
    for name in names:
        descriptor = folder.open_file(name)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
