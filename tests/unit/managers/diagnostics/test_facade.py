"""The facade of diagnostics: what an engine's handlers do, seen by its owner, by other threads and in the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from esframework.managers.diagnostics.facade import Diagnostics
from esframework.plugins.models import DirectModel


class Pool:
    """A handler model with workers."""

    def info(self) -> Any:
        return SimpleNamespace(waiting=3, highest=8, threads=20, working=2)


def context(clock: Any, **options: Any) -> Any:
    """What an engine gives to the manager."""
    given = {"diagnostics": True, "diagnostics_log_interval": 0.0} | options
    return SimpleNamespace(clock=clock, options=SimpleNamespace(**given), model=DirectModel(clock))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reports() -> Any:
    """The periodic reports that were logged."""
    seen: list[str] = []

    def observe(event: LogEvent) -> None:
        if event.get("log_namespace", "").startswith("esframework.managers.diagnostics"):
            seen.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    yield seen
    globalLogPublisher.removeObserver(observe)


def test_it_is_enabled_by_the_engines_option(clock: Clock) -> None:
    assert Diagnostics(context(clock)).enabled
    assert not Diagnostics(context(clock, diagnostics=False)).enabled


def test_a_handler_model_that_reports_to_it_shows_handlers_that_wait_fail_and_end(clock: Clock) -> None:
    diagnostics = Diagnostics(context(clock))
    model = DirectModel(clock, observer=diagnostics)
    lane = SimpleNamespace(open_job=None, backlog=None, backlog_bytes=0, resume_reading=lambda party: None)
    sender = SimpleNamespace(name="alice", lane=lane)
    answer: Deferred[bytes] = Deferred()
    model.run(sender, "query", 7, lambda *_: answer, b"")
    clock.advance(2)
    (waiting,) = diagnostics.uncommitted()
    assert (waiting.information_type, waiting.style, waiting.age) == (7, "query", 2000.0)

    answer.errback(ValueError("no"))
    model.run(sender, "send", 8, lambda *_: None, b"")
    assert diagnostics.uncommitted() == []
    found = [(row.information_type, row.count, row.failures) for row in diagnostics.statistics()]
    assert found == [(7, 1, 1), (8, 1, 0)]


def test_starts_are_times_of_the_wall_in_utc(clock: Clock) -> None:
    diagnostics = Diagnostics(context(clock))
    diagnostics.ended(diagnostics.begun("send", 1), False)
    clock.advance(3600)
    start = diagnostics.statistics()[0].last_records[0].start
    assert abs(start - (datetime.now(UTC) - timedelta(hours=1))) < timedelta(seconds=5)


def test_the_worker_pool_is_that_of_the_task_queue(clock: Clock) -> None:
    engine = context(clock)
    diagnostics = Diagnostics(engine)
    assert diagnostics.worker_pool() is None
    engine.model = Pool()
    assert diagnostics.worker_pool().working == 2


@pytest_twisted.ensureDeferred
async def test_it_may_be_asked_and_told_of_beginnings_in_any_thread() -> None:
    diagnostics = Diagnostics(context(reactor))

    def work() -> tuple[int, int]:
        record = diagnostics.begun("send", 1)
        in_hand = len(diagnostics.uncommitted())
        reactor.callFromThread(diagnostics.ended, record, False)
        return in_hand, diagnostics.statistics()[0].count

    assert await deferToThread(work) == (1, 1)
    assert diagnostics.uncommitted() == []


def test_the_log_tells_it_all_at_every_interval(clock: Clock, reports: list[str]) -> None:
    engine = context(clock, diagnostics_log_interval=10.0)
    engine.model = Pool()
    diagnostics = Diagnostics(engine)
    sweep = diagnostics.registrations().sweep
    assert sweep is not None
    diagnostics.ended(diagnostics.begun("send", 7), True)
    diagnostics.begun("query", 9)
    for _ in range(25):
        clock.advance(1)
        sweep(clock.seconds())
    assert len(reports) == 2
    assert "workers: 2 handlers at work in 20 threads, 3 messages waiting, 8 at the highest" in reports[0]
    assert "type 7 send: 1 handled, 1 failed; last ms: 0.0" in reports[0]
    assert "in hand: type 9 query, id 2" in reports[0] and "(10.0 s)" in reports[0]


@pytest.mark.parametrize("options", [{}, {"diagnostics": False, "diagnostics_log_interval": 1.0}], ids=str)
def test_the_log_is_silent_without_an_interval_or_without_diagnostics(
    clock: Clock, reports: list[str], options: dict[str, Any]
) -> None:
    sweep = Diagnostics(context(clock, **options)).registrations().sweep
    assert sweep is not None
    sweep(3600.0)
    assert reports == []
