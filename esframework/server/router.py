"""The one route of a frame to another user, on all the devices that its destination means.

Fast: a frame whose destination field is in the sender's layout's table goes there unread. Slow: everything else,
where a frame may be inspected, refused, translated or reported as undeliverable (protocol, section 5, rule 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from esframework import limits
from esframework.interfaces import IRouter, Multicast
from esframework.net.outgoing import Batch, Outgoing
from esframework.plugins.dispatch import Dispatcher
from esframework.plugins.quiet import Quiet
from esframework.server.multicast import Audience, Multicaster, notify
from esframework.server.readdress import is_own_type, readdressed
from esframework.server.refusals import Refusals
from esframework.server.users import UserManager
from esframework.wire.frames import Frame, Layout
from esframework.wire.login_id import bare_id
from esframework.wire.types import (
    RELAYABLE_TYPES,
    REPLY_TYPES,
    MessageType,
    OnBusy,
    Priority,
    RequestFailure,
    is_virtual,
)

if TYPE_CHECKING:
    from esframework.server.connection import ServerConnection

_log = Logger()
_NOBODY: Final[frozenset[str]] = frozenset()

Inspector = Callable[["ServerConnection", str, bytes], "bytes | None"]

ECHOES: Final[dict[int, int]] = {MessageType.ECHOED_MESSAGE: MessageType.MESSAGE_ECHO}
"""Types that the sender's other devices get to see, and the type of what they get."""


@implementer(IRouter)
class Router:
    """Knows who may be reached by which field."""

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
        self.batch = Batch()
        self._multicaster = Multicaster(users, self.batch, max_message)
        self._tables: dict[Layout, dict[bytes, Outgoing]] = {}
        self._inspectors: dict[int, Inspector] = {}
        self._refused: dict[str, frozenset[str]] = {}
        self._relayable = RELAYABLE_TYPES
        self.unread_types = RELAYABLE_TYPES - ECHOES.keys()

    def table(self, layout: Layout) -> dict[bytes, Outgoing]:
        """Destination field → queue, for the receivers that a layout's frames can go to unread."""
        return self._tables.setdefault(layout, {})

    def inspect(self, message_type: int, inspector: Inspector | None) -> None:
        if inspector is None:
            self._inspectors.pop(message_type, None)
        else:
            self._inspectors[message_type] = inspector
        self.types_changed()

    def refuse_from(self, user_id: str, sources: frozenset[str]) -> None:
        if sources:
            self._refused[user_id] = sources
        else:
            self._refused.pop(user_id, None)
        for connection in self._users.find_all(user_id):
            self.changed(connection)

    def admits(self, source: str | None, user_id: str) -> bool:
        refused = self._refused.get(user_id)
        return refused is None or source not in refused

    def refused_by(self, user_id: str) -> frozenset[str]:
        return self._refused.get(user_id, _NOBODY)

    def types_changed(self) -> None:
        """Managers or inspectors came or went: find out anew which types may go unread."""
        self._relayable = RELAYABLE_TYPES | self._dispatcher.relayable
        looked_at = {*self._inspectors, *ECHOES, *(number for number in self._relayable if is_own_type(number))}
        self.unread_types = self._relayable - looked_at

    def changed(self, connection: ServerConnection) -> None:
        """A connection has become a receiver, or is none any more: find out anew whom its names mean."""
        for layout, table in self._tables.items():
            for name in {connection.login_id, connection.name or ""}:
                if layout.fits(name):
                    table.pop(layout.field(name), None)

    def forward(self, sender: ServerConnection, frame: Frame) -> None:
        """Bring a frame to another user the slow way."""
        message_type, message_id, _, destination, raw = frame
        target = sender.layout.id_of(destination)
        if is_virtual(target):
            self._to_virtual(sender, target, frame)
            return
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
        self._to_user(sender, target, frame)
        if message_type in ECHOES:
            self._echo(sender, target, frame)

    def _to_virtual(self, sender: ServerConnection, target: str, frame: Frame) -> None:
        handler = self._dispatcher.addressed.get(frame[0])
        if handler is None:
            self._refusals.add("type_not_relayable")
        else:
            handler(sender, target, frame[1], frame[4][sender.layout.header_size :])

    def _to_user(self, sender: ServerConnection, target: str, frame: Frame) -> None:
        # A user who refuses somebody's frames is looked up for each frame: the fast way asks nobody who sends.
        refused = self._refused.get(bare_id(target)) if self._refused else None
        if refused is not None and sender.name in refused and frame[0] not in REPLY_TYPES:
            self._refusals.add("blocked")
            self._undeliverable(sender, target, frame, RequestFailure.NOT_ALLOWED)
            return
        receivers = self._users.find_all(target, sender.layout.profile)
        failure = RequestFailure.TARGET_ABSENT
        reached = False
        for receiver in receivers:
            raw = readdressed(sender, receiver, target, frame, self._max_message, self._users.device_rules)
            if isinstance(raw, RequestFailure):
                failure = raw
                continue
            reached = True
            receiver.outgoing.send(raw)
            if receiver.is_busy:
                sender.hold_back(frame[0], frame[3], receiver.outgoing)
            is_only_one = len(receivers) == 1 and target in (receiver.login_id, receiver.name)
            if is_only_one and raw is frame[4] and refused is None:
                self.table(sender.layout)[frame[3]] = receiver.outgoing
        if not reached:
            self._undeliverable(sender, target, frame, failure)

    def _echo(self, sender: ServerConnection, target: str, frame: Frame) -> None:
        """Let the sender's other devices see what it sent."""
        message_type, message_id, source, destination, raw = frame
        echo = ECHOES[message_type]
        copy = (echo, message_id, source, destination, raw[:2] + echo.to_bytes(2, "little") + raw[4:])
        for device in self._users.find_all(sender.name or ""):
            if device is not sender:
                written = readdressed(sender, device, target, copy, self._max_message, self._users.device_rules)
                if not isinstance(written, RequestFailure):
                    device.outgoing.send(written)

    def multicast(
        self,
        sender: ServerConnection | None,
        destination: str,
        message_type: int,
        body: bytes,
        receivers: Any,
        *,
        on_busy: OnBusy = OnBusy.CONTINUE,
        priority: Priority = Priority.NORMAL,
    ) -> Multicast:
        return self._multicaster.send(sender, destination, message_type, body, receivers, on_busy, priority)

    def audience(self, members: Iterable[str] | None) -> Audience:
        return Audience(self._users, members)

    def notify(
        self, receivers: Iterable[str], body_for: Callable[[int, bool], tuple[int, bytes] | None]
    ) -> int:
        return notify(self._users, receivers, body_for)

    def gathered(self, work: Callable[[], None]) -> None:
        outermost = not self.batch.open
        self.batch.open = True
        try:
            work()
        finally:
            if outermost:
                self.batch.close()

    def _inspected(self, inspector: Inspector, sender: ServerConnection, target: str, raw: bytes) -> bytes | None:
        body = raw[sender.layout.header_size :]
        changed = inspector(sender, target, body)
        if changed is None or changed is body or changed == body:
            return raw if changed is not None else None
        return sender.layout.with_body(raw, changed)

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
