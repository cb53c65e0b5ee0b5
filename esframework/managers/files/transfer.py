"""What an application sees of a transfer: its facts, its progress, its result. Decides nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from esframework import limits
from esframework.errors import TransferInterrupted
from esframework.interfaces import IOngoing
from esframework.managers.files.facts import Facts
from esframework.managers.files.machine.pace import Speed
from esframework.managers.files.machine.states import TransferState
from esframework.managers.files.options import SendingParameters
from esframework.net.threads import hops_to_reactor
from esframework.wire.types import FileDisruption


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transfer is: bytes, those skipped by resuming included; `seconds` since it began; `speed` in bytes a
    second over the last few; `remaining` seconds at that speed, None when nobody can say."""

    transferred: int
    size: int
    seconds: float
    speed: float

    @property
    def remaining(self) -> float | None:
        """Seconds until all is there."""
        return (self.size - self.transferred) / self.speed if self.speed > 0 else None


@implementer(IOngoing)
class Transfer:
    """One file or folder on its way (manual, chapter 03: TransferingProject).

    `sender` and `receiver` are bare user ids, None is the server; `device` is the LoginID of the other end once it is
    known. `path` is where it is read here, or appears in the end. `name` comes from the sender: good for showing, and
    for `Offer.accept_into`, which makes a path of it that is safe. `left_by` is whose it is when the server hands over
    what somebody has left for this user. `left_out` is how many links, sockets, pipes and devices of a folder that is
    sent from here do not go with it.
    """

    def __init__(
        self,
        transfer_id: str,
        facts: Facts,
        *,
        is_sending: bool,
        sender: str | None,
        receiver: str | None,
        cancel: Callable[[str], None],
        clock: Any,
        path_kind: Callable[[], str],
        parameters: SendingParameters | None = None,
    ) -> None:
        self.reactor = clock
        self.id = transfer_id
        self.name = facts.name
        self.origin = facts.origin
        self.size = facts.size
        self.files = facts.files
        self.is_folder = facts.is_folder
        self.is_executable = facts.is_executable
        self.modified_at = facts.modified_at
        self.comment = facts.comment
        self.subject = facts.subject
        self.left_out = facts.left_out
        self.is_sending = is_sending
        self.sender = sender
        self.receiver = receiver
        self.left_by: str | None = None
        self.device: str | None = None
        self.path: Path | None = None
        self.parameters = parameters
        self.state = TransferState.OFFERED
        self.transferred = 0
        self.skipped = 0
        self.disruption: FileDisruption | None = None
        self.cause = ""
        self.error: BaseException | None = None
        self.told_at = 0.0
        self._cancel = cancel
        self._path_kind = path_kind
        self._began = clock.seconds()
        self._speed = Speed()
        self._looked_at = self._began
        self._waiting: list[Deferred[Transfer]] = []
        self._watching: list[Deferred[None]] = []

    def __repr__(self) -> str:
        way = f"to {self.receiver!r}" if self.is_sending else f"from {self.sender!r}"
        return f"<Transfer of {self.name!r} {way}: {self.state.value}, {self.transferred} of {self.size} bytes>"

    @property
    def other(self) -> str | None:
        """The other end's bare id, None for the server."""
        return self.receiver if self.is_sending else self.sender

    @property
    def is_transferring(self) -> bool:
        """Whether it has been accepted and is not over."""
        return self.state not in (TransferState.OFFERED, TransferState.COMPLETED, TransferState.INTERRUPTED)

    @property
    def is_resumed(self) -> bool:
        """Whether it goes on where an earlier one was interrupted."""
        return self.skipped > 0

    @property
    def path_kind(self) -> str:
        """By what its packages go now: "server", or a P2P channel by "tcp" or "udp"; when it is over, what they went by
        last."""
        return self._path_kind()

    @property
    def so_far(self) -> Progress:
        """How far it is now."""
        seconds = self.reactor.seconds() - self._began
        return Progress(self.transferred, self.size, seconds, self._speed.per_second)

    @hops_to_reactor
    def done(self) -> Deferred[Transfer]:
        """Fires with this when it is completed; fails with `TransferInterrupted`. Each caller gets its own."""
        if self.state is TransferState.COMPLETED:
            return succeed(self)
        if self.state is TransferState.INTERRUPTED:
            return fail(self._interrupted_error())
        waiting: Deferred[Transfer] = Deferred()
        self._waiting.append(waiting)
        return waiting

    async def progress(self) -> AsyncIterator[Progress]:
        """Give the progress as it changes, the last time when all is over; raises `TransferInterrupted` at the end of
        an interrupted one. For coroutines in the reactor's thread; a script that blocks says `blocking.each(...)`."""
        told = -1
        while not self.state.is_over:
            if self.transferred != told:
                told = self.transferred
                yield self.so_far
            else:
                changed: Deferred[None] = Deferred()
                self._watching.append(changed)
                await changed
        if self.state is TransferState.INTERRUPTED:
            raise self._interrupted_error()
        yield self.so_far

    @hops_to_reactor
    def cancel(self, cause: str = "") -> None:
        """Interrupt it, at both ends; harmless when it is over. What came of it can be gone on with.

        In the very last moment, while the receiver gives it its name, what is whole may get that all the same.
        """
        self._cancel(cause)

    # --- for whoever moves it -----------------------------------------------------------------------------------------
    def begun(self, now: float, skipped: int) -> None:
        """Bytes begin to move."""
        self._began = now
        self.skipped = self.transferred = skipped
        self._speed.at(now, skipped)

    def moved(self, now: float, transferred: int) -> None:
        """So many bytes by now."""
        self.transferred = transferred
        if now - self._looked_at >= limits.FILE_PROGRESS_INTERVAL:
            self._looked_at = now
            self._speed.at(now, transferred)
            self.changed()

    def changed(self) -> None:
        """Something is to be looked at anew."""
        watching, self._watching = self._watching, []
        for each in watching:
            each.callback(None)

    def completed(self) -> None:
        """It is over, and whole."""
        self.state = TransferState.COMPLETED
        self._settle(lambda waiting: waiting.callback(self))

    def interrupted(self, disruption: FileDisruption, cause: str, error: BaseException | None) -> None:
        """It is over, and not whole."""
        self.state = TransferState.INTERRUPTED
        # What the other end says is as long as it likes.
        self.disruption, self.cause, self.error = disruption, cause[: limits.MAX_FILE_TEXT], error
        self._settle(lambda waiting: waiting.errback(self._interrupted_error()))

    def _settle(self, settle: Callable[[Deferred[Transfer]], None]) -> None:
        # Who keeps it keeps nothing of what has moved it: the list of a large folder has 100 MB.
        self._cancel = _too_late
        path_kind = self._path_kind()
        self._path_kind = lambda: path_kind
        waiting, self._waiting = self._waiting, []
        self.changed()
        for each in waiting:
            settle(each)

    def _interrupted_error(self) -> TransferInterrupted:
        assert self.disruption is not None
        way = "to" if self.is_sending else "from"
        who = "the server" if self.other is None else repr(self.other)
        text = f"the transfer of {self.name!r} {way} {who} was interrupted ({self.disruption.name}): {self.cause}"
        error = TransferInterrupted(text, self.disruption, self.cause)
        error.__cause__ = self.error
        return error


def _too_late(cause: str) -> None:
    """Cancelling what is over is harmless."""
