"""`esframework p2p` and `esframework nat`, as far as they go without a server."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from esframework.cli.account import PASSWORD_VARIABLE
from esframework.cli.main import main


@pytest.mark.parametrize(
    "arguments",
    [
        ["p2p", "answer"],
        ["p2p", "answer", "bob"],
        ["p2p", "test", "bob"],
        ["p2p", "test", "bob", "--as", "alice"],
        ["p2p", "test", "bob", "--as", "alice@localhost", "--mode", "pigeon"],
        ["p2p", "test", "bob", "--as", "alice@localhost", "--megabytes", "-1"],
        ["p2p", "test", "bob", "--as", "alice@localhost", "--megabytes", "10001"],
        ["nat"],
        ["nat", "localhost:4530"],
        ["nat", "alice@localhost", "--as", "bob@localhost"],
        ["nat", "alice@localhost", "--p2p-server", "nowhere"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "")
    assert CliRunner().invoke(main, arguments).exit_code == 2


def test_the_help_tells_how_two_terminals_go_together_and_what_codes_mean() -> None:
    shown = " ".join(CliRunner().invoke(main, ["p2p", "--help"]).output.split())
    assert "p2p answer bob@HOST:PORT" in shown and "p2p test bob --as alice@HOST:PORT" in shown
    codes = " ".join(CliRunner().invoke(main, ["p2p", "test", "--help"]).output.split())
    assert "5 no channel could be opened" in codes
