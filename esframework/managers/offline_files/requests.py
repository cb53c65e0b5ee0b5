"""What clients of ours ask about files that are kept, and the answers. Knows neither contents nor transfers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import ComeBackLater, NotKept
from esframework.interfaces import IServerContext, StoredFile
from esframework.managers.offline_files.contracts import (
    DISCARD,
    DISCARDED,
    FILE_KEY,
    KEPT_FILES,
    LEAVE,
    LEAVE_ANSWER,
    LIST,
    NO_DEVICE,
    READY,
    DiscardBody,
    DiscardedBody,
    FileKeyBody,
    FileOutcome,
    KeptFileBody,
    KeptFilesBody,
    LeaveAnswerBody,
    LeaveBody,
    ListBody,
    ReadyBody,
    is_id,
)
from esframework.managers.offline_files.handing import Handing
from esframework.managers.offline_files.keeping import Keeping
from esframework.plugins.quiet import Quiet
from esframework.wire.compact import Codec
from esframework.wire.types import MessageType, RequestFailure

_log = Logger()

_LONGEST_ENTRY = 8 * 1024
"""Bytes of a file in a list: comment, name, id and two names at their longest."""

Answer = Callable[[Any, int, Any], Coroutine[Any, Any, None]]


class Requests:
    """Answers 1090 to 1095. `handing` is None where nothing is kept."""

    def __init__(self, server: IServerContext, keeping: Keeping, handing: Handing | None) -> None:
        self._server = server
        self._keeping = keeping
        self._handing = handing
        self._quiet = Quiet(server.clock)

    def handlers(self) -> dict[int, Callable[[Any, int, bytes], None]]:
        """Message type to method, for the registrations."""
        answers: dict[int, tuple[Codec[Any], Answer]] = {
            MessageType.LEAVE_OFFLINE_FILE: (LEAVE, self._leave),
            MessageType.OFFLINE_FILES_READY: (READY, self._ready),
            MessageType.LIST_OFFLINE_FILES: (LIST, self._list),
            MessageType.DISCARD_OFFLINE_FILES: (DISCARD, self._discard),
            MessageType.OFFLINE_FILE_REFUSED: (FILE_KEY, self._refuse),
        }
        return {number: self._handler(*each) for number, each in answers.items()}

    def _handler(self, body_codec: Codec[Any], answer: Answer) -> Callable[[Any, int, bytes], None]:
        def handle(sender: Any, message_id: int, body: bytes) -> None:
            if not sender.is_ours:
                self._server.refuse("unknown_type")
                return
            request = body_codec.decode(body)
            answering = Deferred.fromCoroutine(answer(sender, message_id, request))
            answering.addErrback(self._failed, sender, message_id)

        return handle

    @property
    def _hand_overs(self) -> Handing:
        if self._handing is None:
            text = "this server keeps no files; send it when its receiver is online"
            raise NotKept(text, RequestFailure.NOT_ALLOWED)
        return self._handing

    def _failed(self, failure: Failure, sender: Any, message_id: int) -> None:
        error = failure.value
        if isinstance(error, NotKept):
            sender.request_failed(message_id, RequestFailure(error.reason), str(error))
        elif isinstance(error, ComeBackLater):
            sender.request_failed(message_id, RequestFailure.BUSY, str(error))
        else:
            if self._quiet.admits(type(error).__name__) is not None:
                _log.error("the store of offline files failed: {error}", error=failure.getErrorMessage())
            text = "the server's store failed; try again later"
            sender.request_failed(message_id, RequestFailure.STORE_FAILED, text)

    # --- the answers --------------------------------------------------------------------------------------------------
    async def _leave(self, sender: Any, message_id: int, request: LeaveBody) -> None:
        if not is_id(request.id):
            text = "the id of an offline file is 1 to 128 letters, digits, dots, dashes or underscores"
            raise NotKept(text, RequestFailure.INVALID)
        await self._keeping.check(str(sender.name), request.target)
        is_kept = await self._keeping.is_kept(request.target, str(sender.name), request.id)
        sender.reply(MessageType.LEAVE_OFFLINE_FILE, LEAVE_ANSWER.encode(LeaveAnswerBody(is_kept)), message_id)

    async def _ready(self, sender: Any, message_id: int, request: ReadyBody) -> None:
        handing = self._hand_overs
        if len(request.received) > limits.OFFLINE_FILES_REMEMBERED:
            text = f"{len(request.received)} files received; at most {limits.OFFLINE_FILES_REMEMBERED} at once"
            raise NotKept(text, RequestFailure.INVALID)
        # First what is there already: else it would be offered again.
        await handing.settle(str(sender.name), request.received, FileOutcome.RECEIVED)
        sender.reply(MessageType.OFFLINE_FILES_READY, b"", message_id)
        if sender in self._server.users.find_all(sender.login_id):
            handing.ready(sender)

    async def _refuse(self, sender: Any, message_id: int, request: FileKeyBody) -> None:
        await self._hand_overs.settle(str(sender.name), [request], FileOutcome.REFUSED)

    async def _list(self, sender: Any, message_id: int, request: ListBody) -> None:
        room = (self._server.options.max_message - limits.OFFLINE_ENVELOPE) // _LONGEST_ENTRY
        limit = max(1, min(limits.OFFLINE_PAGE, room))
        store = self._server.stores.offline_files
        find = store.left_by if request.is_left else store.waiting
        files = await find(str(sender.name), request.after, limit)
        page = KeptFilesBody([_entry(file) for file in files], len(files) < limit)
        sender.reply(MessageType.LIST_OFFLINE_FILES, KEPT_FILES.encode(page), message_id)

    async def _discard(self, sender: Any, message_id: int, request: DiscardBody) -> None:
        handing, store = self._hand_overs, self._server.stores.offline_files
        numbers = set(request.numbers)
        if len(numbers) > limits.OFFLINE_DISCARDS:
            text = f"{len(numbers)} files to discard; at most {limits.OFFLINE_DISCARDS} at once"
            raise NotKept(text, RequestFailure.INVALID)
        find = store.left_by if request.is_left else store.waiting
        count = 0
        for file in await _all(find, str(sender.name)):
            if file.number in numbers and await store.remove(file.target, [file.number]):
                handing.withdraw([file])
                count += 1
        sender.reply(MessageType.DISCARD_OFFLINE_FILES, DISCARDED.encode(DiscardedBody(count)), message_id)


async def _all(find: Callable[[str, int, int], Deferred[list[StoredFile]]], user_id: str) -> list[StoredFile]:
    """Everything of one user's: not much more than the quota of files."""
    found: list[StoredFile] = []
    while True:
        page = await find(user_id, found[-1].number if found else 0, limits.OFFLINE_PAGE)
        found += page
        if len(page) < limits.OFFLINE_PAGE:
            return found


def _entry(file: StoredFile) -> KeptFileBody:
    return KeptFileBody(
        comment=file.comment,
        expires_at=round(file.expires_at * 1000),
        files=file.files,
        handed_out=file.handed_out,
        id=file.id,
        is_folder=file.is_folder,
        left_at=round(file.received_at * 1000),
        modified_at=file.modified_at,
        name=file.name,
        number=file.number,
        size=file.size,
        source=file.source,
        source_device=NO_DEVICE if file.source_device is None else file.source_device,
        target=file.target,
    )
