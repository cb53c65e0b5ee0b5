"""Whether a log-on is right: whoever failed too often waits, then managers are asked, then the verifier.

Knows what is asked and what was said, and no connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import inlineCallbacks
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from esframework.interfaces import LogOnRequest, Verify
from esframework.plugins.models import as_deferred
from esframework.server.refusals import Refusals
from esframework.server.throttle import LogOnThrottle, Try
from esframework.wire.retry import retry_after, with_retry
from esframework.wire.session_token import is_session_token

_log = Logger()


class LogOnCheck:
    """`ask(request, verify)` asks the managers, and they the verifier. Without a verifier everybody is right, and
    nobody ever fails."""

    def __init__(
        self,
        clock: IReactorTime,
        throttle: LogOnThrottle,
        refusals: Refusals,
        verify: Verify | None,
        ask: Callable[[LogOnRequest, Verify], Any],
    ) -> None:
        self._clock = clock
        self._throttle = throttle
        self._refusals = refusals
        self._verify = verify
        self._ask = ask

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
                verdict = yield deferred
        except Exception:
            _log.failure("the verifier failed for {user}; the log-on is refused", user=request.user_id)
            return with_retry("the server cannot verify log-ons now", 10)
        return verdict

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
