"""All streams of one channel: whose bytes go next, how many may, and what came.

A stream is a number and one direction; the other direction of the same number is another stream. Numbers are never
used again: a late packet of an old stream could not be told from one of the new. Stream 0 is for messages, 1 for
blobs, higher ones for files: the lower level goes first, except for one packet of eight; streams of the same level
take turns. Messages have the limit of their own stream only: several files whose receiver is slow use up the common
one. Refuses to know packets' numbers, losses and keys.
"""

from __future__ import annotations

from math import inf
from typing import Final, Literal, NamedTuple, TypeAlias

from esframework.errors import LocalError, PacketError
from esframework.limits import rudp as limits
from esframework.rudp.packet import (
    BLOCKED,
    CONNECTION,
    MAX_DATA,
    MAX_STREAM,
    RESET,
    STREAM,
    STREAM_OVERHEAD,
    put_blocked,
    put_max_data,
    put_max_stream,
    put_reset,
    put_stream,
)
from esframework.rudp.receiving import ReceiveStream
from esframework.rudp.sending import SendStream

MESSAGES: Final = 0
BLOBS: Final = 1
FIRST_FILE: Final = 2
LAST_FILE: Final = CONNECTION - 1

_LEVELS: Final = 3
_LONGEST_CONTROL: Final = 16
"""Bytes of the longest frame that is not data."""

Sent: TypeAlias = (
    tuple[Literal[3], SendStream, int, int, bool]
    | tuple[Literal[4]]
    | tuple[Literal[5], int]
    | tuple[Literal[6], int]
    | tuple[Literal[10], SendStream, int]
)
"""What a packet carried, to be given back when it arrived or was lost: (STREAM, stream, start, stop, is last)
(MAX_DATA,) (MAX_STREAM, number) (BLOCKED, number) (RESET, stream, code)."""


class StreamData(NamedTuple):
    """Bytes of a stream, in order; `is_last`: it has ended with them."""

    stream: int
    data: bytes
    is_last: bool


class StreamReset(NamedTuple):
    """The other end gave a stream up; `code` is its reason, whatever the two ends agreed on."""

    stream: int
    code: int


StreamEvent: TypeAlias = StreamData | StreamReset


