"""What tests of receiving share: a sender's tree as items, a writer for it, and how a folder looks."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from esframework.filesystem.items import FileItem, FolderItem, Item
from esframework.filesystem.partials import Identity, Partial, Partials
from esframework.filesystem.writing import TreeWriter

MODIFIED = 1_700_000_000_123_456_789
TREE: list[Item] = [
    FolderItem(""),
    FileItem("a", 3, MODIFIED, True),
    b"aaa",
    FileItem("empty", 0, MODIFIED),
    FolderItem("folder"),
    FileItem("folder/b", 6, MODIFIED),
    b"bbb",
    b"BBB",
    FolderItem("folder/deep"),
    FileItem("folder/deep/c", 1, MODIFIED),
    b"c",
    FolderItem("hollow"),
]
TREE_SIZE = 10
FILES = {"a": b"aaa", "empty": b"", "folder/b": b"bbbBBB", "folder/deep/c": b"c", "hollow": None}


def identity_of(size: int, *, is_folder: bool = False, sender: str = "alice", origin: str = "o") -> Identity:
    return Identity(sender, origin, size, MODIFIED, is_folder)


@dataclass
class Receiver:
    """A folder into which things are received, and the registry of what is half in. `time` is what its clock says."""

    folder: Path
    state: Path | None
    time: float = 1000.0
    partials: Partials = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.restart()

    def restart(self) -> None:
        """As another process would see it."""
        self.partials = Partials(self.state, lambda: self.time)

    def writer(
        self,
        size: int = 10,
        *,
        is_folder: bool = False,
        name: str = "target",
        lifetime: float = 100.0,
        identity: Identity | None = None,
        **options: Any,
    ) -> TreeWriter:
        identity = identity or identity_of(size, is_folder=is_folder)
        return TreeWriter(self.partials, identity, self.folder / name, name=name, lifetime=lifetime, **options)

    def tree_writer(self, **options: Any) -> TreeWriter:
        return self.writer(TREE_SIZE, is_folder=True, **options)

    def only(self) -> Partial:
        """The only partial there is."""
        [partial] = self.partials.all()
        return partial

    def content(self) -> list[str]:
        return sorted(os.listdir(self.folder))

    def state_files(self) -> list[str]:
        return [] if self.state is None or not self.state.exists() else sorted(os.listdir(self.state))

    def is_clean(self, *expected: str) -> bool:
        """Nothing but this is there, and nothing is noted."""
        return self.content() == sorted(expected) and self.state_files() == [] and self.partials.all() == []


def not_cancelled() -> bool:
    return False


def look(root: Path) -> dict[str, bytes | None]:
    """What is in a folder: contents of files, None for folders that are empty."""
    found: dict[str, bytes | None] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            found[path.relative_to(root).as_posix()] = path.read_bytes()
        elif not any(path.iterdir()):
            found[path.relative_to(root).as_posix()] = None
    return found


def size_of(items: Iterable[Item]) -> int:
    return sum(len(item) for item in items if isinstance(item, (bytes, memoryview)))
