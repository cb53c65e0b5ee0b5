"""A P2P server's figures for Prometheus are those of the service at the moment of the fetch."""

from __future__ import annotations

import os

from esframework.net.rendezvous import RendezvousService
from esframework.rudp.rendezvous.answering import Answering
from esframework.rudp.rendezvous.messages import Request
from esframework.rudp.rendezvous.tokens import Tokens
from esframework.testing import MemoryNetwork, simulated
from esframework.web.collector import registry_of
from esframework.web.rendezvous_collector import rendezvous_registry_of
from tests.sockets import SocketReactor

TOKENS = Tokens([b"a secret of ours"], os.urandom)
SERVER, CLIENT = ("203.0.113.1", 9901), ("198.51.100.7", 40000)


def test_what_was_asked_answered_and_refused_is_counted() -> None:
    reactor = SocketReactor()
    service = RendezvousService(reactor, Answering(TOKENS), reactor.seconds)
    service.open(*SERVER)
    request = Request(b"transaction.", TOKENS.issue(0.0)).encode()
    for datagram in (request, request, b"\0garbage"):
        reactor.deliver(datagram, CLIENT, SERVER)
    peer = reactor.connect(CLIENT, SERVER)
    assert peer is not None
    peer.write(request)
    value = rendezvous_registry_of(service).get_sample_value
    assert value("esframework_p2p_requests_total") == 4
    assert value("esframework_p2p_answers_total") == 3
    assert value("esframework_p2p_refused_total", {"reason": "short"}) == 1
    assert value("esframework_p2p_connections_told_total") == value("esframework_p2p_connections") == 1
    assert value("esframework_p2p_addresses") == 1


@simulated
async def test_those_of_an_engine_are_among_its_figures(network: MemoryNetwork) -> None:
    assert registry_of(network.server()).get_sample_value("esframework_p2p_requests_total") == 0
