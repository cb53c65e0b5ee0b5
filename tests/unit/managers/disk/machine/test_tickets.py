"""Tickets: agreed on, taken, late, too many."""

from __future__ import annotations

import pytest

from esframework.managers.disk.machine.refusals import Busy, Conflict
from esframework.managers.disk.machine.tickets import Tickets

A = ("1#alice", "a")
B = ("1#alice", "b")
OTHER = ("2#alice", "a")


def test_a_ticket_is_good_once_and_for_its_device_alone() -> None:
    tickets: Tickets[str] = Tickets(60, 2)
    tickets.issue(A, "upload", 0)
    assert tickets.take(OTHER) is None
    assert tickets.find(A) == "upload"
    assert tickets.take(A) == "upload"
    assert tickets.take(A) is None
    assert tickets.find(A) == "upload", "while it is under way"
    tickets.close(A)
    tickets.close(A)
    assert tickets.find(A) is None


def test_a_device_has_so_many_at_a_time() -> None:
    tickets: Tickets[str] = Tickets(60, 2)
    tickets.issue(A, "first", 0)
    tickets.issue(B, "second", 0)
    tickets.issue(OTHER, "another device's", 0)
    tickets.take(A)
    with pytest.raises(Busy, match="2 uploads and downloads"):
        tickets.issue(("1#alice", "c"), "third", 0)
    tickets.close(A)
    tickets.issue(("1#alice", "c"), "third", 0)


def test_a_ticket_is_another_each_time() -> None:
    tickets: Tickets[str] = Tickets(60, 3)
    tickets.issue(A, "first", 0)
    with pytest.raises(Conflict):
        tickets.issue(A, "second", 0)
    tickets.take(A)
    with pytest.raises(Conflict):
        tickets.issue(A, "second", 0)


def test_a_ticket_that_nobody_takes_in_time_is_not_good_any_more() -> None:
    tickets: Tickets[str] = Tickets(60, 2)
    tickets.issue(A, "late", 0)
    tickets.issue(B, "in time", 1)
    assert tickets.expire(59.9) == []
    assert tickets.expire(60) == ["late"]
    assert tickets.take(A) is None
    assert tickets.take(B) == "in time"
    assert tickets.expire(1000) == [], "what is under way does not expire"


def test_what_waits_for_a_device_that_is_gone_is_closed() -> None:
    tickets: Tickets[str] = Tickets(60, 2)
    tickets.issue(A, "waits", 0)
    tickets.issue(B, "under way", 0)
    tickets.take(B)
    assert tickets.of("1#alice") == ["waits"]
    assert tickets.find(A) is None
    assert tickets.find(B) == "under way"
