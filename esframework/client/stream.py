"""The client's end of one connection: frames in, to whoever serves them; frames out. Lives as long as its socket.

Knows no reconnect: that is `link`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime, ISSLTransport
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from esframework.client.options import ClientOptions
from esframework.errors import ChannelOverflow, EncodeError, InvalidMessage, MalformedBody
from esframework.interfaces import IChannel, ISender, PausedBy
from esframework.machines.session import Session
from esframework.net.eager import socket_of
from esframework.net.outgoing import Batch, Outgoing
from esframework.net.stream import FULL_READ, Stream, host_of, is_loopback
from esframework.plugins.dispatch import Dispatcher
from esframework.plugins.lanes import AwaitedLane
from esframework.wire.devices import device_of
from esframework.wire.frames import Layout
from esframework.wire.login_id import Source, bare_id, split_login_id
from esframework.wire.profile import ClientType7
from esframework.wire.types import SERVER_ID, MessageInvalidType, MessageType, Priority, RequestFailure

_log = Logger()
_MOST_PEERS = 4096


@implementer(ISender)
class Peer:
    """Whoever sent a frame, as managers see it. `name` is the bare user id, None for the server."""

    __slots__ = ("_stream", "client_type", "login_id", "name")

    def __init__(self, stream: ClientStream, login_id: str, client_type: int, device: int) -> None:
        self._stream = stream
        self.client_type = client_type
        self.login_id = login_id
        self.name = None if login_id == SERVER_ID else Source(bare_id(login_id), device, login_id)

    @property
    def lane(self) -> ClientStream:
        """Application messages of one connection are handled one after another."""
        return self._stream

    @property
    def path_kind(self) -> str:
        """See `ISender`."""
        return "server"

    @property
    def _way(self) -> Any:
        return self._stream.links.get(self.login_id, self._stream)

    @property
    def is_busy(self) -> bool:
        """See `IChannel`."""
        return bool(self._way.is_busy)

    def send(
        self,
        message_type: int,
        body: bytes,
        message_id: int = 0,
        destination: str | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> None:
        """See `IChannel`."""
        self._way.send(message_type, body, message_id, destination or self.login_id, priority)

    def ready(self, target: str | None) -> Deferred[bool] | None:
        """See `IChannel`."""
        turn: Deferred[bool] | None = self._way.ready(target)
        return turn

    def gathered(self, work: Callable[[], None]) -> None:
        """See `IChannel`."""
        self._stream.gathered(work)

    def sent(self, priority: Priority = Priority.NORMAL) -> Deferred[bool]:
        """See `IChannel`."""
        sent: Deferred[bool] = self._way.sent(priority)
        return sent

    def reply(self, message_type: int, body: bytes, message_id: int) -> None:
        """Answer this peer, if there is a way."""
        link = self._stream.links.get(self.login_id)
        if link is not None:
            link.reply(message_type, body, message_id)
        elif not self._stream.has_ended:
            self._stream.send(message_type, body, message_id, self.login_id)

    def reply_as(self, source: str, message_type: int, body: bytes, message_id: int) -> bool:
        """Clients speak in their own name only."""
        raise NotImplementedError("only a server answers in another's name")

    def request_failed(self, message_id: int, reason: RequestFailure, detail: str) -> bool:
        """Clients say so by an empty answer."""
        return False

    def refuse_body(self, error: Exception) -> None:
        """Another user's malformed body reached us by the server: it is counted, the connection stays."""
        self._stream.malformed(error)

    def session_ended(self, cause: str) -> None:
        """The server said that this session is over for good."""
        self._stream.session_ended(cause)

    def features_known(self) -> None:
        """The server said what it can."""
        self._stream.features_known()

    def flow_changed(self, target: str, is_ready: bool) -> None:
        """The server said whether pieces of something large may go to a user."""
        self._stream.flow_changed(target, is_ready)


