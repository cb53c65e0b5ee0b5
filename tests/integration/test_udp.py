"""P2P channels by UDP on real sockets, under each of Twisted's reactors for this platform."""

from __future__ import annotations

import pytest
import pytest_twisted

from tests.integration.support import Child

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("reactor", "how"),
    [("epoll", ""), ("asyncio", ""), ("select", ""), ("epoll", "plain"), ("epoll", "fallback")],
)
@pytest_twisted.ensureDeferred
async def test_files_and_messages_pass_both_ways(children: list[Child], reactor: str, how: str) -> None:
    program = Child(["-m", "tests.integration.udp_program", reactor, *filter(None, [how])])
    children.append(program)
    assert await program.over() == 0, program.shown
    names, *ends, readers = program.shown.splitlines()
    assert reactor in names.lower()
    assert names.split()[1] == ("_Listening" if how == "fallback" else "DatagramSocket")
    assert len(ends) in (2, 4)
    assert set(ends) == {"complete"}, program.shown
    assert readers == "readers 0"
