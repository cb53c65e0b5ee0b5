"""Has ports forwarded, on a socket that is played and in virtual time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from esframework import limits
from esframework.machines.port_mapping import Event, Mapped, Unmapped
from esframework.net.port_mapping import mapper as mapper_module
from esframework.net.port_mapping.mapper import PortMapper
from esframework.testing.reactor import VirtualReactor
from tests.routers import Router
from tests.upnp_library import FakeLibrary

GATEWAY = "10.0.0.1"


class Reactor(VirtualReactor):
    """Its UDP sockets are answered by a router."""

    def __init__(self, router: Router) -> None:
        super().__init__()
        self.router = router
        self.protocol: Any = None
        self.connected_to: Any = None
        self.is_open = False
        self.source: tuple[str, int] = (GATEWAY, limits.MAPPING_PORT)
        self.breaks = False
        self.host = "10.0.0.2"
        self.away = False

    def listenUDP(self, port: int, protocol: Any) -> None:
        self.is_open = True
        self.protocol = protocol
        protocol.transport = self
        protocol.startProtocol()

    def connect(self, host: str, port: int) -> None:
        if self.away:
            raise OSError(101, "Network is unreachable")
        self.connected_to = (host, port)

    def getHost(self) -> Any:
        return SimpleNamespace(host=self.host, port=40000)

    def write(self, datagram: bytes) -> None:
        if self.breaks:
            raise OSError(101, "Network is unreachable")
        for answer in self.router.answer(datagram):
            self.callLater(0.01, self.protocol.datagramReceived, answer, self.source)

    def stopListening(self) -> Deferred[None]:
        self.is_open = False
        return succeed(None)


class World:
    """A mapper and what it tells."""

    def __init__(self, router: Router, **options: Any) -> None:
        self.router = router
        self.reactor = Reactor(router)
        self.told: list[Event] = []
        options.setdefault("gateway", GATEWAY)
        self.mapper = PortMapper(
            self.reactor, on_mapped=self.told.append, on_unmapped=self.told.append, random=bytes, **options
        )


def test_a_port_is_forwarded_told_and_given_back() -> None:
    world = World(Router())
    world.mapper.map("udp", 4531)
    assert world.told == []
    world.reactor.advance(1.0)
    assert world.told == [Mapped("udp", 4531, "203.0.113.5", 4531, "pcp")]
    assert world.reactor.connected_to == (GATEWAY, limits.MAPPING_PORT)
    assert world.router.asked[0][20:24] == bytes((10, 0, 0, 2))
    world.mapper.unmap("udp", 4531)
    assert world.router.mappings == {}
    world.mapper.close()
    world.reactor.advance(1.0)
    assert (world.reactor.is_open, world.reactor.getDelayedCalls()) == (False, [])


def test_closing_gives_everything_back() -> None:
    world = World(Router(pcp=False))
    world.mapper.map("udp", 4531)
    world.mapper.map("tcp", 4532)
    world.reactor.advance(1.0)
    assert len(world.router.mappings) == 2
    world.mapper.close()
    assert world.router.mappings == {}


def test_nobody_but_the_router_is_believed() -> None:
    world = World(Router())
    world.reactor.source = ("10.0.0.66", limits.MAPPING_PORT)
    world.mapper.map("udp", 4531)
    world.reactor.advance(1.0)
    assert world.told == []
    world.mapper.close()


def test_a_router_that_knows_nothing_is_told_late_and_asked_no_more() -> None:
    world = World(Router(pcp=False, nat_pmp=False))
    world.mapper.map("udp", 4531)
    world.reactor.protocol.connectionRefused()
    world.reactor.advance(10.0)
    assert world.told == [Unmapped("udp", 4531, "no router has answered")]
    world.mapper.close()


def test_a_network_that_is_away_is_tried_again() -> None:
    world = World(Router())
    world.reactor.breaks = True
    world.mapper.map("udp", 4531)
    world.reactor.breaks = False
    world.reactor.advance(1.0)
    assert [type(event) for event in world.told] == [Mapped]
    world.mapper.close()


def test_what_comes_when_nobody_wants_it_any_more_is_not_told() -> None:
    world = World(Router())
    world.mapper.map("udp", 4531)
    world.reactor.advance(0.005)
    world.mapper.unmap("udp", 4531)
    world.reactor.advance(60.0)
    assert (world.told, world.router.mappings) == ([], {})
    world.mapper.close()


def test_without_a_router_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapper_module, "default_gateway", lambda: None)
    world = World(Router(), gateway=None)
    world.mapper.map("udp", 4531)
    world.mapper.unmap("udp", 4531)
    assert (world.mapper.gateway, world.reactor.protocol, world.told) == (None, None, [])
    world.mapper.close()


def test_upnp_is_asked_where_the_others_gave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    library = FakeLibrary()
    monkeypatch.setattr(mapper_module, "require_library", lambda: library)
    world = World(Router(pcp=False, nat_pmp=False), upnp=True)
    world.mapper.map("udp", 4531)
    world.reactor.advance(10.0)
    assert world.told == [Mapped("udp", 4531, "203.0.113.5", 4531, "upnp")]
    world.mapper.close()
    world.reactor.settle()
    assert (library.mapped, world.reactor.getDelayedCalls()) == ({}, [])


def test_upnp_is_not_asked_where_the_others_gave_something(monkeypatch: pytest.MonkeyPatch) -> None:
    library = FakeLibrary()
    monkeypatch.setattr(mapper_module, "require_library", lambda: library)
    world = World(Router(), upnp=True)
    world.mapper.map("udp", 4531)
    world.reactor.advance(10.0)
    assert ([event[-1] for event in world.told], library.searches) == (["pcp"], 0)
    world.mapper.unmap("udp", 4531)
    world.mapper.close()


def test_a_socket_that_the_system_takes_away_is_opened_again() -> None:
    world = World(Router())
    world.reactor.breaks = True
    world.mapper.map("udp", 4531)
    world.reactor.breaks = world.reactor.is_open = False
    world.reactor.protocol.stopProtocol()
    world.reactor.protocol.transport = None
    world.reactor.advance(1.0)
    assert [type(event) for event in world.told] == [Mapped]
    assert world.reactor.is_open
    world.reactor.protocol.stopProtocol()
    world.reactor.protocol.transport = None
    world.mapper.close()


def test_without_a_way_to_the_router_nobody_is_troubled_and_it_is_asked_when_there_is_one() -> None:
    world = World(Router())
    world.reactor.away = True
    world.mapper.map("udp", 4531)
    world.reactor.advance(30.0)
    assert [type(event) for event in world.told] == [Unmapped]
    world.reactor.away = False
    world.reactor.advance(2 * limits.MAPPING_RETRY)
    assert [type(event) for event in world.told] == [Unmapped, Mapped]
    world.mapper.close()
    assert world.router.mappings == {}


def test_a_network_that_is_away_when_the_socket_is_to_be_opened_again_ends_nothing() -> None:
    world = World(Router())
    world.mapper.map("udp", 4531)
    world.reactor.advance(1.0)
    world.reactor.away = world.reactor.breaks = True
    world.reactor.protocol.stopProtocol()
    world.reactor.protocol.transport = None
    world.reactor.advance(limits.MAPPING_LIFETIME / 2 + 60.0)
    world.reactor.away = world.reactor.breaks = False
    world.reactor.host = "10.0.0.3"
    asked = len(world.router.asked)
    world.reactor.advance(limits.MAPPING_LIFETIME)
    assert len(world.router.asked) > asked
    # It says which address it has now.
    assert world.router.asked[-1][20:24] == bytes((10, 0, 0, 3))
    world.mapper.close()
