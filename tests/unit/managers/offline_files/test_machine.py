"""Hand-overs of files and what is on its way in, as machines: what they want done, and what they do about it."""

from __future__ import annotations

from esframework.interfaces import FileUsage, StoredFile
from esframework.managers.offline_files.machine import (
    Arrivals,
    Ending,
    Fetch,
    HandOver,
    Offer,
    Remove,
    State,
)

NOW = 1000.0
RETRY = 60.0


def file(number: int, expires_at: float = 9999.0) -> StoredFile:
    return StoredFile(
        f"f{number}", "bob", "alice", 8, "name", False, 5, 1, 0, None, f"b{number}", 0.0, expires_at, 0, number
    )


ONE, TWO, THREE = file(1), file(2), file(3)


def hand_over(page: int = 10) -> HandOver:
    return HandOver(RETRY, page)


def offering(*files: StoredFile, device: str = "phone") -> HandOver:
    """A hand-over whose first file is with a device."""
    made = hand_over()
    assert made.ready(device) == [Fetch(0)]
    assert made.fetched(files, NOW) == [Offer(device, files[0])]
    return made


def idle(*devices: str) -> HandOver:
    """A hand-over that has nothing to do."""
    made = hand_over()
    for device in devices or ("phone",):
        made.ready(device)
    made.fetched([], NOW)
    if len(devices) > 1:
        made.fetched([], NOW)
    assert made.state is State.WANT_NEWS
    return made


# --- the ordinary way -----------------------------------------------------------------------------------------------
def test_files_go_one_after_another_and_are_removed_when_they_were_received() -> None:
    made = offering(ONE, TWO)
    assert made.offered == Offer("phone", ONE)
    assert made.ended(Ending.RECEIVED, NOW) == [Remove(ONE), Fetch(0)]
    made.removed(ONE)
    assert made.fetched([TWO], NOW) == [Offer("phone", TWO)]
    assert made.ended(Ending.RECEIVED, NOW) == [Remove(TWO), Fetch(0)]
    assert made.fetched([], NOW) == []
    assert (made.state, made.offered, made.wakes_at) == (State.WANT_NEWS, None, None)


def test_what_is_refused_is_removed_as_well() -> None:
    assert offering(ONE).ended(Ending.REFUSED, NOW) == [Remove(ONE), Fetch(0)]


def test_a_file_that_is_being_removed_is_not_offered_again() -> None:
    made = offering(ONE, TWO)
    made.ended(Ending.RECEIVED, NOW)
    assert made.fetched([ONE, TWO], NOW) == [Offer("phone", TWO)]


def test_what_has_expired_is_passed_over() -> None:
    made = hand_over()
    made.ready("phone")
    assert made.fetched([file(1, expires_at=NOW), TWO], NOW) == [Offer("phone", TWO)]


def test_what_stands_behind_a_page_of_files_that_cannot_go_is_looked_for() -> None:
    made = hand_over(page=2)
    made.ready("phone")
    assert made.fetched([file(1, expires_at=NOW), file(2, expires_at=NOW)], NOW) == [Fetch(2)]
    assert made.fetched([THREE], NOW) == [Offer("phone", THREE)]


# --- news ------------------------------------------------------------------------------------------------------------
def test_a_new_file_goes_at_once_to_who_is_there() -> None:
    assert idle().stirred() == [Fetch(0)]


def test_news_while_something_is_under_way_are_looked_for_afterwards() -> None:
    made = offering(ONE)
    assert made.stirred() == []
    assert made.ended(Ending.RECEIVED, NOW) == [Remove(ONE), Fetch(0)]
    assert made.stirred() == []
    assert made.fetched([], NOW) == [Fetch(0)]


def test_news_for_nobody_are_none() -> None:
    made = hand_over()
    assert made.stirred() == []
    assert made.is_over


# --- interrupted -----------------------------------------------------------------------------------------------------
def test_what_failed_is_tried_again_after_a_while_and_others_go_meanwhile() -> None:
    made = offering(ONE, TWO)
    assert made.ended(Ending.FAILED, NOW) == [Fetch(0)]
    assert made.fetched([ONE, TWO], NOW) == [Offer("phone", TWO)]
    made.ended(Ending.RECEIVED, NOW)
    made.removed(TWO)
    assert made.fetched([ONE], NOW) == []
    assert made.wakes_at == NOW + RETRY
    assert made.woken(NOW + RETRY) == [Fetch(0)]
    assert made.fetched([ONE], NOW) == [Offer("phone", ONE)]


def test_what_a_device_broke_off_waits_until_it_is_ready_again() -> None:
    made = offering(ONE)
    made.ended(Ending.NOT_NOW, NOW)
    assert made.fetched([ONE], NOW) == []
    assert made.wakes_at is None
    assert made.ready("phone") == [Fetch(0)]
    assert made.fetched([ONE], NOW) == [Offer("phone", ONE)]


