"""One body for many users: encoded once for each form of header, queued once for each connection.

Knows receivers by name and connections by their queues; who is a receiver is a manager's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

from zope.interface import implementer

from esframework.errors import EncodeError
from esframework.interfaces import IAudience, Multicast
from esframework.net.outgoing import Batch, Outgoing
from esframework.server.readdress import is_own_type, translated_name
from esframework.server.users import UserManager
from esframework.wire.frames import Layout
from esframework.wire.profile import translate_client_type
from esframework.wire.types import SERVER_ID, STREAMED_TYPES, OnBusy, Priority

if TYPE_CHECKING:
    from esframework.server.connection import ServerConnection

Form: TypeAlias = "tuple[Layout, bool]"
"""What a frame's bytes depend on: the receiver's layout, and whether it is one of ours."""


@implementer(IAudience)
class Audience:
    """Some users, or everybody online, and the queues to their devices by form of header.

    The queues are looked up again only when somebody came or went: a broadcast is then one loop over a list.
    """

    __slots__ = ("_members", "_users", "_version", "_queues", "_absent", "_reach")

    def __init__(self, users: UserManager, members: Iterable[str] | None) -> None:
        self._users = users
        self._members = None if members is None else tuple(dict.fromkeys(members))
        self._version = -1
        self._queues: dict[Form, list[Outgoing]] = {}
        self._absent: tuple[str, ...] = ()
        self._reach = 0

    @property
    def members(self) -> tuple[str, ...]:
        """See `IAudience`."""
        return tuple(self._users.online) if self._members is None else self._members

    def queues(self) -> dict[Form, list[Outgoing]]:
        """The queues to every device of the members that is online."""
        if self._version != self._users.version:
            self._look_up()
        return self._queues

    @property
    def reach(self) -> int:
        """See `IAudience`."""
        self.queues()
        return self._reach

    @property
    def absent(self) -> tuple[str, ...]:
        """The members that are not online."""
        self.queues()
        return self._absent

    def _look_up(self) -> None:
        online = self._users.online
        queues: dict[Form, list[Outgoing]] = {}
        absent: list[str] = []
        for user_id in online if self._members is None else self._members:
            connections = online.get(user_id)
            if connections is None:
                absent.append(user_id)
                continue
            for connection in connections:
                queues.setdefault((connection.layout, connection.is_ours), []).append(connection.outgoing)
        self._queues, self._absent, self._version = queues, tuple(absent), self._users.version
        self._reach = sum(len(those) for those in queues.values())


class Multicaster:
    """Sends one body to many; `longest` is the size of the longest message."""

    def __init__(self, users: UserManager, batch: Batch, longest: int) -> None:
        self._users = users
        self._batch = batch
        self._longest = longest

    def send(
        self,
        sender: ServerConnection | None,
        destination: str,
        message_type: int,
        body: bytes,
        receivers: Audience | Iterable[str],
        on_busy: OnBusy,
        priority: Priority,
    ) -> Multicast:
        """See `IRouter.multicast`."""
        audience = receivers if isinstance(receivers, Audience) else Audience(self._users, receivers)
        batch = self._batch
        outermost = not batch.open
        batch.open = True
        reached = busy = unable = 0
        slowest: Outgoing | None = None
        try:
            # All forms first: what is too long for one of them must not have reached half of the receivers.
            forms = [
                (queues, self._encoded(sender, destination, message_type, body, form))
                for form, queues in audience.queues().items()
            ]
            for queues, frame in forms:
                if frame is None:
                    unable += len(queues)
                    continue
                own = None if sender is None else sender.outgoing
                if batch.waiting or priority is not Priority.NORMAL:
                    taken, passed_over, slow = self._queue_each(frame, queues, own, on_busy, priority)
                    reached += taken
                    busy += passed_over
                    slowest = slow or slowest
                else:
                    reached += self._queue_all(frame, queues, own)
            if batch.is_heavy:
                batch.flush()
        finally:
            if outermost:
                batch.close()
        if slowest is not None and sender is not None and message_type in STREAMED_TYPES:
            sender.hold_back(message_type, sender.layout.field(destination), slowest)
        return Multicast(reached, busy, audience.absent, unable, slowest)

    def _encoded(
        self, sender: ServerConnection | None, destination: str, message_type: int, body: bytes, form: Form
    ) -> bytes | None:
        """The frame in one form of header; None for a receiver that cannot have it."""
        layout, is_ours = form
        if not is_ours and (is_own_type(message_type) or message_type in layout.profile.missing_types):
            return None
        source, client_type = SERVER_ID, layout.profile.server_client_type
        if sender is not None:
            same = sender.layout.profile is layout.profile
            rules = self._users.device_rules
            source = sender.login_id if same else translated_name(sender, layout, is_ours, rules)
            client_type = translate_client_type(sender.client_type, sender.layout.profile, layout.profile)
        if not (layout.fits(source) and layout.fits(destination)):
            return None
        longest = self._longest
        if layout.header_size + len(body) > longest:
            if sender is not None:
                # Its own header was short enough for what it was allowed to send.
                return None
            raise EncodeError(f"a body of {len(body)} bytes does not fit a message of {longest}; send it as a blob")
        return layout.encode(message_type, body, layout.field(source), layout.field(destination), 0, client_type)

    def _queue_all(self, frame: bytes, queues: list[Outgoing], own: Outgoing | None) -> int:
        """Nobody has anything waiting: queue it for all but `own`, with as few steps each as there can be."""
        touched = self._batch.touched
        before = 0 if own is None else len(own.pending)
        for outgoing in queues:
            pending = outgoing.pending
            if not pending:
                touched.append(outgoing)
            pending.append(frame)
        self._batch.weight += len(frame)
        if own is not None and len(own.pending) > before:
            own.pending.pop()
            return len(queues) - 1
        return len(queues)

    def _queue_each(
        self, frame: bytes, queues: list[Outgoing], own: Outgoing | None, on_busy: OnBusy, priority: Priority
    ) -> tuple[int, int, Outgoing | None]:
        """Somebody has something waiting: (queued, passed over, a busy one)."""
        reached = busy = 0
        slowest: Outgoing | None = None
        discards = on_busy is OnBusy.DISCARD
        for outgoing in queues:
            if outgoing is own:
                continue
            if outgoing.is_busy:
                if discards:
                    busy += 1
                    continue
                if slowest is None or outgoing.size > slowest.size:
                    slowest = outgoing
            outgoing.send(frame, priority)
            reached += 1
        return reached, busy, slowest


def notify(
    users: UserManager, receivers: Iterable[str], body_for: Callable[[int, bool], tuple[int, bytes] | None]
) -> int:
    """See `IRouter.notify`."""
    forms: dict[tuple[int, bool], tuple[int, bytes] | None] = {}
    online = users.online
    told = 0
    for user_id in receivers:
        for connection in online.get(user_id, ()):
            form = (connection.layout.profile.generation, connection.is_ours)
            if form not in forms:
                forms[form] = body_for(*form)
            message = forms[form]
            if message is not None:
                connection.send(*message)
                told += 1
    return told
