"""Joins the machines of `HandOver` to the store, to transfers and to connections. Knows nothing of what is kept, and
why."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import EsError, NotLoggedOn, StoreClosed, TargetAbsent, TransferInterrupted
from esframework.filesystem.worker import FileWorker
from esframework.interfaces import IServerContext, StoredFile
from esframework.managers.offline_files.blobs import Blobs
from esframework.managers.offline_files.contracts import (
    NO_DEVICE,
    SETTLED,
    FileKeyBody,
    FileOutcome,
    HandedOver,
    SettledBody,
    subject_of,
)
from esframework.managers.offline_files.machine import Action, Ending, Fetch, HandOver, Offer, Remove
from esframework.plugins.hooks import Event
from esframework.plugins.quiet import Quiet
from esframework.wire.login_id import Source
from esframework.wire.types import FileDisruption, MessageType

_log = Logger()


class Handing:
    """All hand-overs of one server. `settled(file, outcome)` is told of each file that has served its time."""

    def __init__(
        self,
        server: IServerContext,
        blobs: Blobs,
        retry: float,
        now: Callable[[], float],
        settled: Event[StoredFile, FileOutcome],
    ) -> None:
        self._server = server
        self._blobs = blobs
        self._retry = retry
        self._now = now
        self._settled = settled
        self._hand_overs: dict[str, HandOver] = {}
        self._senders: dict[str, Any] = {}
        self._transfers: dict[tuple[str, int], Any] = {}
        self._proofs: dict[str, Deferred[None]] = {}
        self._outcomes: dict[tuple[str, int], FileOutcome] = {}
        self._waking: set[str] = set()
        self._todo: deque[tuple[str, HandOver, Action]] = deque()
        self._is_at_work = False
        self._worker = FileWorker(server.clock)
        self._quiet = Quiet(server.clock)

    # --- what happens -------------------------------------------------------------------------------------------------
    def ready(self, sender: Any) -> None:
        """A device can take files."""
        user_id = str(sender.name)
        hand_over = self._hand_over_of(user_id)
        self._senders[sender.login_id] = sender
        self._perform(user_id, hand_over, hand_over.ready(sender.login_id))

    def left(self, source: Source) -> None:
        """A device is gone; its transfers are told so elsewhere."""
        hand_over = self._hand_overs.get(source)
        proof = self._proofs.get(source.login_id)
        if proof is not None:
            proof.cancel()
        if self._senders.pop(source.login_id, None) is not None and hand_over is not None:
            hand_over.left(source.login_id)
            self._drop_if_over(str(source))

    def stirred(self, user_id: str) -> None:
        """Another file was kept for a user, who may be here."""
        hand_over = self._hand_overs.get(user_id)
        if hand_over is not None:
            self._perform(user_id, hand_over, hand_over.stirred())

    def sweep(self, now: float) -> None:
        """Try again what is to be tried again."""
        for user_id in list(self._waking):
            hand_over = self._hand_overs.get(user_id)
            if hand_over is None:
                self._waking.discard(user_id)
            elif hand_over.wakes_at is not None and hand_over.wakes_at <= now:
                self._perform(user_id, hand_over, hand_over.woken(now))

    async def settle(self, user_id: str, keys: Iterable[FileKeyBody], outcome: FileOutcome) -> None:
        """A device of the user has these, or does not want them. Fails as the store does."""
        hand_over = self._hand_over_of(user_id)
        for key in keys:
            file = await self._server.stores.offline_files.find(user_id, key.source, key.id)
            if file is not None:
                self._outcomes.setdefault((user_id, file.number), outcome)
                self._perform(user_id, hand_over, hand_over.settled(file))
        self._drop_if_over(user_id)

    def withdraw(self, files: Iterable[StoredFile]) -> None:
        """These are kept no more: end what is under way, and delete their contents."""
        for file in files:
            transfer = self._transfers.get((file.target, file.number))
            if transfer is not None:
                transfer.cancel("it was withdrawn")
            self._delete(file)

    # --- what is to be done -------------------------------------------------------------------------------------------
    def _hand_over_of(self, user_id: str) -> HandOver:
        return self._hand_overs.setdefault(user_id, HandOver(self._retry))

    def _perform(self, user_id: str, hand_over: HandOver, actions: Iterable[Action]) -> None:
        # A store may answer at once: one after another, since many files would nest too deep.
        self._todo.extend((user_id, hand_over, action) for action in actions)
        if self._is_at_work:
            return
        self._is_at_work = True
        try:
            while self._todo:
                self._do(*self._todo.popleft())
        finally:
            self._is_at_work = False
        self._drop_if_over(user_id)

    def _do(self, user_id: str, hand_over: HandOver, action: Action) -> None:
        store, seconds = self._server.stores.offline_files, self._server.clock.seconds
        match action:
            case Fetch(after):
                self._then(
                    store.waiting(user_id, after, limits.OFFLINE_PAGE),
                    user_id,
                    hand_over,
                    lambda files: hand_over.fetched(files, seconds()),
                    lambda: hand_over.store_failed(seconds()),
                )
            case Offer(device, file):
                handing = Deferred.fromCoroutine(self._hand_over(device, file))
                handing.addErrback(self._report, file)
                handing.addCallback(lambda ending: self._ended(user_id, hand_over, file, ending))
            case Remove(file):
                self._then(
                    store.remove(user_id, [file.number]),
                    user_id,
                    hand_over,
                    lambda count: self._removed(user_id, hand_over, file, count),
                    lambda: hand_over.remove_failed(file, seconds()),
                )

    def _then(
        self,
        doing: Deferred[Any],
        user_id: str,
        hand_over: HandOver,
        done: Callable[[Any], list[Action]],
        failed: Callable[[], None],
    ) -> None:
        def succeeded(result: Any) -> None:
            self._perform(user_id, hand_over, done(result))

        def refused(failure: Failure) -> None:
            if self._quiet.admits(type(failure.value).__name__) is not None:
                _log.error("a file waits for the store: {error}", error=failure.getErrorMessage())
            self._server.refuse("offline_file_hand_over_store_failed")
            failed()

        doing.addCallbacks(succeeded, refused)
        doing.addErrback(lambda failure: _log.failure("a hand-over to {user} failed", failure, user=user_id))
        doing.addBoth(lambda _: self._drop_if_over(user_id))

    def _drop_if_over(self, user_id: str) -> None:
        hand_over = self._hand_overs.get(user_id)
        if hand_over is not None and hand_over.is_over:
            del self._hand_overs[user_id]
        if hand_over is not None and hand_over.wakes_at is not None:
            self._waking.add(user_id)
        else:
            self._waking.discard(user_id)

    def _ended(self, user_id: str, hand_over: HandOver, file: StoredFile, ending: Ending) -> None:
        if ending.is_settled:
            outcome = FileOutcome.RECEIVED if ending is Ending.RECEIVED else FileOutcome.REFUSED
            self._outcomes.setdefault((user_id, file.number), outcome)
        self._perform(user_id, hand_over, hand_over.ended(ending, self._server.clock.seconds()))

    def _removed(self, user_id: str, hand_over: HandOver, file: StoredFile, count: int) -> list[Action]:
        hand_over.removed(file)
        outcome = self._outcomes.pop((user_id, file.number))
        self._delete(file)
        if count:
            self._settled.fire(file, outcome)
            self._tell(file, outcome)
        return []

    def _delete(self, file: StoredFile) -> None:
        deleting = self._worker.run(lambda: self._blobs.remove(file.blob))
        # The next look for contents that belong to nothing finds it.
        deleting.addErrback(lambda failure: _log.failure("what was handed over could not be deleted", failure))

    def _tell(self, file: StoredFile, outcome: FileOutcome) -> None:
        """Whoever left it hears what became of it, if it is there to hear, and nothing about having been blocked."""
        if file.source is None or not self._server.router.admits(file.source, file.target):
            return
        body = SETTLED.encode(SettledBody(id=file.id, name=file.name, outcome=outcome, target=file.target))
        for device in self._server.users.find_all(file.source):
            if device.is_ours:
                device.reply(MessageType.OFFLINE_FILE_SETTLED, body, 0)

    # --- to a device --------------------------------------------------------------------------------------------------
    async def _hand_over(self, device: str, file: StoredFile) -> Ending:
        """Offer a file to a device, and see how that ends."""
        sender = self._senders.get(device)
        if sender is None:
            return Ending.GONE
        if not self._server.router.admits(file.source, file.target):
            self._server.refuse("offline_file_of_blocked_sender")
            return Ending.REFUSED
        await self._server.stores.offline_files.handed_out(file.target, file.number)
        try:
            await self._transfer(sender, file)
        except (TargetAbsent, NotLoggedOn):
            return Ending.GONE
        except TransferInterrupted as error:
            return _ending(FileDisruption(error.disruption), sender.is_ours)
        if sender.is_ours or await self._stays(device):
            return Ending.RECEIVED
        return Ending.GONE

    async def _stays(self, device: str) -> bool:
        """Whether a receiver that says nothing when it has all is still there after a while."""
        self._proofs[device] = proof = deferLater(self._server.clock, limits.OFFLINE_FILE_PROOF, lambda: None)
        try:
            await proof
        except CancelledError:
            return False
        finally:
            del self._proofs[device]
        return True

    async def _transfer(self, sender: Any, file: StoredFile) -> None:
        files, key = self._server.manager("files"), (file.target, file.number)
        comment, subject = file.comment, ""
        if sender.is_ours:
            subject = subject_of(_handed_over(file))
        elif file.source is not None:
            comment = file.source
        place = self._blobs.place(file.blob)
        transfer = await files.send(sender.login_id, place, comment, name=file.name, subject=subject)
        self._transfers[key] = transfer
        try:
            await transfer.done()
        finally:
            del self._transfers[key]

    def _report(self, failure: Failure, file: StoredFile) -> Ending:
        if failure.check(StoreClosed):
            # The server closes, and its sessions have ended.
            return Ending.GONE
        self._server.refuse("offline_file_not_handed_over")
        if self._quiet.admits(type(failure.value).__name__) is not None:
            if failure.check(OSError, EsError):
                why = failure.getErrorMessage()
                _log.error("{name!r} for {user} is not handed over: {why}", name=file.name, user=file.target, why=why)
            else:
                _log.failure("{name!r} for {user} is not handed over", failure, name=file.name, user=file.target)
        return Ending.FAILED


def _ending(disruption: FileDisruption, is_ours: bool) -> Ending:
    match disruption:
        case FileDisruption.REJECTED:
            # One of ours says besides whether somebody there does not want it; others have only this word for all.
            return Ending.NOT_NOW if is_ours else Ending.REFUSED
        case FileDisruption.CANCELLED_BY_OTHER:
            return Ending.NOT_NOW
        case FileDisruption.OTHER_OFFLINE | FileDisruption.SELF_OFFLINE:
            return Ending.GONE
    return Ending.FAILED


def _handed_over(file: StoredFile) -> HandedOver:
    device = NO_DEVICE if file.source_device is None else file.source_device
    return HandedOver(file.id, round(file.received_at * 1000), device, file.source or "")
