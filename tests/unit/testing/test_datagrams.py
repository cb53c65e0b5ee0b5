"""Datagrams in memory: what may happen to them, and to machines."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorFromThreads, IReactorUDP, IUDPTransport
from twisted.internet.protocol import DatagramProtocol
from zope.interface.verify import verifyObject

from esframework.net.datagrams import IMachine
from esframework.testing import DatagramConditions, DatagramNetwork, MemoryNetwork, VirtualReactor

HERE, THERE = ("10.0.0.1", 1000), ("10.0.0.2", 2000)


class Noting(DatagramProtocol):
    """Notes what comes, and when."""

    def __init__(self, reactor: VirtualReactor) -> None:
        self.reactor = reactor
        self.came: list[tuple[float, bytes, Any]] = []

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.came.append((self.reactor.seconds(), datagram, addr))


def network(seed: int = 0, **conditions: Any) -> tuple[DatagramNetwork, Noting, Noting]:
    """Two machines, each with a port."""
    reactor = VirtualReactor()
    made = DatagramNetwork(reactor, Random(seed), DatagramConditions(**conditions))
    here, there = Noting(reactor), Noting(reactor)
    made.machine(HERE[0]).listenUDP(HERE[1], here)
    made.machine(THERE[0]).listenUDP(THERE[1], there)
    return made, here, there


def say(protocol: Noting, count: int = 1) -> None:
    for number in range(count):
        protocol.transport.write(b"%d" % number, THERE)  # type: ignore[union-attr]


def test_it_provides_what_a_driver_uses() -> None:
    made, here, _ = network()
    machine = made.machine(HERE[0])
    for interface in (IReactorUDP, IReactorFromThreads, IMachine):
        assert verifyObject(interface, machine)
    assert verifyObject(IUDPTransport, here.transport)
    assert machine.seconds() == made.reactor.seconds()


def test_a_datagram_takes_its_time() -> None:
    made, here, there = network(delay=0.25)
    say(here)
    made.reactor.advance(0.2)
    assert there.came == []
    made.reactor.advance(0.1)
    assert there.came == [(0.25, b"0", HERE)]


def test_some_are_lost_some_come_twice_and_some_overtake() -> None:
    made, here, there = network(delay=(0.1, 0.2), loss=0.1, copies=0.1)
    say(here, 1000)
    made.reactor.advance(1.0)
    came = [int(datagram) for _, datagram, _ in there.came]
    assert 850 < len(set(came)) < 950
    assert 1.05 < len(came) / len(set(came)) < 1.15
    assert came != sorted(came)
    assert made.lost == 1000 - len(set(came))
    again, here, there = network(delay=(0.1, 0.2), loss=0.1, copies=0.1)
    say(here, 1000)
    again.reactor.advance(1.0)
    assert [int(datagram) for _, datagram, _ in there.came] == came


def test_a_line_with_a_rate_lets_one_pass_after_the_other_and_loses_what_would_wait_too_long() -> None:
    made, here, there = network(delay=1.0, rate=10.0, queue=0.5)
    say(here, 10)
    made.reactor.advance(5.0)
    assert [(round(at, 3), datagram) for at, datagram, _ in there.came] == [
        (1.1, b"0"),
        (1.2, b"1"),
        (1.3, b"2"),
        (1.4, b"3"),
        (1.5, b"4"),
        (1.6, b"5"),
    ]
    assert made.lost == 4
    say(here)
    made.reactor.advance(5.0)
    assert round(there.came[-1][0], 3) == 6.1


def test_what_is_too_large_or_kept_apart_never_arrives() -> None:
    made, here, there = network(largest=5)
    here.transport.write(b"larger", THERE)  # type: ignore[union-attr]
    made.keep_apart(HERE[0], THERE[0])
    say(here)
    made.reactor.settle()
    assert there.came == []
    made.keep_apart(HERE[0], THERE[0], False)
    say(here)
    made.reactor.settle()
    assert len(there.came) == 1


def test_a_machine_that_moves_keeps_its_ports() -> None:
    made, here, there = network()
    made.move(made.machine(HERE[0]), "192.0.2.1")
    say(here)
    made.reactor.settle()
    assert there.came == [(0.0, b"0", ("192.0.2.1", HERE[1]))]
    there.transport.write(b"old", HERE)  # type: ignore[union-attr]
    there.transport.write(b"new", ("192.0.2.1", HERE[1]))  # type: ignore[union-attr]
    made.reactor.settle()
    assert [datagram for _, datagram, _ in here.came] == [b"new"]


def test_ports_are_taken_and_given_back() -> None:
    made, here, _ = network()
    machine = made.machine(HERE[0])
    with pytest.raises(CannotListenError):
        machine.listenUDP(HERE[1], DatagramProtocol())
    with pytest.raises(CannotListenError):
        machine.listenUDP(0, DatagramProtocol(), "::")
    chosen = machine.listenUDP(0, DatagramProtocol()).getHost().port
    assert made.ports() == [HERE, (HERE[0], chosen), THERE]
    here.transport.stopListening()  # type: ignore[union-attr]
    assert made.ports() == [(HERE[0], chosen), THERE]


def test_what_is_under_way_at_the_end_is_forgotten_and_nothing_else() -> None:
    made, here, there = network(delay=0.1)
    here.transport.write(b"late", THERE)  # type: ignore[union-attr]
    other = made.reactor.callLater(0.1, lambda: None)
    made.forget()
    made.reactor.advance(1.0)
    assert there.came == []
    assert other.called


def test_a_network_says_which_udp_ports_were_left_open() -> None:
    made = MemoryNetwork()
    made.machine("10.0.0.1").listenUDP(7, DatagramProtocol())
    assert made.leftovers() == ["a UDP port: 10.0.0.1:7"]
    with pytest.raises(AssertionError, match="UDP port"):
        made.close()
