"""The server's half of delivery: the post office joined to connections, handlers and the offline store."""

from __future__ import annotations

import time
from collections.abc import Callable
from secrets import token_bytes
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from esframework import limits
from esframework.errors import EncodeError, MalformedBody
from esframework.interfaces import IServerContext, Registrations
from esframework.managers.delivery.contracts import (
    ACCEPTED,
    ACKNOWLEDGEMENT,
    HANDED,
    HELLO,
    MESSAGE,
    NO_DEVICE,
    PROCESS_SIZE,
    RECEIPTS,
    SETTLED,
    WELCOME,
    AcceptedBody,
    Delivered,
    HandedBody,
    Mark,
    MessageKey,
    Receipt,
    RefusedBody,
    UpToBody,
    WelcomeBody,
    portions,
    public_process,
    receipts,
)
from esframework.managers.delivery.handing import Handing
from esframework.managers.delivery.keeping import Keeping
from esframework.managers.delivery.machine.entries import Entry
from esframework.managers.delivery.machine.office import Office
from esframework.managers.delivery.machine.readers import Reader
from esframework.managers.delivery.machine.senders import Sender
from esframework.managers.delivery.sending import OwnMessages, check_waiting, checked_content
from esframework.net.threads import hops_to_reactor
from esframework.wire.identity import is_possible
from esframework.wire.information import encode_information
from esframework.wire.login_id import Source, bare_id
from esframework.wire.profile import GENERATION_7
from esframework.wire.types import Level, MessageType, RequestFailure


class _Session:
    """A connected process of a user. `sender` is its connection."""

    __slots__ = ("connection", "user", "sender", "reader")

    def __init__(self, connection: Any, user: str) -> None:
        self.connection = connection
        self.user = user
        self.sender: Sender
        self.reader: Reader


