"""What clients of ours ask of the disk: each message type, what is done for it, and how it is answered or refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from esframework import limits
from esframework.errors import MalformedBody
from esframework.interfaces import Handler, IServerContext
from esframework.managers.disk import contracts
from esframework.managers.disk.answers import Complaints, answer_for
from esframework.managers.disk.contracts import DiskEntry, EntryBody
from esframework.managers.disk.downloads import Downloads
from esframework.managers.disk.machine.pages import fitting
from esframework.managers.disk.machine.refusals import Conflict, InvalidPath
from esframework.managers.disk.operations import DiskOperations
from esframework.managers.disk.places import Actor
from esframework.managers.disk.sharing import Sharing
from esframework.managers.disk.uploads import Uploads
from esframework.wire.types import MessageType, RequestFailure

_log = Logger()
_Answer: TypeAlias = Callable[[Actor, int, bytes], Awaitable[bytes]]
_ROW: int = 40
"""Bytes of an entry besides its name."""
_LONGEST_TICKET = 64


class DiskRequests:
    """`handlers` serves our types; `ready(actor)` fires when the shares are known, and whose the
    actor's folder is."""

    def __init__(
        self,
        server: IServerContext,
        operations: DiskOperations,
        sharing: Sharing,
        uploads: Uploads,
        downloads: Downloads,
        ready: Callable[[Actor], Awaitable[None]],
    ) -> None:
        self._server = server
        self._operations = operations
        self._sharing = sharing
        self._uploads = uploads
        self._downloads = downloads
        self._ready = ready
        self._open: Counter[str] = Counter()
        self._unwanted: dict[tuple[str, int], bool] = {}
        self._complaints = Complaints(server.clock)

    def handlers(self) -> dict[int, Handler]:
        """By message type."""
        answers: dict[MessageType, _Answer] = {
            MessageType.DISK_LIST: self._list,
            MessageType.DISK_INFORMATION: self._information,
            MessageType.DISK_MAKE_FOLDER: self._make_folder,
            MessageType.DISK_MOVE: self._move,
            MessageType.DISK_REMOVE: self._remove,
            MessageType.DISK_UPLOAD: self._upload,
            MessageType.DISK_DOWNLOAD: self._download,
            MessageType.DISK_SHARE: self._share,
            MessageType.DISK_UNSHARE: self._unshare,
            MessageType.DISK_SHARES: self._shares,
            MessageType.DISK_QUOTA: self._quota,
        }
        return {
            **{request: self._handler(request, answer) for request, answer in answers.items()},
            MessageType.DISK_CANCEL: self._cancel,
        }

    def logged_off(self, login_id: str) -> None:
        """A device is gone: nobody wants its answers."""
        for key in self._unwanted:
            if key[0] == login_id:
                self._unwanted[key] = True

    # --- from a request to its answer ---------------------------------------------------------------------------------
    def _handler(self, request: MessageType, answer: _Answer) -> Handler:
        def handle(sender: Any, message_id: int, body: bytes) -> None:
            if not sender.is_ours:
                self._server.refuse("own_type_of_foreign_client")
            elif self._open[sender.login_id] >= limits.MAX_DISK_REQUESTS:
                text = f"{limits.MAX_DISK_REQUESTS} requests about the disk are open already; wait for an answer"
                self._refuse(sender, message_id, RequestFailure.BUSY, text)
            else:
                self._open[sender.login_id] += 1
                serving = Deferred.fromCoroutine(self._serve(sender, request, message_id, answer, body))
                serving.addErrback(self._failed, sender, message_id)

        return handle

    async def _serve(self, sender: Any, request: MessageType, message_id: int, answer: _Answer, body: bytes) -> None:
        actor = Actor(str(sender.name), sender.login_id, f"{sender.name.device}#{sender.name}")
        try:
            await self._ready(actor)
            sender.reply(request, await answer(actor, message_id, body), message_id)
        except MalformedBody as error:
            sender.refuse_body(error)
        except Exception as error:
            told = answer_for(error)
            if told is None:
                raise
            if told[0] is RequestFailure.STORE_FAILED:
                self._complaints.add(error)
            self._refuse(sender, message_id, *told)
        finally:
            self._open[sender.login_id] -= 1
            if not self._open[sender.login_id]:
                del self._open[sender.login_id]

    def _refuse(self, sender: Any, message_id: int, reason: RequestFailure, detail: str) -> None:
        self._server.refuse(f"disk_{reason.name.lower()}")
        sender.request_failed(message_id, reason, detail)

    def _failed(self, failure: Any, sender: Any, message_id: int) -> None:
        _log.failure("a request about the disk failed", failure)
        self._refuse(sender, message_id, RequestFailure.STORE_FAILED, "the server failed")

    # --- files and folders --------------------------------------------------------------------------------------------
    async def _list(self, actor: Actor, message_id: int, body: bytes) -> bytes:
        asked = contracts.LIST.decode(body)
        page = await self._operations.page(actor, asked.path, asked.after, asked.limit)
        room = self._server.options.max_message // 2
        number = fitting(page.entries, lambda entry: _ROW + len(entry.name.encode()), room)
        rows = [_row(entry) for entry in page.entries[:number]]
        return contracts.ENTRIES.encode(contracts.EntriesBody(rows, page.has_more or number < len(page.entries)))

    async def _information(self, actor: Actor, message_id: int, body: bytes) -> bytes:
        asked = contracts.INFORMATION.decode(body)
        key = (actor.login_id, message_id)
        if key in self._unwanted:
            raise Conflict(f"request {message_id} is not answered yet; a request must have a number of its own")
        self._unwanted[key] = False
        try:
            found = await self._operations.information(actor, asked.path, asked.checksum, lambda: self._unwanted[key])
        finally:
            del self._unwanted[key]
        return contracts.INFORMATION_ANSWER.encode(
            contracts.InformationAnswerBody(
                checksum=found.checksum,
                entry=_row(found.entry),
                files=found.files,
                folders=found.folders,
                size=found.size,
            )
        )

    async def _make_folder(self, actor: Actor, message_id: int, body: bytes) -> bytes:
        asked = contracts.MAKE_FOLDER.decode(body)
        return contracts.ENTRY.encode(_row(await self._operations.make_folder(actor, asked.path, asked.parents)))

    async def _move(self, actor: Actor, message_id: int, body: bytes) -> bytes:
        asked = contracts.MOVE.decode(body)
        entry = await self._operations.move(actor, asked.source, asked.target, asked.replace)
        return contracts.ENTRY.encode(_row(entry))

    async def _remove(self, actor: Actor, message_id: int, body: bytes) -> bytes:
        asked = contracts.REMOVE.decode(body)
        return contracts.REMOVED.encode(await self._operations.remove(actor, asked.path, asked.recursive))

    async def _quota(self, actor: Actor, message_id: int, body: bytes) -> bytes:
        return contracts.QUOTA.encode(await self._operations.quota(actor, contracts.PATH.decode(body).path))

    def _cancel(self, sender: Any, message_id: int, body: bytes) -> None:
        if not sender.is_ours:
            self._server.refuse("own_type_of_foreign_client")
            return
        key = (sender.login_id, contracts.CANCEL.decode(body).request)
        if key in self._unwanted:
            self._unwanted[key] = True

    # --- transfers ----------------------------------------------------------------------------------------------------
    async def _upload(self, actor: Actor, message_id: int, body: bytes) -> bytes:
        asked = contracts.UPLOAD.decode(body)
        _check_ticket(asked.ticket)
        await self._uploads.agree(actor, asked)
        return b""

    async def _download(self, actor: Actor, message_id: int, body: bytes) -> bytes:
        asked = contracts.DOWNLOAD.decode(body)
        _check_ticket(asked.ticket)
        return contracts.ENTRY.encode(_row(await self._downloads.begin(actor, asked.path, asked.ticket)))

    # --- shares -------------------------------------------------------------------------------------------------------
    async def _share(self, actor: Actor, message_id: int, body: bytes) -> bytes:
        asked = contracts.SHARE.decode(body)
        share = await self._sharing.share(actor, asked.path, asked.users, asked.groups, asked.may_write)
        return contracts.SHARED.encode(share)

    async def _unshare(self, actor: Actor, message_id: int, body: bytes) -> bytes:
        asked = contracts.SHARE.decode(body)
        return contracts.SHARED.encode(await self._sharing.unshare(actor, asked.path, asked.users, asked.groups))

    async def _shares(self, actor: Actor, message_id: int, body: bytes) -> bytes:
        asked = contracts.LIST_SHARES.decode(body)
        return contracts.SHARES.encode(await self._sharing.page(actor, asked.by_me, asked.after, asked.limit))


def _row(entry: DiskEntry) -> EntryBody:
    return EntryBody(
        is_executable=entry.is_executable,
        is_folder=entry.is_folder,
        is_shared=entry.is_shared,
        may_write=entry.may_write,
        modified_at=entry.modified_at,
        name=entry.name,
        size=entry.size,
    )


def _check_ticket(ticket: str) -> None:
    if not 0 < len(ticket) <= _LONGEST_TICKET or not ticket.isascii():
        raise InvalidPath(f"a ticket of {len(ticket)} characters: 1 to {_LONGEST_TICKET} of ASCII are expected")
