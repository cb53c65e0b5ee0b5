"""One local UDP port, of IPv4 and IPv6 at once, on whatever the reactor offers.

Where the reactor watches descriptors (epoll, poll, select, kqueue, asyncio), with sockets of our own; elsewhere by its
`listenUDP`, which is slower, and of one family at a time. Sockets are bound to all addresses of the machine: the system
chooses from which of them an answer leaves, by its routes; `source_for` asks it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from errno import EADDRINUSE
from functools import partial
from typing import Any, Final, Protocol, TypeAlias

from twisted.internet.error import CannotListenError, MessageLengthError
from twisted.internet.interfaces import IReactorFDSet, IReactorUDP
from twisted.internet.protocol import DatagramProtocol
from zope.interface import Interface

from esframework import limits
from esframework.errors import LocalError
from esframework.net.datagram_socket import Address, Datagram, DatagramOwner, DatagramSocket, few_hops

EVERYWHERE: Final = ("0.0.0.0", "::")
"""All addresses of the machine, of both families."""


class IMachine(Interface):
    """A reactor that stands for a machine with addresses of its own, as those of a network in memory do."""

    def addresses() -> list[str]:
        """IPv4 and IPv6 addresses of the machine."""

    def source_for(address: Address) -> str | None:
        """From which of them datagrams to an address leave; None where there is no way to it."""


def source_for(reactor: Any, address: Address) -> str | None:
    """Which of this machine's addresses the system uses towards another one; None when there is no way to it.
    Nothing is sent."""
    if IMachine.providedBy(reactor):
        return reactor.source_for(address)
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect(address)
            host: str = asking.getsockname()[0]
    except OSError:
        # No such family, or no route: that is the answer.
        return None
    return host


class _Part(Protocol):
    """The socket of one family."""

    port: int
    counts: dict[str, int]

    @property
    def is_blocked(self) -> bool: ...

    def write(self, batch: list[Datagram]) -> None: ...

    def write_near(self, datagram: bytes, address: Address, hops: int) -> None: ...

    def close(self) -> None: ...


_Make: TypeAlias = Callable[[str, int, DatagramOwner], _Part]


class DatagramPort:
    """Sockets with one port number; a family that the machine lacks is left out.

    :param hosts: of this machine, to bind to; at most one of each family.
    :param port: 0 for any.
    :raises CannotListenError: where none of them can be bound, or one of them is taken.
    :raises LocalError: where the reactor can do neither.
    """

    def __init__(self, reactor: Any, owner: DatagramOwner, port: int = 0, hosts: Sequence[str] = EVERYWHERE) -> None:
        if IReactorFDSet.providedBy(reactor):
            make: _Make = partial(DatagramSocket, reactor)
        elif IReactorUDP.providedBy(reactor):
            make = partial(_Listening, reactor)
            if not IMachine.providedBy(reactor):
                # Its sockets of IPv6 want the port for IPv4, too, and cannot stand beside one of that.
                hosts = [host for host in hosts if ":" not in host] or hosts
        else:
            raise LocalError(
                f"{type(reactor).__name__} can neither watch sockets nor listen to UDP, so there is no P2P over UDP on"
                " it: use the epoll, asyncio or select reactor, or ChannelMode without UDP"
            )
        # By whether it is IPv6.
        self._parts = _bind(make, owner, port, hosts)
        self.port = next(iter(self._parts.values())).port
        self._without_family = 0

    @property
    def has_ipv6(self) -> bool:
        """Whether datagrams may go to IPv6 addresses."""
        return True in self._parts

    @property
    def has_ipv4(self) -> bool:
        """Whether datagrams may go to IPv4 addresses."""
        return False in self._parts

    @property
    def is_blocked(self) -> bool:
        """Whether datagrams wait until the kernel has room."""
        return any(part.is_blocked for part in self._parts.values())

    def write(self, batch: list[Datagram]) -> None:
        """Send datagrams; those for a family that there is no socket of are dropped."""
        while batch:
            is_ipv6 = ":" in batch[0][1][0]
            others = [datagram for datagram in batch if (":" in datagram[1][0]) != is_ipv6]
            if others:
                batch = [datagram for datagram in batch if (":" in datagram[1][0]) == is_ipv6]
            part = self._parts.get(is_ipv6)
            if part is None:
                self._without_family += len(batch)
            else:
                part.write(batch)
            batch = others

    def write_near(self, datagram: bytes, address: Address, hops: int) -> None:
        """Send a datagram that no more than so many routers pass on; where that cannot be said, it stays here."""
        part = self._parts.get(":" in address[0])
        if part is None:
            self._without_family += 1
        else:
            part.write_near(datagram, address, hops)

    def counts(self) -> dict[str, int]:
        """How many datagrams did not leave, for which reason."""
        counts = {"no_family": self._without_family} if self._without_family else {}
        for part in self._parts.values():
            for what, count in part.counts.items():
                counts[what] = counts.get(what, 0) + count
        return counts

    def close(self) -> None:
        """Close all sockets; what waits is lost."""
        for part in self._parts.values():
            part.close()


def _bind(make: _Make, owner: DatagramOwner, port: int, hosts: Sequence[str]) -> dict[bool, _Part]:
    """A socket for each host; where any port will do, one that is free for all."""
    for _ in range(1 if port else limits.UDP_BIND_TRIES):
        parts: dict[bool, _Part] = {}
        errors: list[OSError] = []
        for host in hosts:
            try:
                parts[":" in host] = make(host, next(iter(parts.values())).port if parts else port, owner)
            except OSError as error:
                errors.append(error)
            except CannotListenError as error:
                errors.append(error.socketError if isinstance(error.socketError, OSError) else OSError(str(error)))
        if parts and not any(error.errno == EADDRINUSE for error in errors):
            return parts
        for part in parts.values():
            part.close()
    raise CannotListenError(hosts[0], port, errors[0])


class _Listening(DatagramProtocol):
    """The socket of one family by the reactor's `listenUDP`."""

    is_blocked = False

    def __init__(self, reactor: Any, host: str, port: int, owner: DatagramOwner) -> None:
        self.counts: dict[str, int] = {}
        self._owner = owner
        self._listening = reactor.listenUDP(port, self, host, limits.UDP_LARGEST_DATAGRAM)
        self.port: int = self._listening.getHost().port

    def write(self, batch: list[Datagram]) -> None:
        """See `DatagramSocket`."""
        transport: Any = self.transport
        for datagram, address in batch:
            try:
                transport.write(datagram, address)
            except MessageLengthError:
                self._count("too_large")
                self._owner.datagram_refused(len(datagram), address)
            except OSError as error:
                self._count(f"error_{error.errno}")

    def write_near(self, datagram: bytes, address: Address, hops: int) -> None:
        """See `DatagramSocket`. Nothing where there is no socket of the kernel: it is meant to open a door on the way
        and not to arrive, and here it would."""
        handle: socket.socket | None = getattr(self.transport, "socket", None)
        if handle is None:
            self._count("not_near")
            return
        with few_hops(handle, hops):
            self.write([(datagram, address)])

    def close(self) -> None:
        """See `DatagramSocket`."""
        self._listening.stopListening()

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Part of DatagramProtocol."""
        self._owner.datagrams_came([(datagram, tuple(addr[:2]))])

    def connectionRefused(self) -> None:
        """Part of DatagramProtocol: ICMP, which anybody can forge, says something of a connected socket."""

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1
