"""What happens to information that arrives malformed, unfinished, or that nobody handles."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework import MessageInvalidType, MessageType
from esframework.managers.custom.contracts import ENGINE_MESSAGE, EngineMessageBody
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.blob_fragments import encode_fragments
from esframework.wire.information import encode_information
from tests.peers import FramePeer, Recorder, record


@pytest.mark.parametrize("message_type", [201, 202, 203, 204, 205, 207, 208])
def test_a_malformed_body_ends_its_sender_and_nobody_else(message_type: int) -> None:
    network = MemoryNetwork()
    handler = Recorder()
    server = network.server(handler)
    good, bad = FramePeer(network, "good").online(), FramePeer(network, "bad").online()
    invalid = record(server.invalid_message)
    bad.send(message_type, b"\xff" * 40, 1)
    good.send(MessageType.INFORMATION, encode_information(1, b""))
    assert not bad.is_connected
    assert [kind for _, _, kind in invalid] == [MessageInvalidType.DATA_LACKED]
    assert len(handler.information) == 1
    network.close()


@simulated
async def test_a_malformed_body_from_another_user_is_dropped_and_the_connection_stays(network: MemoryNetwork) -> None:
    network.server()
    handler = Recorder()
    alice = await network.client("alice", handler=handler)
    invalid = record(alice.invalid_message)
    bob = FramePeer(network, "bob").online()
    bob.send(MessageType.INFORMATION, b"malformed", to="alice")
    bob.say("alice", 1, b"well formed")
    assert alice.connected
    assert handler.contents == [b"well formed"]
    assert invalid == [("invalid_message", MessageInvalidType.DATA_LACKED)]


@simulated
async def test_an_answer_that_nobody_waits_for_is_ignored(network: MemoryNetwork) -> None:
    network.server()
    alice = FramePeer(network, "alice").online()
    alice.send(MessageType.ANSWER, encode_information(1, b""), 99)
    alice.send(MessageType.ACKNOWLEDGEMENT, b"", 99)
    assert alice.is_connected


@simulated
async def test_information_without_a_handler_is_dropped(network: MemoryNetwork) -> None:
    server = network.server()
    alice = await network.client("alice")
    await alice.custom.send_acked(None, 1, b"")
    await alice.custom.send_blob(None, 1, b"")
    await server.custom.send("alice", 1, b"")
    assert alice.connected


@simulated
async def test_a_blob_that_is_never_finished_is_forgotten(network: MemoryNetwork) -> None:
    handler = Recorder()
    server = network.server(handler)
    alice = FramePeer(network, "alice").online()
    first, *rest = encode_fragments(1, bytes(100), 40, 7)
    alice.send(MessageType.BLOB_FRAGMENT, first)
    for _ in range(7):
        network.advance(10)
        alice.send(MessageType.HEARTBEAT)
    for fragment in rest:
        alice.send(MessageType.BLOB_FRAGMENT, fragment)
    assert handler.information == []
    assert server.users.is_online("alice")


@simulated
async def test_the_unfinished_blobs_of_who_left_are_not_finished_by_its_next_connection(network: MemoryNetwork) -> None:
    handler = Recorder()
    network.server(handler)
    *fragments, last = encode_fragments(1, bytes(100), 40, 7)
    for _ in range(2):
        alice = FramePeer(network, "alice").online()
        for fragment in fragments:
            alice.send(MessageType.BLOB_FRAGMENT, fragment)
        alice.stranger.transport.loseConnection()
        network.settle()
    alice = FramePeer(network, "alice").online()
    alice.send(MessageType.BLOB_FRAGMENT, last)
    assert handler.information == []


@simulated
async def test_unfinished_blobs_of_a_client_are_dropped_with_its_connection(network: MemoryNetwork) -> None:
    network.server()
    handler = Recorder()
    alice = await network.client("alice", handler=handler)
    bob = FramePeer(network, "bob").online()
    *fragments, last = encode_fragments(1, bytes(100), 40, 7)
    for fragment in fragments:
        bob.send(MessageType.BLOB_FRAGMENT, fragment, to="alice")
    network.cut(alice)
    network.advance(2)
    assert alice.connected
    bob.send(MessageType.BLOB_FRAGMENT, last, to="alice")
    assert handler.information == []


@simulated
async def test_a_message_whose_joined_payload_is_malformed_ends_a_client_of_the_server(network: MemoryNetwork) -> None:
    server = network.server()
    got = record(server.custom.message_received)
    alice = FramePeer(network, "alice").online()
    (good,) = encode_fragments(1, ENGINE_MESSAGE.encode(EngineMessageBody(b"m", None)), 100, 3)
    alice.send(MessageType.ENGINE_MESSAGE, good)
    assert got == [("message_received", "alice", 3, b"m", None)]
    (bad,) = encode_fragments(2, b"no payload", 100, 3)
    alice.send(MessageType.ENGINE_MESSAGE, bad)
    assert not alice.is_connected


@simulated
async def test_a_handler_that_raises_ends_nothing(network: MemoryNetwork) -> None:
    class Broken(Recorder):
        def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> Any:
            super().handle_information(source, information_type, content)
            raise ValueError(information_type)

    handler = Broken()
    server = network.server(handler)
    alice = await network.client("alice")
    for kind in range(3):
        await alice.custom.send(None, kind, b"")
    network.settle()
    assert len(handler.information) == 3
    assert alice.connected
    assert server.model.failures == 3
    assert len(network.failures.take(ValueError)) == 3


@simulated
async def test_a_handler_may_query_its_own_client(network: MemoryNetwork) -> None:
    class Asking(Recorder):
        async def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes:
            answer: bytes = await server.custom.query(source, 2, content)
            return b"you said " + answer

    server = network.server(Asking())
    alice = await network.client("alice", handler=Recorder(lambda content: (content or b"").upper()))
    assert await alice.custom.query(None, 1, b"hello") == b"you said HELLO"


@simulated
async def test_a_client_whose_handler_asks_the_server_back_is_answered(network: MemoryNetwork) -> None:
    class Asking(Recorder):
        async def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> Any:
            return await bob.custom.query(source, 2, content)

    network.server()
    alice = await network.client("alice", handler=Recorder())
    bob = await network.client("bob", handler=Asking())
    assert await alice.custom.query("bob", 1, b"round and round") == b"round and round"


@simulated
async def test_relayed_frames_and_replies_never_wait_for_a_handler(network: MemoryNetwork) -> None:
    waiting: Deferred[None] = Deferred()

    class Slow(Recorder):
        def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> Any:
            return waiting

    server = network.server(Slow())
    alice = FramePeer(network, "alice").online()
    bob = FramePeer(network, "bob").online()
    alice.send(MessageType.INFORMATION, encode_information(1, b""))
    alice.say("bob")
    assert len(bob.take()) == 1
    asked = server.custom.query("alice", 1, b"")
    (query,) = alice.take()
    alice.send(MessageType.ANSWER, query.body, query.message_id)
    assert await asked == b""
    alice.send(MessageType.ALL_ONLINE_USERS, b"", 4)
    assert len(alice.take()) == 1
    waiting.callback(None)


@simulated
async def test_a_blob_over_a_limit_is_dropped_and_its_sender_stays(network: MemoryNetwork) -> None:
    handler = Recorder()
    network.server(handler)
    alice = FramePeer(network, "alice").online()
    first, _, last = encode_fragments(1, bytes(100), 40, 7)
    for fragment in (first, last):
        alice.send(MessageType.BLOB_FRAGMENT, fragment)
    for fragment in encode_fragments(2, b"whole", 40, 7):
        alice.send(MessageType.BLOB_FRAGMENT, fragment)
    assert handler.contents == [b"whole"]
    assert alice.is_connected
