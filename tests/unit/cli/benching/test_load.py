"""Sending in turn, waiting for many, waiting for so long: what every load is made of."""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from esframework.cli.benching.load import Barrier, Rounds, wait_at_most


def advance(clock: Clock, seconds: float, step: float = 0.005) -> None:
    clock.pump([step] * round(seconds / step))


def test_each_connection_sends_once_an_interval_in_turn() -> None:
    clock, sent = Clock(), list[int]()
    rounds = Rounds(clock, 4, 0.1, sent.append)
    rounds.begin()
    advance(clock, 0.995)
    rounds.end()
    assert sent[:6] == [0, 1, 2, 3, 0, 1]
    assert set(Counter(sent).values()) == {10}
    assert rounds.skipped == 0


def test_a_round_is_spread_over_its_interval() -> None:
    clock, sent = Clock(), list[int]()
    Rounds(clock, 100, 1.0, sent.append).begin()
    advance(clock, 0.5)
    assert 48 <= len(sent) <= 52


def test_who_is_more_than_a_round_late_leaves_messages_out_and_counts_them() -> None:
    clock, sent = Clock(), list[int]()
    rounds = Rounds(clock, 10, 0.1, sent.append)
    rounds.begin()
    clock.advance(1.0)
    assert len(sent) == 1 + 10
    assert rounds.skipped == 90


def test_nothing_is_sent_after_the_end() -> None:
    clock, sent = Clock(), list[int]()
    rounds = Rounds(clock, 2, 0.1, sent.append)
    rounds.begin()
    rounds.end()
    advance(clock, 1.0)
    assert sent == [0]
    assert clock.getDelayedCalls() == []


def test_a_round_ends_where_sending_ends_it() -> None:
    clock, sent = Clock(), list[int]()

    def send(index: int) -> None:
        sent.append(index)
        if len(sent) == 3:
            rounds.end()

    rounds = Rounds(clock, 10, 0.01, send)
    rounds.begin()
    advance(clock, 0.1)
    assert sent == [0, 1, 2]


def test_a_barrier_passes_when_all_are_over() -> None:
    barrier = Barrier(2)
    barrier.one_over()
    assert not barrier.passed.called
    barrier.one_over()
    assert barrier.passed.called


def test_a_barrier_of_nothing_has_passed() -> None:
    assert Barrier(0).passed.called


def waited(clock: Clock, waiting: Deferred[Any]) -> list[bool]:
    results: list[bool] = []
    Deferred.fromCoroutine(wait_at_most(clock, waiting, 5.0)).addCallback(results.append)
    return results


def test_waiting_ends_with_what_is_waited_for() -> None:
    clock, waiting = Clock(), Deferred[None]()
    results = waited(clock, waiting)
    waiting.callback(None)
    assert results == [True]
    assert clock.getDelayedCalls() == []


def test_waiting_ends_with_the_time_and_cancels_nothing() -> None:
    clock, cancelled = Clock(), list[object]()
    waiting: Deferred[None] = Deferred(cancelled.append)
    results = waited(clock, waiting)
    clock.advance(5.0)
    assert (results, cancelled) == ([False], [])
    waiting.callback(None)
