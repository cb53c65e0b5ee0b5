"""One channel between two ends: datagrams and `now` go in; datagrams, events and a deadline come out.

    state      datagrams that come                        datagrams that leave
    open       take effect once they have opened           whatever is to be said; closing when all of it has arrived,
                                                           if it was told to finish
    closing    are answered with CLOSE, a few times        CLOSE, at each of 3 probe time-outs; closed after them, or by
                                                           the other's CLOSE
    closed     nothing                                     nothing

Whoever drives it calls `receive_batch`, `on_timer` or something that is to be sent, then takes `events`, sends what
`datagrams_to_send` gives, and sets one timer to `next_timer`. It joins what its neighbours know: `keys` opens, `sender`
makes what leaves, `streams` have the bytes, `recovery` knows what was lost, `paths` where the other end is. It refuses
to know sockets, clocks, who the other end is, and what the bytes of streams mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from math import inf
from typing import Final, TypeAlias

from esframework.errors import ChannelClosed, PacketError
from esframework.limits import rudp as limits
from esframework.rudp.acknowledging import Acknowledger
from esframework.rudp.bbr import Bbr
from esframework.rudp.congestion import Congestion, NewReno
from esframework.rudp.events import CloseCode, Closed, Event, Observed, Opened, PathMoved
from esframework.rudp.keys import Keys, Opener
from esframework.rudp.liveness import Liveness
from esframework.rudp.packet import (
    ACK,
    BLOCKED,
    CHALLENGE,
    CLOSE,
    MAX_DATA,
    MAX_STREAM,
    OBSERVED,
    RESET,
    RESPONSE,
    STREAM,
    Frame,
    parse_frames,
)
from esframework.rudp.paths import Address, Paths
from esframework.rudp.recovery import Outcome, Recovery
from esframework.rudp.rtt import Rtt
from esframework.rudp.sender import Carried, Sender
from esframework.rudp.streams import Streams

CongestionMaker: TypeAlias = Callable[[Rtt, float, int], Congestion]
"""Makes a controller of a round trip, the time now, and a random number."""

OPEN: Final = "open"
CLOSING: Final = "closing"
CLOSED: Final = "closed"


def measuring(rtt: Rtt, now: float, chance: int) -> Congestion:
    """The controller that measures the path."""
    return Bbr(rtt, now=now, phase=chance)


def reference(rtt: Rtt, now: float, chance: int) -> Congestion:
    """NewReno."""
    return NewReno(rtt)


class Connection:
    """One end of a channel.

    :param keys: of this end; see `keys.derive`.
    :param receiver: the index that the other end chose for the channel.
    :param address: where the other end was found.
    :param random: gives so many random bytes, that nobody can guess.
    :param round_trip: seconds there and back, if something was measured already.
    """

    def __init__(
        self,
        keys: Keys,
        receiver: int,
        address: Address,
        now: float,
        *,
        random: Callable[[int], bytes],
        round_trip: float = limits.INITIAL_RTT,
        congestion: CongestionMaker = measuring,
    ) -> None:
        self.state = OPEN
        self.opened_at: float | None = None
        self.streams = Streams()
        """Where bytes are written, paused and given up; see there."""
        self._now = now
        self._random = random
        self._make_congestion = congestion
        self._opener = Opener(keys)
        self._paths = Paths(address, random)
        self._acks = Acknowledger(self._opener.received)
        self._liveness = Liveness(now, lambda: random(1)[0] / 255)
        rtt = Rtt(round_trip)
        self._recovery = Recovery(rtt, congestion(rtt, now, random(1)[0]), now)
        self._sender = Sender(keys, receiver, self.streams, self._acks, self._paths, self._recovery, now)
        self._events: list[Event] = []
        self._observed: Address | None = None
        # Until when no other path is begun because the other end sees this one elsewhere.
        self._path_until = now
        self._closed: Closed | None = None
        self._close: tuple[int, str] = CloseCode.DONE, ""
        self._wants_close = False
        self._close_again_at = inf
        self._close_answers = limits.CLOSE_ANSWERS
        self._finishes = False
        self._ends_at = inf
        self._bytes_received = 0

    # --- what is known ----------------------------------------------------------------------------------------------
    @property
    def address(self) -> Address:
        """Where the other end is."""
        return self._paths.address

    @property
    def round_trip(self) -> float:
        """Seconds there and back, smoothed."""
        return self._recovery.rtt.smoothed

    @property
    def in_flight(self) -> int:
        """Bytes that left and of which nothing is known yet."""
        return self._recovery.in_flight

    @property
    def congestion(self) -> Congestion:
        """The controller of the path in use."""
        return self._recovery.congestion

    @property
    def datagram_size(self) -> int:
        """Bytes of the largest datagram that is known to pass."""
        return self._sender.mtu.size

    @property
    def refused(self) -> dict[str, int]:
        """How many datagrams were dropped, for which reason."""
        return self._opener.refused

    def silence(self, now: float) -> float:
        """Seconds since the other end was heard."""
        return self._liveness.silence(now)

    @property
    def takes_bytes(self) -> bool:
        """Whether something may still be written."""
        return self.state == OPEN and not self._finishes

    def facts(self, now: float) -> dict[str, int | float | str]:
        """What is known of the path and of what went by it, for people who want to know why it is slow."""
        recovery, rtt = self._recovery, self._recovery.rtt
        return {
            "state": self.state,
            "round_trip": rtt.smoothed,
            "shortest_round_trip": rtt.minimum,
            "variation": rtt.variation,
            "silence": self._liveness.silence(now),
            "bytes_sent": self._sender.bytes_sent,
            "bytes_received": self._bytes_received,
            "datagrams_sent": self._sender.datagrams_sent,
            "datagrams_received": self._opener.opened,
            "datagrams_lost": recovery.given_up - recovery.spurious,
            "datagrams_refused": sum(self._opener.refused.values()),
            "datagram_size": self._sender.mtu.size,
            "in_flight": recovery.in_flight,
            "window": recovery.congestion.window,
            "rate": recovery.congestion.rate,
            "waiting": self.streams.unsent,
        }

    # --- the application --------------------------------------------------------------------------------------------
    def write(self, stream: int, data: bytes | memoryview, is_last: bool = False) -> None:
        """Have bytes sent on a stream; see `Streams.write`. Raises ChannelClosed when the channel has ended."""
        if self.state != OPEN or self._finishes:
            raise ChannelClosed("the channel has ended: nothing can be sent by it any more")
        self.streams.write(stream, data, is_last)

    def try_address(self, address: Address, now: float) -> None:
        """Ask whether the other end is at this address, which signalling named; go on there as soon as it answers."""
        self._paths.ask(address, now)

    def remember_address(self, address: Address) -> None:
        """The other end may be at this address, too: it is looked for there when nothing else is heard of it."""
        self._paths.remember(address)

    def moved_here(self, now: float) -> None:
        """This end has come to another network: let the other end see from where packets come now, and look for it at
        earlier addresses if it cannot be reached at this one any more."""
        self._sender.wants_ping = True
        self._liveness.doubt(now)

    def finish(self, code: int, reason: str, now: float) -> None:
        """End the channel as soon as everything that was written has arrived, or a while from now; nothing more can
        be written. Harmless when it ends already."""
        if self.takes_bytes:
            self._finishes = True
            self._close = code, reason
            self._ends_at = now + limits.FINISHING_TIME
            self._close_if_finished(now)

    def _close_if_finished(self, now: float) -> None:
        if self.streams.is_delivered or now >= self._ends_at:
            self.close(*self._close, now)

    def close(self, code: int, reason: str, now: float) -> None:
        """End the channel now; what has not arrived may never do. Harmless when it has ended."""
        if self.state == OPEN:
            self.state = CLOSING
            self._closed = Closed(code, reason, False)
            self._close = code, reason
            self._wants_close = True
            self._ends_at = now + limits.CLOSING_PTOS * self._recovery.rtt.pto()

    def refused_by_system(self, size: int, now: float) -> None:
        """The system would not send a datagram of this size."""
        self._sender.mtu.refused(size, now)
        self._recovery.congestion.datagram_size = self._sender.mtu.size

    def events(self) -> list[Event]:
        """What happened since the last call, in order; of a stream's bytes everything that came, as one event."""
        events = self._events
        self._events = []
        if self.streams.has_events:
            events += self.streams.events(self._now, self._recovery.rtt.smoothed)
        if self._closed is not None:
            events.append(self._closed)
            self._closed = None
        return events

    # --- receiving --------------------------------------------------------------------------------------------------
    def receive_batch(self, datagrams: Iterable[tuple[bytes, Address]], now: float) -> None:
        """Take what was read of the socket together; what is not authentic or not new has no effect but a count."""
        self._now = now
        opener = self._opener
        for datagram, address in datagrams:
            if self.state == CLOSED:
                return
            opened = opener.open(datagram)
            if opened is None:
                continue
            self._bytes_received += len(datagram)
            self._liveness.heard(now)
            number, payload = opened
            if address != self._paths.address:
                self._paths.came(address, len(datagram), number + 1 == opener.received.stop, now)
            if self.opened_at is None:
                self.opened_at = now
                self._events.append(Opened(self._paths.address))
            try:
                is_eliciting = self._take(parse_frames(payload), address, now)
            except PacketError as error:
                self.close(CloseCode.PROTOCOL, str(error), now)
            else:
                self._acks.came(number, is_eliciting, now, self._recovery.rtt.smoothed)

    def _take(self, frames: list[Frame], address: Address, now: float) -> bool:
        """Whether the packet is to be acknowledged."""
        if self.state == CLOSING:
            self._take_when_closing(frames)
            return False
        is_eliciting = False
        for frame in frames:
            if frame[0] == STREAM:
                is_eliciting = True
                self.streams.received(frame[1], frame[2], frame[3], frame[4])
            elif frame[0] == ACK:
                self._settle(self._recovery.acked(frame[2], frame[1], now), now)
            elif frame[0] == CLOSE:
                self.state = CLOSED
                self._closed = Closed(frame[1], frame[2], True)
                return False
            else:
                is_eliciting = True
                self._take_rare(frame, address, now)
        return is_eliciting

    def _take_rare(self, frame: Frame, address: Address, now: float) -> None:
        if frame[0] == MAX_DATA:
            self.streams.allow_in_all(frame[1])
        elif frame[0] == MAX_STREAM:
            self.streams.allow(frame[1], frame[2])
        elif frame[0] == BLOCKED:
            self.streams.received_blocked(frame[1], frame[2])
        elif frame[0] == RESET:
            self.streams.received_reset(frame[1], frame[2], frame[3])
        elif frame[0] == CHALLENGE:
            self._paths.challenged(frame[1], address)
        elif frame[0] == RESPONSE:
            before = self._paths.address
            if self._paths.responded(frame[1]):
                self._move(before, now)
        elif frame[0] == OBSERVED:
            self._take_observed((str(ip_address(frame[1])), frame[2]), now)

    def _take_when_closing(self, frames: list[Frame]) -> None:
        if any(frame[0] == CLOSE for frame in frames):
            self.state = CLOSED
        elif self._close_answers:
            self._close_answers -= 1
            self._wants_close = True

    def _settle(self, outcome: Outcome, now: float) -> None:
        """Tell whose bytes arrived and whose are to be sent again."""
        acked, lost, probes = outcome
        streams = self.streams
        carried: Carried
        for packet in acked:
            for carried in packet[3]:
                if carried[0] == ACK:
                    self._acks.known(carried[1])
                elif carried[0] != OBSERVED:
                    streams.arrived(carried)
        for packet in lost:
            self._send_again(packet[3])
        if acked:
            self._liveness.answered(now)
            if self._finishes and self.state == OPEN:
                self._close_if_finished(now)
        if acked or lost:
            self._sender.mtu.learn(acked, lost, now)
            self._recovery.congestion.datagram_size = self._sender.mtu.size
        if probes:
            self._sender.probes = probes
            self._sender.mtu.timed_out(now)
            for packet in self._recovery.oldest(probes):
                self._send_again(packet[3])

    def _send_again(self, frames: list[Carried]) -> None:
        for carried in frames:
            if carried[0] == OBSERVED:
                self._sender.wants_observed = True
            elif carried[0] != ACK:
                self.streams.lost(carried)

    def _take_observed(self, address: Address, now: float) -> None:
        if self._observed is not None and self._observed[0] != address[0] and now >= self._path_until:
            # It is this end that has moved. Whoever says so with each packet shall not have each answered by a probe
            # of the MTU, which is forty times as long.
            self._begin_path(now)
        if self._observed != address:
            self._observed = address
            self._events.append(Observed(address))

    def _move(self, before: Address, now: float) -> None:
        """Go on at the other end's new address. Another port alone is a NAT's doing: the path is the same (RFC 9000,
        section 9.4)."""
        if before[0] != self._paths.address[0]:
            self._begin_path(now)
        self._sender.wants_observed = True
        self._events.append(PathMoved(self._paths.address))

    def _begin_path(self, now: float) -> None:
        rtt = Rtt()
        self._path_until = now + limits.PATH_TIMEOUT
        self._sender.begin_path(rtt, self._make_congestion(rtt, now, self._random(1)[0]), now)

    # --- sending ----------------------------------------------------------------------------------------------------
    def datagrams_to_send(self, now: float) -> list[tuple[bytes, Address]]:
        """What leaves now, and whereto. What the path or the pace does not bear waits; see `next_timer`."""
        self._now = now
        if self.state == OPEN:
            return self._sender.datagrams(self.opened_at is not None, now)
        if self.state == CLOSING and self._wants_close:
            self._wants_close = False
            self._close_again_at = now + self._recovery.rtt.pto()
            return self._sender.close_datagram(*self._close)
        return []

    # --- time -------------------------------------------------------------------------------------------------------
    def next_timer(self) -> float | None:
        """When to call `on_timer` (and then `datagrams_to_send`), if nothing else happens; None when it has ended."""
        if self.state != OPEN:
            return min(self._ends_at, self._close_again_at) if self.state == CLOSING else None
        deadline = min(self._liveness.deadline, self._acks.deadline, self._paths.deadline, self._ends_at)
        mtu_timer = self._sender.mtu.next_timer() if self.opened_at is not None else None
        for due in (self._recovery.timer(), mtu_timer, self._sender.next_at(self._now)):
            if due is not None and due < deadline:
                deadline = due
        return deadline

    def on_timer(self, now: float) -> None:
        """The time has come; harmless when it has not."""
        self._now = now
        if self.state == CLOSING:
            self._wants_close |= now >= self._close_again_at
            if now >= self._ends_at:
                self.state = CLOSED
        if self.state != OPEN:
            return
        if self._liveness.is_over(now):
            self.state = CLOSED
            reason = f"nothing was heard of the other end for {limits.SILENCE:g} seconds"
            self._closed = Closed(CloseCode.SILENCE, reason, False)
            return
        if self._liveness.beats(now):
            self._sender.wants_ping = True
        if self._liveness.is_lost(now):
            self._paths.search(now)
        if self._finishes:
            self._close_if_finished(now)
        self._settle(self._recovery.on_timer(now), now)
