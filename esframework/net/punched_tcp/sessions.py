"""Sessions that are expected at a port: who may come, from which port this end dials, and which connections came of it.

    a connection is made        who dialled says hello
    a hello that is authentic   is answered, by whoever was dialled, and the connection belongs to its session
    anything else               is cut without a word, and counted

One timer serves the whole port. Knows no attempt, and chooses no connection.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IProtocol, IReactorTime

from esframework.errors import DialFailed, LocalError
from esframework.limits import sealed as limits
from esframework.net.alarm import Alarm
from esframework.net.channels import Address, IP2PChannelUser
from esframework.net.punched_tcp.channel import TcpChannel
from esframework.net.punched_tcp.newcomers import Newcomer, WaitingRoom
from esframework.rudp.events import CloseCode
from esframework.rudp.keys import Keys
from esframework.sealed.connection import Connection
from esframework.sealed.hello import NONCE_SIZE, SESSION_SIZE, is_authentic, read_hello, say_hello
from esframework.sealed.records import connection_keys


class Port(Protocol):
    """What listens and dials; see `SharedPort`."""

    def listen(self, accept: Callable[[IAddress], IProtocol | None], number: int = 0) -> None: ...

    def dial(self, host: str, port: int, protocol: IProtocol, timeout: float = ...) -> Deferred[IProtocol]: ...

    def close(self) -> Deferred[None]: ...


class SessionUser(Protocol):
    """Who expects connections of a session. All calls come in turns of their own, or while bytes are received."""

    def found(self, channel: TcpChannel) -> None:
        """The other end has said hello on a connection, and at its leader has shown that it has the keys: the leader
        may `choose` it now or later. Others are `cut`, by `forget` or one by one."""

    def chosen(self, channel: TcpChannel) -> IP2PChannelUser:
        """At the follower: the leader has chosen this channel. Gives its user, which hears of everything else."""

    def lost(self, channel: TcpChannel) -> None:
        """A channel that was found and not chosen is gone."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A session: `id` has 16 bytes; `keys` are this end's, derived for TCP alone; `user` hears of its connections."""

    id: bytes
    keys: Keys
    is_leader: bool
    user: SessionUser


class _Session:
    """An expected session, and its connections."""

    def __init__(self, expected: Expected, forget_channel: Callable[[TcpChannel], None]) -> None:
        self.expected = expected
        self.channels: set[TcpChannel] = set()
        # Those of which the user was told, and which are not chosen.
        self._found: set[TcpChannel] = set()
        self._forget_channel = forget_channel

    def found(self, channel: TcpChannel) -> None:
        self._found.add(channel)
        self.expected.user.found(channel)

    def chosen(self, channel: TcpChannel) -> IP2PChannelUser:
        self._found.discard(channel)
        return self.expected.user.chosen(channel)

    def ended(self, channel: TcpChannel, was_chosen: bool) -> None:
        self.channels.discard(channel)
        if channel in self._found:
            self._found.discard(channel)
            if not was_chosen:
                self.expected.user.lost(channel)

    def clear(self) -> list[TcpChannel]:
        """Tell the user nothing more; gives the connections that were not chosen."""
        unchosen = [channel for channel in self.channels if not channel.is_chosen]
        self.channels.clear()
        self._found.clear()
        return unchosen

    def gone(self, channel: TcpChannel) -> None:
        self._forget_channel(channel)


