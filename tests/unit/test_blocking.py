"""A blocking client is refused where waiting would stop the reactor. What it does is seen in a process of its own:
tests/integration/test_blocking.py."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_twisted

from esframework import blocking
from esframework.errors import LocalError


@pytest_twisted.ensureDeferred
async def test_nobody_may_wait_in_the_reactors_thread() -> None:
    with pytest.raises(LocalError, match="reactor's thread"), blocking.connect("alice", "", "tcp:localhost:1"):
        pass


@pytest_twisted.ensureDeferred
async def test_nobody_may_wait_there_for_one_after_the_other() -> None:
    async def nothing() -> AsyncIterator[int]:
        yield 1

    with pytest.raises(LocalError, match="reactor's thread"):
        next(blocking.each(nothing()))
