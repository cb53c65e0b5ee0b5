"""Ports forwarded by UPnP, in virtual time."""

from __future__ import annotations

from esframework import limits
from esframework.machines.port_mapping import Event, Mapped
from esframework.net.port_mapping.upnp import Upnp
from esframework.net.port_mapping.upnp_ports import UpnpPorts
from esframework.testing.reactor import VirtualReactor
from tests.upnp_library import FakeLibrary


class World:
    """A reactor, a library, and what is told."""

    def __init__(self) -> None:
        self.reactor = VirtualReactor()
        self.library = FakeLibrary()
        self.told: list[Event] = []
        upnp = Upnp("10.0.0.1", self.library)
        self.ports = UpnpPorts(self.reactor, upnp, self.told.append, self.told.append)

    def want(self, port: int = 4531) -> None:
        self.ports.want("udp", port)
        self.reactor.settle()


MAPPED = Mapped("udp", 4531, "203.0.113.5", 4531, "upnp")


def test_a_port_is_told_and_renewed_at_half_its_life() -> None:
    world = World()
    world.want()
    assert world.told == [MAPPED]
    world.reactor.advance(limits.MAPPING_LIFETIME * 2)
    assert len(world.library.added) == 5
    world.ports.close()
    world.reactor.settle()
    assert (world.library.mapped, world.reactor.getDelayedCalls()) == ({}, [])


def test_a_refusal_is_told() -> None:
    world = World()
    world.library.url = None
    world.want()
    (refused,) = world.told
    assert refused[:2] == ("udp", 4531) and "no router has answered" in refused[2]
    world.ports.drop("udp", 4531)
    assert world.reactor.getDelayedCalls() == []


def test_what_is_given_when_nobody_wants_it_any_more_is_given_back() -> None:
    world = World()
    world.ports.want("udp", 4531)
    world.ports.drop("udp", 4531)
    world.reactor.settle()
    assert (world.told, world.library.mapped) == ([], {})


def test_what_a_router_has_forgotten_is_given_back_without_ado() -> None:
    world = World()
    world.want()
    world.library.mapped.clear()
    given_back: list[object] = []
    world.ports.close().addCallback(given_back.append)
    world.reactor.settle()
    assert len(given_back) == 1
