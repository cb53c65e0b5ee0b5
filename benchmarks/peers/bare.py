"""The yardstick as a contestant: `benchmarks.bare_relay` with either way of writing."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers import Contestant
from benchmarks.process import python_module


def _write(port: int, folder: Path) -> list[str]:
    return python_module("benchmarks.bare_relay", "--port", port)


def _eager(port: int, folder: Path) -> list[str]:
    return python_module("benchmarks.bare_relay", "--port", port, "--eager")


def _counting(port: int, folder: Path) -> list[str]:
    return python_module("benchmarks.bare_relay", "--port", port, "--count")


BARE_WRITE = Contestant("bare (write)", "es6", _write)
BARE_EAGER = Contestant("bare (eager)", "es6", _eager)
BARE_COUNTING = Contestant("bare (count)", "es6", _counting)
