"""One file or folder that comes in: offered to the application, its packages given to the disk, more granted as the
disk takes them. Finding it among others is `files`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import EsError, PathClash, UnsafePath, WrongTree
from esframework.filesystem.digests import algorithms
from esframework.filesystem.items import FileItem, Item, Position
from esframework.filesystem.partials import Identity, Partial, Partials
from esframework.filesystem.worker import FileWorker
from esframework.filesystem.writing import TreeWriter
from esframework.interfaces import IContext
from esframework.managers.files.brake import ReadingBrake
from esframework.managers.files.bundles import decode_bundle
from esframework.managers.files.contracts import (
    ANSWER_DETAILS,
    CANCEL,
    GRANT,
    PROJECT,
    AnswerDetailsBody,
    CancelBody,
    DetailsBody,
    GrantBody,
    ProjectBody,
)
from esframework.managers.files.facts import encode_answer
from esframework.managers.files.machine.contents import Contents
from esframework.managers.files.machine.receiving import ReceivingMachine
from esframework.managers.files.machine.states import PACKAGE_CHARGE, TransferState
from esframework.managers.files.offer import BeforeKept, Offer
from esframework.managers.files.packages import Package, item_of
from esframework.managers.files.public import public_text
from esframework.managers.files.reports import Reports
from esframework.managers.files.transfer import Transfer
from esframework.net.memory import keep_memory
from esframework.plugins.models import as_deferred
from esframework.wire.types import FileDisruption, MessageType, PackageType

_log = Logger()
_BEGINNING = Position()
_REFUSED = {WrongTree: "wrong_tree", UnsafePath: "unsafe_path", PathClash: "path_clash"}
"""What only the disk's side finds out about a sender."""


class Desk(Protocol):
    """What the receptions of one engine have in common."""

    partials: Partials
    brake: ReadingBrake

    def worker_for(self, identity: Identity) -> FileWorker:
        """Who works for all that have this identity, one after another."""

    def refused(self, reason: str) -> None:
        """What a sender sent was refused: it is counted."""

    def answer(self, sender: Any, message_type: int, body: bytes, number: int) -> None:
        """See `ThisEnd`."""

    def over(self, reception: Reception) -> None:
        """It is over: called once."""

    def put_away(self, reception: Reception) -> None:
        """No thread works for it any more: called once, after `over`."""


