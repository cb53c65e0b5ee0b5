"""Everything that this end receives: offers come in, within limits, and what a sender says finds its reception. What
becomes of one is `receiving`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import MalformedBody
from esframework.filesystem.items import Position
from esframework.filesystem.partials import Identity, Partial, Partials
from esframework.filesystem.worker import FileWorker
from esframework.interfaces import IContext
from esframework.managers.files.brake import ReadingBrake
from esframework.managers.files.contracts import ANSWERED_ELSEWHERE, CANCEL, ENDED, STARTED, DetailsBody
from esframework.managers.files.facts import Facts, decode_begin, decode_details, encode_answer, facts_from
from esframework.managers.files.machine.states import Broken
from esframework.managers.files.offer import Offer
from esframework.managers.files.packages import decode_package
from esframework.managers.files.receiving import Reception
from esframework.managers.files.reports import Reports
from esframework.managers.files.this_end import ThisEnd
from esframework.managers.files.transfer import Transfer
from esframework.managers.files.unknown import Unknown
from esframework.plugins.quiet import Quiet
from esframework.wire.types import FileDisruption, MessageType

_log = Logger()
_TOO_MANY = "too many files are offered or under way already; try again when some are through"
_NO_CHANNEL = "it was to come by a P2P channel only, and there is none"


class Incoming:
    """The receptions of one engine that are not over, and what they have in common: see `receiving.Desk`.

    `ask(offer)` lets the application decide; False when there is nobody who could.
    """

    def __init__(
        self,
        context: IContext,
        end: ThisEnd,
        reports: Reports,
        unknown: Unknown,
        ask: Callable[[Offer], bool],
        wall_clock: Callable[[], float],
    ) -> None:
        state_folder = context.options.files.state_folder
        self.partials = Partials(state_folder, wall_clock)
        self.brake = ReadingBrake()
        self.refused = end.refused
        self.answer = end.answer
        self._context = context
        self._end = end
        self._reports = reports
        self._unknown = unknown
        self._ask = ask
        self._quiet = Quiet(context.clock)
        self._partials_worker = FileWorker(context.clock)
        if state_folder is None and IReactorCore.providedBy(context.clock):
            # What nobody has noted, nobody would find again.
            context.clock.addSystemEventTrigger("during", "shutdown", self.partials.close)
        # One for all transfers of the same: what an interrupted one leaves is put away before the next looks for it.
        self._workers: WeakValueDictionary[Identity, FileWorker] = WeakValueDictionary()
        self._open: dict[str, dict[str, Reception]] = {}
        # By device: also of those that are over and not put away, else whoever offers and cancels piles up work.
        self._load: Counter[str] = Counter()
        self._details: dict[str, DetailsBody] = {}
        self._expire_at = context.clock.seconds()

    def all(self) -> list[Reception]:
        """Those that are not over."""
        return [reception for receptions in self._open.values() for reception in receptions.values()]

    def find(self, sender: Any, project_id: str) -> Reception | None:
        """The one that whoever sent a frame may speak of: nobody does for another."""
        return self._open.get(sender.login_id, {}).get(project_id)

    def forget(self, login_id: str) -> None:
        """A device is gone."""
        self._details.pop(login_id, None)

    def forget_offers(self) -> None:
        """The connection is lost: what came of offers that are not complete."""
        self._details.clear()

    def resumables(self) -> Deferred[list[Partial]]:
        """What interrupted transfers have left here."""
        return self._partials_worker.run(self.partials.all)

    def sweep(self, now: float) -> None:
        """Forget what nobody came back for."""
        if now >= self._expire_at:
            self._expire_at = now + limits.FILE_EXPIRY_INTERVAL
            self._partials_worker.run(self.partials.expire).addErrback(_not_expired)

    # --- what receptions ask ------------------------------------------------------------------------------------------
    def worker_for(self, identity: Identity) -> FileWorker:
        """See `Desk`."""
        worker = self._workers.get(identity)
        if worker is None:
            worker = self._workers[identity] = FileWorker(self._context.clock)
        return worker

    def over(self, reception: Reception) -> None:
        """See `Desk`."""
        device = reception.device
        receptions = self._open[device]
        del receptions[reception.transfer.id]
        if not receptions:
            del self._open[device]

    def put_away(self, reception: Reception) -> None:
        """See `Desk`."""
        device = reception.device
        self._load[device] -= 1
        if not self._load[device]:
            del self._load[device]

    # --- offers -------------------------------------------------------------------------------------------------------
    def handlers(self) -> dict[int, Callable[[Any, int, Any], None]]:
        """Message type to method, for the registrations."""
        return {
            MessageType.FILE_DETAILS: self._details_came,
            MessageType.BEGIN_FILE: self._offer_came,
            MessageType.FILE_STARTED: self._start_came,
            MessageType.FILE_PACKAGE: self._package_came,
            MessageType.FILE_ENDED: self._end_came,
            MessageType.SENDER_CANCELS_FILE: self._sender_cancels,
            MessageType.FILE_ANSWERED_ELSEWHERE: self._answered_elsewhere,
        }

    def _details_came(self, sender: Any, message_id: int, body: bytes) -> None:
        # The offer is the next frame; whoever sends none takes another's place.
        details = decode_details(body)
        if len(self._details) >= limits.MAX_TRANSFERS:
            del self._details[next(iter(self._details))]
        self._details[sender.login_id] = details

    def _offer_came(self, sender: Any, message_id: int, body: bytes) -> None:
        generation, device = self._end.generation_of(sender), sender.login_id
        project_id, begin = decode_begin(body, generation)
        details = self._details.pop(device, None)
        if details is not None and details.project_id != project_id:
            details = None
        facts = facts_from(begin, details)
        if self.find(sender, project_id) is not None:
            self.refused("file_offered_twice")
        elif self._load[device] >= limits.MAX_TRANSFERS_PER_SENDER or self._load.total() >= limits.MAX_TRANSFERS:
            self.refused("too_many_transfers")
            self._refuse(sender, message_id, project_id, _TOO_MANY)
        elif details is not None and details.only_by_channel and not self._has_channel(device):
            # It was lost since the offer was made; whoever made it knows.
            self._refuse(sender, message_id, project_id, _NO_CHANNEL)
        else:
            reception = self._reception(sender, message_id, project_id, facts, details)
            self._load[device] += 1
            self._open.setdefault(device, {})[project_id] = reception
            reception.offer(self._ask)

    def _refuse(self, sender: Any, message_id: int, project_id: str, cause: str) -> None:
        generation = self._end.generation_of(sender)
        answer = encode_answer(project_id, cause, Position(), 0, generation, self._end.client_type())
        self.answer(sender, MessageType.ANSWER_FILE, answer, message_id)

    def _has_channel(self, device: str) -> bool:
        link = self._end.link_to(device)
        return link is not None and bool(link.is_direct)

    def _reception(
        self, sender: Any, message_id: int, project_id: str, facts: Facts, details: DetailsBody | None
    ) -> Reception:
        transfer = Transfer(
            project_id,
            facts,
            is_sending=False,
            sender=None if sender.name is None else str(sender.name),
            receiver=self._end.name(),
            cancel=lambda cause: reception.cancel(cause),
            clock=self._context.clock,
            path_kind=lambda: self._end.path_of(reception.sender),
        )
        transfer.device = sender.login_id
        generation, client_type = self._end.generation_of(sender), self._end.client_type()
        reception = Reception(
            self._context, self._reports, self, transfer, sender, message_id, generation, client_type, details
        )
        if details is not None and details.only_by_channel:
            reception.only_by = self._end.link_to(sender.login_id)
        return reception

    # --- what senders say ---------------------------------------------------------------------------------------------
    def _start_came(self, sender: Any, message_id: int, body: bytes) -> None:
        started = STARTED.decode(body)
        self._tell(sender, message_id, started.project_id, lambda reception: reception.started(started.skipped))

    def _package_came(self, sender: Any, message_id: int, body: memoryview) -> None:
        package = decode_package(body)
        self._tell(sender, message_id, package.project_id, lambda reception: reception.package(package))

    def _end_came(self, sender: Any, message_id: int, body: bytes) -> None:
        ended = ENDED.decode(body)
        self._tell(sender, message_id, ended.project_id, lambda reception: reception.ended(ended.digest))

    def _tell(self, sender: Any, message_id: int, project_id: str, what: Callable[[Reception], None]) -> None:
        reception = self.find(sender, project_id)
        if reception is None:
            self._unknown.tell_sender(sender, message_id, project_id)
            return
        reception.heard_from(sender)
        try:
            what(reception)
        except (Broken, MalformedBody) as problem:
            self.refused("broken_transfer")
            if self._quiet.admits(sender.name) is not None:
                _log.info("a transfer of {name} was given up: {problem}", name=sender.name, problem=str(problem))
            reception.stop(FileDisruption.INNER_ERROR, str(problem))

    def _sender_cancels(self, sender: Any, message_id: int, body: bytes) -> None:
        cancel = CANCEL.decode(body)
        reception = self.find(sender, cancel.project_id)
        if reception is not None:
            reception.cancelled(cancel)

    def _answered_elsewhere(self, sender: Any, message_id: int, body: bytes) -> None:
        project_id = ANSWERED_ELSEWHERE.decode(body).project_id
        for reception in self.all():
            transfer = reception.transfer
            if transfer.id == project_id and transfer.sender == (sender.name and str(sender.name)):
                reception.answered_elsewhere()


def _not_expired(failure: Failure) -> None:
    _log.failure("what interrupted transfers have left could not be looked through", failure)