@implementer(IChannel)
class ClientStream(AwaitedLane, Stream):
    """One connection to a server.

    `events` is told `connected(stream)`, `log_on_answered(body)`, `features_known()`, `ended(cause)` (by the server's
    word), `invalid(kind)` and `lost(stream, reason)`.
    """

    def __init__(
        self,
        clock: IReactorTime,
        options: ClientOptions,
        layout: Layout,
        login_id: str,
        dispatcher: Dispatcher,
        links: dict[str, Any],
        events: Any,
    ) -> None:
        super().__init__()
        self.links = links
        self._clock = clock
        self._options = options
        self._layout = layout
        self._own_field = layout.field(login_id)
        self._server_field = layout.field(SERVER_ID)
        self._dispatcher = dispatcher
        self._events = events
        self._batch = Batch()
        self._session = Session(layout, clock.seconds(), None, options.max_message)
        self._peers: dict[bytes, Peer] = {}
        self._waiting: dict[str, list[Deferred[bool]]] = {}
        self.outgoing = Outgoing(self._batch, self._stuck, options.high_water, 2**62)
        self.has_ended = False
        self.is_online = False

    # --- in -----------------------------------------------------------------------------------------------------------
    def connection_made(self) -> None:
        size, handle = self._options.send_buffer, socket_of(self.transport)
        if size is not None and handle is not None:
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
        self._events.connected(self)

    def dataReceived(self, data: bytes) -> None:
        self.gathered(lambda: self._receive(data))

    def _receive(self, data: bytes) -> None:
        header_size, handlers, peers = self._layout.header_size, self._dispatcher.handlers, self._peers
        addressed, views = self._dispatcher.addressed, self._dispatcher.views
        frames = self._session.receive(data, self._clock.seconds())
        if len(data) >= FULL_READ:
            self.adapt_reading(len(data), len(frames))
        for message_type, message_id, source, destination, raw in frames:
            if self.has_ended:
                return
            try:
                peer = peers.get(source)
                # Of a bare id, the client type alone tells the devices apart.
                if peer is None or peer.client_type != raw[1]:
                    peer = self._peer(source, raw[1])
                body: Any = memoryview(raw)[header_size:] if message_type in views else raw[header_size:]
                if message_type == MessageType.LOG_ON and peer.name is None and not self.is_online:
                    self._events.log_on_answered(body)
                elif self.is_online:
                    if message_type in addressed:
                        addressed[message_type](peer, self._layout.id_of(destination), message_id, body)
                        continue
                    handler: Callable[[Any, int, bytes], None] | None = handlers.get(message_type)
                    if handler is not None:
                        handler(peer, message_id, body)
            except (MalformedBody, InvalidMessage) as error:
                self.malformed(error)
            except Exception:
                _log.failure("handling type {type} failed", type=message_type)
        if self._session.error is not None:
            kind = getattr(self._session.error, "kind", MessageInvalidType.INVALID_HEADER)
            self._events.invalid(MessageInvalidType(kind))
            self.abort()

    @property
    def local_host(self) -> str:
        """The address at this end, empty for a UNIX socket."""
        host = host_of(self.transport.getHost())
        return "" if host == "unix" else host

    @property
    def server_host(self) -> str:
        """The address at the other end, empty for a UNIX socket."""
        host = host_of(self.transport.getPeer())
        return "" if host == "unix" else host

    @property
    def is_secure(self) -> bool:
        """Whether nobody on the way can read what goes over the connection."""
        return bool(ISSLTransport.providedBy(self.transport)) or is_loopback(host_of(self.transport.getPeer()))

    @property
    def heard_no_message(self) -> bool:
        """Whether the other end sent bytes that are no message."""
        return self._session.error is not None

    def _peer(self, source: bytes, client_type: int) -> Peer:
        if len(self._peers) >= _MOST_PEERS:
            self._peers.clear()
        login_id = self._layout.id_of(source)
        profile = self._layout.profile
        device = device_of(split_login_id(login_id)[0], client_type, profile)
        known = ClientType7.OTHERS if device is None else device
        peer = self._peers[source] = Peer(self, login_id, client_type, known)
        return peer

    def server(self) -> Peer:
        """The server, as managers see it."""
        return self._peers.get(self._server_field) or self._peer(self._server_field, 0)

    def malformed(self, error: Exception) -> None:
        """A body cannot be read; it is dropped."""
        _log.info("a message was dropped: {error}", error=str(error))
        self._events.invalid(MessageInvalidType.DATA_LACKED)

    def session_ended(self, cause: str) -> None:
        """The server ended the session for good."""
        self.has_ended = True
        self._events.ended(cause)

    def features_known(self) -> None:
        """The server said what it can."""
        self._events.features_known()

    # --- out (IChannel) -----------------------------------------------------------------------------------------------
    @property
    def is_busy(self) -> bool:
        """Whether more bytes wait than the high-water mark."""
        return self.outgoing.is_busy

    def send(
        self,
        message_type: int,
        body: bytes,
        message_id: int = 0,
        destination: str | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> None:
        """Queue a frame to `destination`, None is the server. Raises ChannelOverflow past the hard limit."""
        layout, outgoing = self._layout, self.outgoing
        if outgoing.size > self._options.hard_limit:
            raise ChannelOverflow(
                f"{outgoing.size} bytes wait for the server; the limit is {self._options.hard_limit}: wait for send()"
            )
        to = self._server_field if destination is None else layout.field(destination)
        frame = layout.encode(message_type, body, self._own_field, to, message_id, self._options.client_type)
        if len(frame) > self._options.max_message:
            raise EncodeError(
                f"a body of {len(body)} bytes does not fit a message of {self._options.max_message}; send it as a blob"
            )
        outgoing.send(frame, priority)

    def ready(self, target: str | None) -> Deferred[bool] | None:
        """See `IChannel`."""
        waiting = self._waiting.get(target or "")
        if waiting is None:
            return None
        turn: Deferred[bool] = Deferred()
        waiting.append(turn)
        return turn

    def flow_changed(self, target: str, is_ready: bool) -> None:
        """The server said whether pieces of something large may go to a user."""
        if not is_ready:
            self._waiting.setdefault(target, [])
            return
        for turn in self._waiting.pop(target, ()):
            turn.callback(True)

    def gathered(self, work: Callable[[], None]) -> None:
        """See `IChannel`."""
        outermost = not self._batch.open
        self._batch.open = True
        try:
            work()
        finally:
            if outermost:
                self._batch.close()

    def sent(self, priority: Priority = Priority.NORMAL) -> Deferred[bool]:
        """See `IChannel`."""
        return self.outgoing.sent(priority)

    def resume_reading(self, party: PausedBy) -> None:
        """See `Stream`. The model of handlers says so whenever one has finished."""
        super().resume_reading(party)
        self.tell_if_idle()

    # --- ending -------------------------------------------------------------------------------------------------------
    def handler_overdue(self) -> None:
        """A handler took too long; unlike a server, a client keeps its only connection."""

    def sweep(self, now: float) -> None:
        """Cut a connection that takes no bytes any more."""
        self._batch.cut_stalled(now, self._options.write_timeout)

    def _stuck(self, reason: str) -> None:
        _log.warn("nothing can be sent ({reason}); the connection is cut", reason=reason)
        self.abort()

    def connection_lost(self, reason: Failure) -> None:
        self.has_ended = True
        waiting, self._waiting = self._waiting, {}
        for turns in waiting.values():
            for turn in turns:
                turn.callback(False)
        self._events.lost(self, reason)