class Sessions:
    """All sessions and channels of one port. `refused` says how many connections were cut, for which reason."""

    def __init__(self, clock: IReactorTime, port: Port, random: Callable[[int], bytes] = os.urandom) -> None:
        self.port = port
        self.refused: dict[str, int] = {}
        self._clock = clock
        self._random = random
        self._alarm = Alarm(clock, self._on_alarm)
        self._sessions: dict[bytes, _Session] = {}
        self._channels: set[TcpChannel] = set()
        self._newcomers = WaitingRoom(self, clock.seconds)
        self._is_closed = False
        self._closing: list[Deferred[None]] = []

    @property
    def has_channels(self) -> bool:
        """Whether a channel is open, or found, at the port."""
        return bool(self._channels)

    def listen(self, number: int = 0) -> None:
        """Listen; raises LocalError when the port is not to be had."""
        self.port.listen(self.accept, number)

    # --- sessions ---------------------------------------------------------------------------------------------------
    def expect(self, session: Expected) -> None:
        """Answer hellos of a session from now on. Raises LocalError for one that is expected already, whose id has not
        16 bytes, or that is one too many; and when the port is closed."""
        if self._is_closed:
            raise LocalError("the TCP port for P2P is closed: nothing can be expected at it")
        if len(session.id) != SESSION_SIZE:
            raise LocalError(f"a session's id has {SESSION_SIZE} bytes, and not {len(session.id)}")
        if session.id in self._sessions:
            raise LocalError(f"session {session.id.hex()} is expected already")
        if len(self._sessions) >= limits.SESSIONS:
            raise LocalError(f"{len(self._sessions)} sessions are expected; forget one before another")
        self._sessions[session.id] = _Session(session, self._gone)

    def dial(self, session: bytes, address: Address, timeout: float = limits.DIAL_TIME) -> Deferred[None]:
        """Connect to an address for a session, and say hello; fires when the other end has, too. What comes of it is
        told to the session's user. Fails with DialFailed, also when the connection is cut before; cancelling it gives
        the dial up.

        :raises LocalError: when the session is not expected, or the port does not listen.
        """
        if session not in self._sessions:
            raise LocalError(f"session {session.hex()} is not expected: nothing can be dialled for it")
        newcomer = self._newcomers.expect(session)
        dialled: Deferred[Any] = self.port.dial(*address, newcomer, timeout)
        return dialled.addCallback(lambda _: self._say_hello(newcomer))

    def forget(self, session: bytes) -> None:
        """Expect a session no more, and cut its connections, but for the one that was chosen. Harmless for one that is
        not expected."""
        forgotten = self._sessions.pop(session, None)
        if forgotten is None:
            return
        self._newcomers.clear(session)
        for channel in forgotten.clear():
            channel.cut()

    def close(self) -> Deferred[None]:
        """Close all channels, each when what it has to say has arrived or a few seconds later, and then the port. Fires
        when that is done. Nothing is expected any more from now on."""
        self._begin_to_close()
        for channel in self._channels:
            channel.close(CloseCode.DONE)
        done: Deferred[None] = Deferred()
        self._closing.append(done)
        if not self._channels:
            self._close_port()
        return done

    def abort(self) -> Deferred[None]:
        """Cut all channels and close the port now; their users are told that they were lost. Fires when the port is
        closed."""
        self._begin_to_close()
        for channel in self._channels:
            channel.cut()
        self._alarm.cancel()
        return self.port.close()

    def _begin_to_close(self) -> None:
        for session in list(self._sessions):
            self.forget(session)
        self._newcomers.clear()
        self._is_closed = True

    def _close_port(self) -> None:
        self._alarm.cancel()
        closing, self._closing = self._closing, []
        for done in closing:
            self.port.close().chainDeferred(done)

    def _gone(self, channel: TcpChannel) -> None:
        self._channels.discard(channel)
        if self._closing and not self._channels:
            self._close_port()

    # --- connections ------------------------------------------------------------------------------------------------
    def accept(self, address: IAddress) -> IProtocol | None:
        """Somebody has connected to the port."""
        if self._is_closed:
            return None
        newcomer = self._newcomers.admit(address)
        self._alarm.set(self._newcomers.deadline)
        return newcomer

    def _say_hello(self, newcomer: Newcomer) -> Deferred[None]:
        session = self._sessions.get(newcomer.dialled_for or b"")
        if session is None:
            newcomer.transport.abortConnection()
            raise DialFailed("the session is not expected any more", False)
        # The endpoint that made the connection has put something between, which is of no use any more.
        newcomer.transport.protocol = newcomer
        answered = self._newcomers.dialled(newcomer)
        self._answer(newcomer, session)
        self._alarm.set(self._newcomers.deadline)
        return answered

    def _answer(self, newcomer: Newcomer, session: _Session) -> None:
        expected = session.expected
        newcomer.nonce = self._random(NONCE_SIZE)
        newcomer.transport.write(say_hello(expected.keys.probes, expected.id, expected.is_leader, newcomer.nonce))

    def greeted(self, newcomer: Newcomer, hello: bytes, rest: bytes) -> None:
        """Part of `Host`: a connection has said for which session it is."""
        read = read_hello(hello)
        if read is None:
            self._newcomers.drop(newcomer, "no_hello")
            return
        session = self._sessions.get(read.session)
        if session is None or newcomer.dialled_for not in (None, read.session):
            self._newcomers.drop(newcomer, "unknown_session")
        elif read.is_leader == session.expected.is_leader or not is_authentic(session.expected.keys.probes, hello):
            self._newcomers.drop(newcomer, "forged_hello")
        elif len(session.channels) >= limits.FOUND_CONNECTIONS:
            self._newcomers.drop(newcomer, "too_many_of_session")
        else:
            self._take_over(newcomer, session, read.nonce, rest)

    def _take_over(self, newcomer: Newcomer, session: _Session, their_nonce: bytes, rest: bytes) -> None:
        self._newcomers.greet(newcomer)
        if newcomer.dialled_for is None:
            self._answer(newcomer, session)
        expected = session.expected
        nonces = (newcomer.nonce, their_nonce) if expected.is_leader else (their_nonce, newcomer.nonce)
        connection = Connection(
            connection_keys(expected.keys, *nonces),
            expected.is_leader,
            self._clock.seconds(),
            lambda: self._random(1)[0] / 255,
        )
        channel = TcpChannel(connection, session, self._clock, self._alarm.set)
        session.channels.add(channel)
        self._channels.add(channel)
        channel.attach(newcomer.transport)
        if not expected.is_leader:
            session.found(channel)
        if rest:
            channel.dataReceived(rest)

    def refuse(self, reason: str) -> None:
        """Part of `Host`."""
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def _on_alarm(self, now: float) -> None:
        self._newcomers.on_timer(now)
        for channel in [one for one in self._channels if one.deadline is not None and one.deadline <= now]:
            channel.on_timer(now)
        deadlines = [one.deadline for one in self._channels if one.deadline is not None]
        self._alarm.set(min(deadlines, default=None))
        self._alarm.set(self._newcomers.deadline)
