"""Questions that an application may answer with no."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from esframework.managers.disk.events import Question
from esframework.testing.failures import LoggedFailures


def refusal(question: Question[str]) -> Any:
    results: list[Any] = []
    Deferred.fromCoroutine(question.refusal("subject")).addBoth(results.append)
    return results[0]


def test_where_nobody_asks_nothing_is_refused() -> None:
    assert refusal(Question("q")) is None


@pytest.mark.parametrize("answer", [None, True, succeed(None), succeed(True)])
def test_none_and_true_are_consent(answer: object) -> None:
    question: Question[str] = Question("q")
    question.subscribe(lambda subject: answer)
    assert refusal(question) is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("no room", "no room"),
        (False, "the server refused"),
        (0, "the server refused"),
        (succeed("later no"), "later no"),
    ],
)
def test_a_text_and_everything_else_refuses(answer: object, words: str) -> None:
    question: Question[str] = Question("q")
    question.subscribe(lambda subject: None)
    question.subscribe(lambda subject: answer)
    assert refusal(question) == words


def test_a_subscriber_that_fails_refuses() -> None:
    def broken(subject: str) -> None:
        raise RuntimeError("broken")

    question: Question[str] = Question("q")
    question.subscribe(broken)
    failures = LoggedFailures()
    failures.start()
    try:
        assert refusal(question) == "the server refused"
        assert len(failures.take(RuntimeError)) == 1
    finally:
        failures.stop()


def test_who_has_left_is_not_asked() -> None:
    question: Question[str] = Question("q")
    question.subscribe(lambda subject: "no").cancel()
    assert refusal(question) is None
