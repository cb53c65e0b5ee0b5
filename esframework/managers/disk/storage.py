"""One tree of the network disk on the server's disk: the folder of a user, or a public one.

Blocking: called in threads. Everything is reached from the tree's root name by name, and no link is followed on the
way; links, devices, pipes and sockets, which only somebody at the machine itself can have put there, are neither shown
nor touched. Knows no user and no right.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Final

from esframework import limits
from esframework.filesystem.beneath import OpenFolder
from esframework.filesystem.paths import local_parts
from esframework.managers.disk.machine.pages import page_of
from esframework.managers.disk.machine.paths import is_within, text_of
from esframework.managers.disk.machine.quota import Amount
from esframework.managers.disk.machine.refusals import Conflict, InvalidPath, NoSuchPath

Names = tuple[str, ...]
_PRIVATE: Final = 0o700
LITTER_AGE: Final = 7 * 24 * 3600.0
"""Seconds after which a half received upload is removed that no journal knows: a week after a server was killed."""
_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to know of a file or folder without reading it; `modified_at` in nanoseconds UTC."""

    name: str
    is_folder: bool
    size: int
    modified_at: int
    is_executable: bool


@dataclass(frozen=True, slots=True)
class Measure:
    """Everything in a tree; a single file counts as one. `depth` is that of the deepest name below, 0 of a file."""

    size: int = 0
    files: int = 0
    folders: int = 0
    depth: int = 0

    @property
    def amount(self) -> Amount:
        """What it takes of a quota."""
        return Amount(self.size, self.files + self.folders)


