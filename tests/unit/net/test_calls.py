"""Requests as Deferreds."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from esframework.errors import HandlerRaised, RequestTimeout, TargetAbsent, TooManyRequests
from esframework.limits import MAX_OPEN_REQUESTS
from esframework.net.calls import Calls

QUERY, ANSWER = 203, 204


def opened(calls: Calls, target: str | None = "bob", timeout: float = 30.0) -> tuple[int, list[Any]]:
    """A request's id, and what will have come of it."""
    message_id, answer = calls.open(target, QUERY, ANSWER, timeout)
    outcome: list[Any] = []
    answer.addCallbacks(outcome.append, lambda failure: outcome.append(failure.value))
    return message_id, outcome


def test_an_answer_fires_its_request() -> None:
    calls = Calls(Clock())
    message_id, outcome = opened(calls)
    assert calls.answer(message_id, "bob", ANSWER, b"answer")
    assert not calls.answer(message_id, "bob", ANSWER, b"again")
    assert outcome == [b"answer"]


def test_a_request_to_a_device_is_answered_by_its_bare_name() -> None:
    calls = Calls(Clock())
    message_id, outcome = opened(calls, "4#bob")
    assert calls.answer(message_id, "bob", ANSWER, None)
    assert outcome == [None]


def test_an_answer_of_somebody_else_is_none() -> None:
    calls = Calls(Clock())
    message_id, outcome = opened(calls)
    assert not calls.answer(message_id, "mallory", ANSWER, b"")
    assert not calls.fail(message_id, "mallory", ANSWER, HandlerRaised)
    assert outcome == []
    calls.fail(message_id, "bob", ANSWER, lambda target, kind: HandlerRaised("it failed", target, kind))
    assert isinstance(outcome[0], HandlerRaised)


def test_time_outs_fire_at_their_times_and_name_target_type_and_seconds() -> None:
    clock = Clock()
    calls = Calls(clock)
    outcomes = [opened(calls, "slow", 30.0)[1], opened(calls, None, 2.5)[1], opened(calls, "never", 0)[1]]
    clock.pump([0.5] * 5)
    ((error,),) = [outcome for outcome in outcomes if outcome]
    assert isinstance(error, RequestTimeout)
    assert str(error) == "the server did not answer type 203 within 2.5 s"
    clock.advance(30)
    assert [len(outcome) for outcome in outcomes] == [1, 1, 0]
    assert str(outcomes[0][0]) == "'slow' did not answer type 203 within 30 s"
    assert clock.getDelayedCalls() == []


def test_a_cancelled_request_is_forgotten_and_its_answer_ignored() -> None:
    clock = Clock()
    calls = Calls(clock)
    message_id, answer = calls.open("bob", QUERY, ANSWER, 5.0)
    answer.addErrback(lambda failure: None)
    answer.cancel()
    assert len(calls) == 0
    assert not calls.answer(message_id, "bob", ANSWER, b"")
    clock.advance(10)


def test_everything_or_one_targets_requests_can_fail() -> None:
    calls = Calls(Clock())
    outcomes = {name: opened(calls, name)[1] for name in ("bob", "carol")}

    def why(target: str | None, kind: int) -> TargetAbsent:
        return TargetAbsent("gone", target, kind)

    calls.fail_target("bob", why)
    assert (len(outcomes["bob"]), len(outcomes["carol"])) == (1, 0)
    calls.fail_all(why)
    assert outcomes["carol"][0].target == "carol"


def test_what_went_by_another_way_survives_the_connection_and_not_the_session() -> None:
    calls = Calls(Clock())
    bound, free = opened(calls, "bob")[1], []
    calls.open("bob", QUERY, ANSWER, 0, survives=True)[1].addErrback(free.append)

    def why(target: str | None, kind: int) -> TargetAbsent:
        return TargetAbsent("gone", target, kind)

    calls.connection_lost(why)
    assert (len(bound), len(free), len(calls)) == (1, 0, 1)
    calls.fail_all(why)
    assert (len(free), len(calls)) == (1, 0)


def test_our_own_server_may_refuse_whoever_was_asked() -> None:
    calls = Calls(Clock())
    message_id, outcome = opened(calls, "bob")
    assert calls.refuse(message_id, lambda target, kind: TargetAbsent("absent", target, kind))
    assert not calls.refuse(message_id, TargetAbsent)
    assert isinstance(outcome[0], TargetAbsent)


def test_ask_sends_with_the_id_and_waits_for_nothing_that_could_not_be_sent() -> None:
    calls = Calls(Clock())
    sent: list[int] = []
    answer = calls.ask(sent.append, "bob", QUERY, ANSWER, 30.0)
    assert isinstance(answer, Deferred)
    assert calls.answer(sent[0], "bob", ANSWER, b"")

    def fail(message_id: int) -> None:
        raise OSError("too long")

    with pytest.raises(OSError, match="too long"):
        calls.ask(fail, "bob", QUERY, ANSWER, 30.0)
    assert len(calls) == 0


def test_there_is_a_limit() -> None:
    calls = Calls(Clock())
    assert calls._requests._limit == MAX_OPEN_REQUESTS
    calls._requests._limit = 3
    for _ in range(3):
        calls.open("bob", QUERY, ANSWER, 0)
    with pytest.raises(TooManyRequests):
        calls.open("bob", QUERY, ANSWER, 0)


def test_closing_stops_the_clock_and_a_later_request_starts_it_again() -> None:
    clock = Clock()
    calls = Calls(clock)
    opened(calls)
    calls.fail_all(lambda target, kind: TargetAbsent("closed", target, kind))
    calls.close()
    assert clock.getDelayedCalls() == []
    _, outcome = opened(calls, timeout=1.0)
    clock.advance(1)
    assert isinstance(outcome[0], RequestTimeout)
