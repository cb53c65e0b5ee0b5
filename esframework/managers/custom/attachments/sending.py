"""The sending end of attachments, the same on a server and on a client: the offer, then pieces as fast as the way and
the receiver's consumer take them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import (
    AttachmentFailed,
    AttachmentRefused,
    ConnectionInterrupted,
    EncodeError,
    NotLoggedOn,
    RequestError,
    RequestTimeout,
)
from esframework.interfaces import IContext, ILink
from esframework.managers.custom.attachments.contracts import (
    END,
    GRANT,
    OFFER,
    REFUSAL,
    UNKNOWN_SIZE,
    WITHDRAWAL,
    AttachmentSent,
    EndBody,
    OfferBody,
    Refusal,
    RefusalBody,
    WithdrawalBody,
    encode_piece,
)
from esframework.managers.custom.attachments.machine import Outgoing, SenderState
from esframework.managers.custom.attachments.sources import Source, source_of
from esframework.managers.custom.sending import interrupted
from esframework.net.calls import timed_out
from esframework.wire.login_id import bare_id
from esframework.wire.types import BY_SERVER, ChannelMode, MessageType, Priority

_log = Logger()
_PIECES_PER_TURN = 16

Progress = Callable[[int], object]
Way: TypeAlias = "tuple[Any, str | None]"
"""A channel, and whom frames on it are addressed to (None: whoever is at its end)."""

Ways = Callable[["str | None", int, ChannelMode], "list[Way]"]
"""`ways(target, information_type, mode)`: to each device that can be offered an attachment; raises a `RequestError`
when there is none."""


class Transmission:
    """One attachment on its way out: the machine, the ways to its receiver, and who waits for what.

    With `is_fixed` it stays on the way that it began on; otherwise it goes as whatever the receiver says came.
    """

    def __init__(
        self, machine: Outgoing, target: str | None, ways: list[Way], progress: Progress | None, is_fixed: bool
    ) -> None:
        self.machine = machine
        self.number = 0
        self._target = target
        self._ways = ways
        self._progress = progress
        self._is_fixed = is_fixed
        self._told = 0
        self._more_room: Deferred[None] | None = None

    def comes_from(self, sender: Any) -> bool:
        """Whether a frame is from whom the attachment goes to."""
        return bool(sender.name == (None if self._target is None else bare_id(self._target)))

    def outlives_session(self, is_linked: Callable[[str | None], bool]) -> bool:
        """Whether it goes on without a client's connection to its server."""
        if self.machine.receiver is None:
            ((way, _),) = self._ways
            return ILink.providedBy(way) and bool(way.outlives_session)
        return not self._is_fixed and is_linked(self.machine.receiver)

    # --- what the receiver says ---------------------------------------------------------------------------------------
    def grant(self, sender: Any, total: int, now: float) -> None:
        """A device takes it, or more of it."""
        if not self.machine.grant(sender.login_id, total, now):
            _send_withdrawal((sender, None), self.number, "another device takes it")
            return
        (way, destination), *_ = self._ways
        # On a server each device has a way of its own, which leads nowhere else.
        self._ways = [(way, sender.login_id) if self._is_fixed and destination is not None else (sender, None)]
        self.tell_progress(self.machine.taken)
        if self._more_room is not None and self.machine.room:
            waiting, self._more_room = self._more_room, None
            waiting.callback(None)

    def tell_progress(self, taken: int) -> None:
        """Tell the application how many bytes the receiver's consumer has taken, when that has become more."""
        if self._progress is None or taken <= self._told:
            return
        self._told = taken
        try:
            self._progress(taken)
        except Exception:
            _log.failure("the progress callback of an attachment failed")

    # --- what is sent -------------------------------------------------------------------------------------------------
    def offer(self, number: int, body: bytes) -> None:
        """Offer it, under this number, to every device there is."""
        self.number = number
        for way, destination in self._ways:
            way.send(MessageType.ATTACHMENT_OFFERED, body, number, destination)

    def ask(self) -> None:
        """Ask the other end whether it is still there."""
        body = encode_piece(self.machine.sent, b"")
        for way in self._ways:
            _say(way, MessageType.ATTACHMENT_PIECE, body, self.number, Priority.BULK)

    def withdraw(self, cause: str) -> None:
        """Tell the other end that no more comes."""
        for way in self._ways:
            _send_withdrawal(way, self.number, cause)

    async def pump(self, source: Source, pause: Callable[[], Deferred[None]]) -> None:
        """Send everything; returns when the end is announced. Fails with what the source raises."""
        await self._room()
        pieces = 0
        while content := await source.read():
            if not self.machine.fits(len(content)):
                raise EncodeError("the attachment gives more bytes than its size was said to be")
            while content:
                length = min(await self._room(), limits.ATTACHMENT_PIECE)
                await self._send_piece(content[:length])
                content = content[length:]
                pieces += 1
                if pieces % _PIECES_PER_TURN == 0:
                    await pause()
        if not self.machine.end():
            raise EncodeError(f"the attachment gave {self.machine.sent} bytes, fewer than its size was said to be")
        body = END.encode(EndBody(self.machine.sent))
        ((way, destination),) = self._ways
        way.send(MessageType.ATTACHMENT_ENDED, body, self.number, destination, Priority.BULK)

    async def _room(self) -> int:
        while not self.machine.room:
            self._more_room = Deferred()
            await self._more_room
        return self.machine.room

    async def _send_piece(self, piece: memoryview) -> None:
        # A connection that is lost meanwhile fails the call itself, and so ends this coroutine.
        ((way, destination),) = self._ways
        turn = way.ready(None if self._target is None else self.machine.receiver)
        if turn is not None:
            await turn
        body = encode_piece(self.machine.piece(len(piece)), piece)
        way.send(MessageType.ATTACHMENT_PIECE, body, self.number, destination, Priority.BULK)
        if way.is_busy:
            await way.sent(Priority.BULK)


