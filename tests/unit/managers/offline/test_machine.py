"""Hand-overs and inboxes as machines: what they want done, and what they do about it."""

from __future__ import annotations

from typing import Any

from esframework.interfaces import StoredMessage
from esframework.managers.offline.machine import CaughtUp, Count, Delete, Fetch, HandOut, HandOver, Inbox, State

NOW = 1000.0


def message(number: int, expires_at: float = 9999.0, handed_out: int = 0) -> StoredMessage:
    return StoredMessage(f"m{number}", "bob", "alice", 8, 7, b"hello", 0.0, expires_at, handed_out, number)


ONE, TWO, THREE = message(1), message(2), message(3)


def handing(*messages: StoredMessage, device: str = "phone") -> HandOver:
    """A hand-over whose first batch is with a device."""
    hand_over = HandOver()
    assert hand_over.ready(device) == [Fetch(0)]
    assert hand_over.fetched(messages, NOW) == [Count(tuple(each.number for each in messages))]
    assert hand_over.counted() == [HandOut(device, messages)]
    return hand_over


def caught_up(device: str = "phone") -> HandOver:
    """A hand-over that has nothing to do."""
    hand_over = HandOver()
    hand_over.ready(device)
    assert hand_over.fetched([], NOW) == [CaughtUp((device,))]
    return hand_over


# --- the ordinary way -----------------------------------------------------------------------------------------------
def test_messages_are_counted_before_they_leave_and_deleted_when_they_are_acknowledged() -> None:
    hand_over = handing(ONE, TWO)
    assert hand_over.acknowledged("phone", [1, 2]) == ([ONE, TWO], [Delete((1, 2)), Fetch(2)])
    assert hand_over.fetched([], NOW) == [CaughtUp(("phone",))]
    assert hand_over.deleted() == []
    assert hand_over.state is State.WANT_NEWS


def test_the_next_batch_waits_for_the_last_acknowledgement_of_this_one() -> None:
    hand_over = handing(ONE, TWO)
    assert hand_over.acknowledged("phone", [2]) == ([TWO], [Delete((2,))])
    assert hand_over.acknowledged("phone", [1]) == ([ONE], [Fetch(2)])
    assert hand_over.deleted() == [Delete((1,))]


def test_what_a_device_was_not_given_it_cannot_acknowledge() -> None:
    hand_over = handing(ONE)
    assert hand_over.acknowledged("phone", [2, -1]) == ([], [])
    assert hand_over.acknowledged("tablet", [1]) == ([], [])
    assert hand_over.acknowledged("phone", [1, 1])[0] == [ONE]
    assert hand_over.acknowledged("phone", [1]) == ([], [])


def test_what_has_expired_is_passed_over_and_not_the_end() -> None:
    hand_over = HandOver()
    hand_over.ready("phone")
    assert hand_over.fetched([message(1, expires_at=NOW)], NOW) == [Fetch(1)]
    assert hand_over.fetched([message(2, expires_at=NOW), THREE], NOW) == [Count((3,))]


def test_news_are_looked_for_when_nothing_waited_or_the_store_was_being_asked() -> None:
    hand_over = caught_up()
    assert hand_over.stirred() == [Fetch(0)]
    assert hand_over.stirred() == []
    assert hand_over.fetched([], NOW) == [Fetch(0)]
    assert hand_over.fetched([ONE], NOW) == [Count((1,))]


# --- refusals -------------------------------------------------------------------------------------------------------
def test_what_is_refused_stays_and_comes_again_when_the_device_is_ready_again() -> None:
    hand_over = handing(ONE, TWO)
    assert hand_over.acknowledged("phone", [2], [1]) == ([TWO], [Delete((2,)), Fetch(2)])
    hand_over.deleted()
    assert hand_over.fetched([], NOW) == [CaughtUp(("phone",))]
    assert hand_over.stirred() == [Fetch(2)]
    hand_over.fetched([], NOW)
    assert hand_over.ready("phone") == [Fetch(0)]
    assert hand_over.fetched([ONE], NOW) == [Count((1,))]


def test_ready_in_the_middle_of_a_batch_begins_anew_behind_it() -> None:
    hand_over = handing(ONE, TWO)
    assert hand_over.ready("phone") == []
    assert hand_over.acknowledged("phone", [2], [1])[1] == [Delete((2,)), Fetch(0)]
    # The deletion may not be done yet: what is acknowledged is not handed out again.
    assert hand_over.fetched([ONE, TWO], NOW) == [Count((1,))]


# --- devices --------------------------------------------------------------------------------------------------------
def test_a_second_device_takes_over_what_the_first_had_not_acknowledged() -> None:
    hand_over = handing(ONE, TWO)
    assert hand_over.ready("tablet") == []
    assert hand_over.acknowledged("phone", [1])[1] == [Delete((1,))]
    assert hand_over.left("phone") == [Fetch(0)]
    assert hand_over.fetched([ONE, TWO], NOW) == [Count((2,))]
    assert hand_over.counted() == [HandOut("tablet", (TWO,))]


def test_a_second_device_hears_at_once_that_nothing_waits() -> None:
    hand_over = caught_up()
    assert hand_over.ready("tablet") == [CaughtUp(("tablet",))]
    assert hand_over.left("tablet") == []
    assert hand_over.left("tablet") == []


