"""Writing to a socket at once: where that is allowed."""

from __future__ import annotations

import socket
import sys
from typing import Any

import pytest
from twisted.internet import tcp, unix
from twisted.protocols.tls import TLSMemoryBIOProtocol

from esframework.net.eager import backlog, in_kernel, is_plain, send_now, socket_of
from esframework.testing import MemoryTransport


def bare(kind: type[Any]) -> Any:
    """An object of a transport's type without a socket."""
    return kind.__new__(kind)


@pytest.mark.parametrize("kind", [tcp.Server, tcp.Client, unix.Server, unix.Client])
def test_exactly_the_plain_transports_are_plain(kind: type[Any]) -> None:
    assert is_plain(bare(kind))


def test_a_transport_that_speaks_tls_is_not_plain_whatever_its_type() -> None:
    transport = bare(tcp.Server)
    transport.TLS = True
    assert not is_plain(transport)


@pytest.mark.parametrize("kind", [TLSMemoryBIOProtocol, MemoryTransport, type("Derived", (tcp.Server,), {}), object])
def test_everything_else_is_not_plain(kind: type[Any]) -> None:
    assert not is_plain(bare(kind))


def test_an_error_of_the_socket_is_left_to_the_transport() -> None:
    class Socket:
        def send(self, data: bytes) -> int:
            raise ConnectionResetError

    transport = bare(tcp.Server)
    transport.connected, transport.disconnecting, transport.TLS, transport.socket = True, False, False, Socket()
    assert send_now(transport, b"x") == 0


def test_the_backlog_is_what_the_transport_has_not_written() -> None:
    transport = bare(tcp.Server)
    transport.dataBuffer, transport.offset, transport._tempDataLen = bytes(10), 3, 5
    assert backlog(transport) == 12
    tls = bare(TLSMemoryBIOProtocol)
    tls.transport = transport
    assert backlog(tls) == 12
    assert backlog(object()) is None


def test_the_socket_is_found_below_tls_and_only_where_there_is_one() -> None:
    with socket.socket() as bottom:
        transport = bare(tcp.Server)
        transport.socket = bottom
        tls = bare(TLSMemoryBIOProtocol)
        tls.transport = transport
        assert socket_of(transport) is bottom
        assert socket_of(tls) is bottom
    assert socket_of(object()) is None
    assert socket_of(None) is None
    transport.socket = "something else"
    assert socket_of(transport) is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux can be asked")
def test_the_kernel_says_what_the_peer_has_not_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as bottom:
        bottom.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1_000_000)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 10_000)
        bottom.connect(listening.getsockname())
        bottom.setblocking(False)
        transport = bare(tcp.Server)
        transport.socket = bottom
        sent = bottom.send(bytes(500_000))
        assert 0 < (in_kernel(transport) or 0) <= sent
    assert in_kernel(transport) is None
    assert in_kernel(object()) is None
