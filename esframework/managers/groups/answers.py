"""What clients and the log are told of what failed: each kind of error, and the protocol's reason for it."""

from __future__ import annotations

from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from esframework.errors import (
    ComeBackLater,
    EncodeError,
    EsError,
    GroupExists,
    GroupFull,
    InvalidText,
    InvalidUserId,
    NoSuchGroup,
    NotAMember,
    NotLoggedOn,
    StoreError,
    TooManyGroups,
)
from esframework.managers.groups.departures import HasLeft
from esframework.managers.groups.machine import Forbidden
from esframework.plugins.quiet import Quiet
from esframework.wire.types import RequestFailure

_log = Logger()

REASONS: Final[tuple[tuple[type[EsError], RequestFailure], ...]] = (
    (Forbidden, RequestFailure.NOT_ALLOWED),
    (HasLeft, RequestFailure.NOT_ALLOWED),
    (NoSuchGroup, RequestFailure.NO_SUCH_THING),
    (NotAMember, RequestFailure.NO_SUCH_THING),
    (GroupExists, RequestFailure.CONFLICT),
    (GroupFull, RequestFailure.QUOTA_EXCEEDED),
    (TooManyGroups, RequestFailure.QUOTA_EXCEEDED),
    (InvalidUserId, RequestFailure.INVALID),
    (InvalidText, RequestFailure.INVALID),
    (NotLoggedOn, RequestFailure.TARGET_ABSENT),
    (ComeBackLater, RequestFailure.BUSY),
    (EncodeError, RequestFailure.TOO_LONG),
    (StoreError, RequestFailure.STORE_FAILED),
)
"""In the order in which they are tried."""

_LONGEST_DETAIL: Final = 300
"""Characters: an error repeats names that its author chose."""


def reason_of(error: EsError) -> RequestFailure | None:
    """The reason that a client is told, None for an error that is not the client's doing."""
    return next((reason for kind, reason in REASONS if isinstance(error, kind)), None)


def detail_of(error: EsError) -> str:
    """The words that a client is told. What a store says of its file or database is for the log alone."""
    if isinstance(error, StoreError):
        return "groups cannot be stored or read now"
    return str(error)[:_LONGEST_DETAIL]


class StoreComplaints:
    """Writes into the log that the store of groups fails, now and then while it does."""

    def __init__(self, clock: IReactorTime) -> None:
        self._quiet = Quiet(clock)

    def add(self, error: StoreError) -> None:
        """It failed."""
        passed_over = self._quiet.admits("store")
        if passed_over is not None:
            _log.error(
                "groups cannot be stored or read: {error} ({passed_over} more failures since the last entry)",
                error=str(error),
                passed_over=passed_over,
            )
