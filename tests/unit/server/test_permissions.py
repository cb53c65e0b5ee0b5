"""Who may do what; errors refuse."""

from __future__ import annotations

from typing import Any

import pytest

from esframework.server.permissions import Permissions
from esframework.server.refusals import Refusals
from esframework.testing import LoggedFailures


def permissions(is_open: bool = False, hook: Any = None, refusals: Refusals | None = None) -> Permissions:
    return Permissions(is_open, frozenset({"root"}), hook, refusals or Refusals(), lambda user: user == "stored")


def fail(*_: Any) -> bool:
    raise ValueError("a check that crashed did not pass")


@pytest.mark.parametrize("default", [True, False])
def test_without_a_hook_the_default_decides(default: bool) -> None:
    assert permissions().permit("kick_out", "alice", "bob", lambda: default) is default


@pytest.mark.parametrize(("verdict", "allowed"), [(True, True), (False, False), (1, False), ("yes", False)])
def test_the_hooks_word_goes_before_the_default_and_only_true_allows(verdict: Any, allowed: bool) -> None:
    for default in (True, False):
        assert permissions(hook=lambda *_: verdict).permit("x", "alice", None, lambda d=default: d) is allowed


def test_none_leaves_it_to_the_default() -> None:
    assert permissions(hook=lambda *_: None).permit("x", "alice", None, lambda: True)
    assert not permissions(hook=lambda *_: None).permit("x", "alice", None, lambda: False)


def test_the_hook_is_told_who_wants_what_of_whom() -> None:
    asked: list[Any] = []
    permissions(hook=lambda *question: asked.append(question)).permit("kick_out", "alice", "bob", lambda: True)
    assert asked == [("kick_out", "alice", "bob")]


@pytest.mark.parametrize("is_open", [True, False])
def test_a_hook_or_default_that_fails_refuses_even_on_an_open_server(is_open: bool) -> None:
    failures = LoggedFailures()
    failures.start()
    assert not permissions(is_open, fail).permit("x", "root", None, lambda: True)
    assert not permissions(False).permit("x", "root", None, fail)
    failures.stop()
    assert len(failures.take(ValueError)) == 2


def test_a_default_that_is_merely_truthy_refuses() -> None:
    assert not permissions().permit("x", "alice", None, lambda: "yes")  # type: ignore[arg-type, return-value]


def test_an_open_server_guards_nothing_that_the_hook_does_not() -> None:
    assert permissions(True).permit("x", "alice", None, lambda: False)
    assert not permissions(True, lambda *_: False).permit("x", "alice", None, lambda: True)


def test_administrators_are_those_named_and_everybody_on_an_open_server() -> None:
    assert [permissions().is_administrator(name) for name in ("root", "stored", "alice")] == [True, True, False]
    assert permissions(True).is_administrator("alice")


def test_refusals_are_counted_by_action() -> None:
    refusals = Refusals()
    guard = permissions(refusals=refusals)
    guard.permit("kick_out", "alice", "bob", lambda: False)
    guard.permit("kick_out", "alice", "bob", lambda: True)
    assert refusals.counts == {"not_permitted_kick_out": 1}
