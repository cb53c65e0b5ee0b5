"""Tests of the tutorial's chat server: no sockets, and half a minute passes in no time. Run them with pytest."""

from __future__ import annotations

import pytest
from chat_server import HOW_MANY, SAY, Chat

from esframework.errors import HandlerRaised, RequestTimeout
from esframework.testing import MemoryNetwork, simulated


@simulated
async def test_the_server_counts_what_it_hears(network: MemoryNetwork) -> None:
    network.server(handler=Chat())
    alice = await network.client("alice")

    await alice.custom.send(None, SAY, b"hello")
    assert await alice.custom.query(None, HOW_MANY, b"") == b"1"


@simulated
async def test_a_question_that_it_does_not_know_fails(network: MemoryNetwork) -> None:
    network.server(handler=Chat())
    alice = await network.client("alice")

    with pytest.raises(HandlerRaised):
        await alice.custom.query(None, 99, b"")
    # What a handler raises is logged and ends nothing; a test that expects it takes it away, or fails.
    assert len(network.failures.take(LookupError)) == 1


@simulated
async def test_a_client_comes_back_after_its_connection_was_lost(network: MemoryNetwork) -> None:
    chat = Chat()
    network.server(handler=chat)
    alice = await network.client("alice")

    network.cut(alice)
    assert not alice.connected
    network.advance(1.0)
    assert alice.connected


@simulated
async def test_an_unplugged_cable_shows_as_a_time_out(network: MemoryNetwork) -> None:
    server = network.server(handler=Chat())
    alice = await network.client("alice")

    network.unplug(alice)
    began = network.seconds()
    with pytest.raises(RequestTimeout):
        await alice.custom.query(None, HOW_MANY, b"")
    assert network.seconds() - began == 30.0
    network.advance(1.0)
    assert not server.users.is_online("alice")
