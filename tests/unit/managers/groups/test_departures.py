"""Who left a group for good is remembered, for a while, until he comes in again."""

from __future__ import annotations

import pytest

from esframework.managers.groups.departures import Departures
from esframework.managers.groups.machine import Change, GroupEvent


def event(change: Change, *users: str, group: str = "chess") -> GroupEvent:
    return GroupEvent(change, group, "alice", users)


@pytest.mark.parametrize("left", [Change.QUIT, Change.REMOVED, Change.DISSOLVED])
@pytest.mark.parametrize("came", [Change.CREATED, Change.JOINED, Change.PULLED_IN])
def test_whoever_left_is_remembered_until_he_comes_in_again(left: Change, came: Change) -> None:
    departures = Departures()
    departures.note([event(left, "bob", "carol")], 0.0)
    assert ("chess", "bob") in departures
    assert ("go", "bob") not in departures
    departures.note([event(came, "bob")], 1.0)
    assert ("chess", "bob") not in departures
    assert ("chess", "carol") in departures


def test_what_concerns_nobodys_membership_changes_nothing() -> None:
    departures = Departures()
    departures.note([event(Change.TAG_CHANGED, "bob"), event(Change.OWNER_CHANGED, "bob")], 0.0)
    departures.drop("chess", "bob")
    assert len(departures) == 0


def test_it_is_forgotten_after_its_time_counted_from_the_last_departure() -> None:
    departures = Departures(seconds=10.0)
    departures.note([event(Change.QUIT, "bob"), event(Change.QUIT, "carol")], 0.0)
    departures.note([event(Change.QUIT, "bob")], 5.0)
    departures.sweep(9.9)
    assert len(departures) == 2
    departures.sweep(10.0)
    assert ("chess", "carol") not in departures
    assert ("chess", "bob") in departures
    departures.sweep(15.0)
    assert len(departures) == 0


def test_the_oldest_go_when_there_are_too_many() -> None:
    departures = Departures(most=2)
    departures.note([event(Change.DISSOLVED, "alice", "bob", "carol")], 0.0)
    assert ("chess", "alice") not in departures
    assert len(departures) == 2


def test_whoever_comes_and_goes_in_a_loop_forgets_only_its_own() -> None:
    departures = Departures(most=100, most_of_user=2)
    departures.note([event(Change.REMOVED, "bob")], 0.0)
    for number in range(1000):
        departures.note([event(Change.QUIT, "mallory", group=f"group {number}")], 0.0)
    assert ("chess", "bob") in departures
    assert ("group 999", "mallory") in departures
    assert len(departures) == 3
