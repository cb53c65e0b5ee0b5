"""The client's half of the basic functions, and what the server says of itself and of requests that fail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred

from esframework.errors import NotDelivered, NotPermitted, RequestError, TargetAbsent, request_label
from esframework.interfaces import IContext, Registrations
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
    KickOutBody,
    UserBody,
)
from esframework.net.threads import hops_to_reactor
from esframework.plugins.asking import Asking, from_server
from esframework.plugins.hooks import Event
from esframework.wire.contracts import FEATURES, REQUEST_FAILED, STREAM_FLOW, FeaturesBody
from esframework.wire.identity import name_list
from esframework.wire.login_id import Source
from esframework.wire.types import MessageType, RequestFailure


class ClientBasic(Asking):
    """`client.basic` (manual, chapter 02: IBasicOutter).

    Every call fails with a `RequestError`: time-out, connection lost, `NotPermitted`. `being_kicked_out` and
    `being_pushed_out` are told when the session has ended for that reason; no reconnect follows.
    `device_online(device)` and `device_offline(device)` are about other devices of this account, by their number
    (`wire.devices`).
    """

    _feature = "basic"

    def __init__(self, client: IContext) -> None:
        super().__init__(client)
        self.being_kicked_out: Event[()] = Event("basic.being_kicked_out")
        self.being_pushed_out: Event[()] = Event("basic.being_pushed_out")
        self.device_online: Event[int] = Event("basic.device_online")
        self.device_offline: Event[int] = Event("basic.device_offline")
        self.server_features: FeaturesBody | None = None

    def server_has(self, feature: str) -> bool:
        """Whether the server announced a feature, such as a manager's name; only servers of ours announce any."""
        return self.server_features is not None and feature in self.server_features.features

    # --- calls --------------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def all_online_users(self) -> Deferred[list[str]]:
        """Everybody online at this server; for demos and tests, since the list may outgrow a message."""
        return self._ask(MessageType.ALL_ONLINE_USERS, b"").addCallback(lambda body: USER_LIST.decode(body).user_list)

    @hops_to_reactor
    def my_endpoint(self) -> Deferred[tuple[str, int]]:
        """(host, port) of this client as the server sees it: usually behind a NAT."""
        asked: Deferred[Any] = self._ask(MessageType.MY_ENDPOINT, b"").addCallback(_endpoint)
        return asked

    @hops_to_reactor
    def user_endpoint(self, user_id: str) -> Deferred[tuple[str, int] | None]:
        """(host, port) of a user as the server sees it, None when not online."""
        return self._ask(MessageType.USER_ENDPOINT, USER.encode(UserBody(user_id))).addCallback(_endpoint)

    @hops_to_reactor
    def is_user_online(self, user_id: str) -> Deferred[bool]:
        """Whether a user is online."""
        asked = self._ask(MessageType.IS_USER_ONLINE, USER.encode(UserBody(user_id)))
        return asked.addCallback(lambda body: ONLINE.decode(body).online)

    @hops_to_reactor
    def are_users_online(self, user_ids: Iterable[str]) -> Deferred[dict[str, bool]]:
        """Which of the users are online."""
        names = name_list(user_ids, "user_ids")
        return self._ask(MessageType.ARE_USERS_ONLINE, NAMES.encode(names)).addCallback(NAMES_ONLINE.decode)

    @hops_to_reactor
    def my_devices(self) -> Deferred[list[int]]:
        """This account's devices that are online, this one included, by their numbers (`wire.devices`)."""
        return self._ask(MessageType.MY_DEVICES, b"").addCallback(DEVICES.decode)

    @hops_to_reactor
    def kick_out(self, user_id: str) -> Deferred[None]:
        """Have the server end a user's session.

        Fires when it is done; fails with `NotPermitted` or `TargetAbsent`. A server that is not ours does not answer:
        there it fires at once.
        """
        body = KICK_OUT.encode(KickOutBody(user_id))
        if self.server_features is None:
            self._client.channel(None).send(MessageType.KICK_OUT, body)
            done: Deferred[None] = Deferred()
            done.callback(None)
            return done
        return self._ask(MessageType.KICK_OUT, body).addCallback(lambda _: None)

    @hops_to_reactor
    def ping(self, target: str | None = None) -> Deferred[float]:
        """Seconds that a message takes to the server and back, or to another user by way of the server."""
        began = self._client.clock.seconds()
        asked = self._ask(MessageType.PING_BY_SERVER, b"", target, answer=MessageType.PING_ANSWER)
        return asked.addCallback(lambda _: self._client.clock.seconds() - began)

    @hops_to_reactor
    def send_heartbeat(self) -> None:
        """Tell the server that we are alive; the engine does that by itself."""
        self._client.channel(None).send(MessageType.HEARTBEAT, b"")

    # --- what comes in ------------------------------------------------------------------------------------------------
    def registrations(self) -> Registrations:
        """What this half brings to a client."""
        answers = (
            MessageType.ALL_ONLINE_USERS,
            MessageType.MY_ENDPOINT,
            MessageType.USER_ENDPOINT,
            MessageType.IS_USER_ONLINE,
            MessageType.ARE_USERS_ONLINE,
            MessageType.MY_DEVICES,
            MessageType.KICK_OUT,
            MessageType.PING_ANSWER,
        )
        return Registrations(
            facade=self,
            handlers={
                **self._answerers(answers),
                MessageType.PING_BY_SERVER: self._ping,
                MessageType.HEARTBEAT: _ignore,
                MessageType.KICKED_OUT: self._kicked_out,
                MessageType.PUSHED_OUT: self._pushed_out,
                MessageType.FEATURES: self._features,
                MessageType.REQUEST_FAILED: self._request_failed,
                MessageType.STREAM_FLOW: self._stream_flow,
                MessageType.DEVICE_NOTICE: from_server(self._device_notice),
            },
            logged_off=self._connection_lost,
        )

    def _ping(self, sender: Any, message_id: int, body: bytes) -> None:
        sender.reply(MessageType.PING_ANSWER, b"", message_id)

    def _kicked_out(self, sender: Any, message_id: int, body: bytes) -> None:
        if sender.name is None:
            sender.session_ended("kicked out")
            self.being_kicked_out.fire()

    def _pushed_out(self, sender: Any, message_id: int, body: bytes) -> None:
        if sender.name is None:
            sender.session_ended("pushed out by a newer log-on of the same account")
            self.being_pushed_out.fire()

    def _features(self, sender: Any, message_id: int, body: bytes) -> None:
        if sender.name is None:
            self.server_features = FEATURES.decode(body)
            sender.features_known()

    def _device_notice(self, body: bytes) -> None:
        notice = DEVICE_NOTICE.decode(body)
        (self.device_online if notice.online else self.device_offline).fire(notice.client_type)

    def _stream_flow(self, sender: Any, message_id: int, body: bytes) -> None:
        if sender.name is None:
            flow = STREAM_FLOW.decode(body)
            sender.flow_changed(flow.user_id, flow.is_ready)

    def _request_failed(self, sender: Any, message_id: int, body: bytes) -> None:
        if sender.name is not None:
            return
        failed = REQUEST_FAILED.decode(body)

        def why(target: str | None, request_type: int) -> RequestError:
            who = "the server" if target is None else repr(target)
            text = f"{request_label(request_type)} to {who} failed: {failed.detail}"
            error: RequestError
            if failed.reason == RequestFailure.NOT_ALLOWED:
                error = NotPermitted(text, target, request_type)
            elif failed.reason == RequestFailure.TARGET_ABSENT:
                if target is not None:
                    text = f"{target!r} is not online; {request_label(request_type)} was not delivered"
                error = TargetAbsent(text, target, request_type)
            else:
                error = NotDelivered(text, target, request_type, failed.reason)
            error.cause = failed.detail
            return error

        self._client.calls.refuse(message_id, why)

    def _connection_lost(self, _: Source | None) -> None:
        self.server_features = None


def _endpoint(body: bytes) -> tuple[str, int] | None:
    endpoint = ENDPOINT.decode(body)
    return None if endpoint.ip is None else (endpoint.ip, endpoint.port)


def _ignore(sender: Any, message_id: int, body: bytes) -> None:
    """A server that echoes heartbeats tells nothing new by it."""
