"""Clients of other makes get what waited for them, in the frames that they know."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from esframework import ServerEngine
from esframework.managers.offline.contracts import WRAPPED
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.information import decode_information, encode_information
from esframework.wire.types import SERVER_ID, MessageType
from tests.peers import FramePeer, Recorder, record
from tests.unit.managers.offline.parts import EPOCH, keeping_server

ASK = 99


async def keep(server: ServerEngine, *contents: bytes, source: str | None = "alice") -> None:
    for content in contents:
        await server.offline.leave("bob", 7, content, source=source)


def asked(
    network: MemoryNetwork, login_id: str = "bob", style: int = MessageType.INFORMATION, **more: Any
) -> FramePeer:
    """A foreign client that has asked for its messages."""
    peer = FramePeer(network, login_id, **more).online()
    peer.send(style, encode_information(ASK, None), 5)
    return peer


def information(peer: FramePeer) -> list[tuple[str, int, bytes | None]]:
    """What came as ordinary information."""
    return [(frame.source, *decode_information(frame.body)) for frame in peer.take(MessageType.INFORMATION)]


@pytest.mark.parametrize("generation", [6, 7])
@simulated
async def test_a_foreign_client_gets_what_waited_as_if_its_senders_had_sent_it_now(
    network: MemoryNetwork, generation: int
) -> None:
    server = keeping_server(network, request_type=ASK)
    handed_over = record(server.offline.handed_over)
    await keep(server, b"one", b"two")
    await keep(server, b"from the server", source=None)
    peer = asked(network, "bob" if generation == 6 else "2#bob", generation=generation)
    assert information(peer) == [("alice", 7, b"one"), ("alice", 7, b"two"), (SERVER_ID, 7, b"from the server")]
    assert await server.offline.waiting("bob") == []
    assert len(handed_over) == 3


@pytest.mark.parametrize("generation", [6, 7])
@simulated
async def test_or_wrapped_as_in_the_manual(network: MemoryNetwork, generation: int) -> None:
    server = keeping_server(network, request_type=ASK, delivery_type=98)
    network.advance(61.5)
    await keep(server, b"one")
    peer = asked(network, "bob" if generation == 6 else "2#bob", generation=generation)
    [(source, information_type, content)] = information(peer)
    assert (source, information_type) == (SERVER_ID, 98)
    wrapped = WRAPPED[generation].decode(content or b"")
    assert (wrapped.source_user_id, wrapped.dest_user_id, wrapped.information_type) == ("alice", "bob", 7)
    assert (wrapped.information, wrapped.time) == (b"one", datetime.fromtimestamp(EPOCH + network.seconds()))


@pytest.mark.parametrize(
    "style",
    [MessageType.INFORMATION, MessageType.INFORMATION_POSTED, MessageType.ACKED_INFORMATION, MessageType.QUERY],
)
@simulated
async def test_it_may_ask_in_any_style(network: MemoryNetwork, style: int) -> None:
    server = keeping_server(network, request_type=ASK)
    server.handler = handler = Recorder()
    await keep(server, b"one")
    peer = asked(network, style=style)
    answers: dict[int, list[bytes]] = {
        MessageType.ACKED_INFORMATION: [b""],
        MessageType.QUERY: [encode_information(ASK, b"")],
    }
    frames = peer.take()
    assert [frame.body for frame in frames[:-1]] == answers.get(style, [])
    assert decode_information(frames[-1].body) == (7, b"one")
    assert handler.information == handler.queries == []


@simulated
async def test_what_is_kept_later_comes_by_itself(network: MemoryNetwork) -> None:
    server = keeping_server(network, request_type=ASK)
    peer = asked(network)
    await keep(server, b"late")
    assert information(peer) == [("alice", 7, b"late")]


@simulated
async def test_many_go_in_batches(network: MemoryNetwork) -> None:
    server = keeping_server(network, request_type=ASK, messages=0)
    contents = [b"%d" % number for number in range(2000)]
    await keep(server, *contents)
    assert [content for _, _, content in information(asked(network))] == contents


@simulated
async def test_what_has_not_left_for_the_kernel_is_not_deleted(network: MemoryNetwork) -> None:
    server = keeping_server(network, request_type=ASK)
    contents = [bytes([number]) * 200_000 for number in range(8)]
    await keep(server, *contents)
    peer = FramePeer(network, "bob").online()
    network.stop_reading(peer.stranger)
    peer.send(MessageType.INFORMATION, encode_information(ASK, None))
    left = await server.offline.waiting("bob")
    assert len(left) > 4
    peer.stranger.transport.abortConnection()
    network.settle()
    again = information(asked(network))
    assert [content for _, _, content in again] == contents[-len(left) :]


@simulated
async def test_a_name_that_its_header_cannot_carry_stays(network: MemoryNetwork) -> None:
    server = keeping_server(network, request_type=ASK)
    await keep(server, b"lost?", source="a-name-of-twenty-eight-bytes")
    await keep(server, b"fine")
    small = asked(network)
    assert information(small) == [("alice", 7, b"fine")]
    assert server.refusals.counts["offline_does_not_fit_its_receiver"] == 1
    assert len(await server.offline.waiting("bob")) == 1
    assert information(asked(network, max_user_id=36)) == [("a-name-of-twenty-eight-bytes", 7, b"lost?")]


@simulated
async def test_without_a_request_type_nobody_foreign_can_ask(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    server.handler = handler = Recorder()
    await keep(server, b"one")
    assert information(asked(network)) == []
    assert handler.information == [("bob", ASK, None)]
