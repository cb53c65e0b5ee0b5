"""Messages that a server itself sends. They live as long as the server does; who sends them hears what becomes of each.

Knows the post office, and no frames. What may be sent at all is checked here for clients, too.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from esframework import limits
from esframework.errors import EncodeError
from esframework.managers.delivery.contracts import LAST_LEVELS, FailedBody, MessageKey, ReachedBody, Receipt
from esframework.managers.delivery.failures import closed, refused
from esframework.managers.delivery.machine.senders import Sender
from esframework.managers.delivery.tracking import Tracking
from esframework.wire.identity import check_target
from esframework.wire.types import Level


@dataclass(slots=True)
class _Open:
    """A message whose end is not known."""

    target: str
    information_type: int
    level: Level


class OwnMessages:
    """The server as a sender; `process` is its id, the same as the epoch of its mailboxes."""

    def __init__(self, clock: IReactorTime) -> None:
        self.tracking = Tracking(clock, lambda key: None)
        self._open: dict[MessageKey, _Open] = {}
        self._conversations: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._last_conversation = 0
        self._process = b""

    def begin(self, process: bytes) -> None:
        """The server opens."""
        self._process = process
        self._conversations.clear()

    def open(
        self, target: str, information_type: int, until: Level, timeout: float | None
    ) -> tuple[MessageKey, Deferred[Receipt]]:
        """The key of the next message to a target, and what waits for its receipt."""
        number, last = self._conversations.pop(target, (0, 0))
        if not number:
            self._last_conversation += 1
            number = self._last_conversation
            if len(self._conversations) >= limits.DELIVERY_CONVERSATIONS:
                self._conversations.popitem(last=False)
        self._conversations[target] = (number, last + 1)
        key = MessageKey(self._process, number, last + 1)
        self._open[key] = _Open(target, information_type, Level.SENT)
        return key, self.tracking.wait(key, target, information_type, until, timeout)

    def told(self, sender: Sender, reached: Iterable[ReachedBody], failed: Iterable[FailedBody]) -> None:
        """Receipts, as a client would get them."""
        for run in reached:
            for sequence in range(run.first, run.last + 1):
                self._reached(sender, MessageKey(self._process, run.conversation, sequence), Level(run.level))
        for each in failed:
            key = MessageKey(self._process, each.conversation, each.sequence)
            sender.drop(each.conversation, each.sequence)
            message = self._open.pop(key)
            level = Level(each.level)
            error = refused(key, message.target, message.information_type, level, each.reason)
            self.tracking.failed(key, level, error)

    def _reached(self, sender: Sender, key: MessageKey, level: Level) -> None:
        self._open[key].level = level
        if level in LAST_LEVELS:
            del self._open[key]
            sender.drop(key.conversation, key.sequence)
        self.tracking.reached(key, level)

    def close(self) -> None:
        """The server closes, and what it holds in memory with it."""
        left, self._open = self._open, {}
        for key, message in left.items():
            error = closed(key, message.target, message.information_type, message.level)
            self.tracking.failed(key, message.level, error)
        self.tracking.close()


def check_waiting(until: Level, timeout: float | None) -> None:
    """Raise EncodeError for what would be waited for in vain."""
    if not isinstance(until, Level):
        raise EncodeError(f"until is {until!r}; a Level such as Level.RECEIVER_HANDLED_IT expected")
    if until is Level.QUEUED:
        raise EncodeError("until is QUEUED, which every message is at once; SENT or more expected")
    if timeout is not None and not (isinstance(timeout, (int, float)) and timeout >= 0):
        raise EncodeError(f"timeout is {timeout!r}; seconds expected, or None to wait as long as it takes")


def checked_content(
    target: str | None, information_type: int, content: bytes | None, max_message: int
) -> bytes | None:
    """The content to send, a copy of what its owner may change; raises EncodeError for what cannot be sent,
    and InvalidUserId for whom nothing can be sent to."""
    if content is not None and not isinstance(content, (bytes, bytearray, memoryview)):
        raise EncodeError(f"content is {type(content).__name__}; bytes or None expected")
    if not isinstance(information_type, int) or not -(2**31) <= information_type < 2**31:
        raise EncodeError(f"information type is {information_type!r}; an integer of 32 bits expected")
    longest = max_message - limits.DELIVERY_OVERHEAD
    if content is not None and len(content) > longest:
        raise EncodeError(f"content of {len(content)} bytes; at most {longest} go in one message: send a blob")
    if target is not None:
        check_target(target)
    return content if content is None else bytes(content)
