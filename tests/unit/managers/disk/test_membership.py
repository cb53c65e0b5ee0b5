"""In which groups a user is: few are asked for one by one, many by the user."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from esframework import limits
from esframework.errors import PluginError
from esframework.managers.disk.membership import Membership


class Server:
    """A server context with some managers; `asked` are the groups whose members somebody wanted."""

    def __init__(self, *managers: str, application: bool = False) -> None:
        self.contacts_provider = self if application else None
        self.managers = managers
        self.asked: list[str] = []

    def manager(self, name: str) -> Any:
        if name not in self.managers:
            raise PluginError(f"no {name}")
        return self

    def members_of(self, group_id: str) -> Deferred[list[str]]:
        self.asked.append(group_id)
        return succeed(["alice"] if group_id in ("team", "club7") else [])

    def groups_of(self, user_id: str) -> Deferred[list[str]]:
        return succeed(["club5", "elsewhere"])


def result(work: Any) -> Any:
    results: list[Any] = []
    Deferred.fromCoroutine(work).addBoth(results.append)
    return results[0]


MANY = [f"club{number}" for number in range(limits.MAX_SHARED_WITH + 1)]


def test_of_few_groups_the_members_are_asked_for() -> None:
    server = Server("contacts", "groups")
    assert result(Membership(server).of("alice", ["team", "others"])) == {"team"}  # type: ignore[arg-type]
    assert server.asked == ["team", "others"]


def test_of_many_groups_those_of_the_user_are_asked_for() -> None:
    server = Server("contacts", "groups")
    assert result(Membership(server).of("alice", MANY)) == {"club5"}  # type: ignore[arg-type]
    assert server.asked == []


def test_an_applications_groups_can_only_be_asked_for_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server("contacts", "groups", application=True)
    assert result(Membership(server).of("alice", MANY)) == {"club5", "club7"}  # type: ignore[arg-type]
    monkeypatch.setattr(limits, "DISK_GROUPS_ASKED", 3)
    server.asked.clear()
    assert result(Membership(server).of("alice", MANY)) == {"club5"}  # type: ignore[arg-type]
    assert len(server.asked) == 3


def test_without_those_managers_there_are_no_groups() -> None:
    membership = Membership(Server())  # type: ignore[arg-type]
    assert result(membership.of("alice", ["team"])) == set()
    assert result(membership.of("alice", MANY)) == set()
    assert not result(membership.exists("team"))


def test_a_group_exists_when_somebody_is_in_it() -> None:
    membership = Membership(Server("contacts"))  # type: ignore[arg-type]
    assert result(membership.exists("team"))
    assert not result(membership.exists("others"))
