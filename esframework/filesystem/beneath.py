"""Folders that are open, and what is beneath them, reached name by name without ever following a link.

Whoever plants a link into such a folder meanwhile gains nothing: each step starts at the descriptor of the folder
before it. Where the system has no such descriptors (Windows), paths are checked instead, right before they are used.
Which names a peer may use is said by `paths`; this refuses only what is no single name.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final

from esframework.filesystem.renaming import Place, exchange, rename_to_free

HAS_DESCRIPTORS: Final = {os.open, os.mkdir, os.stat, os.rename, os.unlink, os.rmdir} <= os.supports_dir_fd and (
    os.scandir in os.supports_fd
)
_FOLDER_FLAGS: Final = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0) | os.O_RDONLY
_FILE_FLAGS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_NO_WAITING: Final = getattr(os, "O_NONBLOCK", 0)


class OpenFolder:
    """One folder, open until `close`; a context manager. Blocking, for one thread at a time.

    Every method takes the name of an entry, never a path, and raises ValueError for what is no single name. What the
    system says is raised as it says it; a link where a file or folder is asked for is an OSError with ELOOP.

    :ivar path: where it was when it was opened; for messages.
    """

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path = path
        self._descriptor = descriptor
        self._is_open = True

    @classmethod
    def at(cls, path: Path) -> OpenFolder:
        """Open a folder by this program's own path, in which links are followed.

        :raises OSError: it is not there, no folder, or must not be read.
        """
        if HAS_DESCRIPTORS:
            return cls(path, os.open(path, _FOLDER_FLAGS))
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
        return cls(path, None)

    def __enter__(self) -> OpenFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Harmless twice; nothing else may be called afterwards."""
        self._is_open = False
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    @property
    def descriptor(self) -> int | None:
        """None where the system has none for folders, and after `close`."""
        return self._descriptor

    # --- going down ---------------------------------------------------------------------------------------------------
    def folder(self, names: Iterable[str] = ()) -> OpenFolder:
        """The folder that these names lead to, one within the other; for no name this one, opened once more."""
        current = self._again()
        for name in names:
            try:
                below = current._below(name)
            finally:
                current.close()
            current = below
        return current

    def _again(self) -> OpenFolder:
        if not self._is_open:
            raise ValueError(f"the folder {self.path} is closed")
        return OpenFolder(self.path, None if self._descriptor is None else os.dup(self._descriptor))

    def _below(self, name: str) -> OpenFolder:
        at, place = self._place(name)
        with self._links_are_named(name):
            if at is not None:
                return OpenFolder(self.path / name, os.open(place, _FOLDER_FLAGS | _NO_FOLLOW, dir_fd=at))
            if not stat.S_ISDIR(os.lstat(place).st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), place)
        return OpenFolder(self.path / name, None)

    # --- looking ------------------------------------------------------------------------------------------------------
    def status(self, name: str) -> os.stat_result:
        """Of an entry; of a link, the link's own."""
        at, place = self._place(name)
        return os.stat(place, dir_fd=at, follow_symlinks=False)

    def has(self, name: str) -> bool:
        """Whether there is anything of that name, were it a link to nowhere."""
        try:
            self.status(name)
        except FileNotFoundError:
            return False
        return True

    def entries(self) -> list[os.DirEntry[str]]:
        """All of them, in no order; ask them with `follow_symlinks=False`, before this folder is closed."""
        with os.scandir(self.path if self._descriptor is None else self._descriptor) as found:
            return list(found)

    # --- files --------------------------------------------------------------------------------------------------------
    def open_file(self, name: str, flags: int = os.O_RDONLY, mode: int = 0o666) -> int:
        """The descriptor of a regular file; the caller closes it. `flags` are those of `os.open`.

        Opening waits for nobody: a pipe, a device or a socket of that name is refused.
        """
        at, place = self._place(name)
        with self._links_are_named(name):
            if at is None and os.path.islink(place):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), place)
            descriptor = os.open(place, flags | _FILE_FLAGS | _NO_WAITING, mode, dir_fd=at)
        try:
            self._check_is_file(descriptor, name)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def create_file(self, name: str, flags: int = os.O_RDWR, mode: int = 0o666) -> int:
        """The descriptor of a new, empty file; FileExistsError for any entry of that name, also for a link."""
        at, place = self._place(name)
        return os.open(place, flags | os.O_CREAT | os.O_EXCL | _FILE_FLAGS, mode, dir_fd=at)

    def make_folder(self, name: str, mode: int = 0o777) -> None:
        """A new, empty folder; FileExistsError for any entry of that name."""
        at, place = self._place(name)
        os.mkdir(place, mode, dir_fd=at)

    def _check_is_file(self, descriptor: int, name: str) -> None:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(self.path / name))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "neither a file nor a folder", str(self.path / name))

    # --- renaming -----------------------------------------------------------------------------------------------------
    def rename(self, name: str, folder: OpenFolder, new_name: str, *, replace: bool = False) -> None:
        """Give an entry another name, or another folder of the same file system.

        :param replace: a file or link of the new name vanishes, in the same step; an empty folder too, if it is a
            folder that comes.
        :raises FileExistsError: without `replace`, if there is anything; nothing has changed, also if it came at the
            same moment.
        """
        source, target = self._place(name), folder._place(new_name)
        if replace:
            os.replace(source[1], target[1], src_dir_fd=source[0], dst_dir_fd=target[0])
        else:
            rename_to_free(source, target)

    def exchange(self, name: str, folder: OpenFolder, other_name: str) -> bool:
        """Let two entries change places in one step; False where the system cannot, and nothing has changed."""
        return exchange(self._place(name), folder._place(other_name))

    # --- removing -----------------------------------------------------------------------------------------------------
    def remove(self, name: str) -> None:
        """Remove a file, or a link itself."""
        at, place = self._place(name)
        os.unlink(place, dir_fd=at)

    def remove_folder(self, name: str) -> None:
        """Remove an empty folder."""
        at, place = self._place(name)
        os.rmdir(place, dir_fd=at)

    def remove_tree(self, name: str) -> int:
        """Remove a file, a link itself, or a folder with all that is in it, however deep; returns the bytes of files.

        Nothing is followed. What cannot be removed is raised when all the rest is gone.
        """
        self.status(name)
        return self._remove_all([name])

    def remove_contents(self) -> int:
        """The same for all that is in this folder, which stays."""
        return self._remove_all([entry.name for entry in self.entries()])

    def _remove_all(self, names: list[str]) -> int:
        removed = 0
        failure: OSError | None = None
        # From this folder down to where we are: each with its name, and with what is left to be removed in it.
        way = [(self, "", names)]
        try:
            while way:
                try:
                    removed += self._remove_next(way)
                except FileNotFoundError:
                    # Somebody else was quicker.
                    continue
                except OSError as error:
                    failure = failure or error
        finally:
            for folder, _, _ in way[1:]:
                folder.close()
        if failure is not None:
            raise failure
        return removed

    def _remove_next(self, way: list[tuple[OpenFolder, str, list[str]]]) -> int:
        folder, its_name, names = way[-1]
        if not names:
            way.pop()
            if way:
                folder.close()
                way[-1][0].remove_folder(its_name)
            return 0
        name = names.pop()
        status = folder.status(name)
        if stat.S_ISDIR(status.st_mode):
            below = folder._below(name)
            way.append((below, name, []))
            way[-1][2].extend(entry.name for entry in below.entries())
            return 0
        folder.remove(name)
        return status.st_size if stat.S_ISREG(status.st_mode) else 0

    # --- within -------------------------------------------------------------------------------------------------------
    def _place(self, name: str) -> Place:
        if not name or "/" in name or "\0" in name or name in (".", "..") or (os.altsep and os.sep in name):
            raise ValueError(f"{name!r} is no name of an entry; one without separators was expected")
        if not self._is_open:
            raise ValueError(f"the folder {self.path} is closed")
        return (None, str(self.path / name)) if self._descriptor is None else (self._descriptor, name)

    @contextmanager
    def _links_are_named(self, name: str) -> Iterator[None]:
        # Systems call a link ELOOP, EMLINK, ENOTDIR or EFTYPE, depending on what it should have been.
        try:
            yield
        except OSError as error:
            link = False
            with suppress(OSError):
                link = stat.S_ISLNK(self.status(name).st_mode)
            if link:
                text = "a link, and links are not followed here"
                raise OSError(errno.ELOOP, text, str(self.path / name)) from error
            raise
