"""Coming back into groups, whatever the server says meanwhile."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from esframework.errors import ConnectionInterrupted, NotDelivered, NotLoggedOn, NotPermitted, RequestTimeout
from esframework.managers.groups.rejoining import ASK_AGAIN, JOINED_AT_ONCE, Rejoining
from esframework.wire.types import RequestFailure


class House:
    """A rejoining whose server the test plays."""

    def __init__(self, *groups: str) -> None:
        self.clock = Clock()
        self.asked: dict[str, Deferred[Any]] = {}
        self.done: list[tuple[list[str], list[str]]] = []
        self.rejoining = Rejoining(self.clock, self._join, lambda *lists: self.done.append(lists))
        self.is_logged_on = True
        self.rejoining.groups.update(dict.fromkeys(groups))

    def _join(self, group_id: str) -> Deferred[Any]:
        if not self.is_logged_on:
            raise NotLoggedOn("there is no session")
        self.asked[group_id] = Deferred()
        return self.asked[group_id]

    def admit(self, *groups: str) -> None:
        for group_id in groups:
            self.asked.pop(group_id).callback(None)

    def refuse(self, group_id: str, reason: RequestFailure) -> None:
        self.asked.pop(group_id).errback(NotDelivered("refused", None, 801, reason))


def test_without_groups_nothing_happens() -> None:
    house = House()
    house.rejoining.begin()
    house.rejoining.interrupt()
    assert (house.asked, house.done) == ({}, [])


def test_all_are_asked_for_together_and_the_refused_are_lost() -> None:
    house = House("a", "b", "c", "d")
    house.rejoining.begin()
    house.admit("a", "b")
    house.refuse("c", RequestFailure.NO_SUCH_THING)
    house.asked["d"].errback(NotPermitted("not yours", None, 801))
    assert house.done == [(["a", "b"], ["c", "d"])]
    assert list(house.rejoining.groups) == ["a", "b"]


def test_many_are_asked_for_in_portions() -> None:
    names = [f"group {number}" for number in range(JOINED_AT_ONCE + 1)]
    house = House(*names)
    house.rejoining.begin()
    assert list(house.asked) == names[:-1]
    house.admit(*names[:-1])
    house.admit(names[-1])
    assert house.done == [(names, [])]


def test_a_server_that_is_too_busy_is_asked_again() -> None:
    house = House("a", "b", "c")
    house.rejoining.begin()
    house.admit("a")
    house.refuse("b", RequestFailure.TOO_FAST)
    house.refuse("c", RequestFailure.STORE_FAILED)
    assert (house.asked, house.done) == ({}, [])
    del house.rejoining.groups["c"]
    house.clock.advance(ASK_AGAIN)
    house.admit("b")
    assert house.done == [(["a", "b"], [])]


def test_the_next_connection_begins_again() -> None:
    house = House("a", "b")
    house.rejoining.begin()
    for asked in house.asked.values():
        asked.errback(ConnectionInterrupted("lost", None, 801))
    assert house.done == []
    house.rejoining.begin()
    house.admit("a")
    house.refuse("b", RequestFailure.BUSY)
    house.rejoining.interrupt()
    assert house.clock.getDelayedCalls() == []
    house.rejoining.begin()
    house.admit("a", "b")
    assert house.done == [(["a", "b"], [])]


def test_a_connection_that_is_lost_between_two_portions_is_an_interruption() -> None:
    names = [f"group {number}" for number in range(JOINED_AT_ONCE + 2)]
    house = House(*names)
    house.rejoining.begin()
    house.is_logged_on = False
    with capturedLogs() as log:
        house.admit(*names[:JOINED_AT_ONCE])
    assert (house.done, log) == ([], [])
    house.is_logged_on = True
    house.rejoining.begin()
    house.admit(*names[:JOINED_AT_ONCE])
    house.admit(*names[JOINED_AT_ONCE:])
    assert house.done == [(names, [])]


def test_what_is_lost_is_told_even_if_the_connection_is_lost_then() -> None:
    house = House("a", "b")
    house.rejoining.begin()
    house.refuse("a", RequestFailure.NOT_ALLOWED)
    del house.rejoining.groups["b"]
    house.asked["b"].errback(ConnectionInterrupted("lost", None, 801))
    house.rejoining.begin()
    assert house.done == [([], ["a"])]


def test_a_program_that_joins_deliberately_meanwhile_is_in() -> None:
    house = House("a", "b")
    house.rejoining.begin()
    house.refuse("b", RequestFailure.NOT_ALLOWED)
    house.rejoining.groups["b"] = None
    house.admit("a")
    assert house.done == [(["a"], [])]
    assert list(house.rejoining.groups) == ["a", "b"]


def test_the_next_account_hears_nothing_of_what_the_last_has_lost() -> None:
    house = House("a", "b")
    house.rejoining.begin()
    house.refuse("a", RequestFailure.NOT_ALLOWED)
    house.asked["b"].errback(ConnectionInterrupted("lost", None, 801))
    house.rejoining.forget()
    house.rejoining.begin()
    assert house.done == []


def test_no_answer_is_no_refusal() -> None:
    house = House("a", "b")
    house.rejoining.begin()
    house.asked["a"].errback(RequestTimeout("no answer", None, 801))
    house.admit("b")
    assert house.done == [(["b"], [])]
    assert list(house.rejoining.groups) == ["a", "b"]
