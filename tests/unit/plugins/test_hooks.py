"""Events and their subscribers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from esframework.plugins.hooks import Event
from esframework.testing import LoggedFailures


@pytest.fixture
def failures() -> Iterator[LoggedFailures]:
    logged = LoggedFailures()
    logged.start()
    yield logged
    logged.stop()
    logged.check()


def test_all_subscribers_are_told_in_the_order_in_which_they_came() -> None:
    event: Event[int] = Event("something")
    told: list[tuple[str, int]] = []
    for name in "abc":
        event.subscribe(lambda value, name=name: told.append((name, value)))
    event.fire(7)
    assert told == [("a", 7), ("b", 7), ("c", 7)]


def test_a_subscriber_that_fails_is_logged_and_the_rest_are_told(failures: LoggedFailures) -> None:
    event: Event[()] = Event("something")
    told: list[int] = []
    event.subscribe(lambda: 1 / 0)
    event.subscribe(lambda: told.append(1))
    event.fire()
    assert told == [1]
    assert len(failures.take(ZeroDivisionError)) == 1


def test_who_has_cancelled_is_told_no_more_and_cancelling_twice_is_harmless() -> None:
    event: Event[int] = Event("something")
    told: list[int] = []
    first = event.subscribe(told.append)
    event.subscribe(told.append)
    first.cancel()
    first.cancel()
    event.fire(1)
    assert told == [1]


def test_who_cancels_while_it_is_told_does_not_disturb_the_others() -> None:
    event: Event[()] = Event("something")
    told: list[str] = []
    handle = event.subscribe(lambda: (told.append("once"), handle.cancel()))
    event.subscribe(lambda: told.append("always"))
    event.fire()
    event.fire()
    assert told == ["once", "always", "always"]


def test_an_event_is_true_when_somebody_listens_and_tells_when_that_changes() -> None:
    changes: list[bool] = []
    event: Event[()] = Event("something", lambda: changes.append(bool(event)))
    assert not event
    handle = event.subscribe(lambda: None)
    assert event
    handle.cancel()
    assert changes == [True, False]
