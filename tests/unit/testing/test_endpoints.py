"""Endpoints and ports in memory behave as Twisted's do."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.error import CannotListenError, ConnectionRefusedError
from twisted.internet.error import TimeoutError as ConnectionTimedOut
from twisted.internet.interfaces import IListeningPort, IStreamClientEndpoint, IStreamServerEndpoint
from zope.interface.verify import verifyObject

from esframework.testing import MemoryNetwork, simulated
from esframework.testing.stranger import stranger_factory


@simulated
async def test_they_provide_twisteds_interfaces(network: MemoryNetwork) -> None:
    assert verifyObject(IStreamServerEndpoint, network.server_endpoint())
    assert verifyObject(IStreamClientEndpoint, network.client_endpoint())
    port = await network.server_endpoint().listen(stranger_factory())
    assert verifyObject(IListeningPort, port)
    await port.stopListening()


@simulated
async def test_nobody_listens(network: MemoryNetwork) -> None:
    with pytest.raises(ConnectionRefusedError):
        await network.client_endpoint().connect(stranger_factory())


@simulated
async def test_a_number_can_be_listened_at_once(network: MemoryNetwork) -> None:
    port = await network.server_endpoint().listen(stranger_factory())
    with pytest.raises(CannotListenError):
        await network.server_endpoint().listen(stranger_factory())
    await port.stopListening()
    again = await network.server_endpoint().listen(stranger_factory())
    await again.stopListening()


@simulated
async def test_a_connect_can_be_cancelled(network: MemoryNetwork) -> None:
    network.conditions.delay = 1.0
    connecting = network.client_endpoint().connect(stranger_factory())
    connecting.cancel()
    with pytest.raises(CancelledError):
        await connecting


@simulated
async def test_a_connect_that_nobody_answers_times_out(network: MemoryNetwork) -> None:
    network.go_down(silently=True)
    began = network.seconds()
    with pytest.raises(ConnectionTimedOut):
        await network.client_endpoint(timeout=7).connect(stranger_factory())
    assert network.seconds() - began == 7


@simulated
async def test_who_waits_at_a_port_that_does_not_accept_is_connected_and_served_later(network: MemoryNetwork) -> None:
    factory: Any = stranger_factory()
    made: list[Any] = []
    build = factory.buildProtocol
    factory.buildProtocol = lambda address: made.append(build(address)) or made[-1]
    port = await network.server_endpoint().listen(factory)
    port.stopReading()
    stranger = network.stranger()
    stranger.write(b"hello?")
    network.settle()
    assert stranger.is_connected
    assert made == []
    port.startReading()
    network.settle()
    assert made[0].received == b"hello?"
    await port.stopListening()


@simulated
async def test_who_waits_when_the_port_closes_is_lost(network: MemoryNetwork) -> None:
    port = await network.server_endpoint().listen(stranger_factory())
    port.stopReading()
    stranger = network.stranger()
    await port.stopListening()
    network.settle()
    assert not stranger.is_connected


@simulated
async def test_a_factory_that_wants_nobody_closes_at_once(network: MemoryNetwork) -> None:
    factory: Any = stranger_factory()
    factory.buildProtocol = lambda address: None
    port = await network.server_endpoint().listen(factory)
    stranger = network.stranger()
    assert not stranger.is_connected
    await port.stopListening()
