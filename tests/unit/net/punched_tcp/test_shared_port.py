"""A port that listens and dials: what it asks of the reactor, and what it says of a failed dial."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest
from twisted.internet.error import ConnectBindError, ConnectionRefusedError, NoRouteError, TimeoutError
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import makeBinding
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from esframework.errors import DialFailed, LocalError
from esframework.net.punched_tcp import shared_port
from esframework.net.punched_tcp.shared_port import SharedPort


class Reactor(MemoryReactorClock):  # type: ignore[misc]
    """Keeps the families of the sockets that it was given, and no socket."""

    def __init__(self) -> None:
        super().__init__()
        self.families: list[int] = []

    def adoptStreamPort(self, fileno: int, family: int, factory: Any) -> Any:
        self.families.append(family)
        with socket.socket(fileno=socket.dup(fileno)) as adopted:
            assert adopted.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)
            assert adopted.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if family == socket.AF_INET6:
                assert adopted.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        return Protocol()


def listening() -> tuple[SharedPort, Reactor]:
    """A port that has a number."""
    reactor = Reactor()
    port = SharedPort(reactor)
    port.listen(lambda address: None)
    return port, reactor


def test_it_listens_on_one_number_for_both_families() -> None:
    port, reactor = listening()
    assert port.number > 0
    assert reactor.families == ([socket.AF_INET, socket.AF_INET6] if port.has_ipv6 else [socket.AF_INET])


def test_it_does_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_ipv6", False)
    make = shared_port._socket

    def without(family: int, host: str, number: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "no IPv6")
        return make(family, host, number)

    monkeypatch.setattr(shared_port, "_socket", without)
    port, reactor = listening()
    assert (port.has_ipv6, reactor.families) == (False, [socket.AF_INET])


def test_a_port_that_is_taken_is_not_to_be_had() -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(LocalError, match=f"no TCP port for P2P: {number} cannot be had"):
            SharedPort(Reactor()).listen(lambda address: None, number)


@pytest.mark.parametrize(("host", "interface"), [("192.0.2.1", ""), ("2001:db8::1", "::")])
def test_it_dials_from_its_own_number(host: str, interface: str) -> None:
    port, reactor = listening()
    port.dial(host, 4000, Protocol(), 2.5).addErrback(lambda failure: None)
    ((to, number, _, timeout, binding),) = reactor.tcpClients
    assert (to, number, timeout) == (host, 4000, 2.5)
    assert repr(binding) == repr(makeBinding(interface, port.number, reuseAddress=True, reusePort=True))


@pytest.mark.parametrize(
    ("failure", "was_refused", "words"),
    [
        (ConnectionRefusedError(), True, "192.0.2.1 port 4000 refused"),
        (TimeoutError(), False, "did not answer within 3 s"),
        (NoRouteError(), False, "cannot be reached"),
        (ConnectBindError(errno.EADDRNOTAVAIL, "in use"), False, "cannot be reached"),
    ],
)
def test_a_dial_that_fails_says_why(failure: Exception, was_refused: bool, words: str) -> None:
    port, reactor = listening()
    failures: list[Failure] = []
    port.dial("192.0.2.1", 4000, Protocol()).addErrback(failures.append)
    reactor.tcpClients[0][2].clientConnectionFailed(reactor.connectors[0], Failure(failure))
    error = failures[0].value
    assert isinstance(error, DialFailed)
    assert error.was_refused is was_refused
    assert words in str(error)


def test_only_addresses_are_dialled_and_only_from_a_port_that_listens() -> None:
    port, _ = listening()
    with pytest.raises(LocalError, match="an address is needed"):
        port.dial("example.com", 4000, Protocol())
    with pytest.raises(LocalError, match="does not listen"):
        SharedPort(Reactor()).dial("192.0.2.1", 4000, Protocol())
