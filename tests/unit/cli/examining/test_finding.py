"""A finding is the same for people and for scripts."""

from __future__ import annotations

from esframework.cli.examining.finding import fail, ok, warn


def test_a_finding_names_its_check_its_status_and_its_mend() -> None:
    assert fail("clock", "is wrong", "set it").as_json() == {
        "check": "clock",
        "status": "fail",
        "text": "is wrong",
        "mend": "set it",
    }


def test_what_is_well_needs_no_mending_and_a_warning_does() -> None:
    assert (ok("x", "y").status.value, ok("x", "y").mend) == ("ok", "")
    assert (warn("x", "y", "z").status.value, warn("x", "y", "z").mend) == ("warn", "z")
