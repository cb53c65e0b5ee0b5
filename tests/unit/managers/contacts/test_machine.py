"""What is remembered, who is told what, how fast one may broadcast: without a clock and a wire."""

from __future__ import annotations

import pytest

from esframework.managers.contacts.machine import (
    Allowance,
    BlobTable,
    BroadcastRates,
    DeviceChange,
    PresenceLedger,
    Rates,
    Remembered,
)


# --- answers --------------------------------------------------------------------------------------------------------
def test_an_answer_is_remembered_until_it_is_too_old() -> None:
    remembered: Remembered[list[str]] = Remembered()
    remembered.put("alice", ["bob"], 1, until=10.0)
    assert remembered.get("alice", 9.9) == ["bob"]
    assert remembered.get("alice", 10.0) is None
    assert (len(remembered), remembered.weight) == (0, 0)


def test_the_one_asked_for_longest_ago_goes_when_all_weigh_too_much() -> None:
    remembered: Remembered[str] = Remembered(most=10)
    for name in "abc":
        remembered.put(name, name, 4, 99.0)
        remembered.get("a", 0.0)
    assert [remembered.get(name, 0.0) for name in "abc"] == ["a", None, "c"]
    assert remembered.weight == 8


def test_what_alone_weighs_too_much_is_not_kept_and_takes_nothing_away() -> None:
    remembered: Remembered[str] = Remembered(most=10)
    remembered.put("small", "x", 1, 99.0)
    remembered.put("huge", "x", 11, 99.0)
    assert remembered.get("small", 0.0) == "x"
    assert remembered.get("huge", 0.0) is None


def test_the_same_answer_twice_weighs_once() -> None:
    remembered: Remembered[str] = Remembered()
    remembered.put("a", "1", 4, 99.0)
    remembered.put("a", "2", 6, 99.0)
    assert (remembered.weight, remembered.get("a", 0.0)) == (6, "2")
    remembered.clear()
    assert remembered.weight == 0


# --- presence -------------------------------------------------------------------------------------------------------
def test_the_first_device_is_the_users_coming_and_the_last_ones_going() -> None:
    ledger = PresenceLedger()
    assert ledger.update("a", [4]) == [DeviceChange(4, True, True)]
    assert ledger.update("a", [4, 9]) == [DeviceChange(9, True, False)]
    assert ledger.update("a", [9]) == [DeviceChange(4, False, False)]
    assert ledger.update("a", []) == [DeviceChange(9, False, True)]
    assert ledger.update("a", []) == []


def test_one_device_in_place_of_another_is_no_coming_of_the_user() -> None:
    ledger = PresenceLedger()
    ledger.update("a", [4])
    assert ledger.update("a", [9]) == [DeviceChange(9, True, False), DeviceChange(4, False, False)]


def test_several_that_come_and_go_at_once_have_one_first_and_one_last() -> None:
    ledger = PresenceLedger()
    assert [change.is_all for change in ledger.update("a", [9, 4, 1])] == [True, False, False]
    assert [change.is_all for change in ledger.update("a", [])] == [False, False, True]


def test_a_user_who_flaps_waits_once_and_not_again_at_once() -> None:
    ledger = PresenceLedger(interval=1.0)
    for _ in range(100):
        ledger.changed("a")
    assert len(ledger) == 1
    assert (ledger.pop(5.0), ledger.pop(5.0)) == ("a", None)
    for _ in range(100):
        ledger.changed("a")
    assert ledger.pop(5.5) is None
    ledger.ripen(5.9)
    assert ledger.pop(5.9) is None
    ledger.ripen(6.0)
    assert (ledger.pop(6.0), ledger.pop(6.0)) == ("a", None)


def test_who_was_told_of_long_ago_and_did_nothing_is_not_due() -> None:
    ledger = PresenceLedger(interval=1.0)
    ledger.changed("a")
    ledger.pop(0.0)
    ledger.ripen(100.0)
    assert len(ledger) == 0


def test_users_are_due_in_the_order_of_their_changes() -> None:
    ledger = PresenceLedger()
    for name in ("b", "a", "c", "b"):
        ledger.changed(name)
    assert [ledger.pop(0.0) for _ in range(3)] == ["b", "a", "c"]


