"""What takes attachments in tests: consumers that keep what they get, and may take their time, and a handler."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from zope.interface import implementer

from esframework import Attachment, IAttachmentConsumer
from tests.peers import Recorder


@implementer(IAttachmentConsumer)
class Collector:
    """Keeps everything; each write and the finish take `seconds`."""

    def __init__(self, reactor: Any, seconds: float = 0.0) -> None:
        self._reactor = reactor
        self._seconds = seconds
        self._pieces: list[bytes] = []
        self.is_finished = False
        self.errors: list[Exception] = []

    @property
    def content(self) -> bytes:
        """What has come."""
        return b"".join(self._pieces)

    def write(self, data: bytes) -> Deferred[None] | None:
        """See `IAttachmentConsumer`."""
        self._pieces.append(data)
        return self._pause()

    def finish(self) -> Deferred[None] | None:
        """See `IAttachmentConsumer`."""
        self.is_finished = True
        return self._pause()

    def fail(self, error: Exception) -> Any:
        """See `IAttachmentConsumer`."""
        self.errors.append(error)

    def _pause(self) -> Deferred[None] | None:
        return deferLater(self._reactor, self._seconds, lambda: None) if self._seconds else None


class Taker(Recorder):
    """A handler that records, and lets attachments go where `where` says: a value, or a function of the attachment."""

    def __init__(self, where: Any = None) -> None:
        super().__init__()
        self.where = where
        self.offers: list[Attachment] = []

    def attachment_offered(self, source: str | None, information_type: int, attachment: Attachment) -> Any:
        """See `IAttachmentHandler`."""
        self.offers.append(attachment)
        return self.where(attachment) if callable(self.where) else self.where
