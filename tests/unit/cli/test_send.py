"""`esframework send`, as far as it goes without a server."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from esframework.cli.account import PASSWORD_VARIABLE
from esframework.cli.send import send

HERE = __file__


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["bob", "--as", "alice@localhost"],
        [HERE, "bob"],
        [HERE, "bob", "--as", "alice"],
        ["/nothing/is/here", "bob", "--as", "alice@localhost"],
        [HERE, "bob", "--as", "alice@localhost", "--rate-limit", "fast"],
        [HERE, "bob", "--as", "alice@localhost", "--wait", "-1"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "")
    assert CliRunner().invoke(send, arguments).exit_code == 2


def test_its_help_tells_the_exit_codes() -> None:
    shown = " ".join(CliRunner().invoke(send, ["--help"]).output.split())
    assert "0 all whole" in shown and "4 refused by the other end" in shown
