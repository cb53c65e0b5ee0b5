"""One user's mailbox: who gets what, when it leaves, and what a window means."""

from __future__ import annotations

from esframework import limits
from esframework.managers.delivery.contracts import MessageKey
from esframework.managers.delivery.machine.entries import Entry
from esframework.managers.delivery.machine.mailbox import Mailbox
from esframework.managers.delivery.machine.readers import Credit, Reader
from esframework.wire.types import Level, RequestFailure

WINDOW = 120.0
RAISED = RequestFailure.HANDLER_RAISED


class Witness:
    """Writes down what a mailbox asks for and tells."""

    def __init__(self) -> None:
        self.handed: list[tuple[bytes, int, bool]] = []
        self.levels: list[tuple[int, Level]] = []
        self.failed: list[tuple[int, int]] = []
        self.gone: list[int] = []
        self.missed: list[bytes] = []

    def hand(self, reader: Reader, entry: Entry, is_redelivered: bool) -> None:
        self.handed.append((reader.process, entry.number, is_redelivered))

    def has_missed(self, reader: Reader) -> None:
        self.missed.append(reader.process)

    def level_reached(self, entry: Entry) -> None:
        self.levels.append((entry.number, entry.level))

    def ended(self, entry: Entry, failure: int) -> None:
        self.failed.append((entry.number, failure))

    def removed(self, entry: Entry) -> None:
        self.gone.append(entry.number)


def mailbox(messages: int = 1000, size: int = 1000) -> tuple[Mailbox, Witness]:
    witness = Witness()
    return Mailbox(witness, Credit(messages, size)), witness


def put(box: Mailbox, number: int, device: int | None = None, maybe: bool = False, size: int = 1) -> Entry:
    key = MessageKey(bytes(16), 1, number)
    entry = Entry(key, "alice", None, "bob", device, 1, bytes(size), 0, 0, maybe)
    entry.number = number
    box.put(entry)
    return entry


def attached(box: Mailbox, process: bytes, device: int = 1, received: int = 0, last: int = 0) -> Reader:
    reader, _ = box.attach(process, device, object(), received, last)
    box.acknowledge(reader, received, 0, {})
    box.hand_rest(reader)
    return reader


def test_every_device_gets_it_and_it_leaves_when_one_has_handled_and_all_have_received_it() -> None:
    box, witness = mailbox()
    phone, laptop = attached(box, b"phone", 1), attached(box, b"laptop", 2)
    put(box, 1)
    assert witness.handed == [(b"phone", 1, False), (b"laptop", 1, False)]
    box.acknowledge(phone, 1, 1, {})
    assert witness.levels == [(1, Level.RECEIVER_HAS_IT), (1, Level.RECEIVER_HANDLED_IT)]
    assert len(box) == 1
    box.acknowledge(laptop, 1, 0, {})
    assert witness.gone == [1]


def test_a_reader_that_comes_back_goes_on_behind_what_it_has() -> None:
    box, witness = mailbox()
    reader = attached(box, b"phone")
    for number in (1, 2, 3):
        put(box, number)
    box.detach(reader, 10.0)
    witness.handed.clear()
    attached(box, b"phone", received=1, last=3)
    assert witness.handed == [(b"phone", 2, False), (b"phone", 3, False)]


def test_a_new_process_gets_what_none_has_handled_marked_when_it_was_handed_before() -> None:
    box, witness = mailbox()
    phone = attached(box, b"phone")
    for number in (1, 2):
        put(box, number)
    box.acknowledge(phone, 2, 1, {})
    box.detach(phone, 10.0)
    put(box, 3)
    witness.handed.clear()
    attached(box, b"phone, restarted", last=3)
    assert witness.handed == [(b"phone, restarted", 2, True), (b"phone, restarted", 3, False)]


def test_what_its_sender_marks_is_marked_for_everybody() -> None:
    box, witness = mailbox()
    attached(box, b"phone")
    put(box, 1, maybe=True)
    assert witness.handed == [(b"phone", 1, True)]


def test_a_message_to_one_device_is_for_that_device() -> None:
    box, witness = mailbox()
    attached(box, b"phone", 1)
    laptop = attached(box, b"laptop", 2)
    put(box, 1, device=2)
    assert witness.handed == [(b"laptop", 1, False)]
    assert (box.is_read(2), box.is_read(4), box.is_read(None)) == (True, False, True)
    box.acknowledge(laptop, 1, 1, {})
    assert witness.gone == [1]


def test_it_leaves_unhandled_when_every_handler_has_refused_it() -> None:
    box, witness = mailbox()
    phone, laptop = attached(box, b"phone", 1), attached(box, b"laptop", 2)
    put(box, 1)
    box.acknowledge(phone, 1, 1, {1: RAISED})
    assert witness.failed == []
    box.acknowledge(laptop, 1, 1, {1: RAISED})
    assert witness.failed == [(1, RAISED)]
    assert len(box) == 0


