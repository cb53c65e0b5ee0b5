"""The two local ports of one client, by UDP and by TCP, that all of its channels share; opened when they are needed.

What comes by them finds its attempt here. On a reactor without one of the two, or where no port is to be had, the other
one does; without both there is no P2P. Refuses to know what attempts do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.error import CannotListenError
from twisted.logger import Logger

from esframework.errors import LocalError
from esframework.managers.p2p.tcp_ports import TcpPorts
from esframework.net.channels import IP2PChannelUser
from esframework.net.punched_tcp.channel import TcpChannel
from esframework.net.punched_tcp.sessions import Expected
from esframework.net.udp import UdpDriver
from esframework.rudp import candidates
from esframework.rudp.keys import Keys
from esframework.rudp.paths import Address
from esframework.rudp.probes import session_of

_log = Logger()


class Party(Protocol):
    """Whose probes and connections come here; see `punched_tcp.sessions.SessionUser`."""

    def probe_came(self, datagram: bytes, address: Address) -> None: ...

    def found(self, channel: TcpChannel) -> None: ...

    def chosen(self, channel: TcpChannel) -> IP2PChannelUser: ...

    def lost(self, channel: TcpChannel) -> None: ...


class Ports:
    """`on_rendezvous(datagram, address)` gets what P2P servers answer by UDP."""

    def __init__(self, reactor: Any) -> None:
        self.on_rendezvous: Callable[[bytes, Address], None] = lambda datagram, address: None
        self.refused: dict[str, int] = {}
        self._reactor = reactor
        self._parties: dict[bytes, Party] = {}
        self._udp: UdpDriver | None = None
        self._tcp: TcpPorts | None = None
        self._is_open = False

    def open(self) -> bool:
        """Open what can be opened; harmless when that is done. Whether the TCP port is another one than before.

        Raises LocalError when there is neither.
        """
        if self._is_open:
            return self._tcp is not None and self._tcp.renew()
        problems = []
        try:
            self._udp = UdpDriver(self._reactor, on_probe=self._probe_came, on_rendezvous=self._answer_came)
        except (LocalError, CannotListenError) as error:
            problems.append(f"UDP: {error}")
        try:
            self._tcp = TcpPorts(self._reactor)
        except LocalError as error:
            problems.append(f"TCP: {error}")
        if self._udp is None and self._tcp is None:
            raise LocalError(f"no port for P2P: {'; '.join(problems)}")
        for problem in problems:
            _log.warn("P2P goes without {problem}", problem=problem)
        self._is_open = True
        return False

    def tcp_was_used(self) -> None:
        """A channel by TCP has ended."""
        if self._tcp is not None:
            self._tcp.used()

    def close(self) -> Deferred[None]:
        """Close the ports, and channels by them when what waits has arrived or a few seconds later."""
        closing: list[Deferred[None]] = []
        if self._udp is not None:
            closing.append(self._udp.stop())
        if self._tcp is not None:
            closing.append(self._tcp.close())
        self._udp = self._tcp = None
        self._is_open = False
        if not closing:
            return succeed(None)
        closed: Deferred[Any] = DeferredList(closing)
        return closed.addCallback(lambda _: None)

    # --- what can be reached ----------------------------------------------------------------------------------------
    def local(self, host: str) -> list[tuple[candidates.Protocol, int]]:
        """By which protocols, and at which ports, this client can be reached at an address of its own."""
        ports = []
        if self.reaches_by_udp(host):
            ports.append((candidates.Protocol.UDP, self.udp.port))
        if self.reaches_by_tcp(host):
            assert self._tcp is not None
            ports.append((candidates.Protocol.TCP, self._tcp.number))
        return ports

    def reaches_by_udp(self, host: str) -> bool:
        """Whether an address of that family can be reached."""
        return self._udp is not None and (self._udp.has_ipv6 if ":" in host else self._udp.has_ipv4)

    def reaches_by_tcp(self, host: str) -> bool:
        """Whether an address of that family can be reached."""
        return self._tcp is not None and (self._tcp.has_ipv6 or ":" not in host)

    @property
    def udp(self) -> UdpDriver:
        """Raises LocalError when there is none."""
        if self._udp is None:
            raise LocalError("there is no UDP port")
        return self._udp

    @property
    def has_udp(self) -> bool:
        """Whether there is a UDP port."""
        return self._udp is not None

    @property
    def tcp_port(self) -> int | None:
        """The number of the TCP port, None without one."""
        return None if self._tcp is None else self._tcp.number

    def all_refused(self) -> Counter[str]:
        """What came by either port and was for nobody, or was no hello of anybody expected, by reason."""
        refused = Counter(self.refused)
        if self._udp is not None:
            refused.update(self._udp.refused())
        if self._tcp is not None:
            refused.update(self._tcp.refused)
        return refused

    def new_index(self) -> int:
        """An index for a channel by UDP; 0 where there is none."""
        return 0 if self._udp is None else self._udp.new_index()

    # --- attempts ---------------------------------------------------------------------------------------------------
    def enter(self, session: bytes, keys: Keys, is_leader: bool, party: Party) -> None:
        """What comes for a session is for this party from now on; `keys` are those by TCP."""
        self._parties[session] = party
        if self._tcp is not None:
            self._tcp.expect(Expected(session, keys, is_leader, party))

    def leave(self, session: bytes) -> None:
        """Nobody waits for a session any more; its connections that nobody chose are cut."""
        self._parties.pop(session, None)
        if self._tcp is not None:
            self._tcp.forget(session)

    def send(self, datagram: bytes, address: Address, ttl: int | None = None) -> None:
        """Send a datagram that belongs to no channel, if there is UDP."""
        if self._udp is not None:
            self._udp.send(datagram, address, ttl)

    def dial(self, session: bytes, address: Address) -> Deferred[None]:
        """Connect to an address, and say for which session. Fails with DialFailed."""
        assert self._tcp is not None
        return self._tcp.dial(session, address)

    def observe(self, server: Address, token: bytes) -> Deferred[Address]:
        """As which address a P2P server sees the TCP port."""
        assert self._tcp is not None
        return self._tcp.observe(server, token)

    # --- what comes -------------------------------------------------------------------------------------------------
    def _probe_came(self, datagram: bytes, address: Address) -> None:
        party = self._parties.get(session_of(datagram) or b"")
        if party is None:
            self.refused["probe_of_nobody"] = self.refused.get("probe_of_nobody", 0) + 1
        else:
            party.probe_came(datagram, address)

    def _answer_came(self, datagram: bytes, address: Address) -> None:
        self.on_rendezvous(datagram, address)
