"""One user's messages at the server, and the processes that read them. Pure.

All devices of a user see one order. An entry leaves when one process has handled it and every reader, be it connected
or within its window, has received it. Knows no sender and no limit: that is `office`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Protocol

from esframework import limits
from esframework.managers.delivery.machine.entries import Entry
from esframework.managers.delivery.machine.readers import Credit, Reader
from esframework.wire.types import Level


class Surroundings(Protocol):
    """What a mailbox asks for, and whom it tells."""

    def hand(self, reader: Reader, entry: Entry, is_redelivered: bool) -> None:
        """Write an entry to a connected reader."""

    def has_missed(self, reader: Reader) -> None:
        """Tell a connected reader that there is something that it will never be handed."""

    def level_reached(self, entry: Entry) -> None:
        """An entry's level has risen."""

    def ended(self, entry: Entry, failure: int) -> None:
        """An entry was refused by every process that it was handed to."""

    def removed(self, entry: Entry) -> None:
        """An entry has left the mailbox."""


class Mailbox:
    """Entries in the order of their numbers, which the caller gives; readers by process id.

    While nobody reads it, entries wait until `open_until`. Without a `credit` a reader is handed everything at once.
    """

    __slots__ = ("_surroundings", "_credit", "_handled", "_has_unread", "entries", "readers", "bytes", "open_until")

    def __init__(self, surroundings: Surroundings, credit: Credit | None) -> None:
        self._surroundings = surroundings
        self._credit = credit
        self._handled = 0
        self._has_unread = False
        self.entries: dict[int, Entry] = {}
        self.readers: dict[bytes, Reader] = {}
        self.bytes = 0
        self.open_until = 0.0

    def __len__(self) -> int:
        return len(self.entries)

    def is_read(self, device: int | None) -> bool:
        """Whether there is a reader, connected or within its window, for a device (None: for any)."""
        return any(device is None or reader.device == device for reader in self.readers.values())

    @property
    def is_at_rest(self) -> bool:
        """Whether time changes nothing: all readers are connected, and everything is read."""
        connected = all(reader.link is not None for reader in self.readers.values())
        return connected and bool(self.readers) and not self._has_unread

    # --- entries ------------------------------------------------------------------------------------------------------
    def put(self, entry: Entry) -> None:
        """Take an entry whose number is higher than all before; readers that are connected and have room get it now."""
        entry.level = Level.SERVER_HAS_IT
        self.entries[entry.number] = entry
        self.bytes += entry.size
        readers = [reader for reader in self.readers.values() if reader.reads(entry)]
        for reader in readers:
            reader.expects(entry)
        entry.missing = entry.busy = len(readers)
        if not readers:
            self._has_unread = True
        for reader in readers:
            if reader.link is not None:
                self.hand_rest(reader)

    def make_room(self) -> None:
        """Drop what one process has handled already. A reader that has not received it loses its place: away, it is
        forgotten; connected, it is told as soon as it has room again, or forgotten when it loses its connection before
        it has caught up."""
        if not self._handled:
            return
        for entry in [entry for entry in self.entries.values() if entry.is_handled]:
            for reader in list(self.readers.values()):
                reader.lost(entry)
                if reader.link is None and reader.received < reader.missed:
                    self._forget(reader)
            self._remove(entry)

    def _remove(self, entry: Entry) -> None:
        if entry.is_gone:
            return
        entry.is_gone = True
        if entry.is_handled:
            self._handled -= 1
        del self.entries[entry.number]
        for reader in self.readers.values():
            reader.drop(entry)
        self.bytes -= entry.size
        self._surroundings.removed(entry)

    def _hand(self, reader: Reader, entry: Entry) -> None:
        was_before = entry.was_handed and entry.number <= reader.joined
        entry.was_handed = True
        self._surroundings.hand(reader, entry, was_before or entry.may_have_been_handed)

    # --- readers ------------------------------------------------------------------------------------------------------
    def attach(
        self, process: bytes, device: int | None, link: object, received: int, last_number: int
    ) -> tuple[Reader, bool]:
        """A process is connected and has received up to `received`: (its reader, whether it goes on where it was).

        Call `acknowledge` with what it says, then `hand_rest`.
        """
        received = min(received, last_number)
        reader = self.readers.get(process)
        if reader is not None and max(received, reader.received) < reader.missed:
            # Its connection is replaced before it was known to be lost.
            self._forget(reader)
            reader = None
        if reader is not None:
            reader.connected(link, device, received)
            return reader, True
        reader = Reader(process, device, last_number, received)
        for entry in self.entries.values():
            if not entry.is_handled and reader.reads(entry):
                reader.to_finish[entry.number] = entry
                entry.busy += 1
                if entry.number > received:
                    reader.to_receive[entry.number] = entry
                    entry.missing += 1
        reader.connected(link, device, received)
        while len(self.readers) >= limits.DELIVERY_READERS and self._forget_longest_away():
            pass
        self.readers[process] = reader
        return reader, False

    def hand_rest(self, reader: Reader) -> None:
        """Hand a reader what it has room for; when it has just come, or has acknowledged something."""
        if reader.link is None:
            return
        if reader.has_gap and (self._credit is None or reader.has_room(self._credit, 0)):
            reader.has_gap = False
            self._surroundings.has_missed(reader)
        for entry in self._handed_next(reader):
            if not entry.is_gone and reader.link is not None:
                self._hand(reader, entry)

    def _handed_next(self, reader: Reader) -> Iterable[Entry]:
        if self._credit is not None:
            return reader.lend(self._credit)
        taken, reader.to_hand = reader.to_hand, {}
        return taken.values()

    def detach(self, reader: Reader, now: float) -> None:
        """A reader has lost its connection; its window begins."""
        reader.link = None
        reader.away_since = now
        if reader.received < reader.missed:
            self._forget(reader)

    def acknowledge(self, reader: Reader, received: int, handled: int, refused: Mapping[int, int]) -> None:
        """A reader has received and finished everything up to two numbers; `refused` says what it did not handle."""
        for number, reason in refused.items():
            if number > reader.handled and number in self.entries:
                reader.refused[number] = reason
        if received > reader.received:
            reader.received = received
            for entry in _taken(reader.to_receive, received):
                entry.missing -= 1
                self._raise_to(entry, Level.RECEIVER_HAS_IT)
                self._settle(entry)
        handled = min(handled, reader.received)
        if handled > reader.handled:
            reader.has_finished(handled)
            for entry in _taken(reader.to_finish, handled):
                self._finished(entry, reader.refused)

    def finish(self, reader: Reader, entry: Entry, failure: int) -> None:
        """A reader has finished one entry, whatever it has before that; `failure` as for `Entry`."""
        if reader.to_finish.pop(entry.number, None) is not None:
            self._finished(entry, {entry.number: failure})

    def _finished(self, entry: Entry, refused: dict[int, int]) -> None:
        entry.busy -= 1
        failure = refused.pop(entry.number, 0)
        if failure:
            entry.failure = failure
        elif not entry.is_handled:
            entry.is_handled = True
            self._handled += 1
            self._raise_to(entry, Level.RECEIVER_HANDLED_IT)
        self._settle(entry)

    def _raise_to(self, entry: Entry, level: Level) -> None:
        if level > entry.level:
            entry.level = level
            self._surroundings.level_reached(entry)

    def _settle(self, entry: Entry) -> None:
        if entry.is_gone or entry.missing:
            return
        if entry.is_handled:
            self._remove(entry)
        elif not entry.busy and entry.failure:
            self._remove(entry)
            self._surroundings.ended(entry, entry.failure)

    def _forget_longest_away(self) -> bool:
        away = [reader for reader in self.readers.values() if reader.link is None]
        if away:
            self._forget(min(away, key=lambda reader: reader.away_since))
        return bool(away)

    def _forget(self, reader: Reader) -> None:
        if self.readers.get(reader.process) is not reader:
            return
        del self.readers[reader.process]
        # Emptied, so that a connection that a newer one of its process has replaced changes nothing here any more.
        to_receive, to_finish = reader.emptied()
        for entry in to_receive.values():
            entry.missing -= 1
        for entry in to_finish.values():
            entry.busy -= 1
            self._settle(entry)
        self._has_unread = True

    # --- time ---------------------------------------------------------------------------------------------------------
    def expire(self, now: float, window: float) -> list[Entry]:
        """End the windows that are over; takes out and returns what now nobody reads."""
        for reader in [reader for reader in self.readers.values() if reader.link is None]:
            if now - reader.away_since >= window:
                self._forget(reader)
        if not self._has_unread or now < self.open_until:
            return []
        self._has_unread = False
        # What is handled and missed by nobody is gone already: this was read by nobody, or refused by nobody yet.
        unread = [entry for entry in self.entries.values() if not entry.busy]
        for entry in unread:
            self._remove(entry)
        return unread


def _taken(entries: dict[int, Entry], number: int) -> list[Entry]:
    """Take out what has this number or a lower one."""
    taken = list(takewhile(lambda entry: entry.number <= number, entries.values()))
    for entry in taken:
        del entries[entry.number]
    return taken
