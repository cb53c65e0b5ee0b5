"""Managers in the order of what they need; what is wrong with one is said, or it is left out."""

from __future__ import annotations

from typing import Any

import pytest
from zope.interface import implementer

from esframework.errors import PluginError
from esframework.interfaces import IManager, Registrations
from esframework.managers.basic.manager import BasicManager
from esframework.plugins.dispatch import Dispatcher
from esframework.plugins.loader import discovered, in_order, install_managers


@implementer(IManager)
class Manager:
    """A manager with one message type on the server."""

    def __init__(self, name: str, *requires: str, serves: int = 10_000) -> None:
        self.name = name
        self.requires = requires
        self.serves = serves

    def server_half(self, server: Any) -> Registrations:
        return Registrations(facade=self, handlers={self.serves: lambda sender, message_id, body: None})

    def client_half(self, client: Any) -> None:
        return None


class Failing(Manager):
    """Raises when it is to make its half."""

    def server_half(self, server: Any) -> Registrations:
        raise RuntimeError("no map")


def names(managers: tuple[Any, ...]) -> list[str]:
    return [manager.name for manager in managers]


def server_half(manager: Any) -> Registrations | None:
    half: Registrations | None = manager.server_half(None)
    return half


def test_each_comes_after_what_it_requires_and_else_by_name() -> None:
    given = [Manager("c", "a"), Manager("a", "d"), Manager("d"), Manager("b")]
    assert names(in_order(given)) == ["b", "d", "a", "c"]


def test_the_frameworks_own_come_before_strangers() -> None:
    assert names(in_order([Manager("aardvark"), BasicManager()])) == ["basic", "aardvark"]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([object()], "is no manager"),
        ([Manager("a"), Manager("a")], "two managers are called 'a'"),
        ([Manager("a", "gone"), Manager("b")], r"manager 'a' requires \['gone'\], which is not installed"),
        ([Manager("a", "b"), Manager("b", "a")], r"in a circle.*\['a', 'b'\]"),
    ],
)
def test_what_cannot_be_installed_is_refused_with_its_reason(given: list[Any], problem: str) -> None:
    with pytest.raises(PluginError, match=problem):
        in_order(given)


def test_with_a_complaint_only_what_is_wrong_is_left_out() -> None:
    complaints: list[str] = []
    given = [object(), Manager("a", "gone"), Manager("b", "a"), Manager("basic"), BasicManager(), Manager("d", "basic")]
    ordered = in_order(given, complaints.append)
    assert names(ordered) == ["basic", "d"]
    assert isinstance(ordered[0], BasicManager)
    assert len(complaints) == 4


def test_a_given_manager_that_fails_is_the_callers_to_mend() -> None:
    with pytest.raises(RuntimeError):
        install_managers(Dispatcher(), [Failing("a")], server_half)
    with pytest.raises(PluginError, match="'b' wants message type 10000, which 'a' serves"):
        install_managers(Dispatcher(), [Manager("a"), Manager("b")], server_half)


def test_a_found_manager_that_fails_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Failing("a"), Manager("b", serves=10_001), Manager("c", serves=10_001), Manager("d", serves=10_002)]
    monkeypatch.setattr("esframework.plugins.loader.discovered", lambda: tuple(found))
    dispatcher = Dispatcher()
    install_managers(dispatcher, None, server_half)
    assert dispatcher.names() == ["b", "d"]


def test_a_stranger_cannot_take_the_protocols_types() -> None:
    with pytest.raises(PluginError, match="begin at 10000"):
        install_managers(Dispatcher(), [Manager("stranger", serves=109)], server_half)


def test_this_installation_finds_the_frameworks_own() -> None:
    assert {"basic", "custom"} <= set(names(discovered()))
