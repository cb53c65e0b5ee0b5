"""Messages whose receiver's window is over, on their way to the disk: asks the manager `offline`, if there is one.

Knows no store; what the manager says is turned into what the sender is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework.errors import NotKept, PluginError
from esframework.interfaces import IServerContext
from esframework.managers.delivery.machine.entries import Entry
from esframework.wire.types import RequestFailure

_log = Logger()

Stored = Callable[["RequestFailure | None"], None]


class Keeping:
    """Asks for messages to be kept."""

    def __init__(self, server: IServerContext) -> None:
        self._server = server

    def keep(self, entry: Entry, stored: Stored) -> bool:
        """Have a message kept; `stored(failure)` is called when it is on the disk, or is not kept. False without
        anybody who keeps messages."""
        keeper = self._keeper()
        if keeper is None or entry.target is None:
            return False

        def ended(outcome: Any) -> None:
            stored(self._failure_of(entry, outcome))

        keeper.offer(
            entry.target,
            entry.information_type,
            entry.content,
            source=entry.source,
            source_device=entry.source_device,
            id=str(entry.key),
            redelivered=entry.was_handed or entry.may_have_been_handed,
            received_at=entry.received_at / 1000,
        ).addBoth(ended)
        return True

    def _keeper(self) -> Any:
        try:
            return self._server.manager("offline")
        except PluginError:
            return None

    @staticmethod
    def _failure_of(entry: Entry, outcome: Any) -> RequestFailure | None:
        if not isinstance(outcome, Failure):
            return None
        error = outcome.value
        if isinstance(error, NotKept):
            reason = RequestFailure(error.reason)
            is_absent = reason is RequestFailure.TARGET_ABSENT
            return RequestFailure(entry.failure) if is_absent and entry.failure else reason
        _log.error("a message to {target} could not be stored: {error}", target=entry.target, error=str(error))
        return RequestFailure.STORE_FAILED
