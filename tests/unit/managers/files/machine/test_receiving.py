"""The receiving end of a transfer, by the law that its module tells."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from esframework.managers.files.machine.receiving import ReceivingMachine
from esframework.managers.files.machine.states import PACKAGE_CHARGE, Broken, TransferState
from esframework.wire.types import FileDisruption


def receiving(size: int = 1000, window: int = 8000, *, is_ours: bool = True, received: int = 0) -> ReceivingMachine:
    """One that has been accepted and answered at time 0."""
    receiver = ReceivingMachine(size, 0.0, 20.0, 5.0, window)
    receiver.is_ours = is_ours
    assert receiver.accept() and not receiver.accept()
    receiver.begin(received, 0.0)
    return receiver


def test_it_ends_when_all_has_come() -> None:
    receiver = receiving()
    receiver.starts_at(0, 1.0)
    receiver.package(600, 600, 1.0)
    receiver.package(20, 0, 1.0)
    receiver.package(400, 400, 1.0)
    receiver.end(1.0)
    assert receiver.complete() and receiver.state is TransferState.COMPLETED
    assert not receiver.interrupt()


@pytest.mark.parametrize(
    "input",
    [
        lambda receiver: (receiver.starts_at(0, 1.0), receiver.package(1001, 1001, 1.0)),
        lambda receiver: (receiver.starts_at(0, 1.0), receiver.package(8000, 0, 1.0)),
        lambda receiver: (receiver.starts_at(0, 1.0), receiver.end(1.0)),
        lambda receiver: receiver.starts_at(7, 1.0),
        lambda receiver: (receiver.starts_at(0, 1.0), receiver.starts_at(0, 1.0)),
        lambda receiver: receiver.package(10, 10, 1.0),
    ],
    ids=["more than was offered", "more than was granted", "early end", "beginning elsewhere", "twice", "no beginning"],
)
def test_what_no_honest_sender_sends(input: Callable[[ReceivingMachine], object]) -> None:
    with pytest.raises(Broken):
        input(receiving())


def test_nothing_is_whole_before_it_has_begun() -> None:
    empty = receiving(0)
    with pytest.raises(Broken, match="before the sender had said"):
        empty.end(1.0)


def test_nothing_is_taken_before_it_is_accepted_or_after_it_is_over() -> None:
    receiver = ReceivingMachine(10, 0.0, 20.0, 5.0, 100)
    with pytest.raises(Broken):
        receiver.package(1, 1, 0.0)
    assert receiver.interrupt() and not receiver.accept()


def test_one_of_ours_says_whether_it_goes_on_or_begins_anew() -> None:
    receiver = receiving(received=400)
    receiver.starts_at(400, 1.0)
    receiver.package(600, 600, 1.0)
    receiver.end(1.0)
    anew = receiving(received=400)
    anew.starts_at(0, 1.0)
    with pytest.raises(Broken, match="after 0 of 1000"):
        anew.end(1.0)


def test_more_is_granted_as_the_disk_takes_it() -> None:
    receiver = receiving(10_000)
    receiver.starts_at(0, 1.0)
    assert receiver.granted == 8000
    receiver.package(1000 - PACKAGE_CHARGE, 900, 1.0)
    assert receiver.backlog == 1000
    assert not receiver.take(900, 1.0)
    assert receiver.take(100, 1.0) and receiver.granted == 9000
    assert receiver.backlog == 0


def test_silence_counts_when_the_sender_is_waited_for() -> None:
    receiver = receiving(is_ours=False)
    assert receiver.overdue(19.0) is None
    assert receiver.overdue(20.0) is FileDisruption.NO_FIRST_PACKAGE
    receiver.package(10, 10, 30.0)
    receiver.heard(45.0)
    assert receiver.overdue(50.0) is None, "the disk has not taken it"
    receiver.take(10 + PACKAGE_CHARGE, 50.0)
    assert receiver.overdue(69.0) is None
    assert receiver.overdue(70.0) is FileDisruption.NETWORK_TOO_SLOW


def test_one_of_ours_may_say_first_why_it_was_silent() -> None:
    receiver = receiving()
    assert receiver.overdue(21.9) is None
    assert receiver.overdue(22.0) is FileDisruption.NO_FIRST_PACKAGE
    receiver.heard(22.0)
    assert receiver.overdue(40.0) is None
    receiver.starts_at(0, 40.0)
    receiver.heard(60.0)
    assert receiver.overdue(62.0) is FileDisruption.NETWORK_TOO_SLOW


def test_it_says_now_and_then_that_it_is_there() -> None:
    receiver = receiving()
    assert not receiver.wants_to_tell(4.9)
    assert receiver.wants_to_tell(5.0) and not receiver.wants_to_tell(9.0)
    receiver.interrupt()
    assert not receiver.wants_to_tell(100.0)
