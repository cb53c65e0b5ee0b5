"""What happens on the disk, as the application hears of it, and questions that it may answer with no."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from twisted.logger import Logger

from esframework.plugins.hooks import Subscription
from esframework.plugins.models import as_deferred

_log = Logger()
T = TypeVar("T")


class Operation(StrEnum):
    """What changed the disk."""

    MAKE_FOLDER = "make_folder"
    MOVE = "move"
    REMOVE = "remove"
    SHARE = "share"
    UNSHARE = "unshare"


@dataclass(frozen=True, slots=True)
class DiskChange:
    """A change that was made: by whom, and where, as that user sees it. `target` is the new path of what was moved."""

    operation: Operation
    user_id: str
    path: str
    target: str | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class DiskTask:
    """An upload or a download of a user's: `path` is where it is on the disk, as that user sees it. `size` in bytes.

    `transfer` is that of `server.files`, once it has begun; `error` says, when it is over, why it failed.
    """

    user_id: str
    device: str
    path: str
    is_upload: bool
    is_folder: bool
    size: int
    files: int
    transfer: Any = None
    error: BaseException | None = None


class Question(Generic[T]):
    """Something that subscribers may refuse: one that answers with a text or False does, and one that raises.

    None and True are consent; answers may be awaited. Without subscribers nothing is refused.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._subscribers: list[Callable[..., object]] = []

    def subscribe(self, callback: Callable[[T], object]) -> Subscription:
        """Ask `callback`, too, until the handle returned is cancelled."""
        self._subscribers.append(callback)
        return Subscription(self._subscribers, callback, None)

    async def refusal(self, subject: T) -> str | None:
        """Why not, in the words of the first subscriber that refuses; None when nobody does."""
        for callback in tuple(self._subscribers):
            try:
                answer = callback(subject)
                deferred = as_deferred(answer)
                if deferred is not None:
                    answer = await deferred
            except Exception:
                _log.failure("a subscriber of {question} failed; it is refused", question=self.name)
                answer = False
            if answer is not None and answer is not True:
                return answer if isinstance(answer, str) and answer else "the server refused"
        return None
