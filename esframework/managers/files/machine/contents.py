"""In which order the packages of a tree may come, and how much of each file: what no honest sender sends is refused
before anything of it reaches a disk."""

from __future__ import annotations

from esframework import limits
from esframework.managers.files.machine.states import Broken


class Contents:
    """What has come of a tree; `position_left` bytes of the file under way are missing when it is gone on with."""

    def __init__(self, is_folder: bool, size: int, left: int | None = None) -> None:
        self._is_folder = is_folder
        self._left = left if left is not None else (0 if is_folder else size)
        self._entries = 0

    @property
    def is_between_files(self) -> bool:
        """Whether the file that began last is whole."""
        return self._left == 0

    def folder(self) -> None:
        """A folder begins."""
        self._entry("a folder")

    def file(self, size: int) -> None:
        """A file begins."""
        self._entry("a file")
        self._left = size

    def content(self, length: int) -> None:
        """Bytes of the file that began last."""
        if length > self._left:
            raise Broken(f"{length} bytes came for a file of which {self._left} are missing")
        self._left -= length

    def end(self) -> None:
        """That was all."""
        if self._left:
            raise Broken(f"the end came where {self._left} bytes of a file are missing")

    def _entry(self, what: str) -> None:
        if not self._is_folder:
            raise Broken(f"{what} came within a single file")
        if self._left:
            raise Broken(f"{what} came where {self._left} bytes of the file before it are missing")
        self._entries += 1
        if self._entries > limits.MAX_ENTRIES_OF_A_TREE:
            raise Broken(f"more than {limits.MAX_ENTRIES_OF_A_TREE} files and folders came")