class Reception:
    """One transfer that this end receives. `details` is what a sender of ours said besides its offer, None of others;
    `generation` that of the sender's protocol, `client_type` our own in it."""

    def __init__(
        self,
        context: IContext,
        reports: Reports,
        desk: Desk,
        transfer: Transfer,
        sender: Any,
        number: int,
        generation: int,
        client_type: int,
        details: DetailsBody | None,
    ) -> None:
        keep_memory()
        options = context.options.files
        self.transfer = transfer
        self.device: str = sender.login_id
        self.machine = ReceivingMachine(
            transfer.size, context.clock.seconds(), options.silence, limits.FILE_ALIVE_INTERVAL, limits.FILE_WINDOW
        )
        self.machine.is_ours = details is not None
        self.identity = Identity(
            sender=transfer.sender or "",
            origin=transfer.origin,
            size=transfer.size,
            modified_at=transfer.modified_at,
            is_folder=transfer.is_folder,
        )
        self._context = context
        self._reports = reports
        self._desk = desk
        self.sender = sender
        self.only_by: Any = None
        """The link without whose channel it ends; None of one that may come by the server."""
        self._number = number
        self._generation = generation
        self._client_type = client_type
        self._algorithm = _algorithm_for(details)
        self._lifetime = options.resume_lifetime if details is not None else options.foreign_resume_lifetime
        self._worker = desk.worker_for(self.identity)
        self._writer: TreeWriter | None = None
        self._contents = Contents(transfer.is_folder, transfer.size)
        self._left = 0
        self._digest = b""
        self._can_write = True
        self._items: list[Item] = []
        self._charge = 0
        self._working: Deferred[Any] | None = None
        self._is_asked = False
        self._holds_up_reading = False
        self._resumable: Partial | None = None
        self._path: Path | None = None
        self._replace = False
        self._sync = options.sync
        self._before_kept: BeforeKept | None = None
        self._most_entries: int | None = None

    # --- the decision -------------------------------------------------------------------------------------------------
    def offer(self, ask: Callable[[Offer], bool]) -> None:
        """Look for what an earlier transfer has left, and let the application decide; `ask(offer)` is False when there
        is nobody who could."""

        def look() -> tuple[Partial | None, bool]:
            partial = self._desk.partials.find(self.identity)
            return partial, partial is None and self._desk.partials.find_changed(self.identity)

        def found(result: tuple[Partial | None, bool]) -> None:
            self._resumable, is_changed = result
            if self.machine.is_ours and self._algorithm is None:
                self.refuse("this receiver knows none of the sender's digests")
            elif self.machine.state is TransferState.OFFERED:
                offer = Offer(self, self.transfer, self.sender.name, self._resumable, is_changed, self._context.clock)
                self._is_asked = True
                if not ask(offer):
                    self.refuse("the receiver takes no files")

        self._work(look, found)

    def accept(
        self,
        path: Path,
        resume: bool,
        replace: bool,
        sync: bool,
        before_kept: BeforeKept | None,
        most_entries: int | None,
    ) -> None:
        """See `Offer.accept`."""
        if not self.machine.accept():
            return
        self._path, self._replace, self._before_kept = path, replace, before_kept
        self._sync = sync or self._sync
        self._most_entries = most_entries
        self.transfer.path = path
        self.transfer.state = self.machine.state
        left = self._resumable
        partial = left if resume and left is not None and left.destination == path else None
        self._work(lambda: self._prepare(partial), self._prepared)

    def refuse(self, cause: str) -> None:
        """See `Offer.refuse`."""
        if self.machine.state is TransferState.OFFERED:
            self._answer(cause)
            self._interrupt(FileDisruption.REJECTED, cause)

    def refuse_name(self, problem: UnsafePath) -> None:
        """See `Offer.accept_into`."""
        if self.machine.state is TransferState.OFFERED:
            self._desk.refused(_REFUSED[UnsafePath])
            self.refuse(str(problem))

    def _prepare(self, partial: Partial | None) -> bytes:
        """In a thread: stand where packages go on; the digest of what is there."""
        self._writer = writer = self._new_writer()
        if partial is not None:
            prefix = writer.resume(partial, self._algorithm, lambda: self.machine.state.is_over)
            if prefix is not None:
                return prefix
        writer.open(self._algorithm)
        return b""

    def _new_writer(self) -> TreeWriter:
        assert self._path is not None
        return TreeWriter(
            self._desk.partials,
            self.identity,
            self._path,
            name=self.transfer.name,
            lifetime=self._lifetime,
            windows_paths=not self.machine.is_ours,
            sync=self._sync,
            most_entries=self._most_entries,
        )

    def _prepared(self, prefix: bytes) -> None:
        assert self._writer is not None
        position = self._writer.position
        now = self._context.clock.seconds()
        self.machine.begin(position.received, now)
        self.transfer.state = self.machine.state
        self._left = self._writer.missing
        if self.machine.is_ours:
            details = AnswerDetailsBody(self._algorithm or "", self.machine.granted, prefix, self.transfer.id)
            body = ANSWER_DETAILS.encode(details)
            self._desk.answer(self.sender, MessageType.FILE_ANSWER_DETAILS, body, self._number)
        self._answer(None, position, position.offset + self._left)
        if not self.machine.is_ours:
            self._expect(position.received)
            self._begin(position.received)
            self._end_when_whole()

    def _answer(self, cause: str | None, position: Position = _BEGINNING, file_size: int = 0) -> None:
        if not self.machine.is_ours:
            position = replace(position, path=position.path.replace("/", "\\"))
        generation, client_type = self._generation, self._client_type
        answer = encode_answer(self.transfer.id, cause, position, file_size, generation, client_type)
        self._desk.answer(self.sender, MessageType.ANSWER_FILE, answer, self._number)

    def heard_from(self, sender: Any) -> None:
        """The sender speaks; by what, is the way to it now."""
        self.sender = sender

    # --- packages -----------------------------------------------------------------------------------------------------
    def started(self, skipped: int) -> None:
        """One of ours says where it begins. Raises Broken."""
        asked = self.machine.received
        self.machine.starts_at(skipped, self._context.clock.seconds())
        self._expect(skipped)
        if asked and not skipped:
            # What is here is not the beginning of what is sent: another file by now.
            self._work(self._begin_anew, lambda _: self._go_on())
        self._begin(skipped)

    def _expect(self, skipped: int) -> None:
        """What comes next: the rest of what is here, or the beginning."""
        transfer = self.transfer
        self._contents = Contents(transfer.is_folder, transfer.size, self._left if skipped else None)
        if not skipped and not transfer.is_folder:
            # A single file is a tree of one; no package says that it begins.
            self._items.append(FileItem("", transfer.size, transfer.modified_at, transfer.is_executable))

    def _begin_anew(self) -> None:
        assert self._writer is not None
        self._can_write = False
        self._writer.discard()
        self._writer = self._new_writer()
        self._writer.open(self._algorithm)
        self._can_write = True

    def _begin(self, skipped: int) -> None:
        self.transfer.begun(self._context.clock.seconds(), skipped)
        self._reports.started(self.transfer)

    def package(self, package: Package) -> None:
        """Raises Broken and MalformedBody for what no honest sender sends."""
        if self.machine.state.is_over:
            return
        now = self._context.clock.seconds()
        if package.package_type == PackageType.FINISHED:
            self._contents.end()
            self._end()
            return
        is_ours = self.machine.is_ours
        data = memoryview(b"") if package.data is None else package.data
        is_bundle = is_ours and package.package_type == PackageType.BUNDLE
        parts = decode_bundle(data) if is_bundle else [(package.package_type, data)]
        items = [item_of(package_type, part, is_ours) for package_type, part in parts]
        content = sum(map(self._check, items))
        self.machine.package(len(data), content, now, len(parts))
        self._items += items
        self._charge += len(data) + len(parts) * PACKAGE_CHARGE
        if content:
            self.transfer.moved(now, self.machine.received)
            self._reports.progress(self.transfer, now)
            if self.machine.state.is_over:
                # Whoever heard of it has ended it.
                return
            if not self.machine.is_ours and self._contents.is_between_files and self.transfer.is_folder:
                self._reply(MessageType.FILE_OF_FOLDER_RECEIVED, PROJECT.encode(ProjectBody(self.transfer.id)))
        self._go_on()
        self._hold_up_reading()
        if not self.machine.is_ours:
            self._end_when_whole()

    def _check(self, item: Item) -> int:
        """Bytes of content in it; raises Broken when it cannot come here."""
        if isinstance(item, (bytes, memoryview)):
            self._contents.content(len(item))
            return len(item)
        if hasattr(item, "size"):
            self._contents.file(item.size)
        else:
            self._contents.folder()
        return 0

    def _end_when_whole(self) -> None:
        """A single file has no package that ends it."""
        is_whole = not self.transfer.is_folder and self.machine.received == self.transfer.size
        if is_whole and self.machine.expects_more:
            self._end()

    def ended(self, digest: bytes) -> None:
        """One of ours has sent all. Raises Broken."""
        self._contents.end()
        self._digest = digest
        self._end()

    def _end(self) -> None:
        self.machine.end(self._context.clock.seconds())
        self.transfer.state = self.machine.state
        self._go_on()

    def _go_on(self, gathering: bool = True) -> None:
        """Give the disk what has come, when that is worth it, and let it finish when that was all."""
        if self._working is not None or self._writer is None:
            return
        if self._items:
            is_little = self._charge < limits.FILE_SLICE // 2
            if gathering and is_little and self.machine.is_ours and self.machine.expects_more:
                return
            items, self._items = self._items, []
            charge, self._charge = self._charge, 0
            self._work(lambda: self._write(items), lambda _: self._written(charge))
        elif self.machine.state is TransferState.FINISHING:
            self._work(self._finish, self._finished)

    def _write(self, items: list[Item]) -> None:
        """In a thread."""
        assert self._writer is not None
        self._can_write = False
        self._writer.write(items)
        self._can_write = True

    def _written(self, charge: int) -> None:
        if self.machine.take(charge, self._context.clock.seconds()) and self.machine.is_ours:
            self._reply(MessageType.FILE_GRANTED, GRANT.encode(GrantBody(self.machine.granted, self.transfer.id)))
        self._read_on()
        self._go_on()

    def _finish(self) -> Path:
        """In a thread: check the whole, and give it its name. From here on a cancel comes too late for that."""
        assert self._writer is not None
        if self.machine.state.is_over:
            raise CancelledError
        if self._algorithm is not None and self._writer.digest() != self._digest:
            self._writer.discard()
            raise WrongTree("what came is not what was sent: the digests of the whole differ")
        return self._writer.finish(replace=self._replace)

    def _finished(self, path: Path) -> None:
        told = None if self._before_kept is None else as_deferred(self._before_kept(path))
        if told is None:
            self._complete()
        else:
            self._working = told.addCallbacks(lambda _: self._complete(), self._failed)

    def _complete(self) -> None:
        if not self.machine.complete():
            return
        self._close()
        self._desk.put_away(self)
        if self.machine.is_ours:
            self._reply(MessageType.FILE_KEPT, PROJECT.encode(ProjectBody(self.transfer.id)))
        self.transfer.completed()
        self._reports.completed(self.transfer)

    # --- work in threads ----------------------------------------------------------------------------------------------
    def _work(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        def done(result: Any) -> None:
            self._working = None
            if not self.machine.state.is_over:
                then(result)

        self._working = self._worker.run(work)
        self._working.addCallback(done).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        self._working = None
        for kind, reason in _REFUSED.items():
            if failure.check(kind):
                self._desk.refused(reason)
        if not self.machine.state.is_over:
            self.stop(FileDisruption.INNER_ERROR, failure.getErrorMessage(), failure.value)
        else:
            _log.debug("{transfer}: nobody waits for {error}", transfer=repr(self.transfer), error=failure.value)

    def _hold_up_reading(self) -> None:
        # One of ours sends what it is granted. Of any other, the connection alone can be held up.
        if not self.machine.is_ours and not self._holds_up_reading and self.machine.backlog > limits.FILE_BACKLOG:
            self._holds_up_reading = True
            self._desk.brake.hold(self.sender.lane, self)

    def _read_on(self) -> None:
        if self._holds_up_reading and self.machine.backlog <= limits.FILE_BACKLOG // 2:
            self._holds_up_reading = False
            self._desk.brake.release(self.sender.lane, self)

    # --- the end ------------------------------------------------------------------------------------------------------
    def cancelled(self, body: CancelBody) -> None:
        """The sender sends no more."""
        other = FileDisruption.OTHER_INNER_ERROR if body.inner_error else FileDisruption.CANCELLED_BY_OTHER
        self._interrupt(other, body.cause or "the sender gave no reason")

    def answered_elsewhere(self) -> None:
        """Another device of this account has decided."""
        if self.machine.state is TransferState.OFFERED:
            self._interrupt(FileDisruption.CANCELLED_BY_OTHER, "answered on another device")

    def other_is_gone(self, cause: str) -> None:
        """The sender is not there any more, nor then the channel by which alone it may come. What is here as a whole is
        finished all the same."""
        if self.machine.state is not TransferState.FINISHING:
            is_bound = self.only_by is not None
            self._interrupt(FileDisruption.P2P_CHANNEL_CLOSED if is_bound else FileDisruption.OTHER_OFFLINE, cause)

    def goes_by(self, link: Any) -> bool:
        """Whether it comes by a link, with nothing of it under way by the server: it goes on with the link when the
        connection to the server is lost."""
        return self.sender is link.peer

    def channel_lost(self, link: Any) -> None:
        """A link has no channel any more. What may come by that alone is given up, unless it is here as a whole."""
        if self.only_by is not link or self.machine.state is TransferState.FINISHING or self.machine.state.is_over:
            return
        self._reply(MessageType.FILE_PEER_GONE, PROJECT.encode(ProjectBody(self.transfer.id)))
        self._interrupt(FileDisruption.P2P_CHANNEL_CLOSED, "the P2P channel was closed")

    def connection_lost(self) -> None:
        """This end is not there any more; as `other_is_gone`."""
        if self.machine.state is not TransferState.FINISHING:
            self._interrupt(FileDisruption.SELF_OFFLINE, "the connection was lost")

    def cancel(self, cause: str) -> None:
        """The application wants no more of it; before the decision that is a refusal."""
        if self.machine.state is TransferState.OFFERED:
            self.refuse(cause or "not wanted")
        else:
            self.stop(FileDisruption.CANCELLED, cause or "cancelled by the receiver")

    def sweep(self, now: float) -> None:
        """Write what waits for more; give up what does not move; tell a sender of ours that this end is there."""
        self._go_on(gathering=False)
        overdue = self.machine.overdue(now)
        if overdue is not None:
            self.stop(overdue, f"nothing came for {self._context.options.files.silence:g} s")
        elif self.machine.has_lapsed(now):
            self.refuse("nobody decided about it")
        elif self.machine.is_ours and self.machine.wants_to_tell(now):
            self._reply(MessageType.FILE_ALIVE, PROJECT.encode(ProjectBody(self.transfer.id)))

    def stop(self, disruption: FileDisruption, cause: str, error: BaseException | None = None) -> None:
        """End it from this side: the other one is told, without what an error here says of local paths."""
        if self.machine.state.is_over:
            return
        told = cause if error is None else public_text(error)
        is_wish = disruption is FileDisruption.CANCELLED
        if self.machine.state in (TransferState.OFFERED, TransferState.PREPARING):
            self._answer(told)
        else:
            cancel = CANCEL.encode(CancelBody(told, not is_wish, self.transfer.id))
            self._reply(MessageType.RECEIVER_CANCELS_FILE, cancel)
        self._interrupt(disruption, cause, error)

    def _interrupt(self, disruption: FileDisruption, cause: str, error: BaseException | None = None) -> None:
        if not self.machine.interrupt():
            return
        items, self._items = self._items, []
        self._close()
        if self._working is None and self._writer is None:
            self._desk.put_away(self)
        else:
            # Behind whatever the disk is busy with.
            suspended = self._worker.run(lambda: self._suspend(items)).addErrback(self._not_put_away)
            suspended.addBoth(lambda _: self._desk.put_away(self))
        self.transfer.interrupted(disruption, cause, error)
        if self._is_asked:
            self._reports.interrupted(self.transfer)

    def _suspend(self, items: list[Item]) -> None:
        """In a thread: keep what has come, `items` included unless the disk takes nothing more."""
        if self._writer is None:
            return
        try:
            if items and self._can_write:
                self._write(items)
        except (OSError, EsError) as error:
            _log.debug("{transfer}: what came last is lost: {error}", transfer=repr(self.transfer), error=error)
        finally:
            self._writer.suspend()

    def _not_put_away(self, failure: Failure) -> None:
        _log.failure("{transfer}: what is left could not be put away", failure, transfer=repr(self.transfer))

    def _close(self) -> None:
        self._desk.over(self)
        if self._holds_up_reading:
            self._holds_up_reading = False
            self._desk.brake.release(self.sender.lane, self)

    def _reply(self, message_type: int, body: bytes) -> None:
        self.sender.reply(message_type, body, self._number)


def _algorithm_for(details: DetailsBody | None) -> str | None:
    """The digest to be used: the first of the sender's that works here; None with senders of another make."""
    if details is None:
        return None
    return next((each for each in details.digests if each in algorithms()), None)
