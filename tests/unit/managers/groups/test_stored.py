"""Stored groups towards a store that takes its time; with a quick one, they are tested at the server."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework.errors import StoreAway
from esframework.interfaces import StoredGroup
from esframework.managers.groups.invitations import Invitations
from esframework.managers.groups.machine import Change, Law
from esframework.managers.groups.stored import StoredGroups

LAWFUL = Law(lambda action, user, target, default: default(), lambda user_id: False)


class SlowStore:
    """An `IGroupStore` whose answers come when the test wants them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Any, ...], Deferred[Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Deferred[Any]:
            answer: Deferred[Any] = Deferred()
            self.asked.append((name, arguments, answer))
            return answer

        return call

    def answer(self, name: str, value: Any) -> tuple[Any, ...]:
        asked, arguments, deferred = self.asked.pop(0)
        assert asked == name
        deferred.callback(value)
        return arguments


def house() -> tuple[StoredGroups, SlowStore]:
    store = SlowStore()
    return StoredGroups(lambda: store, LAWFUL, Invitations()), store


def run(coroutine: Any) -> list[Any]:
    results: list[Any] = []
    Deferred.fromCoroutine(coroutine).addBoth(results.append)
    return results


def test_whoever_is_gone_by_the_stores_word_is_what_is_told() -> None:
    groups, store = house()
    removing = run(groups.remove(None, "chess", ["alice", "bob", "zoe"]))
    store.answer("group", StoredGroup("chess", "alice", "", ("alice", "bob", "carol")))
    # Another program has taken bob out meanwhile.
    assert store.answer("remove_members", ["alice"]) == ("chess", ["alice", "bob"])
    removed, owner_changed = removing[0]
    assert (removed.change, removed.users, removed.others) == (Change.REMOVED, ("alice",), ("bob", "carol"))
    assert (owner_changed.change, owner_changed.text) == (Change.OWNER_CHANGED, "bob")
    assert store.asked == []


def test_who_is_gone_already_has_not_quit_again() -> None:
    groups, store = house()
    quitting = run(groups.quit("alice", "chess"))
    store.answer("group", StoredGroup("chess", "alice", "", ("alice", "bob")))
    store.answer("remove_members", [])
    assert quitting == [[]]


@pytest.mark.parametrize(
    "change",
    [
        lambda groups: groups.join("bob", "chess"),
        lambda groups: groups.pull_in(None, "chess", ["bob"]),
        lambda groups: groups.remove(None, "chess", ["zoe"]),
        lambda groups: groups.set_owner(None, "chess", "alice"),
    ],
)
def test_where_there_is_nothing_to_change_nothing_is_written(change: Any) -> None:
    groups, store = house()
    nothing = run(change(groups))
    store.answer("group", StoredGroup("chess", "alice", "", ("alice", "bob")))
    assert nothing == [[]]
    assert store.asked == []


def test_what_the_store_fails_with_is_what_the_operation_fails_with() -> None:
    groups, store = house()
    failed = run(groups.set_tag(None, "chess", "new"))
    store.answer("group", StoredGroup("chess", "alice", "", ("alice",)))
    store.asked.pop()[2].errback(StoreAway("the connection broke in the middle"))
    assert failed[0].check(StoreAway)
