"""What a sender is told about a message that gets no further: errors of the usual kinds that also name the message.

Knows no machine.
"""

from __future__ import annotations

from typing import Final

from esframework.errors import (
    ConnectionInterrupted,
    HandlerRaised,
    NotDelivered,
    RequestError,
    RequestTimeout,
    TargetAbsent,
    request_label,
)
from esframework.managers.delivery.contracts import MessageKey
from esframework.wire.types import Level, RequestFailure


class Undelivered(Exception):
    """A message did not come as far as its sender wanted, or, for `not_delivered`, not to its end.

    Always a `RequestError` as well. `id` is the message's, `level` how far it is known to have come.
    """

    id: str
    level: Level


class _Absent(Undelivered, TargetAbsent):
    """The target is not there, and did not come back in time."""


class _NotHandled(Undelivered, HandlerRaised):
    """The target's handler raised."""


class _NotDelivered(Undelivered, NotDelivered):
    """Anything else; `reason` says what."""


class _TimedOut(Undelivered, RequestTimeout):
    """The sender's time-out was over."""


class _Interrupted(Undelivered, ConnectionInterrupted):
    """The sender's engine was closed."""


_REASONS: Final = {
    RequestFailure.TARGET_ABSENT: "it is not online, or was not back within the window",
    RequestFailure.TYPE_UNKNOWN_TO_TARGET: "it was given to a device that acknowledges nothing",
    RequestFailure.DROPPED_BY_FILTER: "a filter of the server dropped it",
    RequestFailure.TOO_LONG: "it is longer than a message may be",
    RequestFailure.QUOTA_EXCEEDED: "too much waits for this target already",
    RequestFailure.SENDER_QUOTA_EXCEEDED: "too much that this user has sent is handled by nobody yet: await receipts",
    RequestFailure.BUSY: "too much waits at the server already",
    RequestFailure.STORE_FAILED: "the offline store failed",
    RequestFailure.CONFLICT: "later messages of the conversation came before it",
    RequestFailure.NO_SUCH_THING: "there is no handler",
    RequestFailure.HANDLER_RAISED: "its handler raised",
}
_KINDS: Final[dict[int, type[RequestError]]] = {
    RequestFailure.TARGET_ABSENT: _Absent,
    RequestFailure.HANDLER_RAISED: _NotHandled,
}


def refused(key: MessageKey, target: str | None, information_type: int, level: Level, reason: int) -> RequestError:
    """The error of a message that will come no further than `level`, for a reason that the server gave."""
    words = _REASONS.get(RequestFailure(reason), RequestFailure(reason).name.lower().replace("_", " "))
    text = _text(key, target, information_type, level, words)
    kind = _KINDS.get(reason)
    if kind is not None:
        return _about(kind(text, target, information_type), key, level)
    return _about(_NotDelivered(text, target, information_type, reason), key, level)


def unserved(key: MessageKey, target: str | None, information_type: int, level: Level) -> RequestError:
    """The error of a message whose server knows no delivery."""
    text = _text(key, target, information_type, level, "the server has no manager 'delivery'")
    return _about(_NotDelivered(text, target, information_type, RequestFailure.NO_SUCH_THING), key, level)


def stored(key: MessageKey, target: str | None, information_type: int) -> RequestError:
    """The error of a message that is safe on the disk, when its sender wanted to know that the receiver has it."""
    words = "it is not online; the message is handed over when it asks"
    text = _text(key, target, information_type, Level.STORED_ON_DISK, words)
    return _about(_Absent(text, target, information_type), key, Level.STORED_ON_DISK)


def timed_out(
    key: MessageKey, target: str | None, information_type: int, level: Level, until: Level, seconds: float
) -> RequestError:
    """The error of a message that was not as far as `until` within its time-out."""
    words = f"not {_words(until)} within {seconds:g} s"
    text = _text(key, target, information_type, level, words)
    return _about(_TimedOut(text, target, information_type), key, level)


def closed(key: MessageKey, target: str | None, information_type: int, level: Level) -> RequestError:
    """The error of a message whose sender's engine was closed."""
    text = _text(key, target, information_type, level, "the engine was closed")
    return _about(_Interrupted(text, target, information_type), key, level)


def _about(error: RequestError, key: MessageKey, level: Level) -> RequestError:
    assert isinstance(error, Undelivered)
    error.id = str(key)
    error.level = level
    return error


def _text(key: MessageKey, target: str | None, information_type: int, level: Level, why: str) -> str:
    who = "the server" if target is None else repr(target)
    what = f"message {key} ({request_label(information_type)})"
    return f"{what} to {who} came no further than {_words(level)}: {why}"


def _words(level: Level) -> str:
    return f"{level.name.lower().replace('_', ' ')!r}"
