"""Lanes that others wait for: they hear of it when everything is handled, and not before."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from esframework.interfaces import PausedBy
from esframework.plugins.lanes import AwaitedLane
from esframework.plugins.models import FENCE, DirectModel


class Lane(AwaitedLane):
    def pause_reading(self, party: PausedBy) -> None:
        """Nothing is read here."""

    def resume_reading(self, party: PausedBy) -> None:
        self.tell_if_idle()

    def handler_overdue(self) -> None:
        """Nobody is held up."""


class Person:
    name = "alice"

    def __init__(self) -> None:
        self.lane = Lane()


def test_who_waits_for_a_lane_hears_when_all_of_it_is_handled() -> None:
    model, sender = DirectModel(Clock()), Person()
    jobs: list[Deferred[None]] = [Deferred(), Deferred()]
    assert sender.lane.idle() is None
    for job in jobs:
        model.run(sender, "information", 1, lambda *_, job=job: job, b"")
    idle = sender.lane.idle()
    assert idle is not None
    jobs[0].callback(None)
    assert not idle.called
    jobs[1].callback(None)
    assert idle.called


def test_a_lane_that_waits_for_another_one_waits_beyond_the_limit_of_one_handler() -> None:
    clock = Clock()
    model, sender = DirectModel(clock, limit=30), Person()
    handled: list[str] = []
    slow: Deferred[None] = Deferred()
    model.run(sender, FENCE, 0, lambda *_: slow, None)
    model.run(sender, "information", 1, lambda *_: handled.append("behind"), b"")
    clock.advance(60)
    model.sweep(clock.seconds())
    assert handled == []
    slow.callback(None)
    assert handled == ["behind"]
