"""The post office: who has a mailbox, what fits, when a window is over, who is told."""

from __future__ import annotations

import pytest

from esframework.managers.delivery.contracts import MessageKey
from esframework.managers.delivery.machine.entries import Entry
from esframework.managers.delivery.machine.office import Office
from esframework.managers.delivery.machine.options import DeliveryOptions
from esframework.managers.delivery.machine.readers import Reader
from esframework.managers.delivery.machine.senders import Outcome, Sender
from esframework.wire.types import Level, RequestFailure

ALICE = b"alice, process 1"
BOB = b"bob, process 001"
OPTIONS = DeliveryOptions(window=120.0, messages=3, bytes=100, messages_in_all=5, bytes_in_all=150)
ONE = DeliveryOptions(messages=10, bytes=1000, messages_from_one=3, bytes_from_one=9)


class Desk:
    """Does what an office asks for, and writes it down. `foreign` users have a device that knows no delivery."""

    def __init__(self, keeps: bool = False, foreign: str = "") -> None:
        self.handed: list[tuple[bytes, int]] = []
        self.stored: list[Entry] = []
        self.foreign = foreign
        self.keeps = keeps
        self.due: set[Sender] = set()
        self.refused: list[RequestFailure] = []

    def hand(self, reader: Reader, entry: Entry, is_redelivered: bool) -> None:
        self.handed.append((reader.process, entry.key.sequence))

    def has_missed(self, reader: Reader) -> None:
        raise AssertionError("mailboxes tell of that")

    def no_room(self, reason: RequestFailure) -> None:
        self.refused.append(reason)

    def pass_on(self, entry: Entry) -> bool:
        return entry.target == self.foreign

    def store(self, entry: Entry) -> bool:
        self.stored.append(entry)
        return self.keeps

    def receipts_due(self, sender: Sender) -> None:
        self.due.add(sender)


class House:
    """An office, its desk, and alice who sends."""

    def __init__(self, desk: Desk | None = None, now: float = 0.0, options: DeliveryOptions = OPTIONS) -> None:
        self.desk = desk or Desk()
        self.office = Office(self.desk, options, now)
        self.alice = self.office.sender("alice", 1, ALICE, object())
        self.sent = 0

    def bob(self, received: int = 0) -> Reader:
        link = object()
        self.bobs_sender, self.bobs_link = self.office.sender("bob", 1, BOB, link), link
        reader, _ = self.office.reader("bob", 1, BOB, link, received)
        self.office.hand_rest("bob", reader)
        return reader

    def leave(self, reader: Reader, now: float) -> None:
        self.office.left("bob", self.bobs_sender, reader, self.bobs_link, now)

    def send(self, target: str | None = "bob", size: int = 1, waited: bool = False, now: float = 1000.0) -> int:
        self.sent += 1
        key = MessageKey(ALICE, 1, self.sent)
        self.office.accept(self.alice, Entry(key, "alice", 1, target, None, 1, bytes(size), 0, 0), waited, now)
        return self.sent

    def outcome(self, sequence: int) -> Outcome:
        (dialogue,) = self.alice._dialogues.values()
        return dialogue.outcomes[sequence]


def failed(level: Level, reason: RequestFailure) -> Outcome:
    return Outcome(level, reason)


def test_a_message_is_handed_to_who_is_there_and_its_sender_told() -> None:
    house = House()
    reader = house.bob()
    sequence = house.send()
    assert house.desk.handed == [(BOB, sequence)]
    assert house.outcome(sequence) == Outcome(Level.SERVER_HAS_IT)
    house.office.acknowledge("bob", reader, 1, 1, {})
    assert house.outcome(sequence) == Outcome(Level.RECEIVER_HANDLED_IT)
    assert (house.office.messages, house.office.bytes) == (0, 0)


def test_who_is_absent_is_reported_at_once() -> None:
    house = House()
    assert house.outcome(house.send()) == failed(Level.SENT, RequestFailure.TARGET_ABSENT)


