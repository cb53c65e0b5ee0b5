"""Datagrams of a network in memory: machines with addresses, UDP ports on them, and what may happen on the way.

A machine is a reactor to whatever runs on it: the same time as all others, its own addresses and UDP ports. Knows no
channel. There are no NATs here: who may not meet is kept `apart`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from errno import EADDRINUSE, EADDRNOTAVAIL
from random import Random
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IReactorFromThreads, IReactorUDP, IUDPTransport
from twisted.internet.protocol import DatagramProtocol
from zope.interface import implementer

from esframework.net.channels import Address
from esframework.net.datagrams import IMachine
from esframework.testing.reactor import VirtualReactor

_EVERYWHERE = {"": False, "0.0.0.0": False, "::": True}
_FIRST_PORT = 49152


@dataclass(slots=True)
class DatagramConditions:
    """What the network does to datagrams.

    `delay` is seconds one way, or a pair between which each delay is drawn (so that they overtake one another); `loss`
    and `copies` are the shares that never arrive, and that arrive twice; `largest` is what passes at most, in bytes.
    `rate` is how many bytes a second pass from one address to another, 0 for any number; what would have to wait for
    longer than `queue` seconds is lost.
    """

    delay: float | tuple[float, float] = 0.0
    loss: float = 0.0
    copies: float = 0.0
    largest: int = 1472
    rate: float = 0.0
    queue: float = 0.1

    def draw_delay(self, random: Random) -> float:
        """Seconds that the next datagram takes."""
        return self.delay if isinstance(self.delay, float | int) else random.uniform(*self.delay)


class DatagramNetwork:
    """Machines by their addresses; `sent` and `lost` count datagrams."""

    def __init__(self, reactor: VirtualReactor, random: Random, conditions: DatagramConditions | None = None) -> None:
        self.reactor = reactor
        self.conditions = conditions or DatagramConditions()
        self.sent = 0
        self.lost = 0
        self._random = random
        self._machines: dict[str, MemoryMachine] = {}
        self._apart: set[frozenset[str]] = set()
        # When the last datagram on the way from one address to another will have passed.
        self._free_at: dict[tuple[str, str], float] = {}

    def machine(self, *addresses: str) -> MemoryMachine:
        """The machine that has these addresses, new if nobody has the first one."""
        machine = self._machines.get(addresses[0])
        if machine is None:
            machine = MemoryMachine(self, addresses)
            for address in addresses:
                self._machines[address] = machine
        return machine

    def move(self, machine: MemoryMachine, *addresses: str) -> None:
        """A machine comes to another network, as a telephone does: its ports stay, its addresses do not."""
        for address in machine.addresses():
            del self._machines[address]
        machine.renumber(addresses)
        for address in addresses:
            self._machines[address] = machine

    def keep_apart(self, one: str, other: str, is_apart: bool = True) -> None:
        """Nothing passes between two addresses, either way; with False it does again."""
        (self._apart.add if is_apart else self._apart.discard)(frozenset((one, other)))

    def ports(self) -> list[Address]:
        """Ports that are open, for a test to say that there are none."""
        machines = {id(machine): machine for machine in self._machines.values()}.values()
        return [(machine.addresses()[0], number) for machine in machines for number in machine.open_ports()]

    def forget(self) -> None:
        """Nothing that is under way arrives any more: whoever sent it is gone, and left nothing behind by that."""
        calls: list[Any] = list(self.reactor.getDelayedCalls())
        for call in calls:
            if call.func == self._arrive:
                call.cancel()

    def send(self, datagram: bytes, source: Address, destination: Address) -> None:
        """Bring a datagram to a machine, later, or never."""
        self.sent += 1
        conditions, random = self.conditions, self._random
        if (
            frozenset((source[0], destination[0])) in self._apart
            or len(datagram) > conditions.largest
            or random.random() < conditions.loss
        ):
            self.lost += 1
            return
        waits = self._wait(len(datagram), (source[0], destination[0])) if conditions.rate else 0.0
        if waits is None:
            self.lost += 1
            return
        for _ in range(2 if random.random() < conditions.copies else 1):
            self.reactor.callLater(waits + conditions.draw_delay(random), self._arrive, datagram, source, destination)

    def _wait(self, size: int, path: tuple[str, str]) -> float | None:
        """Seconds until a datagram has passed a line with a rate; None when its queue is full."""
        now = self.reactor.seconds()
        begins = max(now, self._free_at.get(path, now))
        if begins - now > self.conditions.queue:
            return None
        self._free_at[path] = begins + size / self.conditions.rate
        return self._free_at[path] - now

    def _arrive(self, datagram: bytes, source: Address, destination: Address) -> None:
        machine = self._machines.get(destination[0])
        if machine is not None:
            machine.arrive(datagram, source, destination)


@implementer(IReactorUDP, IReactorFromThreads, IMachine)
class MemoryMachine:
    """A reactor with addresses: everything but UDP is that of the network."""

    def __init__(self, network: DatagramNetwork, addresses: Sequence[str]) -> None:
        self._network = network
        self._addresses = tuple(addresses)
        self._ports: dict[tuple[bool, int], MemoryDatagramPort] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network.reactor, name)

    def addresses(self) -> list[str]:
        return list(self._addresses)

    def source_for(self, address: Address) -> str | None:
        """The address of the same network (that has the same text up to the last point), or else the first one."""
        fitting = [own for own in self._addresses if (":" in own) == (":" in address[0])]
        near = [own for own in fitting if own.rpartition(".")[0] == address[0].rpartition(".")[0]]
        return next(iter(near or fitting), None)

    def renumber(self, addresses: Sequence[str]) -> None:
        """Have other addresses; see `DatagramNetwork.move`."""
        self._addresses = tuple(addresses)

    def open_ports(self) -> list[int]:
        """Numbers of the UDP ports that are open, each once."""
        return sorted({number for _, number in self._ports})

    def listenUDP(
        self, port: int, protocol: DatagramProtocol, interface: str = "", maxPacketSize: int = 8192
    ) -> MemoryDatagramPort:
        """Part of IReactorUDP."""
        is_ipv6 = _EVERYWHERE.get(interface, ":" in interface)
        if interface not in self._addresses and not any((":" in own) == is_ipv6 for own in self._addresses):
            raise CannotListenError(interface, port, OSError(EADDRNOTAVAIL, "no such address on this machine"))
        number = port
        if not port:
            number = next(free for free in range(_FIRST_PORT, 65536) if (is_ipv6, free) not in self._ports)
        if (is_ipv6, number) in self._ports:
            raise CannotListenError(interface, port, OSError(EADDRINUSE, "address already in use"))
        opened = MemoryDatagramPort(self, protocol, is_ipv6, number)
        self._ports[is_ipv6, number] = opened
        protocol.makeConnection(opened)
        return opened

    def send(self, datagram: bytes, number: int, destination: Address) -> None:
        """A port of this machine sends."""
        source = self.source_for(destination)
        if source is not None:
            self._network.send(datagram, (source, number), destination)

    def arrive(self, datagram: bytes, source: Address, destination: Address) -> None:
        """A datagram comes to one of its addresses."""
        port = self._ports.get((":" in destination[0], destination[1]))
        if port is not None:
            port.protocol.datagramReceived(datagram, source)

    def forget(self, is_ipv6: bool, number: int) -> None:
        """A port was closed."""
        self._ports.pop((is_ipv6, number), None)


@implementer(IListeningPort, IUDPTransport)
class MemoryDatagramPort:
    """One UDP port of a machine, of one family."""

    def __init__(self, machine: MemoryMachine, protocol: DatagramProtocol, is_ipv6: bool, number: int) -> None:
        self.protocol = protocol
        self._machine = machine
        self._is_ipv6 = is_ipv6
        self._number = number

    def write(self, packet: bytes, addr: Address | None = None) -> None:
        """Part of IUDPTransport."""
        assert addr is not None, "nothing here is connected"
        self._machine.send(packet, self._number, addr)

    def connect(self, host: str, port: int) -> None:
        """Part of IUDPTransport; one port here talks to many."""
        raise NotImplementedError("a UDP port of a network in memory is not connected")

    def getHost(self) -> IPv4Address | IPv6Address:
        host = "::" if self._is_ipv6 else "0.0.0.0"
        return (IPv6Address if self._is_ipv6 else IPv4Address)("UDP", host, self._number)

    def setBroadcastAllowed(self, enabled: bool) -> None:
        """Part of IUDPTransport; there is no broadcast here."""

    def getBroadcastAllowed(self) -> bool:
        """Part of IUDPTransport."""
        return False

    def startListening(self) -> None:
        """Part of IListeningPort; it does already."""

    def stopListening(self) -> Deferred[None]:
        """Part of IListeningPort."""
        self._machine.forget(self._is_ipv6, self._number)
        self.protocol.doStop()
        return succeed(None)
