"""The one route of a frame to another user: as it came where it can be, written anew where it must be.

Fast: a frame whose destination field is in the sender's layout's table goes there unread. Slow: everything else,
where a frame may be inspected, refused, translated or reported as undeliverable (protocol, section 5, rule 5).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from esframework import limits
from esframework.interfaces import IRouter
from esframework.net.outgoing import Outgoing
from esframework.plugins.dispatch import Dispatcher
from esframework.plugins.quiet import Quiet
from esframework.server.refusals import Refusals
from esframework.server.users import UserManager
from esframework.wire.frames import Frame, Layout
from esframework.wire.profile import translate_client_type
from esframework.wire.translate import translate_body
from esframework.wire.types import RELAYABLE_TYPES, RequestFailure

if TYPE_CHECKING:
    from esframework.server.connection import ServerConnection

_log = Logger()

Inspector = Callable[["ServerConnection", str, bytes], "bytes | None"]


@implementer(IRouter)
class Router:
    """Knows who may be reached by which field, and how frames get from one layout into another."""

    def __init__(
        self,
        clock: IReactorTime,
        users: UserManager,
        dispatcher: Dispatcher,
        refusals: Refusals,
        max_message: int = limits.MAX_MESSAGE,
    ) -> None:
        self._quiet = Quiet(clock)
        self._users = users
        self._dispatcher = dispatcher
        self._refusals = refusals
        self._max_message = max_message
        self._tables: dict[Layout, dict[bytes, Outgoing]] = {}
        self._inspectors: dict[int, Inspector] = {}
        self._relayable = RELAYABLE_TYPES
        self.unread_types = RELAYABLE_TYPES

    def table(self, layout: Layout) -> dict[bytes, Outgoing]:
        """Destination field → queue, for the receivers that a layout's frames can go to unread."""
        return self._tables.setdefault(layout, {})

    def inspect(self, message_type: int, inspector: Inspector | None) -> None:
        if inspector is None:
            self._inspectors.pop(message_type, None)
        else:
            self._inspectors[message_type] = inspector
        self.types_changed()

    def types_changed(self) -> None:
        """Managers or inspectors came or went: find out anew which types may go unread."""
        self._relayable = RELAYABLE_TYPES | self._dispatcher.relayable
        self.unread_types = self._relayable - set(self._inspectors)

    def left(self, connection: ServerConnection) -> None:
        """A connection is no receiver any more."""
        for layout, table in self._tables.items():
            for name in {connection.login_id, connection.name or ""}:
                if layout.fits(name):
                    table.pop(layout.field(name), None)

    def forward(self, sender: ServerConnection, frame: Frame) -> None:
        """Bring a frame to another user the slow way."""
        message_type, message_id, _, destination, raw = frame
        target = sender.layout.id_of(destination)
        if message_type not in self._relayable:
            self._refusals.add("type_not_relayable")
            return
        inspector = self._inspectors.get(message_type)
        if inspector is not None:
            changed = self._inspected(inspector, sender, target, raw)
            if changed is None:
                self._refusals.add("dropped_by_filter")
                self._undeliverable(sender, target, frame, RequestFailure.DROPPED_BY_FILTER)
                return
            frame = (message_type, message_id, frame[2], destination, changed)
        receiver = self._users.find(target)
        if receiver is None:
            self._undeliverable(sender, target, frame, RequestFailure.TARGET_ABSENT)
        elif receiver.layout is sender.layout:
            self.table(sender.layout)[destination] = receiver.outgoing
            self._deliver(sender, receiver, frame, frame[4])
        else:
            self._send_translated(sender, receiver, target, frame)

    @staticmethod
    def _deliver(sender: ServerConnection, receiver: ServerConnection, frame: Frame, raw: bytes) -> None:
        receiver.outgoing.send(raw)
        if receiver.is_busy:
            sender.hold_back(frame[0], frame[3], receiver.outgoing)

    def _inspected(self, inspector: Inspector, sender: ServerConnection, target: str, raw: bytes) -> bytes | None:
        body = raw[sender.layout.header_size :]
        changed = inspector(sender, target, body)
        if changed is None or changed is body or changed == body:
            return raw if changed is not None else None
        return sender.layout.with_body(raw, changed)

    def _send_translated(self, sender: ServerConnection, receiver: ServerConnection, target: str, frame: Frame) -> None:
        message_type, message_id, source, _, raw = frame
        here, there = sender.layout, receiver.layout
        if message_type in there.profile.missing_types:
            self._undeliverable(sender, target, frame, RequestFailure.TYPE_UNKNOWN_TO_TARGET)
            return
        # Generation 6 knows bare ids only; within a generation a device's name stays.
        same = here.profile is there.profile
        from_id = here.id_of(source) if same else sender.name or ""
        to_id = target if same else receiver.login_id if "#" in target else receiver.name or ""
        if not (there.fits(from_id) and there.fits(to_id)):
            self._undeliverable(sender, target, frame, RequestFailure.ID_DOES_NOT_FIT)
            return
        body = raw[here.header_size :]
        client_type = translate_client_type(raw[1], here.profile, there.profile)
        if not same:
            body = translate_body(message_type, body, client_type, here.profile, there.profile)
        if there.header_size + len(body) > self._max_message:
            # A longer header must not turn a frame that its sender was allowed into one that ends its receiver.
            self._undeliverable(sender, target, frame, RequestFailure.TOO_LONG)
            return
        raw = there.encode(message_type, body, there.field(from_id), there.field(to_id), message_id, client_type)
        self._deliver(sender, receiver, frame, raw)

    def _undeliverable(self, sender: ServerConnection, target: str, frame: Frame, reason: RequestFailure) -> None:
        message_type, message_id, _, _, raw = frame
        if reason is not RequestFailure.TARGET_ABSENT and self._quiet.admits((reason, sender.name)) is not None:
            _log.info(
                "type {type} from {sender} to {target} is undeliverable: {reason}",
                type=message_type,
                sender=sender.name,
                target=target,
                reason=reason.name,
            )
        handler = self._dispatcher.undeliverable.get(message_type)
        if handler is not None:
            handler(sender, target, message_id, raw[sender.layout.header_size :], reason)
