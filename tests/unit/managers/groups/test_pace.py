"""How fast one user may ask, and in which turn."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred

from esframework.errors import ComeBackLater
from esframework.managers.groups.pace import Pace, Turns


def test_so_many_may_come_at_once_and_grow_back() -> None:
    pace = Pace(10, at_once=3)
    for _ in range(3):
        assert pace.wait("alice", 0.0) == 0.0
        pace.charge("alice", 1, 0.0)
    assert pace.wait("alice", 0.0) == pytest.approx(0.1)
    assert pace.wait("bob", 0.0) == 0.0
    assert pace.wait("alice", 0.1) == 0.0


def test_what_cost_more_than_there_was_is_paid_back() -> None:
    pace = Pace(10, at_once=3)
    pace.charge("alice", 103, 0.0)
    assert pace.wait("alice", 0.0) == pytest.approx(10.1)
    assert pace.wait("alice", 10.1) == 0.0


def test_without_a_rate_there_is_no_limit() -> None:
    pace = Pace(0, at_once=1)
    pace.charge("alice", 1000, 0.0)
    assert pace.wait("alice", 0.0) == 0.0
    assert len(pace) == 0


def test_who_may_do_all_again_is_forgotten() -> None:
    pace = Pace(10, at_once=3)
    pace.charge("alice", 1, 0.0)
    pace.charge("bob", 2, 0.0)
    pace.sweep(0.1)
    assert len(pace) == 1
    pace.sweep(0.2)
    assert len(pace) == 0


class Work:
    """Pieces of work that end when they are told to."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.begun: list[str] = []
        self.ends: dict[str, Deferred[str]] = {}

    def begin(self, key: str, name: str) -> Deferred[str]:
        async def work() -> str:
            self.begun.append(name)
            self.ends[name] = Deferred()
            return await self.ends[name]

        return Deferred.fromCoroutine(self.turns.take(key, work))


def test_one_after_another_for_each_key_and_keys_apart() -> None:
    work = Work(Turns())
    results: list[str] = []
    for key, name in (("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3")):
        work.begin(key, name).addCallback(results.append)
    assert work.begun == ["a1", "b1"]
    assert work.turns.waiting == 2
    for name in ("a1", "b1", "a2", "a3"):
        work.ends[name].callback(name)
    assert work.begun == ["a1", "b1", "a2", "a3"]
    assert results == ["a1", "b1", "a2", "a3"]
    assert work.turns.waiting == 0


def test_what_fails_lets_the_next_one_go_on() -> None:
    work = Work(Turns())
    first, second = work.begin("a", "a1"), work.begin("a", "a2")
    work.ends["a1"].errback(ValueError("broken"))
    first.addErrback(lambda failure: failure.trap(ValueError))
    assert work.begun == ["a1", "a2"]
    work.ends["a2"].callback("done")
    assert second.result == "done"


def test_thousands_that_are_done_at_once_need_no_stack() -> None:
    turns = Turns()
    done: list[int] = []
    first: Deferred[None] = Deferred()

    async def wait() -> None:
        await first

    async def note(number: int) -> None:
        done.append(number)

    Deferred.fromCoroutine(turns.take("a", wait))
    for number in range(5000):
        Deferred.fromCoroutine(turns.take("a", lambda number=number: note(number)))  # type: ignore[misc]
    first.callback(None)
    assert done == list(range(5000))


def test_who_gives_up_waiting_holds_up_nobody() -> None:
    work = Work(Turns())
    work.begin("a", "a1")
    given_up = work.begin("a", "a2")
    given_up.addErrback(lambda failure: failure.trap(CancelledError))
    work.begin("a", "a3")
    given_up.cancel()
    assert work.turns.waiting == 1
    work.ends["a1"].callback("")
    assert work.begun == ["a1", "a3"]


def test_only_so_many_wait() -> None:
    work = Work(Turns(most=1))
    work.begin("a", "a1")
    work.begin("a", "a2")
    refused: list[BaseException] = []
    work.begin("a", "a3").addErrback(lambda failure: refused.append(failure.value))
    assert isinstance(refused[0], ComeBackLater)
    work.ends["a1"].callback("")
    work.begin("a", "a4")
    assert work.begun == ["a1", "a2"]
