"""What clients and the log are told of what failed: each kind of error, and the protocol's reason for it."""

from __future__ import annotations

import errno
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from esframework.errors import (
    ComeBackLater,
    EncodeError,
    EsError,
    InvalidUserId,
    SourceRefused,
    StoreError,
    TargetAbsent,
    UnsafePath,
)
from esframework.managers.disk.machine.refusals import DiskRefusal
from esframework.plugins.quiet import Quiet
from esframework.wire.types import RequestFailure

_log = Logger()

_REASONS: Final[tuple[tuple[type[EsError], RequestFailure], ...]] = (
    (UnsafePath, RequestFailure.INVALID),
    (InvalidUserId, RequestFailure.INVALID),
    (SourceRefused, RequestFailure.INVALID),
    (ComeBackLater, RequestFailure.BUSY),
    (EncodeError, RequestFailure.TOO_LONG),
    (StoreError, RequestFailure.STORE_FAILED),
    (TargetAbsent, RequestFailure.TARGET_ABSENT),
)
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_LONGEST_DETAIL: Final = 300
"""Characters: an error repeats names that its author chose."""


def answer_for(error: Exception) -> tuple[RequestFailure, str] | None:
    """The reason and the words that a client is told, None for an error that is a fault of the server's.

    What the system says of its paths is for the log alone.
    """
    if isinstance(error, DiskRefusal):
        return error.reason, str(error)[:_LONGEST_DETAIL]
    if isinstance(error, OSError) and not isinstance(error, EsError):
        if error.errno in _FULL:
            return RequestFailure.QUOTA_EXCEEDED, "the server's disk is full"
        return RequestFailure.STORE_FAILED, f"the server's disk failed: {error.strerror or type(error).__name__}"
    reason = next((reason for kind, reason in _REASONS if isinstance(error, kind)), None)
    if reason is RequestFailure.STORE_FAILED:
        return reason, "what is shared cannot be read or written now"
    return None if reason is None else (reason, str(error)[:_LONGEST_DETAIL])


class Complaints:
    """Writes into the log that the server's disk fails, now and then while it does."""

    def __init__(self, clock: IReactorTime) -> None:
        self._quiet = Quiet(clock)

    def add(self, error: Exception) -> None:
        """It failed."""
        passed_over = self._quiet.admits(type(error).__name__)
        if passed_over is not None:
            _log.error(
                "the network disk failed: {error} ({passed_over} more failures since the last entry)",
                error=str(error),
                passed_over=passed_over,
            )
