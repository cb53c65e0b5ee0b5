"""One port of both families, on reactors of several kinds."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from errno import EADDRINUSE, EAFNOSUPPORT
from typing import Any

import pytest
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorUDP
from twisted.internet.task import Clock
from twisted.internet.udp import Port
from zope.interface import implementer

from esframework.errors import LocalError
from esframework.net import datagrams
from esframework.net.datagrams import DatagramPort, IMachine, source_for
from esframework.testing import DatagramNetwork, MemoryNetwork, VirtualReactor
from tests.unit.net.test_datagram_socket import Descriptors, Owner, has_ipv6

BOTH = ("127.0.0.1", "::1")


def port(owner: Owner, hosts: Sequence[str] = BOTH, number: int = 0) -> DatagramPort:
    return DatagramPort(Descriptors(), owner, number, hosts)


def read(opened: DatagramPort) -> None:
    for part in opened._parts.values():
        part.doRead()  # type: ignore[attr-defined]


def test_both_families_have_one_number() -> None:
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    owners = Owner(), Owner()
    left, right = port(owners[0]), port(owners[1])
    assert left.has_ipv4
    assert left.has_ipv6
    assert {part.port for part in left._parts.values()} == {left.port}
    left.write([(b"%d" % number, (BOTH[number % 2], right.port)) for number in range(10)])
    read(right)
    came = [datagram for batch in owners[1].batches for datagram in batch]
    assert came == [(b"%d" % number, ("127.0.0.1", left.port)) for number in range(0, 10, 2)] + [
        (b"%d" % number, ("::1", left.port)) for number in range(1, 10, 2)
    ]
    assert left.counts() == {}
    left.close()
    right.close()


def test_a_family_that_is_missing_is_left_out_and_what_is_for_it_counted() -> None:
    owner = Owner()
    left = port(owner, ["127.0.0.1"])
    assert not left.has_ipv6
    left.write([(b"1", ("::1", 9)), (b"2", ("127.0.0.1", left.port)), (b"3", ("::1", 9))])
    left.write_near(b"4", ("::1", 9), 2)
    read(left)
    assert owner.batches == [[(b"2", ("127.0.0.1", left.port))]]
    assert left.counts() == {"no_family": 3}
    left.close()


def test_a_machine_without_ipv6_has_a_port_of_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    make = datagrams.DatagramSocket

    def without(reactor: Any, host: str, number: int, owner: Owner) -> Any:
        if ":" in host:
            raise OSError(EAFNOSUPPORT, "no IPv6")
        return make(reactor, host, number, owner)

    monkeypatch.setattr(datagrams, "DatagramSocket", without)
    left = port(Owner())
    assert (left.has_ipv4, left.has_ipv6) == (True, False)
    left.close()


def test_a_number_that_one_family_has_taken_is_not_used_for_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    make = datagrams.DatagramSocket
    tries: list[str] = []

    def taken_twice(reactor: Any, host: str, number: int, owner: Owner) -> Any:
        tries.append(host)
        if ":" in host and len(tries) < 5:
            raise OSError(EADDRINUSE, "taken")
        return make(reactor, "127.0.0.1", 0 if ":" in host else number, owner)

    monkeypatch.setattr(datagrams, "DatagramSocket", taken_twice)
    left = port(Owner())
    assert tries == [*BOTH] * 3
    assert left.has_ipv6
    left.close()


def test_a_number_that_is_taken_is_refused() -> None:
    left = port(Owner(), ["127.0.0.1"])
    with pytest.raises(CannotListenError):
        port(Owner(), ["127.0.0.1"], left.port)
    left.close()


def test_a_reactor_that_has_only_listen_udp_will_do() -> None:
    network = MemoryNetwork()
    owners = Owner(), Owner()
    machines = network.datagrams.machine("10.0.0.1", "fd00::1"), network.datagrams.machine("10.0.0.2", "fd00::2")
    left, right = (DatagramPort(machine, owner) for machine, owner in zip(machines, owners, strict=True))
    left.write([(b"four", ("10.0.0.2", right.port)), (b"six", ("fd00::2", right.port))])
    left.write_near(b"never", ("10.0.0.2", right.port), 2)
    network.settle()
    assert owners[1].batches == [[(b"four", ("10.0.0.1", left.port))], [(b"six", ("fd00::1", left.port))]]
    assert left.counts() == {"not_near": 1}
    assert not left.is_blocked
    left.close()
    right.close()
    network.close()


class _Watched(Descriptors, Clock):
    def __init__(self) -> None:
        Clock.__init__(self)
        Descriptors.__init__(self)


@implementer(IReactorUDP)
class Listens:
    """A reactor that has nothing but `listenUDP`, with sockets of the kernel: as the one of Windows."""

    def __init__(self) -> None:
        self.watched = _Watched()

    def listenUDP(self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192) -> Any:
        opened = Port(port, protocol, interface, maxPacketSize, self.watched)
        opened.startListening()
        return opened


def test_a_datagram_dies_on_the_way_by_listen_udp_too() -> None:
    owner = Owner()
    reactor = Listens()
    left, right = DatagramPort(reactor, Owner()), port(owner, ["127.0.0.1"])
    (part,) = left._parts.values()
    handle: socket.socket = part.transport.socket  # type: ignore[attr-defined]
    usual = handle.getsockopt(socket.IPPROTO_IP, socket.IP_TTL)
    hops: list[int] = []
    send = part.write
    part.write = lambda batch: (hops.append(handle.getsockopt(socket.IPPROTO_IP, socket.IP_TTL)), send(batch))  # type: ignore
    left.write_near(b"near", ("127.0.0.1", right.port), 2)
    left.write([(b"far", ("127.0.0.1", right.port))])
    read(right)
    assert [datagram for datagram, _ in owner.batches[0]] == [b"near", b"far"]
    assert hops == [2, usual]
    assert left.counts() == {}
    left.close()
    right.close()
    reactor.watched.advance(0)


def test_what_listen_udp_cannot_send_is_counted() -> None:
    network = MemoryNetwork()
    owner = Owner()
    left = DatagramPort(network.machine(), owner)
    (part,) = left._parts.values()
    transport: Any = part.transport  # type: ignore[attr-defined]
    errors = iter([datagrams.MessageLengthError("long"), OSError(101, "no route")])

    def write(datagram: bytes, address: Any) -> None:
        raise next(errors)

    transport.write = write
    left.write([(bytes(5), ("127.0.0.1", 9))] * 2)
    assert left.counts() == {"too_large": 1, "error_101": 1}
    assert owner.refused == [(5, ("127.0.0.1", 9))]
    left.close()
    network.close()


def test_a_reactor_that_can_do_neither_is_named() -> None:
    with pytest.raises(LocalError, match="VirtualReactor can neither"):
        DatagramPort(VirtualReactor(), Owner())


def test_the_system_is_asked_from_where_an_answer_leaves() -> None:
    assert source_for(object(), ("127.0.0.1", 9)) == "127.0.0.1"
    assert source_for(object(), ("256.0.0.1", 9)) is None


def test_a_machine_in_memory_is_asked_itself() -> None:
    network = DatagramNetwork(VirtualReactor(), None)  # type: ignore[arg-type]
    machine = network.machine("198.51.100.1", "10.0.0.1")
    assert IMachine.providedBy(machine)
    assert source_for(machine, ("10.0.0.9", 1)) == "10.0.0.1"
    assert source_for(machine, ("203.0.113.9", 1)) == "198.51.100.1"
    assert source_for(machine, ("::1", 1)) is None
