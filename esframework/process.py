"""What all services of ours are to their process: a log that is set up before twistd begins it, and an end with exit
code 1 when something cannot be opened.

Knows nothing of what is served.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized

from esframework import logs
from esframework.config import LogConfig

_log = Logger()


class ProcessService(MultiService):
    """A service that a process is there for; `open_everything` is the subclass's. `failed` says that it failed."""

    def __init__(self, log: LogConfig, reactor: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._reactor = reactor
        self._log_config = log
        self.failed = False

    def open_everything(self) -> Deferred[Any]:
        """Open what is served; fires when all is open."""
        raise NotImplementedError

    def setServiceParent(self, parent: Any) -> None:
        """Part of IService; under twistd, the application's log is set up here, before twistd begins it."""
        if isinstance(parent, Componentized):
            log = self._log_config
            observer = logs.log_observer(log.file, level=log.level, as_json=log.json, rotate_size=log.rotate_size)
            logs.route_standard_library(log.level)
            parent.setComponent(ILogObserver, observer)
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]

    def startService(self) -> Any:
        """Open everything; what cannot be opened ends the process with one clear line and exit code 1."""
        super().startService()  # type: ignore[no-untyped-call]
        return self.open_everything().addErrback(self._give_up)

    def _give_up(self, failure: Any) -> None:
        _log.critical("cannot start: {error}", error=failure.getErrorMessage())
        _log.debug("{trace}", trace=failure.getTraceback())
        self.failed = True
        # twistd knows no exit code of a service, and a supervisor must see that this one did not start.
        self._reactor.addSystemEventTrigger("after", "shutdown", os._exit, 1)
        self._reactor.callWhenRunning(self._reactor.stop)