def test_one_that_handles_it_outweighs_one_that_refuses() -> None:
    box, witness = mailbox()
    phone, laptop = attached(box, b"phone", 1), attached(box, b"laptop", 2)
    put(box, 1)
    box.acknowledge(phone, 1, 1, {1: RAISED})
    box.acknowledge(laptop, 1, 1, {})
    assert (witness.failed, witness.gone) == ([], [1])


def test_when_the_last_window_is_over_what_nobody_handled_comes_out() -> None:
    box, witness = mailbox()
    phone = attached(box, b"phone")
    received = put(box, 1)
    box.acknowledge(phone, 1, 0, {})
    box.detach(phone, 10.0)
    unseen = put(box, 2)
    assert box.expire(10.0 + WINDOW - 1, WINDOW) == []
    assert box.expire(10.0 + WINDOW, WINDOW) == [received, unseen]
    assert (len(box), box.bytes, witness.gone) == (0, 0, [1, 2])


def test_a_window_that_is_over_holds_nothing_up_for_the_others() -> None:
    box, witness = mailbox()
    phone, laptop = attached(box, b"phone", 1), attached(box, b"laptop", 2)
    box.detach(phone, 0.0)
    put(box, 1)
    box.acknowledge(laptop, 1, 1, {})
    assert witness.gone == []
    assert box.expire(WINDOW, WINDOW) == []
    assert witness.gone == [1]


def test_without_a_reader_it_waits_while_the_mailbox_is_open() -> None:
    box, witness = mailbox()
    box.open_until = 10.0
    entry = put(box, 1)
    assert box.expire(9.0, WINDOW) == []
    attached(box, b"phone", last=1)
    assert witness.handed == [(b"phone", 1, False)]
    assert box.expire(11.0, WINDOW) == []
    assert not entry.is_gone


def test_room_is_made_of_what_is_handled_and_who_is_away_loses_its_place() -> None:
    box, witness = mailbox()
    phone, laptop = attached(box, b"phone", 1), attached(box, b"laptop", 2)
    box.detach(phone, 0.0)
    put(box, 1)
    box.acknowledge(laptop, 1, 1, {})
    put(box, 2)
    box.make_room()
    assert witness.gone == [1]
    _, is_resumed = box.attach(b"phone", 1, object(), 0, 2)
    assert not is_resumed


def test_who_is_connected_loses_its_place_only_with_its_connection() -> None:
    box, _ = mailbox()
    phone, laptop = attached(box, b"phone", 1), attached(box, b"laptop", 2)
    put(box, 1)
    box.acknowledge(laptop, 1, 1, {})
    box.make_room()
    box.acknowledge(phone, 1, 0, {})
    box.detach(phone, 0.0)
    assert b"phone" in box.readers
    phone = attached(box, b"phone", 1, received=1, last=1)
    put(box, 2)
    box.acknowledge(laptop, 2, 2, {})
    box.make_room()
    box.detach(phone, 0.0)
    assert b"phone" not in box.readers


def test_of_too_many_processes_the_one_that_is_away_longest_is_forgotten() -> None:
    box, _ = mailbox()
    for number in range(limits.DELIVERY_READERS + 3):
        box.detach(attached(box, b"process %d" % number), float(number))
    assert len(box.readers) == limits.DELIVERY_READERS
    assert b"process 0" not in box.readers


def test_numbers_that_mean_nothing_change_nothing() -> None:
    box, witness = mailbox()
    phone = attached(box, b"phone")
    put(box, 1)
    box.acknowledge(phone, 0, 5, {7: RAISED})
    assert (witness.levels, len(box), phone.refused) == ([], 1, {})


def test_a_device_that_never_finishes_holds_nothing_that_has_left() -> None:
    box, _ = mailbox()
    phone, laptop = attached(box, b"phone", 1), attached(box, b"laptop", 2)
    for number in range(1, 100):
        put(box, number)
        box.acknowledge(phone, number, number, {})
        box.acknowledge(laptop, number, 0, {})
    assert (len(box), len(laptop.to_receive), len(laptop.to_finish)) == (0, 0, 0)


def test_a_device_that_never_receives_holds_nothing_that_made_room() -> None:
    box, _ = mailbox()
    phone, laptop = attached(box, b"phone", 1), attached(box, b"laptop", 2)
    for number in range(1, 100):
        put(box, number)
        box.acknowledge(phone, number, number, {})
        box.make_room()
    assert (len(box), len(laptop.to_receive), len(laptop.to_finish)) == (0, 0, 0)
    box.detach(laptop, 10.0)
    assert laptop.process not in box.readers


def test_a_reader_that_was_forgotten_while_a_connection_still_spoke_for_it_changes_nothing_more() -> None:
    box, witness = mailbox()
    phone, laptop = attached(box, b"phone", 1), attached(box, b"laptop", 2)
    put(box, 1)
    box.detach(phone, 0.0)
    box.expire(WINDOW, WINDOW)
    box.acknowledge(phone, 1, 1, {})
    assert witness.levels == []
    box.acknowledge(laptop, 1, 1, {})
    assert (len(box), witness.gone) == (0, [1])


