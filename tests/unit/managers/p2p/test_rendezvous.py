"""The P2P server within an engine is opened beside the listeners, and its absence takes nothing down."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.logger import LogLevel, globalLogPublisher

from esframework.errors import InvalidOption, RendezvousRefused
from esframework.managers.p2p.options import P2POptions
from esframework.managers.p2p.rendezvous import Rendezvous
from esframework.plugins.hooks import Event
from esframework.rudp.rendezvous.messages import Request, decode_answer
from esframework.testing import VirtualReactor
from tests.sockets import SocketReactor

CLIENT = ("198.51.100.7", 40000)
SECRET = b"shared by servers"


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """What was warned of."""
    said: list[str] = []

    def observe(event: Any) -> None:
        if event["log_level"] is LogLevel.warn:
            said.append(str(event["log_format"]).format(**event))

    globalLogPublisher.addObserver(observe)
    yield said
    globalLogPublisher.removeObserver(observe)


def refuse(datagram: bytes, source: Any) -> bytes:
    raise RendezvousRefused("foreign")


class House:
    """A server engine that listens where it is told to, and its P2P server."""

    def __init__(self, reactor: Any = None, **options: Any) -> None:
        self.reactor = reactor or SocketReactor()
        self.server = SimpleNamespace(clock=self.reactor, listening=Event("listening"), closing=Event("closing"))
        self.rendezvous = Rendezvous(self.server, P2POptions(**options), refuse)  # type: ignore[arg-type]

    def listen(self, host: str = "127.0.0.1", port: int = 4530) -> House:
        self.server.listening.fire((IPv6Address if ":" in host else IPv4Address)("TCP", host, port))
        self.reactor.settle()
        return self

    def ask(self, port: tuple[str, int]) -> Any:
        """What somebody with a token hears at a port."""
        request = Request(b"transaction.", self.rendezvous.token()).encode()
        ((answer, _),) = self.reactor.deliver(request, CLIENT, port)
        return decode_answer(answer)


def test_it_listens_at_the_port_after_the_first_listeners() -> None:
    house = House().listen()
    assert house.rendezvous.is_running and house.rendezvous.is_at_next_port
    assert house.rendezvous.endpoints() == [("", 4531)]
    assert house.ask(("127.0.0.1", 4531)).seen == CLIENT


def test_every_interface_of_the_listeners_has_it_at_the_same_port() -> None:
    house = House().listen("127.0.0.1").listen("::1").listen("127.0.0.1", 4600)
    assert house.rendezvous.service.addresses == [("127.0.0.1", 4531), ("::1", 4531)]
    assert house.ask(("::1", 4531)).seen == CLIENT


def test_listeners_have_their_ports_first() -> None:
    house = House()
    for port in (4530, 4531):
        house.server.listening.fire(IPv4Address("TCP", "127.0.0.1", port))
    assert not house.reactor.ports
    house.reactor.settle()
    assert house.rendezvous.endpoints() == [("", 4531)]


def test_closing_at_once_opens_nothing() -> None:
    house = House()
    house.server.listening.fire(IPv4Address("TCP", "127.0.0.1", 4530))
    house.server.closing.fire()
    house.reactor.settle()
    assert not house.reactor.ports


def test_interfaces_of_its_own_are_for_listeners_behind_a_proxy() -> None:
    house = House(interfaces=("203.0.113.1", "2001:db8::1")).listen("127.0.0.1").listen("::1")
    assert house.rendezvous.service.addresses == [("203.0.113.1", 4531), ("2001:db8::1", 4531)]


def test_a_port_of_its_own() -> None:
    house = House(port=5000).listen()
    assert house.rendezvous.endpoints() == [("", 5000)]
    assert not house.rendezvous.is_at_next_port


def test_off_means_that_nothing_is_opened() -> None:
    house = House(enabled=False).listen()
    assert not house.reactor.ports and house.rendezvous.endpoints() == []


def test_a_listener_that_is_no_network_has_none() -> None:
    house = House()
    house.server.listening.fire(UNIXAddress("/tmp/socket"))
    assert not house.rendezvous.is_running
    assert house.listen().rendezvous.endpoints() == [("", 4531)]


@pytest.mark.parametrize(
    ("reactor", "port", "said"),
    [
        (SocketReactor(taken={("UDP", 4531)}), 4530, "port 4531 of 127.0.0.1"),
        (SocketReactor(taken={("TCP", 4531)}), 4530, "--p2p PORT"),
        (VirtualReactor(), 4530, "VirtualReactor has no UDP"),
    ],
)
def test_where_it_cannot_be_opened_there_is_a_warning_and_no_p2p_server(
    reactor: Any, port: int, said: str, warnings: list[str]
) -> None:
    house = House(reactor).listen(port=port)
    assert house.rendezvous.endpoints() == [] and not house.rendezvous.is_at_next_port
    assert len(warnings) == 1 and said in warnings[0] and ".." not in warnings[0]


def test_ipv4_is_served_by_a_socket_for_every_address_of_ipv6(warnings: list[str]) -> None:
    house = House(SocketReactor()).listen("::")
    house.reactor.taken.add(("UDP", 4531))
    house.listen("0.0.0.0", 4532)
    assert warnings == [] and house.rendezvous.service.addresses == [("::", 4531)]


def test_it_closes_before_the_engine_and_opens_with_it_again() -> None:
    house = House().listen()
    house.server.closing.fire()
    house.reactor.settle()
    assert house.reactor.ports == {} and house.rendezvous.endpoints() == []
    assert house.listen(port=4600).rendezvous.endpoints() == [("", 4601)]


def test_servers_that_stand_alone_are_told_as_well_and_believe_the_same_tokens() -> None:
    there = [("p2p.example.org", 9901)]
    house = House(secrets=(SECRET,), servers=tuple(there)).listen()
    assert house.rendezvous.endpoints() == [("", 4531), *there]
    alone = House(secrets=(b"another, still believed", SECRET), enabled=False)
    other = House(secrets=(SECRET,)).listen()
    request = Request(b"transaction.", house.rendezvous.token()).encode()
    assert other.reactor.deliver(request, CLIENT, ("127.0.0.1", 4531)) != []
    assert alone.rendezvous.endpoints() == []


def test_engines_with_secrets_of_their_own_do_not_believe_each_others_tokens() -> None:
    one, other = House().listen(), House().listen()
    request = Request(b"transaction.", one.rendezvous.token()).encode()
    assert other.reactor.deliver(request, CLIENT, ("127.0.0.1", 4531)) == []
    assert other.rendezvous.service.refused == {"token_forged": 1}


def test_a_second_address_is_that_of_its_own_family() -> None:
    house = House(second_address="127.0.0.2").listen("127.0.0.1").listen("::1")
    assert house.ask(("127.0.0.1", 4531)).second == ("127.0.0.2", 4531)
    assert house.ask(("::1", 4531)).second == ("", 0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"servers": (("a", 1),)}, "no secret"),
        ({"max_per_second": 0}, "max_per_second is 0"),
        ({"secrets": (b"short",)}, "has 5 bytes"),
    ],
)
def test_options_that_cannot_be_are_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidOption, match=said):
        House(**options)


def test_secrets_are_not_shown() -> None:
    assert "shared" not in repr(P2POptions(secrets=(SECRET,)))


def test_the_security_log_has_one_line_for_each_reason_in_ten_seconds() -> None:
    said: list[str] = []

    def observe(event: Any) -> None:
        if event["log_namespace"].endswith("security_log"):
            said.append(str(event["log_format"]).format(**event))

    house = House(security_log=True).listen()
    globalLogPublisher.addObserver(observe)
    try:
        for _ in range(5):
            house.reactor.deliver(b"\0garbage", CLIENT, ("127.0.0.1", 4531))
        house.reactor.advance(10.0)
        house.reactor.deliver(b"\0garbage", CLIENT, ("127.0.0.1", 4531))
    finally:
        globalLogPublisher.removeObserver(observe)
    assert said == [
        "P2P server: refused [198.51.100.7]:40000: short",
        "P2P server: refused [198.51.100.7]:40000: short, and 4 more since the last such line",
    ]
