"""The server's post office: who has a mailbox, what fits, when a window is over, and who is told. Pure.

Time is given with each call; what is to be written or stored is asked of `Counter`. Knows no frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from esframework import limits
from esframework.managers.delivery.machine.entries import Entry
from esframework.managers.delivery.machine.mailbox import Mailbox
from esframework.managers.delivery.machine.options import DeliveryOptions
from esframework.managers.delivery.machine.readers import Credit, Reader
from esframework.managers.delivery.machine.senders import REACHED, Outcome, Sender
from esframework.wire.types import Level, RequestFailure

_SERVER_MAILBOX = ""
"""Under this name, which no account can have, stands what is for the server itself."""


class Counter(Protocol):
    """What the post office asks for."""

    def hand(self, reader: Reader, entry: Entry, is_redelivered: bool) -> None:
        """Write a message to a reader that is connected."""

    def has_missed(self, reader: Reader) -> None:
        """Tell a reader that is connected that there is something that it will never be handed."""

    def pass_on(self, entry: Entry) -> bool:
        """Give a message as ordinary information to the target's devices that know no delivery, each once; False when
        there were none so far."""

    def store(self, entry: Entry) -> bool:
        """Have a message stored on disk: True when `Office.stored` is told how that ended, False when nobody stores
        it."""

    def receipts_due(self, sender: Sender) -> None:
        """There is something to tell to a sender."""

    def no_room(self, reason: RequestFailure) -> None:
        """A message was refused, as there was no room for it."""


class _Load:
    """How much there is of something."""

    __slots__ = ("messages", "bytes")

    def __init__(self) -> None:
        self.messages = 0
        self.bytes = 0

    def add(self, entry: Entry) -> None:
        """One more."""
        self.messages += 1
        self.bytes += entry.size

    def take(self, entry: Entry) -> None:
        """One less."""
        self.messages -= 1
        self.bytes -= entry.size


class Office:
    """All mailboxes and senders of one server."""

    def __init__(self, counter: Counter, options: DeliveryOptions, now: float) -> None:
        self._counter = counter
        self._options = options
        self._credit = Credit(options.messages_in_hand, options.bytes_in_hand)
        self._opened_at = now
        self._mailboxes: dict[str, Mailbox] = {}
        self._restless: dict[str, Mailbox] = {}
        self._senders: dict[str | None, dict[bytes, Sender]] = {}
        # Those that are away, the longest first.
        self._away: dict[tuple[str | None, bytes], Sender] = {}
        # Of each sending user, what nobody has handled; of all users, what is handled and not received by everybody.
        self._unhandled: dict[str, _Load] = {}
        self._handled = _Load()
        self._last_number = 0
        self._last_record = 0
        self.messages = 0
        self.bytes = 0

    # --- sessions -----------------------------------------------------------------------------------------------------
    def expect(self, user: str, until: float) -> None:
        """A client of ours has logged on and will say hello: until then, what comes for it waits."""
        mailbox = self._mailbox(user)
        mailbox.open_until = max(mailbox.open_until, until)
        self._restless[user] = mailbox

    def sender(self, user: str | None, device: int | None, process: bytes, link: object) -> Sender:
        """A process that sends is connected: its record, found or made. Everything it may have missed is due."""
        senders = self._senders.setdefault(user, {})
        sender = senders.get(process)
        if sender is None:
            self._last_record += 1
            sender = senders[process] = Sender(user, device, process, self._last_record)
        self._away.pop((user, process), None)
        sender.link, sender.device = link, device
        sender.tell_all_again()
        return sender

    def reader(
        self, user: str | None, device: int | None, process: bytes, link: object, received: int
    ) -> tuple[Reader, bool]:
        """A process that receives is connected; then `acknowledge` what it says, then `hand_rest`, then as well."""
        return self._mailbox(user).attach(process, device, link, received, self._last_number)

    def hand_rest(self, user: str | None, reader: Reader) -> None:
        """Hand a reader what it has room for, when it has come, or has acknowledged something."""
        self._mailbox(user).hand_rest(reader)

    def acknowledge(
        self, user: str | None, reader: Reader, received: int, handled: int, refused: Mapping[int, int]
    ) -> None:
        """A reader says what it has received, finished and refused."""
        mailbox = self._mailboxes.get(user or _SERVER_MAILBOX)
        if mailbox is not None:
            mailbox.acknowledge(reader, min(received, self._last_number), handled, refused)

    def finish(self, reader: Reader, entry: Entry, failure: int) -> None:
        """The server's own handler has handled an entry, or has not: then `failure` is a `RequestFailure`."""
        self._mailbox(None).finish(reader, entry, failure)

    def left(self, user: str | None, sender: Sender, reader: Reader, link: object, now: float) -> None:
        """A connection is lost; nothing is changed by one that a newer one of the same process has replaced."""
        if sender.link is link:
            self._sender_left(sender, now)
        mailbox = self._mailboxes.get(user or _SERVER_MAILBOX)
        if mailbox is not None and reader.link is link:
            mailbox.detach(reader, now)
            self._restless[user or _SERVER_MAILBOX] = mailbox

    def _sender_left(self, sender: Sender, now: float) -> None:
        sender.link = None
        sender.away_since = now
        self._away[sender.user, sender.process] = sender
        away = [each for each in self._senders[sender.user].values() if each.link is None]
        if len(away) > limits.DELIVERY_READERS:
            self._forget_sender(min(away, key=lambda each: each.away_since))

    def _forget_sender(self, sender: Sender) -> None:
        del self._away[sender.user, sender.process]
        senders = self._senders[sender.user]
        del senders[sender.process]
        if not senders:
            del self._senders[sender.user]

    # --- messages -----------------------------------------------------------------------------------------------------
    def accept(self, sender: Sender, entry: Entry, has_waited: bool, now: float) -> bool:
        """A message has come from a sender; False when it had come before. Its sender is told what becomes of it."""
        dialogue = sender.accept(entry.key.conversation, entry.key.sequence)
        self._counter.receipts_due(sender)
        if dialogue is None:
            return False
        entry.dialogue = dialogue
        if not self._enter(entry, has_waited, now):
            self._leave_to_others(entry)
        return True

    def refuse(self, sender: Sender, entry: Entry, reason: RequestFailure) -> None:
        """A message has come that is not for delivery at all: as `accept`, and it fails at once."""
        entry.dialogue = sender.accept(entry.key.conversation, entry.key.sequence)
        self._counter.receipts_due(sender)
        if entry.dialogue is not None:
            self._fail(entry, reason)

    def _enter(self, entry: Entry, has_waited: bool, now: float) -> bool:
        """Whether it went into a mailbox, or was refused there; False where nobody reads one."""
        user = entry.target or _SERVER_MAILBOX
        mailbox = self._mailboxes.get(user)
        if mailbox is None or not mailbox.is_read(entry.device):
            if mailbox is None or now >= mailbox.open_until:
                # After a restart everybody is away; what waited through it waits for its receiver as well.
                until = self._opened_at + self._options.window
                if not has_waited or now >= until:
                    return False
                mailbox = self._mailbox(user)
                mailbox.open_until = max(mailbox.open_until, until)
            # Nobody who is here may be meant: only time ends this.
            self._restless[user] = mailbox
        reason = self._no_room(mailbox, entry)
        if reason is not None:
            self._counter.no_room(reason)
            self._fail(entry, reason)
            return True
        self._last_number += 1
        entry.number = self._last_number
        self.messages += 1
        self.bytes += entry.size
        if entry.source is not None:
            self._unhandled.setdefault(entry.source, _Load()).add(entry)
        if entry.target is not None:
            self._counter.pass_on(entry)
        mailbox.put(entry)
        return True

    def _no_room(self, mailbox: Mailbox, entry: Entry) -> RequestFailure | None:
        if self._sent_too_much(entry):
            return RequestFailure.SENDER_QUOTA_EXCEEDED
        # What is for the server itself is limited by what each sender and all together may have waiting.
        if entry.target is not None and self._is_full(mailbox, entry):
            mailbox.make_room()
            if self._is_full(mailbox, entry):
                return RequestFailure.QUOTA_EXCEEDED
        if self._is_full_in_all(entry):
            self._make_room_everywhere()
            if self._is_full_in_all(entry):
                return RequestFailure.BUSY
        return None

    def _sent_too_much(self, entry: Entry) -> bool:
        load = None if entry.source is None else self._unhandled.get(entry.source)
        if load is None:
            return False
        options = self._options
        return load.messages >= options.messages_from_one or load.bytes + entry.size > options.bytes_from_one

    def _is_full_in_all(self, entry: Entry) -> bool:
        options = self._options
        return self.messages >= options.messages_in_all or self.bytes + entry.size > options.bytes_in_all

    def _make_room_everywhere(self) -> None:
        # Looking through all mailboxes takes time: only where that frees a good part.
        options, handled = self._options, self._handled
        if handled.messages * 16 >= options.messages_in_all or handled.bytes * 16 >= options.bytes_in_all:
            for mailbox in self._mailboxes.values():
                mailbox.make_room()

    def _is_full(self, mailbox: Mailbox, entry: Entry) -> bool:
        full_of_bytes = len(mailbox) > 0 and mailbox.bytes + entry.size > self._options.bytes
        return len(mailbox) >= self._options.messages or full_of_bytes

    def _leave_to_others(self, entry: Entry) -> None:
        """Nobody reads it from a mailbox (any more)."""
        if self._counter.pass_on(entry):
            entry.level = max(entry.level, Level.SERVER_HAS_IT)
            self._fail(entry, RequestFailure.TYPE_UNKNOWN_TO_TARGET)
        elif not self._counter.store(entry):
            self._fail(entry, RequestFailure(entry.failure or RequestFailure.TARGET_ABSENT))

    def stored(self, entry: Entry, failure: RequestFailure | None) -> None:
        """How storing a message ended; without a failure it is on the disk."""
        if failure is None:
            entry.level = Level.STORED_ON_DISK
            self.level_reached(entry)
        else:
            self._fail(entry, failure)

    @property
    def mailboxes(self) -> int:
        """How many users have a mailbox, those who are connected and those who were lately."""
        return len(self._mailboxes) - (_SERVER_MAILBOX in self._mailboxes)

    # --- what mailboxes tell ------------------------------------------------------------------------------------------
    def hand(self, reader: Reader, entry: Entry, is_redelivered: bool) -> None:
        """Part of `mailbox.Surroundings`."""
        self._counter.hand(reader, entry, is_redelivered)

    def has_missed(self, reader: Reader) -> None:
        """Part of `mailbox.Surroundings`."""
        self._counter.has_missed(reader)

    def level_reached(self, entry: Entry) -> None:
        """Part of `mailbox.Surroundings`."""
        if entry.is_handled:
            self._handled.add(entry)
            self._is_nobodys_load(entry)
        self._change(entry, REACHED[entry.level])

    def ended(self, entry: Entry, failure: int) -> None:
        """Part of `mailbox.Surroundings`."""
        self._fail(entry, RequestFailure(failure))

    def removed(self, entry: Entry) -> None:
        """Part of `mailbox.Surroundings`."""
        self.messages -= 1
        self.bytes -= entry.size
        if entry.is_handled:
            self._handled.take(entry)
        else:
            self._is_nobodys_load(entry)

    def _is_nobodys_load(self, entry: Entry) -> None:
        """A message counts for its sender no more: it is handled, or leaves unhandled."""
        if entry.source is None:
            return
        load = self._unhandled[entry.source]
        load.take(entry)
        if not load.messages:
            del self._unhandled[entry.source]

    def _fail(self, entry: Entry, reason: RequestFailure) -> None:
        self._change(entry, Outcome(entry.level, reason))

    def _change(self, entry: Entry, outcome: Outcome) -> None:
        dialogue = entry.dialogue
        if dialogue.sender.change(dialogue, entry.key.sequence, outcome):
            self._counter.receipts_due(dialogue.sender)

    # --- time ---------------------------------------------------------------------------------------------------------
    def sweep(self, now: float) -> None:
        """End the windows that are over; about once a second is enough."""
        window = self._options.window
        for user, mailbox in list(self._restless.items()):
            for entry in mailbox.expire(now, window):
                self._leave_to_others(entry)
            if mailbox.is_at_rest:
                del self._restless[user]
            elif not mailbox.readers and not mailbox.entries and now >= mailbox.open_until:
                del self._restless[user], self._mailboxes[user]
        while self._away and now - (longest := next(iter(self._away.values()))).away_since >= window:
            self._forget_sender(longest)

    def close(self) -> Iterable[Entry]:
        """Everything that is in mailboxes, handled by nobody; the office is empty then."""
        left = [entry for box in self._mailboxes.values() for entry in box.entries.values() if not entry.is_handled]
        self._mailboxes.clear()
        self._restless.clear()
        self._senders.clear()
        self._away.clear()
        self._unhandled.clear()
        self._handled = _Load()
        self.messages = self.bytes = 0
        return left

    def _mailbox(self, user: str | None) -> Mailbox:
        name = user or _SERVER_MAILBOX
        mailbox = self._mailboxes.get(name)
        if mailbox is None:
            mailbox = self._mailboxes[name] = Mailbox(self, self._credit if name else None)
        return mailbox
