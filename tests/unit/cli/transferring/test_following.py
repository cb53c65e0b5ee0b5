"""A transfer is drawn from its beginning to its end."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework.cli.transferring.following import follow
from esframework.cli.transferring.looks import Look
from esframework.wire.types import FileDisruption
from tests.unit.cli.transferring.transfers import HandDriven, Interrupted


class Told(Look):
    """What was to be drawn."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def begin(self, transfer: Any) -> None:
        self.told.append("begin")

    def start(self, transfer: Any) -> None:
        self.told.append("start")

    def show(self, transfer: Any, progress: Any) -> None:
        self.told.append(progress.transferred)

    def complete(self, transfer: Any, seconds: float) -> None:
        self.told.append(("complete", seconds))

    def interrupt(self, transfer: Any) -> None:
        self.told.append("interrupt")


def test_a_transfer_begins_moves_and_is_whole() -> None:
    transfer, look = HandDriven(), Told()
    following = Deferred.fromCoroutine(follow(transfer, look))
    transfer.moves(10, 0.5)
    transfer.moves(20, 1.5)
    assert look.told == ["begin", "start", 10, 20]
    transfer.ends()
    assert look.told[-1] == ("complete", 1.5)
    assert following.called


def test_one_that_nobody_saw_move_is_whole_all_the_same() -> None:
    transfer, look = HandDriven(), Told()
    following = Deferred.fromCoroutine(follow(transfer, look))
    transfer.ends()
    assert look.told == ["begin", ("complete", 0.0)]
    assert following.called


def test_an_interruption_is_for_the_caller_to_tell() -> None:
    transfer, look = HandDriven(), Told()
    following = Deferred.fromCoroutine(follow(transfer, look))
    errors: list[Any] = []
    following.addErrback(errors.append)
    transfer.ends(FileDisruption.OTHER_OFFLINE)
    assert look.told == ["begin", "interrupt"]
    assert isinstance(errors[0].value, Interrupted)
    with pytest.raises(Interrupted):
        errors[0].raiseException()
