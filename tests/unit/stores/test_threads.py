"""A bounded thread pool: who is sent away, what cancelling does, and that closing leaves no thread behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred

from esframework.errors import ComeBackLater, StoreClosed
from esframework.stores.threads import LONGEST_DELAY, SHORTEST_DELAY, BoundedPool


class Gate:
    """Work that says when it runs and goes on when it is let."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.runs: list[str] = []

    def pass_through(self, name: str) -> str:
        self.opened.wait(10)
        self.runs.append(name)
        return name


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


def threads_called(name: str) -> list[str]:
    return [thread.name for thread in threading.enumerate() if name in thread.name]


@pytest_twisted.ensureDeferred
async def test_work_runs_in_a_thread_of_the_pool() -> None:
    pool = BoundedPool("digging", 1, 1)
    name = await pool.run(lambda: threading.current_thread().name)
    assert "digging" in name
    await pool.close()


@pytest_twisted.ensureDeferred
async def test_what_work_raises_is_the_answer_s_failure() -> None:
    pool = BoundedPool("digging", 1, 1)
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 // 0)
    await pool.close()


@pytest_twisted.ensureDeferred
async def test_beyond_the_limit_newcomers_are_sent_away_at_once(gate: Gate) -> None:
    pool = BoundedPool("digging", 1, 2, jitter=lambda: 0.5)
    accepted = [pool.run(gate.pass_through, name) for name in ("first", "second")]
    with pytest.raises(ComeBackLater, match="digging is busy; try again in 10 s") as caught:
        await pool.run(gate.pass_through, "third")
    assert caught.value.delay == 10
    assert pool.refused == 1
    gate.opened.set()
    assert [await answer for answer in accepted] == ["first", "second"]
    assert await pool.run(gate.pass_through, "later") == "later"
    await pool.close()


@pytest_twisted.ensureDeferred
async def test_those_who_are_sent_away_return_spread_out(gate: Gate) -> None:
    pool = BoundedPool("digging", 1, 0)
    delays = set()
    for _ in range(20):
        with pytest.raises(ComeBackLater) as caught:
            await pool.run(gate.pass_through, "anybody")
        delays.add(caught.value.delay)
    assert len(delays) > 10
    assert all(SHORTEST_DELAY <= delay <= LONGEST_DELAY for delay in delays)
    await pool.close()


@pytest_twisted.ensureDeferred
async def test_a_cancelled_job_that_waits_is_skipped_but_holds_its_place(gate: Gate) -> None:
    pool = BoundedPool("digging", 1, 2)
    first = pool.run(gate.pass_through, "first")
    cancelled = pool.run(gate.pass_through, "cancelled")
    cancelled.cancel()
    with pytest.raises(CancelledError):
        await cancelled
    assert pool.open_jobs == 2
    gate.opened.set()
    await first
    await pool.close()
    assert gate.runs == ["first"]


@pytest_twisted.ensureDeferred
async def test_closing_waits_for_the_jobs_and_ends_the_threads(gate: Gate) -> None:
    pool = BoundedPool("digging", 2, 5)
    order: list[str] = []
    running = pool.run(gate.pass_through, "job").addCallback(order.append)
    closed: Deferred[Any] = pool.close(last=lambda: order.append("last"))
    closed.addCallback(lambda _: order.append("closed"))
    with pytest.raises(StoreClosed):
        await pool.run(gate.pass_through, "late")
    gate.opened.set()
    await running
    await closed
    assert order == ["job", "last", "closed"]
    assert threads_called("digging") == []


@pytest_twisted.ensureDeferred
async def test_closing_twice_is_closing_once() -> None:
    pool = BoundedPool("digging", 1, 1)
    await pool.run(int)
    await pool.close(last=int)
    await pool.close(last=int)


@pytest_twisted.ensureDeferred
async def test_a_pool_without_work_has_no_threads() -> None:
    pool = BoundedPool("idle digging", 2, 2)
    assert threads_called("idle digging") == []
    await pool.close()
