"""The sending end of a transfer, by the law that its module tells."""

from __future__ import annotations

from esframework.managers.files.machine.sending import SendingMachine
from esframework.managers.files.machine.states import PACKAGE_CHARGE, TransferState
from esframework.wire.types import FileDisruption


def machine() -> SendingMachine:
    """An offer at time 0."""
    return SendingMachine(0.0, 20.0, 5.0)


def sending(is_ours: bool = True, granted: int = 1000) -> SendingMachine:
    """One that has been accepted and begun."""
    sender = machine()
    assert sender.accept("bob", is_ours, granted, 0.0)
    sender.begin(0.0)
    return sender


def test_the_first_answer_counts() -> None:
    sender = machine()
    assert sender.accept("1#bob", True, 10, 0.0)
    assert not sender.accept("2#bob", True, 10, 0.0)
    assert sender.receiver == "1#bob"


def test_a_receiver_of_ours_grants_room_and_never_takes_it_back() -> None:
    sender = sending(granted=1000)
    assert sender.room == 1000 - PACKAGE_CHARGE
    sender.package(900, 1.0)
    assert sender.room == 100 - 2 * PACKAGE_CHARGE
    sender.grant(5000, 2.0)
    sender.grant(10, 2.0)
    assert sender.room == 4100 - 2 * PACKAGE_CHARGE


def test_one_of_another_make_grants_nothing_and_holds_up_a_folder_file_by_file() -> None:
    sender = sending(is_ours=False, granted=0)
    sender.package(10**12, 1.0)
    assert sender.room > 10**12
    sender.file_sent(0)
    assert sender.room > 0
    sender.file_sent(10)
    assert sender.room == 0
    sender.file_is_in(2.0)
    assert sender.room > 0


def test_only_ours_confirms_and_only_once_everything_is_sent() -> None:
    sender = sending()
    assert not sender.complete()
    sender.end(1.0)
    assert sender.complete() and sender.state is TransferState.COMPLETED
    assert not sender.complete() and not sender.interrupt()


def test_an_offer_waits_for_ever_and_says_that_it_does() -> None:
    sender = machine()
    assert sender.overdue(1e9) is None
    assert not sender.wants_to_tell(4.9)
    assert sender.wants_to_tell(5.0) and not sender.wants_to_tell(9.9) and sender.wants_to_tell(10.0)


def test_each_silence_has_its_reason() -> None:
    preparing = machine()
    preparing.accept("bob", True, 1000, 0.0)
    preparing.reads(0.0)
    assert preparing.overdue(19.9) is None
    assert preparing.overdue(20.0) is FileDisruption.SENDING_NOT_STARTED
    preparing.is_reading(20.0)
    assert preparing.overdue(39.9) is None
    assert preparing.overdue(40.0) is FileDisruption.READ_BLOCKED
    reading = sending()
    reading.reads(5.0)
    assert reading.overdue(24.9) is None
    assert reading.overdue(25.0) is FileDisruption.READ_BLOCKED
    reading.has_read(25.0)
    assert reading.overdue(44.9) is None
    assert reading.overdue(45.0) is FileDisruption.NETWORK_TOO_SLOW
    reading.grant(10_000, 45.0)
    assert reading.overdue(60.0) is None


def test_life_counts_while_the_receiver_checks_and_not_while_bytes_are_due() -> None:
    sender = sending()
    sender.heard(15.0)
    assert sender.overdue(20.0) is FileDisruption.NETWORK_TOO_SLOW
    sender.end(15.0)
    sender.heard(30.0)
    assert sender.overdue(49.0) is None
    assert sender.overdue(50.0) is FileDisruption.NETWORK_TOO_SLOW


def test_a_grant_of_nothing_more_is_no_sign_that_it_moves() -> None:
    sender = sending(granted=1000)
    sender.grant(1000, 19.0)
    assert sender.overdue(20.0) is FileDisruption.NETWORK_TOO_SLOW
    sender.grant(1001, 19.5)
    assert sender.overdue(20.0) is None
