"""The client's half of custom information."""

from __future__ import annotations

from typing import Any

from esframework.errors import NotDelivered
from esframework.interfaces import IContext, Registrations
from esframework.machines.blobs import BlobAssembler
from esframework.managers.custom.attachments.contracts import ATTACHMENTS
from esframework.managers.custom.attachments.sending import Way
from esframework.managers.custom.receiving import Custom
from esframework.net.channels import BLOBS
from esframework.plugins.hooks import Event
from esframework.wire.login_id import Source
from esframework.wire.types import MessageType, RequestFailure

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

    def __init__(self, client: IContext) -> None:
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
            logged_off=self._connection_lost,
            sweep=self.sweep,
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

    def _connection_lost(self, _: Source | None) -> None:
        # What was unfinished will not be finished on the next connection: its fragments are gone.
        self._blobs = BlobAssembler()
        self._messages = BlobAssembler()
        self._echoes = BlobAssembler()
        self._incoming_attachments.forget_all()

    def _attachment_ways(self, target: str | None, information_type: int) -> list[Way]:
        way = self._client.channel(target)
        if not self._client.manager("basic").server_has(ATTACHMENTS):
            text = f"the server does not know attachments; that of type {information_type} was not sent"
            raise NotDelivered(text, target, information_type, RequestFailure.TYPE_UNKNOWN_TO_TARGET)
        return [(way, target)]
