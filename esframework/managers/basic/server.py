"""The server's half of the basic functions."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from esframework.errors import EncodeError, PluginError
from esframework.interfaces import IServerContext, Registrations
from esframework.managers.basic.contracts import (
    DEVICE_NOTICE,
    DEVICES,
    ENDPOINT,
    KICK_OUT,
    NAMES,
    NAMES_ONLINE,
    ONLINE,
    USER,
    USER_LIST,
    DeviceNoticeBody,
    EndpointBody,
    OnlineBody,
    UserListBody,
)
from esframework.net.threads import hops_to_reactor
from esframework.wire.login_id import Source, bare_id
from esframework.wire.types import DisconnectedType, MessageType, RequestFailure

_log = Logger()
RELAYED_PINGS = frozenset({MessageType.PING_BY_SERVER, MessageType.PING_ANSWER})


class ServerBasic:
    """`server.basic` (manual, chapter 02: IBasicController).

    Guarded by the permission hook: `kick_out` (default: administrators), `list_users` (default: everybody),
    `user_endpoint` (default: oneself, the user's contacts and administrators).
    """

    def __init__(self, server: IServerContext) -> None:
        self._server = server
        self.reactor = server.clock

    @hops_to_reactor
    def kick_out(self, user_id: str) -> bool:
        """End a user's session; its client is told, and does not come back by itself. False when not online."""
        return bool(self._server.disconnect(user_id, DisconnectedType.KICKED_OUT))

    def registrations(self) -> Registrations:
        """What this half brings to a server."""
        return Registrations(
            facade=self,
            handlers={
                MessageType.MY_ENDPOINT: self._my_endpoint,
                MessageType.PING_BY_SERVER: self._ping,
                MessageType.HEARTBEAT: self._heartbeat,
                MessageType.KICK_OUT: self._kick_out,
                MessageType.ALL_ONLINE_USERS: self._all_online_users,
                MessageType.IS_USER_ONLINE: self._is_user_online,
                MessageType.USER_ENDPOINT: self._user_endpoint,
                MessageType.ARE_USERS_ONLINE: self._are_users_online,
                MessageType.MY_DEVICES: self._my_devices,
            },
            relayable=RELAYED_PINGS,
            undeliverable={MessageType.PING_BY_SERVER: self._ping_undeliverable},
            logged_on=lambda sender: self._tell_other_devices(sender.name, True),
            logged_off=lambda source: self._tell_other_devices(source, False),
        )

    def _heartbeat(self, sender: Any, message_id: int, body: bytes) -> None:
        if self._server.options.auto_respond_heartbeat:
            sender.reply(MessageType.HEARTBEAT, b"", message_id)

    def _ping(self, sender: Any, message_id: int, body: bytes) -> None:
        sender.reply(MessageType.PING_ANSWER, b"", message_id)

    def _ping_undeliverable(
        self, sender: Any, target: str, message_id: int, body: bytes, reason: RequestFailure
    ) -> None:
        sender.request_failed(message_id, reason, reason.name.lower().replace("_", " "))

    def _my_endpoint(self, sender: Any, message_id: int, body: bytes) -> None:
        sender.reply(MessageType.MY_ENDPOINT, ENDPOINT.encode(EndpointBody(*sender.address)), message_id)

    def _kick_out(self, sender: Any, message_id: int, body: bytes) -> None:
        target = KICK_OUT.decode(body).user_be_kicked_out
        if not self._may(sender, message_id, "kick_out", target, self._is_administrator(sender)):
            return
        if not self._server.users.is_online(target):
            sender.request_failed(message_id, RequestFailure.TARGET_ABSENT, f"{target!r} is not online")
            return
        # Confirmed first: who kicks itself out hears of nothing afterwards.
        if sender.is_ours:
            sender.reply(MessageType.KICK_OUT, b"", message_id)
        self.kick_out(target)

    def _all_online_users(self, sender: Any, message_id: int, body: bytes) -> None:
        allowed = self._may(sender, message_id, "list_users", None, True)
        if allowed or not sender.is_ours:
            users = self._server.users.ids() if allowed else []
            self._reply(sender, MessageType.ALL_ONLINE_USERS, USER_LIST.encode(UserListBody(users)), message_id)

    def _is_user_online(self, sender: Any, message_id: int, body: bytes) -> None:
        online = self._server.users.is_online(USER.decode(body).user_id)
        sender.reply(MessageType.IS_USER_ONLINE, ONLINE.encode(OnlineBody(online)), message_id)

    def _are_users_online(self, sender: Any, message_id: int, body: bytes) -> None:
        users = self._server.users
        online = {name: users.is_online(name) for name in NAMES.decode(body)}
        self._reply(sender, MessageType.ARE_USERS_ONLINE, NAMES_ONLINE.encode(online), message_id)

    def _user_endpoint(self, sender: Any, message_id: int, body: bytes) -> None:
        target = USER.decode(body).user_id
        if bare_id(target) == sender.name or self._is_administrator(sender):
            self._answer_endpoint(True, sender, message_id, target)
            return
        contact = self._is_contact(sender.name, bare_id(target))
        if isinstance(contact, Deferred):
            contact.addCallback(self._answer_endpoint, sender, message_id, target)
            contact.addErrback(lambda failure: _log.failure("an endpoint could not be told", failure))
        else:
            self._answer_endpoint(contact, sender, message_id, target)

    def _answer_endpoint(self, by_default: bool, sender: Any, message_id: int, target: str) -> None:
        allowed = self._may(sender, message_id, "user_endpoint", target, by_default)
        if allowed or not sender.is_ours:
            address = self._server.users.address_of(target) if allowed else None
            reply = EndpointBody(None, 0) if address is None else EndpointBody(*address)
            sender.reply(MessageType.USER_ENDPOINT, ENDPOINT.encode(reply), message_id)

    def _is_contact(self, user_id: str, of: str) -> bool | Deferred[bool]:
        try:
            contacts = self._server.manager("contacts")
        except PluginError:
            # A server may do without contacts; then nobody is one.
            return False
        known: bool | Deferred[bool] = contacts.knows(of, str(user_id))
        return known

    def _my_devices(self, sender: Any, message_id: int, body: bytes) -> None:
        devices = [user.device for user in self._server.users.devices_of(sender.name)]
        sender.reply(MessageType.MY_DEVICES, DEVICES.encode(devices), message_id)

    def _tell_other_devices(self, source: Source | None, online: bool) -> None:
        if source is None:
            return
        notice = DEVICE_NOTICE.encode(DeviceNoticeBody(source.device, online))
        for connection in self._server.users.find_all(source):
            knows = connection.is_ours or connection.layout.profile.generation == 7
            if connection.login_id != source.login_id and knows:
                connection.send(MessageType.DEVICE_NOTICE, notice)

    @staticmethod
    def _reply(sender: Any, message_type: MessageType, body: bytes, message_id: int) -> None:
        # Lists grow with the number of users, and a message has its limit.
        try:
            sender.reply(message_type, body, message_id)
        except EncodeError as error:
            _log.warn("{sender} cannot be answered: {error}", sender=sender.name, error=str(error))
            sender.request_failed(message_id, RequestFailure.TOO_LONG, str(error))

    def _is_administrator(self, sender: Any) -> bool:
        return bool(self._server.is_administrator(sender.name))

    def _may(self, sender: Any, message_id: int, action: str, target: str | None, by_default: bool) -> bool:
        # The hook knows users, not their devices.
        user = None if target is None else bare_id(target)
        if self._server.permit(action, sender.name, user, lambda: by_default):
            return True
        sender.request_failed(message_id, RequestFailure.NOT_ALLOWED, f"{action} is not permitted to {sender.name!r}")
        return False
