"""Both ends of one attachment as machines, and the table of those that a receiver has open. Bytes only counted, never
held; knows no file, no connection, and no time but `now`.

The law, by what each end waits for:

=====================  ========================  ==================================================================
the sender             waits for                 and then
=====================  ========================  ==================================================================
WANT_ANSWER            a grant or a refusal      a grant makes its device the receiver
WANT_CONTENT           its own source            a piece is sent, within the grant; the end, when there is no more
WANT_GRANT             the receiver's consumer   more is granted
WANT_CONFIRMATION      the receiver's consumer   over, when the receiver says that it has all
=====================  ========================  ==================================================================

=====================  ========================  ==================================================================
the receiver           waits for                 and then
=====================  ========================  ==================================================================
WANT_DECISION          its application           a first grant, or a refusal
WANT_PIECES            the sender                pieces in order, each within the grant; the end, whose size agrees
WANT_CONSUMER          its application           over, when the consumer has all
=====================  ========================  ==================================================================

Whoever hears nothing of the other end for the idle time-out gives up. Before that it asks now and then: a sender by an
empty piece, which a receiver that has accepted answers with its grant; a receiver by that same grant.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Generic, Protocol, TypeVar

from esframework import limits
from esframework.managers.custom.attachments.contracts import UNKNOWN_SIZE, Refusal


class Broken(Exception):
    """The other end's frames do not make an attachment; says which, and what was expected."""


class TooManyOpen(Exception):
    """An attachment is not even offered to the application: a limit is reached, which the text names."""


class SenderState(Enum):
    """What the sending end waits for."""

    WANT_ANSWER = "want_answer"
    WANT_CONTENT = "want_content"
    WANT_GRANT = "want_grant"
    WANT_CONFIRMATION = "want_confirmation"
    OVER = "over"


class Outgoing:
    """The sending end. `size` is `UNKNOWN_SIZE` when nobody knows it; `answer_timeout` is for the decision, <= 0 waits
    for ever."""

    def __init__(
        self, size: int, now: float, answer_timeout: float, idle_timeout: float = limits.ATTACHMENT_IDLE_TIMEOUT
    ) -> None:
        self.state = SenderState.WANT_ANSWER
        self.receiver: str | None = None
        self.sent = 0
        self.granted = 0
        self.window = 0
        self.answer_timeout = answer_timeout
        self._size = size
        self._offered = now
        self._idle_timeout = idle_timeout
        self._heard = now
        self._asked = now
        self._refused_by: set[str] = set()

    @property
    def room(self) -> int:
        """How many bytes may be sent now."""
        return max(0, self.granted - self.sent)

    @property
    def taken(self) -> int:
        """How many bytes the receiver's consumer has taken, as far as it has told."""
        return max(0, min(self.sent, self.granted - self.window))

    def grant(self, device: str, total: int, now: float) -> bool:
        """A device of the receiver lets bytes up to `total` come; False when this one is to be told that it is out."""
        if self.state is SenderState.OVER or self.receiver not in (None, device):
            return False
        if self.receiver is None:
            self.receiver, self.window = device, total
        self._heard = now
        self.granted = max(self.granted, total)
        if self.state is not SenderState.WANT_CONFIRMATION:
            self._wait_for_what_is_next()
        return True

    def refuse(self, device: str, reason: int, devices: int) -> bool:
        """A device says no; True when that is the end: it is the receiver, or no other device is left to say yes."""
        if self.state is SenderState.OVER:
            return False
        if self.receiver is None:
            # One that does not know the offer came online after it; it is none of those who were asked.
            if reason != Refusal.UNKNOWN:
                self._refused_by.add(device)
            if len(self._refused_by) < max(1, devices):
                return False
        elif device != self.receiver:
            return False
        self.state = SenderState.OVER
        return True

    def piece(self, length: int) -> int:
        """`length` bytes are sent, at most `room`; gives their offset."""
        if self.state is not SenderState.WANT_CONTENT or length > self.room:
            raise AssertionError(f"{length} bytes in state {self.state.value} with room for {self.room}")
        offset = self.sent
        self.sent += length
        self._wait_for_what_is_next()
        return offset

    def fits(self, length: int) -> bool:
        """Whether that many bytes more are no more than was offered."""
        return self._size == UNKNOWN_SIZE or self.sent + length <= self._size

    def end(self) -> bool:
        """The source is at its end; False when it gave less than was offered: then nothing may be said to be whole."""
        if self.state not in (SenderState.WANT_CONTENT, SenderState.WANT_GRANT):
            raise AssertionError(f"the end in state {self.state.value}")
        if self._size not in (UNKNOWN_SIZE, self.sent):
            return False
        self.state = SenderState.WANT_CONFIRMATION
        return True

    def confirm(self, device: str) -> bool:
        """A device says that it has everything; True when it is the receiver, and it was waited for."""
        if self.state is not SenderState.WANT_CONFIRMATION or device != self.receiver:
            return False
        self.state = SenderState.OVER
        return True

    def close(self) -> bool:
        """Whatever ended it: nothing more is to be sent. False when that was so already."""
        was_open, self.state = self.state is not SenderState.OVER, SenderState.OVER
        return was_open

    def is_silent(self, now: float) -> bool:
        """Whether the other end has been silent for too long, or has not decided in time."""
        if self.state is SenderState.WANT_ANSWER:
            return 0 < self.answer_timeout <= now - self._offered
        return self.state is not SenderState.OVER and now - self._heard >= self._idle_timeout

    def wants_to_ask(self, now: float) -> bool:
        """Whether the other end is to be asked, now, if it is still there."""
        quiet_since = max(self._heard, self._asked)
        if self.state is SenderState.OVER or now - quiet_since < limits.ATTACHMENT_ASK_INTERVAL:
            return False
        self._asked = now
        return True

    def _wait_for_what_is_next(self) -> None:
        self.state = SenderState.WANT_CONTENT if self.room else SenderState.WANT_GRANT


