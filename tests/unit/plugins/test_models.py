"""The direct handler model: one message of a connection after another, and reading that pauses."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from esframework.interfaces import IHandlerModel
from esframework.limits import BACKLOG_BYTES, BACKLOG_FRAMES
from esframework.plugins.models import DirectModel
from esframework.testing import LoggedFailures


class Lane:
    """A connection as the model sees it."""

    def __init__(self, name: str = "alice") -> None:
        self.name = name
        self.open_job: Any = None
        self.backlog: deque[Any] | None = None
        self.backlog_bytes = 0
        self.is_paused = False
        self.overdue = 0

    @property
    def lane(self) -> Lane:
        return self

    def pause_reading(self, party: int) -> None:
        self.is_paused = True

    def resume_reading(self, party: int) -> None:
        self.is_paused = False

    def handler_overdue(self) -> None:
        self.overdue += 1


class Work:
    """A handler whose calls end when the test says so."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.open: list[Deferred[Any]] = []

    def handle(self, source: str | None, information_type: int, content: bytes | None) -> Deferred[Any]:
        self.begun.append(information_type)
        self.open.append(Deferred())
        return self.open[-1]


@pytest.fixture
def failures() -> Iterator[LoggedFailures]:
    logged = LoggedFailures()
    logged.start()
    yield logged
    logged.stop()
    logged.check()


def test_it_is_a_handler_model() -> None:
    assert verifyObject(IHandlerModel, DirectModel(Clock()))


def test_messages_of_one_connection_are_handled_one_after_another() -> None:
    model, lane, work = DirectModel(Clock()), Lane(), Work()
    for kind in range(3):
        model.run(lane, "send", kind, work.handle, b"")
    assert work.begun == [0]
    work.open[0].callback(None)
    assert work.begun == [0, 1]
    work.open[1].callback(None)
    assert work.begun == [0, 1, 2]


def test_connections_do_not_wait_for_each_other() -> None:
    model, work = DirectModel(Clock()), Work()
    model.run(Lane("alice"), "send", 1, work.handle, b"")
    model.run(Lane("bob"), "send", 2, work.handle, b"")
    assert work.begun == [1, 2]


def test_plain_functions_never_queue() -> None:
    model, lane = DirectModel(Clock()), Lane()
    done: list[int] = []
    for kind in range(3):
        model.run(lane, "send", kind, lambda source, kind, content: done.append(kind), b"")
    assert done == [0, 1, 2]
    assert lane.backlog is None


def test_answers_are_given_for_plain_awaited_and_failed_handlers(failures: LoggedFailures) -> None:
    model, lane = DirectModel(Clock()), Lane()
    answers: list[Any] = []

    async def coroutine(*_: Any) -> bytes:
        return b"coroutine"

    async def broken(*_: Any) -> bytes:
        raise KeyError

    def raises(*_: Any) -> bytes:
        raise ValueError

    for function in (lambda *_: b"plain", coroutine, raises, broken, lambda *_: None):
        model.run(lane, "query", 1, function, b"", answers.append)
    assert answers[:2] + answers[4:] == [b"plain", b"coroutine", None]
    assert [answer.type for answer in answers[2:4] if isinstance(answer, Failure)] == [ValueError, KeyError]
    assert model.failures == 2
    assert len(failures.take(ValueError, KeyError)) == 2


def test_an_answer_that_cannot_be_sent_does_not_hold_up_what_is_behind(failures: LoggedFailures) -> None:
    model, lane, work = DirectModel(Clock()), Lane(), Work()

    def answer(result: Any) -> None:
        raise OSError("too long")

    for kind in range(3):
        model.run(lane, "query", kind, work.handle, b"", answer)
    for position in range(3):
        work.open[position].callback(b"")
    model.run(lane, "query", 3, lambda *_: b"", b"", answer)
    assert work.begun == [0, 1, 2]
    assert len(failures.take(OSError)) == 4