def test_who_knows_no_delivery_is_given_it_and_its_sender_told_what_that_means() -> None:
    house = House(Desk(foreign="bob"))
    unknown = RequestFailure.TYPE_UNKNOWN_TO_TARGET
    assert house.outcome(house.send()) == failed(Level.SERVER_HAS_IT, unknown)


def test_who_is_absent_may_have_it_stored_and_on_disk_is_said_when_it_is() -> None:
    house = House(Desk(keeps=True))
    sequence = house.send()
    assert house.outcome(sequence) == Outcome(Level.SERVER_HAS_IT)
    house.office.stored(house.desk.stored[0], None)
    assert house.outcome(sequence) == Outcome(Level.STORED_ON_DISK)


def test_a_store_that_fails_is_reported() -> None:
    house = House(Desk(keeps=True))
    sequence = house.send()
    house.office.stored(house.desk.stored[0], RequestFailure.STORE_FAILED)
    assert house.outcome(sequence).failure == RequestFailure.STORE_FAILED


def test_within_the_window_it_waits_and_after_it_is_reported() -> None:
    house = House()
    house.leave(house.bob(), 1000.0)
    sequence = house.send(now=1001.0)
    house.office.sweep(1119.0)
    assert house.outcome(sequence) == Outcome(Level.SERVER_HAS_IT)
    house.office.sweep(1120.0)
    assert house.outcome(sequence) == failed(Level.SERVER_HAS_IT, RequestFailure.TARGET_ABSENT)
    assert house.outcome(house.send(now=1121.0)) == failed(Level.SENT, RequestFailure.TARGET_ABSENT)


def test_a_client_that_is_about_to_say_hello_is_waited_for() -> None:
    house = House()
    house.office.expect("bob", 1010.0)
    sequence = house.send(now=1001.0)
    house.bob()
    assert house.desk.handed == [(BOB, sequence)]


def test_one_that_never_says_hello_is_given_up() -> None:
    house = House()
    house.office.expect("bob", 1010.0)
    sequence = house.send(now=1001.0)
    house.office.sweep(1010.0)
    assert house.outcome(sequence).failure == RequestFailure.TARGET_ABSENT


def test_after_a_restart_what_waited_through_it_waits_for_its_receiver_too() -> None:
    house = House(now=1000.0)
    waiting = house.send(waited=True, now=1001.0)
    fresh_behind = house.send(now=1001.0)
    house.bob()
    assert house.desk.handed == [(BOB, waiting), (BOB, fresh_behind)]


def test_but_what_is_new_does_not_and_not_for_longer_than_a_window() -> None:
    house = House(now=1000.0)
    assert house.outcome(house.send("carol", now=1001.0)).failure == RequestFailure.TARGET_ABSENT
    waiting = house.send(waited=True, now=1001.0)
    house.office.sweep(1120.0)
    assert house.outcome(waiting).failure == RequestFailure.TARGET_ABSENT
    assert house.outcome(house.send(waited=True, now=1121.0)).failure == RequestFailure.TARGET_ABSENT


@pytest.mark.parametrize(("sizes", "last"), [((1, 1, 1, 1), 1), ((60, 60), 60), ((300, 1), 1)])
def test_what_does_not_fit_a_mailbox_is_refused_with_the_reason(sizes: tuple[int, ...], last: int) -> None:
    house = House()
    house.bob()
    sequences = [house.send(size=size) for size in sizes]
    if sizes[0] < 150:
        assert house.outcome(sequences[-2]) == Outcome(Level.SERVER_HAS_IT)
        assert house.outcome(sequences[-1]) == failed(Level.SENT, RequestFailure.QUOTA_EXCEEDED)
    else:
        # Longer than all mailboxes together may hold.
        assert house.outcome(sequences[0]) == failed(Level.SENT, RequestFailure.BUSY)


