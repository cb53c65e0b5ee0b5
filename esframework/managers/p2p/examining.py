"""Finds out behind which NAT a client is, for people: by ports of its own, from which nothing was sent before.

How a NAT maps and whom it lets in is asked from a port each: at many routers, what comes in unasked for changes the
mapping, so that a cone would look like a symmetric NAT. Channels are opened without all this. Refuses to know what the
answers mean: `nat` does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, gatherResults, succeed
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
from esframework.rudp.candidates import Candidate
from esframework.rudp.paths import Address
from esframework.rudp.rendezvous.discovery import Findings

_log = Logger()


async def examine(client: IClientContext, introduction: IntroductionBody) -> NatReport:
    """Ask all P2P servers that there are, by UDP and TCP at the same time; up to seven seconds. Fails with LocalError
    where no port can be opened."""
    reactor, token = client.clock, introduction.token
    servers = await server_addresses(client, introduction.servers)
    ports, others = Ports(reactor), Ports(reactor)
    ports.open()
    others.open()
    gathering, letting_in = (Gathering(reactor, client.options.p2p, each, _nobody) for each in (ports, others))
    try:
        if not introduction.is_local:
            gathering.forward()
        by_tcp = _seen_by_tcp(reactor, ports, servers, token)
        mapping = _findings(ports, gathering, servers, token, tests_filtering=False)
        filtering = _findings(others, letting_in, servers, token, tests_filtering=True)
        findings = tuple(map(_joined, await mapping, await filtering))
        return report_of(findings, await by_tcp, tuple(own_addresses(reactor)), gathering.forwarded)
    finally:
        for each in (gathering, letting_in, ports, others):
            await each.close()


def _nobody(candidate: Candidate) -> None:
    """Is to be told of it."""


def _joined(mapping: Findings, filtering: Findings) -> Findings:
    return replace(mapping, filtering=filtering.filtering)


def _findings(
    ports: Ports, gathering: Gathering, servers: list[Address], token: bytes, *, tests_filtering: bool
) -> Deferred[list[Findings]]:
    """What those servers say that can be reached by UDP; without UDP, that nothing comes of it."""
    if not ports.has_udp:
        return succeed([Findings(server) for server in servers])
    reached = [server for server in servers if ports.reaches_by_udp(server[0])]
    return gatherResults([gathering.discover(server, token, tests_filtering) for server in reached])


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
