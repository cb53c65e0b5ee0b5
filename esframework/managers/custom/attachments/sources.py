"""Where an attachment's bytes come from: a file by its path, an open file, bytes, or an iterable of pieces. Knows no
receiver and no wire.

Files are read in threads, a slice at a time, so that a slow disk holds up nobody else.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from io import SEEK_END, SEEK_SET
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import EncodeError
from esframework.filesystem.worker import FileWorker
from esframework.managers.custom.attachments.contracts import UNKNOWN_SIZE

_log = Logger()


class Source(Protocol):
    """What sending needs. `size` is known after `open`, or `UNKNOWN_SIZE`."""

    size: int

    async def open(self) -> None:
        """Make ready; raises what the file system says."""

    async def read(self) -> memoryview:
        """The next bytes, empty at the end."""

    def close(self) -> None:
        """Nothing more is read; calling it again is harmless."""


def source_of(attachment: Any, reactor: Any) -> Source:
    """The source for what an application gave; raises EncodeError for what is none."""
    if isinstance(attachment, (str, os.PathLike)):
        return FileSource(reactor, lambda: open(attachment, "rb"), closes=True)
    if isinstance(attachment, (bytes, bytearray, memoryview)):
        return BytesSource(attachment)
    if hasattr(attachment, "read"):
        return FileSource(reactor, lambda: attachment, closes=False)
    if hasattr(attachment, "__aiter__"):
        return AsyncSource(attachment)
    if hasattr(attachment, "__iter__"):
        return IterableSource(attachment)
    raise EncodeError(
        f"attachment is {type(attachment).__name__}; a path, a binary file, bytes, or an iterable of bytes expected"
    )


def check_piece(piece: object) -> memoryview:
    """What an iterable or a file gave; raises EncodeError unless it is bytes."""
    if not isinstance(piece, (bytes, bytearray, memoryview)):
        raise EncodeError(f"the attachment gave {type(piece).__name__}; bytes expected")
    return memoryview(piece).cast("B")


class BytesSource:
    """Bytes that are there already."""

    def __init__(self, content: bytes | bytearray | memoryview) -> None:
        self._rest = memoryview(content).cast("B")
        self.size = len(self._rest)

    async def open(self) -> None:
        """Nothing to do."""

    async def read(self) -> memoryview:
        rest, self._rest = self._rest, memoryview(b"")
        return rest

    def close(self) -> None:
        self._rest = memoryview(b"")


class FileSource:
    """A binary file. One that the application opened is read from where it stands, and stays open."""

    def __init__(self, reactor: Any, get: Callable[[], Any], *, closes: bool) -> None:
        self._worker = FileWorker(reactor)
        self._get = get
        self._closes = closes
        self._file: Any = None
        self.size = UNKNOWN_SIZE

    async def open(self) -> None:
        await self._worker.run(self._open)

    async def read(self) -> memoryview:
        return check_piece(await self._worker.run(lambda: self._file.read(limits.ATTACHMENT_SLICE)))

    def close(self) -> None:
        if self._closes:
            self._worker.run(self._close).addErrback(_not_closed)

    def _open(self) -> None:
        self._file = self._get()
        try:
            here = self._file.tell()
            self.size = self._file.seek(0, SEEK_END) - here
            self._file.seek(here, SEEK_SET)
        except (AttributeError, OSError):
            # A pipe, say: where it ends is known when it has ended.
            self.size = UNKNOWN_SIZE

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()


class IterableSource:
    """An iterable of bytes, asked in the reactor when there is room for more; small pieces are gathered."""

    size = UNKNOWN_SIZE

    def __init__(self, pieces: Any) -> None:
        self._pieces = pieces
        self._iterator: Iterator[Any] = iter(())

    async def open(self) -> None:
        self._iterator = iter(self._pieces)

    async def read(self) -> memoryview:
        gathered: list[memoryview] = []
        size = 0
        for piece in self._iterator:
            checked = check_piece(piece)
            gathered.append(checked)
            size += len(checked)
            if size >= limits.ATTACHMENT_PIECE:
                break
        return gathered[0] if len(gathered) == 1 else memoryview(b"".join(gathered))

    def close(self) -> None:
        # A generator's `finally` runs now and not when somebody collects garbage.
        iterator, self._iterator = self._iterator, iter(())
        if isinstance(iterator, Generator):
            iterator.close()


class AsyncSource:
    """An asynchronous iterable of bytes."""

    size = UNKNOWN_SIZE

    def __init__(self, pieces: Any) -> None:
        self._pieces = pieces
        self._iterator: AsyncIterator[Any] | None = None

    async def open(self) -> None:
        self._iterator = aiter(self._pieces)

    async def read(self) -> memoryview:
        assert self._iterator is not None
        async for piece in self._iterator:
            if checked := check_piece(piece):
                return checked
        return memoryview(b"")

    def close(self) -> None:
        iterator, self._iterator = self._iterator, None
        if hasattr(iterator, "aclose"):
            Deferred.fromCoroutine(_ended(iterator)).addErrback(_not_closed)


async def _ended(generator: Any) -> None:
    await generator.aclose()


def _not_closed(failure: Failure) -> None:
    _log.failure("an attachment's source could not be closed", failure)
