"""Trees of files for tests: made from a dictionary, and what a receiver would have after reading items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from esframework.filesystem.digests import TreeDigest
from esframework.filesystem.items import FileItem, FolderItem, Item
from esframework.filesystem.reading import TreeReader

Tree: TypeAlias = "Mapping[str, Tree | bytes]"


def make(folder: Path, tree: Tree) -> Path:
    """A folder with what the dictionary says: bytes are files, dictionaries are folders."""
    folder.mkdir()
    for name, inside in tree.items():
        if isinstance(inside, bytes):
            (folder / name).write_bytes(inside)
        else:
            make(folder / name, inside)
    return folder


def read_all(reader: TreeReader, budget: int = 1 << 20) -> list[Item]:
    """Everything that is left, with adjoining pieces joined."""
    joined: list[Item] = []
    while items := reader.read(budget):
        for item in items:
            if isinstance(item, bytes) and joined and isinstance(joined[-1], bytes):
                joined[-1] += item
            else:
                joined.append(item)
    return joined


def read_tree(path: Path, **options: bool) -> list[Item]:
    """Everything in a file or folder."""
    reader = TreeReader(path, **options)
    reader.survey()
    reader.start(None)
    items = read_all(reader)
    reader.close()
    return items


def paths(items: Iterable[Item]) -> list[str]:
    """Paths in their order; those of folders end with `/`."""
    found = []
    for item in items:
        if isinstance(item, FolderItem):
            found.append(item.path + "/")
        elif isinstance(item, FileItem):
            found.append(item.path)
    return found


def digest_of(items: Iterable[Item], algorithm: str) -> bytes:
    """Of items, computed by itself."""
    digest = TreeDigest(algorithm)
    for item in items:
        if isinstance(item, FolderItem):
            digest.folder(item.path)
        elif isinstance(item, FileItem):
            digest.file(item.path, item.size)
        else:
            digest.content(item)
    return digest.digest()
