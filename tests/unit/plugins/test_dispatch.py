"""What installed managers handle."""

from __future__ import annotations

from typing import Any

import pytest

from esframework import Registrations
from esframework.errors import PluginError
from esframework.plugins.dispatch import Dispatcher
from esframework.testing import LoggedFailures


def handler(sender: Any, message_id: int, body: bytes) -> None:
    """Handles nothing."""


def undeliverable(sender: Any, target: str, message_id: int, body: bytes, reason: Any) -> None:
    """Reports nothing."""


def test_what_is_installed_is_found_by_type_and_by_name() -> None:
    dispatcher = Dispatcher()
    facade = object()
    dispatcher.install("one", Registrations(facade, {1: handler}, frozenset({2}), {3: undeliverable}))
    assert dispatcher.handlers == {1: handler}
    assert dispatcher.relayable == {2}
    assert dispatcher.undeliverable == {3: undeliverable}
    assert dispatcher.facade("one") is facade
    assert dispatcher.names() == ["one"]


@pytest.mark.parametrize("more", [{"handlers": {5: handler, 1: handler}}, {"undeliverable": {3: undeliverable}}])
def test_a_type_that_is_taken_is_refused_with_nothing_changed(more: dict[str, Any]) -> None:
    dispatcher = Dispatcher()
    dispatcher.install("one", Registrations(None, {1: handler}, undeliverable={3: undeliverable}))
    with pytest.raises(PluginError, match="'two' wants message type [13], which 'one' serves"):
        dispatcher.install("two", Registrations(None, **more))
    assert dispatcher.names() == ["one"]
    assert list(dispatcher.handlers) == [1]


def test_a_manager_that_is_not_there_is_named_with_those_that_are() -> None:
    dispatcher = Dispatcher()
    dispatcher.install("one", Registrations(None))
    with pytest.raises(PluginError, match=r"'two' is not installed; installed are \['one'\]"):
        dispatcher.facade("two")


def test_managers_start_in_order_and_stop_in_reverse_even_when_one_fails() -> None:
    dispatcher = Dispatcher()
    done: list[str] = []
    failures = LoggedFailures()
    failures.start()

    def fail() -> None:
        done.append("stop b")
        raise ValueError

    for name in "abc":
        stop = fail if name == "b" else lambda name=name: done.append(f"stop {name}")
        dispatcher.install(name, Registrations(None, start=lambda name=name: done.append(f"start {name}"), stop=stop))
    dispatcher.start()
    dispatcher.stop()
    failures.stop()
    assert done == ["start a", "start b", "start c", "stop c", "stop b", "stop a"]
    assert len(failures.take(ValueError)) == 1


def test_sweeps_and_departures_reach_those_that_want_them() -> None:
    dispatcher = Dispatcher()
    told: list[Any] = []
    dispatcher.install("one", Registrations(None))
    dispatcher.install("two", Registrations(None, sweep=told.append, logged_off=told.append))
    dispatcher.sweep(5.0)
    dispatcher.logged_off("bob")
    assert told == [5.0, "bob"]


def test_a_manager_that_fails_stops_neither_the_others_nor_the_engine() -> None:
    def fail(*_: object) -> None:
        raise ValueError("a manager's own mistake")

    dispatcher = Dispatcher()
    told: list[Any] = []
    dispatcher.install(
        "bad", Registrations(None, start=lambda: fail(), sweep=fail, logged_off=fail, stop=lambda: fail())
    )
    dispatcher.install("good", Registrations(None, sweep=told.append, logged_off=told.append))
    dispatcher.start()
    dispatcher.sweep(1.0)
    dispatcher.logged_off("bob")
    dispatcher.stop()
    assert told == [1.0, "bob"]
