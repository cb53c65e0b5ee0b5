"""The client's half of custom information."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from esframework.errors import NotDelivered
from esframework.interfaces import IClientContext, ILink, Registrations
from esframework.machines.blobs import BlobAssembler
from esframework.managers.custom.attachments.contracts import ATTACHMENTS
from esframework.managers.custom.attachments.sending import Way
from esframework.managers.custom.receiving import Custom
from esframework.net.channels import BLOBS
from esframework.plugins.hooks import Event
from esframework.wire.types import ChannelMode, MessageType, RequestFailure

_DIRECT = {
    **dict.fromkeys(range(MessageType.INFORMATION_POSTED, MessageType.ENGINE_MESSAGE + 1), BLOBS),
    **dict.fromkeys(range(MessageType.ATTACHMENT_OFFERED, MessageType.ATTACHMENT_WITHDRAWN + 1), BLOBS),
}
"""What may go by a P2P channel. Not what the sender's other devices see as well: of that the server makes copies."""


class ClientCustom(Custom):
    """`client.custom` (manual, chapter 01: ICustomizeOutter).

    `message_echoed(target, information_type, message, tag)`: another device of this account sent a message of the
    second set of calls, and wanted its other devices to see it.
    """

    def __init__(self, client: IClientContext) -> None:
        super().__init__(client)
        self.message_echoed: Event[str, int, bytes | None, str | None] = Event("custom.message_echoed")
        self._echoes = BlobAssembler()
        self._client = client

    def registrations(self) -> Registrations:
        """What this half brings to a client."""
        return Registrations(
            facade=self,
            handlers=self.handlers(),
            addressed={MessageType.MESSAGE_ECHO: self._echo},
            logged_off=lambda _: self._connection_lost(self._is_linked),
            sweep=self.sweep,
            stop=lambda: self._connection_lost(lambda _: False),
            direct=_DIRECT,
        )

    def sweep(self, now: float) -> None:
        """Forget blobs that will not be finished."""
        super().sweep(now)
        self._echoes.expire(now)

    def _echo(self, sender: Any, destination: str, message_id: int, body: bytes) -> None:
        message = self._whole_message(self._echoes, sender, body)
        if message is not None:
            self.message_echoed.fire(destination, *message)

    def _connection_lost(self, is_spared: Callable[[str | None], bool]) -> None:
        # What was unfinished will not be finished on the next connection: its fragments are gone.
        for assembler in (self._blobs, self._messages):
            assembler.forget_all(is_spared)
        self._echoes.forget_all()
        self._incoming_attachments.forget_all(is_spared)
        self._outgoing_attachments.connection_lost(is_spared)

    def _is_linked(self, login_id: str | None) -> bool:
        """Whether a device can be reached without the server."""
        link = self._client.links.get(login_id or "")
        return link is not None and link.outlives_session

    def _attachment_ways(self, target: str | None, information_type: int, mode: ChannelMode) -> list[Way]:
        way = self._client.channel(target, mode)
        # Only ours have channels, and while there is one the server may be away.
        if not ILink.providedBy(way) and not self._client.manager("basic").server_has(ATTACHMENTS):
            text = f"the server does not know attachments; that of type {information_type} was not sent"
            raise NotDelivered(text, target, information_type, RequestFailure.TYPE_UNKNOWN_TO_TARGET)
        return [(way, target)]
