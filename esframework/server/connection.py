"""One client's connection at the server: before its log-on a greeting, then a session whose frames go their way.

This is the path of every message. It knows which machine is in charge and where frames go; who may log on is the gate's
decision, what a message means is a manager's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from esframework import limits
from esframework.errors import EncodeError, InvalidMessage, MalformedBody, RemoteError, WrongUserId
from esframework.interfaces import ISender, PausedBy
from esframework.machines.greeting import EarlyQueryReceived, Greeting, LogOnReceived
from esframework.machines.session import Session
from esframework.net.outgoing import Outgoing
from esframework.net.stream import FULL_READ, Stream, host_of, is_loopback, port_of
from esframework.plugins.dispatch import Dispatcher
from esframework.plugins.models import OpenJob
from esframework.server.admission import FrameWindow
from esframework.server.options import ServerOptions
from esframework.server.refusals import Refusals
from esframework.server.router import Router
from esframework.server.sweep import Wheel
from esframework.wire.contracts import REQUEST_FAILED, STREAM_FLOW, RequestFailedBody, StreamFlowBody
from esframework.wire.frames import Frame, Layout
from esframework.wire.login_id import Source
from esframework.wire.types import (
    SERVER_ID,
    STREAMED_TYPES,
    DisconnectedType,
    MessageInvalidType,
    MessageType,
    Priority,
    RequestFailure,
)

if TYPE_CHECKING:
    from esframework.server.users import UserData

_log = Logger()


class Gatekeeper(Protocol):
    """Decides who may come in, and is told who went."""

    def log_on(self, connection: ServerConnection, received: LogOnReceived) -> None: ...
    def early_query(self, connection: ServerConnection, received: EarlyQueryReceived) -> None: ...
    def gone(self, connection: ServerConnection, reason: DisconnectedType) -> None: ...
    def lost(self, connection: ServerConnection) -> None: ...
    def timed_out(self, connection: ServerConnection) -> None: ...
    def invalid(self, connection: ServerConnection, error: RemoteError) -> None: ...


class Shared:
    """What all connections of a server use; one object, so that a connection holds one reference."""

    __slots__ = ("clock", "options", "batch", "dispatcher", "router", "refusals", "gate", "wheel", "frames_in")

    def __init__(
        self,
        clock: IReactorTime,
        options: ServerOptions,
        dispatcher: Dispatcher,
        router: Router,
        refusals: Refusals,
        gate: Gatekeeper,
        wheel: Wheel,
    ) -> None:
        self.clock = clock
        self.options = options
        self.batch = router.batch
        self.dispatcher = dispatcher
        self.router = router
        self.refusals = refusals
        self.gate = gate
        self.wheel = wheel
        self.frames_in = 0


@implementer(ISender)
class ServerConnection(Stream):
    """A Twisted protocol, a manager's `ISender`, and the handler model's lane, in one object without a dictionary."""

    __slots__ = (
        "_shared",
        "_greeting",
        "_session",
        "_server_field",
        "_routes",
        "_window",
        "_cut_off",
        "_slowed",
        "left_orderly",
        "_ended",
        "due",
        "address",
        "client_type",
        "layout",
        "login_id",
        "name",
        "user",
        "is_ours",
        "open_job",
        "backlog",
        "backlog_bytes",
    )

    path_kind = "server"

    def __init__(self, shared: Shared) -> None:
        super().__init__()
        self._shared = shared
        options = shared.options
        self.outgoing = Outgoing(shared.batch, self._stuck, options.high_water, options.hard_limit)
        self._greeting: Greeting | None = None
        self._session: Session | None = None
        self._server_field = b""
        self._routes: dict[bytes, Outgoing] = {}
        self._window: FrameWindow | None = None
        self._cut_off: IDelayedCall | None = None
        self._slowed: set[str] | None = None
        self.left_orderly = False
        self.due = 0
        self._ended: DisconnectedType | None = None
        self.address: tuple[str, int] = ("", 0)
        self.layout: Layout = None  # type: ignore[assignment]  # set with the log-on, before anybody can see it
        self.login_id = ""
        self.client_type = 0
        self.name: Source | None = None
        self.user: UserData | None = None
        self.is_ours = False
        self.open_job: OpenJob | None = None
        self.backlog: deque[Any] | None = None
        self.backlog_bytes = 0

    def __repr__(self) -> str:
        return f"<ServerConnection of {self.name!r} from {self.address[0]}:{self.address[1]}>"

    @property
    def lane(self) -> ServerConnection:
        """Application messages of one connection are handled one after another."""
        return self

    # --- bytes in ---------------------------------------------------------------------------------------------------
    def connection_made(self) -> None:
        options = self._shared.options
        peer = self.transport.getPeer()
        self.address = (host_of(peer), port_of(peer))
        if options.max_frames_per_second > 0 and (options.limit_loopback or not is_loopback(self.address[0])):
            self._window = FrameWindow(options.max_frames_per_second)
        self._greeting = Greeting(self._shared.clock.seconds(), options.log_on_timeout)
        if self._greeting.deadline is not None:
            self._shared.wheel.add(self, self._greeting.deadline)

    def dataReceived(self, data: bytes) -> None:
        if self._ended is not None:
            # Its last bytes are still leaving; what it says meanwhile is said by nobody.
            return
        batch = self._shared.batch
        outermost = not batch.open
        batch.open = True
        try:
            if self._session is None:
                self._greet(data)
            else:
                self._receive(self._session, data)
        finally:
            if outermost:
                batch.close()

    def _receive(self, session: Session, data: bytes) -> None:
        shared = self._shared
        now = shared.clock.seconds()
        frames = session.receive(data, now)
        shared.frames_in += len(frames)
        if self._window is not None and not self._window.admits(len(frames), now):
            self._slow_down(self._window)
        server_field, routes, unread_types = self._server_field, self._routes, shared.router.unread_types
        handlers, touched, header_size = shared.dispatcher.handlers, shared.batch.touched, self.layout.header_size
        views = shared.dispatcher.views
        for frame in frames:
            message_type, message_id, _, destination, raw = frame
            if destination == server_field:
                handler = handlers.get(message_type)
                try:
                    if handler is not None:
                        body: Any = memoryview(raw)[header_size:] if message_type in views else raw[header_size:]
                        handler(self, message_id, body)
                    else:
                        shared.refusals.add("unknown_type")
                except MalformedBody as error:
                    self.refuse_body(error)
                except Exception:
                    _log.failure("handling type {type} from {name} failed", type=message_type, name=self.name)
                if self._ended is not None:
                    return
            else:
                outgoing = routes.get(destination)
                if outgoing is not None and message_type in unread_types:
                    pending = outgoing.pending
                    if not pending:
                        touched.append(outgoing)
                    pending.append(raw)
                    if outgoing.size > outgoing.high_water:
                        self.hold_back(message_type, destination, outgoing)
                else:
                    self._forward(frame)
                    if self._ended is not None:
                        return
        if len(data) >= FULL_READ and frames and frames[-1][3] == server_field:
            # What is passed on is better read frame by frame: it leaves as it came, without being put together.
            self.adapt_reading(len(data), len(frames))
        if session.error is not None:
            self._broken(session.error)

    def _forward(self, frame: Frame) -> None:
        try:
            self._shared.router.forward(self, frame)
        except InvalidMessage as error:
            self._broken(error)
        except MalformedBody as error:
            self.refuse_body(error)
        except Exception:
            _log.failure("forwarding type {type} from {name} failed", type=frame[0], name=self.name)

    def hold_back(self, message_type: int, destination: bytes, receiver: Outgoing) -> None:
        """Let this client stream no faster than a busy receiver takes it.

        One of our own is asked to wait, and goes on talking to others meanwhile; of any other nothing is read until the
        receiver is ready. Single messages are never held up for somebody who does not read.
        """
        if message_type not in STREAMED_TYPES:
            return
        if self.is_ours:
            self._ask_to_wait(self.layout.id_of(destination), receiver)
        elif not self._paused_by & PausedBy.RECEIVER:
            self.pause_reading(PausedBy.RECEIVER)
            receiver.when_drained(lambda: self.resume_reading(PausedBy.RECEIVER))

    def _ask_to_wait(self, target: str, receiver: Outgoing) -> None:
        if self._slowed is None:
            self._slowed = set()
        if target not in self._slowed:
            self._slowed.add(target)
            self.send(MessageType.STREAM_FLOW, STREAM_FLOW.encode(StreamFlowBody(False, target)))
            receiver.when_drained(lambda: self._let_go_on(target))

    def _let_go_on(self, target: str) -> None:
        if self._slowed is not None:
            self._slowed.discard(target)
        self.reply(MessageType.STREAM_FLOW, STREAM_FLOW.encode(StreamFlowBody(True, target)), 0)

    def _slow_down(self, window: FrameWindow) -> None:
        if not self._paused_by & PausedBy.RATE:
            self._shared.refusals.add("frames_per_second")
            self.pause_reading(PausedBy.RATE)
            window.pause = self._shared.clock.callLater(1.0, self._go_on, window)

    def _go_on(self, window: FrameWindow) -> None:
        window.pause = None
        self.resume_reading(PausedBy.RATE)

    # --- log-on -----------------------------------------------------------------------------------------------------
    def _greet(self, data: bytes) -> None:
        greeting = self._greeting
        if greeting is None:
            return
        try:
            received = greeting.receive(data)
            while isinstance(received, EarlyQueryReceived):
                self.layout = received.layout
                self._shared.gate.early_query(self, received)
                received = greeting.receive(b"")
        except InvalidMessage as error:
            self._broken(error)
            return
        if received is not None:
            self.layout = received.layout
            greeting.deadline = None
            self.pause_reading(PausedBy.GATE)
            self._shared.gate.log_on(self, received)

    def bind(self, received: LogOnReceived, user: UserData) -> None:
        """The log-on was accepted: believe this connection's frames in the user's name from now on."""
        layout = received.layout
        self.login_id = received.login_id
        self.client_type = received.client_type
        self.name = Source(user.user_id, user.device, received.login_id)
        self.user = user
        self.is_ours = received.is_ours
        self._server_field = layout.field(SERVER_ID)
        self._routes = self._shared.router.table(layout)
        names = (received.source, layout.field(user.user_id))
        now = self._shared.clock.seconds()
        self._session = Session(layout, now, names, self._shared.options.max_message)
        self._shared.wheel.remove(self)
        if self._shared.options.heartbeat_timeout > 0:
            self._shared.wheel.add(self, now + self._shared.options.heartbeat_timeout)

    def begin(self) -> None:
        """The log-on has been answered: take what came behind it, and read on."""
        greeting, self._greeting = self._greeting, None
        rest = greeting.rest if greeting is not None else b""
        if rest:
            self.dataReceived(rest)
        self.resume_reading(PausedBy.GATE)

    @property
    def has_ended(self) -> bool:
        """Whether the session is over, even if the last bytes are still leaving."""
        return self._ended is not None

    # --- frames out (ISender) -----------------------------------------------------------------------------------------
    @property
    def is_busy(self) -> bool:
        """Whether more bytes wait for this client than its high-water mark."""
        return self.outgoing.is_busy

    def send(
        self,
        message_type: int,
        body: bytes,
        message_id: int = 0,
        destination: str | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> None:
        """Queue a frame from the server to this client."""
        name = self.name if destination is None else destination
        self.outgoing.send(self._encode(SERVER_ID, name or "", message_type, body, message_id), priority)

    def _encode(self, source: str, destination: str, message_type: int, body: bytes, message_id: int) -> bytes:
        layout, longest = self.layout, self._shared.options.max_message
        if layout.header_size + len(body) > longest:
            raise EncodeError(f"a body of {len(body)} bytes does not fit a message of {longest}; send it as a blob")
        client_type = layout.profile.server_client_type
        return layout.encode(
            message_type, body, layout.field(source), layout.field(destination), message_id, client_type
        )

    def ready(self, target: str | None) -> Deferred[bool] | None:
        """See `IChannel`: the queue to this client is all there is between."""
        return None

    def gathered(self, work: Callable[[], None]) -> None:
        """See `IChannel`."""
        self._shared.router.gathered(work)

    def sent(self, priority: Priority = Priority.NORMAL) -> Deferred[bool]:
        """See `IChannel`."""
        return self.outgoing.sent(priority)

    def reply(self, message_type: int, body: bytes, message_id: int) -> None:
        """Answer one of this client's requests."""
        if self._ended is None:
            self.send(message_type, body, message_id)

    def reply_as(self, source: str, message_type: int, body: bytes, message_id: int) -> bool:
        """Answer in the name of a user who is not there; see `ISender`."""
        if self._ended is not None or not self.layout.fits(source):
            return False
        self.outgoing.send(self._encode(source, self.name or "", message_type, body, message_id))
        return True

    def request_failed(self, message_id: int, reason: RequestFailure, detail: str) -> bool:
        """Tell one of our own clients that a request will not be answered; False for a foreign one."""
        if self.is_ours and message_id:
            # It repeats names that the peer chose, in a spelling that may be four times as long.
            detail = detail.encode(errors="replace")[: limits.MAX_FAILURE_DETAIL].decode(errors="ignore")
            body = REQUEST_FAILED.encode(RequestFailedBody(detail, reason))
            self.reply(MessageType.REQUEST_FAILED, body, message_id)
        return self.is_ours

    # --- ending -----------------------------------------------------------------------------------------------------
    def end(self, reason: DisconnectedType, *, orderly: bool = False) -> None:
        """End the session for `reason`; orderly lets what is queued leave first. Only the first reason counts."""
        if self._ended is not None:
            return
        self._ended = reason
        self._shared.wheel.remove(self)
        self._shared.gate.gone(self, reason)
        if orderly:
            self._cut_off = self._shared.clock.callLater(max(0.0, self._shared.options.close_grace), self._cut)
            self.close_orderly()
        else:
            self.abort()

    def refuse_body(self, error: Exception) -> None:
        """A malformed body ends its sender's connection like any other bytes that are no message."""
        self._broken(InvalidMessage(MessageInvalidType.DATA_LACKED, str(error)))

    def handler_overdue(self) -> None:
        """A handler of this connection's messages took too long."""
        self._shared.refusals.add("handler_timeout")
        self.end(DisconnectedType.HANDLER_TIMEOUT)

    def _broken(self, error: RemoteError) -> None:
        self._shared.gate.invalid(self, error)
        wrong_name = isinstance(error, WrongUserId)
        self.end(DisconnectedType.MESSAGE_WITH_WRONG_USER_ID if wrong_name else DisconnectedType.INVALID_MESSAGE)

    def _stuck(self, reason: str) -> None:
        self._shared.refusals.add(reason)
        # In the next turn: an overflow is noticed while somebody else's frames are being routed.
        self._shared.clock.callLater(0, self.end, DisconnectedType.CHANNEL_CACHE_OVERFLOW)

    def connection_lost(self, reason: Failure) -> None:
        if self._ended is None:
            self.left_orderly = reason.check(ConnectionDone) is not None
            self._ended = DisconnectedType.NETWORK_INTERRUPTED
            self._shared.wheel.remove(self)
            self._shared.gate.gone(self, self._ended)
        if self._cut_off is not None:
            self._cut_off.cancel()
            self._cut_off = None
        if self._window is not None and self._window.pause is not None:
            self._window.pause.cancel()
        self._shared.gate.lost(self)

    def _cut(self) -> None:
        self._cut_off = None
        self.abort()

    # --- when it is due -----------------------------------------------------------------------------------------------
    def sweep(self, now: float, heard_since: float) -> float | None:
        """Meet this connection's deadline and say when the next one is.

        Silence before `heard_since` does not count: nobody was listening then.
        """
        if self._ended is not None:
            return None
        if self._session is not None:
            return self._check_silence(self._session, now, heard_since)
        if self._greeting is not None and self._greeting.deadline is not None:
            self._shared.refusals.add("log_on_timeout")
            self.end(DisconnectedType.LOG_ON_TIMEOUT)
        return None

    def _check_silence(self, session: Session, now: float, heard_since: float) -> float | None:
        timeout = self._shared.options.heartbeat_timeout
        if self.reading_is_paused:
            session.last_heard = now
        due = max(session.last_heard, heard_since) + timeout
        if due > now:
            return due
        self._shared.gate.timed_out(self)
        self.end(DisconnectedType.HEARTBEAT_TIMEOUT)
        return None
