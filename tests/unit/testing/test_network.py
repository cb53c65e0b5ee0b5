"""The network as a whole: what happens to clients on it, and what is left at its end."""

from __future__ import annotations

import pytest

from esframework import ClientOptions, ServerOptions
from esframework.errors import LogonFailed
from esframework.testing import MemoryNetwork, simulated
from tests.peers import Recorder


@simulated
async def test_a_client_that_is_refused_fails_as_its_log_on_does(network: MemoryNetwork) -> None:
    network.server(verifier=type("No", (), {"verify": lambda self, request: "not today"})())
    with pytest.raises(LogonFailed, match="not today"):
        await network.client("alice")


def test_clients_and_servers_can_be_made_outside_of_a_coroutine() -> None:
    network = MemoryNetwork()
    server = network.server()
    alice = network.run(network.client("alice"))
    assert alice.connected
    assert server.users.ids() == ["alice"]
    network.close()


@simulated
async def test_the_watchdog_is_off_whatever_the_options_say(network: MemoryNetwork) -> None:
    server = network.server(options=ServerOptions(watch_reactor=True, max_user_id=20))
    assert server.options.watch_reactor is False
    assert server.options.max_user_id == 20


@simulated
async def test_going_down_loses_everybody_and_coming_up_lets_them_back(network: MemoryNetwork) -> None:
    server = network.server()
    clients = [await network.client(name) for name in ("alice", "bob")]
    network.go_down()
    assert server.users.count == 0
    network.advance(30)
    assert not any(client.connected for client in clients)
    network.come_up()
    network.advance(60)
    assert all(client.connected for client in clients)


@simulated
async def test_an_unplugged_client_and_its_server_learn_it_from_their_timeouts_alone(network: MemoryNetwork) -> None:
    server = network.server()
    alice = await network.client("alice", options=ClientOptions(auto_reconnect=False))
    network.unplug(alice)
    network.advance(20)
    assert server.users.is_online("alice")
    network.plug_in(alice)
    network.advance(60)
    assert server.users.is_online("alice")
    network.unplug(alice)
    network.advance(32)
    assert not server.users.is_online("alice")
    assert alice.connected


@simulated
async def test_each_client_has_the_address_that_it_was_given(network: MemoryNetwork) -> None:
    server = network.server()
    await network.client("alice", host="192.0.2.7")
    assert server.users.address_of("alice")[0] == "192.0.2.7"


def test_what_is_left_is_named() -> None:
    network = MemoryNetwork()
    network.server()
    network.stranger()
    left = network.leftovers()
    assert any("connection" in item for item in left)
    assert any("port" in item for item in left)
    assert any("delayed call" in item for item in left)
    network.close()
    assert network.leftovers() == []


def test_close_fails_for_a_failure_that_nobody_took() -> None:
    network = MemoryNetwork()
    network.server(Recorder(lambda _: 1 / 0))
    alice = network.run(network.client("alice"))
    network.run(alice.custom.query(None, 1, b"").addErrback(lambda failure: None))
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        network.close()


@simulated
async def test_time_passes_only_when_somebody_waits(network: MemoryNetwork) -> None:
    network.server()
    alice = await network.client("alice")
    assert network.seconds() == 0
    await alice.basic.ping()
    assert network.seconds() == 0
    network.advance(2.5)
    assert network.seconds() == 2.5
