"""`esframework p2p-server` has the options of the service, and says what is wrong with them."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from esframework.cli.main import main


def test_help_tells_the_services_options() -> None:
    result = CliRunner().invoke(main, ["p2p-server", "--help"])
    assert result.exit_code == 0
    assert "esframework p2p-server [options]" in result.stdout
    assert "--secret-file=" in result.stdout and "--second-address=" in result.stdout


@pytest.mark.parametrize("arguments", [[], ["--port", "0"], ["stray"]])
def test_wrong_usage_is_code_2_and_one_message(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, ["p2p-server", *arguments])
    assert result.exit_code == 2
    assert result.stderr.startswith("esframework p2p-server: ")
