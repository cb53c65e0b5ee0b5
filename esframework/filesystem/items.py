"""What a tree of files is, one item after another. A single file is a tree of one file, whose path is empty.

The order is the same everywhere: a folder, then its files by the code points of their names, then its folders, each
with all that is in it. Paths are relative, with `/` between names, as the sending system spells them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class FolderItem:
    """A folder begins; the empty path is the root."""

    path: str


@dataclass(frozen=True, slots=True)
class FileItem:
    """A file begins; its `size` bytes come next. `modified_at` in nanoseconds UTC, 0 when nobody knows."""

    path: str
    size: int
    modified_at: int = 0
    is_executable: bool = False


Item: TypeAlias = "FolderItem | FileItem | bytes | memoryview"
"""Bytes are content of the file that began last."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far somebody is in a tree: bytes of content in all, the file that began last, and how many of them are in it.

    The beginning is `Position()`.
    """

    received: int = 0
    path: str = ""
    offset: int = 0