class Storage:
    """A tree below `root`; uploads to it are received in the folder `uploads`, on the same file system.

    Every method raises `NoSuchPath` for a path to nowhere, and OSError for what the system says. `hidden` are names
    right below the root that nobody sees.
    """

    def __init__(self, root: Path, uploads: Path, hidden: Iterable[str] = ()) -> None:
        self.root = root
        self.uploads = uploads
        self._hidden = frozenset(hidden)

    def prepare(self) -> None:
        """Make the folders, and remove what a server that was killed has left: what nobody will go on with."""
        for folder in self.root, self.uploads:
            folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        oldest = time.time() - LITTER_AGE
        with OpenFolder.at(self.uploads) as uploads:
            for entry in uploads.entries():
                # Names of what is complete have no dot before them: it should have had its place at once.
                if not entry.name.startswith(".") or entry.stat(follow_symlinks=False).st_mtime < oldest:
                    uploads.remove_tree(entry.name)

    @property
    def free(self) -> int:
        """Bytes that the file system has for users."""
        return max(0, shutil.disk_usage(self.root).free - limits.ROOM_OF_THE_SERVER)

    # --- looking ------------------------------------------------------------------------------------------------------
    def find(self, names: Names) -> Found:
        """A file or folder."""
        if not names:
            return _found("", os.stat(self.root))
        with self._opened(names[:-1], names) as folder:
            return self._entry(folder, names)

    def missing(self, names: Names) -> int:
        """How many of the last names nothing is called: what is to be made where it has a way, too."""
        for length in range(len(names), 0, -1):
            try:
                self.find(names[:length])
                return len(names) - length
            except NoSuchPath:
                # What is above it may be there.
                continue
        return len(names)

    def page(self, names: Names, after: str | None, limit: int) -> tuple[list[Found], bool]:
        """Some of a folder's entries, by name, behind the name `after`; and whether there are more."""
        with self._opened(names) as folder:
            shown = (entry for entry in folder.entries() if self._is_shown(entry, names))
            page, has_more = page_of(shown, lambda entry: entry.name, after, limit)
            found = []
            for entry in page:
                try:
                    found.append(_found(entry.name, entry.stat(follow_symlinks=False)))
                except FileNotFoundError:
                    # It has just been removed.
                    continue
            return found, has_more

    def measure(self, names: Names) -> Measure:
        """All that is there, counted."""
        if not names:
            with self._opened(()) as root:
                return _measured(root, self._hidden)
        with self._opened(names[:-1], names) as folder:
            found = self._entry(folder, names)
            if not found.is_folder:
                return Measure(found.size, 1)
            with folder.folder(names[-1:]) as below:
                inside = _measured(below)
        return Measure(inside.size, inside.files, inside.folders + 1, inside.depth)

    def parts(self) -> Amount:
        """What is half received."""
        with OpenFolder.at(self.uploads) as folder:
            return _measured(folder).amount

    def part_of(self, upload: str) -> Amount:
        """What is half received of one upload."""
        with OpenFolder.at(self.uploads) as folder:
            names = [entry.name for entry in folder.entries() if upload in entry.name]
        return sum((self.received(name).amount for name in names), Amount())

    def received(self, upload: str) -> Measure:
        """An upload that is complete and has no place yet, counted."""
        return Storage(self.uploads, self.uploads).measure((upload,))

    def slices(self, names: Names, size: int) -> Generator[tuple[str, int | None, bytes], None, None]:
        """The content of a file or folder, in the order of `filesystem.items`: `(path, size, b"")` as a file begins,
        `(path, None, b"")` for a folder, and `("", None, bytes)` for what is in the file that began last."""
        with self._opened(names[:-1], names) as folder:
            found = self._entry(folder, names) if names else self.find(())
            if found.is_folder:
                with self._opened(names) as below:
                    yield from _tree(below, "", size)
            else:
                yield "", found.size, b""
                yield from _content(folder, names[-1], size)

    def check_new(self, names: Names) -> None:
        """Raise `InvalidPath` or `UnsafePath` for what nothing new can be called."""
        if not names or names[0] in self._hidden:
            raise InvalidPath(f"{text_of(names)} is taken by the disk itself")
        local_parts("/".join(names))

    # --- changing -----------------------------------------------------------------------------------------------------
    def make_folder(self, names: Names, parents: bool) -> int:
        """Make a folder; returns how many were made. Raises `Conflict` for a name that is taken; with `parents` a
        folder that is there will do, and those on the way are made."""
        self.check_new(names)
        made = 0
        with OpenFolder.at(self.root) as root:
            current = root.folder()
            try:
                for number, name in enumerate(names, 1):
                    is_last = number == len(names)
                    if is_last or parents:
                        made += self._make(current, names[:number], may_exist=parents)
                    if not is_last:
                        below = self._step(current, name, names[:number])
                        current.close()
                        current = below
            finally:
                current.close()
        return made

    def move(self, source: Names, target: Storage, new: Names, replace: bool) -> Measure:
        """Give something another place; returns what was replaced. Raises `Conflict` for a name that is taken."""
        target.check_new(new)
        if target is not self or len(new) > len(source):
            check_depth(new, self.measure(source))
        with (
            self._opened(source[:-1], source) as folder,
            target._opened(new[:-1]) as new_folder,
        ):
            self._entry(folder, source)
            if target is self and source == new:
                return Measure()
            if target is self and (is_within(new, source) or is_within(source, new)):
                raise InvalidPath(f"{text_of(source)} cannot become {text_of(new)}: one is within the other")
            try:
                return target._put(folder, source[-1], new_folder, new, replace)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                text = f"{text_of(new)} is on another file system than {text_of(source)}"
                raise InvalidPath(f"{text}; download it, and upload it there") from None

    def receive(self, upload: str, new: Names, replace: bool) -> Measure:
        """Give an upload that is complete its place; returns what was replaced."""
        self.check_new(new)
        with OpenFolder.at(self.uploads) as folder, self._opened(new[:-1]) as new_folder:
            return self._put(folder, upload, new_folder, new, replace)

    def remove(self, names: Names, recursive: bool) -> Measure:
        """Remove something; returns what it was. Without `recursive`, `Conflict` for a folder that is not empty."""
        with self._opened(names[:-1], names) as folder:
            found = self._entry(folder, names)
            if not found.is_folder:
                folder.remove(names[-1])
                return Measure(found.size, 1)
            if not recursive:
                self._remove_empty(folder, names)
                return Measure(folders=1)
            removed = self.measure(names)
            folder.remove_tree(names[-1])
            return removed

    def discard(self, upload: str) -> None:
        """Remove an upload that cannot have its place."""
        with OpenFolder.at(self.uploads) as folder:
            if folder.has(upload):
                folder.remove_tree(upload)

    # --- inside -------------------------------------------------------------------------------------------------------
    @contextmanager
    def _opened(self, names: Names, asked: Names | None = None) -> Iterator[OpenFolder]:
        wanted = names if asked is None else asked
        if wanted and wanted[0] in self._hidden:
            raise NoSuchPath(text_of(wanted))
        with OpenFolder.at(self.root) as root:
            try:
                folder = root.folder(names)
            except (OSError, ValueError) as error:
                raise _absent(error, wanted) from None
            with folder:
                yield folder

    def _entry(self, folder: OpenFolder, names: Names) -> Found:
        try:
            status = folder.status(names[-1])
        except (OSError, ValueError) as error:
            raise _absent(error, names) from None
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise NoSuchPath(text_of(names))
        return _found(names[-1], status)

    def _is_shown(self, entry: os.DirEntry[str], folder: Names) -> bool:
        if not folder and entry.name in self._hidden:
            return False
        is_kept = entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)
        return is_kept and _is_text(entry.name)

    def _make(self, folder: OpenFolder, names: Names, may_exist: bool) -> int:
        try:
            folder.make_folder(names[-1])
        except FileExistsError:
            if not (may_exist and self._entry(folder, names).is_folder):
                raise Conflict(f"there is something at {text_of(names)} already") from None
            return 0
        return 1

    def _step(self, folder: OpenFolder, name: str, names: Names) -> OpenFolder:
        try:
            return folder.folder((name,))
        except (OSError, ValueError) as error:
            raise _absent(error, names) from None

    def _put(self, folder: OpenFolder, name: str, new_folder: OpenFolder, new: Names, replace: bool) -> Measure:
        """Rename, by a step in which either the old or the new is there."""
        try:
            folder.rename(name, new_folder, new[-1])
            return Measure()
        except FileExistsError:
            if not replace:
                text = f"there is something at {text_of(new)} already; replace=True (--replace) replaces it"
                raise Conflict(text) from None
        replaced = self.measure(new)
        is_folder = _is_folder(folder, name)
        if is_folder != self._entry(new_folder, new).is_folder:
            raise Conflict(f"{text_of(new)} is there already, and a file replaces only a file, a folder only a folder")
        if not is_folder:
            folder.rename(name, new_folder, new[-1], replace=True)
        elif folder.exchange(name, new_folder, new[-1]):
            folder.remove_tree(name)
        else:
            _replace_folder(folder, name, new_folder, new[-1])
        return replaced

    def _remove_empty(self, folder: OpenFolder, names: Names) -> None:
        try:
            folder.remove_folder(names[-1])
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise Conflict(f"{text_of(names)} is not empty; recursive=True (-r) removes all in it") from None
            raise


