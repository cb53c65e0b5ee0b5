"""The client's half of delivery: `outbox` and `inbox` joined to the session (docs: topics/delivery)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from secrets import token_bytes
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from esframework import limits
from esframework.errors import MalformedBody, NotLoggedOn, PluginError
from esframework.interfaces import IClientContext, Registrations
from esframework.managers.delivery.contracts import (
    ACCEPTED,
    ACKNOWLEDGEMENT,
    HANDED,
    HELLO,
    MESSAGE,
    NO_DEVICE,
    PROCESS_SIZE,
    RECEIPTS,
    SETTLED,
    WELCOME,
    AcknowledgementBody,
    Delivered,
    HelloBody,
    MessageBody,
    MessageKey,
    Receipt,
    RefusedBody,
    SettledBody,
    UpToBody,
    portions,
    public_process,
)
from esframework.managers.delivery.failures import closed, refused, unserved
from esframework.managers.delivery.handing import Handing
from esframework.managers.delivery.machine.inbox import Inbox, Job
from esframework.managers.delivery.machine.outbox import Message, Outbox
from esframework.managers.delivery.sending import check_waiting, checked_content
from esframework.managers.delivery.tracking import Tracking
from esframework.net.threads import hops_to_reactor
from esframework.plugins.hooks import Event
from esframework.wire.login_id import Source
from esframework.wire.types import Level, MessageType, RequestFailure


class ClientDelivery:
    """`client.delivery`: messages that survive cuts, restarts of their receiver and of the server.

    `receipt_changed(id, level)` and `not_delivered(error)` tell of every message, whoever waits for it.
    `resumed(is_complete)` is told at each log-on but the first: False says that this process was away for longer than
    the window, so that it may have missed what other devices of its user handled. It is told False while connected,
    too: when this process handles so slowly that the server could not keep for it what the others had handled.
    """

    def __init__(self, client: IClientContext, wall_clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._wall_clock = wall_clock
        self.reactor = client.clock
        self.resumed: Event[bool] = Event("delivery.resumed")
        self._tracking = Tracking(client.clock, self._give_up)
        self.receipt_changed = self._tracking.receipt_changed
        self.not_delivered = self._tracking.not_delivered
        self._server: Any = None
        self._is_open = False
        self._is_known = True
        self._soon: IDelayedCall | None = None
        self._leaving: list[Message] = []
        self._accepted: dict[int, int] = {}
        self._begin(None)

    def _begin(self, user: str | None) -> None:
        # A process, as others know it, lives from log_on to close.
        self._process = token_bytes(PROCESS_SIZE)
        self._outbox = Outbox(public_process(user, self._process))
        self._inbox = Inbox()
        self._handing = Handing(self._client, self._hand_in)

    def _hand_in(
        self,
        sender: Any,
        style: str,
        information_type: int,
        function: Callable[..., Any],
        content: bytes | None,
        answer: Callable[[Any], None],
    ) -> None:
        self._client.manager("custom").hand_in(sender, style, information_type, content, function, answer)

    # --- calls --------------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def send(
        self,
        target: str | None,
        information_type: int,
        content: bytes | None,
        *,
        until: Level = Level.RECEIVER_HAS_IT,
        timeout: float | None = None,
    ) -> Deferred[Receipt]:
        """Send a message to a user (None: the server); fires with its receipt when it has come as far as `until`.

        While the connection is lost it waits in this process, at most as much as a window holds, and goes out after the
        next log-on. `timeout` in seconds gives a message up that is not as far as `until` by then (it may arrive
        nevertheless); None and 0 wait until its end is known. Fails with a `RequestError` that is an `Undelivered`,
        too, and names the message's `id` and the `level` that it reached: `TargetAbsent`, `HandlerRaised`,
        `NotDelivered`, `RequestTimeout`, or `ConnectionInterrupted` when the engine is closed. Raises `NotLoggedOn`,
        `WindowFull`, `EncodeError` and `InvalidUserId`; nothing was sent then.
        """
        if not self._is_open:
            raise NotLoggedOn("not logged on; call log_on")
        check_waiting(until, timeout)
        content = checked_content(target, information_type, content, self._client.options.max_message)
        message = self._outbox.add(target, information_type, content, round(self._wall_clock() * 1000))
        receipt = self._tracking.wait(message.key, target, information_type, until, timeout)
        if not self._is_known:
            self._unserved(message)
        elif self._outbox.is_welcome:
            self._write(message)
            if until is Level.SENT or self.receipt_changed:
                self._watch_leaving(message)
        return receipt

    @property
    def waiting(self) -> int:
        """How many messages are on their way."""
        return len(self._outbox)

    # --- sending ------------------------------------------------------------------------------------------------------
    def _write(self, message: Message) -> None:
        settled = self._outbox.written(message)
        key = message.key
        body = MessageBody(
            message.content,
            key.conversation,
            message.information_type,
            message.marks,
            message.sent_at,
            key.sequence,
            settled,
            message.target,
        )
        self._server.send(MessageType.DELIVERY_MESSAGE, MESSAGE.encode(body))

    def _watch_leaving(self, message: Message) -> None:
        # One Deferred at a time, whatever the number of messages.
        self._leaving.append(message)
        if len(self._leaving) == 1:
            self._server.sent().addCallback(self._have_left, self._leaving)

    def _have_left(self, have_left: bool, leaving: list[Message]) -> None:
        count = len(leaving)
        if have_left:
            for message in self._outbox.sent(leaving):
                self._tracking.reached(message.key, Level.SENT)
        del leaving[:count]
        if leaving and have_left:
            self._server.sent().addCallback(self._have_left, leaving)

    def _give_up(self, key: MessageKey) -> None:
        self._outbox.give_up(key)

    def _fail(self, message: Message, reason: int) -> None:
        self._outbox.forget(message)
        error = refused(message.key, message.target, message.information_type, message.level, reason)
        self._tracking.failed(message.key, message.level, error)

    def _unserved(self, message: Message) -> None:
        self._outbox.forget(message)
        error = unserved(message.key, message.target, message.information_type, message.level)
        self._tracking.failed(message.key, message.level, error)

    # --- the session --------------------------------------------------------------------------------------------------
    def registrations(self) -> Registrations:
        """What this half brings to a client."""
        return Registrations(
            facade=self,
            handlers={
                MessageType.DELIVERY_ACCEPTED: self._more_accepted,
                MessageType.DELIVERY_WELCOME: self._welcome,
                MessageType.DELIVERY_RECEIPTS: self._receipts,
                MessageType.DELIVERY_HANDED: self._handed,
                MessageType.DELIVERY_MISSED: self._missed,
            },
            logged_on=self._logged_on,
            logged_off=self._logged_off,
            sweep=self._sweep,
            start=self._start,
            stop=self._stop,
        )

    def _start(self) -> None:
        try:
            offline = self._client.manager("offline")
        except PluginError:
            return
        if offline.known is None:
            # What this process had before its server's window was over may wait on the disk as well.
            offline.known = self._has_handled

    def _has_handled(self, id: str) -> bool:
        key = MessageKey.parse(id)
        return key is not None and self._inbox.has_handled(key)

    def _logged_on(self, server: Any) -> None:
        if not self._is_open:
            self._begin(self._client.current_user_id)
            self._is_open = True
        self._is_known = self._client.manager("basic").server_has("delivery")
        if not self._is_known:
            for message in self._outbox.open_messages():
                self._unserved(message)
            return
        self._server = server
        self._accepted = {}
        received, handled, not_handled = self._inbox.hello()
        settled = portions(_up_to(self._outbox.hello()))
        body = HelloBody(
            self._inbox.epoch,
            handled,
            self._process,
            received,
            _refused_bodies(not_handled),
            settled[0] if settled else [],
        )
        server.send(MessageType.DELIVERY_HELLO, HELLO.encode(body))
        self._send_settled(settled[1:])

    def _more_accepted(self, sender: Any, message_id: int, body: bytes) -> None:
        if sender.name is None:
            self._take_accepted(ACCEPTED.decode(body).accepted)

    def _take_accepted(self, accepted: list[UpToBody]) -> None:
        # A server keeps no more of one process.
        if len(self._accepted) + len(accepted) <= limits.DELIVERY_UNCONFIRMED:
            self._accepted.update((each.conversation, each.sequence) for each in accepted)

    def _welcome(self, sender: Any, message_id: int, body: bytes) -> None:
        if sender.name is not None or self._server is None:
            return
        welcome = WELCOME.decode(body)
        is_first = self._inbox.epoch is None
        self._inbox.welcomed(welcome.epoch, welcome.confirmed)
        self._take_accepted(welcome.accepted)
        accepted, self._accepted = self._accepted, {}
        for message in self._outbox.welcomed((welcome.epoch, welcome.record), accepted):
            self._write(message)
            self._watch_leaving(message)
        self._acknowledge_soon()
        if not is_first:
            self.resumed.fire(welcome.is_resumed)

    def _logged_off(self, _: Source | None) -> None:
        self._server = None
        self._leaving = []
        self._outbox.disconnected()

    def _stop(self) -> None:
        self._is_open = False
        self._server = None
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        self._handing.close()
        left = self._outbox.close()
        self._begin(None)
        for message in left:
            error = closed(message.key, message.target, message.information_type, message.level)
            self._tracking.failed(message.key, message.level, error)
        self._tracking.close()

    # --- receipts -----------------------------------------------------------------------------------------------------
    def _receipts(self, sender: Any, message_id: int, body: bytes) -> None:
        if sender.name is not None:
            return
        receipts = RECEIPTS.decode(body)
        for run in receipts.reached:
            for message in self._outbox.reached(run.conversation, run.first, run.last, _level(run.level)):
                self._tracking.reached(message.key, message.level)
        for each in receipts.failed:
            failed = self._outbox.failed(each.conversation, each.sequence, _level(each.level))
            if failed is not None:
                self._fail(failed, _reason(each.reason))
        if self._outbox.untold >= limits.DELIVERY_UNTOLD:
            self._tell_settled()

    def _sweep(self, now: float) -> None:
        if self._outbox.is_welcome and self._outbox.untold:
            self._tell_settled()

    def _tell_settled(self) -> None:
        self._send_settled(portions(_up_to(self._outbox.take_untold())))

    def _send_settled(self, settled: list[list[UpToBody]]) -> None:
        for portion in settled:
            self._server.send(MessageType.DELIVERY_SETTLED, SETTLED.encode(SettledBody(portion)))

    # --- receiving ----------------------------------------------------------------------------------------------------
    def _handed(self, sender: Any, message_id: int, body: bytes) -> None:
        if sender.name is not None:
            return
        message = HANDED.decode(body)
        if len(message.process) != PROCESS_SIZE:
            raise MalformedBody(f"a process id of {len(message.process)} bytes; {PROCESS_SIZE} expected")
        key = MessageKey(message.process, message.conversation, message.sequence)
        inbox = self._inbox
        job = inbox.arrived(message.number, key, message.confirmed)
        self._acknowledge_soon()
        if job is None:
            return
        device = None if message.source_device == NO_DEVICE else message.source_device
        source = message.source
        if source is not None:
            source = Source(source, message.source_device, source)
        delivered = Delivered(
            str(key),
            source,
            device,
            message.information_type,
            message.content,
            message.is_redelivered,
            message.sent_at / 1000,
            message.received_at / 1000,
        )
        self._handing.add(source, delivered, lambda failure: self._finished(inbox, job, failure))

    def _missed(self, sender: Any, message_id: int, body: bytes) -> None:
        if sender.name is None and self._outbox.is_welcome:
            self.resumed.fire(False)

    def _finished(self, inbox: Inbox, job: Job, failure: int) -> None:
        inbox.finished(job, failure)
        if inbox is self._inbox:
            self._acknowledge_soon()

    def _acknowledge_soon(self) -> None:
        # In the next turn: one acknowledgement for everything that a read brought.
        if self._soon is None and self._outbox.is_welcome:
            self._soon = self.reactor.callLater(0, self._acknowledge)

    def _acknowledge(self) -> None:
        self._soon = None
        if not self._outbox.is_welcome:
            # The next hello says it.
            return
        while (news := self._inbox.acknowledgement()) is not None:
            received, handled, not_handled = news
            body = AcknowledgementBody(handled, received, _refused_bodies(not_handled))
            self._server.send(MessageType.DELIVERY_ACKNOWLEDGEMENT, ACKNOWLEDGEMENT.encode(body))


def _up_to(pairs: Iterable[tuple[int, int]]) -> list[UpToBody]:
    return [UpToBody(conversation, sequence) for conversation, sequence in pairs]


def _refused_bodies(not_handled: dict[int, int]) -> list[RefusedBody]:
    return [RefusedBody(number, reason) for number, reason in not_handled.items()]


def _level(number: int) -> Level:
    try:
        return Level(number)
    except ValueError:
        raise MalformedBody(f"level {number}; 0 to {max(Level)} expected") from None


def _reason(number: int) -> RequestFailure:
    try:
        return RequestFailure(number)
    except ValueError:
        # A newer server may have reasons that this release does not know.
        return RequestFailure.INVALID
