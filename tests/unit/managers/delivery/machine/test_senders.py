"""What the server tells a sender, and for how long it remembers it."""

from __future__ import annotations

from esframework import limits
from esframework.managers.delivery.contracts import FailedBody, ReachedBody
from esframework.managers.delivery.machine.senders import REACHED, Dialogue, Outcome, Sender
from esframework.wire.types import Level, RequestFailure

ABSENT = RequestFailure.TARGET_ABSENT


def sender() -> Sender:
    return Sender("alice", 1, bytes(16), 1)


def accepted(who: Sender, conversation: int, *sequences: int) -> Dialogue:
    dialogue = None
    for sequence in sequences:
        dialogue = who.accept(conversation, sequence) or dialogue
    assert dialogue is not None
    return dialogue


def test_neighbours_at_one_level_are_told_in_one_run() -> None:
    who = sender()
    dialogue = accepted(who, 1, 1, 2, 3, 4, 6)
    accepted(who, 2, 1)
    who.change(dialogue, 3, REACHED[Level.RECEIVER_HAS_IT])
    who.change(dialogue, 4, Outcome(Level.SERVER_HAS_IT, ABSENT))
    assert who.take_changes() == (
        [
            ReachedBody(1, 1, 2, Level.SERVER_HAS_IT),
            ReachedBody(1, 3, 3, Level.RECEIVER_HAS_IT),
            ReachedBody(1, 6, 6, Level.SERVER_HAS_IT),
            ReachedBody(2, 1, 1, Level.SERVER_HAS_IT),
        ],
        [FailedBody(1, Level.SERVER_HAS_IT, ABSENT, 4)],
    )
    assert who.take_changes() == ([], [])


def test_after_its_end_nothing_changes_any_more() -> None:
    who = sender()
    dialogue = accepted(who, 1, 1)
    assert who.change(dialogue, 1, REACHED[Level.RECEIVER_HANDLED_IT])
    assert not who.change(dialogue, 1, Outcome(Level.RECEIVER_HAS_IT, ABSENT))


def test_what_is_confirmed_is_forgotten_and_later_news_of_it_are_nobodys() -> None:
    who = sender()
    dialogue = accepted(who, 1, 1, 2, 3)
    who.confirm(1, 2)
    assert who.unconfirmed == 1
    assert not who.change(dialogue, 2, REACHED[Level.RECEIVER_HAS_IT])
    who.confirm(1, 99)
    who.confirm(7, 1)
    assert (who.unconfirmed, who.accepted(), who.take_changes()) == (0, [], ([], []))


def test_a_sender_that_confirms_nothing_is_none_of_ours() -> None:
    who = sender()
    accepted(who, 1, *range(1, limits.DELIVERY_UNCONFIRMED))
    assert not who.is_silent
    accepted(who, 1, limits.DELIVERY_UNCONFIRMED)
    assert who.is_silent


def test_of_what_was_dropped_nothing_stays() -> None:
    who = sender()
    accepted(who, 1, 1, 2)
    who.drop(1, 1)
    assert who.accepted() == [(1, 2)]
    who.drop(1, 2)
    assert (who.unconfirmed, who.accepted()) == (0, [])
