"""Files that come in to be kept: whether they may, where they go, and that they are recorded before their senders hear
that they are kept. Knows nothing of handing over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import (
    ComeBackLater,
    FileQuotaExceeded,
    InvalidUserId,
    NotKept,
    StoreError,
    StoreRefusal,
)
from esframework.filesystem.worker import FileWorker
from esframework.interfaces import IServerContext, StoredFile
from esframework.managers.offline_files.blobs import Blobs
from esframework.managers.offline_files.contracts import left_of
from esframework.managers.offline_files.machine import Arrivals
from esframework.managers.offline_files.options import OfflineFilesOptions
from esframework.plugins.hooks import Event
from esframework.plugins.quiet import Quiet
from esframework.wire.identity import check_account_name
from esframework.wire.login_id import Source
from esframework.wire.types import RequestFailure

_log = Logger()

_OFF: Final = "this server keeps no files; send it when its receiver is online"


class Keeping:
    """`now` gives seconds UTC; `kept(file)` and `refused(source, target, reason)` are told what became of each."""

    def __init__(
        self,
        server: IServerContext,
        options: OfflineFilesOptions,
        blobs: Blobs | None,
        now: Callable[[], float],
        kept: Event[StoredFile],
        refused: Event[str, str, RequestFailure],
    ) -> None:
        self.arrivals = Arrivals()
        self._server = server
        self._options = options
        self._blobs = blobs
        self._now = now
        self._kept = kept
        self._refused = refused
        self._worker = FileWorker(server.clock)
        # Another one: deleting a large folder takes its time, and nobody who comes is to wait for it.
        self._removing = FileWorker(server.clock)
        self._quiet = Quiet(server.clock)

    # --- whether ------------------------------------------------------------------------------------------------------
    async def check(self, source: str, target: str) -> None:
        """Whether the source may leave anything for the target. Raises NotKept, with the reason and a text for it."""
        try:
            await self._check(source, target, None)
        except Exception as error:
            raise self._refusal(source, target, error) from error

    async def is_kept(self, target: str, source: str, id: str) -> bool:
        """Whether the source has left a file under this id that is kept for the target."""
        return await self._server.stores.offline_files.find(target, source, id) is not None

    async def _check(self, source: str, target: str, size: int | None, resumed: int = 0) -> None:
        if self._blobs is None:
            raise NotKept(_OFF, RequestFailure.NOT_ALLOWED)
        check_account_name(target)
        if not self._server.router.admits(source, target):
            raise NotKept(f"{target!r} takes nothing from {source!r}", RequestFailure.NOT_ALLOWED)
        if not self._server.permit("leave_file", source, target, lambda: True):
            text = f"{source!r} may not leave files for {target!r}; ask whoever runs the server"
            raise NotKept(text, RequestFailure.NOT_ALLOWED)
        if not await self._server.manager("offline").has_user(target):
            text = f"there is no user {target!r} on this server; look whether the name is right"
            raise NotKept(text, RequestFailure.TARGET_ABSENT)
        usage = await self._server.stores.offline_files.usage(target, source)
        beside = self.arrivals.beside(usage, target, source, resumed)
        self._options.quota.check(target, source, size, beside)

    # --- offers -------------------------------------------------------------------------------------------------------
    def claim(self, offer: Any) -> bool:
        """Whether a transfer that is offered to the server is to be kept for somebody: by its subject, or, of a client
        of another make, by a comment that names a user (manual, technique 02)."""
        left = left_of(offer.subject)
        if left is not None:
            self._start(offer, self._keep(offer, left.id, left.target, offer.comment))
            return True
        if self._blobs is None or offer.subject or not offer.comment or self._is_ours(offer.source):
            return False
        try:
            check_account_name(offer.comment)
        except InvalidUserId:
            return False
        self._start(offer, self._keep_of_another_make(offer))
        return True

    def _is_ours(self, source: Source) -> bool:
        return any(device.is_ours for device in self._server.users.find_all(source.login_id))

    def _start(self, offer: Any, keeping: Any) -> None:
        def failed(failure: Failure) -> None:
            _log.failure("{offer} could not be decided", failure, offer=offer)
            offer.refuse("the server failed")

        Deferred.fromCoroutine(keeping).addErrback(failed)

    async def _keep_of_another_make(self, offer: Any) -> None:
        if await self._server.manager("offline").has_user(offer.comment):
            await self._keep(offer, uuid4().hex, offer.comment, None)
        else:
            # A comment like any other: the application's business.
            self._server.manager("files").pass_on(offer)

    async def _keep(self, offer: Any, id: str, target: str, comment: str | None) -> None:
        source: Source = offer.source
        blob, resumed = self._room_for(offer)
        try:
            _check_texts(offer.name, comment)
            await self._check(source, target, offer.size, resumed)
            self._check_entries(offer.files)
            self.arrivals.add(blob, target, source, offer.size, resumed)
        except Exception as error:
            offer.refuse(str(self._refusal(source, target, error)))
            return
        arrival = _Arrival(blob, resumed, self._stored(offer, id, target, comment, blob))
        try:
            if await self.is_kept(target, source, id):
                raise NotKept(f"it is kept for {target!r} already", RequestFailure.CONFLICT)
            needed = self.arrivals.bytes - resumed
            await self._worker.run(lambda: self._made(blob, needed))
        except Exception as error:
            offer.refuse(str(self._refusal(source, target, error)))
        else:
            place = self._known_blobs.place(blob)
            offer.accept(
                place,
                sync=True,
                before_kept=lambda path: self._record(arrival, path),
                most_entries=self._options.entries or None,
            )
        offer.transfer.done().addCallbacks(self._arrived, self._broken, (arrival,), None, (arrival, offer.transfer))

    def _check_entries(self, files: int) -> None:
        most = self._options.entries
        if most and files > most:
            text = f"{files} files; at most {most} files and folders may be in one"
            raise NotKept(text, RequestFailure.QUOTA_EXCEEDED)

    @property
    def _known_blobs(self) -> Blobs:
        assert self._blobs is not None
        return self._blobs

    def _made(self, blob: str, needed: int) -> None:
        """In a thread: a folder for it, where the disk has room for all that is coming. Raises OSError, NotKept."""
        self._known_blobs.make(blob)
        if needed > self._known_blobs.free:
            raise NotKept("the server's disk has no room for it; try again later", RequestFailure.QUOTA_EXCEEDED)

    def _room_for(self, offer: Any) -> tuple[str, int]:
        """Where it goes, and bytes that are there already: of a broken transfer of the same, if there was one."""
        left = offer.resumable
        blob = None if left is None or self._blobs is None else self._blobs.blob_of(left.destination)
        if blob is None or blob in self.arrivals:
            return uuid4().hex, 0
        return blob, left.position.received

    def _stored(self, offer: Any, id: str, target: str, comment: str | None, blob: str) -> StoredFile:
        return StoredFile(
            id=id,
            target=target,
            source=str(offer.source),
            source_device=offer.source.device,
            name=offer.name,
            is_folder=offer.is_folder,
            size=offer.size,
            files=offer.files,
            modified_at=offer.modified_at,
            comment=comment,
            blob=blob,
            received_at=0.0,
            expires_at=0.0,
        )

    # --- what comes of it ---------------------------------------------------------------------------------------------
    async def _record(self, arrival: _Arrival, path: Path) -> None:
        """All of it is on the disk; its sender hears so when this is written down. Raises NotKept, which interrupts."""
        told = self._options.dated(arrival.file, self._now())
        try:
            kept = await self._server.stores.offline_files.add(told, self._options.quota)
        except Exception as error:
            arrival.is_lost = True
            raise self._refusal(told.source, told.target, error) from error
        if kept.blob != told.blob:
            arrival.is_lost = True
            raise NotKept(f"it is kept for {told.target!r} already", RequestFailure.CONFLICT)
        arrival.kept = kept
        if arrival.is_broken:
            await self._take_back(kept)

    async def _take_back(self, kept: StoredFile) -> None:
        """Its sender has withdrawn it at the last moment, or was told that it broke off."""
        await self._server.stores.offline_files.remove(kept.target, [kept.number])
        await self._removing.run(lambda: self._known_blobs.remove(kept.blob))

    def _arrived(self, _: Any, arrival: _Arrival) -> None:
        self.arrivals.remove(arrival.blob)
        if arrival.kept is not None:
            self._kept.fire(arrival.kept)

    def _broken(self, _: Failure, arrival: _Arrival, transfer: Any) -> None:
        """What came stays for the sender to go on with, if anything did; what is whole and not wanted goes."""
        arrival.is_broken = True
        self.arrivals.remove(arrival.blob, 0 if arrival.is_lost else max(transfer.transferred, arrival.resumed))
        blobs, blob = self._known_blobs, arrival.blob
        if arrival.kept is not None:
            removing = Deferred.fromCoroutine(self._take_back(arrival.kept))
        elif arrival.is_lost:
            removing = self._removing.run(lambda: blobs.remove(blob))
        else:
            removing = self._removing.run(lambda: blobs.remove_if_empty(blob))
        # The next look for contents that belong to nothing finds what stays.
        removing.addErrback(lambda failure: _log.failure("what broke off could not be removed", failure))

    # --- refusals -----------------------------------------------------------------------------------------------------
    def _refusal(self, source: str | None, target: str, error: Exception) -> NotKept:
        """What the sender may read of it, counted and told."""
        reason, text = self._explain(error)
        self._server.refuse(f"offline_file_{reason.name.lower()}")
        self._refused.fire(str(source), target, reason)
        return NotKept(text, reason)

    def _explain(self, error: Exception) -> tuple[RequestFailure, str]:
        match error:
            case NotKept():
                return RequestFailure(error.reason), str(error)
            case FileQuotaExceeded():
                return RequestFailure.QUOTA_EXCEEDED, str(error)
            case ComeBackLater():
                return RequestFailure.BUSY, str(error)
            case StoreRefusal() | InvalidUserId():
                return RequestFailure.INVALID, str(error)
        if self._quiet.admits(type(error).__name__) is not None:
            if isinstance(error, (StoreError, OSError)):
                _log.error("a file for somebody absent is not kept: {error}", error=str(error))
            else:
                _log.failure("a file for somebody absent is not kept")
        return RequestFailure.STORE_FAILED, "the server could not write it down; try again later"


def _check_texts(name: str, comment: str | None) -> None:
    """Before all of it has come: whether stores can keep these. Raises NotKept."""
    if len(name.encode()) > limits.MAX_SHORT_TEXT or "\0" in name + (comment or ""):
        text = f"a name of at most {limits.MAX_SHORT_TEXT} bytes and a comment, both without NUL, are expected"
        raise NotKept(text, RequestFailure.INVALID)


class _Arrival:
    """One that is coming: its blob, in which so many bytes are already, what will be recorded, and what is.

    It `is_lost` when it is whole and cannot be kept, and `is_broken` when its transfer was interrupted.
    """

    __slots__ = ("blob", "resumed", "file", "kept", "is_lost", "is_broken")

    def __init__(self, blob: str, resumed: int, file: StoredFile) -> None:
        self.blob = blob
        self.resumed = resumed
        self.file = file
        self.kept: StoredFile | None = None
        self.is_lost = False
        self.is_broken = False
