"""Questions, one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.testing import MemoryReactor
from twisted.python.failure import Failure

from esframework.cli.transferring.asking import NobodyAnswers, Questioner
from esframework.cli.transferring.looks import Look


class Quiet(Look):
    """Tells whether something is asked."""

    def __init__(self) -> None:
        self.is_paused = False

    @contextmanager
    def paused(self) -> Iterator[None]:
        self.is_paused = True
        yield
        self.is_paused = False


class Somebody:
    """Who answers, by a pipe."""

    def __init__(self) -> None:
        self.reactor = MemoryReactor()
        self.reading, self._writing = os.pipe()
        self.look = Quiet()
        self.questioner = Questioner(self.reactor, self.reading, self.look)

    def asked(self, question: str) -> Deferred[Any]:
        """The answer, or the failure, to come."""
        answer = Deferred.fromCoroutine(self.questioner.agrees(question))
        return answer.addErrback(lambda failure: failure)

    def writes(self, data: bytes) -> None:
        """Types."""
        os.write(self._writing, data)
        self._tell()

    def leaves(self) -> None:
        """Closes the pipe."""
        os.close(self._writing)
        self._tell()

    def _tell(self) -> None:
        for reader in list(self.reactor.readers):
            reader.doRead()


@pytest.fixture
def somebody() -> Iterator[Somebody]:
    someone = Somebody()
    yield someone
    os.close(someone.reading)


@pytest.mark.parametrize(
    ("typed", "agrees"),
    [
        *((b"y\n", True), (b" YES \n", True), (b"n\n", False), (b"NO\n", False)),
        *((b"\n", None), (b"yup\n", None), (b"\xff\n", None)),
    ],
)
def test_only_yes_is_yes_and_only_no_is_no(
    somebody: Somebody, typed: bytes, agrees: bool | None, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = somebody.asked("Really?")
    assert capsys.readouterr().err == "Really? "
    assert somebody.look.is_paused
    somebody.writes(typed)
    assert answer.result is agrees
    assert not somebody.look.is_paused


def test_one_question_waits_for_the_other(somebody: Somebody, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = somebody.asked("First?"), somebody.asked("Second?")
    assert capsys.readouterr().err == "First? "
    somebody.writes(b"n\ny\n")
    assert (first.result, second.result) == (False, True)
    assert capsys.readouterr().err == "Second? "


def test_a_question_that_is_taken_back_gives_way_to_the_next(somebody: Somebody) -> None:
    first, second = somebody.asked("First?"), somebody.asked("Second?")
    first.cancel()
    assert isinstance(first.result, Failure) and first.result.check(CancelledError)
    somebody.writes(b"y\n")
    assert second.result is True


def test_when_nobody_is_there_any_more_that_is_known(somebody: Somebody) -> None:
    first, second = somebody.asked("First?"), somebody.asked("Second?")
    somebody.leaves()
    for answer in (first, second):
        assert isinstance(answer.result, Failure) and answer.result.check(NobodyAnswers)