def check_depth(names: Names, what: Measure) -> None:
    """Raise `InvalidPath` where something with all that is in it would be deeper than anything may be: looking at a
    tree, and removing it, takes an open folder for each step down."""
    if len(names) + what.depth > limits.MAX_PATH_DEPTH:
        raise InvalidPath(f"{text_of(names)}: at most {limits.MAX_PATH_DEPTH} folders may be within each other")


def _found(name: str, status: os.stat_result) -> Found:
    is_folder = stat.S_ISDIR(status.st_mode)
    is_executable = not is_folder and bool(status.st_mode & stat.S_IXUSR)
    return Found(name, is_folder, 0 if is_folder else status.st_size, status.st_mtime_ns, is_executable)


def _is_folder(folder: OpenFolder, name: str) -> bool:
    return stat.S_ISDIR(folder.status(name).st_mode)


def _replace_folder(folder: OpenFolder, name: str, new_folder: OpenFolder, new_name: str) -> None:
    """Where two folders cannot change names in one step, the old one has another name for a moment."""
    aside = f".{token_hex(12)}.replaced"
    new_folder.rename(new_name, new_folder, aside)
    try:
        folder.rename(name, new_folder, new_name)
    except BaseException:
        new_folder.rename(aside, new_folder, new_name)
        raise
    new_folder.remove_tree(aside)


def _absent(error: OSError | ValueError, names: Names) -> Exception:
    if isinstance(error, ValueError) or error.errno in _ABSENT:
        return NoSuchPath(text_of(names))
    return error


def _is_text(name: str) -> bool:
    """Whether the name can be told; others are bytes that no encoding explains."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _measured(folder: OpenFolder, hidden: frozenset[str] = frozenset()) -> Measure:
    size = files = folders = depth = 0
    below: list[str] = []
    for entry in folder.entries():
        if entry.name in hidden:
            continue
        if entry.is_dir(follow_symlinks=False):
            below.append(entry.name)
        elif entry.is_file(follow_symlinks=False):
            files += 1
            size += entry.stat(follow_symlinks=False).st_size
    for name in below:
        with folder.folder((name,)) as inner:
            found = _measured(inner)
        size, files, folders = size + found.size, files + found.files, folders + found.folders + 1
        depth = max(depth, found.depth + 1)
    return Measure(size, files, folders, max(depth, 1 if files else 0))


def _tree(folder: OpenFolder, path: str, size: int) -> Iterator[tuple[str, int | None, bytes]]:
    yield path, None, b""
    prefix = f"{path}/" if path else ""
    entries = sorted(folder.entries(), key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_file(follow_symlinks=False):
            yield prefix + entry.name, entry.stat(follow_symlinks=False).st_size, b""
            yield from _content(folder, entry.name, size)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            with folder.folder((entry.name,)) as inner:
                yield from _tree(inner, prefix + entry.name, size)


def _content(folder: OpenFolder, name: str, size: int) -> Iterator[tuple[str, int | None, bytes]]:
    with open(folder.open_file(name), "rb", buffering=0) as file:
        while data := file.read(size):
            yield "", None, data