# --- rates ----------------------------------------------------------------------------------------------------------
def test_a_seconds_worth_is_there_at_once_and_the_rest_comes_with_time() -> None:
    allowance = Allowance(10)
    assert allowance.wait(10, 100.0) == 0.0
    allowance.use(10)
    assert allowance.wait(1, 100.0) == pytest.approx(0.1)
    assert allowance.wait(1, 100.1) == 0.0


def test_what_is_more_than_a_seconds_worth_is_allowed_when_nothing_was_used() -> None:
    allowance = Allowance(10)
    assert allowance.wait(25, 0.0) == 0.0
    allowance.use(25)
    assert allowance.wait(1, 0.0) == pytest.approx(1.6)
    assert not allowance.is_full(2.4)
    assert allowance.is_full(2.6)


def test_zero_is_no_limit() -> None:
    allowance = Allowance(0)
    allowance.use(10**9)
    assert allowance.wait(10**9, 0.0) == 0.0


def test_users_have_allowances_of_their_own_that_are_forgotten_when_full() -> None:
    rates = Rates(2)
    rates.use("a", 2)
    assert rates.wait("a", 1, 0.0) > 0
    assert rates.wait("b", 1, 0.0) == 0.0
    rates.sweep(0.5)
    assert len(rates) == 1
    rates.sweep(1.0)
    assert len(rates) == 0


def test_a_broadcast_counts_as_one_and_as_so_many_copies_for_its_sender_and_for_all() -> None:
    rates = BroadcastRates(broadcasts=2, deliveries=100, deliveries_in_all=150)
    assert rates.wait("a", 10, 0.0) == 0.0
    assert rates.wait("a", 10, 0.0) == 0.0
    assert rates.wait("a", 10, 0.0) == pytest.approx(0.5)
    assert rates.wait("b", 100, 0.0) == 0.0
    assert rates.wait("b", 10, 0.0) == pytest.approx(0.1)
    assert rates.wait("c", 90, 0.0) == pytest.approx(0.4)


def test_somebody_without_a_limit_of_its_own_is_held_by_the_one_for_all() -> None:
    rates = BroadcastRates(broadcasts=1, deliveries=1, deliveries_in_all=100)
    assert [rates.wait(None, 50, 0.0) for _ in range(3)] == [0.0, 0.0, pytest.approx(0.5)]


def test_what_is_refused_uses_nothing_up() -> None:
    rates = BroadcastRates(broadcasts=0, deliveries=100, deliveries_in_all=0)
    rates.use("a", 100)
    for _ in range(5):
        assert rates.wait("a", 50, 0.0) == pytest.approx(0.5)
    assert rates.wait("a", 50, 0.5) == 0.0


# --- blobs ----------------------------------------------------------------------------------------------------------
def test_pieces_in_order_belong_to_their_blob_until_it_ends() -> None:
    blobs: BlobTable[str] = BlobTable()
    assert blobs.begin("a", 1, "blob", 0.0)
    assert (blobs.next("a", 1, 1, 0.0), blobs.next("a", 1, 2, 0.0)) == ("blob", "blob")
    assert blobs.get("a", 1) == "blob"
    blobs.end("a", 1)
    assert (blobs.next("a", 1, 3, 0.0), blobs.get("a", 1), len(blobs)) == (None, None, 0)


def test_a_piece_out_of_order_ends_the_blob() -> None:
    blobs: BlobTable[str] = BlobTable()
    blobs.begin("a", 1, "blob", 0.0)
    assert blobs.next("a", 1, 2, 0.0) is None
    assert blobs.next("a", 1, 1, 0.0) is None


def test_a_sender_has_only_so_many_unfinished_and_another_its_own() -> None:
    blobs: BlobTable[str] = BlobTable(most=2)
    assert [blobs.begin("a", number, "x", 0.0) for number in (1, 2, 3, 2)] == [True, True, False, True]
    assert blobs.begin("b", 1, "x", 0.0)
    blobs.forget("a")
    assert len(blobs) == 1


def test_what_is_never_finished_is_forgotten() -> None:
    blobs: BlobTable[str] = BlobTable(idle_timeout=60.0)
    blobs.begin("a", 1, "x", 0.0)
    blobs.begin("a", 2, "x", 0.0)
    blobs.next("a", 2, 1, 30.0)
    blobs.expire(60.0)
    assert (blobs.get("a", 1), blobs.get("a", 2)) == (None, "x")
