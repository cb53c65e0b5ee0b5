"""What a tree takes of its quota."""

from __future__ import annotations

import pytest

from esframework.managers.disk.machine.quota import Amount, TreeAccount
from esframework.managers.disk.machine.refusals import QuotaExceeded

QUOTA = Amount(100, 10)


def test_room_is_reserved_before_an_upload_begins() -> None:
    account = TreeAccount(Amount(40, 2))
    account.reserve("a", Amount(60, 1), QUOTA)
    assert account.used == Amount(100, 3)
    assert account.kept == Amount(40, 2)


def test_several_uploads_cannot_exceed_the_quota_together() -> None:
    account = TreeAccount()
    account.reserve("a", Amount(60, 1), QUOTA)
    with pytest.raises(QuotaExceeded, match="50 bytes do not fit: 40 of 100 are left"):
        account.reserve("b", Amount(50, 1), QUOTA)
    assert account.reserved == Amount(60, 1)
    account.reserve("b", Amount(40, 1), QUOTA)


def test_an_upload_that_is_over_gives_its_room_back() -> None:
    account = TreeAccount()
    account.reserve("a", Amount(60, 1), QUOTA)
    account.release("a")
    account.release("a", Amount(50))
    assert account.used == Amount()


def test_an_upload_that_is_there_is_counted_as_what_it_is() -> None:
    account = TreeAccount()
    account.reserve("a", Amount(60, 1), QUOTA)
    account.changed(Amount(60, 1))
    account.release("a")
    assert account.used == account.kept == Amount(60, 1)


def test_what_is_half_received_takes_room_until_it_goes_on() -> None:
    account = TreeAccount()
    account.reserve("a", Amount(60, 1), QUOTA)
    account.release("a", Amount(30, 1))
    assert account.used == Amount(30, 1)
    account.reserve("b", Amount(60, 1), QUOTA, part=Amount(30, 1))
    assert account.used == Amount(60, 1)
    account.release("b", Amount(45, 1))
    assert account.parts == Amount(45, 1)


def test_empty_files_that_are_half_received_take_room_too() -> None:
    account = TreeAccount()
    account.reserve("a", Amount(0, 8), QUOTA)
    account.release("a", Amount(0, 7))
    with pytest.raises(QuotaExceeded):
        account.reserve("b", Amount(0, 8), QUOTA)
    account.reserve("a", Amount(0, 8), QUOTA, part=Amount(0, 7))


def test_the_larger_of_each_is_at_least_both() -> None:
    assert Amount(1, 5).at_least(Amount(3, 2)) == Amount(3, 5)


def test_what_will_be_replaced_makes_room() -> None:
    account = TreeAccount(Amount(90, 1))
    with pytest.raises(QuotaExceeded):
        account.reserve("a", Amount(80, 1), QUOTA)
    account.reserve("a", Amount(80, 1), QUOTA, replaced=Amount(90, 1))


def test_files_are_counted_as_well_as_bytes() -> None:
    account = TreeAccount(Amount(0, 9))
    with pytest.raises(QuotaExceeded, match="at most 10"):
        account.reserve("a", Amount(0, 2), QUOTA)
    account.reserve("a", Amount(0, 1), QUOTA)


def test_no_quota_is_no_limit() -> None:
    account = TreeAccount(Amount(10**15, 10**9))
    account.reserve("a", Amount(10**15, 10**9), Amount())


def test_a_ticket_is_reserved_once_with_what_was_said_last() -> None:
    account = TreeAccount()
    account.reserve("a", Amount(60, 1), QUOTA)
    account.reserve("a", Amount(80, 2), QUOTA)
    assert account.reserved == Amount(80, 2)
    with pytest.raises(QuotaExceeded):
        account.reserve("a", Amount(101, 1), QUOTA)
    assert account.reserved == Amount(), "what does not fit reserves nothing"


def test_a_new_count_puts_right_what_has_drifted_and_keeps_what_is_reserved() -> None:
    account = TreeAccount(Amount(50, 5), Amount(10))
    account.reserve("a", Amount(10, 1), QUOTA)
    account.recount(Amount(40, 4), Amount(5))
    assert account.used == Amount(55, 5)
    account.set_parts(Amount())
    assert account.used == Amount(50, 5)