class Streams:
    """Both directions of every stream.

    `unsent`: bytes that were written and never left. `is_waiting`: something is to be sent and may be.
    """

    def __init__(self) -> None:
        self.unsent = 0
        # --- sending
        self._sending: dict[int, SendStream] = {}
        # Streams with something to send, by level, in the order of their turns.
        self._ready: tuple[dict[int, SendStream], ...] = ({}, {}, {})
        self._passed = [0] * _LEVELS
        # Up to how many bytes of all streams the other end allows, and how many of these are left.
        self._allowed = self._allowance = limits.CONNECTION_WINDOW
        self._ended: set[int] = set()
        self._control: dict[Sent, None] = {}
        self._told_blocked = -1
        # --- receiving
        self._receiving: dict[int, ReceiveStream] = {}
        self._news: dict[int, ReceiveStream] = {}
        self._resets: list[StreamReset] = []
        self._paused: set[int] = set()
        self._over: set[int] = set()
        self._most = self._window = limits.CONNECTION_WINDOW
        self._came = 0
        self._gaps = 0
        self._taken = 0
        self._widened_at = -inf
        # Limits that a sender has reached, by stream.
        self._narrow: dict[int, int] = {}

    # --- the application: sending -----------------------------------------------------------------------------------
    def write(self, stream: int, data: bytes | memoryview, is_last: bool = False) -> None:
        """Have bytes sent; `is_last` ends the stream. Raises LocalError behind a stream's end, and for a number that
        is none or one stream too many. How much waits is for the caller to bound: see `unsent`."""
        sending = self._sending.get(stream) or self._open(stream)
        sending.write(data)
        self.unsent += len(data)
        if is_last:
            sending.finish()
        self._make_ready(sending)

    def reset(self, stream: int, code: int) -> None:
        """Give a stream up: what was not delivered yet may never be. A stream that has ended stays as it is."""
        sending = self._sending.get(stream)
        if sending is None or sending.is_reset:
            return
        self.unsent -= sending.written - sending.sent
        sending.reset()
        self._ready[sending.level].pop(stream, None)
        self._control[RESET, sending, code] = None

    def unsent_of(self, stream: int) -> int:
        """Bytes of one stream that were written and never left."""
        sending = self._sending.get(stream)
        return sending.written - sending.sent if sending is not None and not sending.is_reset else 0

    @property
    def is_delivered(self) -> bool:
        """Whether everything that was written has arrived."""
        return all(one.is_reset or one.acknowledged == one.written for one in self._sending.values())

    def _open(self, stream: int) -> SendStream:
        if not 0 <= stream <= LAST_FILE or stream in self._ended:
            raise LocalError(f"stream {stream} cannot be written to: it has ended, or is none of 0 to {LAST_FILE}")
        if len(self._sending) >= limits.MAX_STREAMS:
            raise LocalError(f"{len(self._sending)} streams are open, and more are not allowed: wait for one to end")
        self._sending[stream] = opened = SendStream(stream, limits.STREAM_WINDOW, min(stream, _LEVELS - 1))
        return opened

    # --- packets: sending -------------------------------------------------------------------------------------------
    @property
    def is_urgent(self) -> bool:
        """Whether a small message waits, which is not worth pacing."""
        messages = self._ready[MESSAGES].get(MESSAGES)
        return messages is not None and messages.written - messages.sent <= limits.URGENT_BYTES

    @property
    def is_waiting(self) -> bool:
        """Whether `put` would put anything."""
        if self._control or self._ready[MESSAGES]:
            return True
        if self._allowance > 0:
            return bool(self._ready[1] or self._ready[2])
        return self._choose() is not None

    def put(self, packet: bytearray, size: int, sent: list[Sent]) -> None:
        """Fill a packet up to `size` with what is most urgent; what it carries is added to `sent`."""
        while self._control and size - len(packet) >= _LONGEST_CONTROL:
            self._put_control(packet, sent)
        is_first = True
        while (room := size - len(packet) - STREAM_OVERHEAD) > 0:
            chosen = self._choose(is_first)
            if chosen is None:
                return
            if not is_first and room < limits.SMALLEST_FRAGMENT and chosen.written - chosen.sent > room:
                return
            is_first = False
            self._put_data(chosen, packet, room, sent)

    def _put_data(self, chosen: SendStream, packet: bytearray, room: int, sent: list[Sent]) -> None:
        before = chosen.sent
        is_message = chosen.stream == MESSAGES
        taken = chosen.take(room, room if is_message else self._allowance)
        ready = self._ready[chosen.level]
        del ready[chosen.stream]
        if taken is None:
            return
        start, stop, is_last = taken
        if is_message and start == before:
            start = _with_unacknowledged(chosen, start, stop, room)
        put_stream(packet, chosen.stream, start, chosen.read(start, stop), is_last)
        sent.append((STREAM, chosen, start, stop, is_last))
        new = chosen.sent - before
        if not is_message:
            self._allowance -= new
        self.unsent -= new
        # The turn goes to the next one of its level.
        self._make_ready(chosen)

    def _make_ready(self, sending: SendStream) -> None:
        if sending.has_lost or sending.has_new:
            self._ready[sending.level][sending.stream] = sending
            if self._allowance <= 0 and sending.stream != MESSAGES:
                self._say_blocked(CONNECTION)
        elif sending.is_blocked:
            self._say_blocked(sending.stream)

    def _say_blocked(self, stream: int) -> None:
        """Once for each limit."""
        if stream == CONNECTION:
            if self._told_blocked != self._allowed:
                self._told_blocked = self._allowed
                self._control[BLOCKED, stream] = None
            return
        sending = self._sending[stream]
        if sending.told_blocked != sending.most:
            sending.told_blocked = sending.most
            self._control[BLOCKED, stream] = None

    def _put_control(self, packet: bytearray, sent: list[Sent]) -> None:
        asked = next(iter(self._control))
        del self._control[asked]
        if asked[0] == MAX_DATA:
            put_max_data(packet, self._most)
        elif asked[0] == MAX_STREAM:
            receiving = self._receiving.get(asked[1])
            if receiving is None or receiving.size is not None:
                return
            put_max_stream(packet, asked[1], receiving.most)
        elif asked[0] == RESET:
            put_reset(packet, asked[1].stream, asked[2], asked[1].sent)
        elif asked[0] == BLOCKED:
            blocked = self._sending.get(asked[1])
            if blocked is None and asked[1] != CONNECTION:
                return
            put_blocked(packet, asked[1], blocked.most if blocked is not None else self._allowed)
        sent.append(asked)

    def _choose(self, counts: bool = False) -> SendStream | None:
        """Whose turn it is. With `counts` the levels below one that goes first come nearer to their share."""
        chosen: SendStream | None = None
        for level, ready in enumerate(self._ready):
            found = self._first(level, ready) if ready else None
            if found is None:
                continue
            if chosen is None:
                chosen, first = found, level
                if not counts:
                    return chosen
                continue
            # Somebody below waits, too.
            self._passed[first] += 1
            if self._passed[first] < limits.SHARE_OF_LOWER:
                return chosen
            self._passed[first] = 0
            chosen, first = found, level
        return chosen

    def _first(self, level: int, ready: dict[int, SendStream]) -> SendStream | None:
        if self._allowance > 0 or level == MESSAGES:
            return next(iter(ready.values()))
        return next((one for one in ready.values() if one.has_lost), None)

    # --- packets: what became of them -------------------------------------------------------------------------------
    def arrived(self, record: Sent) -> None:
        """What `put` added to its list has arrived."""
        if record[0] == STREAM:
            sending = record[1]
            sending.arrived(record[2], record[3], record[4])
            if record[4] or sending.is_finished:
                self._end_if_over(sending)
        elif record[0] == RESET:
            self._forget(record[1])

    def lost(self, record: Sent) -> None:
        """What `put` added to its list did not arrive: it is to be sent again, as far as it still matters."""
        if record[0] == STREAM:
            sending = record[1]
            sending.lost(record[2], record[3], record[4])
            if sending.has_lost:
                self._ready[sending.level][sending.stream] = sending
        elif record[0] != BLOCKED or self._is_blocked(record[1]):
            self._control[record] = None

    def allow_in_all(self, most: int) -> None:
        """The other end takes so many bytes of all streams together, counted from the beginning."""
        if most > self._allowed:
            self._allowance += most - self._allowed
            self._allowed = most

    def allow(self, stream: int, most: int) -> None:
        """The other end takes so many bytes of one stream."""
        sending = self._sending.get(stream)
        if sending is not None and most > sending.most:
            sending.most = most
            self._make_ready(sending)

    def _is_blocked(self, stream: int) -> bool:
        if stream == CONNECTION:
            return self._allowance <= 0
        sending = self._sending.get(stream)
        return sending is not None and sending.is_blocked

    def _end_if_over(self, sending: SendStream) -> None:
        if sending.is_over and not sending.is_reset:
            self._forget(sending)

    def _forget(self, sending: SendStream) -> None:
        if self._sending.pop(sending.stream, None) is not None:
            self._ended.add(sending.stream)
            self._ready[sending.level].pop(sending.stream, None)

    # --- packets: receiving -----------------------------------------------------------------------------------------
    def received(self, stream: int, offset: int, data: bytes, is_last: bool) -> None:
        """Bytes of a stream came. Raises PacketError when the sender breaks a limit; the channel is to end then."""
        receiving = self._receiving.get(stream) or self._meet(stream)
        if receiving is None:
            return
        gaps = receiving.gaps
        grown = receiving.add(offset, data, is_last)
        if receiving.gaps != gaps:
            self._count_gaps(receiving.gaps - gaps)
        if stream != MESSAGES:
            self._count(grown)
        if receiving.has_news and stream not in self._paused:
            self._news[stream] = receiving

    def received_reset(self, stream: int, code: int, size: int) -> None:
        """The sender gave a stream up. Raises PacketError like `received`."""
        receiving = self._receiving.get(stream) or self._meet(stream)
        if receiving is None:
            return
        self._gaps -= receiving.gaps
        grown = receiving.reset(size)
        if stream != MESSAGES:
            self._count(grown)
            self._taken += size - receiving.taken
        self._end_receiving(stream)
        self._resets.append(StreamReset(stream, code))

    def received_blocked(self, stream: int, limit: int) -> None:
        """The sender has more than `limit` allows. If it allows more by now, that is said again; if not, the window may
        be too small: see `events`."""
        if stream == CONNECTION:
            most = self._most
        elif stream in self._receiving:
            most = self._receiving[stream].most
        else:
            return
        if limit < most:
            self._control[(MAX_DATA,) if stream == CONNECTION else (MAX_STREAM, stream)] = None
        elif limit == most:
            self._narrow[stream] = limit

    def _meet(self, stream: int) -> ReceiveStream | None:
        """A new stream of the other end; None for one that is over."""
        if stream in self._over:
            return None
        if stream > LAST_FILE:
            raise PacketError(f"there is no stream {stream}")
        if len(self._receiving) >= limits.MAX_STREAMS:
            raise PacketError(f"{len(self._receiving)} streams are open already")
        self._receiving[stream] = met = ReceiveStream(stream, limits.STREAM_WINDOW)
        return met

    def _count(self, grown: int) -> None:
        self._came += grown
        if self._came > self._most:
            raise PacketError(f"all streams go to {self._came}; they may go to {self._most}")

    def _count_gaps(self, more: int) -> None:
        self._gaps += more
        if self._gaps > limits.MAX_GAPS:
            raise PacketError(f"all streams have more than {limits.MAX_GAPS} gaps")

    def _end_receiving(self, stream: int) -> None:
        del self._receiving[stream]
        self._news.pop(stream, None)
        self._over.add(stream)
        self._paused.discard(stream)

    # --- the application: receiving ---------------------------------------------------------------------------------
    def pause(self, stream: int) -> None:
        """Keep back what comes of a stream from now on. The sender goes on to the end of the window, and no further."""
        if stream not in self._over:
            self._paused.add(stream)
            self._news.pop(stream, None)

    def resume(self, stream: int) -> None:
        """Give out what was kept back, with the next events."""
        self._paused.discard(stream)
        receiving = self._receiving.get(stream)
        if receiving is not None and receiving.has_news:
            self._news[stream] = receiving

    @property
    def has_events(self) -> bool:
        """Whether `events` would give any."""
        return bool(self._news or self._resets or self._narrow)

    def events(self, now: float, round_trip: float) -> list[StreamEvent]:
        """What came and nobody has taken, one event for each stream; it counts as taken, and makes room for more."""
        events: list[StreamEvent] = list(self._resets)
        self._resets.clear()
        news, self._news = self._news, {}
        for stream, receiving in news.items():
            data = receiving.take()
            if stream != MESSAGES:
                self._taken += len(data)
            events.append(StreamData(stream, data, receiving.is_over))
            if receiving.is_over:
                self._end_receiving(stream)
            elif receiving.size is None and receiving.most - receiving.taken <= receiving.window // 2:
                self._widen(receiving, now, round_trip)
        if self._most - self._taken <= self._window // 2:
            if now - self._widened_at < 2 * round_trip:
                self._window = min(2 * self._window, limits.MAX_CONNECTION_WINDOW)
            self._widened_at = now
            self._most = self._taken + self._window
            self._control[MAX_DATA,] = None
        if self._narrow:
            self._widen_narrow()
        return events

    def _widen_narrow(self) -> None:
        """Double the windows that their senders have filled although everything was taken that could be: what is
        missing holds up the rest, and a window must bear that for as long as it takes to be sent again."""
        narrow, self._narrow = self._narrow, {}
        for stream, limit in narrow.items():
            if stream == CONNECTION:
                if limit == self._most and not self._paused:
                    self._window = min(2 * self._window, limits.MAX_CONNECTION_WINDOW)
                    self._most = self._taken + self._window
                    self._control[MAX_DATA,] = None
                continue
            receiving = self._receiving.get(stream)
            if receiving is not None and limit == receiving.most and not receiving.has_news and receiving.size is None:
                receiving.window = min(2 * receiving.window, limits.MAX_STREAM_WINDOW)
                self._allow(receiving)

    def _widen(self, receiving: ReceiveStream, now: float, round_trip: float) -> None:
        """Allow more; and a larger window if the half of this one was taken within two round trips."""
        if now - receiving.widened_at < 2 * round_trip:
            receiving.window = min(2 * receiving.window, limits.MAX_STREAM_WINDOW)
        receiving.widened_at = now
        self._allow(receiving)

    def _allow(self, receiving: ReceiveStream) -> None:
        """Allow a stream as much as its window says. All together may bring twice as much: so a file that nobody takes
        leaves the others room."""
        receiving.most = receiving.taken + receiving.window
        self._control[MAX_STREAM, receiving.stream] = None
        if receiving.stream != MESSAGES and self._window < 2 * receiving.window:
            self._window = min(2 * receiving.window, limits.MAX_CONNECTION_WINDOW)
            self._most = self._taken + self._window
            self._control[MAX_DATA,] = None


def _with_unacknowledged(messages: SendStream, start: int, stop: int, room: int) -> int:
    """Where to begin so that the packet repeats what is under way, if that is little: a message that was lost is there
    with the next one then, and not a round trip later."""
    known = messages.acknowledged
    return known if start - known <= limits.REPEATED_BYTES and stop - known <= room else start
