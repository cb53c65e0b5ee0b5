"""The calls that send custom information; the same on a server and on a client. Receiving is `receiving`."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import deferLater

from esframework import limits
from esframework.errors import (
    ConnectionInterrupted,
    LocalError,
    NoP2PChannel,
    NotLoggedOn,
    RequestError,
    TargetAbsent,
)
from esframework.interfaces import IContext
from esframework.managers.custom.contracts import ENGINE_MESSAGE, EngineMessageBody
from esframework.net.threads import hops_to_reactor
from esframework.wire.blob_fragments import check_blob, encode_fragments
from esframework.wire.information import encode_information
from esframework.wire.types import BY_SERVER, ChannelMode, MessageType, OnBusy, OnNoP2PChannel, Priority

_FRAGMENTS_PER_TURN = 16


class Sending:
    """Sends to `target`, a user id; on a client None is the server, and whom nobody can be raises `InvalidUserId`.

    `channel` chooses the way to another user: by a P2P channel while there is one; by the server, which then can see
    it; or by a channel and never by the server, which raises `NoP2PChannel` while there is none. What is under way by a
    channel that is lost goes by the server, whatever was chosen. Towards the server, and on a server, `channel` changes
    nothing.

    May be called from worker threads: the call then waits there, and gives the plain result.
    """

    def __init__(self, context: IContext) -> None:
        self._context = context
        self.reactor = context.clock
        self._blob_ids = count(1)

    @hops_to_reactor
    def send(
        self,
        target: str | None,
        information_type: int,
        content: bytes | None,
        *,
        on_busy: OnBusy = OnBusy.CONTINUE,
        priority: Priority = Priority.NORMAL,
        channel: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST,
        on_no_channel: OnNoP2PChannel | None = None,
    ) -> Deferred[bool]:
        """Send information; fires True when its last byte has left our queue for the kernel.

        Fires False when it was dropped: the channel is busy and `on_busy` is DISCARD, the user is not online (on a
        server), or the connection was lost before. Says nothing about arrival: `send_acked` does. `channel` as above;
        with `on_no_channel`, BY_P2P_CHANNEL raises nothing where there is no channel: the server takes it, or it is
        dropped (manual, chapter 01: SendByP2PChannel).
        """
        if on_no_channel is None:
            way = self._context.channel(target, channel)
        else:
            way = self._way_or_none(target, channel, on_no_channel)
        if way is None or (on_busy is OnBusy.DISCARD and way.is_busy):
            return succeed(False)
        way.send(MessageType.INFORMATION, encode_information(information_type, content), 0, target, priority)
        sent: Deferred[bool] = way.sent(priority)
        return sent

    @hops_to_reactor
    def post(
        self,
        target: str | None,
        information_type: int,
        content: bytes | None,
        *,
        on_busy: OnBusy = OnBusy.CONTINUE,
        priority: Priority = Priority.NORMAL,
        channel: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST,
        on_no_channel: OnNoP2PChannel | None = None,
    ) -> bool:
        """Queue information and return at once: True when queued, False when dropped (see `send`)."""
        if on_no_channel is None:
            way = self._context.channel(target, channel)
        else:
            way = self._way_or_none(target, channel, on_no_channel)
        if way is None or (on_busy is OnBusy.DISCARD and way.is_busy):
            return False
        way.send(MessageType.INFORMATION_POSTED, encode_information(information_type, content), 0, target, priority)
        return True

    @hops_to_reactor
    def send_acked(
        self,
        target: str | None,
        information_type: int,
        content: bytes | None,
        *,
        timeout: float | None = None,
        channel: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST,
    ) -> Deferred[None]:
        """Send information and wait for the receiver's acknowledgement.

        It comes from the receiver's engine before its handler runs: it says received, not handled. `timeout` in
        seconds, None takes the engine's. Fails with a `RequestError`: time-out, connection lost, target absent.
        `channel` is for the way there; the answer comes by that which the receiver has.
        """
        body = encode_information(information_type, content)
        return self._request(
            target, information_type, MessageType.ACKED_INFORMATION, MessageType.ACKNOWLEDGEMENT, body, timeout, channel
        )

    @hops_to_reactor
    def query(
        self,
        target: str | None,
        information_type: int,
        content: bytes | None,
        *,
        timeout: float | None = None,
        channel: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST,
    ) -> Deferred[bytes | None]:
        """Ask, and fire with the answer: what the target's `handle_query` returned, bytes or None.

        Fails in four ways, each naming target and type: `RequestTimeout`, `HandlerRaised`, `ConnectionInterrupted`,
        `TargetAbsent`. `timeout` and `channel` as for `send_acked`.
        """
        body = encode_information(information_type, content)
        return self._request(target, information_type, MessageType.QUERY, MessageType.ANSWER, body, timeout, channel)

    @hops_to_reactor
    def send_blob(
        self,
        target: str | None,
        information_type: int,
        content: bytes,
        *,
        fragment_size: int = limits.FRAGMENT_SIZE,
        channel: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST,
        on_no_channel: OnNoP2PChannel | None = None,
    ) -> Deferred[bool]:
        """Send a large content in fragments, between which other messages go; it reaches the ordinary handler whole
        or never.

        Fires True when the last fragment has left for the kernel, False when `on_no_channel` let it be dropped (see
        `send`). Fails with `ConnectionInterrupted` when the connection is lost before, with `TargetAbsent` for a user
        who is not online (on a server). At most `limits.MAX_BLOB_BYTES`.
        """
        check_blob(content, fragment_size)
        mode = self._mode(target, channel, on_no_channel)
        if mode is None:
            return succeed(False)
        bodies = encode_fragments(self._next_blob_id(), content, fragment_size, information_type)
        sending = Deferred.fromCoroutine(
            self._send_fragments(target, information_type, MessageType.BLOB_FRAGMENT, bodies, mode)
        )
        return sending.addCallback(lambda _: True)

    @hops_to_reactor
    def send_message(
        self,
        target: str | None,
        information_type: int,
        message: bytes,
        tag: str = "",
        *,
        fragment_size: int = limits.FRAGMENT_SIZE,
        echo: bool = False,
        channel: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST,
    ) -> Deferred[None]:
        """The second set of calls (manual, chapter 01, part 5): raises `message_received` at the receiver, no handler.

        With `echo`, a client's other devices of the same account see it, too (`message_echoed`); a foreign client of
        generation 6 cannot receive such a message. Of those the server makes the copies, so they go by it; raises
        LocalError for `echo` with BY_P2P_CHANNEL. A user who is not online does not get it, and nobody is told. Fires
        when the last fragment has left, and fails as `send_blob`.
        """
        if echo and target is not None:
            if channel is ChannelMode.BY_P2P_CHANNEL:
                raise LocalError("echo is True and channel BY_P2P_CHANNEL; only the server can make the copies")
            channel = BY_SERVER
        payload = ENGINE_MESSAGE.encode(EngineMessageBody(message, tag))
        check_blob(payload, fragment_size)
        bodies = encode_fragments(self._next_blob_id(), payload, fragment_size, information_type)
        return Deferred.fromCoroutine(
            self._send_fragments(
                target,
                information_type,
                MessageType.ECHOED_MESSAGE if echo else MessageType.ENGINE_MESSAGE,
                bodies,
                channel,
            )
        )

    def _way_or_none(self, target: str | None, channel: ChannelMode, on_no_channel: OnNoP2PChannel) -> Any:
        mode = self._mode(target, channel, on_no_channel)
        return None if mode is None else self._context.channel(target, mode)

    def _mode(
        self, target: str | None, channel: ChannelMode, on_no_channel: OnNoP2PChannel | None
    ) -> ChannelMode | None:
        """By which way it goes in the end; None: it is dropped."""
        if on_no_channel is None or channel is not ChannelMode.BY_P2P_CHANNEL:
            return channel
        try:
            self._context.channel(target, channel)
        except NoP2PChannel:
            return None if on_no_channel is OnNoP2PChannel.DISCARD else BY_SERVER
        return channel

    def _request(
        self,
        target: str | None,
        information_type: int,
        request: MessageType,
        answer: MessageType,
        body: bytes,
        timeout: float | None,
        mode: ChannelMode,
    ) -> Deferred[Any]:
        channel = self._context.channel(target, mode)
        if channel is None:
            return fail(absent(target, information_type))
        seconds = self._context.options.response_timeout if timeout is None else timeout
        asked: Deferred[Any] = self._context.calls.ask(
            lambda message_id: channel.send(request, body, message_id, target),
            target,
            information_type,
            answer,
            seconds,
            survives=getattr(channel, "outlives_session", False),
        )
        return asked

    async def _send_fragments(
        self,
        target: str | None,
        information_type: int,
        message_type: MessageType,
        bodies: Iterable[bytes],
        mode: ChannelMode,
    ) -> None:
        way = self._context.channel(target, mode)
        if way is None:
            if message_type in (MessageType.ENGINE_MESSAGE, MessageType.ECHOED_MESSAGE):
                return
            raise absent(target, information_type)
        try:
            await self._send_each(way, target, information_type, message_type, bodies)
        except NotLoggedOn:
            # Of a link, whose channel and session were lost while this went on.
            raise interrupted(target, information_type) from None

    async def _send_each(
        self, way: Any, target: str | None, information_type: int, message_type: MessageType, bodies: Iterable[bytes]
    ) -> None:
        for number, body in enumerate(bodies, 1):
            turn = way.ready(target)
            if turn is not None and not await turn:
                raise interrupted(target, information_type)
            way.send(message_type, body, 0, target, Priority.BULK)
            if way.is_busy and not await way.sent(Priority.BULK):
                raise interrupted(target, information_type)
            if number % _FRAGMENTS_PER_TURN == 0:
                await deferLater(self._context.clock, 0, lambda: None)
        if not await way.sent(Priority.BULK):
            raise interrupted(target, information_type)

    def _next_blob_id(self) -> int:
        return next(self._blob_ids) % 2**31 or next(self._blob_ids) % 2**31


def absent(target: str | None, information_type: int) -> RequestError:
    """The error of a request to somebody who is not there."""
    return TargetAbsent(
        f"{target!r} is not online; type {information_type} was not delivered", target, information_type
    )


def interrupted(target: str | None, information_type: int) -> RequestError:
    """The error of a request whose connection was lost."""
    who = "the server" if target is None else repr(target)
    return ConnectionInterrupted(
        f"the connection was lost while {who} was sent type {information_type}", target, information_type
    )
