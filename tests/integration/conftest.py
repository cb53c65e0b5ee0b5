"""Fixtures of the integration tests: daemons that end with their test."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from tests.integration.support import Child, Daemon


@pytest_twisted.async_yield_fixture()
async def children() -> AsyncIterator[list[Child]]:
    """Put child processes in here: whatever happens to the test, they end with it."""
    running: list[Child] = []
    yield running
    for child in running:
        await child.end()


@pytest_twisted.async_yield_fixture()
async def start(children: list[Child], tmp_path: Path) -> AsyncIterator[Callable[..., Daemon]]:
    """Starts daemons with data folders of their own, or `data=`; `await start(...).ready()`."""
    numbers = count(1)

    def started(*flags: str, data: Path | None = None, **how: Any) -> Daemon:
        daemon = Daemon(data or tmp_path / f"data{next(numbers)}", *flags, **how)
        children.append(daemon)
        return daemon

    yield started


@pytest.fixture
def free_port() -> int:
    """A port of loopback that nobody listens at; for programs that cannot say which one they got."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
