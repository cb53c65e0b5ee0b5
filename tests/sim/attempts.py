"""Two attempts on SimNet, each with its host, socket and timer, and a relay between them: what managers and drivers do.

By UDP only: what two attempts do by TCP is decided by the kernels at both ends, which SimNet is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from esframework.limits import rudp as limits
from esframework.rudp.candidates import Candidate, Kind, Protocol
from esframework.rudp.keys import derive
from esframework.rudp.probes import PROBE_SIZE
from esframework.rudp.punch import (
    Attempt,
    Event,
    Failed,
    Finished,
    Mode,
    PathAgreed,
    SyncWanted,
)
from esframework.rudp.stages import State
from tests.sim.nat import Nat, NatKind
from tests.sim.network import Address, Datagram, Host, Node, Realm, SimNet
from tests.sim.nodes import Delay

PORT: Final = 5000
SESSION: Final = b"session of tests"
KEY: Final = derive(b"secret", b"shared", True, SESSION, "aes-128-gcm").probes
RENDEZVOUS: Final = ("198.51.100.1", 4531)
ONE_WAY: Final = 0.0005
"""Seconds over an access line: the NATs were measured on one machine."""


class Punch:
    """One end: asks the rendezvous how it is seen, and runs an attempt."""

    def __init__(self, host: Host, kinds: Iterable[Kind] = (Kind.HOST, Kind.REFLEXIVE)) -> None:
        self.host = host
        self.net: SimNet = host.net
        self.attempt: Attempt
        self.peer: Punch
        self.relay = 0.0
        self.candidates: list[Candidate] = []
        self.events: list[tuple[float, Event]] = []
        self.sent: list[tuple[float, Address, int | None]] = []
        self._kinds = frozenset(kinds)
        self._timer_at: float | None = None
        host.bind(PORT, self._read)

    def gather(self, rendezvous: Host) -> None:
        """Find this end's addresses, of which the rendezvous sees one."""
        seen: list[Datagram] = []
        rendezvous.bind(RENDEZVOUS[1], seen.extend)
        self.host.send(PORT, RENDEZVOUS, b"\0")
        self.net.run(0.1)
        found = [Candidate(Kind.HOST, Protocol.UDP, self.host.ip, PORT)]
        found += [Candidate(Kind.REFLEXIVE, Protocol.UDP, *datagram.source) for datagram in seen]
        self.candidates = [one for one in found if one.kind in self._kinds]

    def turn(self) -> None:
        """Take what came of an input, and set the timer."""
        now = self.net.now
        for event in self.attempt.events():
            self.events.append((now, event))
            if isinstance(event, SyncWanted):
                self.net.call_at(now + self.relay, lambda number=event.round: self.peer.synchronise(number))
        for datagram, address, ttl in self.attempt.probes_to_send(now):
            assert len(datagram) == PROBE_SIZE
            self.sent.append((now, address, ttl))
            self.host.send(PORT, address, datagram, 64 if ttl is None else ttl)
        when = self.attempt.next_timer()
        assert when is None or when > now, "the timer is past after everything was taken"
        assert when is not None or self.attempt.state in (State.OPEN, State.FAILED, State.STOPPED, State.NEW)
        if when is not None and (self._timer_at is None or when < self._timer_at):
            self._timer_at = when
            self.net.call_at(when, self._on_time)

    def synchronise(self, number: int) -> None:
        """The announcement of a round came by the relay."""
        self.attempt.synchronise(number, self.net.now)
        self.turn()

    @property
    def opened_at(self) -> float | None:
        """When both ends' use of a path became known here."""
        return next((when for when, event in self.events if isinstance(event, PathAgreed)), None)

    @property
    def path(self) -> PathAgreed | None:
        """The path that was agreed on last."""
        return next((event for _, event in reversed(self.events) if isinstance(event, PathAgreed)), None)

    @property
    def is_done(self) -> bool:
        """Whether nothing more is tried."""
        return any(isinstance(event, (Finished, Failed)) for _, event in self.events)

    def _read(self, batch: list[Datagram]) -> None:
        for datagram in batch:
            if len(datagram.payload) == PROBE_SIZE and hasattr(self, "attempt"):
                self.attempt.receive(datagram.payload, datagram.source, self.net.now)
                self.turn()

    def _on_time(self) -> None:
        if self._timer_at is None or self.net.now < self._timer_at:
            return
        self._timer_at = None
        self.attempt.on_timer(self.net.now)
        self.turn()


class Meeting:
    """Two ends with each other's candidates; the left one is the leader.

    `late`: seconds by which the follower hears of a round later than the leader believes.
    """

    def __init__(
        self,
        left: Punch,
        right: Punch,
        *,
        relay: float = 0.02,
        late: float = 0.0,
        first_ttl: int | None = limits.FIRST_TTL,
    ) -> None:
        self.net = left.net
        self.left, self.right = left, right
        rendezvous = Host(self.net.internet, RENDEZVOUS[0])
        for end, other in ((left, right), (right, left)):
            end.peer = other
            end.relay = relay + (late if end is left else 0.0)
            end.gather(rendezvous)
        for end, other in ((left, right), (right, left)):
            end.attempt = Attempt(
                is_leader=end is left,
                session=SESSION,
                probe_key=KEY,
                local=end.candidates,
                remote=other.candidates,
                mode=Mode.UDP,
                relay_round_trip=2 * relay,
                first_ttl=first_ttl,
            )
        self.began = self.net.now
        for end in (right, left):
            end.attempt.start(self.net.now)
            end.turn()

    @property
    def ends(self) -> tuple[Punch, Punch]:
        """Both."""
        return self.left, self.right

    def punched(self, seconds: float = 20.0) -> float | None:
        """Let it run; seconds until both use a path, or None if they failed."""
        assert self.net.run_until(lambda: all(end.is_done for end in self.ends), seconds), "neither open nor failed"
        times = [end.opened_at for end in self.ends]
        assert (times[0] is None) is (times[1] is None), "one end is open, the other is not"
        return max(when for when in times if when is not None) - self.began if times[0] is not None else None


def site(net: SimNet, number: int, kind: NatKind | None, realm: Realm | None = None, ip: str = "") -> Punch:
    """One end behind a NAT of its own, or on the Internet."""
    up, down = [Delay(ONE_WAY)], [Delay(ONE_WAY)]
    return Punch(_host(net, number, kind, realm, ip, up, down))


def _host(
    net: SimNet, number: int, kind: NatKind | None, realm: Realm | None, ip: str, up: list[Node], down: list[Node]
) -> Host:
    outer = realm or net.internet
    outside = ip or f"203.0.113.{10 + number}"
    if kind is None:
        return Host(outer, outside, up, down)
    return Host(Nat(outer, outside, kind).inner, f"10.0.{number}.2", up, down)
