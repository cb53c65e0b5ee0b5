"""Connections that have said nothing: how many there may be, and for how long."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from esframework.limits import sealed as limits
from esframework.net.punched_tcp.newcomers import Newcomer, WaitingRoom
from esframework.sealed.hello import HELLO_SIZE, say_hello

HELLO = say_hello(b"k" * 32, b"s" * 16, True, b"n" * 16)


class Host:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.room = WaitingRoom(self, self.clock.seconds)
        self.refused: Counter[str] = Counter()
        self.hellos: list[tuple[bytes, bytes]] = []
        self.cut: list[Newcomer] = []

    def greeted(self, newcomer: Newcomer, hello: bytes, rest: bytes) -> None:
        self.hellos.append((hello, rest))
        self.room.greet(newcomer)

    def refuse(self, reason: str) -> None:
        self.refused[reason] += 1

    def come(self, host: str = "192.0.2.1") -> Newcomer | None:
        """Somebody connects."""
        kind = IPv6Address if ":" in host else IPv4Address
        newcomer = self.room.admit(kind("TCP", host, 5000))
        if newcomer is not None:
            transport: Any = SimpleNamespace(abortConnection=lambda: self.cut.append(newcomer), connected=True)
            newcomer.makeConnection(transport)
        return newcomer


def come(host: Host, address: str = "192.0.2.1") -> Newcomer:
    """Somebody for whom there is room."""
    newcomer = host.come(address)
    assert newcomer is not None
    return newcomer


def test_a_hello_may_come_in_any_pieces_and_something_behind_it() -> None:
    host = Host()
    newcomer = come(host)
    for byte in HELLO[:-1]:
        newcomer.dataReceived(bytes([byte]))
    assert host.hellos == []
    newcomer.dataReceived(HELLO[-1:] + b"rest")
    assert host.hellos == [(HELLO, b"rest")]
    assert (len(HELLO), len(host.room), host.cut) == (HELLO_SIZE, 0, [])


def test_one_address_holds_few_connections_and_one_network_of_ipv6_is_one_address() -> None:
    host = Host()
    for last in range(limits.UNKNOWN_PER_NETWORK):
        come(host, "192.0.2.1")
        come(host, f"2001:db8::{last}")
    assert (host.come("192.0.2.1"), host.come("2001:db8::ffff")) == (None, None)
    assert host.come("192.0.2.2") is not None
    assert host.refused == {"too_many_unknown_of_one_address": 2}


def test_all_together_hold_few_and_make_room_when_they_go() -> None:
    host = Host()
    newcomers = [come(host, f"198.51.100.{number}") for number in range(limits.UNKNOWN_CONNECTIONS)]
    assert host.come("192.0.2.1") is None
    assert host.refused == {"too_many_unknown": 1}
    newcomers[0].connectionLost(Failure(ConnectionDone()))
    assert host.come("192.0.2.1") is not None


def test_what_this_end_dialled_takes_nobodys_place() -> None:
    host = Host()
    for _ in range(limits.UNKNOWN_CONNECTIONS):
        dialled = host.room.expect(b"s" * 16)
        dialled.makeConnection(SimpleNamespace(connected=True))
        host.room.dialled(dialled)
    assert len(host.room) == limits.UNKNOWN_CONNECTIONS
    assert host.come() is not None


def test_who_has_had_its_time_is_cut() -> None:
    host = Host()
    first = come(host)
    host.clock.advance(2.0)
    second = come(host)
    assert host.room.deadline == limits.HELLO_TIME
    host.room.on_timer(limits.HELLO_TIME)
    assert (host.cut, host.refused) == ([first], {"no_hello_in_time": 1})
    assert host.room.deadline == 2.0 + limits.HELLO_TIME
    host.room.clear()
    assert (host.cut, host.room.deadline) == ([first, second], None)


def test_a_stranger_is_cut_at_its_first_wrong_byte() -> None:
    host = Host()
    newcomer = come(host)
    newcomer.dataReceived(b"S")
    assert (host.cut, host.refused, len(host.room)) == ([newcomer], {"no_hello": 1}, 0)
