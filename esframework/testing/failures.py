"""What was logged as a failure while a test ran: an exception in a handler ends nothing, so a test would not see it."""

from __future__ import annotations

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer


@implementer(ILogObserver)
class LoggedFailures:
    """Collects every failure that Twisted's logger is told, from `start` to `stop`."""

    def __init__(self) -> None:
        self._failures: list[Failure] = []
        self._is_observing = False

    def __len__(self) -> int:
        return len(self._failures)

    def start(self) -> None:
        """Begin to collect."""
        if not self._is_observing:
            self._is_observing = True
            globalLogPublisher.addObserver(self)

    def stop(self) -> None:
        """Collect no more."""
        if self._is_observing:
            self._is_observing = False
            globalLogPublisher.removeObserver(self)

    def take(self, *kinds: type[BaseException]) -> list[BaseException]:
        """The exceptions of these kinds that were logged so far; they are expected and not counted any more."""
        taken = [failure.value for failure in self._failures if isinstance(failure.value, kinds)]
        self._failures = [failure for failure in self._failures if not isinstance(failure.value, kinds)]
        return taken

    def check(self) -> None:
        """Raise AssertionError with the tracebacks of what nobody took."""
        failures, self._failures = self._failures, []
        if failures:
            traces = "\n".join(failure.getTraceback() for failure in failures)
            raise AssertionError(f"{len(failures)} failures were logged that the test did not expect:\n{traces}")

    def __call__(self, event: LogEvent) -> None:
        """Part of ILogObserver."""
        failure = event.get("log_failure")
        if isinstance(failure, Failure):
            self._failures.append(failure)
