"""`esframework disk`, as far as it goes without a server."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from esframework.cli.account import PASSWORD_VARIABLE
from esframework.cli.disk import disk

AS = ["--as", "alice@localhost"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["ls"],
        ["ls", "/", "--as", "alice"],
        ["mkdir", *AS],
        ["rm", *AS],
        ["mv", "/a", *AS],
        ["info", *AS],
        ["info", "/a", "--checksum", "md5", *AS],
        ["put", "/", *AS],
        ["put", "no-such-file", "/", *AS],
        ["get", "/a", *AS],
        ["share", *AS],
        ["share", "/a", *AS],
        ["quota", "/a", "/b", *AS],
        ["burn"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "")
    assert CliRunner().invoke(disk, arguments).exit_code == 2


def test_the_help_tells_the_exit_codes() -> None:
    assert "4 refused" in " ".join(CliRunner().invoke(disk, ["--help"]).output.split())
