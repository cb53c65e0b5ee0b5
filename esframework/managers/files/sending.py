"""One file or folder on its way out: what the receiver says goes to the machine, what the machine allows is read and
sent. Finding it among others is `files`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import ConnectionInterrupted, NotLoggedOn, NotPermitted, TargetAbsent
from esframework.filesystem.items import FileItem, Item, Position
from esframework.filesystem.reading import TreeReader
from esframework.filesystem.worker import FileWorker
from esframework.interfaces import IContext
from esframework.managers.files.bundles import PART_HEAD, Part, encode_bundle
from esframework.managers.files.contracts import (
    CANCEL,
    ENDED,
    PROJECT,
    STARTED,
    AnswerDetailsBody,
    CancelBody,
    EndedBody,
    ProjectBody,
    StartedBody,
)
from esframework.managers.files.machine.pace import Pace
from esframework.managers.files.machine.sending import SendingMachine
from esframework.managers.files.machine.states import PACKAGE_CHARGE, TransferState
from esframework.managers.files.packages import encode_package, parts_of
from esframework.managers.files.public import public_text
from esframework.managers.files.reports import Reports
from esframework.managers.files.this_end import ThisEnd
from esframework.managers.files.transfer import Transfer
from esframework.managers.files.ways import Route, Way
from esframework.net.memory import keep_memory
from esframework.wire.contracts import AnswerFile6
from esframework.wire.types import FileDisruption, MessageType, PackageType, Priority

_log = Logger()
FROM_SENDERS: Final = frozenset(
    {
        MessageType.BEGIN_FILE,
        MessageType.FILE_DETAILS,
        MessageType.FILE_STARTED,
        MessageType.FILE_PACKAGE,
        MessageType.FILE_ENDED,
        MessageType.SENDER_CANCELS_FILE,
    }
)
"""What only senders say, under the number of their offer."""


class Transmission:
    """One transfer that this end sends; `over` is called once, when nothing can happen any more."""

    def __init__(
        self,
        context: IContext,
        end: ThisEnd,
        reports: Reports,
        transfer: Transfer,
        reader: TreeReader,
        worker: FileWorker,
        machine: SendingMachine,
        pace: Pace,
        over: Callable[[], None],
    ) -> None:
        keep_memory()
        self.transfer = transfer
        self.machine = machine
        self.number = 0
        self.route: Route | None = None
        self._context = context
        self._this_end = end
        self._reports = reports
        self._reader = reader
        self._worker = worker
        self.pace = pace
        self.lane: Any = None
        self._over = over
        self._project_id = transfer.id.encode()
        self._packages: Iterator[tuple[int, bytes | memoryview]] = iter(())
        self._next: tuple[int, bytes | memoryview] | None = None
        self._index = 0
        self._turns = 0
        # What had been charged when something was last given to the server, and may be lost with the connection to it.
        self._by_server = 0
        self._file_size = 0
        self._file_left = 0
        # Counted in a thread: it is at work.
        self._steps = 0
        self._steps_seen = 0
        self._answer_details: dict[str, AnswerDetailsBody] = {}
        self._waiting: Deferred[None] | None = None
        self._pump: Deferred[None] | None = None
        self._outcome: Deferred[Any] | None = None

    @property
    def _way(self) -> Way:
        assert self.route is not None
        return self.route.way

    @property
    def _all_ways(self) -> list[Way]:
        return [] if self.route is None else self.route.ways

    def comes_from(self, sender: Any) -> bool:
        """Whether a frame is from whom this goes to: before the answer any device of the user."""
        if self.machine.receiver is not None:
            return bool(sender.login_id == self.machine.receiver)
        return bool(sender.name == self.transfer.receiver)

    def heard_from(self, sender: Any) -> None:
        """The receiver speaks; by what, is the way to it now."""
        if self.machine.receiver is not None and self.route is not None:
            self.route.heard_from(sender)

    def offer(self, route: Route, send: Callable[[Way, int], None]) -> None:
        """Offer it to every device there is; `send(way, number)` does. Whoever is gone ends it."""
        self.route = route
        # A client's files look after the connection themselves: see `Files.connection_lost`.
        self.number, outcome = self._context.calls.open(
            self.transfer.receiver, MessageType.BEGIN_FILE, MessageType.ANSWER_FILE, 0, survives=True
        )
        self._outcome = outcome
        outcome.addErrback(self._gone)
        for way in route.ways:
            send(way, self.number)

    # --- what the receiver says -------------------------------------------------------------------------------------
    def answer_details(self, sender: Any, details: AnswerDetailsBody) -> None:
        """A device of ours is about to accept."""
        if self.machine.state is TransferState.OFFERED:
            self._answer_details[sender.login_id] = details

    def answered(self, sender: Any, answer: AnswerFile6) -> None:
        """A device has decided for its user: the first counts."""
        if self.machine.state is not TransferState.OFFERED or self.route is None:
            return
        self.transfer.device = sender.login_id
        self.lane = sender.lane
        details = self._answer_details.get(sender.login_id)
        self._answer_details = {}
        self._withdraw(self.route.answered(sender, details is not None))
        if not answer.agree:
            self._reports.answered.fire(self.transfer, False)
            self._interrupt(FileDisruption.REJECTED, answer.reject_cause or "the receiver refused")
            return
        granted = details.granted if details is not None else 0
        self.machine.accept(sender.login_id, details is not None, granted, self._context.clock.seconds())
        self.transfer.state = self.machine.state
        self._reports.answered.fire(self.transfer, True)
        if not self.machine.state.is_over:
            self._pump = Deferred.fromCoroutine(self._send_all(answer, details))
            self._pump.addErrback(self._failed)

    def _withdraw(self, others: list[Way]) -> None:
        cancel = CANCEL.encode(CancelBody("answered on another device", False, self.transfer.id))
        for way in others:
            way.say(MessageType.SENDER_CANCELS_FILE, cancel, self.number)

    def granted(self, total: int) -> None:
        """One of ours has room for more."""
        self.machine.grant(total, self._context.clock.seconds())
        self._wake()

    def file_is_in(self) -> None:
        """A file of the folder is in, says one of another make."""
        self.machine.file_is_in(self._context.clock.seconds())
        self._wake()

    def kept(self) -> None:
        """One of ours has all of it, checked, under its name."""
        if self.machine.is_ours and self.machine.complete():
            self._complete()

    def cancelled(self, body: CancelBody) -> None:
        """The receiver takes no more."""
        other = FileDisruption.OTHER_INNER_ERROR if body.inner_error else FileDisruption.CANCELLED_BY_OTHER
        self._interrupt(other, body.cause or "the receiver gave no reason")

    def other_is_gone(self, cause: str) -> None:
        """The receiver is not there any more, nor then the channel by which alone it may go."""
        is_bound = self.route is not None and self.route.only_by is not None
        self._interrupt(FileDisruption.P2P_CHANNEL_CLOSED if is_bound else FileDisruption.OTHER_OFFLINE, cause)

    def goes_by(self, link: Any) -> bool:
        """Whether it goes by a link, and all that went by the server before has arrived: it goes on with the link when
        the connection to the server is lost."""
        route = self.route
        if route is None or route.is_fixed:
            return False
        if self.machine.receiver is None:
            return bool(route.channel is link)
        return self.machine.is_taken(self._by_server)

    def channel_lost(self, link: Any) -> None:
        """A link has no channel any more. What may go by that alone, and has not arrived, is given up."""
        if self.route is None or self.route.only_by is not link or self.machine.state.is_over:
            return
        self.give_up(link)
        link.reply(MessageType.FILE_PEER_GONE, PROJECT.encode(ProjectBody(self.transfer.id)), self.number)
        self._interrupt(FileDisruption.P2P_CHANNEL_CLOSED, "the P2P channel was closed")

    def give_up(self, link: Any) -> None:
        """What a link still has of it is to go no other way."""
        link.give_up(FROM_SENDERS, self.number)

    def connection_lost(self) -> None:
        """This end is not there any more."""
        self._interrupt(FileDisruption.SELF_OFFLINE, "the connection was lost")

    def _gone(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        if failure.check(ConnectionInterrupted) and self.transfer.sender is None:
            # Of a server's connections, the one to the receiver.
            self.other_is_gone(f"{self.transfer.receiver!r} has left")
        elif failure.check(ConnectionInterrupted):
            self.connection_lost()
        elif failure.check(TargetAbsent):
            self.other_is_gone(f"{self.transfer.receiver!r} is not online")
        else:
            reason = FileDisruption.REJECTED if failure.check(NotPermitted) else FileDisruption.INNER_ERROR
            self._interrupt(reason, failure.getErrorMessage(), failure.value)

    # --- reading and sending ------------------------------------------------------------------------------------------
    async def _send_all(self, answer: AnswerFile6, details: AnswerDetailsBody | None) -> None:
        skipped = await self._find_beginning(answer, details)
        now = self._context.clock.seconds()
        self.machine.begin(now)
        if details is not None:
            started = STARTED.encode(StartedBody(project_id=self.transfer.id, skipped=skipped))
            # As the packages, that none overtakes it.
            self._way.send(MessageType.FILE_STARTED, started, self.number, Priority.BULK)
            self._note_path()
        self.transfer.state = self.machine.state
        self.transfer.begun(now, skipped)
        self._reports.started(self.transfer)
        reading = self._read()
        try:
            while items := await self._read_by(reading):
                # The disk works on the next slice while this one leaves.
                reading = self._read()
                await self._send_items(items)
        finally:
            # Whatever comes of a slice that nobody wants any more.
            reading.addErrback(lambda _: None)
        await self._end(details)

    async def _find_beginning(self, answer: AnswerFile6, details: AnswerDetailsBody | None) -> int:
        algorithm = None if details is None else details.digest
        path = (answer.disrupted_relative_path or "").replace("\\", "/") if details is None else None
        position = Position(
            answer.received_count,
            answer.disrupted_relative_path or "" if path is None else path,
            answer.disrupted_received_count,
        )

        def is_over() -> bool:
            self._steps += 1
            return self.machine.state.is_over

        def go_there() -> bool:
            is_over()
            if position.received:
                prefix = self._reader.resume(position, algorithm, is_over)
                if prefix is not None and (details is None or prefix == details.prefix):
                    return True
            self._reader.start(algorithm)
            return False

        resumes = await self._read_by(self._worker.run(go_there))
        return position.received if resumes else 0

    def _read(self) -> Deferred[list[Item]]:
        self._check_wanted()
        return self._worker.run(lambda: self._reader.read(limits.FILE_SLICE))

    async def _read_by(self, reading: Deferred[Any]) -> Any:
        self.machine.reads(self._context.clock.seconds())
        result = await reading
        self.machine.has_read(self._context.clock.seconds())
        return result

    async def _send_items(self, items: list[Item]) -> None:
        self._packages = self._packages_of(items)
        self._next = next(self._packages, None)
        while self._next is not None:
            length = len(self._next[1])
            await self._turn(length)
            if length >= limits.FIRST_FILE_PACKAGE or not self.pace.is_free:
                self._send(*self._take())
            elif self.machine.is_ours:
                self._send_bundle()
            else:
                # Small ones leave together, in one write.
                self._way.channel.gathered(self._send_several)
            now = self._context.clock.seconds()
            self.transfer.moved(now, self.transfer.transferred)
            self._reports.progress(self.transfer, now)

    def _packages_of(self, items: list[Item]) -> Iterator[tuple[int, bytes | memoryview]]:
        for item in items:
            if isinstance(item, FileItem):
                self._file_size = self._file_left = item.size
                if not self.transfer.is_folder:
                    continue
            yield from parts_of(item, self.machine.is_ours, lambda: self.pace.package_size)

    async def _turn(self, length: int) -> None:
        """Wait until a package of that length may be sent: for room, for the line, for the pace, for others."""
        self._check_wanted()
        channel, machine, clock = self._way.channel, self.machine, self._context.clock
        while machine.room < max(1, length):
            self._waiting = Deferred()
            await self._waiting
        turn = channel.ready(None if self.transfer.receiver is None else machine.receiver)
        if turn is not None:
            await turn
        asked = clock.seconds()
        if channel.is_busy:
            await channel.sent(Priority.BULK)
        self.pace.left(clock.seconds() - asked)
        delay = 0.0 if self.pace.is_free else self.pace.delay(length, asked)
        self._turns += 1
        if delay > 0 or self._turns % limits.FILE_PACKAGES_PER_TURN == 0:
            await deferLater(clock, delay, lambda: None)

    def _check_wanted(self) -> None:
        """Raises CancelledError when it is over: who hears of its start and its progress may have ended it, and what
        runs at that moment cannot be cancelled."""
        if self.machine.state.is_over:
            raise CancelledError

    def _send_several(self) -> None:
        sent = 0
        while self._next is not None and sent < limits.FIRST_FILE_PACKAGE and len(self._next[1]) <= self.machine.room:
            sent += len(self._next[1]) + PACKAGE_CHARGE
            self._send(*self._take())

    def _send_bundle(self) -> None:
        parts = [self._take()]
        size = PART_HEAD + len(parts[0][1])
        while self._next is not None and len(parts) < limits.MAX_BUNDLE_PARTS:
            length = len(self._next[1])
            size += PART_HEAD + length
            is_large = length >= limits.FIRST_FILE_PACKAGE or size > self.pace.package_size
            if is_large or size + len(parts) * PACKAGE_CHARGE > self.machine.room:
                break
            parts.append(self._take())
        if len(parts) == 1:
            self._send(*parts[0])
        else:
            self._send(PackageType.BUNDLE, encode_bundle(parts), len(parts))

    def _send(self, package_type: int, data: bytes | memoryview, parts: int = 1) -> None:
        self._index = (self._index + 1) & 0xFF
        body = encode_package(self._project_id, package_type, self._index, data)
        self._way.send(MessageType.FILE_PACKAGE, body, self.number, Priority.BULK)
        self.machine.package(len(data), self._context.clock.seconds(), parts)
        self._note_path()

    def _note_path(self) -> None:
        link = self._this_end.link_to(self.machine.receiver)
        if link is None or not link.outlives_session:
            self._by_server = self.machine.charged + 1

    def _take(self) -> Part:
        """What comes next; it counts as sent."""
        assert self._next is not None
        package_type, data = taken = self._next
        if package_type == PackageType.CONTENT:
            self.transfer.transferred += len(data)
            self._file_left -= len(data)
            if self._file_left == 0 and self.transfer.is_folder:
                self.machine.file_sent(self._file_size)
        # Only now: what the generator does next belongs to the next file.
        self._next = next(self._packages, None)
        return taken

    async def _end(self, details: AnswerDetailsBody | None) -> None:
        await self._turn(0)
        if details is not None:
            digest = await self._read_by(self._worker.run(self._reader.digest))
            ended = ENDED.encode(EndedBody(digest, self.transfer.id))
            self._way.send(MessageType.FILE_ENDED, ended, self.number, Priority.BULK)
            self._note_path()
        elif self.transfer.is_folder:
            finished = encode_package(self._project_id, PackageType.FINISHED, 0, None)
            self._way.send(MessageType.FILE_PACKAGE, finished, self.number, Priority.BULK)
        self.machine.end(self._context.clock.seconds())
        self.transfer.state = self.machine.state
        if details is None and await self._way.channel.sent(Priority.BULK) and self.machine.complete():
            self._complete()

    def _wake(self) -> None:
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.callback(None)

    # --- the end ----------------------------------------------------------------------------------------------------
    def cancel(self, cause: str) -> None:
        """The application wants no more of it."""
        self.stop(FileDisruption.CANCELLED, cause or "cancelled by the sender")

    def sweep(self, now: float) -> None:
        """Give up what does not move, and let one of ours know that this end is there."""
        if self._steps != self._steps_seen:
            self._steps_seen = self._steps
            self.machine.is_reading(now)
        overdue = self.machine.overdue(now)
        if overdue is not None:
            self.stop(overdue, f"nothing moved for {self._context.options.files.silence:g} s")
        elif self.machine.wants_to_tell(now):
            alive = PROJECT.encode(ProjectBody(self.transfer.id))
            for way in self._all_ways:
                if way.may_be_ours:
                    way.say(MessageType.FILE_ALIVE, alive, self.number)

    def stop(self, disruption: FileDisruption, cause: str, error: BaseException | None = None) -> None:
        """End it from this side: the other one is told, without what an error here says of local paths."""
        if self.machine.state.is_over:
            return
        told = cause if error is None else public_text(error)
        is_wish = disruption is FileDisruption.CANCELLED
        cancel = CANCEL.encode(CancelBody(told, not is_wish, self.transfer.id))
        for way in self._all_ways:
            way.say(MessageType.SENDER_CANCELS_FILE, cancel, self.number)
        self._interrupt(disruption, cause, error)

    def _failed(self, failure: Failure) -> None:
        if failure.check(NotLoggedOn):
            self.connection_lost()
        elif not self.machine.state.is_over:
            self.stop(FileDisruption.INNER_ERROR, failure.getErrorMessage(), failure.value)

    def _complete(self) -> None:
        self._close()
        self.transfer.completed()
        self._reports.completed(self.transfer)

    def _interrupt(self, disruption: FileDisruption, cause: str, error: BaseException | None = None) -> None:
        if self.machine.interrupt():
            self._close()
            self.transfer.interrupted(disruption, cause, error)
            self._reports.interrupted(self.transfer)

    def _close(self) -> None:
        self._over()
        self._waiting = None
        if self._pump is not None:
            self._pump.cancel()
        if self._outcome is not None:
            self._outcome.cancel()
        close_quietly(self._worker, self._reader)


def close_quietly(worker: FileWorker, reader: TreeReader) -> None:
    """Let go of the files; nobody waits for it."""
    worker.run(reader.close).addErrback(
        lambda failure: _log.failure("a file that was sent could not be closed", failure)
    )
