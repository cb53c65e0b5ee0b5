"""What a sender keeps, for how long, and what it writes after a log-on."""

from __future__ import annotations

import pytest

from esframework.errors import WindowFull
from esframework.managers.delivery.contracts import Mark
from esframework.managers.delivery.machine.outbox import Message, Outbox
from esframework.wire.types import Level

PROCESS = bytes(16)
HERE = (b"epoch", 1)


def outbox(messages: int = 10, size: int = 1000) -> Outbox:
    return Outbox(PROCESS, messages, size)


def added(box: Outbox, *targets: str | None) -> list[Message]:
    """Messages to some targets, written if that is possible now."""
    messages = []
    for target in targets:
        message = box.add(target, 1, b"content", 0)
        if box.is_welcome:
            box.written(message)
        messages.append(message)
    return messages


def sequences(messages: list[Message]) -> list[tuple[str | None, int]]:
    return [(message.target, message.key.sequence) for message in messages]


def test_each_target_has_a_conversation_and_each_conversation_its_own_sequence() -> None:
    messages = added(outbox(), "bob", "carol", "bob", None)
    assert sequences(messages) == [("bob", 1), ("carol", 1), ("bob", 2), (None, 1)]
    assert len({message.key for message in messages}) == 4


def test_what_was_sent_while_nobody_listened_is_written_after_the_welcome_in_order() -> None:
    box = outbox()
    added(box, "bob", "carol", "bob")
    assert sequences(box.welcomed(HERE, {})) == [("bob", 1), ("carol", 1), ("bob", 2)]


def test_after_a_cut_only_what_the_server_does_not_have_is_written_again() -> None:
    box = outbox()
    box.welcomed(HERE, {})
    first, second = added(box, "bob", "bob")
    box.disconnected()
    again = box.welcomed(HERE, {first.key.conversation: 1})
    assert again == [second]
    assert not second.marks & Mark.MAY_HAVE_BEEN_HANDED


def test_a_server_that_has_forgotten_gets_everything_that_is_not_over_marked_as_maybe_handed() -> None:
    box = outbox()
    box.welcomed(HERE, {})
    first, second = added(box, "bob", "bob")
    box.reached(first.key.conversation, 1, 1, Level.RECEIVER_HANDLED_IT)
    box.disconnected()
    unwritten = box.add("bob", 1, b"", 0)
    assert box.welcomed((b"another", 1), {}) == [second, unwritten]
    assert second.marks & Mark.MAY_HAVE_BEEN_HANDED
    assert not unwritten.marks & Mark.MAY_HAVE_BEEN_HANDED


def test_what_is_older_than_the_session_is_marked_as_having_waited() -> None:
    box = outbox()
    (old,) = added(box, "bob")
    box.hello()
    (new,) = added(box, "bob")
    assert box.welcomed(HERE, {}) == [old, new]
    assert (old.marks, new.marks) == (Mark.WAITED, Mark(0))


def test_the_mark_stays_however_often_the_connection_is_lost_afterwards() -> None:
    box = outbox()
    box.welcomed(HERE, {})
    (message,) = added(box, "bob")
    for _ in range(2):
        box.disconnected()
        assert box.welcomed((b"another", 1), {}) == [message]
        box.written(message)
    assert message.marks & Mark.MAY_HAVE_BEEN_HANDED


@pytest.mark.parametrize("level", [Level.SERVER_HAS_IT, Level.RECEIVER_HAS_IT])
def test_it_is_kept_until_it_is_handled_or_on_the_disk(level: Level) -> None:
    box = outbox()
    (message,) = added(box, "bob")
    assert box.reached(message.key.conversation, 1, 1, level) == [message]
    assert box.reached(message.key.conversation, 1, 1, level) == []
    assert len(box) == 1
    box.reached(message.key.conversation, 1, 1, Level.STORED_ON_DISK)
    assert len(box) == 0


def test_receipts_for_what_is_unknown_change_nothing() -> None:
    box = outbox()
    added(box, "bob")
    assert box.reached(99, 1, 5, Level.SERVER_HAS_IT) == []
    assert box.reached(1, 2, 2**62, Level.SERVER_HAS_IT) == []
    assert box.failed(1, 7, Level.SENT) is None


def test_the_window_counts_messages_and_bytes_and_a_long_one_goes_alone() -> None:
    box = outbox(messages=2, size=10)
    long = box.add("bob", 1, bytes(100), 0)
    with pytest.raises(WindowFull, match="wait for some"):
        box.add("bob", 1, b"", 0)
    box.forget(long)
    added(box, "bob")
    box.add("bob", 1, b"", 0)
    with pytest.raises(WindowFull, match="2 messages"):
        box.add("bob", 1, b"", 0)


def test_what_is_over_behind_something_that_is_not_still_counts_for_the_window() -> None:
    # The server keeps its receipts as long: they are confirmed up to a sequence.
    box = outbox(messages=3)
    _, second, third = added(box, "bob", "bob", "bob")
    box.forget(second)
    box.forget(third)
    with pytest.raises(WindowFull):
        box.add("bob", 1, b"", 0)


def test_what_is_settled_is_told_once() -> None:
    box = outbox()
    first, second, third = added(box, "bob", "bob", "bob")
    box.forget(third)
    box.forget(first)
    assert (box.untold, box.take_untold(), box.take_untold()) == (1, [(1, 1)], [])
    box.forget(second)
    assert box.hello() == [(1, 3)]
    box.welcomed(HERE, {})
    assert box.written(box.add("bob", 1, b"", 0)) == 3
    assert box.untold == 0


def test_what_was_given_up_is_not_written_again() -> None:
    box = outbox()
    first, second = added(box, "bob", "bob")
    box.give_up(first.key)
    box.give_up(first.key)
    assert box.welcomed(HERE, {}) == [second]


def test_after_closing_no_id_is_used_again() -> None:
    box = outbox()
    messages = added(box, "bob", "bob")
    assert box.close() == messages
    (message,) = added(box, "bob")
    assert message.key not in [old.key for old in messages]


def test_idle_conversations_are_forgotten_where_there_are_many() -> None:
    box = Outbox(PROCESS, 10, 1000, most_conversations=4)
    for number in range(20):
        (message,) = added(box, f"user {number}")
        box.forget(message)
        box.take_untold()
    assert len(box.hello()) <= 4