class ReceiverState(Enum):
    """What the receiving end waits for."""

    WANT_DECISION = "want_decision"
    WANT_PIECES = "want_pieces"
    WANT_CONSUMER = "want_consumer"
    OVER = "over"


class Incoming:
    """The receiving end. Its inputs raise `Broken` for what no honest sender sends; the attachment is over then."""

    def __init__(
        self,
        size: int,
        now: float,
        window: int = limits.ATTACHMENT_WINDOW,
        idle_timeout: float = limits.ATTACHMENT_IDLE_TIMEOUT,
    ) -> None:
        self.state = ReceiverState.WANT_DECISION
        self.received = 0
        self.taken = 0
        self.granted = 0
        self._size = size
        self._window = window
        self._idle_timeout = idle_timeout
        self._heard = now
        self._told = now

    def accept(self, now: float) -> None:
        """The application wants it: the first window is granted."""
        if self.state is not ReceiverState.WANT_DECISION:
            raise AssertionError(f"accepted in state {self.state.value}")
        self.state = ReceiverState.WANT_PIECES
        self.granted = self._window
        self._heard = self._told = now

    def piece(self, offset: int, length: int, now: float) -> bool:
        """A piece came; True when the sender only asks whether this end is still there."""
        self._heard = now
        if self.state is ReceiverState.OVER or (not length and self.state is ReceiverState.WANT_DECISION):
            return False
        if not length and offset == self.received:
            return True
        if self.state is not ReceiverState.WANT_PIECES:
            self._break(f"a piece came in state {self.state.value}")
        if offset != self.received:
            self._break(f"a piece at offset {offset} came where {self.received} was expected")
        if offset + length > self.granted:
            self._break(f"a piece up to byte {offset + length} came where {self.granted} were granted")
        if self._size != UNKNOWN_SIZE and offset + length > self._size:
            self._break(f"a piece up to byte {offset + length} came of an attachment of {self._size} bytes")
        self.received += length
        return False

    def end(self, size: int, now: float) -> None:
        """The sender says that this was all."""
        self._heard = now
        if self.state is ReceiverState.OVER:
            return
        if self.state is not ReceiverState.WANT_PIECES:
            self._break(f"the end came in state {self.state.value}")
        if size != self.received or self._size not in (UNKNOWN_SIZE, size):
            offered = "" if self._size == UNKNOWN_SIZE else f", {self._size} were offered"
            self._break(f"the end came after {self.received} bytes and speaks of {size}{offered}")
        self.state = ReceiverState.WANT_CONSUMER

    def take(self, length: int, now: float) -> bool:
        """The consumer has taken bytes; True when more is granted, since that is worth a message: a good part of the
        window is free, or the sender has heard nothing for long."""
        self.taken += length
        total = self.taken + self._window
        is_due = total - self.granted >= self._window // 8 or now - self._told >= limits.ATTACHMENT_ASK_INTERVAL
        if self.state is not ReceiverState.WANT_PIECES or not is_due:
            return False
        self.granted = total
        self._told = now
        return True

    @property
    def is_over(self) -> bool:
        """Whether nothing can happen any more."""
        return self.state is ReceiverState.OVER

    @property
    def is_whole(self) -> bool:
        """Whether the consumer has been given everything, so that it may finish."""
        return self.state is ReceiverState.WANT_CONSUMER and self.taken == self.received

    def close(self) -> bool:
        """Whatever ended it: nothing more is taken. False when that was so already."""
        was_open, self.state = self.state is not ReceiverState.OVER, ReceiverState.OVER
        return was_open

    def is_silent(self, now: float) -> bool:
        """Whether the sender has been silent for too long; once everything is here, that matters no more."""
        waits_for_sender = self.state in (ReceiverState.WANT_DECISION, ReceiverState.WANT_PIECES)
        return waits_for_sender and now - self._heard >= self._idle_timeout

    def wants_to_ask(self, now: float) -> bool:
        """Whether the grant is to be repeated, now, so that a sender that is gone is found out."""
        quiet_since = max(self._heard, self._told)
        if self.state is not ReceiverState.WANT_PIECES or now - quiet_since < limits.ATTACHMENT_ASK_INTERVAL:
            return False
        self._told = now
        return True

    def _break(self, problem: str) -> None:
        self.state = ReceiverState.OVER
        raise Broken(problem)


