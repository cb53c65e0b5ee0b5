"""`files`, what a server and a client have in common: what applications and managers call and hear. What goes out is
`outgoing`, what comes in `incoming`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from esframework.filesystem.partials import Partial
from esframework.interfaces import IContext
from esframework.managers.files.contracts import PROJECT
from esframework.managers.files.incoming import Incoming
from esframework.managers.files.offer import Offer
from esframework.managers.files.options import SendingParameters
from esframework.managers.files.outgoing import Outgoing
from esframework.managers.files.receiving import Reception
from esframework.managers.files.reports import Reports
from esframework.managers.files.sending import Transmission
from esframework.managers.files.this_end import ThisEnd
from esframework.managers.files.transfer import Progress, Transfer
from esframework.managers.files.unknown import Unknown
from esframework.net.threads import hops_to_reactor
from esframework.plugins.hooks import Event, Subscription
from esframework.wire.types import MessageType

_log = Logger()

VIEWS: Final = frozenset({MessageType.FILE_PACKAGE})
"""Types whose bodies handlers take as they lie in the read."""


class Files:
    """Sends and receives files and folders (manual, chapter 03: IBaseFileController).

    Events: `offered(Offer)`, `answered(Transfer, agreed)`; in `sending` and in `receiving`: `started`, `resumed`,
    `progress`, `completed`, `interrupted` (see `TransferEvents`).
    """

    def __init__(self, context: IContext, end: ThisEnd, wall_clock: Callable[[], float]) -> None:
        self.reactor: Any = context.clock
        self.offered: Event[Offer] = Event("files.offered")
        self._clock = context.clock
        self._end = end
        self._claims: list[Callable[[Offer], bool]] = []
        self._reports = Reports()
        self._unknown = Unknown(context.clock, end)
        self._outgoing = Outgoing(context, end, self._reports)
        self._incoming = Incoming(context, end, self._reports, self._unknown, self._ask, wall_clock)

    @property
    def answered(self) -> Event[Transfer, bool]:
        """A receiver has decided."""
        return self._reports.answered

    @property
    def sending(self) -> Any:
        """`TransferEvents` of what is sent."""
        return self._reports.sending

    @property
    def receiving(self) -> Any:
        """`TransferEvents` of what is received."""
        return self._reports.receiving

    @hops_to_reactor
    def send(
        self,
        target: str | None,
        path: str | os.PathLike[str],
        comment: str | None = None,
        *,
        parameters: SendingParameters | None = None,
        follow_links: bool = False,
        name: str | None = None,
        subject: str = "",
        beneath: Path | None = None,
    ) -> Deferred[Transfer]:
        """Offer a file or folder to a user, or with None to the server (manual: BeginSendFile).

        Fires with the `Transfer` when the offer is on its way; `await transfer.done()` then waits for its end. Fails
        with OSError or `SourceRefused` for what cannot be read, `NotLoggedOn`, and on a server `TargetAbsent`. That a
        user is not there a client hears later: the transfer is interrupted with OTHER_OFFLINE. `name` is what the
        receiver sees instead of the path's own; `subject` is for managers that send on their own account. With
        `beneath`, a folder that the path must be in, no link is followed below that, whoever plants one. Cancelling
        gives up looking at what is to be sent; once it is offered, `transfer.cancel` ends it.
        """
        return self._outgoing.send(target, path, comment, parameters, follow_links, name, subject, beneath)

    # --- offers -------------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def claim(self, callback: Callable[[Offer], bool]) -> Subscription:
        """For managers: `callback(offer)` sees offers before the application, and returns True for those it decides."""
        self._claims.append(callback)
        return Subscription(self._claims, callback, None)

    @hops_to_reactor
    def pass_on(self, offer: Offer) -> None:
        """For managers: one that was claimed is the application's to decide, after all."""
        self.offered.fire(offer)
        if not self.offered:
            offer.refuse("the receiver takes no files")

    def _ask(self, offer: Offer) -> bool:
        for claim in tuple(self._claims):
            try:
                if claim(offer):
                    return True
            except Exception:
                _log.failure("whoever was to decide about {offer} failed", offer=repr(offer))
                offer.refuse("the receiver's program failed")
                return True
        self.offered.fire(offer)
        return bool(self.offered)

    # --- what is under way --------------------------------------------------------------------------------------------
    @hops_to_reactor
    def transfers(self) -> list[Transfer]:
        """All that are not over (manual: GetTransferingAbout)."""
        return [each.transfer for each in self._all()]

    @hops_to_reactor
    def transfers_with(self, user_id: str | None) -> list[Transfer]:
        """Those with one user, None is the server."""
        return [each.transfer for each in self._all() if each.transfer.other == user_id]

    @hops_to_reactor
    def transfer(self, transfer_id: str) -> Transfer | None:
        """One that is not over (manual: GetTransferingProject)."""
        found = self._find(transfer_id)
        return None if found is None else found.transfer

    @hops_to_reactor
    def get_progress(self, transfer_id: str) -> Progress | None:
        """How far one is; None when it is over or has not begun (manual: GetTransferingProgress)."""
        transfer = self.transfer(transfer_id)
        return transfer.so_far if transfer is not None and transfer.is_transferring else None

    @hops_to_reactor
    def cancel(self, transfer_id: str, cause: str = "") -> bool:
        """Interrupt one, decided or not, and tell the other end (manual: CancelTransfering). False when it is over."""
        found = self._find(transfer_id)
        if found is not None:
            found.cancel(cause)
        return found is not None

    @hops_to_reactor
    def cancel_with(self, user_id: str | None, cause: str = "") -> int:
        """Interrupt all with one user, None is the server (manual: CancelTransferingAbout); how many."""
        return self._cancel([each for each in self._all() if each.transfer.other == user_id], cause)

    @hops_to_reactor
    def cancel_all(self, cause: str = "") -> int:
        """Interrupt everything (manual: CancelAllTransfering); how many."""
        return self._cancel(self._all(), cause)

    @hops_to_reactor
    def resumables(self) -> Deferred[list[Partial]]:
        """What interrupted transfers have left here."""
        return self._incoming.resumables()

    def _cancel(self, chosen: list[Transmission | Reception], cause: str) -> int:
        for each in chosen:
            each.cancel(cause)
        return len(chosen)

    def _all(self) -> list[Transmission | Reception]:
        return [*self._outgoing.all(), *self._incoming.all()]

    def _find(self, transfer_id: str) -> Transmission | Reception | None:
        return next((each for each in self._all() if each.transfer.id == transfer_id), None)

    # --- frames -------------------------------------------------------------------------------------------------------
    def handlers(self) -> dict[int, Callable[[Any, int, Any], None]]:
        """Message type to method, for the registrations."""
        return {
            **self._outgoing.handlers(),
            **self._incoming.handlers(),
            MessageType.FILE_ALIVE: self._alive,
            MessageType.FILE_PEER_GONE: self._peer_gone,
        }

    def _alive(self, sender: Any, message_id: int, body: bytes) -> None:
        project_id = PROJECT.decode(body).project_id
        found = self._of(sender, project_id)
        if found is not None:
            found.machine.heard(self._clock.seconds())
        else:
            self._unknown.tell(sender, message_id, project_id)

    def _peer_gone(self, sender: Any, message_id: int, body: bytes) -> None:
        found = self._of(sender, PROJECT.decode(body).project_id)
        if found is not None:
            found.other_is_gone("the other end has left")

    def _of(self, sender: Any, project_id: str) -> Transmission | Reception | None:
        return self._outgoing.find(sender, project_id) or self._incoming.find(sender, project_id)

    # --- what happens around ------------------------------------------------------------------------------------------
    def device_left(self, login_id: str, cause: str) -> None:
        """A device is not there any more: its transfers are interrupted."""
        self._incoming.forget(login_id)
        for each in self._all():
            if each.transfer.device == login_id:
                each.other_is_gone(cause)

    def connection_lost(self) -> None:
        """A client's connection to the server is lost: all are interrupted that need it."""
        self._incoming.forget_offers()
        for each in self._all():
            link = self._end.link_to(each.transfer.device or each.transfer.other)
            if link is not None and link.outlives_session and each.goes_by(link):
                each.heard_from(link.peer)
            else:
                each.connection_lost()

    def channel_lost(self, link: Any) -> None:
        """A client's link has no channel any more: those that go by it and nothing else are interrupted."""
        for each in self._all():
            each.channel_lost(link)

    def device_away(self, link: Any) -> None:
        """The other end of a client's link, whose channel is lost, is not there any more: its transfers are
        interrupted. What was sent of them, and may have arrived, does not come once more should it be back."""
        for sent in self._outgoing.all():
            if sent.transfer.device == link.login_id:
                sent.give_up(link)
        if not link.is_replaced:
            self.device_left(link.login_id, f"{link.login_id!r} is not online")
            return
        # What the new process has begun is none of the old one's.
        for each in self._all():
            if each.transfer.device == link.login_id and each.goes_by(link):
                each.other_is_gone(f"{link.login_id!r} is another process now")

    def session_over(self) -> None:
        """This end is not there any more: all are interrupted."""
        self._incoming.forget_offers()
        for each in self._all():
            each.connection_lost()

    def sweep(self, now: float) -> None:
        """Give up what does not move, and forget what nobody came back for."""
        for each in self._all():
            each.sweep(now)
        self._incoming.sweep(now)
