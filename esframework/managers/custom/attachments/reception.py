"""One attachment that comes in: offered to the application, its pieces given to where that wants them, more granted to
the sender as they are taken. Finding it among others is `receiving`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import AttachmentFailed
from esframework.interfaces import IContext
from esframework.managers.custom.attachments.contracts import (
    GRANT,
    REFUSAL,
    TAKES_NO_ATTACHMENTS,
    UNKNOWN_SIZE,
    GrantBody,
    OfferBody,
    Refusal,
    RefusalBody,
)
from esframework.managers.custom.attachments.destinations import Destination, destination_of
from esframework.managers.custom.attachments.machine import Incoming, ReceiverState
from esframework.net.threads import hops_to_reactor
from esframework.plugins.hooks import Event
from esframework.plugins.models import as_deferred, report_failure
from esframework.plugins.quiet import Quiet
from esframework.wire.login_id import Source
from esframework.wire.types import MessageType

FAILED_HERE = "the receiver's handler failed"
"""What a sender hears of an exception: its text stays here."""


class Attachment:
    """What the application sees of an attachment that is offered to it, or that it receives.

    `source` as in `handle_information`; `information_type` and `content` are those of the information before it; `name`
    is what the sender calls it, a text from a stranger that is good for showing and for nothing else; `size` in bytes,
    None when the sender does not know it.
    """

    def __init__(self, reception: Reception, source: Source | None, offer: OfferBody, reactor: Any) -> None:
        self.reactor = reactor
        self._reception = reception
        self.source = source
        self.information_type = offer.information_type
        self.content = offer.content
        self.name = offer.name
        self.size = None if offer.size == UNKNOWN_SIZE else offer.size

    def __repr__(self) -> str:
        size = "?" if self.size is None else self.size
        return f"<Attachment {self.name!r} of {self.source!r}: {self.received} of {size} bytes>"

    @property
    def received(self) -> int:
        """How many bytes have come."""
        return self._reception.machine.received

    @hops_to_reactor
    def cancel(self, cause: str = "cancelled by the receiver") -> None:
        """Take no more of it: nothing is kept, and the sender's call fails with `AttachmentRefused`.

        Harmless when all of it is here, or when it is over.
        """
        self._reception.cancel(cause)


class Events(Protocol):
    """What is told of attachments that come in; see `Custom`."""

    attachment_begun: Event[Attachment]
    attachment_finished: Event[Attachment]
    attachment_failed: Event[Attachment, Exception]


class _Decision(NamedTuple):
    """What the application answered, wrapped: its Deferred must not hold up the messages behind it."""

    where: Any


class Reception:
    """One attachment that comes in: the machine, its sender, and where it goes."""

    def __init__(
        self,
        context: IContext,
        events: Events,
        quiet: Quiet,
        sender: Any,
        number: int,
        offer: OfferBody,
        over: Callable[[], None],
    ) -> None:
        self.machine = Incoming(offer.size, context.clock.seconds())
        self.attachment = Attachment(self, sender.name, offer, context.clock)
        self._context = context
        self._events = events
        self._quiet = quiet
        self.sender = sender
        """Whoever sent what came last: it may come by another way now."""
        self.device: str = sender.login_id
        self._number = number
        self._devices = offer.devices
        self._over = over
        self._deciding: Deferred[Any] | None = None
        self._destination: Destination | None = None
        self._pieces: list[bytes] = []
        self._writing: Deferred[None] | None = None
        self._was_offered = False

    # --- the decision -------------------------------------------------------------------------------------------------
    def offer(self, handler: Any) -> None:
        """Let the application handle the information, and then decide about the attachment."""
        self._run("attached", handler.handle_information, self.attachment.content, lambda _: self._ask(handler))

    def _ask(self, handler: Any) -> None:
        offered = getattr(handler, "attachment_offered", None)
        if offered is None:
            self.refuse(Refusal.REFUSED, TAKES_NO_ATTACHMENTS)
            return

        def ask(source: Source | None, information_type: int, _: bytes | None) -> _Decision:
            return _Decision(offered(source, information_type, self.attachment))

        self._was_offered = True
        self._run("attachment", ask, None, self._answered)

    def _run(
        self, style: str, function: Callable[..., Any], content: bytes | None, then: Callable[[Any], None]
    ) -> None:
        def answered(result: Any) -> None:
            if isinstance(result, Failure):
                self.refuse(Refusal.REFUSED, FAILED_HERE)
            elif self.machine.state is ReceiverState.WANT_DECISION:
                then(result)

        information_type = self.attachment.information_type
        self._context.model.run(self.sender, style, information_type, function, content, answered)

    def _answered(self, decision: _Decision) -> None:
        self._deciding = waiting = as_deferred(decision.where) or succeed(decision.where)
        waiting.addCallback(self._decided).addErrback(self._decision_failed)

    def _decision_failed(self, failure: Failure) -> None:
        if self.machine.is_over and failure.check(CancelledError):
            return
        report_failure(self._quiet, failure, "attachment", self.attachment.information_type)
        self.refuse(Refusal.REFUSED, FAILED_HERE)

    def _decided(self, where: Any) -> None:
        if self.machine.is_over:
            return
        if where is None or isinstance(where, str):
            self._was_offered = False
            self.refuse(Refusal.REFUSED, where or "not wanted")
            return
        self._destination = destination = destination_of(where, self._context.clock)
        self._deciding = opening = Deferred.fromCoroutine(destination.open())
        opening.addCallbacks(self._opened, self._destination_failed)

    def _opened(self, _: None) -> None:
        if self.machine.is_over:
            return
        self._deciding = None
        self.machine.accept(self._context.clock.seconds())
        self._events.attachment_begun.fire(self.attachment)
        if not self.machine.is_over:
            self.grant()

    # --- the stream ---------------------------------------------------------------------------------------------------
    def piece(self, offset: int, content: bytes) -> None:
        """A piece came, or a question whether this end is there."""
        is_question = self.machine.piece(offset, len(content), self._context.clock.seconds())
        if is_question:
            self.grant()
        elif content and not self.machine.is_over:
            if self._pieces and len(self._pieces[-1]) + len(content) <= limits.ATTACHMENT_PIECE:
                # An object for each byte would take forty times its place.
                self._pieces[-1] += content
            else:
                self._pieces.append(content)
            self._go_on()

    def end(self, size: int) -> None:
        """The sender says that this was all."""
        self.machine.end(size, self._context.clock.seconds())
        self._go_on()

    def _go_on(self) -> None:
        """Give the destination what has come, and let it finish when that was all."""
        if self._writing is not None or self.machine.is_over or self._destination is None:
            return
        if self._pieces:
            count = self._destination.appetite
            pieces, self._pieces = self._pieces[:count], self._pieces[count:]
            step, then = self._destination.write(pieces), lambda _: self._written(sum(map(len, pieces)))
        elif self.machine.is_whole:
            step, then = self._destination.finish(), lambda _: self._finished()
        else:
            return
        self._writing = Deferred.fromCoroutine(step)
        self._writing.addCallbacks(then, self._destination_failed)

    def _written(self, length: int) -> None:
        self._writing = None
        if self.machine.take(length, self._context.clock.seconds()):
            self.grant()
        self._go_on()

    def _finished(self) -> None:
        if self.machine.close():
            self._over()
            self.sender.reply(MessageType.ATTACHMENT_RECEIVED, b"", self._number)
            self._events.attachment_finished.fire(self.attachment)

    def grant(self) -> None:
        """Tell the sender how far it may go."""
        body = GRANT.encode(GrantBody(self.machine.granted))
        self.sender.reply(MessageType.ATTACHMENT_GRANTED, body, self._number)

    # --- the end that nobody wanted -----------------------------------------------------------------------------------
    def cancel(self, cause: str) -> None:
        """The application wants no more of it, unless all of it is here."""
        if self.machine.state is not ReceiverState.WANT_CONSUMER:
            self.refuse(Refusal.REFUSED, cause)

    def refuse(self, reason: Refusal, cause: str, error: Exception | None = None) -> None:
        """This end does not take it, or no more of it; the sender is told `cause`, the application `error`."""
        if self.fail(error or AttachmentFailed(cause, self.attachment.source, self.attachment.information_type)):
            refuse(self.sender, self._number, reason, cause, self._devices)

    def lost(self, error: Exception) -> None:
        """Nothing more will come. What is here as a whole is finished all the same."""
        if self.machine.state is not ReceiverState.WANT_CONSUMER:
            self.fail(error)

    def broken(self, problem: str) -> None:
        """The sender's frames made no sense: the machine is over already, and the rest is cleared away."""
        error = AttachmentFailed(problem, self.attachment.source, self.attachment.information_type)
        self._clear_away(error)
        refuse(self.sender, self._number, Refusal.FAILED, problem, self._devices)

    def fail(self, error: Exception) -> bool:
        """Give it up; False when it was over already."""
        if not self.machine.close():
            return False
        self._clear_away(error)
        return True

    def _clear_away(self, error: Exception) -> None:
        self._over()
        self._pieces = []
        if self._deciding is not None:
            self._deciding.cancel()
        if self._writing is not None:
            self._writing.cancel()
        if self._destination is not None:
            self._destination.fail(error)
        if self._was_offered:
            self._events.attachment_failed.fire(self.attachment, error)

    def _destination_failed(self, failure: Failure) -> None:
        if self.machine.is_over:
            return
        report_failure(self._quiet, failure, "attachment", self.attachment.information_type)
        error = failure.value if isinstance(failure.value, Exception) else None
        self.refuse(Refusal.FAILED, "the receiver could not keep it", error)


def refuse(sender: Any, number: int, reason: Refusal, cause: str, devices: int) -> None:
    """Tell a sender that its attachment is not taken, or no more of it."""
    body = REFUSAL.encode(RefusalBody(cause[: limits.MAX_ATTACHMENT_CAUSE], devices, reason))
    sender.reply(MessageType.ATTACHMENT_REFUSED, body, number)
