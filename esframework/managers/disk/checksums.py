"""Checksums of files and folders: in threads, a slice at a time, a few at once, and given up when nobody wants them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.defer import DeferredSemaphore

from esframework.filesystem.digests import TreeDigest, algorithms, plain_digest
from esframework.managers.disk.machine.refusals import InvalidPath, NotAllowed
from esframework.managers.disk.storage import Names, Storage
from esframework.managers.disk.trees import Tree

SLICE: Final = 32 * 1024 * 1024
"""Bytes between two looks whether anybody still wants it: a twentieth of a second."""

_AT_A_TIME: Final = 2
"""Everybody's together: each has a thread and a disk's whole attention."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """What was found while reading everything."""

    digest: bytes
    size: int
    files: int
    folders: int


class Checksums:
    """Those of one server."""

    def __init__(self) -> None:
        self._turn = DeferredSemaphore(_AT_A_TIME)

    async def of(
        self, tree: Tree, names: Names, is_folder: bool, algorithm: str, cancelled: Callable[[], bool]
    ) -> Checksum:
        """The checksum of a file or folder. Raises `InvalidPath` for an algorithm that is not known here."""
        if algorithm not in algorithms():
            raise InvalidPath(f"checksum {algorithm!r} is not known here; there are {', '.join(algorithms())}")
        await self._turn.acquire()
        reading = _Reading(tree.storage, names, is_folder, algorithm)
        try:
            while True:
                if cancelled():
                    raise NotAllowed("the checksum was given up, as asked")
                found = await tree.look(reading.step)
                if found is not None:
                    return found
        finally:
            self._turn.release()
            await tree.look(reading.close)


class _Reading:
    """One checksum on its way; in threads."""

    def __init__(self, storage: Storage, names: Names, is_folder: bool, algorithm: str) -> None:
        self._slices = storage.slices(names, SLICE // 8)
        self._tree = TreeDigest(algorithm) if is_folder else None
        self._plain: Any = None if is_folder else plain_digest(algorithm)
        self._size = self._files = self._folders = 0

    def step(self) -> Checksum | None:
        """Read on for a slice; the checksum at the end."""
        left = SLICE
        for path, size, data in self._slices:
            self._take(path, size, data)
            # Opening a file takes as long as reading some of it.
            left -= max(len(data), SLICE // 1000)
            if left <= 0:
                return None
        digest = self._plain.digest() if self._tree is None else self._tree.digest()
        return Checksum(bytes(digest), self._size, self._files, self._folders)

    def close(self) -> None:
        """Close what is open; harmless at the end."""
        self._slices.close()

    def _take(self, path: str, size: int | None, data: bytes) -> None:
        if data:
            self._size += len(data)
            (self._plain.update if self._tree is None else self._tree.content)(data)
        elif size is not None:
            self._files += 1
            if self._tree is not None:
                self._tree.file(path, size)
        else:
            self._folders += 1
            if self._tree is not None:
                self._tree.folder(path)