class SendingAttachments:
    """The attachments of one engine that are on their way out."""

    def __init__(self, context: IContext, ways: Ways) -> None:
        self._context = context
        self._ways = ways
        self._open: dict[int, Transmission] = {}

    def __len__(self) -> int:
        return len(self._open)

    def handlers(self) -> dict[int, Callable[[Any, int, bytes], None]]:
        """Message type to method, for the registrations."""
        return {
            MessageType.ATTACHMENT_GRANTED: self._granted,
            MessageType.ATTACHMENT_RECEIVED: self._received,
            MessageType.ATTACHMENT_REFUSED: self._refused,
        }

    def send(
        self,
        target: str | None,
        information_type: int,
        content: bytes | None,
        attachment: Any,
        size: int | None,
        name: str,
        timeout: float | None,
        progress: Progress | None,
        mode: ChannelMode,
    ) -> Deferred[AttachmentSent]:
        """See `Custom.send_attached`."""
        source = source_of(attachment, self._context.clock)
        if len(name.encode()) > limits.MAX_ATTACHMENT_NAME:
            raise EncodeError(f"name has {len(name.encode())} bytes; at most {limits.MAX_ATTACHMENT_NAME}")
        if size is not None and size < 0:
            raise EncodeError(f"size is {size}; a number of bytes, or None for unknown, expected")
        offer = OfferBody(content, 0, information_type, name, UNKNOWN_SIZE if size is None else size)
        seconds = self._context.options.response_timeout if timeout is None else timeout
        return Deferred.fromCoroutine(self._send(target, offer, source, seconds, progress, mode))

    async def _send(
        self,
        target: str | None,
        offer: OfferBody,
        source: Source,
        seconds: float,
        progress: Progress | None,
        mode: ChannelMode,
    ) -> AttachmentSent:
        try:
            await source.open()
            offer = _with_size(offer, source.size)
            ways = self._ways(target, offer.information_type, mode)
            offer = replace(offer, devices=len(ways))
            machine = Outgoing(offer.size, self._context.clock.seconds(), seconds)
            transmission = Transmission(machine, target, ways, progress, mode is BY_SERVER)
            return await self._transmit(transmission, target, offer, source)
        finally:
            source.close()

    async def _transmit(
        self, transmission: Transmission, target: str | None, offer: OfferBody, source: Source
    ) -> AttachmentSent:
        body = OFFER.encode(offer)
        outcome: Deferred[AttachmentSent] = self._context.calls.ask(
            lambda number: transmission.offer(number, body),
            target,
            offer.information_type,
            MessageType.ATTACHMENT_RECEIVED,
            0,
            survives=True,
        )
        number = transmission.number
        self._open[number] = transmission
        pump = Deferred.fromCoroutine(transmission.pump(source, self._pause))
        pump.addErrback(self._pump_failed, number)
        try:
            sent = await outcome
        finally:
            del self._open[number]
            pump.cancel()
            if transmission.machine.close():
                transmission.withdraw("the sender gave up")
        transmission.tell_progress(sent.size)
        return sent

    def _pause(self) -> Deferred[None]:
        return deferLater(self._context.clock, 0, lambda: None)

    def _pump_failed(self, failure: Failure, number: int) -> None:
        # Nobody waits any more when it was the end of the call that ended the pump.
        if failure.check(NotLoggedOn):
            self._context.calls.refuse(number, interrupted)
        else:
            self._context.calls.refuse(number, lambda *_: failure.value)

    # --- what ends it -------------------------------------------------------------------------------------------------
    def sweep(self, now: float) -> None:
        """Give up what nobody answers, and ask those who have been silent for a while."""
        for number, transmission in list(self._open.items()):
            if transmission.machine.is_silent(now):
                self._context.calls.refuse(number, _silence(transmission.machine))
            elif transmission.machine.wants_to_ask(now):
                transmission.ask()

    def connection_lost(self, is_linked: Callable[[str | None], bool]) -> None:
        """A client's connection is lost; whoever is linked can be reached without it."""
        for number, transmission in list(self._open.items()):
            if not transmission.outlives_session(is_linked):
                self._context.calls.refuse(number, interrupted)

    def forget(self, login_id: str) -> None:
        """A device is gone: what it was receiving will not be whole."""
        for number, transmission in list(self._open.items()):
            if transmission.machine.receiver == login_id:
                self._context.calls.refuse(number, interrupted)

    # --- frames -------------------------------------------------------------------------------------------------------
    def _granted(self, sender: Any, message_id: int, body: bytes) -> None:
        total = GRANT.decode(body).total
        transmission = self._find(sender, message_id)
        if transmission is not None:
            transmission.grant(sender, total, self._context.clock.seconds())

    def _refused(self, sender: Any, message_id: int, body: bytes) -> None:
        refusal = REFUSAL.decode(body)
        transmission = self._find(sender, message_id)
        if transmission is not None and transmission.machine.refuse(sender.login_id, refusal.reason, refusal.devices):
            self._context.calls.refuse(message_id, lambda target, kind: _error_of(refusal, target, kind))

    def _received(self, sender: Any, message_id: int, body: bytes) -> None:
        transmission = self._find(sender, message_id)
        if transmission is not None and transmission.machine.confirm(sender.login_id):
            receiver = None if sender.name is None else sender.login_id
            sent = AttachmentSent(transmission.machine.sent, receiver)
            self._context.calls.answer(message_id, sender.name, MessageType.ATTACHMENT_RECEIVED, sent)

    def _find(self, sender: Any, message_id: int) -> Transmission | None:
        transmission = self._open.get(message_id)
        return transmission if transmission is not None and transmission.comes_from(sender) else None


