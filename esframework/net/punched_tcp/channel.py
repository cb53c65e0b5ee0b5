"""A connection of a session, and what it is to its user: `IP2PChannel` over a `sealed.Connection`.

Writes once in a turn of the reactor, and no more at a time than an urgent message may wait for. Refuses to know other
connections of its session, and which one is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IProtocol, IPullProducer, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from esframework import limits
from esframework.errors import LocalError
from esframework.limits import sealed as sealed_limits
from esframework.net.channels import STREAMS, Address, IP2PChannel, IP2PChannelUser, high_water
from esframework.net.eager import backlog, is_plain, send_now
from esframework.net.punched_tcp.kernel import facts_of, keep_unsent, round_trip_of, tune, unsent_in
from esframework.net.punched_tcp.rate import Rate
from esframework.net.stream import host_of, port_of
from esframework.rudp.events import CloseCode, Closed
from esframework.rudp.rtt import Rtt
from esframework.sealed.connection import Chosen, Connection, Found, Opened
from esframework.sealed.stages import State

_log = Logger()


class Session(Protocol):
    """To what a connection belongs."""

    def found(self, channel: TcpChannel) -> None:
        """The other end has shown that it has the keys: at its leader, the channel may be chosen."""

    def chosen(self, channel: TcpChannel) -> IP2PChannelUser:
        """At the follower: the leader has chosen this channel; gives its user."""

    def ended(self, channel: TcpChannel, was_chosen: bool) -> None:
        """It has ended; the last words may still be on their way."""

    def gone(self, channel: TcpChannel) -> None:
        """Its connection is no more."""


@implementer(IProtocol, IPullProducer, IP2PChannel)
class TcpChannel:
    """See `IP2PChannel`; until it is chosen it has no user, and takes no bytes.

    `watch(deadline)` has `on_timer` called then.
    """

    protocol = "tcp"

    def __init__(
        self, connection: Connection, session: Session, clock: IReactorTime, watch: Callable[[float], None]
    ) -> None:
        self.transport: Any = None
        self._connection = connection
        self._session = session
        self._clock = clock
        self._watch = watch
        self._user: IP2PChannelUser | None = None
        self._turn: IDelayedCall | None = None
        self._plain = False
        # Whether the transport holds bytes that it could not hand to the system yet.
        self._blocked = False
        self._was_busy = False
        self._is_cut = False
        self._is_lost = False
        self._rate = Rate()
        # Bytes that the system may hold before it has sent them.
        self._keeps = sealed_limits.UNSENT_IN_KERNEL
        self._bytes_sent = 0
        self._bytes_received = 0
        self._address: Address = ("", 0)
        self._local_address: Address = ("", 0)

    # --- the session ------------------------------------------------------------------------------------------------
    def attach(self, transport: Any) -> None:
        """Take a connection over behind its hello."""
        self.transport = transport
        self._address = _address(transport.getPeer())
        self._local_address = _address(transport.getHost())
        tune(transport)
        measured = round_trip_of(transport)
        if measured is not None:
            self._connection.rtt = Rtt(measured)
        self._plain = is_plain(transport)
        transport.protocol = self
        transport.registerProducer(self, False)
        # This end's hello may not have left yet.
        self._blocked = bool(backlog(transport))
        self._watch(self._connection.deadline)
        self._want_turn()

    def choose(self, user: IP2PChannelUser) -> None:
        """Have this channel be the one of its session. Only for the leader, after `found`; raises ChannelClosed
        otherwise, or when it has ended."""
        self._connection.choose(self._clock.seconds())
        self._user = user
        self._want_turn()

    @property
    def is_chosen(self) -> bool:
        """Whether it has a user."""
        return self._user is not None

    def cut(self) -> None:
        """End it at once, on both sides, as if it had been lost. By a reset: an orderly end would keep both ends from
        making the same connection again for a minute."""
        self._cut()

    def on_timer(self, now: float) -> None:
        """The deadline may have come."""
        connection = self._connection
        if connection.state is State.CLOSED and now >= connection.deadline:
            self._cut()
            return
        connection.on_timer(now)
        self._want_turn()

    @property
    def deadline(self) -> float | None:
        """When to call `on_timer`; None once the connection is cut: then it only has to be lost."""
        return None if self._is_cut else self._connection.deadline

    # --- IP2PChannel ------------------------------------------------------------------------------------------------
    @property
    def address(self) -> Address:
        return self._address

    @property
    def local_address(self) -> Address:
        return self._local_address

    @property
    def opened_at(self) -> float | None:
        return self._connection.opened_at

    @property
    def is_open(self) -> bool:
        return self._connection.is_open

    @property
    def is_busy(self) -> bool:
        unsent = self._connection.unsent
        return unsent > limits.P2P_LEAST_BUSY_BYTES and unsent > high_water(self._rate.bytes_a_second)

    @property
    def round_trip(self) -> float:
        return self._connection.rtt.smoothed

    def write(self, stream: int, data: bytes) -> None:
        self._connection.write(stream, data)
        self._was_busy = self._was_busy or self.is_busy
        self._want_turn()

    def waiting(self, stream: int | None = None) -> int:
        return self._connection.unsent if stream is None else self._connection.waiting(_known(stream))

    def pause(self, stream: int) -> None:
        self._connection.pause(_known(stream))

    def resume(self, stream: int) -> None:
        self._connection.resume(_known(stream))
        self._want_turn()

    def close(self, code: int = 0, reason: str = "") -> None:
        self._connection.close(code, reason, self._clock.seconds())
        self._want_turn()

    def abort(self, code: int = 0, reason: str = "") -> None:
        self._connection.abort(code, reason, self._clock.seconds())
        self._want_turn()

    def facts(self) -> Mapping[str, int | float | str]:
        return {
            "round_trip": self.round_trip,
            "bytes_sent": self._bytes_sent,
            "bytes_received": self._bytes_received,
            "records_sent": self._connection.records_sent,
            "records_received": self._connection.records_received,
            "waiting": self._connection.unsent,
            "rate": self._rate.bytes_a_second,
            **facts_of(self.transport),
        }

    # --- the transport ----------------------------------------------------------------------------------------------
    def makeConnection(self, transport: Any) -> None:
        """Part of IProtocol; `attach` does it."""

    def connectionMade(self) -> None:
        """Part of IProtocol; `attach` does it."""

    def dataReceived(self, data: bytes) -> None:
        """Part of IProtocol."""
        now = self._clock.seconds()
        self._bytes_received += len(data)
        self._connection.receive(data, now)
        self._tell(now)
        if self._connection.has_output or self._connection.state is State.CLOSED:
            self._want_turn()

    def connectionLost(self, reason: Failure) -> None:
        """Part of IProtocol."""
        self._is_cut = self._is_lost = True
        self._connection.lost(self._clock.seconds())
        # It may have come of a call of the user's, and is told in a turn of its own.
        self._want_turn()

    def resumeProducing(self) -> None:
        """Part of IPullProducer: the transport has handed everything to the system."""
        self._blocked = False
        if self._connection.has_output:
            self._want_turn()

    def stopProducing(self) -> None:
        """Part of IPullProducer; `connectionLost` follows."""

    # --- turns ------------------------------------------------------------------------------------------------------
    def _want_turn(self) -> None:
        if self._turn is None:
            self._turn = self._clock.callLater(0, self._take_turn)

    def _take_turn(self) -> None:
        self._turn = None
        now = self._clock.seconds()
        self._tell(now)
        if self._is_lost:
            self._session.gone(self)
        if self._is_cut:
            return
        self._write(now)
        connection = self._connection
        if connection.is_heard_out and not connection.has_output:
            self._cut()
            return
        self._watch(connection.deadline)
        self._tell_writable()

    def _tell(self, now: float) -> None:
        """Tell what happened, and hand out what came. What follows from that is told in a later turn."""
        connection = self._connection
        for event in connection.events(now):
            self._tell_event(event)
        user = self._user
        if user is None:
            return
        for stream in STREAMS:
            data = connection.take(stream)
            if data:
                self._call(user.received, self, stream, data)
        if connection.has_events:
            self._want_turn()

    def _tell_event(self, event: object) -> None:
        if isinstance(event, Found):
            self._session.found(self)
        elif isinstance(event, Chosen):
            self._user = self._session.chosen(self)
        elif isinstance(event, Opened) and self._user is not None:
            self._call(self._user.opened, self)
        elif isinstance(event, Closed):
            user, self._user = self._user, None
            if user is not None:
                self._call(user.closed, self, event.code, event.reason, event.is_remote)
            self._session.ended(self, user is not None)
            if event.code == CloseCode.SILENCE and not event.is_remote:
                self._cut()

    def _call(self, callback: Callable[..., object], *arguments: object) -> None:
        try:
            callback(*arguments)
        except Exception:
            _log.failure("P2P channel: its user raised in {name}", name=getattr(callback, "__name__", str(callback)))
            self.abort(CloseCode.FAILED, "the program that uses the channel has failed")

    def _tell_writable(self) -> None:
        if self._was_busy and 2 * self._connection.unsent < high_water(self._rate.bytes_a_second):
            self._was_busy = False
            if self._user is not None and self.is_open:
                self._call(self._user.writable, self)

    # --- writing ----------------------------------------------------------------------------------------------------
    def _write(self, now: float) -> None:
        connection = self._connection
        if self._blocked or not connection.has_output:
            return
        if self._plain and unsent_in(self.transport) > self._keeps:
            # It would take more; but what it has taken no message overtakes. It says when it has sent half of it.
            self._blocked = True
            self.transport.startWriting()
            return
        data = connection.records(self._rate.turn, now)
        self._bytes_sent += len(data)
        if self._rate.left(len(data), connection.unsent == 0, now):
            self._keeps = max(sealed_limits.UNSENT_IN_KERNEL, self._rate.turn)
            keep_unsent(self.transport, self._keeps)
        if self._plain:
            sent = send_now(self.transport, data)
            if sent == len(data):
                if connection.has_output:
                    self._want_turn()
                return
            data = data[sent:]
        self._blocked = True
        self.transport.write(data)

    def _cut(self) -> None:
        if not self._is_cut:
            self._is_cut = True
            self.transport.unregisterProducer()
            self.transport.abortConnection()


def _known(stream: int) -> int:
    if stream not in STREAMS:
        raise LocalError(f"a channel has the streams {STREAMS}, and no stream {stream}")
    return stream


def _address(address: Any) -> Address:
    return host_of(address), port_of(address)
