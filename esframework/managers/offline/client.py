"""The client's half: `client.offline`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework.errors import EncodeError, KeptOffline, NotLoggedOn, RequestError, request_label
from esframework.interfaces import IContext, Registrations
from esframework.managers.offline.contracts import (
    ACKNOWLEDGEMENT,
    DISCARD,
    DISCARDED,
    KEPT,
    MESSAGE,
    NO_DEVICE,
    SUMMARIES,
    WAITING,
    AcknowledgementBody,
    DiscardBody,
    MessageBody,
    OfflineMessage,
    SummaryBody,
    WaitingBody,
    WaitingMessage,
)
from esframework.managers.offline.machine import Inbox
from esframework.net.threads import hops_to_reactor
from esframework.plugins.asking import Asking
from esframework.plugins.hooks import Event
from esframework.wire.login_id import Source
from esframework.wire.types import Level, MessageType

_log = Logger()


class ClientOffline(Asking):
    """`client.offline` (manual, technique 01).

    Messages that waited go to the application's handler in order of time: to `handle_offline(message)` if it has one,
    else to `handle_information`. When the handler has returned, the server forgets the message; when it raises, the
    message stays, and comes again, marked, after the next `ready`. `caught_up()` is told when nothing waits any more.

    `known(id)`, when set, says which messages this process has handled in another way already; they are acknowledged
    and not handled.
    """

    _feature = "offline"

    def __init__(self, client: IContext) -> None:
        super().__init__(client)
        self.caught_up: Event[()] = Event("offline.caught_up")
        self.known: Callable[[str], bool] | None = None
        self._inbox = Inbox()
        self._server: Any = None
        self._turns: dict[str, IDelayedCall] = {}

    # --- calls --------------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def ready(self) -> Deferred[None]:
        """Ask for what waited, from now until the connection ends; the program can handle messages now.

        Said again, it brings those again whose handlers raised. Of several devices of a user that are ready, the first
        gets all; when it goes, the next one goes on. Fires when the server knows; fails with a `RequestError`, and with
        `NotDelivered` when the server keeps no messages.
        """
        return self._ask_ours(MessageType.OFFLINE_READY, b"").addCallback(lambda _: None)

    @hops_to_reactor
    def waiting(self) -> Deferred[list[WaitingMessage]]:
        """What waits for this user, in order, without taking it. Fails with a `RequestError`."""
        return Deferred.fromCoroutine(self._waiting())

    @hops_to_reactor
    def discard(self, numbers: Iterable[int]) -> Deferred[int]:
        """Delete waiting messages unread, by their numbers; fires with how many of them there were.

        At most `limits.OFFLINE_DISCARDS` at once. Fails with a `RequestError`.
        """
        body = DISCARD.encode(DiscardBody(list(numbers)))
        asked = self._ask_ours(MessageType.OFFLINE_DISCARD, body)
        return asked.addCallback(lambda answer: DISCARDED.decode(answer).count)

    @hops_to_reactor
    def send(
        self, target: str, information_type: int, content: bytes | None, *, timeout: float | None = None
    ) -> Deferred[Level]:
        """Send information to a user, who may be away; fires with `Level.RECEIVER_HAS_IT` or `Level.STORED_ON_DISK`.

        Fails as `client.custom.send_acked`: with `TargetAbsent` when such messages are not kept or there is no such
        user, with `NotDelivered` and a reason when it could not be kept: QUOTA_EXCEEDED, TOO_LONG, STORE_FAILED, BUSY.
        Raises EncodeError for a content that does not fit one message. After a time-out or a lost connection it may
        have been kept all the same, and sent again it comes twice.
        """

        def kept(failure: Failure) -> Level:
            failure.trap(KeptOffline)
            return Level.STORED_ON_DISK

        try:
            sending: Deferred[None] = self._client.manager("custom").send_acked(
                target, information_type, content, timeout=timeout
            )
        except EncodeError:
            longest = self._client.options.max_message
            raise EncodeError(
                f"a content of {len(content or b'')} bytes does not fit a message of {longest}; send it in several"
                " messages: nothing larger is kept for absent users, and blobs are never kept"
            ) from None
        return sending.addCallbacks(lambda _: Level.RECEIVER_HAS_IT, kept)

    async def _waiting(self) -> list[WaitingMessage]:
        found: list[WaitingMessage] = []
        while True:
            after = found[-1].number if found else 0
            answer = await self._ask_ours(MessageType.OFFLINE_WAITING, WAITING.encode(WaitingBody(after)))
            page = SUMMARIES.decode(answer)
            found += [_summary(each) for each in page.messages]
            if page.is_last or not page.messages:
                return found

    # --- what comes in ------------------------------------------------------------------------------------------------
    def registrations(self) -> Registrations:
        """What this half brings to a client."""
        answers = (MessageType.OFFLINE_READY, MessageType.OFFLINE_WAITING, MessageType.OFFLINE_DISCARD)
        return Registrations(
            facade=self,
            handlers={
                **self._answerers(answers),
                MessageType.OFFLINE_MESSAGE: self._message,
                MessageType.OFFLINE_CAUGHT_UP: self._caught_up,
                MessageType.OFFLINE_KEPT: self._kept,
            },
            logged_on=self._logged_on,
            logged_off=self._connection_lost,
            start=self._inbox.forget,
        )

    def _logged_on(self, server: Any) -> None:
        if self._client.options.offline_ready and self._is_served:
            # In the next turn: first the program's own subscribers hear that it is logged on.
            self._in_a_turn("ready", self._say_ready)

    def _say_ready(self) -> None:
        try:
            asked = self.ready()
        except NotLoggedOn:
            return
        asked.addErrback(lambda failure: _log.info("not ready: {why}", why=failure.getErrorMessage()))

    def _connection_lost(self, _: Source | None) -> None:
        self._server = None
        self._inbox.connection_lost()
        for turn in self._turns.values():
            turn.cancel()
        self._turns.clear()

    def _caught_up(self, sender: Any, message_id: int, body: bytes) -> None:
        if sender.name is None:
            self.caught_up.fire()

    def _kept(self, sender: Any, message_id: int, body: bytes) -> None:
        if sender.name is not None:
            return
        id = KEPT.decode(body).id

        def why(target: str | None, request_type: int) -> RequestError:
            text = f"{target!r} is not online; {request_label(request_type)} is on the server's disk"
            return KeptOffline(text, target, request_type, id)

        self._client.calls.refuse(message_id, why)

    # --- messages -----------------------------------------------------------------------------------------------------
    def _message(self, sender: Any, message_id: int, body: bytes) -> None:
        if sender.name is not None:
            return
        self._server = sender
        message = _message(MESSAGE.decode(body))
        inbox, handler = self._inbox, self._client.handler
        if self._is_known(message.id):
            inbox.passed_over(message.id, message.number, True)
        elif handler is None:
            inbox.passed_over(message.id, message.number, False)
        elif inbox.arrived(message.id, message.number):
            self._handle(sender, handler, message)
        self._in_a_turn("report", self._report)

    def _is_known(self, id: str) -> bool:
        try:
            return self.known is not None and self.known(id)
        except Exception:
            # Rather twice than never: whoever cannot say whether it was handled has not handled it.
            _log.failure("whether message {id} is known cannot be told", id=id)
            return False

    def _handle(self, sender: Any, handler: Any, message: OfflineMessage) -> None:
        inbox, session, is_running = self._inbox, self._inbox.session, False

        def handle(source: str | None, information_type: int, content: bytes | None) -> Any:
            nonlocal is_running
            is_running = inbox.begun(message.id, session)
            if not is_running:
                return None
            if hasattr(handler, "handle_offline"):
                return handler.handle_offline(replace(message, information_type=information_type, content=content))
            return handler.handle_information(source, information_type, content)

        def handled(result: Any) -> None:
            if is_running or inbox.begun(message.id, session):
                inbox.finished(message.id, not isinstance(result, Failure))
                self._in_a_turn("report", self._report)

        custom = self._client.manager("custom")
        custom.hand_in(
            _Sender(sender, message), "offline", message.information_type, message.content, handle, handled
        )

    def _report(self) -> None:
        handled, refused = self._inbox.take_report()
        if (handled or refused) and self._server is not None:
            body = ACKNOWLEDGEMENT.encode(AcknowledgementBody(handled, refused))
            self._server.reply(MessageType.OFFLINE_ACKNOWLEDGEMENT, body, 0)

    def _in_a_turn(self, name: str, function: Callable[[], None]) -> None:
        """Once, after everything that happens now."""

        def run() -> None:
            del self._turns[name]
            function()

        if name not in self._turns:
            self._turns[name] = self._client.clock.callLater(0, run)


class _Sender:
    """Who sent a message that waited, for the handler model: it is the turn of the server's connection."""

    __slots__ = ("lane", "name", "login_id")

    def __init__(self, server: Any, message: OfflineMessage) -> None:
        self.lane = server.lane
        self.login_id = message.source or server.login_id
        self.name = message.source


def _message(body: MessageBody) -> OfflineMessage:
    return OfflineMessage(
        id=body.id,
        number=body.number,
        source=None if body.source is None else Source(body.source, body.source_device, body.source),
        device=None if body.source_device == NO_DEVICE else body.source_device,
        information_type=body.information_type,
        content=body.content,
        received_at=body.received_at / 1000,
        redelivered=body.redelivered,
    )


def _summary(body: SummaryBody) -> WaitingMessage:
    return WaitingMessage(
        id=body.id,
        number=body.number,
        source=body.source,
        device=None if body.source_device == NO_DEVICE else body.source_device,
        information_type=body.information_type,
        size=body.size,
        received_at=body.received_at / 1000,
        expires_at=body.expires_at / 1000,
        handed_out=body.handed_out,
    )
