"""The receiving end of attachments, the same on a server and on a client: takes frames to the attachment that they are
about, within limits. What becomes of one is `reception`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from esframework import limits
from esframework.errors import AttachmentFailed, ConnectionInterrupted
from esframework.interfaces import IContext
from esframework.managers.custom.attachments.contracts import (
    END,
    WITHDRAWAL,
    OfferBody,
    Refusal,
    decode_offer,
    decode_piece,
)
from esframework.managers.custom.attachments.machine import Broken, OpenAttachments, TooManyOpen
from esframework.managers.custom.attachments.reception import Attachment, Events, Reception, refuse
from esframework.plugins.quiet import Quiet
from esframework.wire.types import MessageType

_log = Logger()


class Receiving:
    """Takes the frames of attachments that come in to their receptions.

    `watch(sender, offer)` gives the offer as filters leave it, or None; `refused(reason)` counts.
    """

    def __init__(
        self,
        context: IContext,
        events: Events,
        watch: Callable[[Any, OfferBody], OfferBody | None],
        refused: Callable[[str], None],
    ) -> None:
        self._context = context
        self._events = events
        self._watch = watch
        self._refused = refused
        self._quiet = Quiet(context.clock)
        self._open: OpenAttachments[Reception] = OpenAttachments()

    def __len__(self) -> int:
        return len(self._open)

    def handlers(self) -> dict[int, Callable[[Any, int, bytes], None]]:
        """Message type to method, for the registrations."""
        return {
            MessageType.ATTACHMENT_OFFERED: self._offered,
            MessageType.ATTACHMENT_PIECE: self._piece,
            MessageType.ATTACHMENT_ENDED: self._ended,
            MessageType.ATTACHMENT_WITHDRAWN: self._withdrawn,
        }

    def sweep(self, now: float) -> None:
        """Give up those whose sender has been silent for too long, and ask those that are silent."""
        for reception in self._open.all():
            if reception.machine.is_silent(now):
                reception.refuse(Refusal.FAILED, f"nothing came for {limits.ATTACHMENT_IDLE_TIMEOUT:g} s")
            elif reception.machine.wants_to_ask(now):
                reception.grant()

    def forget(self, login_id: str) -> None:
        """A sender's device is gone."""
        for reception in self._open.of(login_id):
            reception.lost(_sender_lost(reception.attachment))

    def forget_all(self, is_spared: Callable[[str], bool] = lambda login_id: False) -> None:
        """The connection is lost; those who are spared can be reached without it."""
        for reception in self._open.all():
            if not is_spared(reception.device):
                reception.lost(_sender_lost(reception.attachment))

    # --- frames -------------------------------------------------------------------------------------------------------
    def _offered(self, sender: Any, message_id: int, body: bytes) -> None:
        offer = decode_offer(body)
        device = sender.login_id
        earlier = self._open.find(device, message_id)
        if earlier is not None:
            # A process that has been started anew counts from the beginning.
            earlier.fail(_sender_lost(earlier.attachment))
        seen = self._watch(sender, offer)
        if seen is None:
            refuse(sender, message_id, Refusal.REFUSED, "dropped by a filter", offer.devices)
            return
        handler = self._context.handler
        if handler is None:
            refuse(sender, message_id, Refusal.REFUSED, "the receiver handles nothing", offer.devices)
            return

        def over() -> None:
            self._open.remove(device, message_id, reception)

        reception = Reception(self._context, self._events, self._quiet, sender, message_id, seen, over)
        try:
            self._open.add(device, message_id, reception)
        except TooManyOpen as error:
            self._refused("too_many_attachments")
            refuse(sender, message_id, Refusal.TOO_MANY, str(error), offer.devices)
            return
        reception.offer(handler)

    def _piece(self, sender: Any, message_id: int, body: bytes) -> None:
        offset, content = decode_piece(body)
        self._tell(sender, message_id, lambda reception: reception.piece(offset, content))

    def _ended(self, sender: Any, message_id: int, body: bytes) -> None:
        size = END.decode(body).size
        self._tell(sender, message_id, lambda reception: reception.end(size))

    def _tell(self, sender: Any, message_id: int, what: Callable[[Reception], None]) -> None:
        reception = self._open.find(sender.login_id, message_id)
        if reception is None:
            refuse(sender, message_id, Refusal.UNKNOWN, "the receiver does not know it", 0)
            return
        reception.sender = sender
        try:
            what(reception)
        except Broken as problem:
            self._refused("broken_attachment")
            if self._quiet.admits(sender.name) is not None:
                _log.info("an attachment of {name} was given up: {problem}", name=sender.name, problem=str(problem))
            reception.broken(str(problem))

    def _withdrawn(self, sender: Any, message_id: int, body: bytes) -> None:
        cause = WITHDRAWAL.decode(body).cause
        reception = self._open.find(sender.login_id, message_id)
        if reception is not None:
            attachment = reception.attachment
            reception.lost(AttachmentFailed(f"withdrawn: {cause}", attachment.source, attachment.information_type))


def _sender_lost(attachment: Attachment) -> ConnectionInterrupted:
    who = "the server" if attachment.source is None else repr(attachment.source)
    return ConnectionInterrupted(
        f"the connection was lost after {attachment.received} bytes of an attachment of {who}",
        attachment.source,
        attachment.information_type,
    )
