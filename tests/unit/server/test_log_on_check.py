"""Penalties, managers and the verifier have their say about a log-on, in this order."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from esframework import LogOnRequest, ServerOptions, limits
from esframework.interfaces import Verify
from esframework.managers.accounts.options import AccountsOptions
from esframework.server.log_on_check import LogOnCheck
from esframework.server.refusals import Refusals
from esframework.server.throttle import LogOnThrottle
from esframework.testing import LoggedFailures
from esframework.wire.session_token import session_token

OPTIONS = ServerOptions(accounts=AccountsOptions(free_tries=1))
WAIT = "too many log-ons failed, or are being checked; try again in 1 s"


def request(user_id: str = "alice", password: str = "secret") -> LogOnRequest:
    return LogOnRequest(user_id, password, "", "FreeUser", 0, 1, "203.0.113.5")


class Bench:
    """A check of which everything can be seen; `verdicts` are what the verifier says, one after another."""

    def __init__(self, verify: Any = None, ask: Any = lambda request, verify: verify(request)) -> None:
        self.clock, self.refusals = Clock(), Refusals()
        self.throttle = LogOnThrottle(OPTIONS)
        self._check = LogOnCheck(self.clock, self.throttle, self.refusals, verify, ask)

    def check(self, asked: LogOnRequest | None = None) -> Any:
        results: list[Any] = []
        self._check.check(asked or request()).addBoth(results.append)
        return results[0] if results else "not yet"


def test_without_a_verifier_everybody_is_right_as_often_as_he_likes() -> None:
    bench = Bench()
    assert [bench.check() for _ in range(100)] == [True] * 100


@pytest.mark.parametrize(("verdict", "told"), [("locked", "locked"), (False, ""), (None, ""), (1, "")])
def test_what_is_not_true_refuses_and_counts(verdict: Any, told: str) -> None:
    bench = Bench(lambda _: verdict)
    assert [bench.check(), bench.check()] == [told, WAIT]
    assert bench.refusals.counts == {"log_on_refused": 1, "log_on_tries": 1}
    bench.clock.advance(1)
    assert bench.check() == told


def test_a_verifier_that_never_answers_is_given_up_and_cancelled() -> None:
    cancelled: list[Any] = []
    bench = Bench(lambda _: Deferred(cancelled.append))
    results: list[Any] = []
    bench._check.check(request()).addBoth(results.append)
    bench.clock.advance(limits.VERIFY_TIMEOUT - 1)
    assert results == []
    bench.clock.advance(1)
    assert results == ["the server cannot verify log-ons now; try again in 10 s"]
    assert len(cancelled) == 1


def test_a_right_log_on_counts_as_no_failure() -> None:
    bench = Bench(lambda _: True)
    assert [bench.check() for _ in range(100)] == [True] * 100


def test_tries_that_are_checked_at_the_same_time_count() -> None:
    verdicts: list[Deferred[Any]] = []

    def verify(_: LogOnRequest) -> Deferred[Any]:
        verdicts.append(Deferred())
        return verdicts[-1]

    bench = Bench(verify)
    assert [bench.check() for _ in range(3)] == ["not yet", WAIT, WAIT]
    verdicts[0].callback(True)
    assert bench.check() == "not yet"
    assert len(verdicts) == 2


def test_a_refusal_for_now_only_is_no_failure() -> None:
    bench = Bench(lambda _: "busy; try again in 7 s")
    assert [bench.check() for _ in range(10)] == ["busy; try again in 7 s"] * 10


def test_a_verifier_that_raises_refuses_for_now_and_is_logged() -> None:
    failures = LoggedFailures()
    failures.start()

    def verify(_: LogOnRequest) -> bool:
        raise ValueError("hunter2")

    bench = Bench(verify)
    assert [bench.check(), bench.check()] == ["the server cannot verify log-ons now; try again in 10 s"] * 2
    failures.stop()
    assert len(failures.take(ValueError)) == 2


def test_managers_are_asked_before_the_verifier_and_may_answer_for_it() -> None:
    asked: list[str] = []

    def ask(request: LogOnRequest, verify: Verify) -> Any:
        asked.append("manager")
        return True if request.password == "for the manager" else verify(request)

    def verify(_: LogOnRequest) -> bool:
        asked.append("verifier")
        return False

    bench = Bench(verify, ask)
    assert bench.check(request(password="for the manager")) is True
    assert asked == ["manager"]
    assert bench.check() == ""
    assert asked == ["manager", "manager", "verifier"]


def test_a_session_token_is_checked_even_when_the_account_waits() -> None:
    bench = Bench(lambda request: request.password == session_token(b"right"))
    assert [bench.check(), bench.check()] == ["", WAIT]
    assert bench.check(request(password=session_token(b"wrong"))) == ""
    assert bench.check(request(password=session_token(b"right"))) is True
