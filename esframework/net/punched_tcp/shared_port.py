"""One local TCP port that listens and dials: a NAT of the better kind has one mapping for both.

Two ends that dial each other from the ports at which they listen come to one connection or two (simultaneous open, or
one each way), and each SYN opens the way for the other's. Knows no session and no byte of what goes over a connection.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectError, ConnectionRefusedError, UserError
from twisted.internet.error import TimeoutError as ConnectionTimedOut
from twisted.internet.interfaces import IAddress, IProtocol
from twisted.internet.protocol import Factory
from twisted.internet.tcp import makeBinding
from twisted.python.failure import Failure

from esframework.errors import DialFailed, LocalError
from esframework.limits import sealed as limits

_TRIES: Final = 8
"""Numbers that are tried when one is to be free for IPv4 and for IPv6."""

_BACKLOG: Final = limits.UNKNOWN_CONNECTIONS


class SharedPort:
    """A port of IPv4 and, where the system has it, IPv6. `number` is 0 while it does not listen."""

    def __init__(self, reactor: Any) -> None:
        self.number = 0
        self.has_ipv6 = False
        self._reactor = reactor
        self._ports: list[Any] = []

    def listen(self, accept: Callable[[IAddress], IProtocol | None], number: int = 0) -> None:
        """Listen on a port, 0: any that is free; `accept` makes the protocol of a connection, or None to refuse it.

        :raises LocalError: when the port is not to be had, or none is. Nothing is open then.
        """
        sockets = _sockets(number)
        factory = P2PConnections(accept)
        self.number = sockets[0].getsockname()[1]
        for one in sockets:
            self.has_ipv6 |= one.family == socket.AF_INET6
            self._ports.append(self._reactor.adoptStreamPort(one.fileno(), one.family, factory))
            one.close()

    def dial(self, host: str, port: int, protocol: IProtocol, timeout: float = limits.DIAL_TIME) -> Deferred[IProtocol]:
        """Connect from this port; fires with `protocol` when it is connected.

        Cancelling it gives the dial up. Fails with DialFailed after `timeout` seconds, or as soon as the system says
        that there is no such way; `protocol` never hears of that.

        :param host: an IPv4 or IPv6 address.
        :raises LocalError: when the port does not listen, or `host` is no address.
        """
        if not self.number:
            raise LocalError(f"dialling {host}: the port does not listen, and has no number yet")
        if isIPv6Address(host):
            endpoint: Any = TCP6ClientEndpoint(self._reactor, host, port, timeout, self._binding("::"))
        elif isIPAddress(host):
            endpoint = TCP4ClientEndpoint(self._reactor, host, port, timeout, self._binding(""))
        else:
            raise LocalError(f"dialling {host!r}: an address is needed, and no name")
        connected: Deferred[Any] = endpoint.connect(_Dialling(protocol))
        return connected.addCallbacks(
            lambda _: protocol, lambda failure: _say_why(failure, f"{host} port {port}", timeout)
        )

    def close(self) -> Deferred[None]:
        """Listen no more; fires when the sockets are closed. Connections stay."""
        ports, self._ports = self._ports, []
        self.number = 0
        closed: Deferred[Any] = DeferredList([maybeDeferred(port.stopListening) for port in ports])
        return closed.addCallback(lambda _: None)

    def _binding(self, interface: str) -> Any:
        return makeBinding(interface, self.number, reuseAddress=True, reusePort=True)


class P2PConnections(Factory):
    """Connections from outside."""

    noisy = False

    def __init__(self, accept: Callable[[IAddress], IProtocol | None]) -> None:
        self._accept = accept

    def buildProtocol(self, addr: IAddress) -> IProtocol | None:  # type: ignore[override]
        return self._accept(addr)


class _Dialling(Factory):
    """A connection that this end asked for."""

    noisy = False

    def __init__(self, protocol: IProtocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: IAddress) -> IProtocol:  # type: ignore[override]
        return self._protocol


def _sockets(number: int) -> list[socket.socket]:
    """Sockets that listen on one number, of IPv4 and if there is one of IPv6."""
    problem: OSError | None = None
    for _ in range(1 if number else _TRIES):
        try:
            first = _socket(socket.AF_INET, "0.0.0.0", number)
        except OSError as error:
            raise LocalError(f"no TCP port for P2P: {number or 'any'} cannot be had: {error}") from error
        try:
            return [first, _socket(socket.AF_INET6, "::", first.getsockname()[1])]
        except OSError as error:
            if not _has_ipv6():
                return [first]
            problem = error
            first.close()
    raise LocalError(f"no TCP port for P2P: none is free for both IPv4 and IPv6: {problem}") from problem


def _socket(family: int, host: str, number: int) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if os.name == "posix":
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((host, number))
        opened.listen(_BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened


def _has_ipv6() -> bool:
    if not socket.has_ipv6:
        return False
    try:
        _socket(socket.AF_INET6, "::", 0).close()
    except OSError:
        return False
    return True


def _say_why(failure: Failure, where: str, timeout: float) -> Any:
    if failure.check(ConnectionRefusedError):
        raise DialFailed(f"{where} refused the connection", True) from failure.value
    if failure.check(ConnectionTimedOut):
        raise DialFailed(f"{where} did not answer within {timeout:g} s", False) from failure.value
    if failure.check(ConnectError) and not failure.check(UserError):
        raise DialFailed(f"{where} cannot be reached: {failure.getErrorMessage()}", False) from failure.value
    return failure
