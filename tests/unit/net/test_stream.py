"""A stream: who may pause its reading, how it ends, and what its addresses are called."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet import tcp
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.protocol import Factory
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure

from esframework import limits
from esframework.net.outgoing import Batch, Outgoing
from esframework.net.stream import FULL_READ, Stream, host_of, is_loopback, port_of
from esframework.testing import MemoryNetwork, Stranger, simulated


class Echo(Stream):
    """Keeps what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.outgoing = Outgoing(Batch(), lambda reason: None)
        self.heard = b""
        self.lost: list[Failure] = []

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connection_lost(self, reason: Failure) -> None:
        self.lost.append(reason)


async def connected(network: MemoryNetwork) -> tuple[Echo, Stranger]:
    """A stream, and the peer at its other end."""
    stream = Echo()
    factory: Any = Factory()
    factory.buildProtocol = lambda address: stream
    factory.noisy = False
    port = await network.server_endpoint().listen(factory)
    stranger = network.stranger()
    await port.stopListening()
    return stream, stranger


@simulated
async def test_reading_goes_on_when_the_last_party_is_ready(network: MemoryNetwork) -> None:
    stream, stranger = await connected(network)
    stream.pause_reading(1)
    stream.pause_reading(2)
    stream.pause_reading(2)
    stranger.write(b"x")
    stream.resume_reading(2)
    network.settle()
    assert (stream.heard, stream.reading_is_paused) == (b"", True)
    stream.resume_reading(4)
    assert stream.reading_is_paused
    stream.resume_reading(1)
    network.settle()
    assert (stream.heard, stream.reading_is_paused) == (b"x", False)


@simulated
async def test_an_orderly_close_comes_after_everything_queued(network: MemoryNetwork) -> None:
    network.conditions.window = 64 * 1024
    stream, stranger = await connected(network)
    network.stop_reading(stranger)
    stream.outgoing.send(bytes(300_000))
    stream.outgoing.send(b"end")
    stream.close_orderly()
    network.settle()
    assert stream.lost == []
    network.go_on_reading(stranger)
    assert stranger.received == bytes(300_000) + b"end"
    assert not stranger.is_connected
    assert len(stream.lost) == 1


@simulated
async def test_abort_loses_what_is_queued_and_comes_once(network: MemoryNetwork) -> None:
    stream, stranger = await connected(network)
    network.stop_reading(stranger)
    stream.outgoing.send(bytes(1_000_000))
    stream.abort()
    stream.abort()
    stream.close_orderly()
    network.settle()
    assert len(stream.lost) == 1
    network.go_on_reading(stranger)
    assert not stranger.is_connected


@simulated
async def test_a_lost_stream_may_be_told_anything_without_harm(network: MemoryNetwork) -> None:
    stream, stranger = await connected(network)
    stranger.transport.loseConnection()
    network.settle()
    stream.pause_reading(1)
    stream.resume_reading(1)
    stream.close_orderly()
    stream.abort()
    stream.outgoing.send(b"x")
    network.settle()
    assert len(stream.lost) == 1


@pytest.mark.parametrize("speaks_tls", [False, True])
def test_a_connection_is_kept_alive_and_never_delayed(speaks_tls: bool) -> None:
    transport: Any = tcp.Server.__new__(tcp.Server)
    outermost = transport
    if speaks_tls:
        outermost = TLSMemoryBIOProtocol.__new__(TLSMemoryBIOProtocol)
        outermost.transport = transport
    outermost.registerProducer = lambda producer, streaming: None
    with socket.socket() as transport.socket:
        Echo().makeConnection(outermost)
        set_to = [
            transport.socket.getsockopt(level, option)
            for level, option in (
                (socket.IPPROTO_TCP, socket.TCP_NODELAY),
                (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
            )
        ]
    assert set_to == [1, 1, limits.KEEP_ALIVE_IDLE, limits.KEEP_ALIVE_INTERVAL]


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        (IPv4Address("TCP", "10.0.0.1", 5), "10.0.0.1", 5),
        (IPv6Address("TCP", "::1", 6), "::1", 6),
        (IPv6Address("TCP", "::ffff:10.0.0.1", 7), "10.0.0.1", 7),
        (IPv6Address("TCP", "fe80::1", 7, scopeID="eth0"), "fe80::1", 7),
        (UNIXAddress(b"/run/x"), "unix", 0),
        (None, "unix", 0),
    ],
)
def test_addresses(address: Any, host: str, port: int) -> None:
    assert (host_of(address), port_of(address)) == (host, port)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("unix", True), ("10.0.0.1", False), ("1270.0.1", False)],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_large_frames_are_read_four_times_as_many_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Echo()
    stream.transport = SimpleNamespace(bufferSize=FULL_READ)
    stream.adapt_reading(FULL_READ, 1)
    assert stream.transport.bufferSize == FULL_READ, "only where bytes are read from a socket, and not from TLS"
    monkeypatch.setattr("esframework.net.stream.is_plain", lambda transport: True)
    stream.adapt_reading(FULL_READ, 5)
    assert stream.transport.bufferSize == FULL_READ
    stream.adapt_reading(FULL_READ, 4)
    assert stream.transport.bufferSize == 4 * FULL_READ
    stream.adapt_reading(3 * FULL_READ, 13)
    assert stream.transport.bufferSize == FULL_READ


def test_twisted_reads_as_much_as_is_taken_for_a_full_read() -> None:
    assert tcp.Connection.bufferSize == FULL_READ
