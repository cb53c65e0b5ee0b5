"""The server's half of contacts: lists, and everything that its parts do, in one facade."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from esframework import limits
from esframework.errors import EncodeError, PluginError
from esframework.interfaces import IAudience, IServerContext, Registrations
from esframework.managers.contacts.blobs import BlobBroadcasts
from esframework.managers.contacts.blocking import Blocking
from esframework.managers.contacts.broadcasting import Broadcasting
from esframework.managers.contacts.contracts import (
    CONTACT_DEVICES,
    CONTACTS_REQUEST,
    GROUP_MEMBERS,
    GROUP_MEMBERS_REQUEST,
    USER_LIST,
    Broadcast,
    BroadcastReport,
    GroupMembersBody,
    UserListBody,
    group_of,
)
from esframework.managers.contacts.directory import Directory
from esframework.managers.contacts.machine import Rates
from esframework.managers.contacts.presence import Presence
from esframework.managers.contacts.relations import Relations
from esframework.net.threads import hops_to_reactor
from esframework.plugins.hooks import Subscription
from esframework.wire.blob_fragments import check_blob
from esframework.wire.login_id import Source
from esframework.wire.types import SERVER_ID, MessageType, OnBusy, RequestFailure

_log = Logger()


class ServerContacts:
    """`server.contacts` (manual, chapter 05: IContactsController).

    `broadcast_received(broadcaster, group_id, information_type, content, tag)`: a client's broadcast is passed on;
    blobs only while `broadcast_blob_listened`, since they are then joined here. `broadcast_failed(user_id, broadcast)`:
    a member is not online, and did not get it; not for blobs. `presence_changed(user_id, is_online)`: a user came or
    went, told when contacts are. `contacts_connected_notify` and `contacts_disconnected_notify` switch those notices.

    `broadcasting` is for managers with groups of their own. Permissions: `broadcast` (default: anybody to any group),
    `broadcast_everybody` (administrators), `group_members` (members and administrators; anybody where the application
    has an `IContacts`).
    """

    def __init__(self, server: IServerContext) -> None:
        self._server = server
        self.reactor = server.clock
        options = server.options.contacts
        self._directory = Directory(server, options)
        self._presence = Presence(server, self._directory, options)
        self._blocking = Blocking(server)
        self._relations = Relations(server, self._directory, self._presence, self._blocking)
        self.broadcasting = Broadcasting(server, self._directory, options)
        self._blobs = BlobBroadcasts(server, self.broadcasting)
        self._watched: Subscription | None = None
        self._listed = Rates(limits.MAX_LISTED_PER_SECOND)
        self.broadcast_received = self.broadcasting.received
        self.broadcast_failed = self.broadcasting.failed
        self.presence_changed = self._presence.changed

    # --- switches and figures ---------------------------------------------------------------------------------------
    @property
    def contacts_connected_notify(self) -> bool:
        """Whether contacts are told that a user or device came (on by default)."""
        return self._presence.connected_notify

    @contacts_connected_notify.setter
    def contacts_connected_notify(self, wanted: bool) -> None:
        self._presence.connected_notify = wanted

    @property
    def contacts_disconnected_notify(self) -> bool:
        """Whether contacts are told that a user or device went (on by default)."""
        return self._presence.disconnected_notify

    @contacts_disconnected_notify.setter
    def contacts_disconnected_notify(self, wanted: bool) -> None:
        self._presence.disconnected_notify = wanted

    @property
    def broadcast_blob_listened(self) -> bool:
        """Whether blobs that clients broadcast are told by `broadcast_received` (off by default: it takes memory)."""
        return self._blobs.listened

    @broadcast_blob_listened.setter
    def broadcast_blob_listened(self, wanted: bool) -> None:
        self._blobs.listened = wanted

    @property
    def notices_sent(self) -> int:
        """Notices of comings and goings so far."""
        return self._presence.told

    @property
    def copies_sent(self) -> int:
        """Copies of broadcasts, and of fragments, that were queued so far."""
        return self.broadcasting.delivered

    @property
    def copies_passed_over(self) -> int:
        """Copies that busy members did without, as their broadcasters wanted."""
        return self.broadcasting.passed_over

    # --- calls ------------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def broadcast(
        self,
        group_id: str,
        information_type: int,
        content: bytes | None,
        tag: str = "",
        *,
        on_busy: OnBusy = OnBusy.CONTINUE,
    ) -> Deferred[BroadcastReport]:
        """Send something to every member of a group that is online, `*` to everybody, in the server's name.

        Fires when it is queued for all. Fails with `NoSuchGroup` for a group without members, and with EncodeError for
        what is longer than a message.
        """
        try:
            return self.broadcasting.broadcast(Broadcast(None, group_id, information_type, content, tag, on_busy))
        except EncodeError:
            failed: Deferred[BroadcastReport] = Deferred()
            failed.errback()
            return failed

    @hops_to_reactor
    def broadcast_blob(
        self,
        group_id: str,
        information_type: int,
        content: bytes,
        tag: str = "",
        *,
        fragment_size: int = limits.FRAGMENT_SIZE,
    ) -> Deferred[BroadcastReport]:
        """The same for a large content, in fragments, as fast as the slowest member takes them.

        Fires when the last fragment is queued, and then tells who got that one. Fails as `broadcast`; at most
        `limits.MAX_BLOB_BYTES`.
        """
        check_blob(content, fragment_size)
        return Deferred.fromCoroutine(
            self._blobs.broadcast(group_id, information_type, content, tag, fragment_size)
        )

    @hops_to_reactor
    def contacts_of(self, user_id: str) -> Deferred[Sequence[str]]:
        """A user's contacts, as the provider says."""
        return _later(self._directory.contacts_of(user_id))

    @hops_to_reactor
    def members_of(self, group_id: str) -> Deferred[Sequence[str]]:
        """A group's members, as the provider or a manager says; nobody for a group that does not exist."""
        return _later(self._directory.members_of(group_id)).addCallback(lambda audience: audience.members)

    @hops_to_reactor
    def changed(self, *, user_id: str | None = None, group_id: str | None = None) -> None:
        """An application's or manager's own data has changed: ask again, next time, for this user's contacts or this
        group's members."""
        if user_id is not None:
            self._directory.contacts_changed(user_id)
        if group_id is not None:
            self._directory.group_changed(group_id)

    def members_from(self, source: Callable[[str], Any]) -> None:
        """For managers: ask `source(group_id)` for the members of groups that the application does not know.

        It returns ids, or None for a group that is not its own; may be awaited. Its answers are remembered until
        `changed(group_id=...)`.
        """
        self._directory.add_source(source)

    def relay_broadcast(
        self,
        sender: Any,
        message_id: int,
        message_type: int,
        body: bytes,
        group_id: str,
        information_type: int,
        content: bytes | None,
        tag: str | None,
    ) -> None:
        """For managers: bring a client's broadcast of a type of their own to the members of its group, as a 704 is.

        `body` goes out as it came, in frames of `message_type`; the rest is what it says.
        """
        broadcast = Broadcast(sender.name, group_id, information_type, content, tag)
        self.broadcasting.relay(sender, message_id, message_type, body, broadcast)

    def knows(self, user_id: str, other: str) -> bool | Deferred[bool]:
        """For managers: whether `other` is a contact of the user."""
        contacts = self._directory.contacts_of(user_id)
        if isinstance(contacts, Deferred):
            return contacts.addCallback(lambda found: other in found)
        return other in contacts

    # --- what comes in ----------------------------------------------------------------------------------------------
    def registrations(self) -> Registrations:
        """What this half brings to a server."""
        return Registrations(
            facade=self,
            handlers={
                MessageType.FRIENDS: self._friends,
                MessageType.CONTACTS: self._contacts,
                MessageType.CONTACT_DEVICES: self._contact_devices,
                MessageType.GROUP_MEMBERS: self._group_members_to_server,
                MessageType.BROADCAST: self.broadcasting.to_server,
                MessageType.BROADCAST_BLOB: self._blobs.to_server,
                MessageType.CONTACT_RELATIONS: self._relations.relations,
                MessageType.CHANGE_CONTACT: self._relations.change,
            },
            addressed={
                MessageType.GROUP_MEMBERS: self._group_members,
                MessageType.BROADCAST: self.broadcasting.addressed,
                MessageType.BROADCAST_BLOB: self._blobs.addressed,
            },
            logged_on=self._logged_on,
            logged_off=self._logged_off,
            sweep=self._sweep,
            start=self._start,
            stop=self._directory.close,
        )

    def _start(self) -> None:
        self._presence.start()
        if self._watched is None:
            try:
                deleted = self._server.manager("accounts").deleted
            except PluginError:
                # A server may do without accounts of its own; then none is deleted.
                return
            self._watched = deleted.subscribe(self._directory.account_deleted)

    def _logged_on(self, sender: Any) -> None:
        self._presence.device_changed(str(sender.name))
        self._relations.arrived(sender)

    def _logged_off(self, source: Source | None) -> None:
        if source is not None:
            self._presence.device_changed(str(source))
            self._blocking.left(str(source))
            self._relations.left(source.login_id)
            self._blobs.forget(source.login_id)

    def _sweep(self, now: float) -> None:
        self._presence.sweep(now)
        self._relations.sweep(now)
        self._blobs.sweep(now)
        self.broadcasting.rates.sweep(now)
        self._listed.sweep(now)

    # --- lists ------------------------------------------------------------------------------------------------------
    def _friends(self, sender: Any, message_id: int, body: bytes) -> None:
        self._presence.asks_for_friends(str(sender.name))
        self._list_contacts(sender, MessageType.FRIENDS, message_id, body)

    def _contacts(self, sender: Any, message_id: int, body: bytes) -> None:
        self._list_contacts(sender, MessageType.CONTACTS, message_id, body)

    def _list_contacts(self, sender: Any, message_type: MessageType, message_id: int, body: bytes) -> None:
        asked = CONTACTS_REQUEST.decode(body)
        if self._is_too_much(sender, message_id):
            return

        def answer(contacts: Sequence[str]) -> None:
            self._listed.use(sender.name, len(contacts))
            users = self._server.users.select_online(contacts) if asked.just_online else list(contacts)
            self._reply(sender, message_type, USER_LIST.encode(UserListBody(users)), message_id)

        self._found(self._directory.contacts_of(str(sender.name)), answer)

    def _contact_devices(self, sender: Any, message_id: int, body: bytes) -> None:
        if not sender.is_ours:
            self._server.refuse("own_type_of_foreign_client")
            return
        if self._is_too_much(sender, message_id):
            return

        def answer(contacts: Sequence[str]) -> None:
            self._listed.use(sender.name, len(contacts))
            users = self._server.users
            online = {name: [user.device for user in users.devices_of(name)] for name in users.select_online(contacts)}
            self._reply(sender, MessageType.CONTACT_DEVICES, CONTACT_DEVICES.encode(online), message_id)

        self._found(self._directory.contacts_of(str(sender.name)), answer)

    def _group_members_to_server(self, sender: Any, message_id: int, body: bytes) -> None:
        self._group_members(sender, SERVER_ID, message_id, body)

    def _group_members(self, sender: Any, destination: str, message_id: int, body: bytes) -> None:
        named = "" if destination == SERVER_ID else group_of(destination)
        group_id = GROUP_MEMBERS_REQUEST.decode(body).group_id or named
        if self._is_too_much(sender, message_id):
            return

        def answer(audience: IAudience) -> None:
            if not audience.members:
                reason, text = RequestFailure.NO_SUCH_THING, f"there is no group {group_id!r}"
            elif not self._may_see(str(sender.name), group_id, audience):
                reason, text = RequestFailure.NOT_ALLOWED, f"the members of {group_id!r} are not for {sender.name!r}"
            else:
                self._listed.use(sender.name, len(audience.members))
                mates = GROUP_MEMBERS.encode(self._mates(audience))
                self._reply(sender, MessageType.GROUP_MEMBERS, mates, message_id)
                return
            if not sender.request_failed(message_id, reason, text):
                # A client of another make learns nothing by an empty answer, and does not wait in vain.
                nobody = GROUP_MEMBERS.encode(GroupMembersBody([], []))
                self._reply(sender, MessageType.GROUP_MEMBERS, nobody, message_id)

        self._found(self._directory.members_of(group_id), answer)

    def _may_see(self, user_id: str, group_id: str, audience: IAudience) -> bool:
        def by_default() -> bool:
            # As the manual has it, where the groups are the application's; else they are their members' own.
            if self._server.contacts_provider is not None or user_id in audience.members:
                return True
            return self._server.is_administrator(user_id)

        return self._server.permit("group_members", user_id, group_id, by_default)

    def _mates(self, audience: IAudience) -> GroupMembersBody:
        online = self._server.users.online
        mates = GroupMembersBody([], [])
        for member in audience.members:
            (mates.online_groupmates if member in online else mates.offline_groupmates).append(member)
        return mates

    def _is_too_much(self, sender: Any, message_id: int) -> bool:
        """Whether a request for a list is refused: its sender was sent too many ids, or too many wait for answers."""
        wait = self._listed.wait(sender.name, 1, self._server.clock.seconds())
        if wait > 0:
            self._server.refuse("lists_too_fast")
            text = f"too many lists; try again in {wait:.3f} s"
            sender.request_failed(message_id, RequestFailure.TOO_FAST, text)
        elif self._directory.is_overloaded:
            self._server.refuse("contacts_busy")
            text = "too many wait to know who contacts and members are; try again in some seconds"
            sender.request_failed(message_id, RequestFailure.BUSY, text)
        else:
            return False
        return True

    def _reply(self, sender: Any, message_type: MessageType, body: bytes, message_id: int) -> None:
        # Lists are as long as a provider makes them, and a message has its limit.
        try:
            sender.reply(message_type, body, message_id)
        except EncodeError as error:
            self._server.refuse("list_too_long")
            _log.warn("{sender} cannot be answered: {error}", sender=sender.name, error=str(error))
            sender.request_failed(message_id, RequestFailure.TOO_LONG, str(error))

    @staticmethod
    def _found(found: Any, answer: Callable[[Any], None]) -> None:
        if isinstance(found, Deferred):
            found.addCallback(answer)
            found.addErrback(lambda failure: _log.failure("a question about contacts failed", failure))
        else:
            answer(found)


def _later(found: Any) -> Deferred[Any]:
    return found if isinstance(found, Deferred) else succeed(found)
