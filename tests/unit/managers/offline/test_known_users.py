"""Whether there is such a user is asked once for all, and remembered until it is old or may be otherwise."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from esframework import limits
from esframework.managers.offline.known_users import KnownUsers


class Desk:
    """Whoever knows the users; answers when the test says so. `told` are the answers, in their order."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.asked: list[Deferred[bool]] = []
        self.told: list[bool] = []
        self.known = KnownUsers(self.clock, self._has_user)

    def _has_user(self, user_id: str) -> Deferred[bool]:
        self.asked.append(Deferred())
        return self.asked[-1]

    def ask(self) -> None:
        self.known.ask("alice").addCallback(self.told.append)

    def answer(self, exists: bool) -> None:
        self.asked[-1].callback(exists)


@pytest.mark.parametrize(("exists", "seconds"), [(True, limits.KNOWN_USER_FOR), (False, limits.UNKNOWN_USER_FOR)])
def test_an_answer_is_remembered_for_a_while(exists: bool, seconds: float) -> None:
    desk = Desk()
    desk.ask()
    desk.answer(exists)
    desk.clock.advance(seconds - 0.1)
    desk.ask()
    assert (desk.told, len(desk.asked)) == ([exists, exists], 1)
    desk.clock.advance(0.2)
    desk.ask()
    assert len(desk.asked) == 2


def test_what_is_forgotten_is_asked_again() -> None:
    desk = Desk()
    desk.ask()
    desk.answer(True)
    desk.known.forget("alice")
    desk.ask()
    desk.answer(False)
    assert desk.told == [True, False]


def test_an_answer_that_was_on_its_way_when_the_user_was_forgotten_is_not_remembered() -> None:
    desk = Desk()
    desk.ask()
    desk.known.forget("alice")
    desk.answer(True)
    desk.ask()
    desk.answer(False)
    desk.ask()
    assert (desk.told, len(desk.asked)) == ([True, False, False], 2)
