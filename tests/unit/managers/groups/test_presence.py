"""Groupmates hear who comes and goes, a slice at a time."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from esframework.managers.groups.machine import Group
from esframework.managers.groups.presence import PAUSE, SLICE, Presence


class House:
    """A presence whose groups and notices the test sees."""

    def __init__(self, *groups: Group, most_members: int = 0) -> None:
        self.clock = Clock()
        self.told: list[tuple[str, str, bool]] = []
        self.groups: Any = list(groups)
        self.presence = Presence(self.clock, self._groups_of, self._tell, most_members)

    async def _groups_of(self, user_id: str) -> list[Group]:
        found: list[Group] = await self.groups if isinstance(self.groups, Deferred) else self.groups
        return found

    def _tell(self, group: Group, user_id: str, is_online: bool) -> None:
        self.told.append((group.group_id, user_id, is_online))


def group(group_id: str, members: int = 2) -> Group:
    return Group(group_id, "0", members=dict.fromkeys(map(str, range(members))))


def test_nothing_is_told_while_somebody_logs_on() -> None:
    house = House(group("a"), group("b"))
    house.presence.changed("alice", True)
    assert house.told == []
    house.clock.advance(0)
    assert house.told == [("a", "alice", True), ("b", "alice", True)]


def test_who_comes_and_goes_meanwhile_is_not_told() -> None:
    house = House(group("a"))
    house.presence.changed("alice", False)
    house.presence.changed("bob", True)
    house.presence.changed("alice", True)
    house.clock.advance(0)
    assert house.told == [("a", "bob", True)]
    house.presence.changed("alice", False)
    house.clock.advance(0)
    assert house.told[1:] == [("a", "alice", False)]


def test_who_returns_while_the_groups_are_looked_up_is_not_told() -> None:
    house = House()
    house.groups = Deferred()
    house.presence.changed("alice", False)
    house.clock.advance(0)
    waiting, house.groups = house.groups, [group("a")]
    house.presence.changed("alice", True)
    house.presence.changed("bob", True)
    waiting.callback([group("a")])
    house.clock.pump([PAUSE] * 3)
    assert house.told == [("a", "bob", True)]
    house.groups = Deferred()
    house.presence.changed("alice", False)
    house.clock.advance(0)
    house.presence.changed("alice", True)
    house.presence.changed("alice", False)
    house.groups.callback([group("a")])
    assert house.told[1:] == [("a", "alice", False)]


def test_the_work_is_done_in_slices() -> None:
    house = House(*(group(str(number), SLICE // 2) for number in range(5)))
    house.presence.changed("alice", True)
    house.clock.advance(0)
    assert len(house.told) == 2
    house.clock.advance(PAUSE)
    assert len(house.told) == 4
    house.presence.changed("bob", True)
    house.clock.pump([PAUSE] * 5)
    assert len(house.told) == 10


def test_large_groups_are_passed_over() -> None:
    house = House(group("large", 11), group("small", 10), most_members=10)
    house.presence.changed("alice", True)
    house.clock.advance(0)
    assert [name for name, _, _ in house.told] == ["small"]


def test_what_fails_for_one_user_is_logged_and_the_next_is_told(caplog: Any) -> None:
    house = House()
    house.groups = Deferred()
    house.presence.changed("alice", True)
    house.presence.changed("bob", True)
    house.clock.advance(0)
    waiting, house.groups = house.groups, [group("a")]
    waiting.errback(ValueError("broken"))
    assert house.told == [("a", "bob", True)]


def test_closing_leaves_no_timer() -> None:
    house = House(*(group(str(number), SLICE) for number in range(3)))
    house.presence.changed("alice", True)
    house.presence.close()
    assert house.clock.getDelayedCalls() == []
    house.presence.changed("alice", True)
    house.clock.advance(0)
    house.presence.close()
    assert house.clock.getDelayedCalls() == []
    assert len(house.told) == 1
