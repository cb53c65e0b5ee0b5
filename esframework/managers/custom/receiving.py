"""What happens to custom information that arrives; the same on a server and on a client. Sending is `sending`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework.errors import EncodeError, HandlerRaised, MalformedBody
from esframework.interfaces import IContext, ISender
from esframework.machines.blobs import BlobAssembler
from esframework.managers.custom.attachments.contracts import AttachmentSent, OfferBody
from esframework.managers.custom.attachments.receiving import Receiving
from esframework.managers.custom.attachments.reception import Attachment
from esframework.managers.custom.attachments.sending import Progress, SendingAttachments, Way
from esframework.managers.custom.contracts import ENGINE_MESSAGE, Information
from esframework.managers.custom.filters import Filters
from esframework.managers.custom.sending import Sending
from esframework.net.threads import hops_to_reactor
from esframework.plugins.hooks import Event
from esframework.plugins.quiet import Quiet
from esframework.wire.blob_fragments import Fragment, decode_fragment
from esframework.wire.information import decode_information, encode_information
from esframework.wire.types import ChannelMode, MessageType

_log = Logger()


class Custom(Sending):
    """Sending, and the handlers for what comes in.

    `message_received(source, information_type, message, tag)` belongs to the second set of calls. `filters` see each
    piece of information before the handler does. `unhandled` counts what came in while there was no handler.

    Of attachments that come in: `attachment_begun(attachment)` when the application has accepted one,
    `attachment_finished(attachment)` when it is whole and where the application wanted it, and
    `attachment_failed(attachment, error)` when it will never be, accepted or not decided about yet.
    """

    def __init__(self, context: IContext) -> None:
        super().__init__(context)
        self.message_received: Event[str | None, int, bytes | None, str | None] = Event("custom.message_received")
        self.filters = Filters(self._filters_changed)
        self._blobs = BlobAssembler()
        self._messages = BlobAssembler()
        self._quiet = Quiet(context.clock)
        self._watched = False
        self._reserved: dict[int, Callable[[Any, bytes | None], None]] = {}
        self.unhandled = 0
        self.attachment_begun: Event[Attachment] = Event("custom.attachment_begun")
        self.attachment_finished: Event[Attachment] = Event("custom.attachment_finished")
        self.attachment_failed: Event[Attachment, Exception] = Event("custom.attachment_failed")
        self._outgoing_attachments = SendingAttachments(context, self._attachment_ways)
        self._incoming_attachments = Receiving(context, self, self._watch_offer, self._count_refusal)

    def handlers(self) -> dict[int, Callable[[Any, int, bytes], None]]:
        """Message type to method, for the registrations."""
        return {
            MessageType.INFORMATION_POSTED: self._information_posted,
            MessageType.INFORMATION: self._information,
            MessageType.QUERY: self._query,
            MessageType.ANSWER: self._answer,
            MessageType.ACKED_INFORMATION: self._acked_information,
            MessageType.ACKNOWLEDGEMENT: self._acknowledgement,
            MessageType.BLOB_FRAGMENT: self._blob_fragment,
            MessageType.ENGINE_MESSAGE: self._engine_message,
            MessageType.ECHOED_MESSAGE: self._engine_message,
            **self._outgoing_attachments.handlers(),
            **self._incoming_attachments.handlers(),
        }

    def sweep(self, now: float) -> None:
        """Forget blobs and attachments that will not be finished."""
        self._blobs.expire(now)
        self._messages.expire(now)
        self._outgoing_attachments.sweep(now)
        self._incoming_attachments.sweep(now)

    def forget(self, login_id: str) -> None:
        """A device is gone: its blobs will not be finished, nor will attachments."""
        self._blobs.forget(login_id)
        self._messages.forget(login_id)
        self._outgoing_attachments.forget(login_id)
        self._incoming_attachments.forget(login_id)

    def _filters_changed(self) -> None:
        self._watched = bool(self.filters)

    # --- attachments --------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def send_attached(
        self,
        target: str | None,
        information_type: int,
        content: bytes | None,
        attachment: Any,
        *,
        size: int | None = None,
        name: str = "",
        timeout: float | None = None,
        progress: Progress | None = None,
        channel: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST,
    ) -> Deferred[AttachmentSent]:
        """Send information with an attachment of any length; fires when the receiver has kept the whole of it.

        The receiver's handler is given `content` as information, and then decides about the attachment
        (`IAttachmentHandler`); its bytes are read and sent only when it is accepted, no faster than the receiver takes
        them, and other messages go between. `attachment` is a path, a binary file (read from where it stands, not
        closed), bytes, or an iterable or asynchronous iterable of bytes. `size` in bytes is needed by nobody, and known
        of paths, files and bytes; the real one must be the same. `name` is shown to the receiver. `timeout` is how many
        seconds the decision may take, None is the engine's, 0 for ever; after it there is none as long as the receiver
        shows that it is alive. `progress(bytes)` is told how many bytes have been kept so far. `channel` as for `send`;
        the receiver's answers come by the way that it has.

        Fails with `AttachmentRefused`, `AttachmentFailed` (the receiver could not keep it), `TargetAbsent`,
        `NotDelivered` (the receiver or the server is none of ours), `ConnectionInterrupted` or `RequestTimeout`, and
        with what reading the attachment raises; the receiver has kept nothing then, unless the connection was lost just
        before it could say so. Cancelling ends it at both ends. InIOCP's custom manager: Post with LoadFromFile.
        """
        return self._outgoing_attachments.send(
            target, information_type, content, attachment, size, name, timeout, progress, channel
        )

    def _attachment_ways(self, target: str | None, information_type: int, mode: ChannelMode) -> list[Way]:
        """The devices of a target that can be offered an attachment; raises a RequestError when there is none."""
        raise NotImplementedError

    def _watch_offer(self, sender: Any, offer: OfferBody) -> OfferBody | None:
        return self._filter_offer(sender, None, offer)

    def _filter_offer(self, sender: Any, target: str | None, offer: OfferBody) -> OfferBody | None:
        if not self._watched:
            return offer
        seen = self._watch(Information(sender.name, target, offer.information_type, offer.content, "attached"))
        return None if seen is None else replace(offer, information_type=seen.information_type, content=seen.content)

    def _count_refusal(self, reason: str) -> None:
        """Something that a peer sent was refused; only servers count."""

    # --- for other managers -------------------------------------------------------------------------------------------
    def reserve(self, information_type: int, take: Callable[[Any, bytes | None], None]) -> None:
        """Information of a type that is sent here goes to `take(sender, content)` and not to the application's handler.

        A query is answered with an empty content before.
        """
        self._reserved[information_type] = take

    def hand_in(
        self,
        sender: Any,
        style: str,
        information_type: int,
        content: bytes | None,
        function: Callable[..., Any],
        answer: Callable[[Any], None],
    ) -> None:
        """Information that came in another way than by a frame: filtered, then handled by `function(source,
        information_type, content)` when it is the sender's turn.

        `answer` gets the result, or a Failure; None for what a filter dropped.
        """
        if self._watched:
            seen = self._watch(Information(sender.name, None, information_type, content, style))
            if seen is None:
                answer(None)
                return
            information_type, content = seen.information_type, seen.content
        self._context.model.run(sender, style, information_type, function, content, answer)

    # --- information --------------------------------------------------------------------------------------------------
    def _information_posted(self, sender: Any, message_id: int, body: bytes) -> None:
        information_type, content = decode_information(body)
        self._handle(sender, "post", information_type, content)

    def _information(self, sender: Any, message_id: int, body: bytes) -> None:
        information_type, content = decode_information(body)
        self._handle(sender, "send", information_type, content)

    def _acked_information(self, sender: Any, message_id: int, body: bytes) -> None:
        information_type, content = decode_information(body)
        sender.reply(MessageType.ACKNOWLEDGEMENT, b"", message_id)
        self._handle(sender, "acked", information_type, content)

    def _handle(self, sender: Any, style: str, information_type: int, content: bytes | None) -> None:
        if self._watched:
            seen = self._watch(Information(sender.name, None, information_type, content, style))
            if seen is None:
                return
            information_type, content = seen.information_type, seen.content
        context = self._context
        handler = context.handler
        if information_type in self._reserved:
            self._reserved[information_type](sender, content)
        elif handler is None:
            self.unhandled += 1
        else:
            context.model.run(sender, style, information_type, handler.handle_information, content)

    def _watch(self, information: Information) -> Information | None:
        return self.filters.apply(information)

    # --- queries ------------------------------------------------------------------------------------------------------
    def _query(self, sender: Any, message_id: int, body: bytes) -> None:
        information_type, content = decode_information(body)
        if self._watched:
            seen = self._watch(Information(sender.name, None, information_type, content, "query"))
            if seen is None:
                sender.reply(MessageType.ANSWER, b"", message_id)
                return
            information_type, content = seen.information_type, seen.content

        def answer(result: object) -> None:
            try:
                sender.reply(MessageType.ANSWER, _answer_body(information_type, result), message_id)
            except EncodeError as error:
                _log.error(
                    "the answer to query {type} cannot be sent: {error}", type=information_type, error=str(error)
                )
                sender.reply(MessageType.ANSWER, b"", message_id)

        handler = self._context.handler
        if information_type in self._reserved:
            sender.reply(MessageType.ANSWER, encode_information(information_type, b""), message_id)
            self._reserved[information_type](sender, content)
        elif handler is None:
            sender.reply(MessageType.ANSWER, b"", message_id)
        else:
            self._context.model.run(sender, "query", information_type, handler.handle_query, content, answer)

    def _answer(self, sender: Any, message_id: int, body: bytes) -> None:
        calls = self._context.calls
        if not body:
            calls.fail(message_id, sender.name, MessageType.ANSWER, handler_raised)
        else:
            calls.answer(message_id, sender.name, MessageType.ANSWER, decode_information(body)[1])

    def _acknowledgement(self, sender: Any, message_id: int, body: bytes) -> None:
        self._context.calls.answer(message_id, sender.name, MessageType.ACKNOWLEDGEMENT, None)

    # --- blobs --------------------------------------------------------------------------------------------------------
    def _blob_fragment(self, sender: Any, message_id: int, body: bytes) -> None:
        fragment = decode_fragment(body)
        content = self._join(self._blobs, sender, fragment)
        if content is not None:
            self._handle(sender, "blob", fragment.information_type, content)

    def _engine_message(self, sender: Any, message_id: int, body: bytes) -> None:
        message = self._whole_message(self._messages, sender, body)
        if message is not None:
            self.message_received.fire(sender.name, *message)

    def _whole_message(
        self, assembler: BlobAssembler, sender: ISender, body: bytes
    ) -> tuple[int, bytes | None, str | None] | None:
        """(information type, message, tag) when a fragment was the last one."""
        fragment = decode_fragment(body)
        payload = self._join(assembler, sender, fragment)
        if payload is None:
            return None
        message = ENGINE_MESSAGE.decode(payload)
        return fragment.information_type, message.message, message.tag

    def _join(self, assembler: BlobAssembler, sender: ISender, fragment: Fragment) -> bytes | None:
        try:
            return assembler.add(sender.login_id, fragment, self._context.clock.seconds())
        except MalformedBody as error:
            # One blob is lost, not the connection: its sender may be over a limit without knowing it.
            if self._quiet.admits(sender.name) is not None:
                _log.info("a blob of {name} was dropped: {error}", name=sender.name, error=str(error))
            return None


def _answer_body(information_type: int, result: object) -> bytes:
    """The body of an answer; empty says that the handler raised (protocol, section 3)."""
    if result is None or isinstance(result, bytes):
        return encode_information(information_type, result)
    if isinstance(result, (bytearray, memoryview)):
        return encode_information(information_type, bytes(result))
    if not isinstance(result, Failure):
        _log.error(
            "handle_query of type {type} returned {kind}; bytes or None expected",
            type=information_type,
            kind=type(result).__name__,
        )
    return b""


def handler_raised(target: str | None, information_type: int) -> HandlerRaised:
    """The error of a query whose handler raised."""
    who = "the server" if target is None else repr(target)
    return HandlerRaised(
        f"the handler of {who} failed for the query of type {information_type}", target, information_type
    )
