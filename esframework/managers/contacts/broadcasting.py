"""Broadcasts at the server: who may, how fast, to whom; then one body for all. Shared by every manager with groups.

Blobs in pieces are `blobs`'; who is in a group is the directory's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from esframework import limits
from esframework.errors import NoSuchGroup
from esframework.interfaces import IAudience, IServerContext, Multicast
from esframework.managers.contacts.contracts import (
    BROADCAST,
    REPORT,
    Broadcast,
    BroadcastBody,
    BroadcastReport,
    destination_of,
    group_of,
)
from esframework.managers.contacts.directory import Directory
from esframework.managers.contacts.machine import BroadcastRates
from esframework.managers.contacts.options import ContactsOptions
from esframework.net.stream import is_loopback
from esframework.plugins.hooks import Event
from esframework.wire.types import EVERYBODY, SERVER_ID, MessageType, OnBusy, RequestFailure

_log = Logger()


class Broadcasting:
    """What `server.contacts` and managers with groups broadcast by.

    `received` and `failed` are the events of `ServerContacts`; `delivered` counts the copies, `passed_over` the busy
    members that did without.
    """

    def __init__(self, server: IServerContext, directory: Directory, options: ContactsOptions) -> None:
        self._server = server
        self._clock = server.clock
        self._directory = directory
        self.rates = BroadcastRates(
            options.broadcasts_per_sender, options.deliveries_per_sender, options.deliveries_per_second
        )
        self.received: Event[str | None, str, int, bytes | None, str | None] = Event("contacts.broadcast_received")
        self.failed: Event[str, Broadcast] = Event("contacts.broadcast_failed")
        self.delivered = 0
        self.passed_over = 0
        self._waiting_bytes = 0

    # --- from clients -----------------------------------------------------------------------------------------------
    def to_server(self, sender: Any, message_id: int, body: bytes) -> None:
        """A 704 whose header says no group: its body does."""
        self.addressed(sender, SERVER_ID, message_id, body)

    def addressed(self, sender: Any, destination: str, message_id: int, body: bytes) -> None:
        """A 704. Where header and body name a group, they have to name the same."""
        asked = BROADCAST.decode(body)
        group_id = asked.group_id or (group_of(destination) if destination != SERVER_ID else "")
        if not group_id or destination not in (SERVER_ID, destination_of(group_id)):
            text = f"the header is addressed to {destination!r}, the body to the group {asked.group_id!r}"
            self.refuse(sender, message_id, RequestFailure.INVALID, "broadcast_without_group", text)
            return
        on_busy = OnBusy.DISCARD if asked.action_type_on_channel_is_busy == OnBusy.DISCARD else OnBusy.CONTINUE
        broadcast = Broadcast(sender.name, group_id, asked.information_type, asked.content, asked.tag, on_busy)
        self.relay(sender, message_id, MessageType.BROADCAST, body, broadcast)

    def relay(self, sender: Any, message_id: int, message_type: int, body: bytes, broadcast: Broadcast) -> None:
        """Bring a client's broadcast to the members of its group, or refuse it with a word.

        `body` goes out as it came, in frames of `message_type` to `_` and the group's id. A client of ours that gave a
        message id gets a report.
        """
        if self.may(sender, message_id, broadcast.group_id):

            def go_on(audience: IAudience) -> None:
                self._go(sender, message_id, message_type, body, broadcast, audience)

            self.with_members(sender, message_id, broadcast.group_id, len(body), go_on)

    def _go(
        self, sender: Any, message_id: int, message_type: int, body: bytes, broadcast: Broadcast, audience: IAudience
    ) -> None:
        if not self.admits(sender, message_id, broadcast.group_id, audience):
            return
        result = self._send(sender, message_type, body, broadcast, audience)
        self.report(sender, message_id, result)

    # --- from the server --------------------------------------------------------------------------------------------
    def broadcast(self, broadcast: Broadcast) -> Deferred[BroadcastReport]:
        """Send something in the server's name; fails with `NoSuchGroup`, or EncodeError for what is too long."""
        body = BROADCAST.encode(
            BroadcastBody(
                action_type_on_channel_is_busy=broadcast.on_busy,
                content=broadcast.content,
                group_id=broadcast.group_id,
                information_type=broadcast.information_type,
                tag=broadcast.tag,
            )
        )

        def send(audience: IAudience) -> BroadcastReport:
            result = self._send(None, MessageType.BROADCAST, body, broadcast, audience)
            return BroadcastReport(result.reached, result.busy, len(result.absent))

        return self.members(broadcast.group_id).addCallback(send)

    def members(self, group_id: str) -> Deferred[IAudience]:
        """The members of a group; fails with `NoSuchGroup` where there are none."""

        def check(audience: IAudience) -> IAudience:
            if group_id != EVERYBODY and not audience.members:
                raise NoSuchGroup(group_id)
            return audience

        found = self._directory.members_of(group_id)
        if not isinstance(found, Deferred):
            ready: Deferred[IAudience] = Deferred()
            ready.callback(found)
            found = ready
        return found.addCallback(check)

    # --- the steps, for blobs as well -------------------------------------------------------------------------------
    def may(self, sender: Any, message_id: int, group_id: str) -> bool:
        """Ask for permission: `broadcast` to a group (default: anybody) or `broadcast_everybody` (administrators)."""
        if group_id == EVERYBODY:
            action = "broadcast_everybody"
            allowed = self._server.permit(
                action, sender.name, None, lambda: bool(self._server.is_administrator(sender.name))
            )
        else:
            action = "broadcast"
            allowed = self._server.permit(action, sender.name, group_id, lambda: True)
        if not allowed:
            text = f"{action} to {group_id!r} is not permitted to {sender.name!r}"
            sender.request_failed(message_id, RequestFailure.NOT_ALLOWED, text)
        return allowed

    def with_members(
        self, sender: Any, message_id: int, group_id: str, size: int, go_on: Callable[[IAudience], None]
    ) -> None:
        """Call `go_on` with the members, at once where they are remembered; `size` bytes wait for it otherwise."""
        known = self._directory.remembered_members(group_id)
        if known is not None:
            go_on(known)
            return
        if self._directory.is_overloaded or not self.hold(size):
            text = "too much waits to know who the members of groups are; try again in some seconds"
            self.refuse(sender, message_id, RequestFailure.BUSY, "broadcast_busy", text)
            return

        def found(answer: IAudience) -> None:
            self.let_go(size)
            self._server.router.gathered(lambda: go_on(answer))

        audience = self._directory.members_of(group_id)
        if not isinstance(audience, Deferred):
            found(audience)
            return
        audience.addCallback(found)
        audience.addErrback(lambda failure: _log.failure("a broadcast to {group!r} failed", failure, group=group_id))

    def admits(self, sender: Any, message_id: int, group_id: str, audience: IAudience) -> bool:
        """Whether there is such a group, and the sender does not broadcast too fast."""
        if group_id != EVERYBODY and not audience.members:
            text = f"there is no group {group_id!r}"
            self.refuse(sender, message_id, RequestFailure.NO_SUCH_THING, "broadcast_unknown_group", text)
            return False
        wait = self.rates.wait(self.limited(sender), audience.reach, self._clock.seconds())
        if wait > 0:
            text = f"broadcasts come too fast; try again in {wait:.3f} s"
            self.refuse(sender, message_id, RequestFailure.TOO_FAST, "broadcast_too_fast", text)
            return False
        return True

    def limited(self, sender: Any) -> str | None:
        """The name by which a sender's broadcasts are limited, None for this machine's own programs."""
        is_free = is_loopback(sender.address[0]) and not self._server.options.limit_loopback
        return None if is_free else str(sender.name)

    def hold(self, size: int) -> bool:
        """So many bytes wait from now on; False when that would be too much."""
        if self._waiting_bytes + size > limits.BROADCAST_BYTES_WAITING:
            return False
        self._waiting_bytes += size
        return True

    def let_go(self, size: int) -> None:
        """They wait no more."""
        self._waiting_bytes -= size

    def report(self, sender: Any, message_id: int, result: Multicast) -> None:
        """Tell a client of ours what became of its broadcast, if it wants to know."""
        if message_id and sender.is_ours:
            body = REPORT.encode(BroadcastReport(result.reached, result.busy, len(result.absent)))
            sender.reply(MessageType.BROADCAST_REPORT, body, message_id)

    def refuse(self, sender: Any, message_id: int, reason: RequestFailure, counted: str, text: str) -> None:
        """Count a refusal, and tell a client of ours."""
        self._server.refuse(counted)
        sender.request_failed(message_id, reason, text)

    def _send(
        self, sender: Any, message_type: int, body: bytes, broadcast: Broadcast, audience: IAudience
    ) -> Multicast:
        if self.received and sender is not None:
            self.received.fire(
                broadcast.broadcaster,
                broadcast.group_id,
                broadcast.information_type,
                broadcast.content,
                broadcast.tag,
            )
        result: Multicast = self._server.router.multicast(
            sender,
            destination_of(broadcast.group_id),
            message_type,
            body,
            audience,
            on_busy=OnBusy(broadcast.on_busy),
        )
        self.delivered += result.reached
        self.passed_over += result.busy
        if result.unable:
            self._server.refuse("broadcast_does_not_fit")
        if self.failed:
            for user_id in result.absent:
                self.failed.fire(user_id, broadcast)
        return result
