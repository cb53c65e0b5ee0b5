"""The contestants of a benchmark: ours, the yardstick and foreign servers, each on a free loopback port.

A contestant that is not installed names the reason and is left out. None of them knows what is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


def always_there() -> str | None:
    """For contestants that need nothing beyond this checkout."""
    return None


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server that can be started: name, load generator's protocol, command line for port and folder.

    `absent` tells why it cannot take part (one line), or None.
    """

    name: str
    protocol: str
    command: Callable[[int, Path], list[str]]
    absent: Callable[[], str | None] = field(default=always_there)
