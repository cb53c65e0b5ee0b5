"""`esframework message`, as far as it goes without a server."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from esframework.cli.account import PASSWORD_VARIABLE
from esframework.cli.message import message


@pytest.mark.parametrize(
    "arguments",
    [
        ["send", "bob", "hello"],
        ["send", "bob", "--as", "alice@localhost"],
        ["send", "bob", "hello", "--as", "alice"],
        ["send", "bob", "hello", "--as", "alice@localhost:x"],
        ["send", "bob", "hello", "--as", "alice@localhost", "--type", "one"],
        ["send", "bob", "hello", "--as", "alice@localhost", "--type", str(2**31)],
        ["listen"],
        ["listen", "bob"],
        ["listen", "bob@localhost", "--count", "0"],
        ["listen", "bob@localhost", "--generation", "5"],
        ["shout"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "")
    assert CliRunner().invoke(message, arguments).exit_code == 2


@pytest.mark.parametrize("arguments", [["send", "bob", "hello", "--as", "a@localhost"], ["listen", "a@localhost"]])
def test_a_script_without_a_password_is_told_where_to_put_it(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    monkeypatch.setattr("esframework.cli.account.TERMINAL", "/nowhere/at/all")
    result = CliRunner().invoke(message, arguments)
    assert result.exit_code == 2
    assert PASSWORD_VARIABLE in result.stderr
