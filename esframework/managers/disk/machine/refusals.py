"""Why something cannot be done on the disk: each error is a reason of the protocol with its words."""

from __future__ import annotations

from esframework.errors import LocalError
from esframework.wire.types import RequestFailure


class DiskRefusal(LocalError):
    """What was asked of the disk cannot be; nothing was changed. `reason` is what a client is told beside the text."""

    reason = RequestFailure.INVALID


class InvalidPath(DiskRefusal, ValueError):
    """A remote path or an argument breaks a rule; names it and the rule."""


class NoSuchPath(DiskRefusal, LookupError):
    """Nothing is there, or nothing that this user may see; names the path."""

    reason = RequestFailure.NO_SUCH_THING

    def __init__(self, path: str) -> None:
        super().__init__(f"there is no {path}")


class NotAllowed(DiskRefusal):
    """This user may not do that there; names both."""

    reason = RequestFailure.NOT_ALLOWED


class Conflict(DiskRefusal):
    """Something is in the way: that name is taken, a folder is not empty, an upload to it is under way."""

    reason = RequestFailure.CONFLICT


class QuotaExceeded(DiskRefusal):
    """There is no room: of the quota, or of the disk itself; says how much there is."""

    reason = RequestFailure.QUOTA_EXCEEDED


class Busy(DiskRefusal):
    """Too much of this device's waits already; the same call may succeed later."""

    reason = RequestFailure.BUSY
