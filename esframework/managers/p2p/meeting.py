"""One attempt to open channels with one device: joins the attempt's machine to ports, to the server and to a link.

Both ends run one, the leader's having made the offer. Refuses to know how others are told of addresses, and what goes
by a channel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import DialFailed, EsError, KeyRefused, P2PConnectFailed
from esframework.limits import rudp as rudp_limits
from esframework.managers.p2p.contracts import CandidateBody
from esframework.managers.p2p.ports import Ports
from esframework.net.channels import IP2PChannel, IP2PChannelUser
from esframework.net.punched_tcp.channel import TcpChannel
from esframework.rudp.candidates import Candidate, Offered, Protocol, Rules
from esframework.rudp.keys import Keys, derive, exchange
from esframework.rudp.paths import Address
from esframework.rudp.probes import SESSION_SIZE
from esframework.rudp.punch import Attempt, ConnectionUnwanted, Event, Failed, Finished, Mode, PathAgreed, SyncWanted
from esframework.wire.types import P2PChannelMode

_log = Logger()

def common_mode(here: int, there: int) -> Mode | None:
    """Which kinds of channels both ends want; None if there is none."""
    common = _KINDS.get(here, frozenset()) & _KINDS.get(there, frozenset())
    if len(common) == 2:
        return Mode.BOTH
    return next(iter(common), None)


_KINDS: Final[dict[int, frozenset[Mode]]] = {
    P2PChannelMode.TCP_AND_UDP: frozenset({Mode.TCP, Mode.UDP}),
    P2PChannelMode.TCP: frozenset({Mode.TCP}),
    P2PChannelMode.UDP: frozenset({Mode.UDP}),
}


@dataclass(frozen=True, slots=True)
class Agreement:
    """What offer and answer said, as one end sees it: `session` is both parts of the attempt's name."""

    is_leader: bool
    session: bytes
    secret: bytes
    private: bytes
    public: bytes
    cipher: str
    index: int
    receiver: int
    mode: Mode
    both_local: bool

    def keys(self) -> tuple[bytes, Keys, Keys]:
        """The attempt's name, and the keys by UDP and by TCP. Raises KeyRefused."""
        if not self.secret:
            raise KeyRefused("the server has added no secret: it is one that does not introduce clients to each other")
        name = hashlib.sha256(self.session).digest()[:SESSION_SIZE]
        shared = exchange(self.private, self.public)
        by_udp = derive(self.secret, shared, self.is_leader, name, self.cipher)
        return name, by_udp, derive(self.secret, shared, self.is_leader, name + b"tcp", self.cipher)


def offered(candidates: Iterable[CandidateBody]) -> list[Offered]:
    """Candidates as they came, for the machine to judge."""
    return [(each.kind, each.protocol, each.host, each.port) for each in candidates]


def told(candidates: Iterable[Candidate]) -> list[CandidateBody]:
    """Candidates as they are sent."""
    return [CandidateBody(each.host, each.kind.value, each.port, each.protocol.value) for each in candidates]