def test_what_one_process_has_handled_makes_room_for_what_is_new() -> None:
    house = House()
    reader = house.bob()
    away, _ = house.office.reader("bob", 2, b"bob's laptop, 01", "link", 0)
    house.office.left("bob", house.bobs_sender, away, "link", 1000.0)
    for _ in range(3):
        house.send()
    house.office.acknowledge("bob", reader, 3, 3, {})
    assert house.office.messages == 3
    assert house.outcome(house.send()) == Outcome(Level.SERVER_HAS_IT)
    assert house.office.messages == 1


def test_all_mailboxes_together_have_a_limit() -> None:
    house = House()
    for user in ("bob", "carol", "dave"):
        house.office.reader(user, 1, user.encode().ljust(16), object(), 0)
    outcomes = [house.outcome(house.send(user)) for user in ("bob", "bob", "carol", "carol", "dave", "dave")]
    assert [outcome.failure for outcome in outcomes] == [0, 0, 0, 0, 0, RequestFailure.BUSY]


def test_what_comes_twice_is_taken_once_and_its_state_told_again() -> None:
    house = House()
    house.bob()
    house.send()
    house.alice.take_changes()
    house.sent = 0
    house.send()
    assert len(house.desk.handed) == 1
    reached, _ = house.alice.take_changes()
    assert [(run.first, run.last, run.level) for run in reached] == [(1, 1, Level.SERVER_HAS_IT)]


def test_a_sender_that_comes_back_within_the_window_hears_everything_again() -> None:
    house = House()
    reader = house.bob()
    house.send()
    house.alice.take_changes()
    link = house.alice.link
    house.office.left("alice", house.alice, reader, link, 1000.0)  # type: ignore[arg-type]
    house.office.sweep(1100.0)
    assert house.office.sender("alice", 1, ALICE, object()) is house.alice
    assert house.alice.accepted() == [(1, 1)]
    reached, _ = house.alice.take_changes()
    assert len(reached) == 1


def test_one_that_comes_back_later_is_a_new_one_by_its_record() -> None:
    house = House()
    old = house.alice
    house.office.left("alice", old, house.bob(), old.link, 1000.0)  # type: ignore[arg-type]
    house.office.sweep(1121.0)
    again = house.office.sender("alice", 1, ALICE, object())
    assert again.record != old.record
    assert again.accepted() == []


def test_a_connection_that_was_replaced_takes_nothing_with_it() -> None:
    house = House()
    reader = house.bob()
    old_link = house.bobs_link
    house.bob()
    house.office.left("bob", house.bobs_sender, reader, old_link, 1000.0)
    house.send(now=1001.0)
    assert len(house.desk.handed) == 1


def test_a_message_that_is_refused_by_a_rule_fails_at_once() -> None:
    house = House()
    entry = Entry(MessageKey(ALICE, 1, 1), "alice", 1, "bob", None, 1, b"", 0, 0)
    house.office.refuse(house.alice, entry, RequestFailure.DROPPED_BY_FILTER)
    assert house.outcome(1) == failed(Level.SENT, RequestFailure.DROPPED_BY_FILTER)


def test_what_is_for_a_device_that_is_not_there_comes_to_its_end_though_another_is() -> None:
    house = House()
    house.office.expect("bob", 10.0)
    house.bob()
    house.office.sweep(1.0)
    key = MessageKey(ALICE, 1, 1)
    house.office.accept(house.alice, Entry(key, "alice", 1, "bob", 2, 1, b"", 0, 0), False, 5.0)
    assert house.outcome(1) == Outcome(Level.SERVER_HAS_IT)
    house.office.sweep(10.0)
    assert house.outcome(1) == failed(Level.SERVER_HAS_IT, RequestFailure.TARGET_ABSENT)


# --- one of many ------------------------------------------------------------------------------------------------------
def refusals(house: House, count: int, target: str | None = "bob", size: int = 1) -> list[int]:
    return [house.outcome(house.send(target, size)).failure for _ in range(count)]


