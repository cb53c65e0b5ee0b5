"""Keeps share transactions: who waits for which, what a flood and a failure do, and that closing loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import ComeBackLater, QuotaExceeded, StoreBusy
from esframework.interfaces import Quota, StoredMessage
from esframework.stores.memory.offline import MemoryOfflineRows
from esframework.stores.offline import LARGEST_BATCH, Offline

NO_LIMIT = Quota(0, 0)


class SlowShelf:
    """Rows in memory whose transactions end when the test says so."""

    def __init__(self) -> None:
        self.rows = MemoryOfflineRows()
        self.begun: list[tuple[Callable[[Any], Any], Deferred[Any]]] = []

    def write(self, work: Callable[[Any], Any]) -> Deferred[Any]:
        ended: Deferred[Any] = Deferred()
        self.begun.append((work, ended))
        return ended

    read = write

    def end(self) -> None:
        """End the transaction that was begun first."""
        work, ended = self.begun.pop(0)
        ended.callback(work(self.rows))

    def fail(self, error: Exception) -> None:
        """Make it fail."""
        self.begun.pop(0)[1].errback(error)


def message(number: int, content: bytes = b"") -> StoredMessage:
    return StoredMessage(f"m{number}", "bob", "alice", None, 0, content, 1.0, 2.0)


@pytest.fixture
def shelf() -> SlowShelf:
    return SlowShelf()


@pytest.fixture
def offline(shelf: SlowShelf) -> Offline:
    return Offline(shelf, jitter=lambda: 0.5)


def outcomes_of(keeps: list[Deferred[int]]) -> list[Any]:
    """What each fired with: a number, or the class of its failure."""
    outcomes: list[Any] = []
    for keep in keeps:
        keep.addErrback(lambda failure: failure.type)
        keep.addCallback(outcomes.append)
    return outcomes


def test_whoever_comes_first_does_not_wait_for_others(offline: Offline, shelf: SlowShelf) -> None:
    outcomes = outcomes_of([offline.keep(message(1), NO_LIMIT)])
    assert (len(shelf.begun), outcomes) == (1, [])
    shelf.end()
    assert outcomes == [1]


def test_all_who_come_meanwhile_share_the_next_transaction(offline: Offline, shelf: SlowShelf) -> None:
    outcomes = outcomes_of([offline.keep(message(number), NO_LIMIT) for number in range(10)])
    assert len(shelf.begun) == 1
    shelf.end()
    assert (outcomes, len(shelf.begun)) == ([1], 1)
    shelf.end()
    assert outcomes == list(range(1, 11))
    assert shelf.begun == []


def test_a_transaction_has_a_limit(offline: Offline, shelf: SlowShelf) -> None:
    outcomes = outcomes_of([offline.keep(message(number), NO_LIMIT) for number in range(LARGEST_BATCH + 2)])
    shelf.end()
    shelf.end()
    assert len(outcomes) == LARGEST_BATCH + 1
    shelf.end()
    assert len(outcomes) == LARGEST_BATCH + 2


def test_long_messages_fill_a_transaction_sooner(
    offline: Offline, shelf: SlowShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esframework.stores.offline.LARGEST_BATCH_BYTES", 10)
    outcomes = outcomes_of([offline.keep(message(number, b"x" * 6), NO_LIMIT) for number in range(3)])
    for expected in (1, 2, 3):
        shelf.end()
        assert len(outcomes) == expected


def test_a_failed_transaction_is_told_to_those_in_it_alone(offline: Offline, shelf: SlowShelf) -> None:
    outcomes = outcomes_of([offline.keep(message(number), NO_LIMIT) for number in range(3)])
    shelf.end()
    late = outcomes_of([offline.keep(message(9), NO_LIMIT)])
    shelf.fail(StoreBusy("locked"))
    assert outcomes == [1, StoreBusy, StoreBusy]
    shelf.end()
    assert late == [2]


def test_one_over_its_quota_stops_nobody_else(offline: Offline, shelf: SlowShelf) -> None:
    quotas = (NO_LIMIT, NO_LIMIT, Quota(1, 0), NO_LIMIT)
    outcomes = outcomes_of([offline.keep(message(number), quota) for number, quota in enumerate(quotas)])
    shelf.end()
    shelf.end()
    assert outcomes == [1, 2, QuotaExceeded, 3]


def test_whoever_gives_up_does_not_hurt_the_others(offline: Offline, shelf: SlowShelf) -> None:
    keeps = [offline.keep(message(number), NO_LIMIT) for number in range(3)]
    outcomes = outcomes_of(keeps)
    keeps[1].cancel()
    shelf.end()
    shelf.end()
    assert [outcome for outcome in outcomes if isinstance(outcome, int)] == [1, 3]


@pytest.mark.parametrize(("limit", "value"), [("MAX_KEEPS_WAITING", 3), ("MAX_KEEP_BYTES_WAITING", 9)])
def test_a_flood_is_told_to_come_back_later(
    offline: Offline, shelf: SlowShelf, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(limits, limit, value)
    accepted = [offline.keep(message(number, b"xxx"), NO_LIMIT) for number in range(3)]
    failures: list[Failure] = []
    offline.keep(message(3, b"xxx"), NO_LIMIT).addErrback(failures.append)
    assert isinstance(failures[0].value, ComeBackLater)
    assert failures[0].value.delay == 3.0
    assert "try again in 3 s" in failures[0].getErrorMessage()
    shelf.end()
    shelf.end()
    assert outcomes_of(accepted) == [1, 2, 3]
    outcomes_of([offline.keep(message(4, b"xxx"), NO_LIMIT)])
    assert len(shelf.begun) == 1


class FewAtOnce(MemoryOfflineRows):
    """Rows of which two are deleted at once."""

    def expire(self, now: float) -> int:
        return super().acknowledge("bob", sorted(self._messages.get("bob", {}))[:2])


def test_keeps_come_between_the_portions_of_a_long_deletion(offline: Offline, shelf: SlowShelf) -> None:
    shelf.rows = FewAtOnce()
    shelf.rows.keep_all([(message(number), NO_LIMIT) for number in range(5)])
    expired: list[int] = []
    offline.expire(9.0).addCallback(expired.append)
    outcomes = outcomes_of([offline.keep(replace(message(9), target="carol"), NO_LIMIT)])
    shelf.end()
    assert outcomes == []
    shelf.end()
    assert (outcomes, expired, len(shelf.begun)) == ([6], [], 1)
    for _ in range(3):
        shelf.end()
    assert (expired, shelf.begun) == ([5], [])
    assert shelf.rows.totals() == (1, 0)


def test_closing_waits_for_all_keeps(offline: Offline, shelf: SlowShelf) -> None:
    assert offline.settled().called
    outcomes = outcomes_of([offline.keep(message(number), NO_LIMIT) for number in range(3)])
    settled = offline.settled()
    shelf.end()
    assert not settled.called
    shelf.end()
    assert settled.called
    assert outcomes == [1, 2, 3]
