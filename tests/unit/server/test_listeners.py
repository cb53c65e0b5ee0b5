"""Accepting, stopping at the maximum, going on below it."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import Any

import pytest
from twisted.internet import tcp
from twisted.internet.defer import succeed
from twisted.internet.error import CannotListenError, ConnectionDone
from twisted.python.failure import Failure

from esframework import ServerOptions
from esframework.testing import MemoryNetwork, simulated
from tests.peers import FramePeer, record


@simulated
async def test_at_the_maximum_accepting_stops_and_below_it_those_who_wait_come_in(network: MemoryNetwork) -> None:
    server = network.server(options=ServerOptions(max_connections=2))
    one, _ = FramePeer(network, "one").online(), FramePeer(network, "two").online()
    state = server.listener_state
    assert (state.is_listening, state.is_at_maximum, state.connections) == (False, True, 2)

    third = FramePeer(network, "three")
    third.stranger.write(third.log_on_frame())
    network.settle()
    assert third.is_connected
    assert third.take() == []

    one.stranger.transport.loseConnection()
    assert len(third.take()) == 1
    assert server.users.ids() == ["two", "three"]
    assert server.listener_state.is_at_maximum
    server.basic.kick_out("two")
    network.settle()
    state = server.listener_state
    assert (state.is_listening, state.is_at_maximum, state.connections) == (True, False, 1)


class Reading:
    """A reactor as far as a listening port of Twisted's needs one: it knows who reads."""

    def __init__(self, clock: Any) -> None:
        self.callLater = clock.callLater
        self.reading: list[Any] = []

    def addReader(self, reader: Any) -> None:
        if reader not in self.reading:
            self.reading.append(reader)

    def removeReader(self, reader: Any) -> None:
        if reader in self.reading:
            self.reading.remove(reader)

    def removeWriter(self, writer: Any) -> None:
        """Nobody waits for room to write here."""


class RealPort:
    """An endpoint on a real socket of loopback."""

    def __init__(self, clock: Any) -> None:
        self.reactor = Reading(clock)
        self.port: Any = None

    def listen(self, factory: Any) -> Any:
        self.port = tcp.Port(0, factory, interface="127.0.0.1", reactor=self.reactor)
        self.port.startListening()
        return succeed(self.port)


@simulated
async def test_of_a_burst_those_for_whom_there_is_no_room_wait_and_are_served_later(network: MemoryNetwork) -> None:
    one, other = RealPort(network.reactor), RealPort(network.reactor)
    server = network.server(options=ServerOptions(max_connections=5))
    for endpoint in (one, other):
        await server.listen(endpoint)
    with ExitStack() as connected:
        for _ in range(12):
            connected.enter_context(socket.create_connection(one.port.socket.getsockname()))
        connected.enter_context(socket.create_connection(other.port.socket.getsockname()))
        # Both ports were found readable before either was told to stop.
        one.port.doRead()
        other.port.doRead()
        assert server.connection_count == 5
        assert one.port not in one.reactor.reading
        served = 0
        while server.connection_count:
            served += server.connection_count
            for connection in list(server.factory.connections):
                connection.transport.connectionLost(Failure(ConnectionDone()))
            for endpoint in (one, other):
                if endpoint.port in endpoint.reactor.reading:
                    endpoint.port.doRead()
        assert served == 13
    assert server.refusals.counts["max_connections"] == 0


@simulated
async def test_the_state_says_when_somebody_came_last(network: MemoryNetwork) -> None:
    server = network.server()
    assert server.listener_state.last_accept is None
    network.advance(7)
    network.stranger()
    network.advance(5)
    assert server.listener_state.last_accept == 7.0


@simulated
async def test_a_port_opened_at_the_maximum_accepts_nobody_yet(network: MemoryNetwork) -> None:
    server = network.server(options=ServerOptions(max_connections=1))
    first = network.stranger()
    await server.listen(network.server_endpoint(5000))
    second = network.stranger(5000)
    assert server.connection_count == 1
    first.transport.loseConnection()
    network.settle()
    assert server.connection_count == 1
    assert second.is_connected
    assert [address.port for address in server.addresses] == [4530, 5000]


@simulated
async def test_connections_of_one_address_are_bounded(network: MemoryNetwork) -> None:
    server = network.server(options=ServerOptions(max_connections_per_address=2))
    from_one = [network.stranger(host="10.0.0.1") for _ in range(3)]
    other = network.stranger(host="10.0.0.2")
    assert [stranger.is_connected for stranger in (*from_one, other)] == [True, True, False, True]
    assert server.refusals.counts["max_connections_per_address"] == 1
    assert server.connection_count == 3


@simulated
async def test_an_address_that_is_taken_is_told_and_the_engine_goes_on(network: MemoryNetwork) -> None:
    server = network.server()
    errors = record(server.error)
    with pytest.raises(CannotListenError):
        await server.listen(network.server_endpoint())
    assert len(errors) == 1
    await network.client("alice")


@simulated
async def test_a_thousand_empty_connections_go_when_their_time_is_over(network: MemoryNetwork) -> None:
    server = network.server()
    strangers = [network.stranger() for _ in range(1000)]
    await network.client("alice")
    assert server.connection_count == 1001
    network.advance(17)
    assert server.connection_count == 1
    assert not any(stranger.is_connected for stranger in strangers)
