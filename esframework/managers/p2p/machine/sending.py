"""One direction of a link, at its sender: by the server or by a channel, and what was sent until it is delivered.

    state       what is sent                              leaves it when
    by_server   goes by the server, and is forgotten      a channel is there
    direct      goes by the channel, numbered, and is     the last channel is lost
                kept until the other end has it
    returning   waits: the other end is asked how much    it has answered, or is gone: what it has not got goes first
                of it all it has

`SENDING` is this table for people and for tests. Refuses to know how anything travels: `SendingActions` does that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final, Protocol

from esframework.managers.p2p.machine.records import (
    FILES,
    HEAD,
    MESSAGES,
    STREAMS,
    Begin,
    Counts,
    Record,
    pack,
    pack_ask,
    pack_begin,
)


class State(Enum):
    """By which way what is sent goes."""

    BY_SERVER = "by_server"
    DIRECT = "direct"
    RETURNING = "returning"


SENDING: Final = (
    (State.BY_SERVER, "a channel opens", State.DIRECT),
    (State.DIRECT, "another channel opens", State.DIRECT),
    (State.DIRECT, "a channel is lost, another is open", State.DIRECT),
    (State.DIRECT, "the last channel is lost", State.RETURNING),
    (State.RETURNING, "a channel opens", State.RETURNING),
    (State.RETURNING, "the other end has answered, a channel is open", State.DIRECT),
    (State.RETURNING, "the other end has answered", State.BY_SERVER),
    (State.RETURNING, "the other end is gone", State.BY_SERVER),
)


class SendingActions(Protocol):
    """What a sender has done for it."""

    def relay(self, stream: int, record: Record) -> None:
        """Send a record by the server."""

    def write(self, channel: Any, stream: int, data: bytes) -> None:
        """Send bytes by a channel."""

    def announce(self, epoch: int) -> None:
        """Tell the other end by the server, behind all that went by it, that what follows goes by channels."""

    def ask(self, epoch: int) -> None:
        """Ask the other end by the server how much of an epoch it has."""


class Sender:
    """`first_epoch` must be one that the other end has never heard of."""

    def __init__(self, actions: SendingActions, first_epoch: int) -> None:
        self.state = State.BY_SERVER
        self.epoch = first_epoch
        self.channel: Any = None
        """By which what is sent goes now; None without one."""
        self.kept_bytes = 0
        """Bytes that are kept, or wait, until the other end has them."""
        self._actions = actions
        self._kept: tuple[deque[Record], ...] = tuple(deque() for _ in range(STREAMS))
        self._delivered = [0] * STREAMS
        self._waiting: list[tuple[int, Record]] = []
        # What was announced last: an epoch, or a later moment of one. Numbers of both are used once.
        self._announced = self._last_number = first_epoch

    def send(self, stream: int, record: Record) -> None:
        """Send by the way that is the right one now; behind all that was sent on this stream before."""
        if self.state is State.BY_SERVER:
            self._actions.relay(stream, record)
            return
        self.kept_bytes += HEAD.size + len(record.body)
        if self.state is State.RETURNING:
            self._waiting.append((stream, record))
            return
        self._kept[stream].append(record)
        self._actions.write(self.channel, stream, pack(record))

    # --- channels come and go ---------------------------------------------------------------------------------------
    def opened(self, channel: Any) -> None:
        """A channel that is better than the one in use: everything goes by it from now on, first what the other end
        may not have got by the one before."""
        self.channel = channel
        if self.state is State.RETURNING:
            self._actions.write(channel, MESSAGES, pack_ask(self.epoch))
            return
        if self.state is State.BY_SERVER:
            self.state = State.DIRECT
            self._announced = self.epoch
            self._actions.announce(self.epoch)
        self._go_on()

    def lost(self, better: Any) -> None:
        """The channel in use is gone; `better` is another one that is open, or None."""
        self.channel = better
        if self.state is State.DIRECT and better is not None:
            self._go_on()
        elif self.state is State.DIRECT:
            self.state = State.RETURNING
            self._actions.ask(self.epoch)

    def server_was_used(self) -> None:
        """Something went past this direction by the server: what is sent from now on comes behind it."""
        if self.state is not State.DIRECT:
            return
        self._announced = self._next_number()
        self._actions.announce(self._announced)
        for stream in range(STREAMS):
            number = self._delivered[stream] + len(self._kept[stream])
            self._actions.write(self.channel, stream, pack_begin(Begin(self.epoch, number, self._announced)))

    def _next_number(self) -> int:
        self._last_number += 1
        return self._last_number

    def _go_on(self) -> None:
        for stream in range(STREAMS):
            begin = pack_begin(Begin(self.epoch, self._delivered[stream], self._announced))
            self._actions.write(self.channel, stream, begin)
            for record in self._kept[stream]:
                self._actions.write(self.channel, stream, pack(record))

    # --- what the other end says ------------------------------------------------------------------------------------
    def delivered(self, epoch: int, counts: Counts) -> None:
        """The other end has so many; what it never could have got is not believed."""
        if epoch != self.epoch:
            return
        for stream, count in enumerate(counts):
            kept = self._kept[stream]
            for _ in range(min(count - self._delivered[stream], len(kept))):
                self.kept_bytes -= HEAD.size + len(kept.popleft().body)
                self._delivered[stream] += 1

    def answered(self, epoch: int, counts: Counts | None) -> None:
        """The other end has so many and takes no more of the epoch; None: it knows nothing of it."""
        if self.state is not State.RETURNING or epoch != self.epoch:
            return
        if counts is not None:
            self.delivered(epoch, counts)
        self._return()

    def absent(self) -> None:
        """The other end is gone: what it may not have is the server's to deal with."""
        if self.state is State.RETURNING:
            self.channel = None
            self._return()

    def server_back(self) -> None:
        """What was said by the server may never have arrived: say it again."""
        if self.state is State.RETURNING:
            self._actions.ask(self.epoch)
        elif self.state is State.DIRECT:
            self._actions.announce(self._announced)

    def _return(self) -> None:
        """Begin anew, with what is left."""
        left = list(self._left())
        self.epoch = self._next_number()
        self.kept_bytes = 0
        self._delivered = [0] * STREAMS
        self._kept = tuple(deque() for _ in range(STREAMS))
        self._waiting = []
        if self.channel is None:
            self.state = State.BY_SERVER
        else:
            self.state = State.DIRECT
            self._go_on()
        for stream, record in left:
            self.send(stream, record)

    def _left(self) -> Iterator[tuple[int, Record]]:
        for stream in (MESSAGES, *range(MESSAGES + 1, FILES + 1)):
            for record in self._kept[stream]:
                yield stream, record
        yield from self._waiting
