"""What clients are told of what failed."""

from __future__ import annotations

import errno

import pytest

from esframework.errors import EncodeError, InvalidUserId, StoreError, UnsafePath
from esframework.managers.disk.answers import answer_for
from esframework.managers.disk.machine.refusals import Conflict, InvalidPath, NoSuchPath, NotAllowed, QuotaExceeded
from esframework.wire.types import RequestFailure


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NoSuchPath("/x"), RequestFailure.NO_SUCH_THING),
        (NotAllowed("no"), RequestFailure.NOT_ALLOWED),
        (Conflict("taken"), RequestFailure.CONFLICT),
        (QuotaExceeded("full"), RequestFailure.QUOTA_EXCEEDED),
        (InvalidPath("bad"), RequestFailure.INVALID),
        (UnsafePath("bad"), RequestFailure.INVALID),
        (InvalidUserId("bad"), RequestFailure.INVALID),
        (EncodeError("long"), RequestFailure.TOO_LONG),
        (OSError(errno.ENOSPC, "No space left", "/srv/secret"), RequestFailure.QUOTA_EXCEEDED),
        (OSError(errno.EDQUOT, "Quota", "/srv/secret"), RequestFailure.QUOTA_EXCEEDED),
        (OSError(errno.EIO, "Input/output error", "/srv/secret"), RequestFailure.STORE_FAILED),
        (StoreError("/srv/secret is broken"), RequestFailure.STORE_FAILED),
    ],
)
def test_each_error_has_its_reason_and_no_path_of_the_servers(error: Exception, reason: RequestFailure) -> None:
    told = answer_for(error)
    assert told is not None
    assert told[0] is reason
    assert "/srv" not in told[1]


def test_a_fault_of_the_server_is_no_reason() -> None:
    assert answer_for(KeyError("x")) is None


def test_words_are_short_whoever_chose_them() -> None:
    told = answer_for(NoSuchPath("/" + "x" * 4000))
    assert told is not None
    assert len(told[1]) <= 300
