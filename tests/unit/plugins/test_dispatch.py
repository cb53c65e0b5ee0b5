"""What installed managers handle."""

from __future__ import annotations

from typing import Any

import pytest

from esframework import LogOnRequest, Registrations
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
    dispatcher.install(
        "one", Registrations(facade, {1: handler}, frozenset({2}), {3: undeliverable}, views=frozenset({1}))
    )
    assert dispatcher.handlers == {1: handler}
    assert dispatcher.views == {1}
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


# --- log-ons and administrators ---------------------------------------------------------------------------------------
REQUEST = LogOnRequest("alice", "secret", "", "", 0, 1, "127.0.0.1")


def test_managers_are_asked_about_a_log_on_in_their_order_and_the_verifier_last() -> None:
    dispatcher = Dispatcher()
    asked: list[str] = []

    def says(name: str) -> Any:
        def verify(request: LogOnRequest, ask: Any) -> Any:
            asked.append(name)
            return ask(request)

        return verify

    for name in ("one", "two"):
        dispatcher.install(name, Registrations(None, verify=says(name)))
    dispatcher.install("three", Registrations(None))
    assert dispatcher.verify(REQUEST, lambda request: f"verified {request.user_id}") == "verified alice"
    assert asked == ["one", "two"]


def test_a_manager_s_word_about_a_log_on_may_be_the_last() -> None:
    dispatcher = Dispatcher()
    dispatcher.install("one", Registrations(None, verify=lambda request, ask: "no"))
    assert dispatcher.verify(REQUEST, lambda request: pytest.fail("the verifier was asked")) == "no"


def test_an_administrator_is_whom_any_manager_knows_as_one() -> None:
    dispatcher = Dispatcher()
    failures = LoggedFailures()
    failures.start()

    def fail(user_id: str) -> bool:
        raise ValueError

    dispatcher.install("failing", Registrations(None, is_administrator=fail))
    dispatcher.install("truthy", Registrations(None, is_administrator=lambda user_id: "yes"))  # type: ignore
    assert not dispatcher.is_administrator("root")
    dispatcher.install("knowing", Registrations(None, is_administrator=lambda user_id: user_id == "root"))
    assert [dispatcher.is_administrator(name) for name in ("root", "alice")] == [True, False]
    failures.stop()
    assert len(failures.take(ValueError)) == 3


def test_features_are_the_managers_and_what_they_can_besides() -> None:
    dispatcher = Dispatcher()
    dispatcher.install("custom", Registrations(facade=None, features=frozenset({"z", "attachments"})))
    dispatcher.install("basic", Registrations(facade=None))
    assert dispatcher.features() == ["custom", "basic", "attachments", "z"]
    assert dispatcher.names() == ["custom", "basic"]
