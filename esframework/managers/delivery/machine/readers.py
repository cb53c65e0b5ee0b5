"""A process that reads a mailbox: what it has received and finished, and how much more it may be handed. Pure.

Knows no other reader; when an entry leaves is for the mailbox to say.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from esframework import limits
from esframework.managers.delivery.machine.entries import Entry


@dataclass(frozen=True, slots=True)
class Credit:
    """What a process may have been handed and not finished; a single longer message is handed alone."""

    messages: int = limits.DELIVERY_CREDIT_MESSAGES
    bytes: int = limits.DELIVERY_CREDIT_BYTES


class Reader:
    """A process of the user. `link` is its connection, None while it is away, since `away_since`.

    `to_hand`, `to_receive` and `to_finish` are by number, in its order, and hold nothing that has left the mailbox:
    whoever never says what it has done costs no more than the mailbox. Entries up to `joined` were there before it; up
    to `missed`, some were dropped that it had not received. `has_gap` says that one of them was never handed to it, and
    that it does not know.
    """

    __slots__ = (
        "process",
        "device",
        "link",
        "away_since",
        "joined",
        "received",
        "handled",
        "refused",
        "to_hand",
        "to_receive",
        "to_finish",
        "missed",
        "has_gap",
        "_lent",
        "_lent_bytes",
        "_owes",
    )

    def __init__(self, process: bytes, device: int | None, joined: int, received: int) -> None:
        self.process = process
        self.device = device
        self.link: object | None = None
        self.away_since = 0.0
        self.joined = joined
        self.received = received
        self.handled = 0
        self.refused: dict[int, int] = {}
        self.to_hand: dict[int, Entry] = {}
        self.to_receive: dict[int, Entry] = {}
        self.to_finish: dict[int, Entry] = {}
        self.missed = 0
        self.has_gap = False
        # Also of what has left the mailbox, as another process handled it: this one keeps it until its turn.
        self._lent: deque[tuple[int, int]] = deque()
        self._lent_bytes = 0
        # How much of what it received before it was forgotten is unfinished, nobody knows.
        self._owes = received

    def reads(self, entry: Entry) -> bool:
        """Whether an entry is for this reader's device."""
        return entry.device is None or entry.device == self.device

    def expects(self, entry: Entry) -> None:
        """An entry is to be handed to it, when it is its turn."""
        self.to_hand[entry.number] = self.to_receive[entry.number] = self.to_finish[entry.number] = entry

    def connected(self, link: object, device: int | None, received: int) -> None:
        """It has a connection, and had received so much on the one before: the rest is to be handed again."""
        self.link, self.device = link, device
        received = max(received, self.received)
        while self._lent and self._lent[-1][0] > received:
            self._lent_bytes -= self._lent.pop()[1]
        self.to_hand = {number: entry for number, entry in self.to_receive.items() if number > received}

    def has_room(self, credit: Credit, size: int) -> bool:
        """Whether it may be handed so many bytes more."""
        if self.handled < self._owes:
            return False
        fits = len(self._lent) < credit.messages and self._lent_bytes + size <= credit.bytes
        return fits or not self._lent

    def lend(self, credit: Credit) -> list[Entry]:
        """Take out of `to_hand` what may be handed now."""
        taken = []
        for entry in self.to_hand.values():
            if not self.has_room(credit, entry.size):
                break
            taken.append(entry)
            self._lent.append((entry.number, entry.size))
            self._lent_bytes += entry.size
        for entry in taken:
            del self.to_hand[entry.number]
        return taken

    def has_finished(self, number: int) -> None:
        """It is done with everything up to a number."""
        self.handled = number
        while self._lent and self._lent[0][0] <= number:
            self._lent_bytes -= self._lent.popleft()[1]

    def drop(self, entry: Entry) -> None:
        """An entry has left the mailbox."""
        self.to_hand.pop(entry.number, None)
        self.to_receive.pop(entry.number, None)
        self.to_finish.pop(entry.number, None)
        self.refused.pop(entry.number, None)

    def lost(self, entry: Entry) -> None:
        """An entry leaves that it has not received. What was handed to it is only lost with its connection."""
        if entry.number in self.to_receive:
            self.missed = entry.number
            self.has_gap = self.has_gap or entry.number in self.to_hand

    def emptied(self) -> tuple[dict[int, Entry], dict[int, Entry]]:
        """(to receive, to finish); nothing is for it any more."""
        left = self.to_receive, self.to_finish
        self.to_hand, self.to_receive, self.to_finish = {}, {}, {}
        return left