def test_another_device_gets_what_one_broke_off() -> None:
    made = offering(ONE)
    assert made.ready("tablet") == []
    made.ended(Ending.NOT_NOW, NOW)
    assert made.fetched([ONE], NOW) == [Offer("tablet", ONE)]


def test_a_device_that_is_gone_gets_nothing_more_and_the_next_one_goes_on() -> None:
    made = offering(ONE)
    made.ready("tablet")
    assert made.ended(Ending.GONE, NOW) == [Fetch(0)]
    made.left("phone")
    assert made.fetched([ONE], NOW) == [Offer("tablet", ONE)]
    assert made.ended(Ending.GONE, NOW) == []
    assert made.is_over


def test_a_device_may_leave_before_it_is_told_how_its_offer_ended() -> None:
    made = offering(ONE)
    made.left("phone")
    assert made.ready("phone") == []
    assert made.ended(Ending.FAILED, NOW) == [Fetch(0)]


def test_who_left_while_nothing_was_under_way_is_forgotten() -> None:
    made = idle("phone", "tablet")
    made.left("phone")
    assert made.state is State.WANT_NEWS
    made.left("tablet")
    made.left("tablet")
    assert made.is_over


def test_who_left_while_the_store_was_asked_is_not_offered_anything() -> None:
    made = hand_over()
    made.ready("phone")
    made.left("phone")
    assert made.fetched([ONE], NOW) == []
    assert made.is_over


# --- a store that fails ----------------------------------------------------------------------------------------------
def test_a_store_that_fails_is_asked_again_after_a_while() -> None:
    made = hand_over()
    made.ready("phone")
    made.store_failed(NOW)
    assert made.stirred() == []
    assert made.wakes_at == NOW + RETRY
    assert made.woken(NOW + RETRY) == [Fetch(0)]
    assert made.wakes_at is None


def test_a_removal_that_failed_is_tried_again_and_the_file_not_offered_meanwhile() -> None:
    made = offering(ONE, TWO)
    made.ended(Ending.RECEIVED, NOW)
    made.remove_failed(ONE, NOW)
    assert made.fetched([ONE], NOW) == []
    made.left("phone")
    assert not made.is_over
    assert made.wakes_at == NOW + RETRY
    assert made.woken(NOW + RETRY) == [Remove(ONE)]
    made.removed(ONE)
    assert made.is_over


def test_nothing_is_tried_again_before_its_time() -> None:
    made = offering(ONE, TWO)
    made.ended(Ending.RECEIVED, NOW)
    made.remove_failed(ONE, NOW + 30)
    made.fetched([TWO], NOW)
    made.ended(Ending.FAILED, NOW)
    made.fetched([TWO], NOW)
    assert made.wakes_at == NOW + RETRY
    assert made.woken(NOW + RETRY) == [Fetch(0)]
    assert made.fetched([ONE], NOW + RETRY) == []
    assert made.woken(NOW + RETRY + 30) == [Remove(ONE), Fetch(0)]


def test_what_a_device_says_to_have_received_is_removed_once() -> None:
    made = idle()
    assert made.settled(ONE) == [Remove(ONE)]
    assert made.settled(ONE) == []
    made.removed(ONE)
    assert made.settled(ONE) == [Remove(ONE)]


# --- on the way in ---------------------------------------------------------------------------------------------------
def test_what_is_coming_counts_as_kept_until_it_is() -> None:
    arrivals = Arrivals()
    arrivals.add("a", "bob", "alice", 5)
    arrivals.add("b", "carol", "alice", 7)
    arrivals.add("c", "bob", None, 1)
    assert "a" in arrivals
    assert arrivals.beside(FileUsage(1, 10, 2, 20, 30), "bob", "alice") == FileUsage(3, 16, 4, 32, 43)
    assert arrivals.beside(FileUsage(), "dave", None) == FileUsage(0, 0, 0, 0, 13)
    arrivals.remove("a")
    arrivals.remove("a")
    assert "a" not in arrivals
    assert arrivals.beside(FileUsage(), "bob", "alice") == FileUsage(1, 1, 1, 7, 8)


def test_what_broken_transfers_left_counts_for_their_sender_until_it_is_gone_on_with() -> None:
    arrivals = Arrivals()
    arrivals.add("a", "bob", "alice", 100)
    arrivals.remove("a", left=60)
    assert arrivals.beside(FileUsage(), "bob", "alice") == FileUsage(0, 0, 0, 60, 60)
    assert arrivals.beside(FileUsage(), "bob", "alice", resumed=60) == FileUsage()
    assert arrivals.beside(FileUsage(), "bob", "carol") == FileUsage(0, 0, 0, 0, 60)
    arrivals.add("b", "bob", "alice", 100, resumed=60)
    assert arrivals.keys == {"b"}
    assert arrivals.beside(FileUsage(), "dave", "alice") == FileUsage(0, 0, 1, 100, 100)
    arrivals.recount({"alice": 7, "carol": 1})
    assert arrivals.beside(FileUsage(), "dave", "alice") == FileUsage(0, 0, 1, 107, 108)
