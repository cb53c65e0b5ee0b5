"""What clients of another make ask about P2P: they tell where they are (401), ask where others are (402), and how they
are seen (405), the last by UDP as well. Their invitations (403, 404) and tests (408) are relayed like any frame.

Knows nothing of channels between clients of ours.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from esframework import limits
from esframework.errors import InvalidMessage, PluginError, RendezvousRefused
from esframework.interfaces import Handler, IServerContext
from esframework.managers.p2p.foreign_contracts import (
    MY_P2P_ADDRESS,
    P2P_ADDRESS_ANSWER,
    P2P_ADDRESS_OF,
    PUBLIC_ENDPOINT,
    P2PAddressAnswer6,
    P2PAddressAnswer7,
    P2PAddressOf6,
    P2PAddressOf7,
    PublicEndpointBody,
)
from esframework.rudp.paths import Address
from esframework.wire.frames import FIXED, Layout, layout_of
from esframework.wire.login_id import bare_id
from esframework.wire.profile import PROFILES_BY_TOKEN
from esframework.wire.types import SERVER_ID, MessageType

_log = Logger()


class Foreigners:
    """Answers them. Guarded by the permission hook: `p2p_address` (default: oneself, the user's contacts and
    administrators, as for the endpoint that the server sees)."""

    def __init__(self, server: IServerContext) -> None:
        self._server = server
        self.handlers: dict[int, Handler] = {
            MessageType.MY_P2P_ADDRESS: self._my_address,
            MessageType.P2P_ADDRESS_OF: self._address_of,
            MessageType.MY_PUBLIC_ENDPOINT: self._my_endpoint,
        }

    # --- on the log-on connection -----------------------------------------------------------------------------------
    def _my_address(self, sender: Any, message_id: int, body: bytes) -> None:
        address = MY_P2P_ADDRESS.decode(body).p2p_address
        hosts = () if address is None else (address.private_ip, address.public_ip)
        if address is None or any(len(host or "") > limits.MAX_P2P_HOST for host in hosts):
            self._server.refuse("p2p_address")
        else:
            self._server.users.set_p2p_address(sender.login_id, address)

    def _my_endpoint(self, sender: Any, message_id: int, body: bytes) -> None:
        sender.reply(
            MessageType.MY_PUBLIC_ENDPOINT, PUBLIC_ENDPOINT.encode(PublicEndpointBody(*sender.address)), message_id
        )

    def _address_of(self, sender: Any, message_id: int, body: bytes) -> None:
        asked = P2P_ADDRESS_OF[sender.layout.profile.generation].decode(body)
        friend = bare_id(asked.friend_id)
        if friend == sender.name or self._server.is_administrator(sender.name):
            self._answer(True, sender, message_id, asked)
            return
        contact = self._is_contact(sender.name, friend)
        if isinstance(contact, Deferred):
            contact.addCallback(self._answer, sender, message_id, asked)
            contact.addErrback(lambda failure: _log.failure("a P2P address could not be told", failure))
        else:
            self._answer(contact, sender, message_id, asked)

    def _answer(self, by_default: bool, sender: Any, message_id: int, asked: P2PAddressOf6) -> None:
        friend = bare_id(asked.friend_id)
        allowed = self._server.permit("p2p_address", sender.name, friend, lambda: by_default)
        user = self._device(asked) if allowed and self._server.router.admits(sender.name, friend) else None
        address = None if user is None else user.p2p_address
        answer = P2PAddressAnswer6(p2p_address=address, user_id=asked.friend_id)
        if isinstance(asked, P2PAddressOf7):
            device = asked.client_type if user is None else user.device
            answer = P2PAddressAnswer7(p2p_address=address, user_id=asked.friend_id, client_type=device)
        codec = P2P_ADDRESS_ANSWER[sender.layout.profile.generation]
        sender.reply(MessageType.P2P_ADDRESS_OF, codec.encode(answer), message_id)

    def _device(self, asked: P2PAddressOf6) -> Any:
        """The user's device that is asked for, if it has told its address; else one that has."""
        devices = [user for user in self._server.users.devices_of(asked.friend_id) if user.p2p_address is not None]
        if isinstance(asked, P2PAddressOf7):
            devices.sort(key=lambda user: user.device != asked.client_type)
        return devices[0] if devices else None

    def _is_contact(self, user_id: str, of: str) -> bool | Deferred[bool]:
        try:
            contacts = self._server.manager("contacts")
        except PluginError:
            # A server may do without contacts; then nobody is one.
            return False
        known: bool | Deferred[bool] = contacts.knows(of, str(user_id))
        return known

    # --- by UDP -----------------------------------------------------------------------------------------------------
    def datagram(self, datagram: bytes, source: Address) -> bytes:
        """The answer to a 405 that came by UDP from where its user is logged on; it is longer than the question.

        Raises RendezvousRefused for everything else, so that nobody can have answers sent to others.
        """
        layout = _layout(datagram)
        _, client_type, message_type, message_id, length, user_field, _ = layout.unpack(datagram)
        if message_type != MessageType.MY_PUBLIC_ENDPOINT or length:
            raise RendezvousRefused("foreign_type")
        try:
            user_id = layout.id_of(user_field)
        except InvalidMessage:
            raise RendezvousRefused("foreign_header") from None
        if source[0] not in (user.address[0] for user in self._server.users.devices_of(user_id)):
            raise RendezvousRefused("foreign_without_session")
        return layout.encode(
            message_type,
            PUBLIC_ENDPOINT.encode(PublicEndpointBody(*source)),
            layout.field(SERVER_ID),
            user_field,
            message_id,
            layout.profile.server_client_type,
        )


def _layout(datagram: bytes) -> Layout:
    """How the header that fills a whole datagram is laid out; raises RendezvousRefused when it is none."""
    profile = PROFILES_BY_TOKEN.get(datagram[0]) if datagram else None
    if profile is None:
        raise RendezvousRefused("kind")
    field_size = (len(datagram) - FIXED) // 2 - 1
    if len(datagram) % 2 or field_size not in profile.field_sizes():
        raise RendezvousRefused("foreign_header")
    return layout_of(profile, field_size)
