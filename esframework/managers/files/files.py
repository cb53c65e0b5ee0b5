"""`files`, what a server and a client have in common: offers go out and come in, frames find their transfer, within
limits. What becomes of one is `sending` and `receiving`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4
from weakref import WeakValueDictionary

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import EncodeError, MalformedBody
from esframework.filesystem.partials import Identity, Partial, Partials
from esframework.filesystem.reading import TreeReader
from esframework.filesystem.worker import FileWorker
from esframework.interfaces import IContext
from esframework.managers.files.brake import ReadingBrake
from esframework.managers.files.contracts import (
    ANSWERED_ELSEWHERE,
    CANCEL,
    ENDED,
    GRANT,
    PROJECT,
    STARTED,
    CancelBody,
    DetailsBody,
    ProjectBody,
)
from esframework.managers.files.facts import (
    Facts,
    decode_answer,
    decode_answer_details,
    decode_begin,
    decode_details,
    encode_begin,
    encode_details,
    facts_from,
    facts_of,
)
from esframework.managers.files.machine.pace import Pace
from esframework.managers.files.machine.sending import SendingMachine
from esframework.managers.files.machine.states import Broken
from esframework.managers.files.offer import Offer
from esframework.managers.files.options import SendingParameters
from esframework.managers.files.packages import decode_package
from esframework.managers.files.receiving import Reception
from esframework.managers.files.reports import Reports
from esframework.managers.files.sending import Transmission, Way
from esframework.managers.files.transfer import Progress, Transfer
from esframework.net.threads import hops_to_reactor
from esframework.plugins.hooks import Event, Subscription
from esframework.plugins.quiet import Quiet
from esframework.wire.login_id import bare_id
from esframework.wire.types import FileDisruption, MessageType

_log = Logger()


VIEWS: Final = frozenset({MessageType.FILE_PACKAGE})
"""Types whose bodies handlers take as they lie in the read."""


class Files:
    """Sends and receives files and folders (manual, chapter 03: IBaseFileController).

    Events: `offered(Offer)`, `answered(Transfer, agreed)`; in `sending` and in `receiving`: `started`, `resumed`,
    `progress`, `completed`, `interrupted` (see `TransferEvents`).
    """

    def __init__(self, context: IContext, wall_clock: Callable[[], float]) -> None:
        self._context = context
        self.reactor: Any = context.clock
        self._reports = Reports()
        self.offered: Event[Offer] = Event("files.offered")
        self._claims: list[Callable[[Offer], bool]] = []
        self._partials = Partials(context.options.files.state_folder, wall_clock)
        self._partials_worker = FileWorker(context.clock)
        if context.options.files.state_folder is None and IReactorCore.providedBy(context.clock):
            # What nobody has noted, nobody would find again.
            context.clock.addSystemEventTrigger("during", "shutdown", self._partials.close)
        # One for all transfers of the same: what an interrupted one leaves is put away before the next looks for it.
        self._workers: WeakValueDictionary[Identity, FileWorker] = WeakValueDictionary()
        self._brake = ReadingBrake()
        self._quiet = Quiet(context.clock)
        self._sending: dict[str, Transmission] = {}
        self._receiving: dict[str, dict[str, Reception]] = {}
        self._details: dict[str, DetailsBody] = {}
        self._expire_at = context.clock.seconds()

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

    # --- what a half provides -----------------------------------------------------------------------------------------
    def _ways(self, target: str | None) -> list[Way]:
        """To every device that an offer goes to; raises NotLoggedOn or TargetAbsent when there is none."""
        raise NotImplementedError

    def _generation_of(self, sender: Any) -> int:
        raise NotImplementedError

    def _own_name(self) -> str | None:
        raise NotImplementedError

    def _own_client_type(self) -> int:
        raise NotImplementedError

    def _refused(self, reason: str) -> None:
        raise NotImplementedError

    # --- sending ------------------------------------------------------------------------------------------------------
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
        `beneath`, a folder that the path must be in, no link is followed below that, whoever plants one.
        """
        if comment is not None and len(comment.encode()) > limits.MAX_FILE_TEXT:
            raise EncodeError(f"the comment has {len(comment.encode())} bytes; at most {limits.MAX_FILE_TEXT}")
        chosen = parameters or SendingParameters()
        self._ways(target)
        reader = TreeReader(path, follow_links=follow_links, beneath=beneath)
        return Deferred.fromCoroutine(self._send(target, reader, comment, chosen, name, subject))

    async def _send(
        self,
        target: str | None,
        reader: TreeReader,
        comment: str | None,
        parameters: SendingParameters,
        name: str | None,
        subject: str,
    ) -> Transfer:
        worker = FileWorker(self._context.clock)
        survey = await worker.run(reader.survey)
        facts = facts_of(reader.path, survey, name, comment, subject)
        transmission = self._transmission(target, facts, reader, worker, parameters)
        transfer = transmission.transfer
        transfer.path = reader.path
        ways = self._ways(target)
        self._sending[transfer.id] = transmission
        transmission.offer(ways, lambda way, number: self._send_offer(way, number, facts, transfer.id))
        return transfer

    def _transmission(
        self, target: str | None, facts: Facts, reader: TreeReader, worker: FileWorker, parameters: SendingParameters
    ) -> Transmission:
        context, options = self._context, self._context.options
        transfer = Transfer(
            str(uuid4()),
            facts,
            is_sending=True,
            sender=self._own_name(),
            receiver=None if target is None else bare_id(target),
            cancel=lambda cause: transmission.cancel(cause),
            clock=context.clock,
            parameters=parameters,
        )
        rate_limit = parameters.rate_limit or options.files.rate_limit
        most = min(limits.MOST_FILE_PACKAGE, options.max_message - limits.FILE_PACKAGE_OVERHEAD)
        if parameters.package_size is not None:
            most = options.max_message - limits.FILE_PACKAGE_OVERHEAD
        transmission = Transmission(
            context,
            self._reports,
            transfer,
            reader,
            worker,
            SendingMachine(context.clock.seconds(), options.files.silence, limits.FILE_ALIVE_INTERVAL),
            Pace(parameters.package_size, parameters.interval, rate_limit, most),
            lambda: self._sent(transfer),
        )
        return transmission

    def _sent(self, transfer: Transfer) -> None:
        self._sending.pop(transfer.id, None)

    def _send_offer(self, way: Way, number: int, facts: Facts, transfer_id: str) -> None:
        if way.may_be_ours:
            way.send(MessageType.FILE_DETAILS, encode_details(facts, transfer_id), number)
        begin = encode_begin(facts, transfer_id, way.generation, self._own_client_type())
        way.send(MessageType.BEGIN_FILE, begin, number)

    # --- what is under way --------------------------------------------------------------------------------------------
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
        return self._cancel(list(self._all()), cause)

    @hops_to_reactor
    def resumables(self) -> Deferred[list[Partial]]:
        """What interrupted transfers have left here."""
        return self._partials_worker.run(self._partials.all)

    def _cancel(self, chosen: list[Transmission | Reception], cause: str) -> int:
        for each in chosen:
            each.cancel(cause)
        return len(chosen)

    def _all(self) -> Iterator[Transmission | Reception]:
        yield from list(self._sending.values())
        for receptions in list(self._receiving.values()):
            yield from list(receptions.values())

    def _find(self, transfer_id: str) -> Transmission | Reception | None:
        return next((each for each in self._all() if each.transfer.id == transfer_id), None)

    # --- frames -------------------------------------------------------------------------------------------------------
    def handlers(self) -> dict[int, Callable[[Any, int, Any], None]]:
        """Message type to method, for the registrations."""
        return {
            MessageType.FILE_DETAILS: self._details_came,
            MessageType.BEGIN_FILE: self._offer_came,
            MessageType.FILE_ANSWER_DETAILS: self._answer_details_came,
            MessageType.ANSWER_FILE: self._answer_came,
            MessageType.FILE_STARTED: self._start_came,
            MessageType.FILE_PACKAGE: self._package_came,
            MessageType.FILE_GRANTED: self._grant_came,
            MessageType.FILE_OF_FOLDER_RECEIVED: self._file_is_in,
            MessageType.FILE_ENDED: self._end_came,
            MessageType.FILE_KEPT: self._kept,
            MessageType.SENDER_CANCELS_FILE: self._sender_cancels,
            MessageType.RECEIVER_CANCELS_FILE: self._receiver_cancels,
            MessageType.FILE_ANSWERED_ELSEWHERE: self._answered_elsewhere,
            MessageType.FILE_ALIVE: self._alive,
            MessageType.FILE_PEER_GONE: self._peer_gone,
        }

    def _details_came(self, sender: Any, message_id: int, body: bytes) -> None:
        # The offer is the next frame; whoever sends none takes another's place.
        details = decode_details(body)
        if len(self._details) >= limits.MAX_TRANSFERS:
            del self._details[next(iter(self._details))]
        self._details[sender.login_id] = details

    def _offer_came(self, sender: Any, message_id: int, body: bytes) -> None:
        generation = self._generation_of(sender)
        project_id, begin = decode_begin(body, generation)
        details = self._details.pop(sender.login_id, None)
        if details is not None and details.project_id != project_id:
            details = None
        facts = facts_from(begin, details)
        receptions = self._receiving.setdefault(sender.login_id, {})
        if project_id in receptions:
            self._refused("file_offered_twice")
            return

        def over() -> None:
            if receptions.pop(project_id, None) is not None and not receptions:
                self._receiving.pop(sender.login_id, None)

        transfer = Transfer(
            project_id,
            facts,
            is_sending=False,
            sender=None if sender.name is None else str(sender.name),
            receiver=self._own_name(),
            cancel=lambda cause: reception.cancel(cause),
            clock=self._context.clock,
        )
        transfer.device = sender.login_id
        reception = Reception(
            self._context,
            self._reports,
            self._partials,
            self._brake,
            transfer,
            sender,
            message_id,
            generation,
            self._own_client_type(),
            details,
            self._worker_for,
            over,
        )
        receptions[project_id] = reception
        count = sum(map(len, self._receiving.values()))
        if len(receptions) > limits.MAX_TRANSFERS_PER_SENDER or count > limits.MAX_TRANSFERS:
            self._refused("too_many_transfers")
            reception.refuse("too many files are offered or under way already; try again when some are through")
            return
        reception.offer(self._ask)

    def _worker_for(self, identity: Identity) -> FileWorker:
        worker = self._workers.get(identity)
        if worker is None:
            worker = self._workers[identity] = FileWorker(self._context.clock)
        return worker

    def _ask(self, offer: Offer) -> bool:
        for claim in tuple(self._claims):
            try:
                if claim(offer):
                    return True
            except Exception:
                _log.failure("whoever was to decide about {offer} failed", offer=offer)
                offer.refuse("the receiver's program failed")
                return True
        self.offered.fire(offer)
        return bool(self.offered)

    def _answer_details_came(self, sender: Any, message_id: int, body: bytes) -> None:
        details = decode_answer_details(body)
        transmission = self._sent_to(sender, details.project_id)
        if transmission is not None:
            transmission.answer_details(sender, details)

    def _answer_came(self, sender: Any, message_id: int, body: bytes) -> None:
        answer = decode_answer(body, self._generation_of(sender))
        transmission = self._sent_to(sender, answer.project_id or "")
        if transmission is not None:
            transmission.answered(sender, answer)

    def _start_came(self, sender: Any, message_id: int, body: bytes) -> None:
        started = STARTED.decode(body)
        self._tell(sender, message_id, started.project_id, lambda reception: reception.started(started.skipped))

    def _package_came(self, sender: Any, message_id: int, body: memoryview) -> None:
        package = decode_package(body)
        self._tell(sender, message_id, package.project_id, lambda reception: reception.package(package))

    def _end_came(self, sender: Any, message_id: int, body: bytes) -> None:
        ended = ENDED.decode(body)
        self._tell(sender, message_id, ended.project_id, lambda reception: reception.ended(ended.digest))

    def _grant_came(self, sender: Any, message_id: int, body: bytes) -> None:
        grant = GRANT.decode(body)
        transmission = self._sent_to(sender, grant.project_id)
        if transmission is not None:
            transmission.granted(grant.granted)

    def _file_is_in(self, sender: Any, message_id: int, body: bytes) -> None:
        transmission = self._sent_to(sender, PROJECT.decode(body).project_id)
        if transmission is not None:
            transmission.file_is_in()

    def _kept(self, sender: Any, message_id: int, body: bytes) -> None:
        transmission = self._sent_to(sender, PROJECT.decode(body).project_id)
        if transmission is not None:
            transmission.kept()

    def _receiver_cancels(self, sender: Any, message_id: int, body: bytes) -> None:
        cancel = CANCEL.decode(body)
        transmission = self._sent_to(sender, cancel.project_id)
        if transmission is not None:
            transmission.cancelled(cancel)

    def _sender_cancels(self, sender: Any, message_id: int, body: bytes) -> None:
        cancel = CANCEL.decode(body)
        reception = self._received_from(sender, cancel.project_id)
        if reception is not None:
            reception.cancelled(cancel)

    def _answered_elsewhere(self, sender: Any, message_id: int, body: bytes) -> None:
        project_id = ANSWERED_ELSEWHERE.decode(body).project_id
        for receptions in list(self._receiving.values()):
            reception = receptions.get(project_id)
            if reception is not None and reception.transfer.sender == (sender.name and str(sender.name)):
                reception.answered_elsewhere()

    def _alive(self, sender: Any, message_id: int, body: bytes) -> None:
        project_id = PROJECT.decode(body).project_id
        found = self._sent_to(sender, project_id) or self._received_from(sender, project_id)
        if found is not None:
            found.machine.heard(self._context.clock.seconds())
        else:
            self._say_gone(sender, message_id, project_id)

    def _peer_gone(self, sender: Any, message_id: int, body: bytes) -> None:
        project_id = PROJECT.decode(body).project_id
        found = self._sent_to(sender, project_id) or self._received_from(sender, project_id)
        if found is not None:
            found.other_is_gone("the other end has left")

    def _tell(self, sender: Any, message_id: int, project_id: str, what: Callable[[Reception], None]) -> None:
        reception = self._received_from(sender, project_id)
        if reception is None:
            self._say_unknown(sender, message_id, project_id)
            return
        try:
            what(reception)
        except (Broken, MalformedBody) as problem:
            self._refused("broken_transfer")
            if self._quiet.admits(sender.name) is not None:
                _log.info("a transfer of {name} was given up: {problem}", name=sender.name, problem=str(problem))
            reception.stop(FileDisruption.INNER_ERROR, str(problem))

    def _say_unknown(self, sender: Any, message_id: int, project_id: str) -> None:
        if self._say_gone(sender, message_id, project_id):
            body = CANCEL.encode(CancelBody("the receiver does not know this transfer any more", True, project_id))
            sender.reply(MessageType.RECEIVER_CANCELS_FILE, body, message_id)

    def _say_gone(self, sender: Any, message_id: int, project_id: str) -> bool:
        """Tell one of ours, once a second at most: whoever sends on has much under way when it hears of it."""
        if self._quiet.admits((sender.login_id, project_id)) is None:
            return False
        if self._may_be_ours(sender):
            sender.reply(MessageType.FILE_PEER_GONE, PROJECT.encode(ProjectBody(project_id)), message_id)
        return True

    def _may_be_ours(self, sender: Any) -> bool:
        raise NotImplementedError

    def _sent_to(self, sender: Any, project_id: str) -> Transmission | None:
        transmission = self._sending.get(project_id)
        return transmission if transmission is not None and transmission.comes_from(sender) else None

    def _received_from(self, sender: Any, project_id: str) -> Reception | None:
        return self._receiving.get(sender.login_id, {}).get(project_id)

    # --- time ---------------------------------------------------------------------------------------------------------
    def sweep(self, now: float) -> None:
        """Give up what does not move, and forget what nobody came back for."""
        for each in list(self._all()):
            each.sweep(now)
        if now >= self._expire_at:
            self._expire_at = now + limits.FILE_EXPIRY_INTERVAL
            self._partials_worker.run(self._partials.expire).addErrback(_not_expired)


def _not_expired(failure: Failure) -> None:
    _log.failure("what interrupted transfers have left could not be looked through", failure)