def _with_size(offer: OfferBody, size: int) -> OfferBody:
    if UNKNOWN_SIZE not in (offer.size, size) and offer.size != size:
        raise EncodeError(f"the attachment has {size} bytes; its size was said to be {offer.size}")
    return replace(offer, size=max(offer.size, size))


def _send_withdrawal(way: Way, number: int, cause: str) -> None:
    _say(way, MessageType.ATTACHMENT_WITHDRAWN, WITHDRAWAL.encode(WithdrawalBody(cause)), number)


def _say(way: Way, message_type: int, body: bytes, number: int, priority: Priority = Priority.NORMAL) -> None:
    channel, destination = way
    try:
        channel.send(message_type, body, number, destination, priority)
    except NotLoggedOn:
        # A link without channel and server: whoever is at its end finds out by itself.
        return


def _silence(machine: Outgoing) -> Callable[[str | None, int], RequestError]:
    if machine.state is SenderState.WANT_ANSWER:
        return lambda target, information_type: timed_out(target, information_type, machine.answer_timeout)

    def silent(target: str | None, information_type: int) -> RequestTimeout:
        who = "the server" if target is None else repr(target)
        text = f"{who} has not been heard of for {limits.ATTACHMENT_IDLE_TIMEOUT:g} s; {machine.sent} bytes were sent"
        return RequestTimeout(text, target, information_type)

    return silent


def _error_of(refusal: RefusalBody, target: str | None, information_type: int) -> RequestError:
    who = "the server" if target is None else repr(target)
    if refusal.reason in (Refusal.REFUSED, Refusal.TOO_MANY):
        text = f"{who} does not take the attachment of type {information_type}: {refusal.cause}"
        return AttachmentRefused(text, target, information_type, refusal.cause)
    if refusal.reason == Refusal.UNKNOWN:
        text = f"{who} knows nothing of the attachment of type {information_type} any more: it has reconnected"
        return ConnectionInterrupted(text, target, information_type)
    text = f"the attachment of type {information_type} to {who} failed: {refusal.cause}"
    return AttachmentFailed(text, target, information_type)
