"""Finds out behind which NAT a client is, for people: by ports of its own, from which nothing was sent before.

Channels are opened without it. Refuses to know what the answers mean: `nat` does.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.interfaces import IClientContext
from esframework.managers.p2p.contracts import IntroductionBody
from esframework.managers.p2p.gathering import Gathering
from esframework.managers.p2p.nat import NatReport, report_of
from esframework.managers.p2p.ports import Ports
from esframework.managers.p2p.servers import server_addresses
from esframework.net.own_addresses import own_addresses
from esframework.rudp.paths import Address
from esframework.rudp.rendezvous.discovery import Findings

_log = Logger()


async def examine(client: IClientContext, introduction: IntroductionBody) -> NatReport:
    """Ask all P2P servers that there are, by UDP and TCP at the same time; up to seven seconds. Fails with LocalError
    where no port can be opened."""
    reactor = client.clock
    servers = await server_addresses(client, introduction.servers)
    ports = Ports(reactor)
    ports.open()
    gathering = Gathering(reactor, client.options.p2p, ports, lambda candidate: None)
    try:
        if not introduction.is_local:
            gathering.forward()
        by_tcp = _seen_by_tcp(reactor, ports, servers, introduction.token)
        findings = await _findings(ports, gathering, servers, introduction.token)
        return report_of(findings, await by_tcp, tuple(own_addresses(reactor)), gathering.forwarded)
    finally:
        await gathering.close()
        await ports.close()


async def _findings(ports: Ports, gathering: Gathering, servers: list[Address], token: bytes) -> tuple[Findings, ...]:
    if not ports.has_udp:
        return tuple(map(Findings, servers))
    asked = [
        gathering.discover(server, token, tests_filtering=True) for server in servers if ports.reaches_by_udp(server[0])
    ]
    return tuple([await each for each in asked])


def _seen_by_tcp(reactor: Any, ports: Ports, servers: list[Address], token: bytes) -> Deferred[Address | None]:
    """As which address a P2P server sees the TCP port; None when none says so in time."""
    asked: list[Deferred[Any]] = []
    for server in servers:
        if ports.reaches_by_tcp(server[0]):
            seen = ports.observe(server, token)
            seen.addTimeout(limits.RENDEZVOUS_TIMEOUT, reactor)
            asked.append(seen.addErrback(_not_told, server))
    answers: Deferred[Any] = DeferredList(asked)
    return answers.addCallback(lambda told: next((seen for _, seen in told if seen is not None), None))


def _not_told(failure: Failure, server: Address) -> None:
    _log.debug("the P2P server {server} did not answer by TCP: {why}", server=server, why=failure.value)
