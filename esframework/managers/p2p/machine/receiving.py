"""One direction of a link, at its receiver: everything once and in order, by whichever way it comes.

The server's way and a channel's have nothing in common, so the first records of an epoch wait until the sender's word
has come by the server, behind all that went by it: then nothing is overtaken. The word may be lost with either end's
connection to the server: it is said again, and nobody waits for it beyond the longest time.

Numbers of epochs grow, so that nothing of one that is over is taken again, however late it comes.

Refuses to know how anything travels: `ReceivingActions` does that.
"""

from __future__ import annotations

from math import inf
from typing import Any, Protocol

from esframework import limits
from esframework.errors import PacketError
from esframework.managers.p2p.machine.records import (
    ASK,
    BEGIN,
    BLOBS,
    COUNTS,
    DELIVERED,
    HEAD,
    LAST_OF_LINKS,
    MESSAGES,
    REPEAT,
    STREAMS,
    Begin,
    Counts,
    Record,
    RecordCutter,
    pack_delivered,
    pack_repeat,
    parse_ask,
    parse_begin,
    parse_counts,
    parse_delivered,
)

_REMEMBERED = 4
"""Epochs that are over and may still be asked for: the answer may have been lost, more than once."""


class ReceivingActions(Protocol):
    """What a receiver has done for it."""

    def deliver(self, stream: int, record: Record) -> None:
        """Hand out a record."""

    def write(self, channel: Any, stream: int, data: bytes) -> None:
        """Send bytes by a channel."""

    def has_room(self, channel: Any) -> bool:
        """Whether the other end takes what is sent by a channel: else nothing is said by it that can wait."""

    def delivered(self, epoch: int, counts: Counts) -> None:
        """The other end has so many of what this end sent."""

    def asked(self, epoch: int, channel: Any) -> None:
        """The other end asks, by a channel, how much of an epoch is here."""

    def answered(self, epoch: int, counts: Counts | None) -> None:
        """The other end says how much it has of what this end sent."""

    def repeat(self) -> None:
        """The other end waits for this end's word by the server."""


class _Coming:
    """What comes by one channel."""

    __slots__ = ("asks", "cutters", "epochs", "numbers")

    def __init__(self, longest: int) -> None:
        self.cutters = tuple(RecordCutter(longest) for _ in range(STREAMS))
        self.epochs: list[int | None] = [None] * STREAMS
        self.numbers = [0] * STREAMS
        self.asks = 0


