"""What holds up the reactor is named. The threads are real; the reactor's time is not."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

import pytest
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher

from esframework.plugins.models import DirectModel
from esframework.server.watchdog import Watchdog

LIMIT = 0.05


class Culprits:
    """Who was named in the log."""

    def __init__(self) -> None:
        self.named = ""
        self.arrived = Event()

    def __call__(self, event: LogEvent) -> None:
        if "culprit" in event:
            self.named = event["culprit"]
            self.arrived.set()

    def wait(self) -> str:
        """The next one, which must come."""
        assert self.arrived.wait(10)
        self.arrived.clear()
        return self.named


@pytest.fixture
def culprits() -> Iterator[Culprits]:
    observer = Culprits()
    globalLogPublisher.addObserver(observer)
    yield observer
    globalLogPublisher.removeObserver(observer)


class Lane:
    """A connection of a handler."""

    name = "alice"
    open_job = None
    backlog = None
    backlog_bytes = 0

    @property
    def lane(self) -> Lane:
        return self


def watched() -> tuple[Clock, Watchdog]:
    clock = Clock()
    dog = Watchdog(clock, LIMIT)
    dog.start()
    return clock, dog


def test_a_handler_that_blocks_the_reactor_is_named_with_its_stack(culprits: Culprits) -> None:
    clock, dog = watched()

    def guilty_handler(source: str | None, information_type: int, content: bytes | None) -> None:
        # Nothing beats while this runs: the thread that it blocks is the reactor's.
        assert "guilty_handler" in culprits.wait()

    clock.advance(LIMIT)
    DirectModel(clock).run(Lane(), "send", 1, guilty_handler, b"")
    dog.stop()
    assert dog.blocked == 1


def test_before_the_first_beat_nothing_is_watched() -> None:
    clock, dog = watched()
    dog.stop()
    assert dog.blocked == 0
    assert clock.getDelayedCalls() == []


def test_it_can_be_started_again_and_leaves_no_timer(culprits: Culprits) -> None:
    clock, dog = watched()
    clock.advance(LIMIT)
    dog.stop()
    dog.start()
    clock.advance(LIMIT)
    culprits.wait()
    dog.stop()
    dog.stop()
    assert clock.getDelayedCalls() == []
