"""Two attempts on SimNet, each with its host, socket and timer, and a relay between them: what managers and drivers do.

By UDP only: what two attempts do by TCP is decided by the kernels at both ends, which SimNet is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from esframework.limits import rudp as limits
from esframework.rudp.candidates import Candidate, Kind, Protocol
from esframework.rudp.keys import derive
from esframework.rudp.probes import PROBE_SIZE
from esframework.rudp.punch import Attempt, Event, Failed, Finished, Mode, PathAgreed, SyncWanted
from esframework.rudp.stages import State
from tests.sim.nat import Nat, NatKind
from tests.sim.network import Address, Datagram, Host, Node, Realm, SimNet
from tests.sim.nodes import Delay

PORT: Final = 5000
SESSION: Final = b"session of tests"
KEY: Final = derive(b"secret", b"shared", True, SESSION, "aes-128-gcm").probes
RENDEZVOUS: Final = ("198.51.100.1", 4531)
ONE_WAY: Final = 0.0005
"""Seconds over an access line: the NATs of the table were measured on one machine."""
RELAY: Final = 0.02
"""Seconds from one end to the other by the server."""


class Punch:
    """One end: asks the rendezvous how it is seen, and runs an attempt."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.net: SimNet = host.net
        self.attempt: Attempt | None = None
        self.peer: Punch
        self.relay = RELAY
        self.candidates: list[Candidate] = []
        self.events: list[tuple[float, Event]] = []
        self.sent: list[tuple[float, Address, int | None]] = []
        self._timer_at: float | None = None
        self._ipv6: Host | None = None
        host.bind(PORT, self._read)

    def add_ipv6(self, ip: str) -> None:
        """Have an address of IPv6 as well, on the Internet, which is a candidate."""
        self._ipv6 = Host(self.net.internet, ip, [Delay(ONE_WAY)], [Delay(ONE_WAY)])
        self._ipv6.bind(PORT, self._read)
        self.candidates.append(Candidate(Kind.HOST, Protocol.UDP, ip, PORT))

    def gather(self, rendezvous: Host) -> None:
        """Find this end's addresses, of which the rendezvous sees one."""
        seen: list[Datagram] = []
        rendezvous.bind(RENDEZVOUS[1], seen.extend)
        self.host.send(PORT, RENDEZVOUS, b"\0")
        self.net.run(1.0)
        self.candidates = [Candidate(Kind.HOST, Protocol.UDP, self.host.ip, PORT)]
        self.candidates += [Candidate(Kind.REFLEXIVE, Protocol.UDP, *datagram.source) for datagram in seen]

    def turn(self) -> None:
        """Take what came of an input, and set the timer."""
        assert self.attempt is not None
        now = self.net.now
        for event in self.attempt.events():
            self.events.append((now, event))
            if isinstance(event, SyncWanted):
                self.net.call_at(now + self.relay, lambda number=event.round: self.peer.synchronise(number))
        for datagram, address, ttl in self.attempt.probes_to_send(now):
            assert len(datagram) == PROBE_SIZE
            self.sent.append((now, address, ttl))
            host = self._ipv6 if ":" in address[0] else self.host
            assert host is not None, f"there is no socket for {address}"
            host.send(PORT, address, datagram, 64 if ttl is None else ttl)
        when = self.attempt.next_timer()
        assert when is None or when > now, "the timer is past, after everything was taken"
        assert when is not None or self.attempt.state in (State.OPEN, State.FAILED)
        if when is not None and (self._timer_at is None or when < self._timer_at):
            self._timer_at = when
            self.net.call_at(when, self._on_time)

    def synchronise(self, number: int) -> None:
        """The announcement of a round came by the relay."""
        assert self.attempt is not None
        self.attempt.synchronise(number, self.net.now)
        self.turn()

    def learn(self, late: Sequence[Candidate]) -> None:
        """More candidates of the other end came by the relay."""
        assert self.attempt is not None
        self.attempt.add_remote(late, self.net.now)
        self.turn()

    @property
    def paths(self) -> list[tuple[float, PathAgreed]]:
        """What was agreed on, and when."""
        return [(when, event) for when, event in self.events if isinstance(event, PathAgreed)]

    @property
    def is_done(self) -> bool:
        """Whether nothing more is tried."""
        return any(isinstance(event, (Finished, Failed)) for _, event in self.events)

    def _read(self, batch: list[Datagram]) -> None:
        for datagram in batch:
            if self.attempt is not None:
                self.attempt.receive(datagram.payload, datagram.source, self.net.now)
                self.turn()

    def _on_time(self) -> None:
        if self.attempt is None or self._timer_at is None or self.net.now < self._timer_at:
            return
        self._timer_at = None
        self.attempt.on_timer(self.net.now)
        self.turn()


class Meeting:
    """Two ends with each other's candidates; the left one is the leader.

    `late`: seconds by which the follower hears of a round later than the leader believes. `began` is when the leader
    announced the first one.
    """

    def __init__(
        self,
        left: Punch,
        right: Punch,
        *,
        relay: float = RELAY,
        late: float = 0.0,
        first_ttl: int | None = limits.FIRST_TTL,
    ) -> None:
        self.net = left.net
        self.left, self.right = left, right
        self.ends = (left, right)
        self._first_ttl = first_ttl
        self._relay = relay
        rendezvous = Host(self.net.internet, RENDEZVOUS[0])
        for end, other in ((left, right), (right, left)):
            end.peer = other
            end.relay = relay + (late if end is left else 0.0)
            end.gather(rendezvous)
        self.began = 0.0

    def punched(self, seconds: float = 20.0) -> float | None:
        """Let both try; seconds until both use the same path, or None if both failed."""
        self.begin()
        assert self.net.run_until(lambda: all(end.is_done for end in self.ends), seconds), "neither open nor failed"
        assert bool(self.left.paths) is bool(self.right.paths), "one end is open, the other is not"
        return max(end.paths[0][0] for end in self.ends) - self.began if self.left.paths else None

    def begin(self) -> None:
        """Have both ends start: the follower when it has answered, the leader when it has the answer."""
        for end, other in ((self.right, self.left), (self.left, self.right)):
            end.attempt = Attempt(
                is_leader=end is self.left,
                session=SESSION,
                probe_key=KEY,
                local=end.candidates,
                remote=other.candidates,
                mode=Mode.UDP,
                relay_round_trip=2 * self._relay,
                first_ttl=self._first_ttl,
            )
            end.attempt.start(self.net.now)
            end.turn()
            self.net.run(self._relay)
        self.began = self.net.now - self._relay


def behind(outer: Realm, ip: str, kind: NatKind) -> Realm:
    """What lies behind a NAT that has an address in another realm."""
    return Nat(outer, ip, kind).inner


def end_in(realm: Realm, ip: str, up: Sequence[Node] = (), down: Sequence[Node] = ()) -> Punch:
    """An end in a realm, with the nodes of its access line."""
    return Punch(Host(realm, ip, [*up, Delay(ONE_WAY)], [*down, Delay(ONE_WAY)]))


def site(net: SimNet, number: int, kind: NatKind) -> Punch:
    """An end behind a NAT of its own."""
    return end_in(behind(net.internet, f"203.0.113.{number}", kind), f"10.0.{number}.2")
