"""What a receiver hands over, and what it tells the server."""

from __future__ import annotations

from esframework import limits
from esframework.managers.delivery.contracts import MessageKey
from esframework.managers.delivery.machine.inbox import Inbox, Job
from esframework.wire.types import RequestFailure

RAISED = RequestFailure.HANDLER_RAISED
ALICE = b"a" * 16


def inbox(epoch: bytes = b"first") -> Inbox:
    box = Inbox()
    box.welcomed(epoch, 0)
    return box


def arrived(box: Inbox, number: int, sequence: int, confirmed: int = 0) -> Job | None:
    return box.arrived(number, MessageKey(ALICE, 1, sequence), confirmed)


def job(box: Inbox, number: int, sequence: int) -> Job:
    found = arrived(box, number, sequence)
    assert found is not None
    return found


def test_each_message_is_handed_over_once() -> None:
    box = inbox()
    assert arrived(box, 5, 1) is not None
    assert arrived(box, 5, 1) is None
    assert arrived(box, 9, 1) is None
    assert box.received == 9


def test_what_is_handled_is_told_up_to_the_first_that_is_not() -> None:
    box = inbox()
    jobs = [job(box, number, number) for number in (1, 2, 3)]
    assert box.acknowledgement() == (3, 0, {})
    box.finished(jobs[1])
    assert box.acknowledgement() is None
    box.finished(jobs[0])
    assert box.acknowledgement() == (3, 2, {})


def test_what_a_handler_did_not_handle_is_told_at_once_and_again_in_the_next_hello() -> None:
    box = inbox()
    box.finished(job(box, 1, 1), RAISED)
    assert box.acknowledgement() == (1, 1, {1: RAISED})
    assert box.hello() == (1, 1, {1: RAISED})


def test_what_the_server_has_confirmed_is_told_no_more() -> None:
    box = inbox()
    box.finished(job(box, 1, 1), RAISED)
    arrived(box, 2, 2, confirmed=1)
    assert box.hello() == (2, 1, {})


def test_a_handler_that_finishes_between_hello_and_welcome_is_told_afterwards() -> None:
    box = inbox()
    first = job(box, 1, 1)
    box.hello()
    box.finished(first, RAISED)
    box.welcomed(b"first", 0)
    assert box.acknowledgement() == (1, 1, {1: RAISED})


def test_after_a_restart_of_the_server_its_numbers_begin_anew_and_messages_do_not() -> None:
    box = inbox()
    box.finished(job(box, 7, 1))
    box.welcomed(b"second", 0)
    assert box.received == 0
    assert arrived(box, 1, 1) is None
    assert box.acknowledgement() == (1, 1, {})
    assert arrived(box, 2, 2) is not None


def test_a_message_that_comes_again_while_it_is_handled_is_done_when_the_handler_is() -> None:
    box = inbox()
    first = job(box, 7, 1)
    box.welcomed(b"second", 0)
    assert arrived(box, 1, 1) is None
    assert box.acknowledgement() == (1, 0, {})
    box.finished(first)
    assert box.acknowledgement() == (1, 1, {})


def test_a_message_that_was_not_handled_is_not_handled_when_it_comes_again_either() -> None:
    box = inbox()
    box.finished(job(box, 7, 1), RAISED)
    box.welcomed(b"second", 0)
    assert arrived(box, 1, 1) is None
    assert box.acknowledgement() == (1, 1, {1: RAISED})


def test_what_was_overtaken_is_refused_rather_than_handed_over_out_of_order() -> None:
    box = inbox()
    for sequence in (3, 6):
        box.finished(job(box, sequence, sequence))
    for number, sequence in ((7, 2), (8, 5)):
        assert arrived(box, number, sequence) is None
    assert box.acknowledgement() == (8, 8, {7: RequestFailure.CONFLICT, 8: RequestFailure.CONFLICT})


def test_it_knows_what_this_process_was_given_and_did_not_refuse() -> None:
    box = inbox()
    job(box, 1, 1)
    box.finished(job(box, 3, 3), RAISED)
    known = [sequence for sequence in range(6) if box.has_handled(MessageKey(ALICE, 1, sequence))]
    assert known == [1]
    assert not box.has_handled(MessageKey(ALICE, 2, 1))


def test_memory_is_bounded_whatever_comes() -> None:
    box = Inbox(most_conversations=40, most_of_one=4)
    box.welcomed(b"first", 0)
    for number in range(1, 50):
        box.finished(box.arrived(number, MessageKey(ALICE, number, 2**62), 0) or job(box, number, 1))
    assert (len(box._seen[ALICE]), box._conversations) == (4, 4)
    box.arrived(100, MessageKey(ALICE, 99, 1), 0)
    box.arrived(101, MessageKey(ALICE, 99, 2**62), 0)
    assert len(box._seen[ALICE][99].skipped) == 1
    for i in range(2 * limits.DELIVERY_REMEMBERED):
        box.arrived(102 + i, MessageKey(ALICE, 99, 2**62 + 2 + 2 * i), 0)
    assert len(box._seen[ALICE][99].skipped) <= limits.DELIVERY_REMEMBERED // 2 + 1


def test_one_sender_that_begins_ever_new_conversations_has_no_other_forgotten() -> None:
    box = inbox()
    box.finished(job(box, 1, 1))
    for number in range(2, 2 * limits.DELIVERY_CONVERSATIONS):
        box.finished(box.arrived(number, MessageKey(b"mallory's number", number, 1), 0) or job(box, number, 1))
    assert box.has_handled(MessageKey(ALICE, 1, 1))
    assert box._conversations == limits.DELIVERY_CONVERSATIONS_OF_ONE + 1


def test_of_too_many_conversations_that_of_the_sender_not_heard_of_for_longest_is_forgotten() -> None:
    box = Inbox(most_conversations=3)
    box.welcomed(b"first", 0)
    for number, process in enumerate((b"a", b"b", b"c", b"a", b"d"), 1):
        key = MessageKey(process * 16, 1, number)
        box.finished(box.arrived(number, key, 0) or job(box, number, 1))
    assert [process[:1] for process in box._seen] == [b"c", b"a", b"d"]


def test_a_conversation_on_which_a_handler_works_is_not_forgotten() -> None:
    box = Inbox(most_of_one=2)
    box.welcomed(b"first", 0)
    keys = [MessageKey(ALICE, number, 1) for number in range(1, 5)]
    jobs = [box.arrived(number, key, 0) for number, key in enumerate(keys, 1)]
    assert None not in jobs
    assert all(box.has_handled(key) for key in keys)


def test_more_refusals_than_a_frame_holds_are_told_in_several_and_none_is_finished_before_it_is_refused() -> None:
    box = Inbox(most_refused=2)
    box.welcomed(b"first", 0)
    for number in range(1, 8):
        box.finished(job(box, number, number), RAISED if number % 2 else 0)
    assert box.hello() == (7, 4, {1: RAISED, 3: RAISED})
    box.welcomed(b"first", 0)
    assert box.acknowledgement() == (7, 7, {5: RAISED, 7: RAISED})
    assert box.acknowledgement() is None
    box.hello()
    box.welcomed(b"second", 0)
    assert box.acknowledgement() is None
