"""One connection from its hello on: bytes and `now` go in; bytes, events and a deadline come out.

Its states are the table in `stages`. Whoever drives it calls `receive`, `on_timer` or something that is to be sent,
then `events`, `take` for each stream, and `events` again for what followed from that; writes what `records` gives while
`has_output`; and sets one timer to `deadline`.

Refuses to know sockets, clocks, who the other end is, and what the bytes of streams mean.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final, NamedTuple, TypeAlias

from esframework.errors import ChannelClosed, PacketError
from esframework.limits import P2P_CLOSE_TIME
from esframework.limits import rudp as rudp_limits
from esframework.limits import sealed as limits
from esframework.rudp.events import CloseCode, Closed
from esframework.rudp.keys import Keys
from esframework.rudp.liveness import Liveness
from esframework.rudp.rtt import Rtt
from esframework.sealed import frames
from esframework.sealed.frames import Frame
from esframework.sealed.inbox import Inbox
from esframework.sealed.outbox import Outbox
from esframework.sealed.records import RECORD_OVERHEAD, RecordOpener, RecordSealer
from esframework.sealed.stages import TRANSITIONS, State, Step

_NOT_CHOSEN: Final = frozenset({State.WAITING, State.FOUND})
_CHOICES: Final = {frames.READY: Step.READY, frames.CHOSEN: Step.CHOSEN, frames.AGREED: Step.AGREED}


class Found(NamedTuple):
    """The follower has shown that it has the keys: the leader may choose this connection."""


class Chosen(NamedTuple):
    """The leader has chosen this connection."""


class Opened(NamedTuple):
    """Both ends agree that this is the connection."""


Event: TypeAlias = Found | Chosen | Opened | Closed


class Connection:
    """One end of a connection.

    :param keys: of this end and this connection; see `records.connection_keys`.
    :param chance: gives a number from 0 to 1.
    """

    def __init__(self, keys: Keys, is_leader: bool, now: float, chance: Callable[[], float]) -> None:
        self.state = State.WAITING
        self.opened_at: float | None = None
        self.rtt = Rtt()
        self._is_leader = is_leader
        self._sealer = RecordSealer(keys, now)
        self._opener = RecordOpener(keys)
        self._outbox = Outbox()
        self._inbox = Inbox()
        self._liveness = Liveness(now, chance)
        self._chance = chance
        self._beat_at = inf
        self._events: list[Event] = []
        # Frames that leave before bytes of streams: few, and each at most once at a time.
        self._bare: list[int] = [] if is_leader else [frames.READY]
        self._pong: int | None = None
        self._wants_ping = False
        self._ping_left_at: float | None = None
        # The end: what this side says of it, what the other side said, and who has heard of whose.
        self._close: Closed | None = None
        self._close_left = False
        self._close_heard = False
        self._remote: Closed | None = None
        self._ends_at = now + (limits.HELLO_TIME if is_leader else limits.CHOICE_TIME)

    # --- what is known ----------------------------------------------------------------------------------------------
    @property
    def is_open(self) -> bool:
        """Whether `write` takes bytes."""
        return self.state is State.OPEN or self.state is State.CHOSEN

    @property
    def unsent(self) -> int:
        """Bytes of streams that were written and did not leave."""
        return self._outbox.size

    @property
    def records_sent(self) -> int:
        """Records that left."""
        return self._sealer.records

    @property
    def records_received(self) -> int:
        """Records that came."""
        return self._opener.records

    def waiting(self, stream: int) -> int:
        """Bytes of one stream that were written and did not leave."""
        return self._outbox.waiting(stream)

    # --- the user ---------------------------------------------------------------------------------------------------
    def choose(self, now: float) -> None:
        """Have this connection be the one; only for the leader, after `Found`. Raises ChannelClosed otherwise."""
        if not self._advance(Step.CHOICE):
            state = self.state.value
            raise ChannelClosed(f"a connection that is {state} cannot be chosen: its leader must have found it")
        self._ends_at = now + limits.ACCEPT_TIME
        self._bare.append(frames.CHOSEN)

    def write(self, stream: int, data: bytes) -> None:
        """Have bytes sent. Raises ChannelClosed unless the connection was chosen and lives, LocalError for a stream
        that there is not."""
        if not self.is_open:
            raise ChannelClosed(f"the channel is {self.state.value}: nothing can be sent by it")
        self._outbox.write(stream, data)

    def pause(self, stream: int) -> None:
        """Keep back what comes of a stream; when the window is full, its sender waits."""
        self._inbox.pause(stream)

    def resume(self, stream: int) -> None:
        """Give out what was kept back."""
        self._inbox.resume(stream)

    def take(self, stream: int) -> bytes:
        """What came of a stream that is not paused; counts as taken."""
        return self._inbox.take(stream)

    def close(self, code: int, reason: str, now: float) -> None:
        """End the channel when what was written has arrived, or in `P2P_CLOSE_TIME` seconds; at once, if it was not
        chosen yet. Harmless when it has ended."""
        if self._advance(Step.CLOSE):
            self._close = Closed(code, reason, False)
            self._ends_at = now + P2P_CLOSE_TIME
        elif self.state in _NOT_CHOSEN:
            self.abort(code, reason, now)

    def abort(self, code: int, reason: str, now: float) -> None:
        """End the channel now; what waits is forgotten. Harmless when it has ended."""
        if self.state is not State.CLOSED:
            self._close = Closed(code, reason, False)
            self._end(self._close, now)

    def lost(self, now: float) -> None:
        """The connection is gone."""
        if self.state is not State.CLOSED:
            said = self._close if self._close_left else None
            self._end(self._remote or said or Closed(CloseCode.LOST, "the connection was lost", False), now)

    def _advance(self, step: Step) -> bool:
        """Whether a step may happen in this state; if so, it has."""
        state = TRANSITIONS[self.state].get(step)
        if state is None:
            return False
        self.state = state
        return True

    def events(self, now: float) -> list[Event]:
        """What happened since the last call, in order; what came of streams is for `take`."""
        self._settle(now)
        events, self._events = self._events, []
        return events

    @property
    def has_events(self) -> bool:
        """Whether `events` would give any."""
        return bool(self._events) or self._is_settled

    # --- receiving --------------------------------------------------------------------------------------------------
    def receive(self, data: bytes, now: float) -> None:
        """Take what was read. What breaks the protocol ends the channel."""
        try:
            for record in self._opener.feed(data):
                self._liveness.heard(now)
                for frame in frames.parse_frames(record):
                    self._take(frame, now)
        except PacketError as error:
            self.abort(CloseCode.PROTOCOL, str(error), now)

    def _take(self, frame: Frame, now: float) -> None:
        if frame[0] == frames.CLOSED:
            self._take_closed()
        elif self.state is State.CLOSED or self._remote is not None:
            # Nothing that matters comes behind the end.
            return
        elif frame[0] == frames.DATA:
            if self.state in _NOT_CHOSEN:
                raise PacketError(f"bytes of stream {frame[1]} came before the connection was chosen")
            self._inbox.came(frame[1], frame[2])
        elif frame[0] == frames.CREDIT:
            self._outbox.allow(frame[1], frame[2])
        elif frame[0] == frames.PING:
            self._pong = frame[1]
        elif frame[0] == frames.PONG:
            self._take_pong(frame[1], now)
        elif frame[0] == frames.CLOSE:
            self._take_close(Closed(frame[1], frame[2], True), now)
        else:
            self._take_choice(frame[0], now)

    def _take_choice(self, kind: int, now: float) -> None:
        step = _CHOICES[kind]
        if (step is Step.CHOSEN) is self._is_leader or not self._advance(step):
            raise PacketError(f"a frame of type {kind} came while the connection was {self.state.value}")
        if step is Step.READY:
            self._ends_at = now + limits.CHOICE_TIME
            self._events.append(Found())
        elif step is Step.CHOSEN:
            self._bare.append(frames.AGREED)
            self._events.append(Chosen())
        if self.state is State.OPEN:
            self._begin(now)

    def _begin(self, now: float) -> None:
        self.opened_at = now
        self._beat(now)
        self._events.append(Opened())

    def _take_pong(self, mark: int, now: float) -> None:
        if self._ping_left_at is not None and mark == _mark(self._ping_left_at):
            self.rtt.update(now - self._ping_left_at, 0.0, now)
            self._ping_left_at = None

    def _take_close(self, remote: Closed, now: float) -> None:
        self._remote = remote
        self._outbox.forget()
        self._ends_at = now + P2P_CLOSE_TIME
        self._advance(Step.REMOTE_CLOSE)

    def _take_closed(self) -> None:
        if not self._close_left:
            raise PacketError("the other end heard of an end that was not said")
        self._close_heard = True

    @property
    def _is_settled(self) -> bool:
        """Whether everything that came before the end has been taken, and nothing more is to be heard."""
        return self.state is State.CLOSING and self._inbox.is_empty and (self._remote is not None or self._close_heard)

    def _settle(self, now: float) -> None:
        if self._is_settled:
            closed = self._close if self._close_left else self._remote
            assert closed is not None
            self._end(closed, now)

    def _end(self, closed: Closed, now: float) -> None:
        if self._remote is not None:
            self._bare.append(frames.CLOSED)
        self._advance(Step.END)
        self._outbox.forget()
        self._ends_at = now + limits.LINGER_TIME
        self._events.append(closed)

    # --- sending ----------------------------------------------------------------------------------------------------
    @property
    def has_output(self) -> bool:
        """Whether `records` would give anything."""
        return bool(
            self._outbox.is_ready
            or self._bare
            or self._pong is not None
            or self._wants_ping
            or self._inbox.owes_credit
            or self._has_close
        )

    @property
    def _has_close(self) -> bool:
        return self._close is not None and not (self._close_left or self._remote is not None or self._outbox.size)

    def records(self, room: int, now: float) -> bytes:
        """What leaves now: records of about `room` bytes in all, and none of them larger than that if it can be."""
        out: list[bytes] = []
        most = min(limits.RECORD_BYTES, max(room, limits.LEAST_RECORD))
        while room > 0 and self.has_output:
            record = bytearray()
            self._put_control(record, now)
            self._outbox.put(record, most)
            if self._has_close and len(record) + _LONGEST_CLOSE <= limits.RECORD_BYTES:
                assert self._close is not None
                frames.put_close(record, self._close.code, self._close.reason)
                self._close_left = True
            out.append(self._sealer.seal(record, now))
            room -= len(record) + RECORD_OVERHEAD
        return b"".join(out)

    def _put_control(self, record: bytearray, now: float) -> None:
        for kind in self._bare:
            frames.put_bare(record, kind)
        self._bare.clear()
        if self._pong is not None:
            frames.put_mark(record, frames.PONG, self._pong)
            self._pong = None
        if self._wants_ping:
            self._wants_ping = False
            self._ping_left_at = now
            frames.put_mark(record, frames.PING, _mark(now))
        for stream, most in self._inbox.new_credits():
            frames.put_credit(record, stream, most)

    # --- time -------------------------------------------------------------------------------------------------------
    @property
    def deadline(self) -> float:
        """When to call `on_timer`; of a connection that is closed, when to cut it."""
        if self.state is State.OPEN:
            return min(self._beat_at, self._liveness.dies_at)
        if self.state is State.CLOSING:
            return min(self._ends_at, self._liveness.dies_at)
        return self._ends_at

    @property
    def is_heard_out(self) -> bool:
        """Whether both ends know of the end, and nothing more is to be said by either: it may be cut at once."""
        return self.state is State.CLOSED and self._close_heard and self._remote is None

    def on_timer(self, now: float) -> None:
        """The deadline may have come."""
        if self.state is State.OPEN or self.state is State.CLOSING:
            if self._liveness.is_over(now):
                silence = self._liveness.silence(now)
                self._end(Closed(CloseCode.SILENCE, f"nothing was heard for {silence:.0f} s", False), now)
            elif self.state is State.OPEN:
                if now >= self._beat_at:
                    self._beat(now)
            elif now >= self._ends_at:
                self._end_in_time(now)
        elif self.state is not State.CLOSED and now >= self._ends_at:
            self._end(Closed(CloseCode.SILENCE, f"the connection was {self.state.value} for too long", False), now)

    def _beat(self, now: float) -> None:
        # Whatever else goes: this also measures the round trip.
        self._wants_ping = True
        self._beat_at = now + rudp_limits.HEARTBEAT * (0.8 + 0.4 * self._chance())

    def _end_in_time(self, now: float) -> None:
        """What was to arrive or to be taken before the end has had its time."""
        closed = self._remote or self._close
        assert closed is not None
        self._end(closed, now)


_LONGEST_CLOSE: Final = 4 + rudp_limits.MAX_CLOSE_REASON


def _mark(when: float) -> int:
    return int(when * 1_000_000) & 0xFFFF_FFFF_FFFF_FFFF