def test_when_the_only_device_leaves_answers_of_the_store_change_nothing() -> None:
    for steps in range(3):
        hand_over = HandOver()
        hand_over.ready("phone")
        if steps > 0:
            hand_over.fetched([ONE], NOW)
        if steps > 1:
            hand_over.counted()
        assert hand_over.left("phone") == []
        if steps == 0:
            assert hand_over.fetched([ONE], NOW) == []
        elif steps == 1:
            assert hand_over.counted() == []
        assert hand_over.is_over


def test_another_device_that_comes_while_the_store_answers_the_first_begins_from_the_start() -> None:
    hand_over = HandOver()
    hand_over.ready("phone")
    hand_over.fetched([ONE], NOW)
    hand_over.left("phone")
    assert hand_over.ready("tablet") == []
    assert hand_over.counted() == [Fetch(0)]


# --- a store that fails ---------------------------------------------------------------------------------------------
def test_a_store_that_failed_is_asked_the_same_again() -> None:
    hand_over = handing(ONE)
    hand_over.acknowledged("phone", [1])
    hand_over.deleted()
    hand_over.fetched([TWO], NOW)
    hand_over.store_failed()
    assert (hand_over.state, hand_over.stirred(), hand_over.ready("tablet")) == (State.WANT_STORE, [], [])
    assert hand_over.retry() == [Fetch(1)]
    assert hand_over.fetched([TWO], NOW) == [Count((2,))]


def test_a_deletion_that_failed_is_tried_again_and_nobody_gets_the_message() -> None:
    hand_over = handing(ONE)
    hand_over.acknowledged("phone", [1])
    hand_over.delete_failed()
    hand_over.fetched([], NOW)
    hand_over.left("phone")
    assert not hand_over.is_over
    assert hand_over.ready("phone") == [Fetch(0)]
    assert hand_over.fetched([ONE], NOW) == [Fetch(1)]
    assert hand_over.retry() == [Delete((1,))]
    hand_over.deleted()
    hand_over.fetched([], NOW)
    hand_over.left("phone")
    assert hand_over.is_over


def test_a_store_that_fails_when_nobody_is_there_any_more_is_let_go() -> None:
    hand_over = HandOver()
    hand_over.ready("phone")
    hand_over.left("phone")
    hand_over.store_failed()
    assert hand_over.is_over and hand_over.retry() == []


# --- inboxes --------------------------------------------------------------------------------------------------------
def handled(inbox: Inbox, id: str, number: int, was_handled: bool = True) -> None:
    assert inbox.arrived(id, number)
    assert inbox.begun(id, inbox.session)
    inbox.finished(id, was_handled)


def test_what_was_handled_is_reported_once() -> None:
    inbox = Inbox()
    handled(inbox, "a", 1)
    handled(inbox, "b", 2, was_handled=False)
    assert inbox.take_report() == ([1], [2])
    assert inbox.take_report() == ([], [])


def test_what_was_handled_and_comes_again_is_acknowledged_and_not_handled() -> None:
    inbox = Inbox()
    handled(inbox, "a", 1)
    inbox.connection_lost()
    assert inbox.take_report() == ([], [])
    assert not inbox.arrived("a", 1)
    assert inbox.take_report() == ([1], [])


def test_what_is_being_handled_and_comes_again_is_reported_when_its_handler_has_returned() -> None:
    inbox = Inbox()
    inbox.arrived("a", 1)
    inbox.begun("a", inbox.session)
    inbox.connection_lost()
    assert not inbox.arrived("a", 1)
    assert inbox.take_report() == ([], [])
    inbox.finished("a", True)
    assert inbox.take_report() == ([1], [])


def test_what_was_being_handled_and_did_not_come_again_is_not_reported() -> None:
    inbox = Inbox()
    inbox.arrived("a", 1)
    inbox.begun("a", inbox.session)
    inbox.connection_lost()
    inbox.finished("a", True)
    assert inbox.take_report() == ([], [])


def test_what_waited_for_its_turn_on_a_lost_connection_is_left_to_the_next() -> None:
    inbox = Inbox()
    assert inbox.arrived("a", 1)
    earlier = inbox.session
    inbox.connection_lost()
    assert not inbox.begun("a", earlier)
    assert inbox.arrived("a", 1)
    assert not inbox.begun("a", earlier)
    assert inbox.begun("a", inbox.session)


def test_what_was_refused_is_handled_when_it_comes_again() -> None:
    inbox = Inbox()
    handled(inbox, "a", 1, was_handled=False)
    handled(inbox, "a", 1)
    assert inbox.take_report() == ([1], [1])


def test_only_so_many_ids_are_remembered() -> None:
    inbox = Inbox(remembered=2)
    for number, id in enumerate("abc"):
        handled(inbox, id, number)
    inbox.take_report()
    arrived: list[Any] = [inbox.arrived(id, 9) for id in "cba"]
    assert arrived == [False, False, True]


def test_another_account_may_use_the_same_ids() -> None:
    inbox = Inbox()
    handled(inbox, "a", 1)
    inbox.forget()
    assert inbox.arrived("a", 1)
