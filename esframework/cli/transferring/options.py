"""What the programs that transfer files have in common on the command line. Makes no connection."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import click

_FACTORS: Final = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}

EXIT_CODES: Final = (
    "Exit codes: 0 all whole, 1 interrupted or failed (what has come is kept, and the same command goes on with it),"
    " 2 wrong usage, 3 no connection, 4 refused by the other end, 130 ended by Ctrl-C."
)
"""The last paragraph of each command's help."""


def rate(context: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """Bytes a second, for a callback of an option: `500000`, `500k`, `1.5M`; a k is 1000."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,3})?)([kMG]?)", text)
    number = 0 if match is None else int(float(match[1]) * _FACTORS[match[2]])
    if number <= 0:
        raise click.BadParameter(f"{text!r}: bytes a second are expected, such as 500k or 1.5M")
    return number


def quiet_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--quiet`."""
    text = "Show no progress and no results, only what fails; with --json, no progress."
    return click.option("--quiet", "-q", is_flag=True, help=text)(command)
