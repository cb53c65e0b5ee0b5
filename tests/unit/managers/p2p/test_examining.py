"""What a client finds out of its NAT where no P2P server answers; `tests/nat` asks real ones behind real NATs."""

from __future__ import annotations

import pytest

from esframework import ClientOptions
from esframework.errors import NotLoggedOn
from esframework.managers.p2p.client_options import ClientP2POptions
from esframework.managers.p2p.nat import NatKind
from esframework.testing import MemoryNetwork, simulated

NOBODY = ClientOptions(p2p=ClientP2POptions(server="10.9.9.9:9901", map_ports=False))


@simulated
async def test_silence_of_the_p2p_server_says_nothing_of_nats(network: MemoryNetwork) -> None:
    network.server()
    client = await network.client("alice", options=NOBODY, host="10.0.0.1")
    began = network.reactor.seconds()
    report = await client.p2p.examine_nat()
    assert (report.kind, report.udp_address, report.tcp_address) == (NatKind.UNKNOWN, None, None)
    assert report.addresses == ("10.0.0.1",)
    assert network.reactor.seconds() - began <= 7.0


@simulated
async def test_it_leaves_no_port_open(network: MemoryNetwork) -> None:
    network.server()
    client = await network.client("alice", options=NOBODY, host="10.0.0.1")
    before = network.datagrams.ports()
    await client.p2p.examine_nat()
    assert network.datagrams.ports() == before


@simulated
async def test_it_needs_a_session(network: MemoryNetwork) -> None:
    client = network.new_client(options=NOBODY, host="10.0.0.1")
    with pytest.raises(NotLoggedOn):
        client.p2p.examine_nat()