class HasMachine(Protocol):
    """What the table keeps for each attachment."""

    machine: Incoming


Entry = TypeVar("Entry", bound=HasMachine)


class OpenAttachments(Generic[Entry]):
    """The attachments that a receiver has open, by their sender's device and number; within limits."""

    def __init__(
        self, most_of_a_sender: int = limits.MAX_ATTACHMENTS_PER_SENDER, most: int = limits.MAX_ATTACHMENTS
    ) -> None:
        self._most_of_a_sender = most_of_a_sender
        self._most = most
        self._senders: dict[str, dict[int, Entry]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, device: str, number: int, entry: Entry) -> None:
        """Raises TooManyOpen at a limit; the number must not be open."""
        open_already = len(self._senders.get(device, ()))
        if open_already >= self._most_of_a_sender:
            raise TooManyOpen(f"{device} has {open_already} attachments open, the most allowed")
        if self._count >= self._most:
            raise TooManyOpen(f"{self._count} attachments are open, the most allowed")
        self._senders.setdefault(device, {})[number] = entry
        self._count += 1

    def find(self, device: str, number: int) -> Entry | None:
        """An open one."""
        return self._senders.get(device, {}).get(number)

    def remove(self, device: str, number: int, entry: Entry) -> None:
        """It is over; harmless when another has taken its number, or none."""
        numbers = self._senders.get(device, {})
        if numbers.get(number) is entry:
            del numbers[number]
            self._count -= 1
            if not numbers:
                del self._senders[device]

    def of(self, device: str) -> list[Entry]:
        """All of one sender's device."""
        return list(self._senders.get(device, {}).values())

    def all(self) -> Iterator[Entry]:
        """All, of all; the table may change meanwhile."""
        return iter([entry for numbers in self._senders.values() for entry in numbers.values()])
