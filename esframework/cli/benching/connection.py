"""One connection of a load: logs on, hands frames on, writes bytes. Far leaner than a client engine, and knows no load.

It keeps nothing alive by itself and never comes back: a connection that is lost is part of the result.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, ITCPTransport
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from esframework.cli.benching.schemes import Plan
from esframework.errors import ConnectionFailed, LogonFailed, MalformedBody
from esframework.net.eager import backlog, is_plain, send_now
from esframework.wire.contracts import LOG_ON, LOG_ON_REPLY, LogOnBody
from esframework.wire.frames import Frame, FrameDecoder, Layout, default_layout
from esframework.wire.information import encode_information
from esframework.wire.profile import GENERATION_6, GENERATION_7
from esframework.wire.types import SERVER_ID, LogonResult, MessageType

PROGRAM: Final = "esframework-bench"
"""How a connection announces itself: unlike a client engine, so that the server sends it no extensions."""


def layout_for(plan: Plan) -> Layout:
    """The header that a plan's connections use."""
    return default_layout(GENERATION_7 if plan.generation == 7 else GENERATION_6, plan.max_user_id)


@implementer(IPushProducer)
class LoadConnection(Protocol):
    """A connection of one account. `logged_on` fires with it, or fails with LogonFailed or ConnectionFailed.

    Once logged on, `on_frames(frames)` gets every batch that comes in, `on_writable()` is called when the transport
    takes bytes again after it had enough, and `on_lost()` when the connection is gone.
    """

    def __init__(self, plan: Plan, user_id: str, password: str) -> None:
        self.user_id = user_id
        self.layout = layout_for(plan)
        self.logged_on: Deferred[LoadConnection] = Deferred()
        self.on_frames: Callable[[list[Frame]], None] = _ignore_frames
        self.on_writable: Callable[[], None] = _do_nothing
        self.on_lost: Callable[[], None] = _do_nothing
        self.is_paused = False
        self.is_lost = False
        self._password = password
        self._decoder = FrameDecoder(self.layout)
        self._is_online = False
        self._is_plain = False
        profile = self.layout.profile
        login_id = f"{profile.own_client_type}#{user_id}" if profile.generation == 7 else user_id
        self._own_field = self.layout.field(login_id)

    # --- frames -------------------------------------------------------------------------------------------------------
    def frame(self, message_type: int, body: bytes, target: str = SERVER_ID, message_id: int = 0) -> bytes:
        """A whole frame from this account; raises EncodeError when the target's id does not fit."""
        return self.layout.encode(message_type, body, self._own_field, self.layout.field(target), message_id)

    def information(self, information_type: int, content: bytes, target: str = SERVER_ID) -> bytes:
        """A frame of posted information."""
        return self.frame(MessageType.INFORMATION_POSTED, encode_information(information_type, content), target)

    def send(self, data: bytes) -> None:
        """Write bytes, to the kernel at once where nothing waits."""
        transport: Any = self.transport
        if self._is_plain and not backlog(transport):
            sent = send_now(transport, data)
            if sent == len(data):
                return
            data = data[sent:]
        transport.write(data)

    def close(self) -> None:
        """End the connection."""
        if self.transport is not None and not self.is_lost:
            self.transport.loseConnection()

    # --- IProtocol ----------------------------------------------------------------------------------------------------
    def connectionMade(self) -> None:
        transport: Any = self.transport
        if ITCPTransport.providedBy(transport):
            transport.setTcpNoDelay(True)
        self._is_plain = is_plain(transport)
        transport.registerProducer(self, True)
        token = f"{date.today():%Y%m%d}" if self.layout.profile.generation == 7 else ""
        self.send(
            self.frame(MessageType.LOG_ON, LOG_ON.encode(LogOnBody(PROGRAM, self._password, token)), message_id=1)
        )

    def dataReceived(self, data: bytes) -> None:
        frames = self._decoder.feed(data)
        if self._decoder.error is not None:
            self.transport.abortConnection()  # type: ignore[union-attr]
        elif self._is_online:
            self.on_frames(frames)
        elif frames:
            self._log_on_answered(frames)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.is_lost = True
        if not self._is_online:
            why = "" if reason is None else f": {reason.getErrorMessage()}"
            self._failed(ConnectionFailed(f"the connection was lost before the log-on was answered{why}"))
        else:
            self.on_lost()

    def _log_on_answered(self, frames: list[Frame]) -> None:
        message_type, _, _, _, raw = frames[0]
        try:
            if message_type != MessageType.LOG_ON:
                raise MalformedBody(f"type {message_type} came instead")
            reply = LOG_ON_REPLY.decode(raw[self.layout.header_size :])
        except MalformedBody as error:
            self._failed(ConnectionFailed(f"the log-on was not answered by a server of this protocol: {error}"))
            return
        if reply.logon_result != LogonResult.SUCCEED:
            known = reply.logon_result in LogonResult.__members__.values()
            result = LogonResult(reply.logon_result) if known else reply.logon_result
            self._failed(LogonFailed(result, reply.failure_cause or ""))
            return
        self._is_online = True
        self.logged_on.callback(self)
        if len(frames) > 1:
            self.on_frames(frames[1:])

    def _failed(self, error: Exception) -> None:
        if not self.logged_on.called:
            self.logged_on.errback(error)
        self.close()

    # --- IPushProducer: how the transport says that it has enough -----------------------------------------------------
    def pauseProducing(self) -> None:
        """Part of IPushProducer."""
        self.is_paused = True

    def resumeProducing(self) -> None:
        """Part of IPushProducer."""
        self.is_paused = False
        self.on_writable()

    def stopProducing(self) -> None:
        """Part of IPushProducer: the connection is going down."""
        self.is_paused = True


def _ignore_frames(frames: list[Frame]) -> None:
    """What comes to a connection that only sends."""


def _do_nothing() -> None:
    """Nobody wants to know."""
