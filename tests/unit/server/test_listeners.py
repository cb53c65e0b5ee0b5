"""Accepting, stopping at the maximum, going on below it."""

from __future__ import annotations

import pytest
from twisted.internet.error import CannotListenError

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