class ServerDelivery:
    """`server.delivery`: the mailboxes of all users, and messages from the server itself.

    `receipt_changed(id, level)` and `not_delivered(error)` tell of the messages that the server itself sends.
    """

    def __init__(self, server: IServerContext, wall_clock: Callable[[], float] = time.time) -> None:
        self._server = server
        self._wall_clock = wall_clock
        self.reactor = server.clock
        self._own = OwnMessages(server.clock)
        self.receipt_changed = self._own.tracking.receipt_changed
        self.not_delivered = self._own.tracking.not_delivered
        self._keeping = Keeping(server)
        self._handings: dict[str | None, Handing] = {}
        self._sessions: dict[str, _Session] = {}
        self._expected: dict[str, float] = {}
        self._due: dict[Sender, None] = {}
        self._flush: IDelayedCall | None = None
        self._begin()

    def registrations(self) -> Registrations:
        """What this half brings to a server."""
        return Registrations(
            facade=self,
            handlers={
                MessageType.DELIVERY_HELLO: self._hello,
                MessageType.DELIVERY_MESSAGE: self._message,
                MessageType.DELIVERY_ACKNOWLEDGEMENT: self._acknowledgement,
                MessageType.DELIVERY_SETTLED: self._settled,
            },
            logged_on=self._logged_on,
            logged_off=self._logged_off,
            sweep=self._sweep,
            # What was sent before the server opened was for nobody.
            start=self._end,
            stop=self._end,
        )

    @hops_to_reactor
    def send(
        self,
        target: str,
        information_type: int,
        content: bytes | None,
        *,
        until: Level = Level.RECEIVER_HAS_IT,
        timeout: float | None = None,
    ) -> Deferred[Receipt]:
        """Send a message to a user from the server; fires and fails as `ClientDelivery.send`, and fails with
        `ConnectionInterrupted` when the server closes. Raises `EncodeError` and `InvalidUserId`.
        """
        if not target:
            raise EncodeError("a server cannot send to itself; a user id is expected")
        options = self._server.options
        check_waiting(until, timeout)
        content = checked_content(target, information_type, content, options.max_message)
        key, receipt = self._own.open(target, information_type, until, timeout)
        entry = self._entry(key, None, target, information_type, content)
        self._office.accept(self._own_sender, entry, False, self._server.clock.seconds())
        return receipt

    @property
    def waiting(self) -> tuple[int, int]:
        """(messages, bytes of content) in all mailboxes now."""
        return self._office.messages, self._office.bytes

    @property
    def mailboxes(self) -> int:
        """How many users have a mailbox: who are connected with a client of ours, or were within the window."""
        return self._office.mailboxes

    def _begin(self) -> None:
        # A new epoch: numbers begin anew, and nobody takes them for those of an earlier life.
        self._epoch = token_bytes(PROCESS_SIZE)
        self._office = Office(self, self._server.options.delivery, self._server.clock.seconds())
        self._own_reader, _ = self._office.reader(None, None, self._epoch, self, 0)
        self._own_sender = self._office.sender(None, None, self._epoch, self)
        self._own.begin(self._epoch)

    def _end(self) -> None:
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        for handing in self._handings.values():
            handing.close()
        self._handings.clear()
        self._sessions.clear()
        self._expected.clear()
        self._due.clear()
        self._office.close()
        self._own.close()
        # Handlers and stores that are still at work answer to an office that is no more.
        self._begin()

    # --- sessions -----------------------------------------------------------------------------------------------------
    def _logged_on(self, connection: Any) -> None:
        if connection.is_ours:
            until = self._server.clock.seconds() + limits.DELIVERY_HELLO_PATIENCE
            self._expected[connection.login_id] = until
            self._office.expect(str(connection.name), until)

    def _logged_off(self, source: Source | None) -> None:
        if source is None:
            return
        self._expected.pop(source.login_id, None)
        session = self._sessions.pop(source.login_id, None)
        if session is not None:
            now = self._server.clock.seconds()
            self._office.left(session.user, session.sender, session.reader, session, now)

    def _sweep(self, now: float) -> None:
        for login_id in [login_id for login_id, until in self._expected.items() if until <= now]:
            del self._expected[login_id]
        self._office.sweep(now)

    def _hello(self, connection: Any, message_id: int, body: bytes) -> None:
        hello = HELLO.decode(body)
        if len(hello.process) != PROCESS_SIZE or connection.login_id in self._sessions:
            raise MalformedBody(f"a second hello, or a process id of {len(hello.process)} bytes")
        session = self._sessions[connection.login_id] = _Session(connection, str(connection.name))
        self._expected.pop(connection.login_id, None)
        user, device = session.user, connection.name.device
        process = public_process(user, hello.process)
        session.sender = self._office.sender(user, device, process, session)
        for each in hello.settled:
            session.sender.confirm(each.conversation, each.sequence)
        knows_numbers = hello.epoch == self._epoch
        received = hello.received if knows_numbers else 0
        session.reader, is_resumed = self._office.reader(user, device, process, session, received)
        if knows_numbers:
            self._office.acknowledge(user, session.reader, received, hello.handled, _reasons(hello.refused))
        self._welcome(session, is_resumed)
        self._office.hand_rest(user, session.reader)
        self.receipts_due(session.sender)

    def _welcome(self, session: _Session, is_resumed: bool) -> None:
        accepted = portions([UpToBody(conversation, sequence) for conversation, sequence in session.sender.accepted()])
        for portion in accepted[:-1]:
            session.connection.send(MessageType.DELIVERY_ACCEPTED, ACCEPTED.encode(AcceptedBody(portion)))
        last = accepted[-1] if accepted else []
        body = WelcomeBody(last, session.reader.handled, self._epoch, is_resumed, session.sender.record)
        session.connection.send(MessageType.DELIVERY_WELCOME, WELCOME.encode(body))

    def _session_of(self, connection: Any) -> _Session:
        session = self._sessions.get(connection.login_id)
        if session is None:
            raise MalformedBody("a message of delivery before the hello")
        return session

    # --- messages that come -------------------------------------------------------------------------------------------
    def _message(self, connection: Any, message_id: int, body: bytes) -> None:
        session = self._session_of(connection)
        message = MESSAGE.decode(body)
        sender = session.sender
        sender.confirm(message.conversation, message.settled)
        if message.sequence < 1 or message.conversation < 1 or sender.is_silent:
            raise MalformedBody(
                f"sequence {message.sequence} of conversation {message.conversation}, with {sender.unconfirmed} "
                f"receipts unconfirmed; 1 or more, and less than {limits.DELIVERY_UNCONFIRMED} expected"
            )
        marks = Mark(message.marks & 3)
        key = MessageKey(sender.process, message.conversation, message.sequence)
        entry = self._entry(key, connection.name, message.target, message.information_type, message.content)
        entry.sent_at = message.sent_at
        entry.may_have_been_handed = bool(marks & Mark.MAY_HAVE_BEEN_HANDED)
        reason = self._refusal_of(entry)
        if reason is None:
            self._office.accept(sender, entry, bool(marks & Mark.WAITED), self._server.clock.seconds())
        else:
            self._server.refuse(f"delivery_{reason.name.lower()}")
            self._office.refuse(sender, entry, reason)

    def _entry(
        self,
        key: MessageKey,
        source: Source | None,
        target: str | None,
        information_type: int,
        content: bytes | None,
    ) -> Entry:
        now = round(self._wall_clock() * 1000)
        device = None if source is None else source.device
        user = None if target is None else bare_id(target)
        name = None if source is None else str(source)
        at_device = None if target is None or target == user else self._device_of(target)
        return Entry(key, name, device, user, at_device, information_type, content, now, now)

    def _device_of(self, target: str) -> int:
        devices = self._server.users.devices_of(target)
        number = int(target.partition("#")[0])
        return int(devices[0].device) if devices else number

    def _refusal_of(self, entry: Entry) -> RequestFailure | None:
        if entry.target is not None and not is_possible(entry.target):
            # Before anything is kept for it: a name may be as long as a message, and counts for no limit.
            return RequestFailure.TARGET_ABSENT
        if entry.device is not None and entry.device not in GENERATION_7.client_types:
            # The number means no device: nobody would ever come for it.
            return RequestFailure.TARGET_ABSENT
        if entry.size > self._server.options.max_message - limits.DELIVERY_OVERHEAD:
            return RequestFailure.TOO_LONG
        if entry.target is not None and not self._server.router.admits(entry.source, entry.target):
            return RequestFailure.NOT_ALLOWED
        screened = self._server.manager("custom").screened(
            entry.source, entry.target, entry.information_type, entry.content, "delivery"
        )
        if screened is None:
            return RequestFailure.DROPPED_BY_FILTER
        entry.information_type, entry.content = screened
        return None

    def _acknowledgement(self, connection: Any, message_id: int, body: bytes) -> None:
        session = self._session_of(connection)
        said = ACKNOWLEDGEMENT.decode(body)
        self._office.acknowledge(session.user, session.reader, said.received, said.handled, _reasons(said.refused))
        self._office.hand_rest(session.user, session.reader)

    def _settled(self, connection: Any, message_id: int, body: bytes) -> None:
        session = self._session_of(connection)
        for each in SETTLED.decode(body).settled:
            session.sender.confirm(each.conversation, each.sequence)

    # --- what the post office asks for (office.Counter) ---------------------------------------------------------------
    def hand(self, reader: Reader, entry: Entry, is_redelivered: bool) -> None:
        """Write a message to a reader that is connected."""
        session = reader.link
        if isinstance(session, _Session):
            key = entry.key
            body = HandedBody(
                reader.handled,
                entry.content,
                key.conversation,
                entry.information_type,
                is_redelivered,
                entry.number,
                key.process,
                entry.received_at,
                entry.sent_at,
                key.sequence,
                entry.source,
                NO_DEVICE if entry.source_device is None else entry.source_device,
            )
            session.connection.send(MessageType.DELIVERY_HANDED, HANDED.encode(body))
        else:
            self._hand_to_server(reader, entry, is_redelivered)

    def has_missed(self, reader: Reader) -> None:
        """Tell a client that it was too slow and missed something."""
        session = reader.link
        if isinstance(session, _Session):
            session.connection.send(MessageType.DELIVERY_MISSED, b"")

    def no_room(self, reason: RequestFailure) -> None:
        """Count what is refused because too much waits already."""
        self._server.refuse(f"delivery_{reason.name.lower()}")

    def _hand_to_server(self, reader: Reader, entry: Entry, is_redelivered: bool) -> None:
        office, source = self._office, entry.source
        message = Delivered(
            str(entry.key),
            source,
            entry.source_device,
            entry.information_type,
            entry.content,
            is_redelivered,
            entry.sent_at / 1000,
            entry.received_at / 1000,
        )
        office.acknowledge(None, reader, entry.number, 0, {})
        # The filters have seen it already.
        handing = self._handings.get(source) or Handing(self._server, self._server.model.run)
        self._handings[source] = handing

        def finished(failure: int) -> None:
            if office is self._office:
                office.finish(reader, entry, failure)
            if handing.is_idle and self._handings.get(source) is handing:
                del self._handings[source]

        name = source if source is None else Source(source, entry.source_device or 0, source)
        handing.add(name, message, finished)

    def pass_on(self, entry: Entry) -> bool:
        """Give a message as ordinary information to the target's devices that know no delivery."""
        if entry.target is None:
            return False
        for connection in self._server.users.find_all(entry.target):
            knows_delivery = connection.login_id in self._sessions or connection.login_id in self._expected
            is_meant = entry.device is None or connection.name.device == entry.device
            if is_meant and not knows_delivery and connection not in entry.passed_to:
                entry.passed_to.append(connection)
                body = encode_information(entry.information_type, entry.content)
                if entry.source is None:
                    connection.send(MessageType.INFORMATION, body)
                else:
                    connection.reply_as(entry.source, MessageType.INFORMATION, body, 0)
        return bool(entry.passed_to)

    def store(self, entry: Entry) -> bool:
        """Have the offline manager keep a message."""
        office = self._office

        def stored(failure: RequestFailure | None) -> None:
            if office is self._office:
                office.stored(entry, failure)

        return self._keeping.keep(entry, stored)

    def receipts_due(self, sender: Sender) -> None:
        """There is something to tell to a sender: in the next turn, all in one."""
        self._due[sender] = None
        if self._flush is None:
            self._flush = self._server.clock.callLater(0, self._tell)

    def _tell(self) -> None:
        self._flush = None
        due, self._due = self._due, {}
        for sender in due:
            session = sender.link
            if session is None:
                continue
            reached, failed = sender.take_changes()
            if not isinstance(session, _Session):
                self._own.told(sender, reached, failed)
            else:
                for body in receipts(reached, failed):
                    session.connection.send(MessageType.DELIVERY_RECEIPTS, RECEIPTS.encode(body))


def _reasons(refused: list[RefusedBody]) -> dict[int, int]:
    known = {reason.value for reason in RequestFailure}
    return {each.number: each.reason if each.reason in known else RequestFailure.INVALID for each in refused}