class Receiver:
    """`longest` is the most bytes that a record's body may have."""

    def __init__(self, actions: ReceivingActions, longest: int) -> None:
        self.held_bytes = 0
        """Bytes that wait for the sender's word."""
        self._actions = actions
        self._longest = longest
        self._channels: dict[Any, _Coming] = {}
        self._epoch: int | None = None
        # Nothing is taken of an epoch that is not newer, but for the one that is open.
        self._newest = -1
        self._counts = [0] * STREAMS
        self._over: dict[int, Counts] = {}
        # The last of the sender's words that has come: that for messages, and that for everything else.
        self._announced = [-1, -1]
        self._held_for: int | None = None
        self._is_held = [False] * STREAMS
        self._held: list[list[Record]] = [[] for _ in range(STREAMS)]
        self._release_at = inf
        self._unconfirmed = 0
        self._unconfirmed_bytes = 0

    # --- by channels ------------------------------------------------------------------------------------------------
    def opened(self, channel: Any) -> None:
        """Records may come by this channel, too."""
        self._channels[channel] = _Coming(self._longest)

    def lost(self, channel: Any) -> None:
        """Nothing comes by this channel any more."""
        self._channels.pop(channel, None)

    def received(self, channel: Any, stream: int, data: bytes, now: float) -> None:
        """Bytes of a stream. Raises PacketError for what no honest end sends."""
        coming = self._channels.get(channel)
        if coming is None:
            return
        if stream >= STREAMS:
            raise PacketError(f"stream {stream}; a link has {STREAMS}")
        for record in coming.cutters[stream].feed(data):
            if record.message_type <= LAST_OF_LINKS:
                self._take_own(channel, coming, stream, record, now)
            else:
                self._take(channel, coming, stream, record)

    def _take(self, channel: Any, coming: _Coming, stream: int, record: Record) -> None:
        epoch, number = coming.epochs[stream], coming.numbers[stream]
        if epoch is None:
            raise PacketError(f"a record on stream {stream} before it was begun")
        coming.numbers[stream] = number + 1
        if epoch != self._epoch or number < self._counts[stream]:
            return
        if number > self._counts[stream]:
            raise PacketError(f"record {number} of stream {stream} came, {self._counts[stream]} is the next")
        self._counts[stream] += 1
        if self._is_held[stream]:
            self.held_bytes += HEAD.size + len(record.body)
            self._held[stream].append(record)
        else:
            self._actions.deliver(stream, record)
        self._unconfirmed += 1
        self._unconfirmed_bytes += len(record.body)
        if self._unconfirmed >= limits.P2P_CONFIRM_RECORDS or self._unconfirmed_bytes >= limits.P2P_CONFIRM_BYTES:
            self._confirm(channel)

    def confirm(self) -> None:
        """Say what came since it was said last, if there is a channel to say it by; to be called now and then."""
        if self._unconfirmed and self._channels:
            self._confirm(next(reversed(self._channels)))

    def _confirm(self, channel: Any) -> None:
        if not self._actions.has_room(channel):
            return
        self._unconfirmed = self._unconfirmed_bytes = 0
        if self._epoch is not None:
            self._actions.write(channel, MESSAGES, pack_delivered(self._epoch, self._delivered))

    @property
    def _delivered(self) -> Counts:
        messages, blobs, files = self._counts
        return messages, blobs, files

    def _take_own(self, channel: Any, coming: _Coming, stream: int, record: Record, now: float) -> None:
        kind, body = record.message_type, record.body
        if kind == BEGIN:
            self._begin(coming, stream, parse_begin(body), now)
        elif kind == DELIVERED:
            self._actions.delivered(*parse_delivered(body))
        elif kind == ASK:
            coming.asks += 1
            if coming.asks > limits.P2P_ASKS_BY_CHANNEL:
                raise PacketError(f"{coming.asks} questions how much is here: one channel has a reason for a few")
            self._actions.asked(parse_ask(body), channel)
        elif kind == COUNTS:
            self._actions.answered(*parse_counts(body))
        elif kind == REPEAT:
            self._actions.repeat()
        else:
            raise PacketError(f"a record of type {kind}, which no link knows")

    def _begin(self, coming: _Coming, stream: int, begin: Begin, now: float) -> None:
        epoch, number, announced = begin
        coming.epochs[stream], coming.numbers[stream] = epoch, number
        if epoch != self._epoch:
            if epoch <= self._newest:
                return
            self._end_epoch()
            self._epoch = self._newest = epoch
            self._counts = [0] * STREAMS
        if self._held_for is None or announced > self._held_for:
            self._hold_for(announced, now)

    def _hold_for(self, announced: int, now: float) -> None:
        # What is held already waits for an earlier word, which comes before this one.
        was_held = any(self._is_held)
        self._held_for = announced
        for stream in range(STREAMS):
            if announced <= self._announced[stream >= BLOBS]:
                self._release(stream)
            else:
                self._is_held[stream] = True
        if any(self._is_held) and not was_held:
            self._release_at = now + limits.P2P_LONGEST_HOLD

    @property
    def has_open_epoch(self) -> bool:
        """Whether the other end has yet to ask what is here, or to begin anew, before this end may forget it."""
        return self._epoch is not None or bool(self._over)

    def carriers(self, epoch: int) -> list[Any]:
        """The channels by which anything of an epoch, or of an earlier one, has come."""
        return [
            channel
            for channel, coming in self._channels.items()
            if any(each is not None and each <= epoch for each in coming.epochs)
        ]

    def _end_epoch(self) -> None:
        """Nothing more is taken of it; what is held goes on waiting, and what comes by the server is behind that."""
        if self._epoch is None:
            return
        self._over[self._epoch] = self._delivered
        self._epoch = None
        self._unconfirmed = self._unconfirmed_bytes = 0
        while len(self._over) > _REMEMBERED:
            del self._over[next(iter(self._over))]

    # --- by the server ----------------------------------------------------------------------------------------------
    def announced(self, epoch: int, is_bulk: bool) -> None:
        """Nothing that the sender gave to the server before an epoch is under way any more; of messages, or of
        everything else."""
        self._announced[is_bulk] = max(self._announced[is_bulk], epoch)
        # A later word is behind what the earlier one would have been behind.
        if self._held_for is not None and epoch >= self._held_for:
            for stream in range(STREAMS):
                if (stream >= BLOBS) == is_bulk:
                    self._release(stream)

    def asked(self, epoch: int) -> Counts | None:
        """How much is here of an epoch, of which nothing is taken any more; None: nothing of it has come."""
        if epoch == self._epoch:
            self._end_epoch()
        self._newest = max(self._newest, epoch)
        return self._over.get(epoch)

    def ask_for_word(self) -> None:
        """What went by the server may have been lost with this end's connection, and the sender's word with it."""
        if any(self._is_held) and self._channels:
            self._actions.write(next(reversed(self._channels)), MESSAGES, pack_repeat())

    def on_timer(self, now: float) -> None:
        """Do not wait for the sender's word for ever."""
        if now >= self._release_at:
            self.release()

    def release(self) -> None:
        """Wait no longer."""
        for stream in range(STREAMS):
            self._release(stream)

    def _release(self, stream: int) -> None:
        self._is_held[stream] = False
        held, self._held[stream] = self._held[stream], []
        for record in held:
            self.held_bytes -= HEAD.size + len(record.body)
            self._actions.deliver(stream, record)
        if not any(self._is_held):
            self._release_at = inf