@pytest.mark.parametrize("target", ["bob", None])
def test_what_one_user_has_sent_that_nobody_has_handled_has_a_limit(target: str | None) -> None:
    house = House(options=ONE)
    house.bob()
    house.office.reader(None, None, bytes(16), object(), 0)
    assert refusals(house, 4, target) == [0, 0, 0, RequestFailure.SENDER_QUOTA_EXCEEDED]
    assert house.desk.refused == [RequestFailure.SENDER_QUOTA_EXCEEDED]
    house.office.sender("carol", 1, b"carol", object())
    key = MessageKey(b"carol", 1, 1)
    entry = Entry(key, "carol", 1, target, None, 1, b"", 0, 0)
    house.office.accept(house.office.sender("carol", 1, b"carol", object()), entry, False, 0.0)
    assert entry.dialogue.outcomes[1].failure == 0


def test_all_processes_of_the_user_share_it() -> None:
    house = House(options=ONE)
    house.bob()
    outcomes = []
    for number in range(4):
        process = b"process %d" % number
        entry = Entry(MessageKey(process, 1, 1), "alice", number, "bob", None, 1, b"", 0, 0)
        house.office.accept(house.office.sender("alice", number, process, object()), entry, False, 0.0)
        outcomes.append(entry.dialogue.outcomes[1].failure)
    assert outcomes == [0, 0, 0, RequestFailure.SENDER_QUOTA_EXCEEDED]


def test_it_counts_bytes_as_well_and_one_that_is_longer_goes_alone() -> None:
    house = House(options=ONE)
    house.bob()
    exceeded = RequestFailure.SENDER_QUOTA_EXCEEDED
    assert refusals(house, 3, size=4) == [0, 0, exceeded]
    house = House(options=ONE)
    house.bob()
    assert refusals(house, 2, size=50) == [0, exceeded]


@pytest.mark.parametrize("failure", [0, RequestFailure.HANDLER_RAISED])
def test_what_has_come_to_its_end_counts_no_more_though_somebody_has_not_received_it(failure: int) -> None:
    house = House(options=ONE)
    reader = house.bob()
    if not failure:
        house.office.reader("bob", 2, b"bob's laptop, 01", object(), 0)
    for first in (1, 4, 7):
        assert refusals(house, 3) == [0, 0, 0]
        refused = dict.fromkeys(range(first, first + 3), failure) if failure else {}
        house.office.acknowledge("bob", reader, first + 2, first + 2, refused)
    assert house.office.messages == (0 if failure else 9)


def test_what_nobody_read_in_time_counts_no_more() -> None:
    house = House(options=ONE)
    house.leave(house.bob(), 1000.0)
    assert refusals(house, 4) == [0, 0, 0, RequestFailure.SENDER_QUOTA_EXCEEDED]
    house.office.sweep(1120.0)
    house.bob()
    assert refusals(house, 3) == [0, 0, 0]


def test_what_is_handled_makes_room_for_everybody_when_all_mailboxes_are_full() -> None:
    house = House()
    reader = house.bob()
    house.office.reader("bob", 2, b"bob's laptop, 01", object(), 0)
    house.office.reader("carol", 1, b"carol, process 1", object(), 0)
    assert refusals(house, 3) == [0, 0, 0]
    assert refusals(house, 2, "carol") == [0, 0]
    assert refusals(house, 1, "carol") == [RequestFailure.BUSY]
    house.office.acknowledge("bob", reader, 3, 3, {})
    assert refusals(house, 1, "carol") == [0]
    assert house.office.messages == 3


def test_mailboxes_of_users_are_counted() -> None:
    house = House()
    house.office.reader(None, None, bytes(16), object(), 0)
    assert house.office.mailboxes == 0
    house.bob()
    assert house.office.mailboxes == 1
