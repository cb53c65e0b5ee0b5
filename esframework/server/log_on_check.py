"""Whether a log-on is right: whoever failed too often waits, then managers are asked, then the verifier.

Knows what is asked and what was said, and no connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from esframework import limits
from esframework.interfaces import LogOnRequest, Verify
from esframework.plugins.models import as_deferred
from esframework.server.refusals import Refusals
from esframework.server.throttle import LogOnThrottle, Try
from esframework.wire.retry import retry_after, with_retry
from esframework.wire.session_token import is_session_token

_log = Logger()


class LogOnCheck:
    """`ask(request, verify)` asks the managers, and they the verifier, who may take `timeout` seconds (<= 0: as long as
    it likes). Without a verifier everybody is right, and nobody ever fails."""

    def __init__(
        self,
        clock: IReactorTime,
        throttle: LogOnThrottle,
        refusals: Refusals,
        verify: Verify | None,
        ask: Callable[[LogOnRequest, Verify], Any],
        timeout: float = limits.VERIFY_TIMEOUT,
    ) -> None:
        self._clock = clock
        self._throttle = throttle
        self._refusals = refusals
        self._verify = verify
        self._ask = ask
        self._timeout = timeout
        self._open: set[Deferred[Any]] = set()

    def close(self) -> None:
        """The server closes: give up what is being verified."""
        for verdict in tuple(self._open):
            verdict.cancel()

    @inlineCallbacks
    def check(self, request: LogOnRequest) -> Any:
        """Fires with True, or with the text that the client is told."""
        log_on = None
        if self._verify is not None:
            with_token = is_session_token(request.password)
            log_on = self._throttle.begin(request.user_id, request.address, with_token, self._clock.seconds())
            if log_on.wait > 0:
                self._refusals.add("log_on_tries")
                return with_retry("too many log-ons failed, or are being checked", log_on.wait)
        verdict = yield from self._verdict(request)
        if verdict is not True:
            self._refusals.add("log_on_refused")
            verdict = verdict if isinstance(verdict, str) else ""
        if log_on is not None:
            self._settle(log_on, verdict)
        return verdict

    def _verdict(self, request: LogOnRequest) -> Any:
        try:
            verdict = self._ask(request, self._verify or _everybody)
            deferred = as_deferred(verdict)
            if deferred is not None:
                verdict = yield self._limited(deferred)
        except CancelledError:
            return with_retry("the server is closing", 5)
        except Exception:
            _log.failure("the verifier failed for {user}; the log-on is refused", user=request.user_id)
            return with_retry("the server cannot verify log-ons now", 10)
        return verdict

    def _limited(self, verdict: Deferred[Any]) -> Deferred[Any]:
        if self._timeout > 0:
            verdict.addTimeout(self._timeout, self._clock)
        self._open.add(verdict)

        def decided(result: Any) -> Any:
            self._open.discard(verdict)
            return result

        return verdict.addBoth(decided)

    def _settle(self, log_on: Try, verdict: bool | str) -> None:
        now = self._clock.seconds()
        if isinstance(verdict, bool):
            self._throttle.succeeded(log_on, now)
        elif retry_after(verdict) is not None:
            # Nobody guessed: there was no time to look.
            self._throttle.undecided(log_on, now)
        else:
            self._throttle.failed(log_on, now)


def _everybody(request: LogOnRequest) -> bool:
    return True
