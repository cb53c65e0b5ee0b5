"""Ports in memory on which P2P channels over TCP are made, and users that write down what happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IAddress, IProtocol
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from esframework.errors import DialFailed
from esframework.net.punched_tcp.channel import TcpChannel
from esframework.net.punched_tcp.sessions import Expected, Sessions
from esframework.testing import MemoryNetwork
from tests.sealed_ends import SESSION, session_keys


def _factory(build: Callable[[IAddress], IProtocol | None]) -> Any:
    factory: Any = Factory()
    factory.buildProtocol = build
    factory.noisy = False
    return factory


class MemorySharedPort:
    """What `SharedPort` is, on a network in memory."""

    def __init__(self, network: MemoryNetwork, number: int) -> None:
        self.number = number
        self._network = network
        self._listening: Any = None

    def listen(self, accept: Callable[[IAddress], IProtocol | None], number: int = 0) -> None:
        self._network.server_endpoint(self.number).listen(_factory(accept)).addCallback(self._listens)

    def _listens(self, port: Any) -> None:
        self._listening = port

    def dial(self, host: str, port: int, protocol: IProtocol, timeout: float = 3.0) -> Deferred[IProtocol]:
        def failed(failure: Failure) -> Any:
            raise DialFailed(failure.getErrorMessage(), failure.check(ConnectionRefusedError) is not None)

        endpoint = self._network.client_endpoint(port, host, timeout)
        return endpoint.connect(_factory(lambda address: protocol)).addErrback(failed)

    def close(self) -> Deferred[None]:
        return self._listening.stopListening() if self._listening is not None else succeed(None)


class Recorder:
    """One end's attempt, and the user of its channel. `choose`: whether a leader takes the first that it finds."""

    def __init__(self, is_leader: bool, choose: bool = True) -> None:
        self.is_leader = is_leader
        self.channel: TcpChannel | None = None
        self.found_channels: list[TcpChannel] = []
        self.events: list[Any] = []
        self.received_bytes = {0: b"", 1: b"", 2: b""}
        self.on_received: Callable[[TcpChannel, int, bytes], None] = lambda channel, stream, data: None
        self._choose = choose

    # --- SessionUser ------------------------------------------------------------------------------------------------
    def found(self, channel: TcpChannel) -> None:
        self.found_channels.append(channel)
        if self.is_leader and self._choose and self.channel is None:
            self.channel = channel
            channel.choose(self)

    def chosen(self, channel: TcpChannel) -> Recorder:
        self.channel = channel
        return self

    def lost(self, channel: TcpChannel) -> None:
        self.events.append("lost")
        self.found_channels.remove(channel)

    # --- IP2PChannelUser --------------------------------------------------------------------------------------------
    def opened(self, channel: TcpChannel) -> None:
        self.events.append("opened")

    def received(self, channel: TcpChannel, stream: int, data: bytes) -> None:
        self.received_bytes[stream] += data
        self.on_received(channel, stream, data)

    def writable(self, channel: TcpChannel) -> None:
        self.events.append("writable")

    def moved(self, channel: TcpChannel, address: tuple[str, int]) -> None:
        self.events.append(("moved", address))

    def closed(self, channel: TcpChannel, code: int, reason: str, is_remote: bool) -> None:
        self.events.append(("closed", code, reason, is_remote))


class Ends:
    """A leader at port 1001 and a follower at 1002, who expect the same session."""

    def __init__(self, network: MemoryNetwork, choose: bool = True) -> None:
        self.network = network
        self.users = Recorder(True, choose), Recorder(False)
        self.sessions = tuple(Sessions(network.reactor, MemorySharedPort(network, 1001 + end)) for end in range(2))
        for user, sessions in zip(self.users, self.sessions, strict=True):
            sessions.listen()
            sessions.expect(Expected(SESSION, session_keys(user.is_leader), user.is_leader, user))

    @property
    def leader(self) -> Recorder:
        """The leader's user."""
        return self.users[0]

    @property
    def follower(self) -> Recorder:
        """The follower's user."""
        return self.users[1]

    def dial(self, end: int) -> Deferred[None]:
        """One end (0: the leader) dials the other."""
        return self.sessions[end].dial(SESSION, ("127.0.0.1", 1002 - end))

    def connect(self, end: int = 0) -> tuple[TcpChannel, TcpChannel]:
        """The channels of leader and follower, open."""
        self.dial(end)
        self.network.advance(1.0)
        assert self.leader.channel is not None and self.follower.channel is not None
        assert self.leader.events == self.follower.events == ["opened"]
        return self.leader.channel, self.follower.channel

    async def close(self) -> None:
        """Leave nothing behind."""
        for sessions in self.sessions:
            await sessions.abort()
        self.network.settle()
