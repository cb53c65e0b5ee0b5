"""One direction of a link, at its sender: by the server or by a channel, and what was sent until it is delivered.

    state           what is sent
    by the server   goes by the server, and is forgotten
    direct          goes by the channel, numbered, and is kept until the other end has it
    returning       waits: the other end is asked, by the server and by each channel that opens meanwhile, how much of
                    it all it has; what it has not got goes first when it has answered

`SENDING` says what leads from one to another. Refuses to know how anything travels: `SendingActions` does that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from types import MappingProxyType
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

    BY_SERVER = "by the server"
    DIRECT = "direct"
    RETURNING = "returning"


class Step(Enum):
    """What may happen to a direction."""

    OPENED = "a channel opens"
    CHANGED = "it is lost and another is open"
    LOST = "the last channel is lost"
    ANSWERED = "the other end answers"
    ANSWERED_BESIDE_CHANNEL = "the other end answers and a channel is open"
    GONE = "the other end is gone"
    NOT_ALL_TAKEN = "the server does not take all that is left"
    """After an answer, or when the other end is gone: the rest waits, and the other end is asked for it anew."""


SENDING: Final[Mapping[State, Mapping[Step, State]]] = MappingProxyType(
    {
        State.BY_SERVER: {
            Step.OPENED: State.DIRECT,
        },
        State.DIRECT: {
            Step.OPENED: State.DIRECT,
            Step.CHANGED: State.DIRECT,
            Step.LOST: State.RETURNING,
        },
        State.RETURNING: {
            Step.OPENED: State.RETURNING,
            Step.CHANGED: State.RETURNING,
            Step.LOST: State.RETURNING,
            Step.ANSWERED: State.BY_SERVER,
            Step.ANSWERED_BESIDE_CHANNEL: State.DIRECT,
            Step.GONE: State.BY_SERVER,
            Step.NOT_ALL_TAKEN: State.RETURNING,
        },
    }
)
"""What leads from one state to another; a step that a state's row lacks changes nothing in that state."""


class SendingActions(Protocol):
    """What a sender has done for it."""

    def relay(self, stream: int, record: Record) -> None:
        """Send a record by the server; raises what keeps it from being sent."""

    def relay_kept(self, stream: int, record: Record) -> bool:
        """Send a record by the server that was kept, if it takes one now; whether it did."""

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
        self._unwanted: list[Callable[[Record], bool]] = []
        # What was announced last: an epoch, or a later moment of one. Numbers of both are used once.
        self._announced = self._last_number = first_epoch
        # Whether nothing went by the server since.
        self._is_announced = False

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

    def give_up(self, is_unwanted: Callable[[Record], bool]) -> None:
        """Let go of records that nobody wants any more. Of what is numbered, only while it is uncertain what the other
        end has got: later numbers would count for others."""
        if self.state is State.RETURNING:
            self._unwanted.append(is_unwanted)

    # --- channels come and go ---------------------------------------------------------------------------------------
    def opened(self, channel: Any) -> None:
        """A channel that is better than the one in use: everything goes by it from now on, first what the other end
        may not have got by the one before."""
        self.channel = channel
        is_first = self.state is State.BY_SERVER
        self._advance(Step.OPENED)
        if is_first:
            self._announce(self.epoch)
        self._go_on_or_ask()

    def _announce(self, number: int) -> None:
        self._announced = number
        self._is_announced = True
        self._actions.announce(number)

    def lost(self, better: Any) -> None:
        """The channel in use is gone; `better` is another one that is open, or None."""
        self.channel = better
        if not self._advance(Step.LOST if better is None else Step.CHANGED):
            return
        if better is None:
            self._ask_by_server()
        else:
            self._go_on_or_ask()

    def _go_on_or_ask(self) -> None:
        if self.state is State.RETURNING:
            self._actions.write(self.channel, MESSAGES, pack_ask(self.epoch))
        else:
            self._go_on()

    def _ask_by_server(self) -> None:
        # Who is asked may still hold what came by channels, if the word was lost: what goes by the server is behind it.
        self._actions.announce(self._announced)
        self._actions.ask(self.epoch)

    def server_was_used(self) -> None:
        """Something went past this direction by the server: what is sent from now on comes behind it."""
        if self.state is not State.DIRECT:
            self._is_announced = False
            return
        self._announce(self._next_number())
        for stream in range(STREAMS):
            number = self._delivered[stream] + len(self._kept[stream])
            self._actions.write(self.channel, stream, pack_begin(Begin(self.epoch, number, self._announced)))

    def _next_number(self) -> int:
        self._last_number += 1
        return self._last_number

    def _advance(self, step: Step) -> bool:
        """Whether a step means anything in this state; if so, it is taken."""
        state = SENDING[self.state].get(step)
        if state is None:
            return False
        self.state = state
        return True

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
        step = Step.ANSWERED if self.channel is None else Step.ANSWERED_BESIDE_CHANNEL
        if epoch != self.epoch or step not in SENDING[self.state]:
            return
        if counts is not None:
            self.delivered(epoch, counts)
        self._begin_anew(step)

    def absent(self) -> None:
        """The other end is gone, from the server: what it may not have is the server's to deal with. Nothing changes
        while a channel is open: it was asked by that, too."""
        if self.channel is None and Step.GONE in SENDING[self.state]:
            self._begin_anew(Step.GONE)

    def say_again(self) -> None:
        """What was said by the server may never have arrived, at either end's loss of its connection."""
        if self.state is State.RETURNING:
            self._ask_by_server()
        elif self.state is State.DIRECT:
            self._actions.announce(self._announced)

    def _begin_anew(self, step: Step) -> None:
        """Take a step that ends an epoch: what is left of it is sent by the way that is the right one then."""
        unwanted, self._unwanted = self._unwanted, []
        left = [each for each in self._left() if not any(is_unwanted(each[1]) for is_unwanted in unwanted)]
        if SENDING[self.state][step] is State.BY_SERVER:
            left = self._relay(left)
            step = Step.NOT_ALL_TAKEN if left else step
        self.epoch = self._next_number()
        self._delivered = [0] * STREAMS
        self._kept = tuple(deque() for _ in range(STREAMS))
        self._waiting = left
        self.kept_bytes = sum(HEAD.size + len(record.body) for _, record in left)
        self._advance(step)
        if self.state is State.DIRECT:
            self._go_on_with_waiting()

    def _relay(self, left: list[tuple[int, Record]]) -> list[tuple[int, Record]]:
        """What the server does not take now, of what is to go by it."""
        for at, (stream, record) in enumerate(left):
            if not self._actions.relay_kept(stream, record):
                return left[at:]
            self._is_announced = False
        return []

    def _go_on_with_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        self.kept_bytes = 0
        if not self._is_announced:
            self._announce(self.epoch)
        self._go_on()
        for stream, record in waiting:
            self.send(stream, record)

    def _left(self) -> Iterator[tuple[int, Record]]:
        for stream in (MESSAGES, *range(MESSAGES + 1, FILES + 1)):
            for record in self._kept[stream]:
                yield stream, record
        yield from self._waiting
