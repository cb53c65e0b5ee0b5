"""A refusal says whether it is final."""

from __future__ import annotations

from esframework.wire.retry import retry_after, with_retry


def test_what_is_said_is_understood() -> None:
    assert retry_after(with_retry("busy", 6.2)) == 7
    assert with_retry("busy", 0) == "busy; try again in 1 s"


def test_other_causes_are_final() -> None:
    assert retry_after("unknown account or wrong password") is None
    assert retry_after("busy; try again in a while") is None
    assert retry_after("busy; try again in 5 s, said somebody") is None
