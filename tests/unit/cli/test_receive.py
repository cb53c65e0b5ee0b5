"""`esframework receive`, as far as it goes without a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from esframework.cli.account import PASSWORD_VARIABLE
from esframework.cli.receive import receive


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["bob@localhost"],
        ["bob", "--into", "in"],
        ["bob@localhost", "--into", __file__],
        ["bob@localhost", "--into", f"{__file__}/in"],
        ["bob@localhost", "--into", "in", "--wait", "long"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "")
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(receive, arguments).exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_its_help_tells_the_exit_codes() -> None:
    shown = " ".join(CliRunner().invoke(receive, ["--help"]).output.split())
    assert "0 all whole" in shown and "4 refused by the other end" in shown
