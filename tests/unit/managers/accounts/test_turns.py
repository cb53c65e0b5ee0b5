"""Changes of one account come one after another; those of others do not wait, and nothing is left of them."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred

from esframework.managers.accounts.turns import Turns


def turn(turns: Turns, name: str, told: list[str], word: str) -> tuple[Deferred[None], Deferred[None]]:
    """Take a turn; it ends with the first of the two, and the second fires then."""
    ends: Deferred[None] = Deferred()

    async def taken() -> None:
        async with turns.one(name):
            told.append(word)
            await ends

    return ends, Deferred.fromCoroutine(taken())


def test_turns_of_one_user_follow_each_other_and_others_do_not_wait() -> None:
    turns, told = Turns(), list[str]()
    first, _ = turn(turns, "alice", told, "first")
    second, _ = turn(turns, "alice", told, "second")
    other, _ = turn(turns, "bob", told, "other")
    assert told == ["first", "other"]
    first.callback(None)
    assert told == ["first", "other", "second"]
    third, _ = turn(turns, "alice", told, "third")
    assert len(turns) == 2
    other.callback(None)
    second.callback(None)
    assert told[-1] == "third"
    third.callback(None)
    assert len(turns) == 0


def test_a_turn_that_fails_or_is_given_up_keeps_nobody_waiting() -> None:
    turns, told, failures = Turns(), list[str](), list[type[BaseException]]()
    first, failed = turn(turns, "alice", told, "first")
    _, given_up = turn(turns, "alice", told, "second")
    third, _ = turn(turns, "alice", told, "third")
    for ended in (failed, given_up):
        ended.addErrback(lambda failure: failures.append(failure.type))
    given_up.cancel()
    first.errback(ZeroDivisionError())
    assert (told, failures) == (["first", "third"], [CancelledError, ZeroDivisionError])
    third.callback(None)
    assert len(turns) == 0


def test_those_who_are_done_at_once_leave_no_lock() -> None:
    turns, told = Turns(), list[str]()
    first, _ = turn(turns, "alice", told, "first")
    for word in ("second", "third"):
        turn(turns, "alice", told, word)[0].callback(None)
    first.callback(None)
    assert told == ["first", "second", "third"]
    assert len(turns) == 0
