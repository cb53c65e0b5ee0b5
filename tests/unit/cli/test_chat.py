"""`esframework chat`, as far as it goes without a server."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from esframework.cli.account import PASSWORD_VARIABLE
from esframework.cli.chat import chat


@pytest.mark.parametrize("arguments", [[], ["alice"], ["alice@localhost:0"], ["alice@localhost", "more"]])
def test_wrong_usage_ends_with_2(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "")
    assert CliRunner().invoke(chat, arguments).exit_code == 2


def test_on_a_pipe_the_password_must_be_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    monkeypatch.setattr("esframework.cli.account.TERMINAL", "/nowhere/at/all")
    result = CliRunner().invoke(chat, ["alice@localhost"])
    assert result.exit_code == 2
    assert PASSWORD_VARIABLE in result.stderr
