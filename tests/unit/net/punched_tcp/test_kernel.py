"""What is asked of the system for a connection, and what it says."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from esframework.limits import sealed as limits
from esframework.net.punched_tcp.kernel import facts_of, keep_unsent, round_trip_of, tune, unsent_in

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has these options")


@pytest.fixture
def connected() -> Iterator[socket.socket]:
    """A TCP socket, connected on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        yield client


def test_small_pieces_leave_at_once(connected: socket.socket) -> None:
    tune(SimpleNamespace(socket=connected))
    assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@LINUX
def test_the_kernel_keeps_little_that_it_has_not_sent(connected: socket.socket) -> None:
    tune(SimpleNamespace(socket=connected))
    assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == limits.UNSENT_IN_KERNEL
    keep_unsent(SimpleNamespace(socket=connected), 5000)
    assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 5000


@LINUX
def test_the_kernel_tells_what_it_has_not_sent(connected: socket.socket) -> None:
    transport = SimpleNamespace(socket=connected)
    assert unsent_in(transport) == 0
    connected.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            connected.send(bytes(65536))
    assert unsent_in(transport) > 0


@LINUX
def test_the_kernel_tells_of_the_path(connected: socket.socket) -> None:
    facts: Any = facts_of(SimpleNamespace(socket=connected))
    assert 0 < facts["kernel_round_trip"] < 1
    assert facts["congestion_window"] > 0
    assert facts["segments_sent_again"] == 0
    assert round_trip_of(SimpleNamespace(socket=connected)) == pytest.approx(facts["kernel_round_trip"], abs=0.5)
    assert facts["congestion_control"] in ("bbr", "cubic", "reno")


def test_a_transport_without_a_socket_and_one_that_is_closed_tell_nothing(connected: socket.socket) -> None:
    connected.close()
    for transport in (SimpleNamespace(), SimpleNamespace(socket=connected)):
        tune(transport)
        assert (facts_of(transport), unsent_in(transport)) == ({}, 0)
        assert round_trip_of(transport) is None
