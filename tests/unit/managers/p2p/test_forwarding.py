"""What a router forwards becomes a candidate, and ceases to be one."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from esframework.errors import MissingExtra
from esframework.machines.port_mapping import Mapped, Unmapped
from esframework.managers.p2p import forwarding as forwarding_module
from esframework.managers.p2p.client_options import ClientP2POptions
from esframework.managers.p2p.forwarding import Forwarding
from esframework.managers.p2p.gathering import Gathering
from esframework.rudp.candidates import Candidate, Kind, Protocol
from esframework.testing import MemoryNetwork, VirtualReactor


class Mapper:
    """Notes what it is asked for."""

    made: list[Mapper] = []

    def __init__(self, reactor: Any, **arguments: Any) -> None:
        self.arguments = arguments
        self.wanted: list[tuple[str, int]] = []
        self.is_closed = False
        self.made.append(self)

    def close(self) -> Deferred[None]:
        self.is_closed = True
        return succeed(None)

    def map(self, protocol: str, port: int) -> None:
        self.wanted.append((protocol, port))

    def unmap(self, protocol: str, port: int) -> None:
        self.wanted = [each for each in self.wanted if each != (protocol, port)]


class LocalPorts:
    has_udp = True
    tcp_port = 4000

    class udp:
        port = 5000


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Mapper]:
    monkeypatch.setattr(forwarding_module, "PortMapper", Mapper)
    monkeypatch.setattr(Mapper, "made", [])
    return Mapper.made


def test_both_ports_are_asked_for_once_there_is_a_mapper(made: list[Mapper]) -> None:
    forwarding = Forwarding(VirtualReactor(), ClientP2POptions(router="10.0.0.1"), lambda candidate: None)
    assert made == []
    forwarding.want(LocalPorts())  # type: ignore[arg-type]
    forwarding.want(LocalPorts())  # type: ignore[arg-type]
    assert made[0].wanted[:2] == [("udp", 5000), ("tcp", 4000)]
    assert (len(made), made[0].arguments["gateway"]) == (1, "10.0.0.1")


def test_a_port_that_is_another_one_now_takes_the_place_of_the_earlier_one(
    made: list[Mapper], monkeypatch: pytest.MonkeyPatch
) -> None:
    forwarding = Forwarding(VirtualReactor(), ClientP2POptions(), lambda candidate: None)
    forwarding.want(LocalPorts())  # type: ignore[arg-type]
    made[0].arguments["on_mapped"](Mapped("tcp", 4000, "203.0.113.5", 4000, "pcp"))
    monkeypatch.setattr(LocalPorts, "tcp_port", 4001)
    forwarding.want(LocalPorts())  # type: ignore[arg-type]
    assert set(made[0].wanted) == {("udp", 5000), ("tcp", 4001)}
    assert forwarding.candidates == []


def test_what_is_forwarded_is_told_and_kept_until_it_is_not(made: list[Mapper]) -> None:
    found: list[Candidate] = []
    forwarding = Forwarding(VirtualReactor(), ClientP2POptions(), found.append)
    forwarding.want(LocalPorts())  # type: ignore[arg-type]
    made[0].arguments["on_mapped"](Mapped("udp", 5000, "203.0.113.5", 6000, "pcp"))
    assert found == forwarding.candidates == [Candidate(Kind.MAPPED, Protocol.UDP, "203.0.113.5", 6000)]
    made[0].arguments["on_unmapped"](Unmapped("udp", 5000, "the router has forgotten"))
    assert forwarding.candidates == []


def test_nobody_is_asked_who_is_not_to_be(made: list[Mapper]) -> None:
    Forwarding(VirtualReactor(), ClientP2POptions(map_ports=False), print).want(LocalPorts())  # type: ignore[arg-type]
    machine = MemoryNetwork().machine("10.0.0.2")
    Forwarding(machine, ClientP2POptions(), print).want(LocalPorts())  # type: ignore[arg-type]
    assert made == []


def test_a_missing_library_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MissingExtra("UPnP", "upnp")

    monkeypatch.setattr(forwarding_module, "require_library", missing)
    with pytest.raises(MissingExtra, match="upnp"):
        Forwarding(VirtualReactor(), ClientP2POptions(upnp=True), print)


def test_in_another_network_another_router_is_asked(made: list[Mapper]) -> None:
    class Closed:
        on_rendezvous: Any = None

        def local(self, host: str) -> list[Any]:
            return []

    gathering = Gathering(VirtualReactor(), ClientP2POptions(), Closed(), lambda candidate: None)  # type: ignore[arg-type]
    gathering._forwarding.want(LocalPorts())  # type: ignore[arg-type]
    mapped = Candidate(Kind.MAPPED, Protocol.UDP, "203.0.113.5", 5000)
    made[0].arguments["on_mapped"](Mapped("udp", 5000, "203.0.113.5", 5000, "pcp"))
    assert mapped in gathering.candidates(False)
    gathering.forget()
    assert made[0].is_closed
    assert mapped not in gathering.candidates(False)
    gathering._forwarding.want(LocalPorts())  # type: ignore[arg-type]
    assert len(made) == 2
