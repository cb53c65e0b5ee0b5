"""The client's half: `client.offline_files`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from esframework import limits
from esframework.errors import KeptOffline, NotLoggedOn
from esframework.interfaces import IClientContext, Registrations
from esframework.managers.offline_files.contracts import (
    DISCARD,
    DISCARDED,
    FEATURE,
    FILE_KEY,
    KEPT_FILES,
    LEAVE,
    LEAVE_ANSWER,
    LIST,
    NO_DEVICE,
    READY,
    SETTLED,
    DiscardBody,
    FileKeyBody,
    FileOutcome,
    KeptFile,
    KeptFileBody,
    LeaveBody,
    Left,
    ListBody,
    ReadyBody,
    SettledFile,
    handed_over_of,
    subject_of,
)
from esframework.net.threads import hops_to_reactor
from esframework.plugins.asking import Asking, from_server
from esframework.plugins.hooks import Event
from esframework.wire.login_id import Source
from esframework.wire.types import FileDisruption, MessageType

_log = Logger()


class ClientOfflineFiles(Asking):
    """`client.offline_files` (manual, technique 02).

    What was left for this user comes as an offer in `client.files.offered`, one after another, once this client is
    ready: its `source` is who left it, `left_at` when. Accepted, it is deleted at the server when it is here whole, and
    offered again when it was interrupted; refused, it is deleted, and whoever left it is told, if online.

    Event: `settled(SettledFile)`: what became of a file that this user left for somebody.
    """

    _feature = FEATURE

    def __init__(self, client: IClientContext) -> None:
        super().__init__(client)
        self.settled: Event[SettledFile] = Event("offline_files.settled")
        self._receiver: str | None = None
        self._received: dict[FileKeyBody, None] = {}
        self._offers: dict[str, Any] = {}
        self._turn: IDelayedCall | None = None

    # --- leaving ------------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def send(
        self,
        target: str,
        path: str | os.PathLike[str],
        comment: str | None = None,
        *,
        id: str | None = None,
        **more: Any,
    ) -> Deferred[Any]:
        """Leave a file or folder with the server for a user, who gets it now if online, else at the next log-on.

        Fires with the `Transfer` to the server when that is on its way; its `done()` fires when the server has all of
        it on its disk and has recorded it. Fails with `TargetAbsent` when there is no such user, `NotDelivered` with a
        reason (QUOTA_EXCEEDED, NOT_ALLOWED, ...), and as `client.files.send`, which knows `more`. A quota that the size
        exceeds shows only when the transfer is refused: `done()` fails with `TransferInterrupted`, whose `cause` has
        both numbers. Interrupted, the same call goes on where it was.

        With an `id` of your own (letters, digits, `.`, `_`, `-`) the same file is kept once for the same target: fails
        with `KeptOffline` when it is kept already. That makes it safe to say again what may have been done.
        """
        return Deferred.fromCoroutine(self._send(target, path, comment, id or uuid4().hex, more))

    async def _send(self, target: str, path: Any, comment: str | None, id: str, more: dict[str, Any]) -> Any:
        request = MessageType.LEAVE_OFFLINE_FILE
        answer = LEAVE_ANSWER.decode(await self._ask_ours(request, LEAVE.encode(LeaveBody(id, target))))
        if answer.is_kept:
            raise KeptOffline(f"it is kept for {target!r} already", target, request, id)
        subject = subject_of(Left(id, target))
        return await self._client.manager("files").send(None, path, comment, subject=subject, **more)

    @hops_to_reactor
    def left(self) -> Deferred[list[KeptFile]]:
        """What this user has left for others and is still kept. Fails with a `RequestError`."""
        return Deferred.fromCoroutine(self._list(is_left=True))

    @hops_to_reactor
    def withdraw(self, numbers: Iterable[int]) -> Deferred[int]:
        """Take back what this user has left, by its numbers; fires with how many of them there were."""
        return self._discard(numbers, is_left=True)

    # --- getting ------------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def ready(self) -> Deferred[None]:
        """Ask for what was left for this user, from now until the connection ends: somebody listens to
        `client.files.offered`.

        Said again, it brings those again that were broken off here. Fires when the server knows; fails with a
        `RequestError`, and with `NotDelivered` when the server keeps no files.
        """
        body = READY.encode(ReadyBody(list(self._received)))
        return self._ask_ours(MessageType.OFFLINE_FILES_READY, body).addCallback(lambda _: None)

    @hops_to_reactor
    def waiting(self) -> Deferred[list[KeptFile]]:
        """What is kept for this user, in order, without taking it. Fails with a `RequestError`."""
        return Deferred.fromCoroutine(self._list(is_left=False))

    @hops_to_reactor
    def discard(self, numbers: Iterable[int]) -> Deferred[int]:
        """Delete what waits, unseen, by its numbers; fires with how many of them there were."""
        return self._discard(numbers, is_left=False)

    async def _list(self, *, is_left: bool) -> list[KeptFile]:
        found: list[KeptFile] = []
        while True:
            after = found[-1].number if found else 0
            answer = await self._ask_ours(MessageType.LIST_OFFLINE_FILES, LIST.encode(ListBody(after, is_left)))
            page = KEPT_FILES.decode(answer)
            found += [_kept_file(each) for each in page.files]
            if page.is_last or not page.files:
                return found

    def _discard(self, numbers: Iterable[int], *, is_left: bool) -> Deferred[int]:
        body = DISCARD.encode(DiscardBody(is_left, list(numbers)))
        asked = self._ask_ours(MessageType.DISCARD_OFFLINE_FILES, body)
        return asked.addCallback(lambda answer: DISCARDED.decode(answer).count)

    # --- for the engine -----------------------------------------------------------------------------------------------
    def registrations(self) -> Registrations:
        """What this half brings to a client."""
        answers = (
            MessageType.LEAVE_OFFLINE_FILE,
            MessageType.OFFLINE_FILES_READY,
            MessageType.LIST_OFFLINE_FILES,
            MessageType.DISCARD_OFFLINE_FILES,
        )
        files = self._client.manager("files")
        files.claim(self._offered)
        files.receiving.completed.subscribe(self._completed)
        files.receiving.interrupted.subscribe(self._interrupted)
        return Registrations(
            facade=self,
            handlers={**self._answerers(answers), MessageType.OFFLINE_FILE_SETTLED: from_server(self._settled)},
            logged_on=self._logged_on,
            logged_off=self._connection_lost,
        )

    def _logged_on(self, server: Any) -> None:
        if self._client.current_user_id != self._receiver:
            # Another account's files have other ids.
            self._receiver = self._client.current_user_id
            self._received.clear()
        if self._client.options.offline_ready and self._is_served:
            # In the next turn: first the program's own subscribers hear that it is logged on.
            self._turn = self._client.clock.callLater(0, self._say_ready)

    def _say_ready(self) -> None:
        self._turn = None
        try:
            asked = self.ready()
        except NotLoggedOn:
            return
        asked.addErrback(lambda failure: _log.info("not ready for files: {why}", why=failure.getErrorMessage()))

    def _connection_lost(self, _: Source | None) -> None:
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _settled(self, body: bytes) -> None:
        settled = SETTLED.decode(body)
        # A newer server may know more outcomes.
        if settled.outcome in list(FileOutcome):
            self.settled.fire(SettledFile(settled.id, settled.target, settled.name, FileOutcome(settled.outcome)))

    # --- offers -------------------------------------------------------------------------------------------------------
    def _offered(self, offer: Any) -> bool:
        """Say on an offer who left it; nobody but the application decides about it."""
        handed_over = None if offer.source is not None else handed_over_of(offer.subject)
        if handed_over is None:
            return False
        if not self._client.manager("files").offered:
            # Not a refusal: it stays with the server until somebody listens, and this client is ready again.
            offer.transfer.cancel("nobody takes files there now")
            return True
        if _key_of(offer.transfer) in self._received:
            # Its sender did not hear that it was kept, and left it again.
            offer.transfer.cancel("it is there already")
            self._say_ready()
            return True
        source, device = handed_over.source, handed_over.device
        offer.source = Source(source, device, source) if source else None
        offer.transfer.left_by = source or None
        offer.left_at = handed_over.left_at / 1000
        self._offers[offer.transfer.id] = offer
        return False

    def _completed(self, transfer: Any) -> None:
        self._offers.pop(transfer.id, None)
        key = _key_of(transfer)
        if key is not None:
            # In case the server does not come to hear of it.
            self._received[key] = None
            while len(self._received) > limits.OFFLINE_FILES_REMEMBERED:
                del self._received[next(iter(self._received))]

    def _interrupted(self, transfer: Any, disruption: FileDisruption) -> None:
        offer = self._offers.pop(transfer.id, None)
        key = _key_of(transfer)
        if key is None or offer is None or not offer.is_refused or disruption is not FileDisruption.REJECTED:
            # Whoever has not decided when a program ends, or all transfers are cancelled, has refused nothing.
            return
        try:
            self._client.channel(None).send(MessageType.OFFLINE_FILE_REFUSED, FILE_KEY.encode(key))
        except NotLoggedOn:
            # It is offered again at the next log-on.
            return


def _key_of(transfer: Any) -> FileKeyBody | None:
    """Which file it is that the server hands over; None for any other transfer."""
    handed_over = None if transfer.sender is not None else handed_over_of(transfer.subject)
    return None if handed_over is None else FileKeyBody(handed_over.id, handed_over.source or None)


def _kept_file(body: KeptFileBody) -> KeptFile:
    return KeptFile(
        id=body.id,
        number=body.number,
        target=body.target,
        source=body.source,
        device=None if body.source_device == NO_DEVICE else body.source_device,
        name=body.name,
        is_folder=body.is_folder,
        size=body.size,
        files=body.files,
        modified_at=body.modified_at,
        comment=body.comment,
        left_at=body.left_at / 1000,
        expires_at=body.expires_at / 1000,
        handed_out=body.handed_out,
    )
