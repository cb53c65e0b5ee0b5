"""A connection that was lost is waited for, and that is told once."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from esframework.cli.transferring.waiting import connection_of
from esframework.testing import MemoryNetwork, simulated
from tests.unit.cli.transferring.people import Diary


@simulated
async def test_a_connection_that_is_there_is_not_waited_for(network: MemoryNetwork) -> None:
    network.server()
    diary = Diary()
    await connection_of(await network.client("alice"), diary)
    assert diary.entries == []


@simulated
async def test_a_lost_one_is_waited_for_until_it_is_back(network: MemoryNetwork) -> None:
    network.server()
    alice, diary = await network.client("alice"), Diary()
    network.cut(alice)
    waiting = Deferred.fromCoroutine(connection_of(alice, diary))
    assert not waiting.called
    network.advance(10)
    await waiting
    assert diary.texts("note") == ["the connection was lost; it comes back by itself", "logged on again"]
