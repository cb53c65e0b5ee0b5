"""The client's half of contacts: lists, who comes and goes, and broadcasts that come in."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from esframework.errors import MalformedBody
from esframework.interfaces import IContext, Registrations
from esframework.machines.blobs import BlobAssembler
from esframework.managers.contacts.contracts import (
    BROADCAST,
    BROADCAST_BLOB,
    CONTACT_DEVICES,
    CONTACT_NEWS,
    CONTACTS_REQUEST,
    FRIEND_NOTICE,
    GROUP_MEMBERS,
    GROUP_MEMBERS_REQUEST,
    PRESENCE_6,
    PRESENCE_7,
    USER_LIST,
    ContactNews,
    ContactsRequest,
    Groupmates,
    GroupMembersRequest,
    destination_of,
    group_of,
)
from esframework.managers.contacts.requesting import ContactCalls
from esframework.managers.contacts.sending import BroadcastCalls
from esframework.net.threads import hops_to_reactor
from esframework.plugins.asking import from_server
from esframework.plugins.hooks import Event
from esframework.plugins.quiet import Quiet
from esframework.wire.blob_fragments import decode_fragment
from esframework.wire.login_id import Source
from esframework.wire.types import MessageType

_log = Logger()


class ClientContacts(ContactCalls, BroadcastCalls):
    """`client.contacts` (manual, chapter 05: IContactsOutter). Every call fails with a `RequestError`.

    `contact_online(user_id)` and `contact_offline(user_id)`: a contact's first device came, its last one went.
    `contact_devices_changed(user_id, device, is_online)`: any device of a contact, where the server says which.
    `broadcast_received(broadcaster, group_id, information_type, content, tag)`: a broadcast or a whole blob;
    broadcaster None is the server. `contact_requested(user_id, text)`, `contact_accepted(user_id)`,
    `contact_refused(user_id, text)`, `contact_removed(user_id)`: what others did; requests are told again at each
    log-on until they are answered, the rest only while online (`relations()` shows how things stand).
    """

    def __init__(self, client: IContext) -> None:
        super().__init__(client)
        self.contact_online: Event[str] = Event("contacts.contact_online")
        self.contact_offline: Event[str] = Event("contacts.contact_offline")
        self.contact_devices_changed: Event[str, int, bool] = Event("contacts.contact_devices_changed")
        self.broadcast_received: Event[str | None, str, int, bytes | None, str | None] = Event(
            "contacts.broadcast_received"
        )
        self.contact_requested: Event[str, str] = Event("contacts.contact_requested")
        self.contact_accepted: Event[str] = Event("contacts.contact_accepted")
        self.contact_refused: Event[str, str] = Event("contacts.contact_refused")
        self.contact_removed: Event[str] = Event("contacts.contact_removed")
        self._blobs = BlobAssembler()
        self._quiet = Quiet(client.clock)

    # --- calls --------------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def contacts(self, tag: str = "") -> Deferred[list[str]]:
        """This user's contacts. A server of another make may read something into the tag; ours does not."""
        return self._list(ContactsRequest(False, tag))

    @hops_to_reactor
    def online_contacts(self, tag: str = "") -> Deferred[list[str]]:
        """Those that are online."""
        return self._list(ContactsRequest(True, tag))

    @hops_to_reactor
    def contact_devices(self) -> Deferred[dict[str, list[int]]]:
        """Those that are online, with the numbers of their devices (`wire.devices`); from servers of ours only."""
        return self._ask_ours(MessageType.CONTACT_DEVICES, b"").addCallback(CONTACT_DEVICES.decode)

    @hops_to_reactor
    def group_members(self, group_id: str) -> Deferred[Groupmates]:
        """The members of a group; fails with `NotDelivered` (NO_SUCH_THING) for one that the server does not know."""
        body = GROUP_MEMBERS_REQUEST.encode(GroupMembersRequest(group_id))

        def mates(answer: bytes) -> Groupmates:
            found = GROUP_MEMBERS.decode(answer)
            return Groupmates(found.online_groupmates, found.offline_groupmates)

        asked = self._ask(MessageType.GROUP_MEMBERS, body, destination=destination_of(group_id))
        return asked.addCallback(mates)

    def _list(self, request: ContactsRequest) -> Deferred[list[str]]:
        asked = self._ask(MessageType.CONTACTS, CONTACTS_REQUEST.encode(request))
        return asked.addCallback(lambda body: USER_LIST.decode(body).user_list)

    # --- what comes in ------------------------------------------------------------------------------------------------
    def registrations(self) -> Registrations:
        """What this half brings to a client."""
        answers = (
            MessageType.CONTACTS,
            MessageType.GROUP_MEMBERS,
            MessageType.CONTACT_DEVICES,
            MessageType.CONTACT_RELATIONS,
            MessageType.CHANGE_CONTACT,
            MessageType.BROADCAST_REPORT,
        )
        return Registrations(
            facade=self,
            handlers={
                **self._answerers(answers),
                MessageType.CONTACT_ONLINE: from_server(lambda body: self._presence(body, True)),
                MessageType.CONTACT_OFFLINE: from_server(lambda body: self._presence(body, False)),
                MessageType.FRIEND_NOTICE: from_server(self._friend_notice),
                MessageType.CONTACT_NEWS: from_server(self._contact_news),
            },
            addressed={
                MessageType.BROADCAST: self._broadcast,
                MessageType.BROADCAST_BLOB: self._broadcast_fragment,
            },
            logged_off=self._connection_lost,
            sweep=self._blobs_sweep,
        )

    def _presence(self, body: bytes, is_online: bool) -> None:
        # A body of generation 6 is never one of generation 7 as well: its length would have to be 0 or 1 and more.
        try:
            notice = PRESENCE_7.decode(body)
        except MalformedBody:
            self._tell(PRESENCE_6.decode(body).user_id, is_online)
            return
        if notice.all_client_type and is_online:
            self._tell(notice.user_id, True)
        self.contact_devices_changed.fire(notice.user_id, notice.client_type, is_online)
        if notice.all_client_type and not is_online:
            self._tell(notice.user_id, False)

    def _friend_notice(self, body: bytes) -> None:
        notice = FRIEND_NOTICE.decode(body)
        self._tell(notice.friend_user_id, notice.connected)

    def _tell(self, user_id: str, is_online: bool) -> None:
        (self.contact_online if is_online else self.contact_offline).fire(user_id)

    def _contact_news(self, body: bytes) -> None:
        news = CONTACT_NEWS.decode(body)
        if news.news == ContactNews.REQUESTED:
            self.contact_requested.fire(news.other, news.text)
        elif news.news == ContactNews.ACCEPTED:
            self.contact_accepted.fire(news.other)
        elif news.news == ContactNews.REFUSED:
            self.contact_refused.fire(news.other, news.text)
        elif news.news == ContactNews.REMOVED:
            self.contact_removed.fire(news.other)

    # --- broadcasts ---------------------------------------------------------------------------------------------------
    def _broadcast(self, sender: Any, destination: str, message_id: int, body: bytes) -> None:
        broadcast = BROADCAST.decode(body)
        group_id = broadcast.group_id or group_of(destination)
        self.broadcast_received.fire(
            sender.name, group_id, broadcast.information_type, broadcast.content, broadcast.tag
        )

    def _broadcast_fragment(self, sender: Any, destination: str, message_id: int, body: bytes) -> None:
        fragment = decode_fragment(body)
        try:
            payload = self._blobs.add(sender.login_id, fragment, self._client.clock.seconds())
        except MalformedBody as error:
            # One blob is lost, not the connection: its sender may be over a limit without knowing it.
            if self._quiet.admits(sender.name) is not None:
                _log.info("a blob that {name} broadcast was dropped: {error}", name=sender.name, error=str(error))
            return
        if payload is not None:
            blob = BROADCAST_BLOB.decode(payload)
            group_id = group_of(destination)
            self.broadcast_received.fire(sender.name, group_id, fragment.information_type, blob.message, blob.tag)

    def _blobs_sweep(self, now: float) -> None:
        self._blobs.expire(now)

    def _connection_lost(self, _: Source | None) -> None:
        # What was unfinished will not be finished on the next connection: its fragments are gone.
        self._blobs = BlobAssembler()