# --- who is slow ------------------------------------------------------------------------------------------------------
def handed_to(witness: Witness, process: bytes) -> list[int]:
    return [number for reader, number, _ in witness.handed if reader == process]


def acknowledged(box: Mailbox, reader: Reader, received: int, handled: int) -> None:
    box.acknowledge(reader, received, handled, {})
    box.hand_rest(reader)


def test_a_process_is_handed_no_more_than_it_has_room_for_and_the_rest_as_it_finishes() -> None:
    box, witness = mailbox(messages=2)
    slow = attached(box, b"slow")
    for number in range(1, 6):
        put(box, number)
    assert handed_to(witness, b"slow") == [1, 2]
    acknowledged(box, slow, 2, 0)
    assert handed_to(witness, b"slow") == [1, 2]
    acknowledged(box, slow, 2, 1)
    assert handed_to(witness, b"slow") == [1, 2, 3]
    acknowledged(box, slow, 3, 3)
    assert handed_to(witness, b"slow") == [1, 2, 3, 4, 5]


def test_room_is_counted_in_bytes_too_and_one_that_is_longer_goes_alone() -> None:
    box, witness = mailbox(size=10)
    slow = attached(box, b"slow")
    for number, size in enumerate((6, 6, 50, 1), 1):
        put(box, number, size=size)
    seen = [handed_to(witness, b"slow")]
    for handled in (1, 2, 3):
        acknowledged(box, slow, handled, handled)
        seen.append(handed_to(witness, b"slow"))
    assert seen == [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4]]


def test_what_another_has_handled_still_takes_room_of_the_slow_one() -> None:
    box, witness = mailbox(messages=2)
    fast, slow = attached(box, b"fast", 1), attached(box, b"slow", 2)
    for number in range(1, 4):
        put(box, number)
        acknowledged(box, fast, number, number)
        acknowledged(box, slow, min(number, 2), 0)
    assert handed_to(witness, b"fast") == [1, 2, 3]
    assert (handed_to(witness, b"slow"), witness.gone) == ([1, 2], [1, 2])


def test_a_slow_one_is_told_in_its_place_that_it_missed_what_had_to_make_room() -> None:
    box, witness = mailbox(messages=1)
    fast, slow = attached(box, b"fast", 1), attached(box, b"slow", 2)
    for number in (1, 2, 3):
        put(box, number)
        acknowledged(box, fast, number, number)
    acknowledged(box, slow, 1, 0)
    box.make_room()
    put(box, 4)
    assert (witness.missed, handed_to(witness, b"slow")) == ([], [1])
    acknowledged(box, slow, 1, 1)
    assert (witness.missed, handed_to(witness, b"slow")) == ([b"slow"], [1, 4])
    acknowledged(box, slow, 4, 4)
    assert witness.missed == [b"slow"]


def test_what_was_handed_and_had_to_make_room_is_not_missed_while_the_connection_stands() -> None:
    box, witness = mailbox()
    fast, slow = attached(box, b"fast", 1), attached(box, b"slow", 2)
    put(box, 1)
    acknowledged(box, fast, 1, 1)
    box.make_room()
    acknowledged(box, slow, 1, 1)
    assert witness.missed == []


def test_a_slow_one_that_is_cut_off_before_it_was_told_has_lost_its_place() -> None:
    box, witness = mailbox(messages=1)
    fast, slow = attached(box, b"fast", 1), attached(box, b"slow", 2)
    for number in (1, 2):
        put(box, number)
        acknowledged(box, fast, number, number)
    box.make_room()
    _, is_resumed = box.attach(b"slow", 2, object(), 1, 2)
    assert (is_resumed, witness.missed) == (False, [])
    box.detach(slow, 10.0)
    assert b"slow" in box.readers, "the old connection took the new one's place with it"


def test_after_a_cut_room_is_taken_only_by_what_arrived() -> None:
    box, witness = mailbox(messages=2)
    slow = attached(box, b"slow")
    for number in range(1, 5):
        put(box, number)
    box.detach(slow, 10.0)
    attached(box, b"slow", received=1, last=4)
    assert handed_to(witness, b"slow") == [1, 2, 2]


def test_one_that_comes_back_forgotten_finishes_what_it_has_before_it_gets_more() -> None:
    box, witness = mailbox(messages=2)
    for life in range(3):
        slow = attached(box, b"slow", received=2 * min(life, 1), last=2 * life)
        put(box, 2 * life + 1)
        put(box, 2 * life + 2)
        box.detach(slow, 0.0)
        box.expire(WINDOW, WINDOW)
    assert handed_to(witness, b"slow") == [1, 2]
    slow = attached(box, b"slow", received=2, last=6)
    put(box, 7)
    acknowledged(box, slow, 2, 2)
    assert handed_to(witness, b"slow") == [1, 2, 7]
