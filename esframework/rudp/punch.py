"""An attempt to find a path to one other end: UDP probes and TCP dials of both ends at once, in rounds; pure.

    leader                            server                           follower
    SyncWanted(1)     ->   the manager sends the announcement   ->     synchronise(1)
    half a round trip of the relay later: probes and dials   <->   probes and dials, at the same moment
    the first UDP address that answers is nominated          ->   PathAgreed(udp)
    PathAgreed(udp)                                          <-   confirmed
    the first TCP connection that counts is chosen
    PathAgreed(tcp): the manager says so on it               ->   tcp_chosen(): PathAgreed(tcp)
    nothing after 4 s: the next round is announced, three in all

Both ends answer probes in every state but the first and the last ones. With UDP in use TCP is still tried until the
rounds are over, because it is preferred. Its states are the table in `stages`; when what is probed and dialled is in
`probing` and `dialling`, when rounds begin in `rounds`. Refuses to know sockets, the server, keys other than that of
probes, and what becomes of a path that was found. It needs no randomness: a session's name is unique and its key too.

Whoever drives it gives it one input at a time, each with the time, and after each takes what came of it, in this order:
`events()`, `probes_to_send(now)`, `dials(now)`; then sets its timer to `next_timer()`, at which it calls `on_timer`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from enum import StrEnum
from math import inf
from typing import Final, NamedTuple, TypeAlias

from esframework.limits import rudp as limits
from esframework.rudp.candidates import Candidate, Offered, Protocol, RemoteCandidates, Rules
from esframework.rudp.dialling import Connected, Dialling
from esframework.rudp.paths import Address
from esframework.rudp.probes import Probe, What, read_probe, write_probe
from esframework.rudp.probing import Check, Probing
from esframework.rudp.rounds import Rounds
from esframework.rudp.stages import TRANSITIONS, State, Step

_CAREFUL: Final = Rules()
_ROUNDS_GO_ON: Final = frozenset({State.WANT_ROUND, State.PROBING, State.UPGRADING})
_TRYING: Final = _ROUNDS_GO_ON | {State.NOMINATING}


class Mode(StrEnum):
    """Which paths are wanted; both ends must have agreed on it."""

    UDP = "udp"
    TCP = "tcp"
    BOTH = "both"


class Reason(StrEnum):
    """Why an attempt failed."""

    NOTHING_TO_TRY = "the other end has no address of a family that this end has"
    NOT_ANNOUNCED = "the other end announced no round"
    NOTHING_CAME = "nothing came from the other end"
    NOTHING_ANSWERED = "something came from the other end, but it answered nothing"
    NOT_CONFIRMED = "a path worked for a moment, and not when it was to be used"


class SyncWanted(NamedTuple):
    """Leader only: have the other end's `synchronise(round)` called, by way of the server, now."""

    round: int


class PathAgreed(NamedTuple):
    """Both ends use this path from now on. `protocol` is "udp" or "tcp"; `round_trip` in seconds, None if not measured.

    UDP: datagrams go to `address`, `connection` is None. It may come again with another address, when the leader had to
    change its mind before this end's confirmation reached it: the channel should ask at that address.

    TCP: `connection` is what the driver called it. The leader says on it that it was chosen, before anything else. It
    may come after UDP, and is to be preferred then.
    """

    protocol: Protocol
    address: Address
    round_trip: float | None
    connection: Hashable = None


class ConnectionUnwanted(NamedTuple):
    """Another TCP connection is used, or none is wanted any more: close this one."""

    connection: Hashable


class Finished(NamedTuple):
    """At least one path is in use, and no other is looked for any more: dials that are under way may be given up. Late
    questions of the other end are still answered: keep the attempt for a few seconds (`limits.NOMINATION_TIME`)."""


class Failed(NamedTuple):
    """No path was found; nothing comes after this, and dials that are under way are to be given up."""

    reason: Reason


Event: TypeAlias = SyncWanted | PathAgreed | ConnectionUnwanted | Finished | Failed


class _Nomination:
    """The leader's choice, said again and again until it is confirmed or given up."""

    def __init__(self, check: Check, now: float) -> None:
        self.check = check
        self.gives_up_at = now + limits.NOMINATION_TIME
        self._plan = [now + offset for offset in reversed(limits.PROBE_OFFSETS)]

    @property
    def deadline(self) -> float:
        """When it is to be said again, or given up."""
        return self._plan[-1] if self._plan else self.gives_up_at

    def is_due(self, now: float) -> bool:
        """Whether to say it now; counts as said."""
        is_due = bool(self._plan) and self._plan[-1] <= now
        while self._plan and self._plan[-1] <= now:
            self._plan.pop()
        return is_due