class Meeting:
    """`link` uses what opens; `say_sync(round)` tells the other end by the server; `over(meeting, error)` is called
    once, with None when a path was agreed on, and `closed()` when nothing is heard of the attempt any more.

    Raises KeyRefused when the other end's key is none.
    """

    def __init__(
        self,
        reactor: Any,
        ports: Ports,
        agreement: Agreement,
        link: Any,
        local: Iterable[Candidate],
        remote: Iterable[Offered],
        relay_round_trip: float,
        say_sync: Callable[[int], None],
        over: Callable[[Meeting, EsError | None], None],
        closed: Callable[[], None],
    ) -> None:
        self.name, self._udp_keys, tcp_keys = agreement.keys()
        self.link = link
        self._reactor = reactor
        self._ports = ports
        self._agreement = agreement
        self._say_sync = say_sync
        self._over: Callable[[Meeting, EsError | None], None] | None = over
        self._closed = closed
        self._timer: IDelayedCall | None = None
        self._end: IDelayedCall | None = None
        self._look: IDelayedCall | None = None
        self._udp: Any = None
        self._is_closed = False
        self._attempt = Attempt(
            is_leader=agreement.is_leader,
            session=self.name,
            probe_key=self._udp_keys.probes,
            local=local,
            remote=remote,
            mode=agreement.mode,
            relay_round_trip=relay_round_trip,
            rules=Rules(loopback=agreement.both_local),
        )
        ports.enter(self.name, tcp_keys, agreement.is_leader, self)

    @property
    def refused(self) -> dict[str, int]:
        """See `Attempt.refused`."""
        return self._attempt.refused

    @property
    def is_leader(self) -> bool:
        """Whether this end made the offer."""
        return self._agreement.is_leader

    # --- what happens -----------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Offer and answer are said."""
        self._attempt.start(self._reactor.seconds())
        self._go_on()

    def synchronise(self, number: int) -> None:
        """The leader begins a round."""
        self._attempt.synchronise(number, self._reactor.seconds())
        self._go_on()

    def add_local(self, candidates: Iterable[Candidate]) -> None:
        """This end has found out more."""
        self._attempt.add_local(candidates)
        self._go_on()

    def add_remote(self, candidates: Iterable[Offered]) -> None:
        """The other end has found out more."""
        self._attempt.add_remote(candidates, self._reactor.seconds())
        self._go_on()

    def probe_came(self, datagram: bytes, address: Address) -> None:
        """For this attempt, it says itself."""
        self._attempt.receive(datagram, address, self._reactor.seconds())
        self._go_on()

    def stop(self, reason: str) -> None:
        """Nobody wants a channel any more."""
        self._finish(P2PConnectFailed(reason))
        self.give_way()

    def give_way(self) -> None:
        """Another attempt takes the place of this one, of whose end nobody is told."""
        self._over = None
        self._attempt.stop(self._reactor.seconds())
        self._close()

    # --- connections (see `punched_tcp.sessions.SessionUser`) ------------------------------------------------------
    def found(self, channel: TcpChannel) -> None:
        """The other end is at the end of a connection, and has shown it."""
        self._attempt.tcp_connected(channel, channel.address, self._reactor.seconds(), channel.round_trip)
        self._go_on()

    def chosen(self, channel: TcpChannel) -> IP2PChannelUser:
        """The leader said that it is this one."""
        self._attempt.tcp_chosen(channel, self._reactor.seconds())
        self._reactor.callLater(0, self._go_on)
        user: IP2PChannelUser = self.link
        return user

    def lost(self, channel: TcpChannel) -> None:
        """A connection is gone before it was anything."""
        self._attempt.tcp_lost(channel, self._reactor.seconds())
        self._go_on()

    def _not_dialled(self, address: Address, error: BaseException | None) -> None:
        was_refused = isinstance(error, DialFailed) and error.was_refused
        self._attempt.tcp_failed(address, was_refused, self._reactor.seconds())
        self._go_on()

    # --- what the machine wants -------------------------------------------------------------------------------------
    def _go_on(self) -> None:
        if self._is_closed:
            return
        now = self._reactor.seconds()
        for event in self._attempt.events():
            self._take(event)
        if self._is_closed:
            return
        for datagram, address, ttl in self._attempt.probes_to_send(now):
            self._ports.send(datagram, address, ttl)
        for address in self._attempt.dials(now):
            self._dial(address)
        self._set_timer(now)

    def _dial(self, address: Address) -> None:
        def failed(failure: Failure) -> None:
            self._not_dialled(address, failure.value)

        self._ports.dial(self.name, address).addErrback(failed)

    def _set_timer(self, now: float) -> None:
        when = self._attempt.next_timer()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if when is not None:
            self._timer = self._reactor.callLater(max(0.0, when - now), self._on_timer)

    def _on_timer(self) -> None:
        self._attempt.on_timer(self._reactor.seconds())
        self._go_on()

    def _take(self, event: Event) -> None:
        if isinstance(event, SyncWanted):
            self._say_sync(event.round)
        elif isinstance(event, PathAgreed):
            self._agreed(event)
        elif isinstance(event, ConnectionUnwanted):
            channel: Any = event.connection
            channel.cut()
        elif isinstance(event, Finished):
            self._finish(None)
            self._end = self._reactor.callLater(
                max(rudp_limits.NOMINATION_TIME, limits.P2P_UNOPENED_TIMEOUT), self._close
            )
        elif isinstance(event, Failed):
            self._finish(P2PConnectFailed(event.reason))
            self._close()

    def _agreed(self, path: PathAgreed) -> None:
        agreement = self._agreement
        if path.protocol is Protocol.TCP:
            if agreement.is_leader:
                channel: Any = path.connection
                channel.choose(self.link)
        elif self._udp is not None:
            self._ports.udp.try_address(self._udp, path.address)
        else:
            self._udp = self._ports.udp.open(
                self._udp_keys,
                agreement.index,
                agreement.receiver,
                path.address,
                self.link,
                round_trip=path.round_trip,
                also_at=self._attempt.udp_addresses,
            )
            self._watch(self._udp)
        # The other kind may still be found: but this end has what it wanted.
        self._finish(None)

    def _watch(self, channel: IP2PChannel) -> None:
        """A path that worked for probes and carries nothing is none."""

        def look() -> None:
            if channel.opened_at is None:
                channel.abort(reason="the path that was agreed on did not work")

        self._look = self._reactor.callLater(limits.P2P_UNOPENED_TIMEOUT, look)

    def _finish(self, error: EsError | None) -> None:
        over, self._over = self._over, None
        if over is not None:
            over(self, error)

    def _close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        for timer in (self._timer, self._end, self._look):
            if timer is not None and timer.active():
                timer.cancel()
        self._ports.leave(self.name)
        self._closed()
