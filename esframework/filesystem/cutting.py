"""Cutting what is half received back to a position that was noted, and the digest of all up to it, in one walk.

Data may be ahead of its note, when a program was killed: what is behind the position goes. It is never behind it; then,
or when anything else is not as it was left, nobody can go on. Knows no journal and no sender.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from esframework import limits
from esframework.filesystem.beneath import OpenFolder
from esframework.filesystem.digests import TreeDigest
from esframework.filesystem.items import FileItem, Position


class CannotGoOn(Exception):
    """What is there is not what was left; says what is different."""


class Cutting:
    """One look at a part. `file` is the file that began last, where its end is missing.

    Its methods raise CannotGoOn, and OSError. Afterwards `received` bytes are there, in `entries` files and folders.
    """

    def __init__(
        self,
        position: Position,
        file: FileItem | None,
        algorithm: str | None,
        cancelled: Callable[[], bool],
    ) -> None:
        self.digest = TreeDigest(algorithm) if algorithm is not None else None
        self.received = 0
        self.entries = 0
        self._position = position
        self._file = file
        self._cancelled = cancelled

    def cut_file(self, descriptor: int, path: str, size: int) -> None:
        """A file in which the position is: it has `size` bytes when it is whole."""
        offset = self._position.offset
        found = os.fstat(descriptor)
        if found.st_nlink > 1:
            raise CannotGoOn(f"{path!r} has a second name now")
        if found.st_size < offset:
            raise CannotGoOn(f"{path!r} has {found.st_size} bytes; {offset} were noted")
        if found.st_size > offset:
            os.ftruncate(descriptor, offset)
        self._read(descriptor, path, size, offset)

    def cut_folder(self, root: OpenFolder, target: tuple[str, ...]) -> None:
        """A folder in which the position is: the names of the file that began last."""
        self._visit(root, (), target)
        if self.received != self._position.received:
            raise CannotGoOn(f"{self.received} bytes are there; {self._position.received} were noted")

    def count_folder(self, root: OpenFolder) -> None:
        """A folder whose order nobody knows: nothing of it may be behind the position, and nothing is digested."""
        self._count(root)
        if self.received != self._position.received:
            raise CannotGoOn(f"{self.received} bytes are there; {self._position.received} were noted")

    # --- within -------------------------------------------------------------------------------------------------------
    def _visit(self, folder: OpenFolder, path: tuple[str, ...], target: tuple[str, ...] | None) -> None:
        """A folder and all in it, up to the file to which the names of `target` lead from it; None: all of it."""
        _check_depth(len(path))
        self.entries += 1
        if self.digest is not None:
            self.digest.folder("/".join(path))
        files, folders = _sorted_entries(folder)
        last_file = target[0] if target is not None and len(target) == 1 else None
        last_folder = target[0] if target is not None and len(target) > 1 else None
        if target is not None and target[0] not in (files if last_file is not None else folders):
            raise CannotGoOn(f"{'/'.join(path + target)!r} is not there")
        for name in files:
            if last_file is not None and name > last_file:
                folder.remove(name)
            else:
                self._include(folder, path, name, name == last_file)
        for name in folders:
            if last_file is not None or (last_folder is not None and name > last_folder):
                folder.remove_tree(name)
            else:
                with folder.folder([name]) as below:
                    rest = target[1:] if target is not None and name == last_folder else None
                    self._visit(below, (*path, name), rest)

    def _include(self, folder: OpenFolder, path: tuple[str, ...], name: str, is_last: bool) -> None:
        spelled = "/".join((*path, name))
        self.entries += 1
        is_cut = is_last and self._file is not None
        if self.digest is None and not is_cut:
            self.received += folder.status(name).st_size
            return
        descriptor = folder.open_file(name, os.O_RDWR if is_cut else os.O_RDONLY)
        try:
            if is_cut and self._file is not None:
                self.cut_file(descriptor, spelled, self._file.size)
            else:
                size = os.fstat(descriptor).st_size
                self._read(descriptor, spelled, size, size)
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int, path: str, size: int, length: int) -> None:
        self.received += length
        if self.digest is None:
            return
        self.digest.file(path, size)
        left = length
        os.lseek(descriptor, 0, os.SEEK_SET)
        while left:
            if self._cancelled():
                raise CannotGoOn("it was cancelled")
            data = os.read(descriptor, min(limits.VERIFYING_SLICE, left))
            if not data:
                raise CannotGoOn(f"{path!r} has become shorter")
            self.digest.content(data)
            left -= len(data)

    def _count(self, folder: OpenFolder, depth: int = 0) -> None:
        _check_depth(depth)
        files, folders = _sorted_entries(folder)
        self.entries += len(files) + len(folders)
        self.received += sum(folder.status(name).st_size for name in files)
        for name in folders:
            with folder.folder([name]) as below:
                self._count(below, depth + 1)


def _check_depth(depth: int) -> None:
    if depth > limits.MAX_PATH_DEPTH:
        raise CannotGoOn("somebody has made deeper folders in it than we do")


def _sorted_entries(folder: OpenFolder) -> tuple[list[str], list[str]]:
    """Its files and its folders; raises CannotGoOn where there is anything else, which we have not made."""
    files, folders = [], []
    for entry in folder.entries():
        if entry.is_file(follow_symlinks=False):
            files.append(entry.name)
        elif entry.is_dir(follow_symlinks=False):
            folders.append(entry.name)
        else:
            raise CannotGoOn(f"{entry.name!r} in {folder.path} is no file and no folder")
    return sorted(files), sorted(folders)
