"""The client engine's face."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from esframework import ClientOptions
from esframework.client.endpoints import InvalidEndpoint
from esframework.errors import InvalidUserId, NotLoggedOn, PluginError
from esframework.interfaces import IContext
from esframework.testing import MemoryNetwork, simulated


def test_it_gives_managers_what_it_promises() -> None:
    assert verifyObject(IContext, MemoryNetwork().new_client())


def test_managers_are_attributes_and_others_are_named() -> None:
    client = MemoryNetwork().new_client()
    assert client.custom is client.manager("custom")
    with pytest.raises(AttributeError, match="no manager 'nonsense'"):
        _ = client.nonsense
    with pytest.raises(PluginError, match="installed are"):
        client.manager("nonsense")


def test_before_it_logs_on_it_is_nobody() -> None:
    client = MemoryNetwork().new_client()
    assert (client.connected, client.current_user_id, client.channel_is_busy) == (False, None, False)
    with pytest.raises(NotLoggedOn, match="call log_on"):
        client.channel(None)


@simulated
async def test_a_wrong_endpoint_string_is_refused(network: MemoryNetwork) -> None:
    client = network.new_client()
    with pytest.raises(InvalidEndpoint):
        await client.log_on("alice", "", "nonsense")
    network.server()
    await client.log_on("alice", "", network.endpoint_of(client))


@simulated
async def test_a_client_may_change_its_account(network: MemoryNetwork) -> None:
    server = network.server()
    client = await network.client("alice")
    await client.close()
    network.settle()
    await client.log_on("bob", "", network.endpoint_of(client))
    assert server.users.ids() == ["bob"]
    assert client.current_user_id == "bob"


@simulated
async def test_a_handler_past_its_limit_does_not_cost_the_client_its_connection(network: MemoryNetwork) -> None:
    class Slow:
        handled = 0

        def handle_information(self, source: str | None, information_type: int, content: bytes) -> Deferred[None]:
            self.handled += 1
            return Deferred()

    server = network.server()
    handler = Slow()
    client = await network.client("alice", handler=handler, options=ClientOptions(handler_limit=10))
    for _ in range(2):
        server.custom.post("alice", 1, b"")
    network.advance(15)
    assert client.connected
    assert handler.handled == 2
    network.advance(15)
    network.failures.take(Exception)


def test_engines_begin_their_message_ids_apart() -> None:
    # Several devices of one account hear an answer to their bare id: it must not be another device's by accident.
    first_ids = {MemoryNetwork().new_client().calls.open(None, 203, 204, 0)[0] for _ in range(8)}
    assert len(first_ids) > 1


@simulated
async def test_whom_nobody_can_be_is_refused_at_once_by_every_call(network: MemoryNetwork) -> None:
    server = network.server()
    alice = await network.client("alice")
    wrong: Any
    for wrong in "", "_x", "*", "77#bob", 7, ["bob"]:
        for call in alice.custom.send, alice.custom.post, alice.custom.send_acked, alice.custom.query:
            with pytest.raises(InvalidUserId, match="^target "):
                call(wrong, 1, b"")
        for call in alice.custom.send_blob, alice.custom.send_message, alice.offline.send, alice.custom.send_attached:
            with pytest.raises(InvalidUserId, match="^target "):
                await call(wrong, 1, b"", *([b""] if call == alice.custom.send_attached else []))
    assert alice.custom.post("_0", 1, b"for the server, by its id") and alice.custom.post("9#bob", 1, b"")
    network.settle()
    assert server.custom.unhandled == 1


@simulated
async def test_targets_are_remembered_and_not_for_ever(network: MemoryNetwork) -> None:
    network.server()
    alice = await network.client("alice")
    for number in range(5000):
        alice.channel(f"user{number}")
    assert len(alice._targets) <= 4097
    with pytest.raises(InvalidUserId):
        alice.channel("")