@pytest.mark.parametrize(("count", "size"), [(BACKLOG_FRAMES, 1), (4, BACKLOG_BYTES // 4)])
def test_reading_pauses_above_the_limit_and_resumes_below_half(count: int, size: int) -> None:
    model, lane, work = DirectModel(Clock()), Lane(), Work()
    for _ in range(1 + count):
        model.run(lane, "send", 1, work.handle, bytes(size))
    assert not lane.is_paused
    model.run(lane, "send", 1, work.handle, bytes(size))
    assert lane.is_paused
    for position in range(count // 2):
        work.open[position].callback(None)
    assert lane.is_paused
    for position in range(count // 2, count // 2 + 1):
        work.open[position].callback(None)
    assert not lane.is_paused
    for position in range(count // 2 + 1, count + 2):
        work.open[position].callback(None)
    assert lane.backlog is None
    assert lane.backlog_bytes == 0


def test_a_handler_past_its_limit_ends_its_connection_and_fails(failures: LoggedFailures) -> None:
    clock = Clock()
    model, lane, work = DirectModel(clock, limit=30), Lane(), Work()
    answers: list[Any] = []
    model.run(lane, "query", 1, work.handle, b"", answers.append)
    clock.advance(29)
    model.sweep(clock.seconds())
    assert lane.overdue == 0
    clock.advance(1)
    model.sweep(clock.seconds())
    model.sweep(clock.seconds())
    assert lane.overdue == 1
    assert isinstance(answers[0], Failure)
    assert lane.open_job is None
    failures.take(Exception)


@pytest.mark.parametrize("limit", [0, -1])
def test_no_handler_limit(limit: float) -> None:
    clock = Clock()
    model, lane = DirectModel(clock, limit), Lane()
    model.run(lane, "send", 1, Work().handle, b"")
    clock.advance(1e6)
    model.sweep(clock.seconds())
    assert lane.overdue == 0


def test_what_waits_for_a_connection_that_is_gone_is_dropped() -> None:
    model, lane, work = DirectModel(Clock()), Lane(), Work()
    for kind in range(3):
        model.run(lane, "send", kind, work.handle, b"")
    model.forget(lane)
    work.open[0].callback(None)
    assert work.begun == [0]


def test_a_thousand_fired_deferreds_in_the_backlog_need_no_deep_stack() -> None:
    model, lane, work = DirectModel(Clock()), Lane(), Work()
    done: list[int] = []

    async def quick(source: str | None, kind: int, content: bytes | None) -> None:
        done.append(kind)

    model.run(lane, "send", -1, work.handle, b"")
    for kind in range(3000):
        model.run(lane, "send", kind, quick, b"")
    work.open[0].callback(None)
    assert done == list(range(3000))


def test_diagnostics_see_each_handler_begin_and_end(failures: LoggedFailures) -> None:
    seen: list[Any] = []

    class Observer:
        def begun(self, style: str, information_type: int) -> Any:
            seen.append(("begun", style, information_type))
            return information_type

        def ended(self, record: Any, failed: bool) -> None:
            seen.append(("ended", record, failed))

    model, lane, work = DirectModel(Clock(), observer=Observer()), Lane(), Work()
    answers: list[Any] = []
    model.run(lane, "send", 1, lambda *_: None, b"")
    model.run(lane, "query", 2, lambda *_: 1 / 0, b"", answers.append)
    model.run(lane, "query", 3, lambda *_: b"x", b"", answers.append)
    model.run(lane, "send", 4, work.handle, b"")
    assert seen[-1] == ("begun", "send", 4)
    work.open[0].errback(ValueError())
    assert [event for event in seen if event[0] == "ended"] == [
        ("ended", 1, False),
        ("ended", 2, True),
        ("ended", 3, False),
        ("ended", 4, True),
    ]
    assert answers[1] == b"x"
    assert model.failures == 2
    failures.take(Exception)
