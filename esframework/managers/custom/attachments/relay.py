"""What a server does with attachments that go from client to client: their information passes the filters, the offer
says how many devices got it, and whoever has nobody to talk to is told. The pieces pass unread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from esframework.interfaces import IServerContext, Undeliverable
from esframework.managers.custom.attachments.contracts import (
    OFFER,
    WITHDRAWAL,
    OfferBody,
    WithdrawalBody,
    decode_offer,
)
from esframework.wire.types import MessageType, RequestFailure

RELAYABLE = frozenset(
    {
        MessageType.ATTACHMENT_OFFERED,
        MessageType.ATTACHMENT_GRANTED,
        MessageType.ATTACHMENT_PIECE,
        MessageType.ATTACHMENT_ENDED,
        MessageType.ATTACHMENT_RECEIVED,
        MessageType.ATTACHMENT_REFUSED,
        MessageType.ATTACHMENT_WITHDRAWN,
    }
)


class AttachmentRelay:
    """The relayed offers of one server; `watch(sender, target, offer)` gives an offer as filters leave it, or None."""

    def __init__(self, server: IServerContext, watch: Callable[[Any, str, OfferBody], OfferBody | None]) -> None:
        self._server = server
        self._watch = watch

    def inspect(self, sender: Any, target: str, body: bytes) -> bytes | None:
        """See `IRouter.inspect`."""
        offer = self._watch(sender, target, decode_offer(body))
        if offer is None:
            return None
        receivers = self._server.users.find_all(target, sender.layout.profile)
        return OFFER.encode(replace(offer, devices=sum(receiver.is_ours for receiver in receivers)))

    def undeliverable(self) -> dict[int, Undeliverable]:
        """Message type to method, for the registrations."""
        return {
            MessageType.ATTACHMENT_OFFERED: _tell_sender,
            MessageType.ATTACHMENT_PIECE: _tell_sender,
            MessageType.ATTACHMENT_ENDED: _tell_sender,
            MessageType.ATTACHMENT_GRANTED: _tell_receiver,
            MessageType.ATTACHMENT_RECEIVED: _tell_receiver,
        }


def _tell_sender(sender: Any, target: str, message_id: int, body: bytes, reason: RequestFailure) -> None:
    sender.request_failed(message_id, reason, reason.name.lower().replace("_", " "))


def _tell_receiver(sender: Any, target: str, message_id: int, body: bytes, reason: RequestFailure) -> None:
    # The number is the other's: a 1001 would be taken for the end of a request of the receiver's own.
    if sender.is_ours:
        gone = WITHDRAWAL.encode(WithdrawalBody(f"the sender is gone: {reason.name.lower().replace('_', ' ')}"))
        sender.reply_as(target, MessageType.ATTACHMENT_WITHDRAWN, gone, message_id)
