"""A port is forwarded by a router that is played on loopback, on real sockets."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol

from esframework.machines.port_mapping import Mapped
from esframework.net.port_mapping.mapper import PortMapper
from tests.integration.support import until, within
from tests.routers import Router

pytestmark = pytest.mark.integration
reactor: Any = global_reactor


class PlayedRouter(DatagramProtocol):
    """Answers from its own port."""

    transport: Any
    noisy = False

    def __init__(self, router: Router) -> None:
        self.router = router

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        for answer in self.router.answer(datagram):
            self.transport.write(answer, addr)


@pytest.mark.parametrize(("knows_pcp", "by"), [(True, "pcp"), (False, "nat-pmp")])
@pytest_twisted.ensureDeferred
async def test_a_port_is_forwarded_and_given_back(knows_pcp: bool, by: str) -> None:
    router = Router(pcp=knows_pcp)
    port = reactor.listenUDP(0, PlayedRouter(router), interface="127.0.0.1")
    mapped: Deferred[Mapped] = Deferred()
    mapper = PortMapper(reactor, on_mapped=mapped.callback, gateway="127.0.0.1", gateway_port=port.getHost().port)
    mapper.map("udp", 4531)
    assert await within(mapped, "the router's answer") == Mapped("udp", 4531, "203.0.113.5", 4531, by)
    assert router.mappings == {("udp", 4531): 4531}
    await mapper.close()
    await until(lambda: router.mappings == {}, "the port to be given back")
    await port.stopListening()
