"""What applications are told of transfers, and how often. Decides nothing."""

from __future__ import annotations

from twisted.logger import Logger

from esframework import limits
from esframework.managers.files.transfer import Progress, Transfer
from esframework.plugins.hooks import Event
from esframework.wire.types import FileDisruption

_log = Logger()


class TransferEvents:
    """What happens to the transfers of one direction (manual, chapter 03: IFileTransferingEvents).

    `resumed` is told in place of `started` where a transfer goes on from before; `progress` at most ten times a second
    for each, and at its end.
    """

    def __init__(self, direction: str) -> None:
        self.started: Event[Transfer] = Event(f"files.{direction}.started")
        self.resumed: Event[Transfer] = Event(f"files.{direction}.resumed")
        self.progress: Event[Transfer, Progress] = Event(f"files.{direction}.progress")
        self.completed: Event[Transfer] = Event(f"files.{direction}.completed")
        self.interrupted: Event[Transfer, FileDisruption] = Event(f"files.{direction}.interrupted")


class Reports:
    """The events of one engine's transfers."""

    def __init__(self) -> None:
        self.sending = TransferEvents("sending")
        self.receiving = TransferEvents("receiving")
        self.answered: Event[Transfer, bool] = Event("files.answered")

    def _of(self, transfer: Transfer) -> TransferEvents:
        return self.sending if transfer.is_sending else self.receiving

    def started(self, transfer: Transfer) -> None:
        """Bytes begin to move."""
        events = self._of(transfer)
        (events.resumed if transfer.is_resumed else events.started).fire(transfer)

    def progress(self, transfer: Transfer, now: float) -> None:
        """It has moved; told when it is time to."""
        events = self._of(transfer)
        if events.progress and now - transfer.told_at >= limits.FILE_PROGRESS_INTERVAL:
            transfer.told_at = now
            events.progress.fire(transfer, transfer.so_far)

    def completed(self, transfer: Transfer) -> None:
        """It is whole."""
        events = self._of(transfer)
        events.progress.fire(transfer, transfer.so_far)
        events.completed.fire(transfer)

    def interrupted(self, transfer: Transfer) -> None:
        """It is not, and will not be."""
        assert transfer.disruption is not None
        _log.debug("{transfer}: {cause}", transfer=repr(transfer), cause=transfer.cause)
        self._of(transfer).interrupted.fire(transfer, transfer.disruption)
