"""What the programs that transfer files take on the command line."""

from __future__ import annotations

import click
import pytest

from esframework.cli.transferring.options import rate

COMMAND = click.Command("send")
CONTEXT, OPTION = click.Context(COMMAND), click.Option(["--rate-limit"])


@pytest.mark.parametrize(
    ("text", "number"), [("500000", 500_000), ("500k", 500_000), ("1.5M", 1_500_000), ("2G", 2 * 10**9)]
)
def test_a_rate_is_bytes_a_second(text: str, number: int) -> None:
    assert rate(CONTEXT, OPTION, text) == number


@pytest.mark.parametrize("text", ["", "0", "0.1", "0.0001", "-5", "5K", "fast", "1e9", "５", "9" * 20])
def test_anything_else_is_wrong_usage(text: str) -> None:
    with pytest.raises(click.BadParameter, match="bytes a second are expected"):
        rate(CONTEXT, OPTION, text)