class Attempt:
    """One attempt; `state` says how far it is, `refused` what of the other end's was not taken.

    Arguments: `session` (16 bytes) and `probe_key` are the same at both ends and of this attempt only (`keys.derive`);
    exactly one end is the leader. `local`: this end's candidates, which say of which families it has sockets. `remote`:
    what the other end offered, as it came: everything in it is checked here, by `rules`. `relay_round_trip`: seconds
    there and back by the server; the leader may set the attribute anew before a round. `first_ttl`: hops that the first
    datagram to an address beyond the LAN lives; None where the socket cannot do that.

    Ends at the leader at most 3 x (4 s + half the relay's round trip) + 2 s after `start`, at its follower at most 2 s
    later than that, and after 6 s if its leader is gone.
    """

    def __init__(
        self,
        *,
        is_leader: bool,
        session: bytes,
        probe_key: bytes,
        local: Iterable[Candidate] = (),
        remote: Iterable[Offered] = (),
        mode: Mode = Mode.BOTH,
        relay_round_trip: float = limits.INITIAL_RTT,
        rules: Rules = _CAREFUL,
        first_ttl: int | None = limits.FIRST_TTL,
    ) -> None:
        self.state = State.NEW
        self.is_leader = is_leader
        self.session = session
        self.relay_round_trip = relay_round_trip
        self._key = probe_key
        self._mode = mode
        self._candidates = RemoteCandidates(rules)
        self._refused: dict[str, int] = {}
        self._rounds = Rounds(is_leader)
        self._probing = Probing(first_ttl)
        self._dialling = Dialling()
        self._nomination: _Nomination | None = None
        self._was_unconfirmed = False
        # What both use; and the follower's last nomination, by its number.
        self._udp: Address | None = None
        self._tcp: Hashable = None
        self._last_nomination = -1
        self._replies: list[tuple[Probe, Address]] = []
        self._events: list[Event] = []
        self.add_local(local)
        admitted = self._candidates.add(remote)
        self._probing.add_remote(admitted)
        self._dialling.add_remote(admitted, None, False)

    # --- inputs ---------------------------------------------------------------------------------------------------
    def start(self, now: float) -> None:
        """Both ends' candidates are here: the own NAT is opened; the leader dials direct TCP, and announces a round.

        Once only. The follower starts before it answers the offer, the leader when it has the answer: so either NAT is
        open, and either port expects connections, before anything of the other end can come.
        """
        if self._advance(Step.START):
            if self._seeks(Protocol.UDP):
                self._probing.open(now)
            if self._dials_directly:
                self._dialling.begin(now)
            self._announce(now)

    def synchronise(self, number: int, now: float) -> None:
        """Follower: the leader's announcement of a round came. One that is late, or of no round, changes nothing."""
        if not self.is_leader and self._rounds.may_begin(number):
            self._begin_round(number, now)

    def add_local(self, candidates: Iterable[Candidate]) -> None:
        """This end has more addresses than it knew: here only their families count, the other end is told of them."""
        found = list(candidates)
        self._probing.add_local(found)
        self._dialling.add_local(found)

    def add_remote(self, offered: Iterable[Offered], now: float) -> list[Candidate]:
        """The other end has more addresses than it knew; returns those that are new and may be tried."""
        admitted = self._candidates.add(offered)
        checks = self._probing.add_remote(admitted)
        is_trying, in_round = self.state in _TRYING, self._rounds.is_running
        if is_trying and self._seeks(Protocol.UDP):
            self._probing.open(now)
            if in_round:
                self._probing.join_round(checks, now)
        self._dialling.add_remote(admitted, now if is_trying and self._dials_directly else None, in_round)
        return admitted

    def receive(self, datagram: bytes, address: Address, now: float) -> None:
        """A datagram came that `probes.session_of` says is for this session, from an address as `Candidate` has them.

        What is not authentic changes nothing but a count in `refused`, and never raises.
        """
        if self.state is State.NEW or self.state.is_over or self._mode is Mode.TCP:
            return self._refuse("probe when none is wanted")
        probe = read_probe(self._key, self.session, datagram)
        if probe is None or probe.is_by_leader is self.is_leader:
            return self._refuse("forged probe" if probe is None else "own probe")
        check = self._probing.check(address)
        if check is None:
            return self._refuse("probe from too many addresses")
        if probe.what is What.PROBE:
            self._probed(probe, check, now)
        elif probe.what is What.ANSWER:
            if self._probing.answered(probe.number, check, now):
                self._nominate(now)
        elif probe.what is What.NOMINATION and not self.is_leader:
            self._nominated(probe, check)
        elif probe.what is What.CONFIRMATION and self.is_leader:
            self._confirmed(probe, check, now)
        return None

    def tcp_connected(
        self, connection: Hashable, address: Address, now: float, round_trip: float | None = None
    ) -> None:
        """The other end has shown by its hello that it is at the end of a TCP connection, whoever dialled it.

        `connection` is any name that the driver has for it, `address` the other end's. The leader chooses the first.
        """
        if self._tcp is not None or self.state is State.NEW or not self._seeks(Protocol.TCP):
            self._events.append(ConnectionUnwanted(connection))
            return
        found = Connected(connection, address, round_trip)
        self._dialling.connected(found)
        if self.is_leader:
            self._agree_on_tcp(found)

    def tcp_chosen(self, connection: Hashable, now: float) -> None:
        """Follower: the leader said on a connection that it is the one. One that is unknown changes nothing."""
        found = self._dialling.connections.get(connection)
        if found is not None and not self.is_leader and self._tcp is None:
            self._agree_on_tcp(found)

    def tcp_failed(self, address: Address, was_refused: bool, now: float) -> None:
        """A dial came to nothing: refused (RST), or in another way, such as no answer within `limits.DIAL_TIMEOUT`.

        The driver reports each dial once, here or by `tcp_connected`; one of which it says nothing is over after that.
        """
        self._dialling.failed(address, was_refused, now)
        if self.state not in _TRYING:
            self._dialling.stop()

    def tcp_lost(self, connection: Hashable, now: float) -> None:
        """A connection that counted is gone. What follows from it, if it was in use, is the manager's: this attempt is
        not begun again."""
        self._dialling.lost(connection)

    def stop(self, now: float) -> None:
        """Nobody wants a path any more."""
        if self._advance(Step.STOP):
            self._end()

    def on_timer(self, now: float) -> None:
        """The time that `next_timer` named has come, or passed."""
        nomination = self._nomination
        if nomination is not None and now >= nomination.gives_up_at:
            self._give_up(nomination, now)
        step = self._rounds.expired(now) if self.state in _ROUNDS_GO_ON else None
        if step is Step.ROUND_BEGINS:
            self._begin_round(self._rounds.number + 1, now)
        elif step is not None:
            self._end_round(step, now)

    # --- outputs --------------------------------------------------------------------------------------------------
    def events(self) -> list[Event]:
        """What happened since the last call."""
        events, self._events = self._events, []
        return events

    def probes_to_send(self, now: float) -> list[tuple[bytes, Address, int | None]]:
        """What leaves now by UDP: (datagram, address, ttl), where a ttl of None is the socket's usual one."""
        replies, self._replies = self._replies, []
        out: list[tuple[bytes, Address, int | None]] = [
            (write_probe(self._key, self.session, probe), address, None) for probe, address in replies
        ]
        nomination = self._nomination
        if nomination is not None and nomination.is_due(now) and nomination.check.takes():
            number = self._probing.number(nomination.check, now)
            datagram = self._write(What.NOMINATION, number, nomination.check.round_trip or 0.0)
            out.append((datagram, nomination.check.candidate.address, None))
        return out + self._probing.due(now, lambda number: self._write(What.PROBE, number))

    def dials(self, now: float) -> list[Address]:
        """Whom to dial now by TCP, from the port that this end listens on."""
        return self._dialling.due(now)

    def next_timer(self) -> float | None:
        """When to call `on_timer`, and then take what came of it; None while nothing is waited for."""
        deadline = min(
            self._rounds.deadline if self.state in _ROUNDS_GO_ON else inf,
            self._nomination.deadline if self._nomination is not None else inf,
            self._probing.deadline,
            self._dialling.deadline,
        )
        return None if deadline == inf else deadline

    @property
    def udp_addresses(self) -> list[Address]:
        """Where the other end may be by UDP, of what it offered and of what answered, the likeliest last: for a channel
        of which the path falls silent."""
        return self._probing.addresses()

    @property
    def refused(self) -> dict[str, int]:
        """How often something of the other end was not taken, by reason; see also `RemoteCandidates`."""
        return self._refused | self._candidates.refused

    # --- what follows ---------------------------------------------------------------------------------------------
    def _advance(self, step: Step) -> bool:
        """Whether a step means anything in this state; if so, it is taken."""
        state = TRANSITIONS[self.state].get(step)
        if state is None:
            return False
        self.state = state
        return True

    def _seeks(self, protocol: Protocol) -> bool:
        """Whether a path of a protocol is still looked for, or would be taken."""
        if self.state.is_over or self._mode not in (protocol, Mode.BOTH) or self._tcp is not None:
            return False
        return protocol is Protocol.TCP or self._udp is None

    @property
    def _dials_directly(self) -> bool:
        """Whether TCP needs no round: the leader knows that its follower expects connections, which answered the offer;
        the follower knows it of its leader with the first round."""
        return self._seeks(Protocol.TCP) and (self.is_leader or self._rounds.number > 0)

    def _announce(self, now: float) -> None:
        self._rounds.wait(now, self.relay_round_trip)
        if self.is_leader:
            self._events.append(SyncWanted(self._rounds.number + 1))

    def _begin_round(self, number: int, now: float) -> None:
        if not self._advance(Step.ROUND_BEGINS):
            return
        self._rounds.begin(number, now)
        if self._seeks(Protocol.UDP):
            self._probing.begin_round(now)
        if self._seeks(Protocol.TCP):
            self._dialling.begin_round(now)

    def _end_round(self, step: Step, now: float) -> None:
        if not self._advance(step):
            return
        self._probing.end_round()
        self._dialling.stop()
        if step is Step.ROUND_OVER:
            self._announce(now)
        elif self.state is State.OPEN:
            self._events.append(Finished())
        else:
            self._events.append(Failed(self._why()))
            self._end()

    def _end(self) -> None:
        self._probing.end_round()
        self._dialling.stop()
        self._nomination = None
        self._replies.clear()
        for connection in self._dialling.connections:
            if connection != self._tcp:
                self._events.append(ConnectionUnwanted(connection))

    def _why(self) -> Reason:
        if self._rounds.number == 0:
            return Reason.NOT_ANNOUNCED
        if self._was_unconfirmed:
            return Reason.NOT_CONFIRMED
        if self._probing.heard:
            return Reason.NOTHING_ANSWERED
        can_try = self._mode is not Mode.TCP and self._probing.can_probe
        can_try |= self._mode is not Mode.UDP and self._dialling.can_dial
        return Reason.NOTHING_CAME if can_try else Reason.NOTHING_TO_TRY

    def _probed(self, probe: Probe, check: Check, now: float) -> None:
        # Who has begun a round shows it by its first probe; that may come before its announcement.
        if self.state is State.WANT_ROUND and self._rounds.may_begin(probe.round):
            self._begin_round(probe.round, now)
        self._reply(What.ANSWER, probe, check)
        if self.state in (State.WANT_ROUND, State.PROBING):
            self._probing.probe_soon(check, now)

    def _nominate(self, now: float) -> None:
        check = self._probing.best() if self.is_leader else None
        if check is not None and self._advance(Step.PATH_WORKS):
            self._nomination = _Nomination(check, now)

    def _give_up(self, nomination: _Nomination, now: float) -> None:
        nomination.check.is_dead = True
        self._nomination = None
        self._was_unconfirmed = True
        if self._advance(Step.UNCONFIRMED):
            self._nominate(now)

    def _confirmed(self, probe: Probe, check: Check, now: float) -> None:
        nomination = self._nomination
        if nomination is not None and check is nomination.check and self._probing.answered(probe.number, check, now):
            self._nomination = None
            self._agree_on_udp(check, check.round_trip)

    def _nominated(self, probe: Probe, check: Check) -> None:
        self._reply(What.CONFIRMATION, probe, check)
        # The leader counts upwards: an old nomination that somebody sends again, from elsewhere, moves nothing.
        if probe.number > self._last_nomination:
            self._last_nomination = probe.number
            measured = min(probe.round_trip, limits.LONGEST_PROBED_RTT) or None
            self._agree_on_udp(check, check.round_trip or measured)

    def _agree_on_udp(self, check: Check, round_trip: float | None) -> None:
        address = check.candidate.address
        was_finished = self.state is State.OPEN
        step = Step.UDP_AGREED if self._seeks(Protocol.TCP) else Step.AGREED
        if address == self._udp or not self._advance(step):
            return
        self._udp = address
        self._probing.end_round()
        self._events.append(PathAgreed(Protocol.UDP, address, round_trip))
        if self.state is State.OPEN and not was_finished:
            self._events.append(Finished())

    def _agree_on_tcp(self, found: Connected) -> None:
        was_finished = self.state is State.OPEN
        if not self._advance(Step.AGREED):
            return
        self._tcp = found.connection
        self._probing.end_round()
        self._dialling.stop()
        self._events.append(PathAgreed(Protocol.TCP, found.address, found.round_trip, found.connection))
        for connection in self._dialling.connections:
            if connection != found.connection:
                self._events.append(ConnectionUnwanted(connection))
        if not was_finished:
            self._events.append(Finished())

    def _reply(self, what: What, probe: Probe, check: Check) -> None:
        if check.takes():
            self._replies.append((self._probe(what, probe.number), check.candidate.address))
        else:
            self._refuse("too many probes from an address")

    def _write(self, what: What, number: int, round_trip: float = 0.0) -> bytes:
        return write_probe(self._key, self.session, self._probe(what, number, round_trip))

    def _probe(self, what: What, number: int, round_trip: float = 0.0) -> Probe:
        return Probe(what, self.is_leader, self._rounds.number, number, round_trip)

    def _refuse(self, reason: str) -> None:
        self._refused[reason] = self._refused.get(reason, 0) + 1
