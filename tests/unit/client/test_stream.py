"""The client's end of a connection: frames in, frames out, and what a server may not make it do."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOProtocol

from esframework import ClientEngine, ClientOptions, MessageInvalidType, MessageType
from esframework.client.stream import ClientStream
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.contracts import LOG_ON_REPLY, LogOnReplyBody
from esframework.wire.frames import default_layout
from esframework.wire.information import encode_information
from tests.peers import Recorder, record

LAYOUT = default_layout()


def frame(message_type: int, body: bytes = b"", message_id: int = 0, source: str = "_0") -> bytes:
    """A frame as a server would send it."""
    return LAYOUT.encode(message_type, body, LAYOUT.field(source), LAYOUT.field("alice"), message_id)


class HandMadeServer(Protocol):
    """Admits everybody, and says what the test wants."""

    transport: Any
    newest: HandMadeServer

    def connectionMade(self) -> None:
        HandMadeServer.newest = self
        self.heard = b""

    def dataReceived(self, data: bytes) -> None:
        if not self.heard:
            reply = LOG_ON_REPLY.encode(LogOnReplyBody("", False, 0, False, False))
            self.transport.write(frame(MessageType.LOG_ON, reply, 1))
        self.heard += data


async def online(network: MemoryNetwork, **arguments: Any) -> tuple[ClientEngine, Any]:
    """A client that is logged on to a server made by hand."""
    factory: Any = Factory.forProtocol(HandMadeServer)
    factory.noisy = False
    port = await network.server_endpoint().listen(factory)
    client = await network.client("alice", **arguments)
    await port.stopListening()
    return client, HandMadeServer.newest


async def says(network: MemoryNetwork, server: Any, data: bytes) -> None:
    server.transport.write(data)
    network.settle()


@simulated
async def test_bytes_that_are_no_frame_cut_the_connection_and_are_told(network: MemoryNetwork) -> None:
    client, server = await online(network)
    invalid = record(client.invalid_message)
    await says(network, server, b"HTTP/1.1 400 Bad Request")
    assert not client.connected
    assert invalid == [("invalid_message", MessageInvalidType.INVALID_TOKEN)]


@pytest.mark.parametrize("message_type", [101, 103, 110, 111, 113, 114, 116, 1000, 1001, 201, 202, 203, 204, 205, 207])
def test_a_malformed_body_is_told_and_the_connection_stays(message_type: int) -> None:
    network = MemoryNetwork()
    client, server = network.run(online(network, handler=Recorder()))
    network.run(says(network, server, frame(message_type, b"\xff\xff\xff", 1)))
    assert client.connected
    network.run(says(network, server, frame(MessageType.INFORMATION, encode_information(1, b"after"))))
    assert client.handler.contents == [b"after"]
    network.close()


@simulated
async def test_a_source_that_is_no_text_is_told_and_the_connection_stays(network: MemoryNetwork) -> None:
    client, server = await online(network)
    invalid = record(client.invalid_message)
    wrong = bytearray(frame(MessageType.INFORMATION, encode_information(1, b"")))
    wrong[13:15] = b"\xff\xfe"
    await says(network, server, bytes(wrong))
    assert client.connected
    assert len(invalid) == 1


@simulated
async def test_unknown_types_are_ignored(network: MemoryNetwork) -> None:
    client, server = await online(network)
    await says(network, server, frame(4242, b"?") + frame(MessageType.HEARTBEAT) + frame(MessageType.LOG_ON, b"x"))
    assert client.connected


@simulated
async def test_nothing_is_handled_behind_the_servers_word_that_it_is_over(network: MemoryNetwork) -> None:
    client, server = await online(network, handler=Recorder())
    told = record(client.basic.being_kicked_out)
    await says(
        network, server, frame(MessageType.KICKED_OUT) + frame(MessageType.INFORMATION, encode_information(1, b""))
    )
    assert told == [("being_kicked_out",)]
    assert client.handler.contents == []
    assert not client.connected


@pytest.mark.parametrize("message_type", [MessageType.KICKED_OUT, MessageType.PUSHED_OUT])
def test_only_the_server_can_say_that_it_is_over(message_type: int) -> None:
    network = MemoryNetwork()
    client, server = network.run(online(network))
    network.run(says(network, server, frame(message_type, source="mallory")))
    assert client.connected
    network.close()


@simulated
async def test_what_comes_before_the_log_on_is_answered_is_ignored(network: MemoryNetwork) -> None:
    class Eager(HandMadeServer):
        def dataReceived(self, data: bytes) -> None:
            if not self.heard:
                self.transport.write(frame(MessageType.INFORMATION, encode_information(1, b"too early")))
            super().dataReceived(data)

    factory: Any = Factory.forProtocol(Eager)
    factory.noisy = False
    port = await network.server_endpoint().listen(factory)
    client = await network.client("alice", handler=Recorder())
    await port.stopListening()
    assert client.handler.contents == []


@simulated
async def test_ten_thousand_senders_are_not_remembered_for_ever(network: MemoryNetwork) -> None:
    client, server = await online(network, handler=Recorder())
    body = encode_information(1, None)
    await says(
        network, server, b"".join(frame(MessageType.INFORMATION, body, source=f"user{n}") for n in range(10_000))
    )
    assert len(client.handler.information) == 10_000
    assert len(client._session.stream._peers) <= 4096


@simulated
async def test_a_frame_longer_than_the_clients_limit_cuts_the_connection(network: MemoryNetwork) -> None:
    client, server = await online(network, options=ClientOptions(max_message=1000))
    invalid = record(client.invalid_message)
    await says(network, server, frame(MessageType.INFORMATION, bytes(2000)))
    assert invalid == [("invalid_message", MessageInvalidType.MESSAGE_SIZE_OVERFLOW)]


@simulated
async def test_every_frame_names_the_client_and_its_type(network: MemoryNetwork) -> None:
    client, server = await online(network, options=ClientOptions(client_type=4, heartbeat_interval=0))
    server.heard = b" "
    client.custom.post("bob", 1, b"")
    network.settle()
    sent = server.heard[1:]
    assert (sent[0], sent[1]) == (0xFF, 4)
    assert LAYOUT.id_of(sent[12 : 12 + LAYOUT.field_size + 1]) == "alice"


@simulated
async def test_heartbeats_begin_at_once_and_carry_the_id_zero(network: MemoryNetwork) -> None:
    client, server = await online(network)
    network.settle()
    beat = server.heard[-LAYOUT.header_size :]
    assert (int.from_bytes(beat[2:4], "little"), beat[4:12]) == (MessageType.HEARTBEAT, bytes(8))
    assert client.connected


@simulated
async def test_any_chunking_gives_the_client_the_same(network: MemoryNetwork) -> None:
    client, server = await online(network, handler=Recorder())
    network.conditions.chunk = 5
    for number in range(20):
        server.transport.write(frame(MessageType.INFORMATION, encode_information(number, bytes(number))))
    network.settle()
    assert client.handler.contents == [bytes(number) for number in range(20)]


def test_the_send_buffer_is_set_below_tls_as_well() -> None:
    told: list[Any] = []
    options = ClientOptions(send_buffer=50_000)
    events = SimpleNamespace(connected=told.append)
    stream = ClientStream(Clock(), options, LAYOUT, "alice", None, {}, events)  # type: ignore[arg-type]
    with socket.socket() as bottom:
        before = bottom.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        tls = TLSMemoryBIOProtocol.__new__(TLSMemoryBIOProtocol)
        tls.transport = SimpleNamespace(socket=bottom)  # type: ignore[assignment]
        stream.transport = tls
        stream.connection_made()
        # Linux doubles what it is told, for its own needs.
        assert bottom.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) in {50_000, 100_000} - {before}
    assert told == [stream]
