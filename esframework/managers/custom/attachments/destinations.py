"""Where an attachment's bytes go: a new file, an open file, or a consumer of the application's. Knows no sender and no
wire.

A path comes from the application alone: what a sender calls its attachment is a text to show, and a text is a refusal.
"""

from __future__ import annotations

import os
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.filesystem.worker import FileWorker
from esframework.plugins.models import as_deferred

_log = Logger()
_DESCRIPTORS: Final = "/proc/self/fd"
_PIECES_TO_THREAD: Final = limits.ATTACHMENT_SLICE // limits.ATTACHMENT_PIECE


class Destination(Protocol):
    """What receiving needs; every method may raise what the file system or the application says.

    `appetite` is how many pieces it takes at a time: more for a file, since each time is a hop into a thread.
    """

    appetite: int

    async def open(self) -> None:
        """Make ready."""

    async def write(self, pieces: list[bytes]) -> None:
        """Take the next bytes; returns when there is room for more."""

    async def finish(self) -> None:
        """That was all: keep it."""

    def fail(self, error: Exception) -> None:
        """It will never be whole: leave nothing behind."""


def destination_of(where: Any, reactor: Any) -> Destination:
    """The destination for what the application answered; raises TypeError for what is none."""
    if isinstance(where, os.PathLike):
        return NewFile(Path(os.fsdecode(where)), reactor)
    if hasattr(where, "write") and hasattr(where, "finish"):
        return Consumer(where)
    if hasattr(where, "write"):
        return OpenFile(where, reactor)
    raise TypeError(
        f"attachment_offered returned {type(where).__name__}; a pathlib.Path, a binary file, a consumer with write, "
        "finish and fail, None, or a str that refuses was expected"
    )


class NewFile:
    """A file that appears when it is whole, under its name, in place of what had that name before.

    Where the file system can do it, it has no name at all before: then nothing is left even when this process is
    killed. Elsewhere it begins with a dot and ends in `.part`.
    """

    appetite = _PIECES_TO_THREAD

    def __init__(self, path: Path, reactor: Any) -> None:
        self._path = path
        self._part = path.with_name(f".{token_hex(12)}.part")
        self._worker = FileWorker(reactor)
        self._file: Any = None
        self._has_name = False

    async def open(self) -> None:
        await self._worker.run(self._open)

    async def write(self, pieces: list[bytes]) -> None:
        await self._worker.run(lambda: self._file.writelines(pieces))

    async def finish(self) -> None:
        await self._worker.run(self._keep)

    def fail(self, error: Exception) -> None:
        self._worker.run(self._remove).addErrback(self._not_removed)

    def _open(self) -> None:
        self._file = _nameless_file(self._path.parent)
        if self._file is None:
            self._file = open(self._part, "xb")
            self._has_name = True

    def _keep(self) -> None:
        # On disk before it gets its name: after a power cut there is the whole file or none.
        self._file.flush()
        descriptor = self._file.fileno()
        os.fsync(descriptor)
        if not self._has_name:
            # A given folder, though unused, makes Python call what follows the link; and only a rename replaces.
            os.link(f"{_DESCRIPTORS}/{descriptor}", self._part, src_dir_fd=descriptor)
            self._has_name = True
        self._file.close()
        os.replace(self._part, self._path)

    def _remove(self) -> None:
        if self._has_name:
            self._part.unlink(missing_ok=True)
        if self._file is not None:
            self._file.close()

    def _not_removed(self, failure: Failure) -> None:
        _log.failure("{path}, part of an attachment that failed, could not be removed", failure, path=self._part)


def _nameless_file(folder: Path) -> Any:
    """A file in a folder that has no name there yet; None where the system or the file system knows no such thing."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not os.path.isdir(_DESCRIPTORS):
        return None
    try:
        return os.fdopen(os.open(folder, flag | os.O_WRONLY, 0o666), "wb")
    except OSError:
        # What else may be wrong with the folder is said when a file with a name is opened there.
        return None


class OpenFile:
    """A binary file that the application opened, and closes; what was written to it before a failure stays."""

    appetite = _PIECES_TO_THREAD

    def __init__(self, file: Any, reactor: Any) -> None:
        self._file = file
        self._worker = FileWorker(reactor)

    async def open(self) -> None:
        """It is open."""

    async def write(self, pieces: list[bytes]) -> None:
        await self._worker.run(lambda: self._write(pieces))

    async def finish(self) -> None:
        await self._worker.run(self._flush)

    def fail(self, error: Exception) -> None:
        """The application is told by the event."""

    def _write(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                # Unbuffered files may take a part only.
                rest = rest[self._file.write(rest) :]

    def _flush(self) -> None:
        if hasattr(self._file, "flush"):
            self._file.flush()


class Consumer:
    """An `IAttachmentConsumer`, called in the reactor's thread."""

    appetite = 1

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    async def open(self) -> None:
        """Whoever returned it has made it ready."""

    async def write(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            await _done(self._consumer.write(piece))

    async def finish(self) -> None:
        await _done(self._consumer.finish())

    def fail(self, error: Exception) -> None:
        try:
            told = as_deferred(self._consumer.fail(error))
            if told is not None:
                told.addErrback(_not_told)
        except Exception:
            _not_told(Failure())


async def _done(result: Any) -> None:
    waiting: Deferred[Any] | None = as_deferred(result)
    if waiting is not None:
        await waiting


def _not_told(failure: Failure) -> None:
    _log.failure("an attachment's consumer failed when it heard of a failure", failure)
