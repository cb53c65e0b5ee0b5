"""What a client knows of its own addresses. See also test_client."""

from __future__ import annotations

from typing import Any

from esframework import limits
from esframework.managers.p2p.client_options import ClientP2POptions
from esframework.managers.p2p.gathering import Gathering
from esframework.rudp.candidates import Candidate, Kind, Protocol
from esframework.testing import VirtualReactor


class NoPorts:
    on_rendezvous: Any = None

    def local(self, host: str) -> list[Any]:
        return []


def test_of_each_protocol_and_family_the_latest_address_is_told_while_it_is_fresh() -> None:
    reactor = VirtualReactor()
    found: list[Candidate] = []
    gathering = Gathering(reactor, ClientP2POptions(), NoPorts(), found.append)  # type: ignore[arg-type]
    said = [
        (Protocol.UDP, "203.0.113.5", 5000),
        (Protocol.UDP, "2001:db8::5", 5000),
        (Protocol.TCP, "203.0.113.5", 6000),
        (Protocol.UDP, "203.0.113.5", 5001),
        (Protocol.UDP, "203.0.113.5", 5001),
    ]
    for protocol, host, port in said:
        gathering._see(protocol, (host, port))
    candidates = [Candidate(Kind.REFLEXIVE, *each) for each in said]
    assert found == candidates[:4]
    assert set(gathering.candidates(False)) == set(candidates[1:4])
    reactor.advance(limits.P2P_REFLEXIVE_FRESH + 1)
    assert gathering.candidates(False) == []
