"""What is missing skips on a developer's machine and fails in continuous integration."""

from __future__ import annotations

import pytest

from tests.conftest import require


@pytest.mark.parametrize("name", ["sh", "json", "email.message"])
def test_a_program_or_module_that_is_there_is_found(name: str) -> None:
    assert require(name, "this test") != ""


@pytest.mark.parametrize("name", ["no-such-program", "no_such_package.part"])
def test_what_is_missing_skips_on_a_developers_machine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ESFRAMEWORK_CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"{name} is not installed: for a reason"):
        require(name, "for a reason")


def test_what_is_missing_fails_in_continuous_integration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESFRAMEWORK_CI", "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-program is not installed: for a reason"):
        require("no-such-program", "for a reason")
